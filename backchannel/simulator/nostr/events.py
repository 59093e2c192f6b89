"""The same conference as signed Nostr events: profiles, notes, articles, deletions.

Keys come from the seed, signatures are deterministic, so a seed and a start give the same ids every time.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property

import coincurve
import msgspec

from backchannel.simulator.markup import find_tags
from backchannel.simulator.people import CAST, EMOJI
from backchannel.simulator.pictures import SIZES
from backchannel.simulator.script import ScriptedPost, Sketch, Version
from backchannel.simulator.world import World

Tags = list[list[str]]

NOTE, PROFILE, DELETION, ARTICLE = 1, 0, 5, 30023
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class Event(msgspec.Struct, frozen=True):
    """An event as it stands on the wire."""

    id: str
    created_at: int
    pubkey: str
    kind: int
    sig: str
    content: str
    tags: Tags


class Key:
    """Somebody's key, derived from a seed and a name."""

    def __init__(self, seed: int, name: str) -> None:
        secret = hashlib.sha256(f"backchannel simulator {seed} {name}".encode()).digest()
        self._key = coincurve.PrivateKey(secret)

    @cached_property
    def public(self) -> str:
        """The x-only public key in hex."""
        return self._key.public_key.format(compressed=True)[1:].hex()

    def sign(self, kind: int, created_at: int, content: str, tags: Tags) -> Event:
        """Return a signed event (NIP-01)."""
        digest = event_hash(self.public, created_at, kind, tags, content)
        signature = self._key.sign_schnorr(digest, hashlib.sha256(digest).digest())
        return Event(digest.hex(), created_at, self.public, kind, signature.hex(), content, tags)


class EventWriter:
    """Turns what is said into events. `media` is where pictures lie."""

    def __init__(self, world: World, media: str) -> None:
        self._world = world
        self._media = media
        self._keys = {who: Key(world.seed, who) for who in CAST}
        self._events: dict[str, Event] = {}

    def profile(self, who: str, created_at: int) -> Event:
        """Kind 0: name, picture, words about oneself."""
        person = CAST[who]
        about = {
            "name": person.handle, "display_name": person.name, "about": person.bio, "bot": person.is_bot,
            "picture": self._url(Sketch("portrait", who)), "nip05": f"{person.handle}@openideas.example",
        }  # fmt: skip
        content = msgspec.json.encode(about).decode()
        return self._keys[who].sign(PROFILE, created_at, content, self._emoji_tags(person.name))

    def event(self, said: ScriptedPost, version: Version) -> Event:
        """Return a note, or an article where it has a title. Parents must have been made before."""
        text = version.text
        tags: Tags = [["t", _as_client_writes(said, text, tag)] for tag in find_tags(text)]
        tags += self._thread_tags(said)
        if version.warning:
            tags.append(["content-warning", version.warning])
        if said.lang != "en":
            tags += [["L", "ISO-639-1"], ["l", said.lang, "ISO-639-1"]]
        for picture in said.pictures:
            url, (width, height) = self._url(picture), SIZES[picture.kind]
            text += f"\n{url}"
            tags.append(["imeta", f"url {url}", "m image/png", f"alt {picture.alt}", f"dim {width}x{height}"])
        tags += self._emoji_tags(text)
        kind = NOTE
        if said.title:
            kind = ARTICLE
            published = str(int(self._world.stamp(said.at_s)))
            tags += [["d", said.key], ["title", said.title], ["published_at", published]]
        if quoted := self._events.get(said.quotes):
            tags.append(["q", quoted.id, "", quoted.pubkey])
            text += f"\nnostr:{bech32('note', quoted.id)}"
        event = self._keys[said.who].sign(kind, int(self._world.stamp(version.at_s)), text, tags)
        self._events[said.key] = event
        return event

    def deletion(self, said: ScriptedPost, at_s: float) -> Event:
        """Kind 5 for it."""
        gone = self._events[said.key]
        tags = [["e", gone.id], ["k", str(gone.kind)]]
        return self._keys[said.who].sign(DELETION, int(self._world.stamp(at_s)), "", tags)

    def global_id(self, said: ScriptedPost) -> str:
        """Return the id that the wall uses: the event's, or an article's address, which no edit changes."""
        event = self._events[said.key]
        return f"nostr:{ARTICLE}:{event.pubkey}:{said.key}" if said.title else f"nostr:{event.id}"

    def _thread_tags(self, said: ScriptedPost) -> Tags:
        """NIP-10: the thread's root and the event that is answered."""
        parent = self._events.get(said.answers)
        if parent is None:
            return []
        above = next((tag for tag in parent.tags if tag[0] == "e" and tag[3] == "root"), None)
        if above is None:
            marks = [["e", parent.id, "", "root", parent.pubkey]]
        else:
            marks = [above, ["e", parent.id, "", "reply", parent.pubkey]]
        return [*marks, ["p", parent.pubkey]]

    def _emoji_tags(self, text: str) -> Tags:
        """NIP-30: where the pictures of the emoji in a text lie."""
        return [["emoji", name, self._url(Sketch("emoji", name))] for name in EMOJI if f":{name}:" in text]

    def _url(self, picture: Sketch) -> str:
        return f"{self._media}/{picture.name}.png"


def event_hash(pubkey: str, created_at: int, kind: int, tags: Sequence[Sequence[str]], content: str) -> bytes:
    """NIP-01's hash, whose hex is the id."""
    return hashlib.sha256(msgspec.json.encode([0, pubkey, created_at, kind, tags, content])).digest()


def is_genuine(event: Event) -> bool:
    """Tell whether id and signature are what the event says."""
    try:
        digest = event_hash(event.pubkey, event.created_at, event.kind, event.tags, event.content)
        if digest.hex() != event.id:
            return False
        key = coincurve.PublicKeyXOnly(bytes.fromhex(event.pubkey))
        return key.verify(bytes.fromhex(event.sig), digest)
    except ValueError:
        return False


def bech32(prefix: str, value: str) -> str:
    """NIP-19: `npub1…` or `note1…` for 32 bytes in hex."""
    bits = int(value, 16) << 4
    data = [bits >> shift & 31 for shift in range(255, -1, -5)]
    head = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    checksum = _polymod([*head, *data, 0, 0, 0, 0, 0, 0]) ^ 1
    data += [checksum >> 5 * (5 - place) & 31 for place in range(6)]
    return f"{prefix}1" + "".join(_BECH32[value] for value in data)


def _polymod(values: Sequence[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(_GENERATOR):
            check ^= term if top >> place & 1 else 0
    return check


def _as_client_writes(said: ScriptedPost, text: str, tag: str) -> str:
    """Some clients leave the case of a hashtag as it was written, which they should not (NIP-24)."""
    at = text.lower().find(f"#{tag}") + 1
    return text[at : at + len(tag)] if len(said.key) % 3 == 0 else tag
