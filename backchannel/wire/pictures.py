"""The pictures of one post, numbered: avatar, attachments, previews and custom emoji share one list. Pure."""

from collections.abc import Iterable, Sequence

from backchannel.model import Emoji
from backchannel.text import strip_controls, web_url


class PictureIndex:
    """Numbers addresses in the order of their first use, as `Post.pictures` has them. `base` resolves them.

    A face names pictures by number alone, and its hash takes them in this order: so what is drawn first on
    the card is added first, and custom emoji last, by name.
    """

    def __init__(self, base: str = "") -> None:
        self._base = base
        self._at: dict[str, int] = {}
        self._emoji: dict[str, str] = {}

    def add(self, url: str | None) -> int | None:
        """Return the number of the picture at this address; None where there is no address to fetch."""
        clean = web_url(url or "", self._base)
        return self._at.setdefault(clean, len(self._at)) if clean else None

    def know(self, emoji: Iterable[tuple[str, str]]) -> None:
        """Take in names of custom emoji with their addresses; who says a name first is right."""
        for said, url in emoji:
            name = strip_controls(said).replace(":", "")
            clean = web_url(url, self._base) if name else ""
            if clean:
                self._emoji.setdefault(name, clean)

    @property
    def names(self) -> frozenset[str]:
        """The names of custom emoji that are known by now."""
        return frozenset(self._emoji)

    def used(self, texts: Sequence[str]) -> tuple[Emoji, ...]:
        """Number the emoji that these texts use, by name: so their order depends on no server."""
        said = {word for text in texts for word in text.split(":")[1:-1]}
        found = ((name, self.add(url)) for name, url in sorted(self._emoji.items()) if name in said)
        return tuple(Emoji(name, picture) for name, picture in found if picture is not None)

    def all(self) -> tuple[str, ...]:
        """Return every address, by number."""
        return tuple(self._at)
