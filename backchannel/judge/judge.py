"""The judge: which rulings are due, and why. It has no memory: it sees committed state, words, rules and the
time.

`due(...)` is asked by the sequencer about posts whose hash has just become complete (it may hold or hide
them at once, so that a moderator sees them at once) and about those whose delay is over (it may show them).
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from math import inf

from msgspec import Struct

from backchannel.judge.policy import POLICIES, Opinion
from backchannel.judge.room import RULE, Room
from backchannel.model import Deleted, Event, Post, Rank, Ruled, digest
from backchannel.state import State
from backchannel.state.post_state import PostState


class Rules(Struct, frozen=True):
    """The conference's rules. `delay_s`: how long a new post waits before it may be shown."""

    policy: str = "first-time"
    delay_s: float = 20.0

    @property
    def settings(self) -> str:
        """The rules as they are logged with every automatic ruling, so that one can tell later which were in
        force."""
        return digest(self).hex()[:16]


def asked(state: State, rules: Rules, now: float, after: int) -> list[int]:
    """Keys of the posts that `due` should look at: ripe ones first, then what is new since entry `after`.

    With `after` 0 all that wait and all that are held are new. Left out are those on which the policy has
    spoken already, and where a person has silenced it.
    """
    waits = state.posts.by_key
    fresh = takewhile(lambda key: waits[key].waits_seq > after, reversed(state.waiting))
    ripe = takewhile(lambda key: state.waiting[key] + rules.delay_s <= now, state.waiting)
    held = state.held if after == 0 else ()
    keys = dict.fromkeys([*ripe, *held, *reversed([*fresh])])
    return [key for key in keys if not _is_idle(state, waits[key], rules)]


def due(state: State, posts: Mapping[int, Post], rules: Rules, now: float) -> tuple[list[Event], float]:
    """(what is to be said now, when to ask again without anything new).

    `posts`: key → standing copy of those it is `asked` about.
    """
    by_key = state.posts.by_key
    told: list[Event] = []
    instead: list[Event] = []
    room = Room(state, now) if posts else None
    for key, post in reversed([*posts.items()]):
        seen = by_key[key]
        opinion = POLICIES[rules.policy](state, seen, post)
        is_ripe = seen.waits_at + rules.delay_s <= now or seen.order > 0
        if opinion.verdict != "show":
            told.append(_ruling(seen, rules, opinion))
        elif is_ripe and room:
            why, other = room.ask(seen)
            told.append(_fold(seen, rules, why) if why else _ruling(seen, rules, opinion))
            if other:
                instead.append(_fold(by_key[other], rules, "newer posts of this author have its place"))
    return [*_expired(state, now), *instead, *reversed(told)], _next_at(state, rules, now)


def _is_idle(state: State, seen: PostState, rules: Rules) -> bool:
    """Tell whether the policy has spoken, or the rule that folds in its place, or it may not."""
    has_spoken = rules.policy in seen.spoke or RULE in seen.spoke
    return has_spoken or state.rulings.is_silent(seen, rules.policy)


def _fold(seen: PostState, rules: Rules, why: str) -> Ruled:
    return _ruling(seen, rules, Opinion("show", why, "folded"), RULE)


def _ruling(seen: PostState, rules: Rules, opinion: Opinion, by: str = "") -> Ruled:
    by = by or rules.policy
    return Ruled(
        id=f"{by}:{seen.waits_seq}",
        subject=seen.id,
        verdict=opinion.verdict,
        rank=Rank.RULE,
        by=by,
        hash=seen.hash,
        why=opinion.why,
        settings=rules.settings,
        clearance=opinion.clearance,
    )


def _expired(state: State, now: float) -> Iterator[Deleted]:
    """Yield the posts that their authors wanted gone by now."""
    for _, key in takewhile(lambda item: item[0] <= now, state.posts.expiring):
        seen = state.posts.by_key[key]
        if seen.id not in state.posts.deleted:
            yield Deleted(seen.id)


def _next_at(state: State, rules: Rules, now: float) -> float:
    """Return the first moment after `now` at which somebody's delay is over, or something expires."""
    return min(_first_after(now, (since + rules.delay_s for since in state.waiting.values())),
               _first_after(now, (at for at, _ in state.posts.expiring)))  # fmt: skip


def _first_after(now: float, times: Iterable[float]) -> float:
    return next((at for at in times if at > now), inf)
