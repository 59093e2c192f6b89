"""Edits and deletions: reading again what is on the wall.

Who may take a post down: the server it was written on. Where that is among ours it is asked about every copy,
whoever gave it, and its word counts. It deletes a post by saying 410. A 404 only says that it is not found: a
proxy, an import or a mistake may be behind it, so the post is *absent* after two of them, 30 s or more apart,
from a server that shows other posts at both, and it comes back as soon as its server has it again. A relay
that drops its copy takes back that copy alone: another server's then stands. Everything else (errors, limits,
web pages, a server in ruins) proves nothing and takes nothing down.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from backchannel.clock import Clock
from backchannel.contract import SourceError
from backchannel.lru import Lru
from backchannel.model import ABSENT, Deleted, Event, Left, Post, Posted, words_digest
from backchannel.sources.mastodon.api import MAX_IDS, MastodonServer
from backchannel.sources.mastodon.confirm import honest
from backchannel.sources.mastodon.origin import id_in_uri, origin_of
from backchannel.sources.mastodon.read import Reader
from backchannel.sources.mastodon.wire import parse_id

APART_S = 30.0
"""Conference seconds between two answers that a post is not found."""

SINGLES = 15
"""Posts a round where each is a request: at two rounds a minute half of a server's usual limit."""


class _Asked(Struct, frozen=True):
    """A post, and its id on the server that is asked about it."""

    id: str
    post: Post


class _Round(Struct):
    """Collects a round: what it found, which copies relays have dropped, which servers show posts, and why
    others cannot be asked."""

    events: list[Event] = field(default_factory=list)
    dropped: list[Post] = field(default_factory=list)
    showing: dict[str, bool] = field(default_factory=dict)
    trouble: list[SourceError] = field(default_factory=list)
    is_heard: bool = False


class Rechecker:
    """Remembers only which posts a server has just missed once, and since when."""

    def __init__(self, servers: Mapping[str, MastodonServer], reader: Reader, clock: Clock) -> None:
        self._servers = servers
        self._reader = reader
        self._clock = clock
        self._missed: Lru[tuple[str, str], float] = Lru()
        self._looked: Lru[tuple[str, str], int] = Lru()
        self._round = 0

    async def recheck(self, posts: Sequence[Post]) -> Sequence[Event]:
        """Events for what changed. SourceError when no server told us anything.

        One that wants a pause, or is in trouble, keeps no other waiting.
        """
        self._round += 1
        done = _Round()
        async with asyncio.TaskGroup() as tasks:
            for server in self._servers.values():
                asked = [one for post in posts if (one := self._asked(server, post))]
                tasks.create_task(self._look_through(server, self._turn(server, asked), done))
        if done.trouble and not done.is_heard:
            raise min(done.trouble, key=lambda error: error.retry_after_s)
        told = [event.post for event in done.events if isinstance(event, Posted)]
        told = await honest(
            told, self._reader.origins, self._reader.posts, self._reader.questions.may_ask("")
        )
        other = [event for event in done.events if not isinstance(event, Posted)]
        return [*other, *map(Posted, told), *await self._elsewhere(done.dropped)]

    def _asked(self, server: MastodonServer, post: Post) -> _Asked | None:
        """Return a server is asked about what it gave us, and about others' copies of its own people's
        posts."""
        host, _, item = post.ref.partition("/")
        if host == server.host:
            return _Asked(item, post)
        return _Asked(id_in_uri(post.id), post) if server is self._origin(post) else None

    def _origin(self, post: Post) -> MastodonServer | None:
        """Return the server that alone decides on the post, where it is ours and can be asked."""
        return self._reader.origins.get(origin_of(post.id)) if post.is_origin or id_in_uri(post.id) else None

    async def _look_through(self, server: MastodonServer, asked: Sequence[_Asked], done: _Round) -> None:
        try:
            with self._reader.bugs.contain(f"recheck of {server.host}", SourceError):
                for at in range(0, len(asked), MAX_IDS):
                    await self._ask(server, asked[at : at + MAX_IDS], done)
                    if not server.takes_ids:
                        break  # the others have their turn in the next rounds
        except SourceError as error:
            done.trouble.append(error)

    def _turn(self, server: MastodonServer, asked: Sequence[_Asked]) -> Sequence[_Asked]:
        """Return whose turn it is: all, or, where each is a request of its own, those looked at longest
        ago."""
        if server.takes_ids:
            return asked
        return sorted(asked, key=lambda one: self._looked.get((server.host, one.post.id)) or 0)[:SINGLES]

    async def _ask(self, server: MastodonServer, asked: Sequence[_Asked], done: _Round) -> None:
        items = (await server.statuses([one.id for one in asked])).items
        copies = {copy.id: copy for copy in (await self._reader.read(server, items)).posts}
        seen = set(map(parse_id, items))
        done.is_heard = done.is_heard or server.takes_ids
        if copies:
            done.showing[server.host] = True
        for one in asked:
            copy = copies.get(one.post.id)
            if copy is None and one.id not in seen:
                found = await server.status(one.id)
                self._looked.put((server.host, one.post.id), self._round)
                done.is_heard = True
                if not found.body:
                    await self._miss(server, one.post, done, is_deleted=found.is_deleted)
                    continue
                copy = await self._copy(server, one.post, found.body)
            if copy:
                self._missed.drop((server.host, one.post.id))
                done.events += [] if _is_same(copy, one.post) else [Posted(copy)]

    async def _copy(self, server: MastodonServer, post: Post, item: bytes) -> Post | None:
        """Return the server's copy of this post; None when it cannot be read, or is another post."""
        read = await self._reader.read(server, [item])
        return next((copy for copy in read.posts if copy.id == post.id), None)

    async def _miss(self, server: MastodonServer, post: Post, done: _Round, *, is_deleted: bool) -> None:
        """Note that the server has no such post (any more)."""
        origin = self._origin(post)
        if (origin and origin is not server) or ABSENT in post.labels:
            return
        if server.host not in done.showing:
            done.showing[server.host] = await server.shows_posts(self._reader.hashtags)
        if not done.showing[server.host]:
            return
        now, key = self._clock.now(), (server.host, post.id)
        if origin and is_deleted:
            done.events.append(Deleted(post.id))
        elif not (first := self._missed.get(key)):
            self._missed.put(key, now)
        elif now - first >= APART_S and origin:
            # Whatever revision another claimed for its copy is not the origin's.
            done.events.append(Left(post.id, post.revision if post.is_origin else 0, ABSENT))
        elif now - first >= APART_S and len(done.dropped) < MAX_IDS:
            done.events.append(Left(post.id, post.revision, ABSENT, server.host))
            done.dropped.append(post)

    async def _elsewhere(self, dropped: Iterable[Post]) -> Sequence[Event]:
        """Other servers' copies of what a relay has dropped: they stand from now on."""
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


def _is_same(copy: Post, post: Post) -> bool:
    """Tell whether nothing that the wall, or its rules, would see has changed."""
    return (
        copy.revision == post.revision
        and copy.is_origin == post.is_origin
        and copy.hashtags == post.hashtags
        and copy.labels == post.labels
        and copy.sensitive == post.sensitive
        and words_digest(copy) == words_digest(post)
        and (copy.face.quote is None) == (post.face.quote is None)  # consent to a quote can be withdrawn
    )
