"""Edits and deletions: reading again what is on the wall.

Who may take a post down: the server it was written on. When that server itself says 404 (as JSON, while its
API is otherwise alive), the post is deleted. Another server's 404 may only mean that it purged or moderated
its copy, so the origin is asked where it is among ours. Where it is not, two 404s in a row from the only
server that shows us the post count as a deletion: a relay hears of a deletion as we would, and to take down
a post that still exists somewhere is the smaller harm than to keep one that its author deleted. Everything
else (errors, limits, web pages, a server in ruins) proves nothing and deletes nothing.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from backchannel.model import Deleted, Event, Post, Posted, words_digest
from backchannel.sources import SourceError
from backchannel.sources._mastodon_api import MAX_IDS, Server
from backchannel.sources._mastodon_post import uri_host
from backchannel.sources._mastodon_read import Reader
from backchannel.sources._mastodon_recent import Recent
from backchannel.sources._mastodon_wire import parse_id

ENOUGH = 2
"""404s in a row from a server that is not the origin."""

SINGLES = 15
"""Posts a round where each is a request: at two rounds a minute half of a server's usual limit."""

_ID_IN_URI = re.compile(r"/statuses/([0-9A-Za-z]+)$")


class _Round(Struct):
    """One round: what it found out, which servers were seen alive in it, which cannot be asked, and why."""

    events: list[Event] = field(default_factory=list)
    alive: dict[str, bool] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    trouble: list[SourceError] = field(default_factory=list)
    is_heard: bool = False


class Rechecker:
    """Remembers only which posts a server has just missed once."""

    def __init__(self, servers: Mapping[str, Server], reader: Reader) -> None:
        self._servers = servers
        self._reader = reader
        self._missed: Recent[str, int] = Recent()
        self._looked: Recent[str, int] = Recent()
        self._round = 0

    async def recheck(self, posts: Sequence[Post]) -> Sequence[Event]:
        """Events for what changed. SourceError when no server told us anything.

        One that wants a pause, or is in trouble, keeps no other waiting.
        """
        self._round += 1
        done = _Round()
        async with asyncio.TaskGroup() as tasks:
            for host, server in self._servers.items():
                own = [post for post in posts if post.ref.partition("/")[0] == host]
                tasks.create_task(self._look_through(server, self._turn(server, own), done))
        if done.trouble and not done.is_heard:
            raise min(done.trouble, key=lambda error: error.retry_after_s)
        return done.events

    async def _look_through(self, server: Server, posts: Sequence[Post], done: _Round) -> None:
        try:
            for at in range(0, len(posts), MAX_IDS):
                await self._ask(server, posts[at : at + MAX_IDS], done)
                if not server.takes_ids:
                    break  # the others have their turn in the next rounds
        except SourceError as error:
            done.trouble.append(error)
            done.silent.add(server.host)

    def _turn(self, server: Server, posts: Sequence[Post]) -> Sequence[Post]:
        """Whose turn it is: all, or, where each is a request of its own, those looked at longest ago."""
        if server.takes_ids:
            return posts
        return sorted(posts, key=lambda post: self._looked.get(post.id, 0))[:SINGLES]

    async def _ask(self, server: Server, posts: Sequence[Post], done: _Round) -> None:
        items = (await server.statuses([_ref_id(post) for post in posts])).items
        copies = (await self._reader.read(server, items)).posts
        found = {copy.id: copy for copy in copies}
        seen = set(map(parse_id, items))
        done.is_heard = done.is_heard or server.takes_ids
        for post in posts:
            copy, is_gone = found.get(post.id), False
            if copy is None and _ref_id(post) not in seen:
                item = await server.status(_ref_id(post))
                copy, is_gone = await self._copy(server, post, item), item is None
                self._looked.put(post.id, self._round)
                done.is_heard = True
            if is_gone:
                await self._miss(server, post, done)
            elif copy:
                self._missed.drop(post.id)
                done.events += [] if _is_same(copy, post) else [Posted(copy)]

    async def _copy(self, server: Server, post: Post, item: bytes | None) -> Post | None:
        """The server's copy of this post; None when it cannot be read, or is another post."""
        read = await self._reader.read(server, [item] if item else [])
        return next((copy for copy in read.posts if copy.id == post.id), None)

    async def _miss(self, server: Server, post: Post, done: _Round) -> None:
        """The server says it has no such post (any more)."""
        origin = self._servers.get(uri_host(post.id))
        if origin is server:
            await self._delete(server, post, done)
            return
        at_origin = _ID_IN_URI.search(post.id)
        if origin and at_origin:
            if origin.host in done.silent:
                return
            try:
                item = await origin.status(at_origin.group(1))
            except SourceError as error:
                done.trouble.append(error)
                done.silent.add(origin.host)  # it hangs, or wants a pause: not once more for every post
                return
            if item is None:
                await self._delete(origin, post, done)
                return
            if copy := await self._copy(origin, post, item):
                done.events.append(Posted(copy))
                return
        misses = self._missed.get(post.id, 0) + 1
        self._missed.put(post.id, misses)
        if misses >= ENOUGH:
            await self._delete(server, post, done)

    async def _delete(self, server: Server, post: Post, done: _Round) -> None:
        if server.host not in done.alive:
            done.alive[server.host] = await server.is_alive()
        if done.alive[server.host]:
            done.events.append(Deleted(post.id))
            self._missed.drop(post.id)
            self._reader.forget(post)


def _ref_id(post: Post) -> str:
    return post.ref.partition("/")[2]


def _is_same(copy: Post, post: Post) -> bool:
    """Whether nothing that the wall, or its rules, would see has changed."""
    return (
        copy.revision == post.revision
        and copy.hashtags == post.hashtags
        and copy.labels == post.labels
        and copy.sensitive == post.sensitive
        and words_digest(copy) == words_digest(post)
        and (copy.face.quote is None) == (post.face.quote is None)  # consent to a quote can be withdrawn
    )
