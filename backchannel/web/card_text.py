"""Small pieces of a card's text: initials, times, what is a question, how long it takes to read (pure)."""

import re
import unicodedata
from collections.abc import Collection
from datetime import tzinfo
from typing import NamedTuple

from backchannel.clock import to_utc
from backchannel.text import draws_nothing

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_WORD = re.compile(r"[^\W_]+")
_SHORTCODE = re.compile(r":([A-Za-z0-9_]+):")
_QUESTION_MARKS = "?？؟՞"
_CLOSERS = "\"'”’»)]】」』* \t\n\u00a0"
_LETTERS_A_WORD = 2  # scripts without spaces: about two signs are read as fast as one word
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CASED = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN")


class TimeParts(NamedTuple):
    """A moment in the event's zone, in the pieces a card shows."""

    iso: str
    text: str
    day: str
    month: str
    date: str


def render_time(at: float, zone: tzinfo) -> TimeParts:
    """8:40: no leading zero, since the face slashes its zeros. `iso` is UTC, the rest the event's zone."""
    utc = to_utc(at).replace(microsecond=0)
    local = utc.astimezone(zone)
    return TimeParts(
        iso=utc.isoformat().replace("+00:00", "Z"),
        text=f"{local.hour}:{local.minute:02}",
        day=f"{local:%a}",
        month=f"{local.day} {local:%b}",
        date=local.date().isoformat(),
    )


def render_initials(name: str, handle: str) -> str:
    """Return what stands in a disc without a picture: two letters of a spaced, cased script, else one
    sign."""
    found: list[str] = _WORD.findall(_plain(name)) or _WORD.findall(_plain(handle))
    words = [word for word in found if word[0].isalpha()]
    if not words:
        return "?"
    first, last = words[0][0], words[-1][0]
    if not _is_cased(first):
        return first
    return first.upper()[:1] + (last.upper()[:1] if len(words) > 1 and _is_cased(last) else "")


def _plain(name: str) -> str:
    """Return a name in plain letters: none that draws nothing, and none that is a phrase in one sign."""
    return "".join(
        char for char in unicodedata.normalize("NFKC", name) if not draws_nothing(char) or char == " "
    )


def _is_cased(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(_CASED)


def split_handle(handle: str) -> tuple[str, str]:
    """@noor@toot.example → @noor and @toot.example. An abridged key has no part that says who it is."""
    if "…" in handle:
        return "", handle
    at = handle.find("@", 1)
    return (handle[:at], handle[at:]) if at > 0 else (handle, "")


def without_shortcodes(name: str, emoji: Collection[str]) -> str:
    """Return a name without the `:shortcodes:` of its network's own pictures."""
    bare = _SHORTCODE.sub(lambda found: "" if found[1] in emoji else found[0], name)
    return " ".join(bare.split())


def count_words(text: str) -> int:
    """Count the words that there are to read."""
    unspaced = len(_UNSPACED.findall(text))
    return len(_WORD.findall(_UNSPACED.sub(" ", text))) + -(-unspaced // _LETTERS_A_WORD)


def is_question(text: str) -> bool:
    """Tell whether it ends by asking something."""
    return text.rstrip(_CLOSERS).endswith(tuple(_QUESTION_MARKS))


def language_of(lang: str) -> str:
    """Return a language tag as a page may carry it, or empty where the network sent something else."""
    return lang if _LANGUAGE.fullmatch(lang) else ""
