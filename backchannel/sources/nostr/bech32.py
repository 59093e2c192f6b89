"""NIP-19: the words that name keys and events in text (`npub1…`, `nevent1…`), both ways. Pure.

Bech32 of BIP-173 without its limit of 90 characters; unknown TLV types are skipped, as NIP-19 asks.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from backchannel.model import DecodeError
from backchannel.redaction import beginning

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
MAX_LENGTH = 1500
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)

Prefix = Literal["npub", "nprofile", "note", "nevent", "naddr", "nsec"]
_SPECIAL, _RELAY, _AUTHOR, _KIND = 0, 1, 2, 3


class Pointer(Struct, frozen=True):
    """The key or event that a NIP-19 word names. `pubkey` and `event` are hex, empty where the word does not
    say.

    A `naddr` has `kind`, `pubkey` and `name` (the `d` tag); `key` is only set for `nsec`.
    """

    prefix: Prefix
    pubkey: str = ""
    event: str = ""
    kind: int | None = None
    name: str = ""
    key: str = ""


def parse_pointer(word: str) -> Pointer:
    """Read one NIP-19 word, without `nostr:`. Raises DecodeError that names what is wrong."""
    prefix, data = _decode(word)
    match prefix:
        case "npub":
            return Pointer("npub", pubkey=_hex32(data, prefix))
        case "note":
            return Pointer("note", event=_hex32(data, prefix))
        case "nsec":
            return Pointer("nsec", key=_hex32(data, prefix))
        case "nprofile":
            return Pointer("nprofile", pubkey=_hex32(_need(dict(_tlv(data)), _SPECIAL, prefix), prefix))
        case "nevent":
            return _parse_nevent(dict(_tlv(data)))
        case "naddr":
            return _parse_naddr(dict(_tlv(data)))
    raise DecodeError(f"unknown NIP-19 prefix {beginning(prefix, 20)!r}")


def _parse_nevent(fields: dict[int, bytes]) -> Pointer:
    author = fields.get(_AUTHOR)
    return Pointer(
        "nevent",
        event=_hex32(_need(fields, _SPECIAL, "nevent"), "nevent"),
        pubkey=_hex32(author, "nevent") if author else "",
        kind=_number(fields[_KIND]) if _KIND in fields else None,
    )


def _parse_naddr(fields: dict[int, bytes]) -> Pointer:
    try:
        name = _need(fields, _SPECIAL, "naddr").decode()
    except UnicodeDecodeError as error:
        raise DecodeError("the name in a naddr is not UTF-8") from error
    return Pointer(
        "naddr",
        pubkey=_hex32(_need(fields, _AUTHOR, "naddr"), "naddr"),
        kind=_number(_need(fields, _KIND, "naddr")),
        name=name,
    )


def render_npub(pubkey: str) -> str:
    """Return a public key, in hex, as people write it."""
    return _encode("npub", bytes.fromhex(pubkey))


def render_nevent(event: str, pubkey: str = "", kind: int | None = None) -> str:
    """Return an event's id, in hex, with what helps to find it. No relay hint: every relay gives the same
    word."""
    fields = [(_SPECIAL, bytes.fromhex(event))]
    if pubkey:
        fields.append((_AUTHOR, bytes.fromhex(pubkey)))
    if kind is not None:
        fields.append((_KIND, kind.to_bytes(4, "big")))
    return _encode("nevent", _join(fields))


def render_naddr(kind: int, pubkey: str, name: str) -> str:
    """Return an addressable event as a word. DecodeError when `name` is longer than 255 bytes (NIP-19's
    TLV)."""
    encoded = name.encode()
    if len(encoded) > 255:
        raise DecodeError("a name of more than 255 bytes has no naddr")
    return _encode(
        "naddr",
        _join([(_SPECIAL, encoded), (_AUTHOR, bytes.fromhex(pubkey)), (_KIND, kind.to_bytes(4, "big"))]),
    )


def shorten(word: str) -> str:
    """Return a NIP-19 word short enough to read: both ends of it."""
    return word if len(word) <= 20 else f"{word[:12]}…{word[-6:]}"


def _join(fields: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(bytes((kind, len(value))) + value for kind, value in fields)


def _tlv(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 2 <= len(data):
        kind, size = data[at], data[at + 1]
        value = data[at + 2 : at + 2 + size]
        if len(value) < size:
            raise DecodeError("a NIP-19 word ends within a field")
        if kind != _RELAY:
            yield kind, value
        at += 2 + size


def _need(fields: dict[int, bytes], kind: int, prefix: str) -> bytes:
    if kind not in fields:
        raise DecodeError(f"{prefix} lacks its field {kind}")
    return fields[kind]


def _hex32(data: bytes, prefix: str) -> str:
    if len(data) != 32:
        raise DecodeError(f"{prefix} holds {len(data)} bytes where 32 belong")
    return data.hex()


def _number(data: bytes) -> int:
    if len(data) != 4:
        raise DecodeError(f"a kind of {len(data)} bytes where 4 belong")
    return int.from_bytes(data, "big")


def _checksum(prefix: str, values: Iterable[int]) -> int:
    check = 1
    spread = [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix)]
    for value in (*spread, *values):
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check


def _regroup(values: Iterable[int], size: int, to: int) -> tuple[list[int], int, int]:
    """Cut a run of `size`-bit numbers into `to`-bit ones; also what is left over, and of how many bits."""
    held, bits, out = 0, 0, []
    for value in values:
        held = held << size | value
        bits += size
        while bits >= to:
            bits -= to
            out.append(held >> bits & (1 << to) - 1)
        held &= (1 << bits) - 1
    return out, held, bits


def _decode(word: str) -> tuple[str, bytes]:
    if len(word) > MAX_LENGTH:
        raise DecodeError(f"no NIP-19 word: {beginning(word, 20)!r}")
    lowered = word.lower()
    if word not in (lowered, word.upper()) or not word.isascii():
        raise DecodeError("a NIP-19 word is ASCII of one case")
    prefix, one, rest = lowered.rpartition("1")
    if not (prefix and one) or len(rest) < 6:
        raise DecodeError(f"no NIP-19 word: {beginning(word, 20)!r}")
    try:
        values = [_VALUES[letter] for letter in rest]
    except KeyError as error:
        raise DecodeError(f"{error.args[0]!r} is no letter of bech32") from error
    if _checksum(prefix, values) != 1:
        raise DecodeError(f"wrong checksum in {beginning(word, 20)!r}")
    data, left, bits = _regroup(values[:-6], 5, 8)
    if left or bits >= 5:
        raise DecodeError(f"wrong padding in {beginning(word, 20)!r}")
    return prefix, bytes(data)


def _encode(prefix: str, data: bytes) -> str:
    values, left, bits = _regroup(data, 8, 5)
    if bits:
        values.append(left << 5 - bits)
    check = _checksum(prefix, [*values, 0, 0, 0, 0, 0, 0]) ^ 1
    tail = [check >> 5 * (5 - i) & 31 for i in range(6)]
    return f"{prefix}1" + "".join(ALPHABET[value] for value in (*values, *tail))
