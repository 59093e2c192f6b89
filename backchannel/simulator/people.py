"""The people of the invented conference, and where each of them writes: play/cast.txt, read into people.

Everybody but the writers of feeds has a Mastodon account and a Nostr key; `home` is where they write unless
the play says otherwise.
"""

from importlib.resources import files

from msgspec import Struct

Kind = str
KINDS: tuple[Kind, ...] = ("mastodon", "feed", "nostr")
"""The networks that the play is spoken on."""


class Appearance(Struct, frozen=True):
    """The traits of a portrait: colours as `#rrggbb`, `hair` and `extra` as words `portraits.py` knows."""

    ground: str
    skin: str
    hair: str
    hair_colour: str
    cloth: str
    extra: str = ""


class Person(Struct, frozen=True):
    """A person who writes. `server` is the index of their Mastodon server, `feed` the file name of their
    feed."""

    key: str
    name: str
    handle: str
    home: Kind
    server: int
    feed: str
    lang: str
    bio: str
    look: Appearance

    @property
    def is_bot(self) -> bool:
        """Whether the account says of itself that nobody sits behind it."""
        return self.look.hair == "bell"


class FeedInfo(Struct, frozen=True):
    """A feed: its file name under /feeds/, whose ending is its format, and what it says about itself."""

    file: str
    title: str
    about: str
    site: str
    author: str


SERVERS = ("toot.example", "agora.example")
RELAYS = ("relay.openideas.example", "tide.example")
FEEDS = (
    FeedInfo("blog.xml", "Open Ideas", "News from the mill", "https://openideas.example", "marta"),
    FeedInfo("marginalia.atom", "Marginalia", "Beside the talks", "https://marginalia.example", "theo"),
    FeedInfo("fieldnotes.json", "Field Notes", "One notebook", "https://fieldnotes.example", "gwen"),
    FeedInfo("readingroom.rdf", "The Reading Room", "212 books", "https://reading.example", "ruth"),
)
EMOJI = ("openideas", "applause")
"""Shortcodes of the custom emoji that everybody here may use."""


def parse_person(row: str) -> Person:
    """Read a row of the cast."""
    key, name, handle, home, lang, bio, look = (part.strip() for part in row.split("|"))
    words = [part if part != "-" else "" for part in look.split()]
    feed = home if "." in home and not home.startswith("n.") else ""
    kind: Kind = "feed" if feed else "nostr" if home.startswith("n.") else "mastodon"
    server = int(home.endswith("agora"))
    return Person(key, name, handle, kind, server, feed, lang, "" if bio == "-" else bio, Appearance(*words))


def _load_cast() -> dict[str, Person]:
    rows = files(__package__).joinpath("play", "cast.txt").read_text("utf-8").splitlines()
    people = [parse_person(row) for row in rows if row and not row.startswith("//")]
    return {person.key: person for person in people}


CAST = _load_cast()
