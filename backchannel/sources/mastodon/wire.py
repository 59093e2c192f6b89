"""Mastodon's REST API as it comes over the wire, and as its relatives bend it.

Rules of this file: no field is ever assumed to be there; ids are text whatever their shape (snowflakes,
ULIDs, flake ids); where PHP says `[]` and Firefish says `false`, they mean "none". What is not understood
raises DecodeError, one status at a time. Docs: https://docs.joinmastodon.org/entities/Status/.
"""

from typing import Annotated, NamedTuple, TypeVar

from msgspec import Raw, Struct

from backchannel.model import DecodeError
from backchannel.wire import (
    Alt,
    Html,
    Id,
    Lang,
    Limit,
    Line,
    Name,
    Plain,
    Url,
    Word,
    Words,
    decode,
    decode_items,
)
from backchannel.wire.dates import parse_date

MAX_PAGE = 200

Flag = bool | int | None

NOTHING = Raw(b"null")


class WireEmoji(Struct):
    """A custom emoji of a server."""

    shortcode: Annotated[str | None, Limit(64, "left out")] = None
    url: Url | None = None
    static_url: Url | None = None


class WirePlain(Struct, rename={"text": "text/plain"}):
    """A text of Pleroma's by its type."""

    text: Words | None = None


class WirePleroma(Struct):
    """The fields that Pleroma and Akkoma add to a status and to an account."""

    ap_id: Id | None = None
    expires_at: Annotated[str | None, Limit(100, "drop")] = None
    quote: Raw = NOTHING
    spoiler_text: Raw = NOTHING


class WireAccount(Struct):
    """The writer. `acct` has no host where the account is the server's own."""

    acct: Annotated[str | None, Limit(300, "drop")] = None
    username: Annotated[str | None, Limit(300, "drop")] = None
    display_name: Name | None = None
    url: Url | None = None
    uri: Id | None = None
    avatar: Url | None = None
    avatar_static: Url | None = None
    note: Plain | None = None
    bot: Flag = None
    discoverable: Flag = None
    indexable: Flag = None
    noindex: Flag = None
    limited: Flag = None
    suspended: Flag = None
    memorial: Flag = None
    emojis: Annotated[list[WireEmoji] | None, Limit(64, "first")] = None
    pleroma: Raw = NOTHING


class WireMedia(Struct):
    """An attachment. `url` is null while it is processed; `description` is the alt text."""

    id: Id | int | None = None
    type: Word | None = None
    url: Url | None = None
    preview_url: Url | None = None
    remote_url: Url | None = None
    description: Alt | None = None


class WireMention(Struct):
    """An account that is mentioned; `url` is where the link in the content leads."""

    url: Url | None = None
    acct: Annotated[str | None, Limit(300, "left out")] = None


class WireTag(Struct):
    """A hashtag, without `#`."""

    name: Annotated[str | None, Limit(200, "left out")] = None


class WireCard(Struct):
    """A link's preview. Sizes come as numbers or as text, and are not read."""

    url: Url | None = None
    title: Line | None = None
    description: Words | None = None
    image: Url | None = None


class WireOption(Struct):
    """A poll's option."""

    title: Line | None = None


class WirePoll(Struct):
    """A poll; its counts are not read."""

    options: Annotated[list[WireOption] | None, Limit(20, "first")] = None


class WireQuote(Struct):
    """Mastodon 4.4's quote. A shallow one has an id instead of the quoted status."""

    state: Word | None = None
    quoted_status: Raw = NOTHING


class WireStatus(Struct):
    """A status, as in a timeline."""

    id: Id | int | None = None
    uri: Id | None = None
    url: Url | None = None
    created_at: Annotated[str | None, Limit(100, "drop")] = None
    edited_at: Annotated[str | None, Limit(100, "drop")] = None
    account: WireAccount | None = None
    content: Html | None = None
    spoiler_text: Words | None = None
    sensitive: Flag = None
    visibility: Word | None = None
    language: Lang | None = None
    media_attachments: Annotated[list[WireMedia] | None, Limit(16, "first")] = None
    mentions: Annotated[list[WireMention] | None, Limit(100, "first")] = None
    tags: Annotated[list[WireTag] | None, Limit(64, "first")] = None
    emojis: Annotated[list[WireEmoji] | None, Limit(64, "first")] = None
    card: Raw = NOTHING
    poll: Raw = NOTHING
    in_reply_to_id: Annotated[str | int | None, Limit(2048, "left out")] = None
    reblog: Raw = NOTHING
    quote: Raw = NOTHING
    pleroma: Raw = NOTHING


class Access(Struct):
    """The readers allowed on a timeline: "public", "authenticated" or "disabled"; "" where the server is
    silent."""

    local: Word | None = None
    remote: Word | None = None


class _Timelines(Struct):
    hashtag_feeds: Access | None = None


class _Configuration(Struct):
    timelines_access: _Timelines | None = None


class _Instance(Struct):
    domain: Annotated[str | None, Limit(253, "left out")] = None
    account_domain: Annotated[str | None, Limit(253, "left out")] = None
    uri: Annotated[str | None, Limit(300, "left out")] = None
    version: Name | None = None
    source_url: Name | None = None
    configuration: Raw = NOTHING


class Instance(Struct, frozen=True):
    """A server's description of itself. `domain` stands in its handles; `takes_any`: it reads `any[]`."""

    domain: str = ""
    version: str = ""
    local: str = ""
    remote: str = ""
    takes_any: bool = True


class WireWhen(Struct):
    """Holds which status it is and when it was written, which is enough to find the way through pages."""

    id: Id | int | None = None
    created_at: Annotated[str | None, Limit(100, "drop")] = None


class Items(NamedTuple):
    """A list's items, undecoded; `surplus`: how many more there were than anybody asks for."""

    items: list[Raw]
    surplus: int


_T = TypeVar("_T")


def decode_object(data: Raw, kind: type[_T]) -> _T | None:
    """Return a part that may be missing in any of the ways servers have of saying so."""
    text = bytes(data)
    return decode(text, kind) if text.startswith(b"{") and text != b"{}" else None


def parse_list(body: bytes) -> Items:
    """Return the items of a JSON list, undecoded, so that one bad item is one. DecodeError if it is no
    list."""
    return Items(*decode_items(body, MAX_PAGE))


def parse_status(item: bytes | Raw) -> WireStatus:
    """Decode a status that has an id. DecodeError."""
    status = decode(item, WireStatus)
    if status.id in (None, ""):
        raise DecodeError("a status without an id")
    return status


def parse_id(item: Raw) -> str:
    """Return the item's id, even where nothing else of it can be read; else empty."""
    try:
        return word(decode(item, WireWhen).id)
    except DecodeError:
        return ""


def parse_created(item: Raw) -> float:
    """Return when the item was written, even where nothing else of it can be read. DecodeError."""
    return parse_date(decode(item, WireWhen).created_at or "")


def parse_instance(body: bytes) -> Instance:
    """`/api/v2/instance`, or version 1 of it. DecodeError if it is neither."""
    wire = decode(body, _Instance)
    if wire.version is None:
        raise DecodeError("an instance without a version")
    configuration = decode_object(wire.configuration, _Configuration)
    timelines = configuration.timelines_access if configuration else None
    access = (timelines.hashtag_feeds if timelines else None) or Access()
    software = f"{wire.version} {wire.source_url or ''}".casefold()
    domain = wire.account_domain or wire.domain or wire.uri or ""
    return Instance(
        domain=domain.removeprefix("https://").removeprefix("http://").strip("/").casefold(),
        version=wire.version,
        local=access.local or "",
        remote=access.remote or "",
        # These read one tag at a time and ignore the others without a word.
        takes_any=not any(name in software for name in ("gotosocial", "pixelfed", "takahe", "snac")),
    )


def word(value: str | int | None) -> str:
    """Return an id as text."""
    return "" if value is None else str(value).strip()


def id_order(value: str) -> tuple[int, str]:
    """Orders the ids of one server: by length, then as text. Nothing else is known about them."""
    return len(value), value
