"""Decides how much room an author and a lane may take on the screens; the judge folds what is beyond.

Why there is a limit at all: a wall shows the newest 200 cards, so whoever writes 200 posts owns it. Why posts
are folded and not refused: nothing is lost, the tab has them behind one line, history, search and the API
have them, and a person's `show` lifts one onto the screens. A flood and an eager visitor look the same here.

Why the minute counts by the time that a post shows, and not by the time it came: at the start two days of an
author's posts are read at once, and are no flood. But that time is only claimed. So there is a second limit
that no claim helps against, twenty of the newest 200, and the author's oldest make room for the newest of
their own at most five times a minute of our time.

Why lanes have a share, too: on some networks anybody has ten thousand names, and whoever runs a server gives
out as many. It counts only while posts of other lanes would be pushed off, so an event with one lane is never
limited by it.

All of this reads the state and decides; what was decided is a ruling in the log, so that a restart folds the
same posts again.
"""

from bisect import bisect_left, insort
from collections import Counter

from backchannel.board import CAP
from backchannel.state import State
from backchannel.state.crowd import MINUTE_S
from backchannel.state.post_state import PostState

RULE = "crowd"
A_MINUTE = 5
EDITS_A_MINUTE = 10
ON_SCREEN = 20
NEWCOMERS_A_MINUTE = 20
LANE_A_MINUTE = 180
NEW_S = 600.0
TRUSTED = 3
"""So many approvals, and a person vouches for an author: no cap counts for them."""

BURST = f"more than {A_MINUTE} posts of this author in a minute"
EDITS = f"more than {EDITS_A_MINUTE} edits of this author in a minute"
CROWD = f"{ON_SCREEN} of the newest {CAP} posts are this author's already"
NEWCOMERS = (
    f"more than {NEWCOMERS_A_MINUTE} posts of new authors from this place in a minute, at others' cost"
)
RUSH = f"more than {LANE_A_MINUTE} posts from this place in a minute, at the cost of others"
BEFORE = "it was folded before this edit"


Lane = tuple[str, str]
"""(source, lane)"""


class Room:
    """Counts the room that is left in one turn of the sequencer.

    Ask about the newest post first: then it is an author's newest that come to the screens, and the count of
    cards above each post of this turn is right.
    """

    def __init__(self, state: State, now: float) -> None:
        self._state, self._now = state, now
        self._above = 0
        self._times: dict[str, list[float]] = {}
        self._let_in_by, self._lately_by = Counter[str](), Counter[str]()
        self._edits_by = Counter(state.posts.by_key[key].voice for _, key in state.crowd.returns)
        self._instead: set[int] = set()
        line, by_key = state.board.line, state.posts.by_key
        self._floor = state.board.place(line[-CAP]) if len(line) >= CAP else (0, 0)
        self._lanes = {_lane(by_key[key]) for key in line[-CAP:]}
        self._rush, self._newcomers = Counter[Lane](), Counter[Lane]()
        for _, key in state.crowd.releases:
            self._lately_by[by_key[key].voice] += 1
            self._count_for_lane(by_key[key])

    def ask(self, seen: PostState) -> tuple[str, int]:
        """Return why this post is folded, or "" where it comes to the screens, and the key of the card that
        makes room for it, or 0."""
        # An edit keeps its place, so it pushes nobody off; but each edit is a change of every page.
        if seen.order and not seen.is_folded:
            self._edits_by[seen.voice] += 1
            is_too_much = self._edits_by[seen.voice] > EDITS_A_MINUTE and not self._is_vouched_for(seen)
            return (EDITS if is_too_much else ""), 0
        if seen.is_folded and not self._state.rulings.is_silent(seen, RULE):
            return BEFORE, 0
        why, instead = "", 0
        if not self._is_vouched_for(seen):
            why = self._burst(seen) or self._rush_of(seen)
            if not why and self._above < CAP and self._on_screen(seen.voice) >= ON_SCREEN:
                instead = self._oldest(seen.voice)
                why = "" if instead else CROWD
        if not why:
            self._let_in(seen)
        return why, instead

    def _is_vouched_for(self, seen: PostState) -> bool:
        rulings = self._state.rulings
        return rulings.is_silent(seen, RULE) or rulings.is_trusted(seen, self._state.posts, TRUSTED)

    def _burst(self, seen: PostState) -> str:
        """Return why, where it would be one too many in any minute that contains it.

        Times come in any order, so each group of `A_MINUTE` neighbours that it would join is looked at.
        """
        times, at = self._times_of(seen.voice), seen.at
        index = bisect_left(times, at)
        for start in range(max(0, index - A_MINUTE), min(index, len(times) - A_MINUTE) + 1):
            if max(at, times[start + A_MINUTE - 1]) - min(at, times[start]) < MINUTE_S:
                return BURST
        return ""

    def _rush_of(self, seen: PostState) -> str:
        is_full = len(self._state.board.line) + self._above >= CAP
        if not is_full or self._lanes <= {_lane(seen)}:
            return ""  # nobody else loses anything
        if self._is_new(seen.voice) and self._newcomers[_lane(seen)] >= NEWCOMERS_A_MINUTE:
            return NEWCOMERS
        return RUSH if self._rush[_lane(seen)] >= LANE_A_MINUTE else ""

    def _on_screen(self, author: str) -> int:
        return len(self._standing(author)) + self._let_in_by[author]

    def _standing(self, author: str) -> list[int]:
        """Return the keys of the cards that this author has among the newest already, oldest first."""
        places = self._state.crowd.places.get(author, [])
        newest = places[bisect_left(places, self._floor) :]
        return [key for _, key in newest if key not in self._instead]

    def _oldest(self, author: str) -> int:
        """Return the author's card that makes room, or 0 where they have used up their minute."""
        if self._lately_by[author] >= A_MINUTE:
            return 0
        key = next((key for key in self._standing(author) if self._may_fold(key)), 0)
        self._instead |= {key}
        return key

    def _may_fold(self, key: int) -> bool:
        seen, rulings = self._state.posts.by_key[key], self._state.rulings
        verdict = self._state.verdict(seen)
        stands = verdict is not None and verdict[0] == "show" and verdict[1] != "approved"
        return stands and RULE not in seen.spoke and not rulings.is_silent(seen, RULE)

    def _let_in(self, seen: PostState) -> None:
        self._above += 1
        self._let_in_by[seen.voice] += 1
        insort(self._times_of(seen.voice), seen.at)
        self._count_for_lane(seen)

    def _count_for_lane(self, seen: PostState) -> None:
        self._rush[_lane(seen)] += 1
        self._newcomers[_lane(seen)] += self._is_new(seen.voice)

    def _is_new(self, author: str) -> bool:
        places = self._state.crowd.places.get(author)
        return not places or self._state.posts.by_key[places[0][1]].taken_at > self._now - NEW_S

    def _times_of(self, author: str) -> list[float]:
        if author not in self._times:
            self._times[author] = [*self._state.crowd.times.get(author, ())]
        return self._times[author]


def _lane(seen: PostState) -> Lane:
    return seen.source, seen.lane
