"""Paging back through a relay, by every arrangement of events, page sizes and readings of `until`."""

from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from backchannel.model import Missed
from backchannel.sources.nostr.paging import SHORT, Paging
from backchannel.sources.nostr.wire import WireFilter

SINCE = 1000


def read_all(times: Sequence[int], limit: int, *, is_inclusive: bool) -> tuple[set[int], list[Missed]]:
    """Numbers of the events that a relay with these (newest first) gives, and what is said to be missed."""
    pages = Paging("nostr", "relay", WireFilter(since=SINCE, limit=limit))
    told, missed, until = set[int](), list[Missed](), None
    while True:
        stored = [
            (n, at)
            for n, at in enumerate(times)
            if at >= SINCE and (until is None or at < until or (is_inclusive and at == until))
        ][:limit]
        for n, at in stored:
            pages.note(str(n), at)
            told.add(n)
        following = pages.turn()
        missed += [following.missed] if following.missed else []
        if not following.filter:
            return told, missed
        until = following.filter.until


@given(
    st.lists(st.integers(1, 45), min_size=1, max_size=8),
    st.lists(st.integers(1, 3), min_size=8, max_size=8),
    st.integers(SHORT, 40),
    st.booleans(),
)
@example([1] + [3] * 23, [1] * 24, 20, True)
@example([3] * 24, [1] * 24, 20, False)
def test_every_event_is_told_or_said_to_be_missed(
    counts: list[int], gaps: list[int], limit: int, is_inclusive: bool
) -> None:
    at, seconds = SINCE, list[int]()
    for count, gap in zip(counts, gaps, strict=False):
        seconds += [at] * count
        at += gap
    times = seconds[::-1]
    told, missed = read_all(times, limit, is_inclusive=is_inclusive)
    lost = {times[n] for n in set(range(len(times))) - told}
    assert {at for at in lost if not any(each.from_at <= at < each.to_at for each in missed)} == set()
