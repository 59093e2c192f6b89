"""Attachments and custom emoji of a status. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from backchannel.model import Media, MediaKind
from backchannel.sources.mastodon.wire import WireEmoji, WireMedia, WireStatus, word
from backchannel.wire.media_kind import kind_of_address
from backchannel.wire.pictures import PictureIndex
from backchannel.wire.short_text import passage

_KINDS: Mapping[str, MediaKind] = {
    "image": "image", "photo": "image", "video": "video", "gifv": "animation", "audio": "audio",
}  # fmt: skip


def emoji_of(*lists: Iterable[WireEmoji] | None) -> Iterator[tuple[str, str]]:
    """Return names and addresses of custom emoji; a picture that stands still comes before one that moves."""
    for wire in (wire for emojis in lists for wire in emojis or ()):
        yield wire.shortcode or "", wire.static_url or wire.url or ""


def build_media(status: WireStatus, pictures: PictureIndex) -> tuple[Media, ...]:
    """Return the attachments, in order. There is no cap of four on many servers."""
    return tuple(_medium(wire, at, pictures) for at, wire in enumerate(status.media_attachments or ()))


def _medium(wire: WireMedia, at: int, pictures: PictureIndex) -> Media:
    original = wire.url or wire.remote_url or ""
    kind = _KINDS.get(wire.type or "") or kind_of_address(wire.remote_url or original) or "image"
    if kind == "image":
        # What the server could not take (type unknown) may be anything; only a picture is fetched as one.
        is_known = wire.type in _KINDS or kind_of_address(original) == "image"
        shown = (original or wire.preview_url) if is_known else wire.preview_url
    else:
        # Pixelfed and Pleroma name the film itself as its own preview.
        is_picture = wire.preview_url != wire.url and kind_of_address(wire.preview_url or "") in (
            None,
            "image",
        )
        shown = wire.preview_url if is_picture else None
    alt = passage(wire.description)
    return Media(id=word(wire.id) or str(at), kind=kind, alt=alt, picture=pictures.add(shown))
