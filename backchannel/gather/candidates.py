"""Decides what of a source's events may go to the log.

Here foreign events stand before they become entries: secrets are taken out of each, the log's codec is tried
on it, and it is asked whether this source may say it at all.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import takewhile

from msgspec.structs import replace

from backchannel.gather.context import GatherContext, StandingCopy
from backchannel.log.codec import decode, encode
from backchannel.model import (
    AHEAD_S,
    LABELS,
    REFUSALS,
    Deleted,
    Event,
    Left,
    Post,
    Posted,
    Unknown,
    without_quote,
)
from backchannel.redaction import redacted_event

RECHECK = "recheck"
"""Stands for the lane of what was found by looking again."""

EARLY_S = 600.0
"""A deletion is remembered for so long, for a post that comes after it."""


def unwanted(post: Post, hashtags: frozenset[str], *, is_chosen: bool = False) -> str:
    """Return why this post, whenever it was written, is no candidate; "" when it is one. Pure."""
    if denied := REFUSALS.intersection(post.labels):
        return f"kept out by its author or its network: {', '.join(sorted(denied))}"
    if "nowall" in post.hashtags:
        return "it carries #nowall"
    if not is_chosen and hashtags.isdisjoint(post.hashtags):
        return "it does not carry the event's hashtag"
    return ""


def is_in_window(post: Post, since: float, now: float) -> bool:
    """Tell whether it was written since the window opened, is not from the future (15 min are forgiven), and
    not expired. Pure."""
    is_expired = post.expires_at is not None and post.expires_at <= now
    return since <= post.created_at <= now + AHEAD_S and not is_expired


class Candidates:
    """Chooses the candidates of one source, and remembers the deletions that it heard of lately.

    `dropped`: items that could not be read, and words of this source on another network's ids.
    """

    def __init__(self, name: str, kind: str, context: GatherContext, *, chosen: Collection[str]) -> None:
        self._name, self._kind, self._context, self._chosen = name, kind, context, chosen
        self._early: dict[str, float] = {}
        self.dropped = 0

    async def of(self, lane: str, events: Iterable[Event]) -> list[Event]:
        """Return the candidates, what known posts have become, and deletions of what is known.

        Takedowns of all, then posts, and the loop is given back after each: secrets are looked for in all of
        it, which takes a while for a long one. One that cannot be looked at, or could not be read back from
        the log, is dropped alone. No network has a word on another's ids, and a deletion is remembered for
        this source's posts alone.
        """
        now = self._context.clock.monotonic()
        for subject in [*takewhile(lambda subject: self._early[subject] <= now - EARLY_S, self._early)]:
            del self._early[subject]
        kept: list[Event] = []
        for event in sorted(events, key=lambda event: isinstance(event, Posted)):
            try:
                if candidate := self._decide(redacted_event(event), "" if lane == RECHECK else lane, now):
                    kept.append(_as_stored(candidate))
            except Exception as error:  # noqa: BLE001 - foreign data: one item costs itself, whatever it raises
                self.dropped += 1
                self._context.bugs.caught(f"an item of {self._name}/{lane}", error)
            await self._context.clock.sleep(0)
        return kept

    def _decide(self, event: Event, lane: str, now: float) -> Event | None:
        match event:
            case Posted(post):
                if strange := set(post.labels) - LABELS:  # a typing error would let in whom it is to keep out
                    raise ValueError(f"no labels of ours: {sorted(strange)}")
                return self._candidate(replace(post, lane=lane))
            case Left(subject) | Deleted(subject) if not self._is_ours(self._context.standing(subject)):
                self.dropped += 1
                return None
            case Deleted(subject):
                self._early.pop(subject, None)  # the latest stand last
                self._early[subject] = now  # also where it is known: a post that waits may be refused
                return event if self._context.writer.knows(subject) else None
            case _:
                return event

    def _is_ours(self, standing: StandingCopy | None) -> bool:
        return standing is None or standing.kind in ("", self._kind)

    def _candidate(self, post: Post) -> Posted | Left | None:
        standing = self._context.standing(post.id)
        why = unwanted(post, self._context.hashtags, is_chosen=self._is_chosen(post.lane, standing))
        if standing is None:
            in_window = is_in_window(post, self._context.since, self._context.clock.now())
            return Posted(post) if in_window and not why else None
        if not self._is_ours(standing):
            self.dropped += 1
            return None
        if not why:
            return Posted(post)
        via = "" if post.is_origin else post.via
        return Left(post.id, post.revision, why, via) if self._may_withdraw(post, standing) else None

    def _is_chosen(self, lane: str, standing: StandingCopy | None) -> bool:
        """Return whether the post is wanted without a hashtag: for the lane that gives this copy, or for
        the one that gave it first, where another lane, or a re-check, gives it again."""
        first = standing.lane if standing and standing.source == self._name else ""
        return lane in self._chosen or first in self._chosen

    def _may_withdraw(self, post: Post, standing: StandingCopy) -> bool:
        """Tell whether this copy, which is no candidate, says so of the one that stands.

        Its origin says it of any copy; of its own in the same revision, where another source took it in, only
        that it is not wanted, not that our hashtags are not in it. Everybody else says it of their own copy.
        """
        if not post.is_origin:
            return not standing.is_origin and post.via == standing.via and post.revision >= standing.revision
        is_refused = bool(unwanted(post, frozenset(), is_chosen=True))
        is_same = post.revision == standing.revision and (post.source == standing.source or is_refused)
        return not standing.is_origin or post.revision > standing.revision or is_same

    def without_deleted(self, events: Sequence[Event]) -> list[Event]:
        """Return the events without what is deleted by now. Call it in the step in which they are submitted:
        another lane may have heard of a deletion meanwhile."""
        return [told for event in events if (told := self._without_early(event))]

    def _without_early(self, event: Event) -> Event | None:
        """Return None for a deleted post or account's; what only quotes it comes without the quotation."""
        if not isinstance(event, Posted):
            return event
        post, early = event.post, self._early
        if post.id in early or post.face.author.id in early:
            return None
        quote = post.face.quote
        is_clean = quote is None or early.keys().isdisjoint((quote.id, quote.author.id))
        return event if is_clean else Posted(without_quote(post))


def _as_stored(event: Event) -> Event:
    """Return the event as the log will give it back. Raises for what it could not store or read again: half a
    character, no number, the wrong type would each end this process, or the next start."""
    stored = decode(encode(event))
    if isinstance(stored, Unknown):
        raise TypeError(type(event).__name__)
    return stored
