"""A conversation with one relay, Sans-I/O: frames and time in, frames and batches out.

`hear` and `tick` take the conference's time (`now`) and monotonic seconds (`now_s`); the shell sends
`frames()`, yields `batch()` and comes back by `wake_at`. Raises SourceError where the relay cannot or will
not go on.
"""

from collections.abc import Callable, Sequence

import structlog
from msgspec import Struct

from backchannel.contract import Batch, SourceError
from backchannel.lru import Lru
from backchannel.model import DecodeError, Event, Post
from backchannel.redaction import beginning
from backchannel.sources.nostr.auth import Auth, refusal
from backchannel.sources.nostr.directory import Directory, Want
from backchannel.sources.nostr.event_queue import EventQueue
from backchannel.sources.nostr.lookup import Lookup
from backchannel.sources.nostr.paging import Paging
from backchannel.sources.nostr.subs import Subs
from backchannel.sources.nostr.watch import Watching
from backchannel.sources.nostr.wire import (
    DELETION,
    POST_KINDS,
    PROFILE,
    VANISH,
    RelayLimits,
    WireEvent,
    WireFilter,
    WireMessage,
    bound_event,
    check_answer,
    check_event,
    check_time,
    check_work,
    is_over,
    parse_event,
    parse_said,
)
from backchannel.text import fold_tag

WALL, BACK, PING = "wall", "back", "ping"
OVERLAP_S = 300
ANSWER_S = 30.0
PING_S = 300.0
WORDS_S = 1.0
MAX_SLOTS = 20
MAX_REASONS = 10
MAX_NOTICES = 20

log = structlog.get_logger(__name__)


class ReadRules(Struct, frozen=True):
    """The rules of a conversation. `asked` are the hashtags as they go on the wire, `key` signs NIP-42."""

    source: str
    hashtags: frozenset[str]
    asked: tuple[str, ...]
    since: float
    relays: tuple[str, ...]
    limit: int = 200
    min_work: int = 0
    key: bytes = b""


class Talk:
    """A conversation from its first request to its end."""

    def __init__(
        self,
        lane: str,
        rules: ReadRules,
        directory: Directory,
        watch: Callable[[], Sequence[Post]],
        *,
        cursor: int | None,
        limits: RelayLimits,
    ) -> None:
        self._lane = lane
        self._rules = rules
        self._directory = directory
        self._subs = Subs(min(limits.max_subscriptions or MAX_SLOTS, MAX_SLOTS))
        self._look = Lookup(lane, self._subs, directory)
        self._auth = Auth(lane, rules.key, self._subs)
        since = rules.since if cursor is None else cursor - OVERLAP_S
        self._wanted = WireFilter(
            kinds=POST_KINDS,
            hashtags=rules.asked,
            since=max(0, int(since)),
            limit=min(rules.limit, limits.max_limit or rules.limit),
        )
        self._pages = Paging(rules.source, lane, self._wanted)
        self._page = WALL
        self._has_told_it = False
        self._has_read_back = False
        self._answer_by = 0.0
        self._newest = cursor
        self._told = cursor
        self._seen: Lru[str, bool] = Lru(20_000)
        self._desk = EventQueue(directory)
        self._watching = Watching(self._subs, directory, watch, relays=rules.relays, limit=limits.max_limit)
        self._sent_at = 0.0
        self._events: list[Event] = []
        self._skipped = 0
        self._words_at = 0.0
        self._reasons: list[str] = []
        self._notices = 0

    def start(self, now_s: float, wake: Callable[[], None]) -> None:
        """Ask for everything. `wake`: another lane asks this one, or has found what it waits for."""

        def ask(wants: Sequence[Want]) -> None:
            self._look.want(wants)
            wake()

        self._directory.join(self._lane, ask)
        self._answer_by = now_s + ANSWER_S
        self._sent_at = now_s
        self._subs.open(WALL, [self._wanted])
        self._events += self._watching.tick(now_s)

    def frames(self) -> list[str]:
        """Return what is to be sent now."""
        frames, self._subs.frames = self._subs.frames, []
        return frames

    @property
    def is_caught_up(self) -> bool:
        """Whether all that the relay had stored was handed on."""
        return self._has_read_back and self._desk.is_empty

    def batch(self, now: float, now_s: float) -> Batch | None:
        """Return what there is to tell. The cursor only moves when nothing before it is still on its way.

        That a relay has nothing is worth telling, too: it was heard.
        """
        cursor = self._newest if self.is_caught_up else None
        cursor = None if cursor is None else min(cursor, int(now))
        is_word_due = self._reasons and now_s >= self._words_at
        is_news = self.is_caught_up and not self._has_told_it
        if not (self._events or is_word_due or is_news) and cursor in (None, self._told):
            return None
        self._has_told_it |= is_news
        self._words_at = now_s + WORDS_S
        self._told = self._told if cursor is None else cursor
        batch = Batch(
            events=tuple(self._events),
            cursor=None if cursor is None else str(cursor),
            skipped=self._skipped,
            reasons=tuple(self._reasons),
        )
        self._events, self._skipped, self._reasons = [], 0, []
        return batch

    def hear(self, frame: bytes, now: float, now_s: float) -> None:
        """Take in one frame of the relay."""
        try:
            with self._directory.bugs.contain(f"a frame of {self._lane}", DecodeError, SourceError):
                self._take(parse_said(frame), now, now_s)
        except DecodeError as error:
            self._skip(str(error))
        self.tick(now, now_s)

    def tick(self, now: float, now_s: float) -> None:
        """Do what time, or another lane, has made due."""
        self._auth.tick(now_s)
        if ready := self._desk.settle(now, now_s):
            self._events += ready
            self._watching.note()
        if not self._has_read_back and now_s >= self._answer_by:
            raise SourceError(f"{self._lane} did not answer within {ANSWER_S:.0f} s")
        self._events += self._watching.tick(now_s)
        self._look.tick(now_s)
        if self._subs.frames:
            self._sent_at = now_s
        elif now_s - self._sent_at >= PING_S:
            self._sent_at = now_s
            self._subs.open(PING, [WireFilter(ids=("0" * 64,), limit=1)])

    def wake_at(self, now_s: float) -> float:
        """Monotonic seconds of the next `tick`, whatever is heard until then."""
        due = [self._desk.due_at, self._watching.due_at, self._look.due_at, self._auth.due_at]
        due.append(self._sent_at + PING_S)
        if not self._has_read_back:
            due.append(self._answer_by)
        if self._reasons:
            due.append(self._words_at)
        return max(now_s, min(due))

    def _take(self, said: WireMessage, now: float, now_s: float) -> None:
        match said.verb:
            case "EVENT":
                self._take_event(said, now, now_s)
            case "EOSE":
                self._end(said.sub, now_s)
            case "CLOSED":
                self._closed(said, now_s)
            case "NOTICE":
                self._notice(said.text, now_s)
            case "AUTH":
                self._auth.challenge(said.text, int(now), now_s)
            case "OK":
                self._auth.answer(said)

    def _take_event(self, said: WireMessage, now: float, now_s: float) -> None:
        asked = self._subs.asked(said.sub)
        if not asked and self._subs.is_past(said.sub):
            return
        if not asked:
            raise DecodeError(f"an event for {beginning(said.sub, 20)!r}, which was not asked")
        signed = parse_event(said.value)
        event = bound_event(signed)
        if said.sub == self._page and not self._has_read_back:
            self._answer_by = now_s + ANSWER_S
            self._pages.note(event.id, event.created_at)
        if self._seen.get(event.id) and not self._look.is_look(said.sub):
            return
        if not any(_answers(event, each) for each in asked):
            check_answer(event, asked[0])
        check_time(event, now)
        if is_over(event, now):
            return
        if said.sub in (WALL, BACK):
            self._check_post(event)
            check_event(signed)
            self._take_post(event, said.sub == self._page and not self._has_read_back, now_s)
        else:
            check_event(signed)
            self._take_found(event, now_s)
        if not self._look.is_look(said.sub):
            self._seen.put(event.id, True)

    def _check_post(self, event: WireEvent) -> None:
        """Check what costs less than a signature does. DecodeError."""
        if self._rules.hashtags.isdisjoint(fold_tag(tag[1]) for tag in event.all("t")):
            raise DecodeError(f"{event.id[:16]} has none of the hashtags that were asked for")
        check_work(event, self._rules.min_work)

    def _take_post(self, event: WireEvent, is_stored: bool, now_s: float) -> None:
        self._newest = max(self._newest or 0, event.created_at)
        if self._directory.is_deleted(event):
            return
        self._directory.put(event)
        if is_stored:
            self._desk.take_stored(event, now_s)
        else:
            self._desk.take_live(event, now_s)

    def _take_found(self, event: WireEvent, now_s: float) -> None:
        """Take a profile, a quoted event, or a deletion; its signature is verified."""
        if event.kind in (DELETION, VANISH):
            self._events += self._watching.take(event)
            self._desk.drop_deleted()
            return
        before = self._directory.profile(event.pubkey)
        self._directory.put(event)
        self._look.found(event)
        if event.kind != PROFILE:
            return
        after = self._directory.profile(event.pubkey)
        if after and after.labels != (before.labels if before else ()):
            # The author changed their mind about being shown: gather must see these posts once more.
            self._desk.take_again(self._directory.posts_of(event.pubkey), now_s)

    def _end(self, sub: str, now_s: float) -> None:
        """Take the relay's word that all that was stored has been sent."""
        if sub == self._page and not self._has_read_back:
            self._turn_page(now_s)
        elif self._look.is_look(sub):
            self._look.ended(sub)
        elif sub == PING:
            self._subs.close(PING)

    def _turn_page(self, now_s: float) -> None:
        following = self._pages.turn()
        if following.missed:
            self._events.append(following.missed)
        if following.filter:
            self._answer_by = now_s + ANSWER_S
            self._page = BACK
            self._subs.open(BACK, [following.filter])
        else:
            self._has_read_back = True
            self._subs.close(BACK)
        self._desk.end_page(now_s)

    def _closed(self, said: WireMessage, now_s: float) -> None:
        """Note that the relay ended a request: for the posts themselves that decides the lane's fate."""
        if not self._subs.asked(said.sub):
            return
        why = said.text
        if self._auth.may_help(why):
            self._auth.refused(said.sub, why, now_s)
        elif said.sub in (WALL, BACK):
            raise refusal(self._lane, why)
        elif self._look.is_look(said.sub):
            self._look.ended(said.sub)
        else:
            self._subs.ended(said.sub)
            self._watching.refused(now_s)
            self._note(f"{self._lane} closed {said.sub}: {why}")

    def _notice(self, text: str, now_s: float) -> None:
        """Words for people, and what older relays say instead of CLOSED."""
        if self._notices < MAX_NOTICES:
            self._notices += 1
            log.warning("relay notice", source=self._rules.source, relay=self._lane, text=text)
        if self._has_read_back:
            return
        if self._auth.may_help(text):
            self._auth.refused(WALL, text, now_s)
        elif text.startswith(("rate-limited", "blocked", "auth-required", "restricted")):
            raise refusal(self._lane, text)

    def _skip(self, reason: str) -> None:
        self._skipped += 1
        self._note(reason)

    def _note(self, reason: str) -> None:
        if len(self._reasons) < MAX_REASONS:
            self._reasons.append(reason)


def _answers(event: WireEvent, asked: WireFilter) -> bool:
    try:
        check_answer(event, asked)
    except DecodeError:
        return False
    return True
