"""Edits and deletions: reading again what is on the wall.

Who may take a post down: the server it was written on. Where that is among ours it is asked about every copy,
whoever gave it, and its word counts. It deletes a post by saying 410; when it says 404 the post may become
absent (see `wire/recheck.py`). A relay that drops its copy takes back that copy alone: another server's then
stands.
"""

import sys
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Literal

from backchannel.clock import Clock
from backchannel.contract import SourceError
from backchannel.model import ABSENT, Deleted, Event, Left, Post, Posted
from backchannel.sources.mastodon.api import MAX_IDS, MastodonServer
from backchannel.sources.mastodon.confirm import honest
from backchannel.sources.mastodon.origin import id_in_uri, origin_of
from backchannel.sources.mastodon.read import Reader
from backchannel.sources.mastodon.wire import parse_id
from backchannel.wire.recheck import AskedServer, LookedUp, Rechecker

SINGLES = 15
"""Posts a round where each is a request: at two rounds a minute half of a server's usual limit."""


class MastodonRecheck:
    """Asks all servers of a source."""

    def __init__(self, servers: Mapping[str, MastodonServer], reader: Reader, clock: Clock) -> None:
        self._servers = servers
        self._reader = reader
        self._asked = [_Asked(server, reader) for server in servers.values()]
        self._rechecker = Rechecker(clock, reader.bugs)

    async def recheck(self, posts: Sequence[Post]) -> Sequence[Event]:
        """Return the events for what changed. SourceError when no server told us anything."""
        done = await self._rechecker.look_again(
            (asked, [post for post in posts if asked.id_of(post)]) for asked in self._asked
        )
        dropped: list[Post] = []
        events: list[Event] = [*map(Deleted, done.deleted)]
        for server, post in done.absent:
            if _origin(self._reader, post):
                # Whatever revision another claimed for its copy is not the origin's.
                events.append(Left(post.id, post.revision if post.is_origin else 0, ABSENT))
            elif len(dropped) < MAX_IDS:
                events.append(Left(post.id, post.revision, ABSENT, server))
                dropped.append(post)
        told = await honest(
            done.changed, self._reader.origins, self._reader.posts, self._reader.questions.may_ask("")
        )
        return [*events, *map(Posted, told), *await self._elsewhere(dropped)]

    async def _elsewhere(self, dropped: Iterable[Post]) -> Sequence[Event]:
        """Find other servers' copies of what a relay has dropped: they stand from now on."""
        left = {post.id: post for post in dropped}
        found: list[Event] = []
        for server in self._servers.values() if left else ():
            try:
                copies = await self._others(server, left)
            except SourceError:
                continue
            for copy in copies:
                if copy.id in left and copy.via != left[copy.id].via:
                    found.append(Posted(copy))
                    del left[copy.id]
        return found

    async def _others(self, server: MastodonServer, wanted: Iterable[str]) -> Sequence[Post]:
        known = [item for post_id in wanted if (item := self._reader.places(post_id).get(server.host))]
        items = (await server.statuses(known[:MAX_IDS])).items if known else ()
        return [*await self._reader.newest(server), *(await self._reader.read(server, items)).posts]


class _Asked(AskedServer):
    """Asks one server about what it gave us, and about others' copies of its own people's posts."""

    def __init__(self, server: MastodonServer, reader: Reader) -> None:
        self.name = server.host
        self._server = server
        self._reader = reader

    @property
    def most(self) -> int:
        """Return how many: all, or few where each is a request of its own."""
        return sys.maxsize if self._server.takes_ids else SINGLES

    def id_of(self, post: Post) -> str:
        """Return the post's id on this server; empty where it is not asked about it."""
        host, _, item = post.ref.partition("/")
        if host == self._server.host:
            return item
        return id_in_uri(post.id) if self._server is _origin(self._reader, post) else ""

    async def look_up(self, posts: Sequence[Post]) -> AsyncGenerator[LookedUp, None]:
        """Yield what it shows of these in one answer, then its word on each of the others. SourceError."""
        for at in range(0, len(posts), MAX_IDS):
            asked = posts[at : at + MAX_IDS]
            items = (await self._server.statuses([*map(self.id_of, asked)])).items
            copies = {copy.id: copy for copy in await self._reader.posts(self._server, items)}
            seen = set(map(parse_id, items))
            rest = []
            for post in asked:
                if copy := copies.get(post.id):
                    yield LookedUp(post, "found", copy)
                elif self.id_of(post) in seen:
                    yield LookedUp(post, "unclear")
                else:
                    rest.append(post)
            for post in rest:
                yield await self._look_up_one(post)
            if not self._server.takes_ids:
                return  # the others have their turn in the next rounds

    async def shows_posts(self) -> bool:
        """Return whether any post can be read there now."""
        return await self._server.shows_posts(self._reader.hashtags)

    async def _look_up_one(self, post: Post) -> LookedUp:
        found = await self._server.status(self.id_of(post))
        if not found.body:
            return LookedUp(post, self._missing(post, is_deleted=found.is_deleted))
        copies = await self._reader.posts(self._server, [found.body])
        copy = next((copy for copy in copies if copy.id == post.id), None)
        return LookedUp(post, "found" if copy else "unclear", copy)

    def _missing(self, post: Post, *, is_deleted: bool) -> Literal["not found", "deleted", "unclear"]:
        origin = _origin(self._reader, post)
        if origin and origin is not self._server:
            return "unclear"
        return "deleted" if origin and is_deleted else "not found"


def _origin(reader: Reader, post: Post) -> MastodonServer | None:
    """Return the server that alone decides on the post, where it is ours and can be asked."""
    return reader.origins.get(origin_of(post.id)) if post.is_origin or id_in_uri(post.id) else None
