"""Foreign text beside the body: names, titles, warnings, alternative texts; a title before a body. Pure."""

from backchannel.model import Body, Node
from backchannel.text import cut, one_line, plain_text, strip_controls


def line(said: str | None, most: int) -> str:
    """Return a text for one line, such as a name, with at most so many characters."""
    return cut(one_line(said or ""), most)


def passage(said: str | None, most: int | None = None) -> str:
    """Return a text that may have lines of its own, such as a warning, without space at its ends.

    `most` is for what came through no door (`wire.limits`), which has bounded all else.
    """
    text = strip_controls(said or "").strip()
    return text if most is None else cut(text, most)


def repeats(title: str, body: Body) -> bool:
    """Tell whether the body begins with the title, as where a network makes a title of a post's first
    words."""
    start = " ".join(title.rstrip(".… ").split())
    return " ".join(plain_text(body).split()).startswith(start)


def titled(title: str, body: Body) -> Body:
    """Put a title before a body, as a paragraph of its own."""
    return (Node("paragraph", (Node("strong", (title,)),)), *body)
