"""Mastodon's part: two servers, each with its people's posts and its copies of the other's."""

from collections.abc import Iterable, Mapping

from aiohttp import web

from backchannel.simulator.mastodon.answers import Answers
from backchannel.simulator.mastodon.copies import SimulatedServer
from backchannel.simulator.mastodon.server import Api
from backchannel.simulator.mastodon.writing import Writing
from backchannel.simulator.network import Conference, SimulatedNetwork
from backchannel.simulator.people import SERVERS


class MastodonNetwork(SimulatedNetwork):
    """Has all paths that are no other network's."""

    prefixes = ("/",)

    def __init__(self, conference: Conference) -> None:
        super().__init__(conference)
        world, bases = conference.world, conference.bases
        self._servers = [SimulatedServer(world, number, bases, SERVERS) for number in range(len(SERVERS))]

    def source(self) -> Mapping[str, object]:
        bases = self.conference.bases
        handles = dict(zip(bases, SERVERS, strict=True))
        return {"kind": "mastodon", "servers": list(bases), "handles": handles, "poll_s": 2}

    def routes(self, number: int) -> Iterable[web.RouteDef]:
        server, of = self._servers[number], self.conference
        answers = Answers(of.clock, limit=of.rate_limit, tokens=of.tokens)
        yield web.get("/{kept:system|cache}/{path:.+}/{name}.png", of.gallery.answer)
        yield from Writing(server, answers, of.moment, of.gallery).routes()
        yield from Api(server, answers, of.moment).routes()
