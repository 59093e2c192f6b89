"""Reading a server's hashtag timelines: pages, positions, one post for all its copies."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing

import msgspec
from msgspec import Raw, Struct, field

from backchannel.contract import Batch, Context, SourceError
from backchannel.lru import Lru
from backchannel.model import DecodeError, Event, Missed, Post, Posted
from backchannel.sources.mastodon.api import MAX_IDS, MastodonServer, StatusPage
from backchannel.sources.mastodon.confirm import Questions, confirmed, honest
from backchannel.sources.mastodon.post import OptOut, View, build_post, canonical_uri
from backchannel.sources.mastodon.wire import (
    WireStatus,
    id_order,
    parse_created,
    parse_id,
    parse_status,
    word,
)

ANY = 5
"""Hashtags in one request: one in the path, four in `any[]`."""

SHORT = 20
"""A page with fewer has nothing after it. Servers that cap pages cap them here or above."""

MAX_PAGES = 50
LOOKUPS = 5
DOUBTS = 60
"""After so many empty answers in a row the newest page is looked at: were the server's ids reset?"""


class Read(Struct):
    """The content of a page, in the order of its ids."""

    posts: list[Post] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    pause_s: float = 0.0


class Reader:
    """Reads all servers of a source. What it remembers only saves work: a restart loses nothing."""

    def __init__(
        self,
        context: Context,
        hashtags: Sequence[str],
        servers: Iterable[MastodonServer],
        *,
        local: bool,
        backfill_pages: int,
        opt_outs: OptOut,
        handles: Mapping[str, str],
    ) -> None:
        self._context = context
        self.bugs = context.bugs
        self.hashtags = hashtags
        self.questions = Questions(context.clock)
        self.origins = {server.origin: server for server in servers}
        self._local = local
        self._backfill_pages = backfill_pages
        self._opt_outs: OptOut = opt_outs
        self._handles = handles
        self._places: Lru[str, Mapping[str, str]] = Lru()
        self._parents: Lru[tuple[str, str], str] = Lru()
        self._empty: dict[tuple[str, str], int] = {}

    async def batches(self, server: MastodonServer, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Yield the lane of one server. The cursor holds the newest id of each group of hashtags."""
        groups = await self._groups(server)
        stored = _parse_cursor(cursor)
        positions = {key: stored[key] for key in map(" ".join, groups) if key in stored}
        for group in groups:
            key = " ".join(group)
            if key in positions and await self._is_reset(server, group, positions[key]):
                del positions[key]
            read = self._follow if key in positions else self._backfill
            async with aclosing(read(server, group, positions)) as batches:
                async for batch in batches:
                    yield batch

    def places(self, post_id: str) -> Mapping[str, str]:
        """Return the servers that showed us a copy of the post, and its id on each."""
        return self._places.get(post_id) or {}

    async def posts(self, server: MastodonServer, items: Iterable[Raw | bytes]) -> Sequence[Post]:
        """Return the items that can be read as posts."""
        return (await self.read(server, items)).posts

    async def newest(self, server: MastodonServer) -> Sequence[Post]:
        """Return the newest posts that it shows of the hashtags. SourceError."""
        page = await server.tagged(self.hashtags[:ANY], local=self._local)
        return (await self.read(server, page.items)).posts

    async def sample(self, server: MastodonServer) -> Read:
        """Return the newest page of each group of hashtags. SourceError."""
        items: list[Raw] = []
        for group in await self._groups(server):
            items += (await server.tagged(group, local=self._local)).items
        return await self.read(server, items)

    async def _groups(self, server: MastodonServer) -> Sequence[Sequence[str]]:
        """Return the hashtags that this server takes in one request each. SourceError."""
        step = ANY if (await server.learn()).takes_any else 1
        return [self.hashtags[at : at + step] for at in range(0, len(self.hashtags), step)]

    def view(self, server: MastodonServer) -> View:
        """From where this server's statuses are seen."""
        domain = server.instance.domain if server.instance else ""
        return View(
            self._context.name,
            server.base,
            server.host,
            domain,
            opt_outs=self._opt_outs,
            handles=self._handles,
        )

    async def read(self, server: MastodonServer, items: Iterable[Raw | bytes]) -> Read:
        """Return the items that can be read as posts; the others are reasons."""
        done = Read()
        statuses: list[WireStatus] = []
        for item in items:
            await self._context.clock.sleep(0)  # one hostile item at a time must not hold up everybody else
            try:
                with self._one(server):
                    statuses.append(parse_status(item))
            except DecodeError as error:
                done.reasons.append(f"{server.host}: {error}")
        statuses.sort(key=lambda status: id_order(word(status.id)))
        done.pause_s = await self._find_parents(server, statuses)
        for status in statuses:
            answered = word(status.in_reply_to_id)
            await self._context.clock.sleep(0)
            parents = {answered: self._parents.get((server.host, answered)) or ""}
            try:
                with self._one(server):
                    post = build_post(status, msgspec.structs.replace(self.view(server), parents=parents))
            except DecodeError as error:
                done.reasons.append(f"{server.host}/{word(status.id)}: {error}")
            else:
                done.posts += [post] if post else []
        for post in done.posts:
            self._places.put(post.id, {**self.places(post.id), server.host: post.ref.partition("/")[2]})
        return done

    def _one(self, server: MastodonServer) -> AbstractContextManager[None]:
        """Around what is done with one status: DecodeError, whatever it raises."""
        return self.bugs.contain(f"a status of {server.host}", DecodeError)

    async def _follow(
        self, server: MastodonServer, group: Sequence[str], positions: dict[str, str]
    ) -> AsyncGenerator[Batch, None]:
        """Page by page upwards from where we stand, until a page is short."""
        key = " ".join(group)
        for _ in range(MAX_PAGES):
            last = positions[key]
            page = await server.tagged(group, [("min_id", last)], local=self._local)
            positions[key] = newest = _newest(page.items, last)
            yield await self._batch(server, page, positions if newest != last else None)
            self._empty[server.host, key] = 0 if page.items else self._empty.get((server.host, key), 0) + 1
            if page.pause_s or len(page.items) < SHORT or newest == last:
                return

    async def _backfill(
        self, server: MastodonServer, group: Sequence[str], positions: dict[str, str]
    ) -> AsyncGenerator[Batch, None]:
        """Yield what there is since the event's window opened, oldest first so that the wall has it in order.

        The cursor comes with the last batch only; where the way back ends early, the gap is announced, or,
        when the server failed, tried again.
        """
        pages: list[StatusPage] = []
        trouble: SourceError | None = None
        try:
            async with aclosing(self._backwards(server, group)) as backwards:
                async for page in backwards:
                    pages.append(page)
        except SourceError as error:
            if not pages:
                raise
            trouble = error
        positions_after = dict(positions)
        if pages and (newest := _newest(pages[0].items, "")):
            positions_after[" ".join(group)] = newest
        for at, page in enumerate(reversed(pages), 1):
            is_last = at == len(pages) and not trouble
            gap = self._gap(server, pages) if is_last else ()
            yield await self._batch(server, page, positions_after if is_last else None, gap)
        if trouble:
            raise trouble
        positions.update(positions_after)

    async def _backwards(
        self, server: MastodonServer, group: Sequence[str]
    ) -> AsyncGenerator[StatusPage, None]:
        before: list[tuple[str, str]] = []
        for _ in range(self._backfill_pages):
            page = await server.tagged(group, before, local=self._local)
            yield page
            ids = _ids(page.items)
            oldest = min(ids, key=id_order, default="")
            if self._is_enough(page) or not oldest or before == [("max_id", oldest)]:
                return
            before = [("max_id", oldest)]

    def _is_enough(self, page: StatusPage) -> bool:
        """Tell whether nothing of the event's window can lie behind this page.

        Ids tell when the server received a post, so a page's newest time decides, not its oldest.
        """
        return len(page.items) < SHORT or max(_times(page), default=0.0) < self._context.since

    def _gap(self, server: MastodonServer, pages: Sequence[StatusPage]) -> Sequence[Event]:
        """Return what the bound on pages left out."""
        oldest = pages[-1]
        since = self._context.since
        if self._is_enough(oldest) or len(pages) < self._backfill_pages:
            return ()
        return (
            Missed(self._context.name, server.host, since, max(since, min(_times(oldest), default=since))),
        )

    async def _batch(
        self,
        server: MastodonServer,
        page: StatusPage,
        positions: dict[str, str] | None,
        also: Sequence[Event] = (),
    ) -> Batch:
        done = await self.read(server, page.items)
        may_ask = self.questions.may_ask(server.host)
        posts, unknown = await confirmed(done.posts, self.origins, self.posts, may_ask)
        posts = await honest(posts, self.origins, self.posts, may_ask)
        done.reasons += unknown
        events: list[Event] = [Posted(post) for post in posts]
        return Batch(
            events=[*events, *also],
            cursor=None if positions is None else _cursor(positions),
            pause_s=max(page.pause_s, done.pause_s),
            skipped=len(done.reasons) + page.surplus,
            reasons=[*done.reasons, *_surplus(server, page)],
        )

    async def _is_reset(self, server: MastodonServer, group: Sequence[str], last: str) -> bool:
        """Tell whether the server counts its ids anew, so that ours lies above everything it will ever
        say."""
        key = (server.host, " ".join(group))
        if self._empty.get(key, 0) < DOUBTS:
            return False
        self._empty[key] = 0
        page = await server.tagged(group, local=self._local)
        return bool(page.items) and id_order(_newest(page.items, "")) < id_order(last)

    async def _find_parents(self, server: MastodonServer, statuses: Sequence[WireStatus]) -> float:
        """Learn the canonical ids of what is answered; gives the pause the server asks for.

        Most parents stand in the timeline themselves. Others are looked up once, a few at a time; what
        cannot be found stays a post of its own.
        """
        for status in statuses:
            self._know(server, status)
        answered = dict.fromkeys(word(status.in_reply_to_id) for status in statuses)
        unknown = [item for item in answered if item and not self._knows(server, item)][:MAX_IDS]
        if not unknown:
            return 0.0
        try:
            await self._know_all(server, (await server.statuses(unknown)).items)
            missing = [item for item in unknown if not self._knows(server, item)]
            for item in missing[:LOOKUPS]:
                body = (await server.status(item)).body
                await self._know_all(server, [body] if body else [])
                if not self._knows(server, item):
                    self._parents.put((server.host, item), "")
        except SourceError as error:
            return error.retry_after_s
        return 0.0

    def _knows(self, server: MastodonServer, item: str) -> bool:
        return self._parents.get((server.host, item)) is not None

    async def _know_all(self, server: MastodonServer, items: Iterable[Raw | bytes]) -> None:
        for item in items:
            await self._context.clock.sleep(0)
            try:
                with self._one(server):
                    self._know(server, parse_status(item))
            except DecodeError:
                continue

    def _know(self, server: MastodonServer, status: WireStatus) -> None:
        try:
            with self._one(server):
                self._parents.put((server.host, word(status.id)), canonical_uri(status))
        except DecodeError:
            return


def _surplus(server: MastodonServer, page: StatusPage) -> list[str]:
    return [f"{server.host}: {page.surplus} more statuses than were asked for"] if page.surplus else []


def _ids(items: Iterable[Raw]) -> list[str]:
    return [found for found in map(parse_id, items) if found]


def _newest(items: Iterable[Raw], last: str) -> str:
    return max([last, *_ids(items)], key=id_order)


def _times(page: StatusPage) -> list[float]:
    found: list[float] = []
    for item in page.items:
        try:
            found.append(parse_created(item))
        except DecodeError:
            continue
    return found


def _parse_cursor(cursor: str | None) -> dict[str, str]:
    """Positions by group. A cursor that is not ours begins anew: reading twice is harmless."""
    if cursor is None:
        return {}
    try:
        return msgspec.json.decode(cursor, type=dict[str, str])
    except msgspec.DecodeError:
        return {}


def _cursor(positions: dict[str, str]) -> str:
    return msgspec.json.encode(positions, order="sorted").decode()
