"""A feed in any of its formats, as it is handed from the two readers to the code that makes posts of it."""

from msgspec import Struct


class Text(Struct, frozen=True):
    """A text and what it is: `type` is a media type, `base` resolves its relative addresses."""

    value: str
    type: str = "text/plain"
    language: str = ""
    base: str = ""


class WirePerson(Struct, frozen=True):
    """A writer as the feed names them: the name may hold an e-mail address."""

    name: str = ""
    url: str = ""
    avatar: str = ""


class WireMedium(Struct, frozen=True):
    """An enclosure, attachment or `media:content`. Those of one `group` are forms of the same thing."""

    url: str
    type: str = ""
    medium: str = ""
    alt: str = ""
    group: int = 0


class WireEntry(Struct, frozen=True):
    """An item. Times are POSIX seconds; `posters` are pictures that stand for something else."""

    id: str = ""
    link: str = ""
    title: Text | None = None
    contents: tuple[Text, ...] = ()
    summary: Text | None = None
    authors: tuple[WirePerson, ...] = ()
    published: float | None = None
    updated: float | None = None
    tags: tuple[str, ...] = ()
    media: tuple[WireMedium, ...] = ()
    posters: tuple[str, ...] = ()
    language: str = ""
    is_noindex: bool = False
    is_adult: bool = False


class Head(Struct, frozen=True):
    """The feed itself. `rest_s`, `skip_hours` (GMT) and `skip_days` (Monday is 0): when not to ask."""

    title: Text | None = None
    link: str = ""
    language: str = ""
    authors: tuple[WirePerson, ...] = ()
    icon: str = ""
    rest_s: float = 0.0
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    is_noindex: bool = False
    is_over: bool = False


class Tombstone(Struct, frozen=True):
    """RFC 6721: the entry with this id was deleted, at this time."""

    ref: str
    at: float | None = None


class WireDocument(Struct, frozen=True):
    """The content of one answer. `reasons`: why items were dropped, one line each."""

    head: Head
    entries: tuple[WireEntry, ...]
    tombstones: tuple[Tombstone, ...] = ()
    reasons: tuple[str, ...] = ()
