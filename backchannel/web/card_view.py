"""The display form of a post as data: what a frame carries, and what a page fills its own card from.

A `CardView` is the same for everybody, and every text in it is foreign but bounded.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from backchannel.web.card_body import BodyView


class AuthorView(Struct, frozen=True):
    """`avatar` is the address of a picture of ours, or empty: then the initials stand in the disc.

    `short` and `home` are the two parts of `handle`: where there is little room, `home` is left out.
    """

    name: str = ""
    handle: str = ""
    short: str = ""
    home: str = ""
    url: str = ""
    avatar: str = ""
    initials: str = ""


class TimeView(Struct, frozen=True):
    """`text` is "8:40" in the event's zone; `day` and `date` are for the days on which that is not enough."""

    iso: str = ""
    text: str = ""
    day: str = ""
    month: str = ""
    date: str = ""


class MediaView(Struct, frozen=True):
    """`image`: the picture. `moving`: its poster, which leads to where it plays. `words`: no picture."""

    kind: Literal["image", "moving", "words"] = "words"
    src: str = ""
    alt: str = ""
    w: int = 0
    h: int = 0
    label: str = ""
    url: str = ""


class PreviewView(Struct, frozen=True):
    """Describes what a link leads to. Empty `url`: there is none."""

    url: str = ""
    title: str = ""
    host: str = ""
    src: str = ""


class QuoteView(Struct, frozen=True):
    """A post inside the post. Empty `name`: there is none."""

    url: str = ""
    name: str = ""
    meta: str = ""
    warning: str = ""
    body: BodyView = ()
    media: tuple[MediaView, ...] = ()


class RestView(Struct, frozen=True):
    """Signs for what is not drawn: so many more options and media, and that the text goes on elsewhere."""

    poll: str = ""
    media: str = ""
    body: str = ""


class CardView(Struct, frozen=True):
    """Everything a card shows, and last what a layout needs to know to choose, to place and to hold it.

    `begins` is the beginning of a text that is so long that a tab folds it. `ems` and `lines` are the least
    room that the body takes (see card_room.py); `empty`: there is nothing to read or to see; `heavy`: 1 where
    there are so many letters that pages spare themselves their kerning, which takes engines quadratic time; 2
    where a tab lays the card out only when it is looked at.
    """

    key: int = 0
    order: int = 0
    kind: Literal["card"] = "card"
    clearance: str = ""
    network: str = ""
    lang: str = ""
    url: str = ""
    author: AuthorView = field(default_factory=AuthorView)
    meta: str = ""
    time: TimeView = field(default_factory=TimeView)
    at: int = 0
    warning: str = ""
    sensitive: bool = False
    body: BodyView = ()
    tags: str = ""
    media: tuple[MediaView, ...] = ()
    poll: tuple[str, ...] = ()
    preview: PreviewView = field(default_factory=PreviewView)
    quote: QuoteView = field(default_factory=QuoteView)
    rest: RestView = field(default_factory=RestView)
    begins: str = ""
    parent: int = 0
    root: int = 0
    words: int = 0
    asks: bool = False
    ems: int = 0
    lines: int = 0
    empty: bool = False
    heavy: int = 0


BLANK_VIEW: Mapping[str, str | int] = {"key": 0, "kind": "blank", "order": 0}
"""Put by a frame while every screen shows nothing."""
