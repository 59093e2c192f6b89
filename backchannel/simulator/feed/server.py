"""The conference's blogs over HTTP: four feeds in four formats, with conditional requests."""

import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from aiohttp import web

from backchannel.simulator.feed.formats import CONTENT_TYPES, Article, render_feed
from backchannel.simulator.markup import render_article
from backchannel.simulator.people import CAST, FEEDS, FeedInfo
from backchannel.simulator.script import TAG, ScriptedPost
from backchannel.simulator.world import World, iso

_NEWEST = 20


class Blogs:
    """The feeds under `base`. `moment` tells the seconds of the conference, `max_age_s` how long to keep."""

    def __init__(self, world: World, base: str, moment: Callable[[], float], max_age_s: int) -> None:
        self._world = world
        self._base = base
        self._moment = moment
        self._max_age_s = max_age_s
        self._entries: dict[str, dict[str, ScriptedPost]] = {info.file: {} for info in FEEDS}
        world.listen(self._hear)

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the feeds and their articles."""
        for info in FEEDS:
            yield web.get(f"/feeds/{info.file}", self._get_feed)

    def url(self, info: FeedInfo) -> str:
        """Return a feed's address."""
        return f"{self._base}/feeds/{info.file}"

    def _hear(self, said: ScriptedPost) -> None:
        if said.kind == "feed":
            self._entries[said.place][said.key] = said
            info = next(info for info in FEEDS if info.file == said.place)
            self._world.ids[said.key] = f"feed:{self.url(info)}#{self._entry_id(info, said)}"

    async def _get_feed(self, request: web.Request) -> web.Response:
        info = next(info for info in FEEDS if request.path == f"/feeds/{info.file}")
        entries = self._read(info)
        updated = max((max(entry.updated, entry.gone) for entry in entries), default=self._world.start)
        content = render_feed(info, self.url(info), entries, updated)
        headers = {
            "Content-Type": CONTENT_TYPES[info.file.rpartition(".")[2]],
            "Cache-Control": f"public, max-age={self._max_age_s}",
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
            "Last-Modified": format_datetime(datetime.fromtimestamp(int(updated), UTC), usegmt=True),
        }
        if _is_known(request, headers["ETag"], int(updated)):
            return web.Response(status=304, headers=headers)
        return web.Response(body=content, headers=headers)

    def _read(self, info: FeedInfo) -> list[Article]:
        """Return the feed's articles as they are now, newest first, and those taken back."""
        now = self._moment()
        said = [post for post in self._entries[info.file].values() if post.at_s <= now]
        said.sort(key=lambda post: post.at_s, reverse=True)
        return [self._entry(info, post, now) for post in said[:_NEWEST]]

    def _entry(self, info: FeedInfo, said: ScriptedPost, now: float) -> Article:
        version = said.version(now) or said.versions[0]
        slug = re.sub(r"\W+", "-", said.title.lower()).strip("-")
        picture = f"{self._base}/feeds/media/{said.pictures[0].name}.png" if said.pictures else ""
        alt = said.pictures[0].alt if said.pictures else ""
        return Article(
            id=self._entry_id(info, said), url=f"{info.site}/{slug}", title=said.title,
            author=CAST[said.who].name, content=render_article(version.text, info.site, picture, alt),
            tags=(TAG, "conference"), published=self._world.stamp(said.at_s),
            updated=self._world.stamp(version.at_s), picture=picture, alt=alt, lang=said.lang,
            gone=self._world.stamp(said.deleted_s) if said.deleted_s and said.is_gone(now) else 0.0,
        )  # fmt: skip

    def _entry_id(self, info: FeedInfo, said: ScriptedPost) -> str:
        day = iso(self._world.stamp(said.at_s))[:10]
        return f"tag:{info.site.removeprefix('https://')},{day}:{said.key}"


def _is_known(request: web.Request, etag: str, updated: int) -> bool:
    """If-None-Match decides; If-Modified-Since only where that is missing."""
    if (known := request.headers.get("If-None-Match")) is not None:
        return etag in (tag.strip().removeprefix("W/") for tag in known.split(","))
    try:
        since = parsedate_to_datetime(request.headers.get("If-Modified-Since", ""))
    except ValueError:
        return False
    return since.timestamp() >= updated
