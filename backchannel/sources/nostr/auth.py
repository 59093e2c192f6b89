"""A relay's refusals, and NIP-42: telling it who reads, where there is a key for it. Sans-I/O."""

from backchannel.contract import SourceError
from backchannel.sources.nostr.subs import Subs
from backchannel.sources.nostr.wire import AUTH, WireMessage, render_auth, sign_event

PATIENCE_S = 5.0
_PREFIXES = ("auth-required", "restricted")
RATE_PAUSE_S = 60.0
_NEVER = float("inf")


class Auth:
    """Without `key` it answers nothing; with one it signs every challenge and repeats what was refused."""

    def __init__(self, lane: str, key: bytes, subs: Subs) -> None:
        self.due_at = _NEVER
        self._lane = lane
        self._key = key
        self._subs = subs
        self._sent = ""
        self._is_accepted = False
        self._refused: dict[str, str] = {}
        self._repeated: set[str] = set()

    def challenge(self, challenge: str, created_at: int, now_s: float) -> None:
        """Take the relay's challenge. Every one is answered: a later one replaces the earlier."""
        if not self._key:
            return
        tags = [["relay", self._lane], ["challenge", challenge]]
        event = sign_event(self._key, created_at=created_at, kind=AUTH, tags=tags, content="")
        self._sent, self._is_accepted = event.id, False
        self._subs.frames.append(render_auth(event))

    def may_help(self, why: str) -> bool:
        """Tell whether a refusal with these words may end once the relay knows us."""
        return bool(self._key) and why.startswith(_PREFIXES)

    def refused(self, sub: str, why: str, now_s: float) -> None:
        """Note that a request was refused for want of a name. SourceError when it was repeated already."""
        if sub in self._repeated:
            raise SourceError(f"{self._lane} does not let our key read: {why}", permanent=True)
        self._refused[sub] = why
        self.due_at = now_s + PATIENCE_S
        if self._is_accepted:
            self._repeat()

    def answer(self, said: WireMessage) -> None:
        """Take the relay's answer on our name. SourceError when it does not accept it."""
        if not self._sent or said.sub != self._sent:
            return
        if not said.accepted:
            raise SourceError(f"{self._lane} does not accept our key: {said.text}", permanent=True)
        self._is_accepted = True
        self._repeat()

    def tick(self, now_s: float) -> None:
        """Some relays never confirm: ask again all the same, once. SourceError when nobody asked our name."""
        if now_s < self.due_at:
            return
        if not self._sent:
            raise SourceError(f"{self._lane} wants a name and sends no challenge", permanent=True)
        self._repeat()

    def _repeat(self) -> None:
        refused, self._refused, self.due_at = self._refused, {}, _NEVER
        for sub in refused:
            self._repeated.add(sub)
            self._subs.again(sub)


def refusal(lane: str, why: str) -> SourceError:
    """Return what a relay's machine-readable prefix (NIP-01) means for the lane."""
    word = why.partition(":")[0]
    if word == "auth-required":
        return SourceError(f"{lane} wants to know who reads: set secret_key ({why})", permanent=True)
    if word == "rate-limited":
        return SourceError(f"{lane} asks for a pause: {why}", retry_after_s=RATE_PAUSE_S)
    is_permanent = word in ("restricted", "blocked", "invalid", "unsupported")
    return SourceError(f"{lane} refuses the request: {why or 'no reason given'}", permanent=is_permanent)
