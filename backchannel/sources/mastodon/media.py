"""Pictures of a status: their addresses, attachments, custom emoji. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from backchannel.model import Emoji, Media, MediaKind
from backchannel.sources.mastodon.wire import WireEmoji, WireMedia, WireStatus, word
from backchannel.text import strip_controls, web_url

_KINDS: Mapping[str, MediaKind] = {
    "image": "image", "photo": "image", "video": "video", "gifv": "animation", "audio": "audio",
}  # fmt: skip
_ENDINGS: Mapping[str, MediaKind] = {
    "jpg": "image", "jpeg": "image", "png": "image", "gif": "image", "webp": "image", "avif": "image",
    "mp4": "video", "webm": "video", "mov": "video", "m4v": "video",
    "mp3": "audio", "ogg": "audio", "oga": "audio", "opus": "audio", "flac": "audio", "m4a": "audio",
    "wav": "audio",
}  # fmt: skip


class PictureIndex:
    """Addresses in the order of their first use, and which emoji they draw."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._at: dict[str, int] = {}
        self.emoji: dict[str, str] = {}

    def add(self, url: str | None) -> int | None:
        """Its index, or None where there is no picture."""
        clean = web_url(url or "", self._base)
        # Mastodon's stand-in for "has none"; the page draws initials instead.
        if not clean or clean.endswith("/missing.png"):
            return None
        return self._at.setdefault(clean, len(self._at))

    def know(self, emojis: Iterable[WireEmoji] | None) -> None:
        """These names are custom emoji; who says it first is right."""
        for wire in emojis or ():
            name = strip_controls(wire.shortcode or "").replace(":", "")
            url = web_url(wire.static_url or wire.url or "", self._base)
            if name and url:
                self.emoji.setdefault(name, url)

    def used(self, texts: Sequence[str]) -> tuple[Emoji, ...]:
        """The emoji these texts use, by name, so that their order does not depend on the server."""
        said = {word for text in texts for word in text.split(":")[1:-1]}
        found = ((name, self.add(url)) for name, url in sorted(self.emoji.items()) if name in said)
        return tuple(Emoji(name, picture) for name, picture in found if picture is not None)

    def all(self) -> tuple[str, ...]:
        """Every address, by index."""
        return tuple(self._at)


def line(text: str | None) -> str:
    """Foreign text for one line or one paragraph; how long it may be was decided at the door."""
    return strip_controls(text or "").strip()


def build_media(status: WireStatus, pictures: PictureIndex) -> tuple[Media, ...]:
    """The attachments, in order. There is no cap of four on many servers."""
    return tuple(_medium(wire, at, pictures) for at, wire in enumerate(status.media_attachments or ()))


def _medium(wire: WireMedia, at: int, pictures: PictureIndex) -> Media:
    original = wire.url or wire.remote_url or ""
    kind = _KINDS.get(wire.type or "") or _kind_of(wire.remote_url or original) or "image"
    if kind == "image":
        # What the server could not take (type unknown) may be anything; only a picture is fetched as one.
        is_known = wire.type in _KINDS or _kind_of(original) == "image"
        shown = (original or wire.preview_url) if is_known else wire.preview_url
    else:
        # Pixelfed and Pleroma name the film itself as its own preview.
        is_picture = wire.preview_url != wire.url and _kind_of(wire.preview_url or "") in (None, "image")
        shown = wire.preview_url if is_picture else None
    alt = line(wire.description)
    return Media(id=word(wire.id) or str(at), kind=kind, alt=alt, picture=pictures.add(shown))


def _kind_of(url: str) -> MediaKind | None:
    """What an address promises by its ending."""
    return _ENDINGS.get(url.partition("?")[0].partition("#")[0].rpartition(".")[2].casefold())
