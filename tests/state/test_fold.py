"""The fold against properties that hold for every log, and with every source of surprise taken away."""

import asyncio
import random
import socket
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backchannel.board import Board, Card
from backchannel.judge import Rules, asked, due
from backchannel.model import Deleted, Entry, Erased, Left, Post, Posted, Rank, Ruled, mark, subjects
from backchannel.state import State, fold
from tests.kit.posts import entries, person, post, steps
from tests.kit.sequencers import KEY, BoardPage

NAMES, WRITERS = ["p1", "p2", "p3", "p4"], ["ada", "bob"]
BY = dict(zip(NAMES, WRITERS * 2, strict=True))


def written(name: str, revision: int, quoted: bool, parent: str) -> Any:
    quote = post("p1", "quoted", by="ada") if quoted and name != "p1" else None
    return post(
        name,
        f"{name} take {revision}",
        by=BY[name],
        revision=revision,
        quote=quote,
        reply_to=f"id:{parent}" if parent not in ("", name) else "",
    )


posts = st.builds(
    written, st.sampled_from(NAMES), st.integers(0, 3), st.booleans(), st.sampled_from(["", *NAMES])
)
subject = st.sampled_from(
    [f"id:{name}" for name in NAMES] + [f"https://net.example/{who}" for who in WRITERS]
)
moves = st.one_of(
    posts.map(Posted),
    posts.map(Posted),
    st.tuples(st.just("show"), st.sampled_from(NAMES)),
    st.tuples(st.just("undo"), subject),
    st.tuples(st.just("hide"), subject),
    st.tuples(st.just("rule"), st.sampled_from(NAMES)),
    st.tuples(st.just("fold"), st.sampled_from(NAMES)),
    st.tuples(st.just("fold"), st.sampled_from(NAMES)),
    subject.map(Deleted),
    st.builds(lambda name, revision: Left(f"id:{name}", revision), st.sampled_from(NAMES), st.integers(0, 3)),
)


def play(story: Any) -> list[Entry]:
    """What the sequencer would have put into the log: only news, with the hashes of that moment."""
    state, log = State(), list[Entry]()
    for move in story:
        event = move
        if isinstance(move, tuple):
            verb, about = move
            event = _ruling(state, verb, about)
        if event is None or not state.is_news(event):
            continue
        log.append(Entry(len(log) + 1, float(len(log) + 1), event))
        state.apply(log[-1])
    return log


def _ruling(state: State, verb: str, about: str) -> Any:
    if verb == "hide":
        return person(about, "hide")
    if verb == "undo":
        word = state.rulings.top(about)
        return person(about, "undo", undoes=word.id if word else "nothing")
    seen = state.posts.by_id.get(f"id:{about}")
    if seen is None:
        return None
    if verb == "show":
        return person(seen.id, "show", hash_=seen.hash)
    rule, clearance = ("crowd", "folded") if verb == "fold" else ("open", "open")
    id_ = f"{rule}:{seen.waits_seq}"
    return Ruled(id_, seen.id, "show", Rank.RULE, rule, seen.hash, clearance=clearance)


logs = st.lists(moves, max_size=40).map(play)


@given(logs, st.integers(0, 40))
def test_a_fold_in_two_lives_equals_one_in_one(log: Any, cut: Any) -> None:
    resumed = fold(log[:cut])
    for entry in log[cut:]:
        resumed.apply(entry)
    assert resumed == fold(log)


@given(logs)
def test_what_is_shown_was_allowed_with_exactly_this_hash_and_nothing_hides_it(log: Any) -> None:
    state = fold(log)
    rulings = [entry.event for entry in log if isinstance(entry.event, Ruled)]
    deleted = {entry.event.subject for entry in log if isinstance(entry.event, Deleted)}
    standing = {e.event.post.id: e.event.post for e in log if isinstance(e.event, Posted)}
    for key in [*state.board.line, *state.board.folds]:
        seen = state.posts.by_key[key]
        shown = card_of(state.board, key)
        assert any(r.verdict == "show" and r.subject == seen.id and r.hash == shown.hash for r in rulings)
        about = {*subjects(standing[seen.id])}
        assert not about & deleted
        undone = {r.undoes for r in rulings if r.verdict == "undo"}
        hiding = [r for r in rulings if r.verdict == "hide" and r.subject in about and r.id not in undone]
        shows = [r for r in rulings if r.verdict == "show" and r.rank is Rank.PERSON and r.id not in undone]
        for ruling in hiding:
            later = rulings[rulings.index(ruling) :]
            assert any(word.subject == ruling.subject for word in later if word in shows)


@given(logs, st.lists(st.booleans(), min_size=40, max_size=40), st.integers(1, 5))
def test_a_page_that_reconnects_equals_one_that_never_left(log: Any, online: Any, cap: Any) -> None:
    state, stayed, left = State(), BoardPage(), BoardPage()
    for entry, here in zip(log, online, strict=False):
        state.apply(entry)
        stayed.take(state.board.since(stayed.seq, cap=cap))
        if here:
            left.take(state.board.since(left.seq, cap=cap))
    left.take(state.board.since(left.seq, cap=cap))
    fresh = BoardPage()
    fresh.take(state.board.since(0, cap=cap))
    assert stayed.newest(cap) == left.newest(cap) == fresh.newest(cap)
    assert stayed.folded == left.folded == fresh.folded == state.board.folds_seen(frozenset())


@given(logs)
def test_folded_cards_are_counted_in_lines_and_are_in_no_window_of_the_newest(log: Any) -> None:
    state = fold(log)
    board = state.board
    folded = {key for key, item in board.items.items() if item.is_folded}
    assert folded == {*board.folds} == {*board.folded}
    assert not folded & {*board.line}
    assert {key for key in board.items if key > 0} == folded | {*board.line}
    assert [item.key for item in board.before(None, 99, with_folded=True)] == sorted(
        (*board.line, *board.folds), key=board.place, reverse=True
    )
    by_author: dict[str, list[int]] = {}
    for key in board.folds:
        by_author.setdefault(state.posts.by_key[key].author, []).append(key)
    lines = board.folds_seen(frozenset()).lines
    wanted = sorted(by_author.values(), key=lambda keys: board.place(keys[-1]), reverse=True)
    assert [(line.key, line.order, line.count) for line in lines] == [
        (keys[0], board.place(keys[-1])[0], len(keys)) for keys in wanted
    ]


@given(logs, st.lists(st.booleans(), min_size=40, max_size=40))
def test_an_index_that_follows_knows_every_card(log: Any, here: Any) -> None:
    """As search follows: by frames, and by what they leave out."""
    state, seq, known = State(), 0, dict[int, int]()
    for entry, follows in zip(log, [*here], strict=False):
        state.apply(entry)
        if follows and seq:
            board = state.board
            frame = board.since(seq)
            for item in [*frame.put, *board.folded_since(seq)]:
                known[item.key] = item.seq
            for key in frame.gone:
                if key not in board.items:
                    known.pop(key, None)
        elif follows:
            known = {key: item.seq for key, item in state.board.items.items()}
        else:
            continue
        seq = state.board.seq
        assert known == {key: item.seq for key, item in state.board.items.items()}


def moved() -> list[Entry]:
    """A conversation of three, whose second post then answers nothing any more."""
    replies = [Posted(written("p2", 0, False, "p1")), Posted(written("p3", 0, False, "p2"))]
    alone = Posted(written("p2", 1, False, ""))
    return play([Posted(written("p1", 0, False, "")), *replies, ("rule", "p3"), alone])


@given(logs, st.sampled_from(NAMES))
@example(moved(), "p1")
def test_live_state_equals_a_refold_of_the_erased_log(log: Any, name: Any) -> None:
    state = fold(log)
    victim = f"id:{name}"
    ids = {victim} | {
        e.event.post.id
        for e in log
        if isinstance(e.event, Posted) and (q := e.event.post.face.quote) and q.id == victim
    }
    gone = [e.seq for e in log if getattr(e.event, "subject", getattr(e.event, "post", None)) in ids]
    gone += [e.seq for e in log if isinstance(e.event, Posted) and e.event.post.id in ids]
    known = [state.posts.by_id[i] for i in ids if i in state.posts.by_id]
    keys = sorted(seen.key for seen in known)
    below = {o.key for seen in known for o in state.conversations.below(seen.id, state.posts)} - {*keys}
    record = Erased(tuple(gone), tuple(keys), (mark(KEY, victim),), tuple(sorted(below)))
    entry = Entry(len(log) + 1, float(len(log) + 1), record)
    state.apply(entry)
    assert state == fold([*(e for e in log if e.seq not in gone), entry])
    assert not {*keys} & {*state.board.items}


@given(st.permutations([Posted(post("p1", f"take {r}", revision=r)) for r in range(4)] * 2))
def test_order_and_repetition_of_what_a_network_says_do_not_matter(told: Any) -> None:
    state = fold(play(told))
    (seen,) = state.posts.by_key.values()
    assert seen.revision == 3
    assert len(state.posts.by_id) == 1


def test_a_deletion_outranks_a_persons_show() -> None:
    state = fold(play([Posted(post()), ("show", "p1"), Deleted("id:p1"), ("show", "p1")]))
    assert not state.board.line


def test_a_reply_that_came_before_its_parent_finds_it() -> None:
    reply = Posted(post("p2", reply_to="id:p1"))
    hash_ = fold(entries(reply)).posts.by_key[1].hash
    state = fold(
        entries(reply, Ruled("open:1", "id:p2", "show", Rank.RULE, "open", hash_), Posted(post("p1")))
    )
    assert (card_of(state.board, 1).parent, card_of(state.board, 1).root) == (3, 3)
    assert [item.key for item in state.board.since(2).put] == [1]


def test_what_fills_the_place_of_a_card_that_went_comes_along() -> None:
    board = Board()
    for n in range(1, 8):
        board.put(n, n, state_card(n), n)
    board.take(8, 7)
    frame = board.since(7, cap=3)
    assert (frame.gone, [item.key for item in frame.put]) == ([7], [4])


def state_card(n: int) -> Card:
    return Card(n, f"hash {n}", float(n))


def card_of(board: Board, key: int) -> Card:
    value = board.items[key].value
    assert isinstance(value, Card)
    return value


def _raise(*_: object, **__: object) -> None:
    raise AssertionError("a fold or a judge asked the world")


@pytest.fixture
def no_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clock, randomness, network, files and settings raise."""
    for name in ("time", "monotonic", "time_ns", "perf_counter"):
        monkeypatch.setattr(time, name, _raise)
    for name in ("random", "choice", "randrange", "getrandbits"):
        monkeypatch.setattr(random, name, _raise)
    monkeypatch.setattr(socket, "socket", _raise)
    monkeypatch.setattr("builtins.open", _raise)
    monkeypatch.setattr("os.environ", {})
    monkeypatch.setattr(asyncio, "get_running_loop", _raise)


def test_folds_and_judges_ask_nothing_of_the_world(request: pytest.FixtureRequest) -> None:
    story = steps(5, 80)
    request.getfixturevalue("no_world")
    log = play(story)
    state = fold(log)
    by_key = words_of(state, log)
    for rules in (Rules("open", 0.0), Rules("first-time", 5.0)):
        ruled, _ = due(state, by_key, rules, 1e6)
        assert ruled
        assert due(state, by_key, rules, 1e6)[0] == ruled


def words_of(state: State, log: list[Entry]) -> dict[int, Post]:
    """Key → the standing copy, as the sequencer would load it."""
    words = {entry.seq: entry.event.post for entry in log if isinstance(entry.event, Posted)}
    return {key: words[seen.post] for key, seen in state.posts.by_key.items()}


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_the_judge_says_the_same_in_every_life(seed: int) -> None:
    log = play(steps(seed, 20))
    whole = fold(log)
    by_key = words_of(whole, log)
    rules = Rules("open", 2.0)
    keys = asked(whole, rules, 50.0, 0)
    words = {key: by_key[key] for key in keys}
    assert asked(fold(log), rules, 50.0, 0) == keys
    assert due(whole, words, rules, 50.0) == due(fold(log), words, rules, 50.0)
