"""Reading posts again: turns, what changed, and when a post counts as not there any more."""

from collections.abc import AsyncGenerator, Iterable, Sequence

import pytest
from msgspec.structs import replace

from backchannel.bugs import Bugs
from backchannel.contract import Batch, SourceError
from backchannel.fetch import FetchError
from backchannel.model import ABSENT, DecodeError, Deleted, Event, Left, Missed, Post, Posted
from backchannel.wire.recheck import AskedServer, LookedUp, Rechecker, look_up_in
from tests.kit.clocks import ManualClock
from tests.kit.posts import post as post_of


class Shelf(AskedServer):
    """A server that has `posts`. It answers for as many as `budget` allows, and then raises."""

    def __init__(self, name: str, posts: Iterable[Post], *, most: int = 100) -> None:
        self.name = name
        self.posts = {post.id: post for post in posts}
        self.deleted: set[str] = set()
        self.unclear: set[str] = set()
        self.asked: list[str] = []
        self.looks = 0
        self.budget = 1000
        self.retry_after_s = 0.0
        self.trouble: Exception | None = None
        self._most = most

    @property
    def most(self) -> int:
        return self._most

    async def look_up(self, posts: Sequence[Post]) -> AsyncGenerator[LookedUp, None]:
        self.looks += 1
        for post in posts:
            if not self.budget:
                raise self.trouble or SourceError(
                    f"{self.name} is in trouble", retry_after_s=self.retry_after_s
                )
            self.budget -= 1
            self.asked.append(post.id)
            if post.id in self.deleted:
                yield LookedUp(post, "deleted")
            elif post.id in self.unclear:
                yield LookedUp(post, "unclear")
            elif post.id in self.posts:
                yield LookedUp(post, "found", self.posts[post.id])
            else:
                yield LookedUp(post, "not found")

    async def shows_posts(self) -> bool:
        return bool(self.posts)


POSTS = [post_of(f"p{number}") for number in range(1, 7)]
FIRST, *OTHERS = POSTS


class Rounds:
    """Rechecks of one server, 30 s from one to the next."""

    def __init__(self, *servers: Shelf) -> None:
        self.clock = ManualClock()
        self._servers = servers
        self._rechecker = Rechecker(self.clock, Bugs())

    async def next(self, posts: Sequence[Post] = POSTS) -> list[Event]:
        done = await self._rechecker.look_again((server, posts) for server in self._servers)
        self.clock.time += 30
        return done.events()


async def test_nothing_changed_is_nothing_said() -> None:
    assert await Rounds(Shelf("a", POSTS)).next() == []


async def test_a_copy_that_differs_is_told() -> None:
    edited = replace(FIRST, revision=5)
    assert await Rounds(Shelf("a", [edited, *OTHERS])).next() == [Posted(edited)]


async def test_what_is_not_found_twice_30_s_apart_is_absent() -> None:
    rounds = Rounds(Shelf("a", OTHERS))
    assert await rounds.next() == []
    rounds.clock.time -= 1
    assert await rounds.next() == []
    assert await rounds.next() == [Left(FIRST.id, FIRST.revision, ABSENT)]


async def test_what_was_found_in_between_is_counted_anew() -> None:
    server = Shelf("a", OTHERS)
    rounds = Rounds(server)
    assert await rounds.next() == []
    server.posts[FIRST.id] = FIRST
    assert await rounds.next() == []
    del server.posts[FIRST.id]
    assert await rounds.next() == []
    assert await rounds.next() == [Left(FIRST.id, FIRST.revision, ABSENT)]


@pytest.mark.parametrize("empty", [(0,), (1,), (0, 1, 2, 3)])
async def test_only_an_answer_of_a_server_that_shows_posts_counts(empty: Sequence[int]) -> None:
    server = Shelf("a", OTHERS)
    rounds = Rounds(server)
    for number in range(4):
        server.posts = {} if number in empty else {post.id: post for post in OTHERS}
        found = await rounds.next([FIRST])
        counted = sum(before not in empty for before in range(number + 1))
        assert bool(found) == (counted > 1 and number not in empty), number


@pytest.mark.parametrize("others", [OTHERS, ()])
@pytest.mark.parametrize("labels", [(), (ABSENT,)])
async def test_what_its_network_says_is_deleted_needs_one_answer(
    others: Sequence[Post], labels: tuple[str, ...]
) -> None:
    """Whether the server shows other posts, or the post was missed before, does not matter."""
    server = Shelf("a", others)
    server.deleted.add(FIRST.id)
    assert await Rounds(server).next([replace(FIRST, labels=labels)]) == [Deleted(FIRST.id)]


async def test_what_is_absent_already_is_told_when_it_is_back_and_not_before() -> None:
    server, gone = Shelf("a", OTHERS), replace(FIRST, labels=(ABSENT,))
    rounds = Rounds(server)
    assert [*await rounds.next([gone]), *await rounds.next([gone]), *await rounds.next([gone])] == []
    server.posts[FIRST.id] = FIRST
    assert await rounds.next([gone]) == [Posted(FIRST)]


async def test_what_cannot_be_told_takes_nothing_down_and_loses_its_turn() -> None:
    server = Shelf("a", OTHERS, most=3)
    server.unclear.add(FIRST.id)
    rounds = Rounds(server)
    assert [*await rounds.next(), *await rounds.next(), *await rounds.next()] == []
    assert server.asked[:6] == [post.id for post in POSTS]


async def test_posts_beyond_a_rounds_budget_take_turns() -> None:
    server = Shelf("a", POSTS, most=4)
    rounds = Rounds(server)
    for _ in range(3):
        await rounds.next()
    assert sorted(server.asked) == sorted(post.id for post in POSTS * 2)


async def test_a_new_post_is_looked_at_before_those_that_had_their_turn() -> None:
    server = Shelf("a", POSTS, most=2)
    rounds = Rounds(server)
    await rounds.next(POSTS[:3])
    await rounds.next(POSTS[:4])
    assert server.asked[2:] == [POSTS[2].id, POSTS[3].id]


async def test_what_was_told_before_an_error_counts() -> None:
    edited = replace(FIRST, revision=5)
    server = Shelf("a", [edited, *OTHERS])
    server.budget = 1
    assert await Rounds(server).next() == [Posted(edited)]


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (Batch(), "not found"),
        (Batch(skipped=1), "unclear"),
        (Batch([Missed("net", "a", 0.0, 1.0)]), "unclear"),
    ],
)
async def test_a_list_lacks_only_what_it_could_have_shown(end: Batch, says: str) -> None:
    found, deleted, lost, *_ = POSTS
    asked: list[Batch] = []

    async def pages() -> AsyncGenerator[Batch, None]:
        for page in (Batch([Posted(found)]), end, Batch([Deleted(deleted.id)])):
            asked.append(page)
            yield page

    told = [one async for one in look_up_in(pages(), [found, deleted, lost])]
    assert [(one.post, one.says) for one in told] == [(found, "found"), (deleted, "deleted"), (lost, says)]
    asked.clear()
    assert [one.copy async for one in look_up_in(pages(), [found])] == [found]
    assert len(asked) == 1


async def test_a_server_without_posts_is_not_asked() -> None:
    server = Shelf("a", POSTS)
    assert await Rounds(server).next([]) == []
    assert server.looks == 0


async def test_a_server_in_trouble_keeps_no_other_waiting() -> None:
    poor, well = Shelf("a", POSTS), Shelf("b", [replace(FIRST, revision=5)])
    poor.budget = 0
    assert await Rounds(poor, well).next([FIRST]) == [Posted(replace(FIRST, revision=5))]


@pytest.mark.parametrize("trouble", [FetchError("a", "lost"), DecodeError("no list")])
async def test_trouble_of_every_kind_is_no_bug_of_ours(trouble: Exception) -> None:
    poor, bugs = Shelf("a", POSTS), Bugs()
    poor.budget, poor.trouble = 0, trouble
    with pytest.raises(type(trouble)):
        await Rechecker(ManualClock(), bugs).look_again([(poor, POSTS)])
    assert bugs.count == 0


async def test_when_nobody_tells_anything_the_shortest_pause_is_the_rounds() -> None:
    one, other = Shelf("a", POSTS), Shelf("b", POSTS)
    one.budget = other.budget = 0
    one.retry_after_s, other.retry_after_s = 600.0, 60.0
    with pytest.raises(SourceError, match="b is in trouble") as caught:
        await Rounds(one, other).next()
    assert caught.value.retry_after_s == 60
