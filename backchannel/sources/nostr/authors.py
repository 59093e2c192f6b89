"""Authors: kind 0 profiles and NIP-30's custom emoji. Pure."""

import re
from collections.abc import Iterable

from msgspec import Raw, Struct

from backchannel.model import DecodeError
from backchannel.sources.nostr.wire import PROFILE, WireEvent
from backchannel.text import MAX_URL, web_url
from backchannel.wire import MAX_NAME, MAX_PLAIN, Limit, bound_text, decode
from backchannel.wire.short_text import line
from backchannel.wire.wishes import wishes_in_words

_NOTHING = Raw(b"null")
_SHORTCODE = re.compile(r"[\w-]{1,64}")


class Profile(Struct, frozen=True):
    """A profile, as a kind 0 event gives it. `labels` are the house's words, see `model.REFUSALS`."""

    event: str
    pubkey: str
    created_at: int
    name: str = ""
    picture: str = ""
    labels: tuple[str, ...] = ()
    emoji: tuple[tuple[str, str], ...] = ()

    def is_later(self, other: "Profile | None") -> bool:
        """Tell whether this one stands; of two of one second the lower id does (NIP-01)."""
        return other is None or (-self.created_at, self.event) < (-other.created_at, other.event)


def parse_profile(event: WireEvent) -> Profile:
    """Read a profile. `nip05` is a claim nobody checked: it is not read. Raises DecodeError."""
    if event.kind != PROFILE:
        raise DecodeError(f"kind {event.kind} is no profile")
    try:
        said = decode(event.content.encode(), dict[str, Raw])
    except (DecodeError, UnicodeError) as error:
        raise DecodeError(f"the profile of {event.pubkey[:16]} is no JSON object: {error}") from error

    def text(limit: Limit, *keys: str) -> str:
        """Return the first of these that has words in it; what is no text counts as not said."""
        texts = (decode(raw, str) for key in keys if bytes(raw := said.get(key, _NOTHING)).startswith(b'"'))
        return next((bound_text(value, limit) for value in texts if value.strip()), "")

    name = line(text(Limit(MAX_NAME, "cut"), "display_name", "displayName", "name", "username"), MAX_NAME)
    labels = wishes_in_words(text(Limit(MAX_PLAIN, "cut"), "about"))
    if bytes(said.get("bot", _NOTHING)) == b"true":
        labels.append("bot")
    emoji = tuple((code, url) for code, url in find_emoji(event) if f":{code}:" in name)
    return Profile(
        event.id,
        event.pubkey,
        event.created_at,
        name,
        web_url(text(Limit(MAX_URL, "left out"), "picture")),
        tuple(labels),
        emoji,
    )


def find_emoji(event: WireEvent) -> Iterable[tuple[str, str]]:
    """NIP-30's custom emoji: shortcode and address, the first of each name."""
    found: dict[str, str] = {}
    for tag in event.all("emoji"):
        url = web_url(tag[2]) if len(tag) > 2 else ""
        if url and _SHORTCODE.fullmatch(tag[1]):
            found.setdefault(tag[1], url)
    return found.items()
