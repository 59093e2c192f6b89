"""The feeds' part: all of them on the first server."""

from collections.abc import Iterable, Mapping

from aiohttp import web

from backchannel.simulator.feed.server import Blogs
from backchannel.simulator.network import Conference, SimulatedNetwork
from backchannel.simulator.people import FEEDS


class FeedNetwork(SimulatedNetwork):
    """Serves the blogs; a place is a feed's file name."""

    prefixes = ("/feeds/",)

    def __init__(self, conference: Conference) -> None:
        super().__init__(conference)
        max_age_s = max(1, round(60 / conference.speed))
        self._blogs = Blogs(conference.world, conference.bases[0], conference.moment, max_age_s)

    def source(self) -> Mapping[str, object]:
        feeds = [self._blogs.url(info) for info in FEEDS]
        return {"kind": "feed", "feeds": feeds, "match": "all", "poll_s": 3, "floor_s": 1, "max_pause_s": 3}

    def routes(self, number: int) -> Iterable[web.RouteDef]:
        if number == 0:
            yield web.get("/feeds/media/{name}.png", self.conference.gallery.answer)
            yield from self._blogs.routes()

    def place(self, path: str, number: int) -> str:
        return path.rpartition("/")[2]
