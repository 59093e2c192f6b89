"""Posts that are read again: whose turn it is, what has changed, and what is not found any more.

A network that does not say by itself what was edited or deleted is asked again about the posts on the wall.
A kind brings its servers (`AskedServer`: "look up these posts" and little else) and turns what a round found
into events; `RecheckRound.events` is that for a network on which every server speaks for its own posts.

Not found. That a server does not find a post says little: a proxy, an import, a slow replica or a wrong key
may be behind it, and whoever believes it once empties the wall whenever a server is restarted. So a post is
*absent* only after two such answers, `APART_S` or more apart, from a server that shows other posts at both,
and each time that it is found the count begins anew. It comes back as soon as its server has it again.
Errors, limits and pages that nobody can read prove nothing and take nothing down. Where the network *says*
that a post was deleted, one answer is enough, whatever else the server shows, and of an absent post, too.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Literal, Protocol

from msgspec import Struct, field

from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.contract import Batch, SourceError
from backchannel.fetch import FetchError
from backchannel.lru import Lru
from backchannel.model import ABSENT, DecodeError, Deleted, Event, Left, Missed, Post, Posted, words_digest

APART_S = 30.0
"""Conference seconds between two answers that a post is not found."""


class LookedUp(Struct, frozen=True):
    """Holds what a server says of a post that it was asked about; `copy` where it is found and can be read.

    "unclear": it is there and cannot be read, is another post by now, or is not for this server to decide.
    """

    post: Post
    says: Literal["found", "not found", "deleted", "unclear"]
    copy: Post | None = None


class AskedServer(Protocol):
    """Asks one server about posts. `most`: so many may be looked up in one round, as its limits allow."""

    name: str

    @property
    def most(self) -> int: ...

    def look_up(self, posts: Sequence[Post]) -> AsyncGenerator[LookedUp, None]:
        """Yield what it says of these, one by one: what was told before an error counts. It raises as
        `contract` says.

        First what is found, where one request asks for many: that shows that the server is well.
        """
        ...

    async def shows_posts(self) -> bool:
        """Return whether any post can be read there now. It is asked where nothing was found."""
        ...


async def look_up_in(
    pages: AsyncGenerator[Batch, None], posts: Sequence[Post]
) -> AsyncGenerator[LookedUp, None]:
    """Yield what a list says of the posts. It is read page by page, until it ends or all are found.

    What it lacks is not found, unless an item could not be read, which may be that one, or a page says
    `Missed`.
    """
    wanted, is_whole = {post.id: post for post in posts}, True
    async with aclosing(pages):
        async for page in pages:
            is_whole = is_whole and not page.skipped
            for event in page.events:
                is_whole = is_whole and not isinstance(event, Missed)
                if isinstance(event, Posted) and (post := wanted.pop(event.post.id, None)):
                    yield LookedUp(post, "found", event.post)
                elif isinstance(event, Deleted) and (post := wanted.pop(event.subject, None)):
                    yield LookedUp(post, "deleted")
            if not wanted:
                return
    for post in wanted.values():
        yield LookedUp(post, "not found" if is_whole else "unclear")


class RecheckRound(Struct):
    """Collects a round: copies that differ, ids that are deleted, and, with the server that misses each, what
    is absent."""

    changed: list[Post] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    absent: list[tuple[str, Post]] = field(default_factory=list)

    def events(self) -> list[Event]:
        """Return the events, for servers that speak for their own posts alone."""
        left = [Left(post.id, post.revision, ABSENT) for _, post in self.absent]
        return [*map(Deleted, self.deleted), *left, *map(Posted, self.changed)]


class Rechecker:
    """Remembers when a post was last looked at, and since when a server does not find it."""

    def __init__(self, clock: Clock, bugs: Bugs) -> None:
        self._clock = clock
        self._bugs = bugs
        self._missed: Lru[tuple[str, str], float] = Lru()
        self._looked: Lru[tuple[str, str], int] = Lru()
        self._looks = 0

    async def look_again(self, asked: Iterable[tuple[AskedServer, Sequence[Post]]]) -> RecheckRound:
        """Ask each server about its posts, all at once. Raises a server's trouble when none told us anything.

        One without posts is not asked. One that wants a pause, or is in trouble, keeps no other waiting.
        """
        done, heard, trouble = RecheckRound(), list[str](), list[Exception]()

        async def ask(server: AskedServer, posts: Sequence[Post]) -> None:
            try:
                with self._bugs.contain(f"recheck of {server.name}", SourceError, FetchError, DecodeError):
                    await self._ask(server, posts, done, heard)
            except (SourceError, FetchError, DecodeError) as error:
                trouble.append(error)

        async with asyncio.TaskGroup() as tasks:
            for server, posts in asked:
                if posts:
                    tasks.create_task(ask(server, posts))
        if trouble and not heard:
            raise min(trouble, key=lambda error: getattr(error, "retry_after_s", 0.0))
        return done

    async def _ask(
        self, server: AskedServer, posts: Sequence[Post], done: RecheckRound, heard: list[str]
    ) -> None:
        """Ask one server about those of its posts that were looked at longest ago."""
        turn = sorted(posts, key=lambda post: self._looked.get((server.name, post.id)) or 0)[: server.most]
        is_showing: bool | None = None
        async with aclosing(server.look_up(turn)) as answers:
            async for one in answers:
                heard.append(server.name)
                self._looks += 1
                self._looked.put((server.name, one.post.id), self._looks)
                if one.copy:
                    is_showing = True
                    self._missed.drop((server.name, one.post.id))
                    done.changed += [] if is_same(one.copy, one.post) else [one.copy]
                elif one.says == "deleted":
                    done.deleted.append(one.post.id)
                elif one.says == "not found" and ABSENT not in one.post.labels:
                    if is_showing is None:
                        is_showing = await server.shows_posts()
                    if is_showing:
                        self._miss(server.name, one.post, done)

    def _miss(self, server: str, post: Post, done: RecheckRound) -> None:
        now, first = self._clock.now(), self._missed.get((server, post.id))
        if first is None:
            self._missed.put((server, post.id), now)
        elif now - first >= APART_S:
            done.absent.append((server, post))


def is_same(copy: Post, post: Post) -> bool:
    """Return whether nothing that the wall, or its rules, would see has changed."""
    return (
        copy.revision == post.revision
        and copy.is_origin == post.is_origin
        and copy.hashtags == post.hashtags
        and copy.labels == post.labels
        and copy.sensitive == post.sensitive
        and words_digest(copy) == words_digest(post)
        and (copy.face.quote is None) == (post.face.quote is None)  # consent to a quote can be withdrawn
    )
