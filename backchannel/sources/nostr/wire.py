"""NIP-01 on the wire: events, their ids and signatures, filters, and what a relay says. Pure.

Reading and believing are two steps: `parse_event` takes the form apart, `check_event` recomputes the id and
verifies the signature. Both raise exactly DecodeError.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Annotated, Any, Literal

import coincurve
import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.structs import replace

from backchannel.model import AHEAD_S, DecodeError
from backchannel.redaction import beginning
from backchannel.text import one_line
from backchannel.wire import MAX_NAME, Limit, Plain, bound
from backchannel.wire.dates import read_epoch

MAX_EVENT_BYTES = 256 * 1024
MAX_FRAME_BYTES = MAX_EVENT_BYTES + 1024
"""A longer message is dropped unread; the longest of them only end the connection, see `nostr.MAX_FRAME`."""

MAX_TAGS = 2000
"""One deletion may name many."""

MAX_NAMED = {"t": 64, "imeta": 16, "emoji": 64}
"""How many tags of a name count, the first ones; of other names all do."""

MAX_D_BYTES = 255

NOTE, PICTURE, VIDEO, SHORT, COMMENT, ARTICLE = 1, 20, 21, 22, 1111, 30023
PROFILE, DELETION, VANISH, AUTH = 0, 5, 62, 22242
POST_KINDS = (NOTE, PICTURE, VIDEO, SHORT, COMMENT, ARTICLE)

Hex64 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64), Limit(64, "drop")]
Hex128 = Annotated[str, Meta(pattern="^[0-9a-f]{128}$", max_length=128), Limit(128, "drop")]
WireEventTag = Annotated[list[Annotated[str, Limit(2048, "cut")]], Limit(32, "first")]
_HEX64 = re.compile(r"[0-9a-f]{64}")


class WireEvent(Struct, frozen=True):
    """An event as a relay sends it. `created_at` is what its author claims, in seconds."""

    id: Hex64
    pubkey: Hex64
    created_at: Annotated[int, Meta(ge=0, lt=1 << 53)]
    kind: Annotated[int, Meta(ge=0, le=65535)]
    tags: Annotated[list[WireEventTag], Meta(max_length=MAX_TAGS), Limit(MAX_TAGS, "first")]
    content: Plain
    sig: Hex128

    def all(self, name: str) -> Iterator[Sequence[str]]:
        """Tags of that name that have a value."""
        return islice((tag for tag in self.tags if len(tag) > 1 and tag[0] == name), MAX_NAMED.get(name))

    def first(self, name: str) -> str:
        """Return the value of the first tag of that name, or nothing."""
        return next((tag[1] for tag in self.all(name)), "")

    def has(self, name: str) -> bool:
        """Tell whether a tag of that name stands there, with or without a value."""
        return any(tag and tag[0] == name for tag in self.tags)

    @property
    def address(self) -> str:
        """`kind:pubkey:d` of an addressable event (NIP-01), empty for others."""
        return f"{self.kind}:{self.pubkey}:{self.first('d')}" if 30000 <= self.kind < 40000 else ""


class WireMessage(Struct, frozen=True):
    """A message of a relay. `value` is an event's undecoded form, a challenge, or a text for people."""

    verb: Literal["EVENT", "EOSE", "CLOSED", "NOTICE", "AUTH", "OK"]
    sub: str = ""
    value: bytes = b""
    accepted: bool = False

    @property
    def text(self) -> str:
        """`value` as words, bounded for a log line."""
        return beginning(self.value.decode(errors="replace"), 300)


class WireFilter(Struct, frozen=True, omit_defaults=True):
    """The filter of a REQ. `hashtags` go on the wire as `#t`, `names` as `#d`."""

    kinds: tuple[int, ...] = ()
    ids: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = msgspec.field(default=(), name="#t")
    names: tuple[str, ...] = msgspec.field(default=(), name="#d")
    since: int | None = None
    until: int | None = None
    limit: int | None = None


class RelayLimits(Struct, frozen=True):
    """The limits in a relay's NIP-11 document; 0 or nothing where it does not."""

    max_limit: int = 0
    max_subscriptions: int = 0
    name: str = ""
    is_paid: bool = False
    asks_who: bool = False


_event = msgspec.json.Decoder(WireEvent)
_parts = msgspec.json.Decoder(list[Raw])
_string = msgspec.json.Decoder(str)
_bool = msgspec.json.Decoder(bool)
_encode = msgspec.json.Encoder().encode
_ESCAPES = str.maketrans(
    {"\n": r"\n", '"': r"\"", "\\": r"\\", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"}
)


def parse_event(data: bytes) -> WireEvent:
    """Decode an event's JSON, in form only. Raises DecodeError."""
    if len(data) > MAX_EVENT_BYTES:
        raise DecodeError(f"an event of {len(data)} bytes, more than {MAX_EVENT_BYTES}")
    try:
        event = _event.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodeError(f"no Nostr event: {error}") from error
    if event.address and len(event.first("d").encode()) > MAX_D_BYTES:
        raise DecodeError(f"a d tag of more than {MAX_D_BYTES} bytes")
    return event


def bound_event(event: WireEvent) -> WireEvent:
    """Return the event as everything but the check of its signature sees it: each field within its limit.

    A profile's content is JSON, which a cut would break; its fields are bounded when it is taken apart.
    """
    within = bound(event)
    return replace(within, content=event.content) if event.kind == PROFILE else within


def parse_said(frame: str | bytes) -> WireMessage:
    """Decode a frame of a relay. Raises DecodeError for garbage and for verbs that no client gets."""
    if len(frame) > MAX_FRAME_BYTES:
        raise DecodeError(f"a message of {len(frame)} bytes, more than {MAX_FRAME_BYTES}")
    try:
        parts = _parts.decode(frame)
        verb = _string.decode(parts[0])
        match verb, len(parts):
            case "EVENT", 3:
                return WireMessage("EVENT", sub=_string.decode(parts[1]), value=bytes(parts[2]))
            case "EOSE", n if n >= 2:
                return WireMessage("EOSE", sub=_string.decode(parts[1]))
            case "CLOSED", n if n >= 2:
                why = _string.decode(parts[2]) if n > 2 else ""
                return WireMessage("CLOSED", sub=_string.decode(parts[1]), value=why.encode())
            case ("NOTICE" | "AUTH") as word, n if n >= 2:
                return WireMessage(word, value=_string.decode(parts[1]).encode())
            case "OK", n if n >= 3:
                why = _string.decode(parts[3]) if n > 3 else ""
                accepted = _bool.decode(parts[2])
                return WireMessage("OK", sub=_string.decode(parts[1]), value=why.encode(), accepted=accepted)
    except (msgspec.DecodeError, UnicodeError, RecursionError, IndexError) as error:
        raise DecodeError(f"no message of a relay: {error}") from error
    raise DecodeError(f"a relay does not say {beginning(verb, 20)!r} with {len(parts)} parts")


def parse_limits(document: bytes) -> RelayLimits:
    """Return the limits in a NIP-11 document; what is missing or absurd counts as unsaid. Raises
    DecodeError."""
    try:
        said: Any = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"no NIP-11 document: {error}") from error
    said = said if isinstance(said, dict) else {}
    limits = said["limitation"] if isinstance(said.get("limitation"), dict) else {}

    def number(key: str) -> int:
        value = limits.get(key)
        return value if isinstance(value, int) and 0 < value < 1 << 31 else 0

    name = said.get("name")
    return RelayLimits(
        number("max_limit"),
        number("max_subscriptions"),
        beginning(one_line(name), MAX_NAME) if isinstance(name, str) else "",
        is_paid=limits.get("payment_required") is True,
        asks_who=limits.get("auth_required") is True,
    )


def serialise(pubkey: str, created_at: int, kind: int, tags: Sequence[Sequence[str]], content: str) -> bytes:
    """Return the bytes an event's id is the SHA-256 of. Only the seven escapes of NIP-01, all else
    verbatim."""
    listed = ",".join("[" + ",".join(_quoted(word) for word in tag) + "]" for tag in tags)
    return f'[0,"{pubkey}",{created_at},{kind},[{listed}],{_quoted(content)}]'.encode()


def _quoted(word: str) -> str:
    return f'"{word.translate(_ESCAPES)}"'


def check_event(event: WireEvent) -> None:
    """Raise DecodeError unless the id is the event's own and its key has signed it (BIP-340)."""
    try:
        data = serialise(event.pubkey, event.created_at, event.kind, event.tags, event.content)
    except UnicodeEncodeError as error:
        raise DecodeError("an event with half a surrogate pair") from error
    digest = sha256(data).digest()
    if digest.hex() != event.id:
        raise DecodeError(f"{event.id[:16]} is not the hash of its event")
    try:
        key = coincurve.PublicKeyXOnly(bytes.fromhex(event.pubkey))
    except ValueError as error:
        raise DecodeError(f"{event.pubkey[:16]} is no point of the curve") from error
    if not key.verify(bytes.fromhex(event.sig), digest):
        raise DecodeError(f"the signature of {event.id[:16]} is not by {event.pubkey[:16]}")


def sign_event(
    key: bytes, *, created_at: int, kind: int, tags: Sequence[Sequence[str]], content: str
) -> WireEvent:
    """Return a signed event of ours. ValueError when `key` is no secret key."""
    secret = coincurve.PrivateKey(key)
    pubkey = secret.public_key.format(compressed=True)[1:].hex()
    digest = sha256(serialise(pubkey, created_at, kind, tags, content)).digest()
    return WireEvent(
        id=digest.hex(),
        pubkey=pubkey,
        created_at=created_at,
        kind=kind,
        tags=[list(tag) for tag in tags],
        content=content,
        sig=secret.sign_schnorr(digest).hex(),
    )


def check_answer(event: WireEvent, asked: WireFilter) -> None:
    """Raise DecodeError unless the event is one that the filter asks for. Hashtags are checked elsewhere."""
    if asked.kinds and event.kind not in asked.kinds:
        raise DecodeError(f"kind {event.kind} was not asked for")
    if asked.ids and event.id not in asked.ids:
        raise DecodeError(f"event {event.id[:16]} was not asked for")
    if asked.authors and event.pubkey not in asked.authors:
        raise DecodeError(f"author {event.pubkey[:16]} was not asked for")
    if asked.names and event.first("d") not in asked.names:
        raise DecodeError(f"the name of {event.id[:16]} was not asked for")
    if asked.since is not None and event.created_at < asked.since:
        raise DecodeError(f"{event.id[:16]} is older than what was asked for")
    if asked.until is not None and event.created_at > asked.until:
        raise DecodeError(f"{event.id[:16]} is newer than what was asked for")


def check_time(event: WireEvent, now: float) -> None:
    """Raise DecodeError when the event claims to be from the future."""
    if event.created_at > now + AHEAD_S:
        raise DecodeError(f"{event.id[:16]} is {event.created_at - now:.0f} s ahead of time")


def expires_at(event: WireEvent) -> float | None:
    """NIP-40's end of an event, POSIX seconds, None where it has none or it cannot be read."""
    return read_epoch(event.first("expiration"))


def is_over(event: WireEvent, now: float) -> bool:
    """Tell whether its author let it expire."""
    ends_at = expires_at(event)
    return ends_at is not None and ends_at <= now


def check_work(event: WireEvent, bits: int) -> None:
    """Raise DecodeError when the id has fewer leading zero bits (NIP-13), or its author meant fewer."""
    found = 256 - int(event.id, 16).bit_length()
    if found < bits:
        raise DecodeError(f"{event.id[:16]} shows {found} bits of work, {bits} are asked for")
    meant = next((tag[2] for tag in event.all("nonce") if len(tag) > 2), "")
    if bits and not (meant.isascii() and meant.isdigit() and len(meant) < 4 and int(meant) >= bits):
        raise DecodeError(f"{event.id[:16]} does not commit to {bits} bits of work")


def is_hex64(word: str) -> bool:
    """Tell whether the word may be an event's id or a public key."""
    return _HEX64.fullmatch(word) is not None


def render_req(sub: str, filters: Sequence[WireFilter]) -> str:
    """Return a request as a frame."""
    return _encode(["REQ", sub, *filters]).decode()


def render_close(sub: str) -> str:
    """Return the end of a request as a frame."""
    return _encode(["CLOSE", sub]).decode()


def render_auth(event: WireEvent) -> str:
    """Return a signed answer to a challenge as a frame."""
    return _encode(["AUTH", event]).decode()
