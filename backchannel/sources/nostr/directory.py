"""Knowledge that all lanes of a Nostr source share: profiles, quoted events, owners, deletions, open
questions.

Every map is bounded; what falls out is asked for again. Nothing in here is trusted unseen: only events whose
signature was verified are put in.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from backchannel.bugs import Bugs
from backchannel.lru import Lru
from backchannel.model import Post
from backchannel.sources.nostr.authors import Profile, parse_profile
from backchannel.sources.nostr.post import find_people, find_quote, parse_post, post_id
from backchannel.sources.nostr.wire import PROFILE, WireEvent, is_hex64

ASK_AGAIN_S = 600.0
KNOWN = 4000
LATELY = 500


class Want(NamedTuple):
    """Something that a card lacks: somebody's profile (public key), an event (id) or an addressable one
    (address)."""

    what: Literal["profile", "event", "address"]
    value: str


class Owner(Struct, frozen=True):
    """The owner of an event, the post it became, and since when."""

    pubkey: str
    post: str
    created_at: float


class Directory:
    """Shared by the lanes. A want is open while a lane that was asked for it has not answered.

    At the start relays connect one after the other: what the first one's posts want is kept open for `lanes`
    that have not come yet, else the quickest relay would decide that an author has no name.
    """

    def __init__(self, *, source: str, web: str, lanes: Iterable[str], bugs: Bugs) -> None:
        self.bugs = bugs
        self._source = source
        self._web = web
        self._awaited = set(lanes)
        self._profiles: Lru[str, Profile] = Lru(KNOWN)
        self._events: Lru[str, WireEvent] = Lru(KNOWN)
        self._posts: Lru[str, Post] = Lru(KNOWN)
        self._names: Lru[str, tuple[tuple[str, ...], str]] = Lru(KNOWN)
        self._owners: Lru[str, Owner] = Lru(KNOWN)
        self._deleted: Lru[tuple[str, str], float] = Lru(KNOWN)
        self._asked_at: Lru[Want, float] = Lru(KNOWN)
        self._open: dict[Want, set[str]] = {}
        self._lanes: dict[str, Callable[[Sequence[Want]], None]] = {}

    def join(self, lane: str, ask: Callable[[Sequence[Want]], None]) -> None:
        """Note that a lane is connected. `ask` is called with what it should look up, and with nothing to
        wake it."""
        self._awaited.discard(lane)
        self._lanes[lane] = ask
        if kept := [want for want, lanes in self._open.items() if lane in lanes]:
            ask(kept)

    def leave(self, lane: str) -> None:
        """Note that a lane is gone, or could not come: it will not answer any more."""
        self._awaited.discard(lane)
        self._lanes.pop(lane, None)
        self.answered(lane, list(self._open))

    def put(self, event: WireEvent) -> None:
        """Take in a verified event. DecodeError when it is a profile that cannot be read."""
        if event.kind == PROFILE:
            profile = parse_profile(event)
            if profile.is_later(self._profiles.get(event.pubkey)):
                self._profiles.put(event.pubkey, profile)
            return
        self._events.put(event.id, event)
        self._named(event)  # now, while one event is looked at, and not for a whole page at its end
        self._owners.put(event.id, Owner(event.pubkey, post_id(event), event.created_at))
        if event.address:
            standing = self._events.get(event.address)
            if standing is None or standing.created_at < event.created_at:
                self._events.put(event.address, event)

    def profile(self, pubkey: str) -> Profile | None:
        """Return the latest profile known."""
        return self._profiles.get(pubkey)

    def event(self, reference: str) -> WireEvent | None:
        """Return the event of this id or address, unless its author deleted it."""
        event = self._events.get(reference) if reference else None
        return None if event is None or self.is_deleted(event) else event

    def owner(self, event_id: str) -> Owner | None:
        """Return whose event this is, if it came by."""
        return self._owners.get(event_id)

    def revision(self, address: str) -> float | None:
        """Return the newest revision of an addressable event that came by."""
        event = self._events.get(address)
        return event.created_at if event else None

    def authors(self) -> list[tuple[str, float]]:
        """Authors that came by lately, youngest first, and since when they are of interest."""
        return [(owner.pubkey, owner.created_at) for _, owner in self._owners.newest(LATELY)]

    def delete(self, pubkey: str, reference: str, at: float) -> None:
        """Note that an author takes an event, an address or (`*`) everything back, up to a time."""
        known = self._deleted.get((pubkey, reference))
        self._deleted.put((pubkey, reference), max(at, known or 0.0))
        self._posts.drop(reference)

    def is_deleted(self, event: WireEvent) -> bool:
        """Tell whether the author took it back, be it before it came. An id once deleted stays so
        (NIP-09)."""
        by_id = self._deleted.get((event.pubkey, event.id))
        upto = (self._deleted.get((event.pubkey, ref)) for ref in (event.address, "*") if ref)
        return by_id is not None or any(at is not None and event.created_at <= at for at in upto)

    def needs(self, event: WireEvent, now_s: float) -> list[Want]:
        """Return what the event's card still lacks and nobody was asked for lately. `now_s` is monotonic."""
        people, quote = self._named(event)
        if quoted := self.event(quote):
            people = (*people, *self._named(quoted)[0])
        wants = [
            Want("profile", pubkey) for pubkey in dict.fromkeys(people) if not self._profiles.get(pubkey)
        ]
        if quote and not self._events.get(quote):
            wants.append(Want("event" if is_hex64(quote) else "address", quote))
        return [want for want in wants if self._is_worth_asking(want, now_s)]

    def _named(self, event: WireEvent) -> tuple[tuple[str, ...], str]:
        """Return whom the event names, and what it quotes."""
        known = self._names.get(event.id)
        if known is None:
            known = (tuple(find_people(event)), find_quote(event))
            self._names.put(event.id, known)
        return known

    def weight(self, event: WireEvent) -> int:
        """Return the cost of making a post of it, in characters that are read."""
        quoted = self.event(self._named(event)[1])
        return sum(200 + len(each.content) + 20 * len(each.tags) for each in (event, quoted) if each)

    def _is_worth_asking(self, want: Want, now_s: float) -> bool:
        asked_at = self._asked_at.get(want)
        return want in self._open or asked_at is None or now_s - asked_at > ASK_AGAIN_S

    def is_open(self, want: Want) -> bool:
        """Tell whether an answer may still come."""
        return want in self._open

    def ask(self, wants: Iterable[Want], now_s: float) -> None:
        """Put to all connected lanes, and to those that are still on their way, what is not asked yet."""
        fresh = [want for want in wants if want not in self._open]
        if not fresh or not self._lanes:
            return
        for want in fresh:
            self._open[want] = set(self._lanes) | self._awaited
            self._asked_at.put(want, now_s)
        for ask in list(self._lanes.values()):
            ask(fresh)

    def answered(self, lane: str, wants: Iterable[Want]) -> None:
        """Note that the lane has said all it knows about these."""
        for want in wants:
            lanes = self._open.get(want, set())
            lanes.discard(lane)
            if not lanes:
                self._open.pop(want, None)
        self.changed()

    def changed(self) -> None:
        """Something may be ready that a lane waits for."""
        for ask in list(self._lanes.values()):
            ask(())

    def settled(self, want: Want) -> None:
        """Note that what was wanted is there: nobody needs to wait for the other lanes."""
        if self._open.pop(want, None) is not None:
            self.changed()

    def is_taken(self, post: Post) -> bool:
        """Tell whether the author of a post, perhaps of an earlier run, took it back."""
        pubkey, address = post.face.author.id.removeprefix("nostr:"), post.id.removeprefix("nostr:")
        upto = self._deleted.get((pubkey, address)) if address != post.ref else None
        by_address = upto is not None and post.revision <= upto
        return by_address or self._deleted.get((pubkey, post.ref)) is not None

    def post(self, event: WireEvent, now: float) -> Post:
        """Return the event as a post: the very same one for every lane that brings it."""
        known = self._posts.get(event.id)
        if known is None:
            known = parse_post(
                event,
                source=self._source,
                web=self._web,
                profile_of=self.profile,
                event_of=self.event,
                now=now,
            )
            self._posts.put(event.id, known)
            self._note_quote(known)
        return known

    def _note_quote(self, post: Post) -> None:
        if post.face.quote and (quoted := self._events.get(post.face.quote.id.removeprefix("nostr:"))):
            self._owners.put(quoted.id, Owner(quoted.pubkey, post.face.quote.id, quoted.created_at))

    def posts_of(self, pubkey: str) -> list[WireEvent]:
        """Events of this author that became posts."""
        made = (self._events.get(event_id) for event_id, _ in self._posts.newest(KNOWN))
        return [event for event in made if event and event.pubkey == pubkey]

    def forget_post(self, event_id: str) -> None:
        """Build it anew next time."""
        self._posts.drop(event_id)
