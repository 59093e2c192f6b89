"""Secrets out of words: the one place that knows them all, asked wherever something foreign is kept or said.

A peer may repeat what it was told: in an error, a header, a redirect, a post. It may do so as it was, in
base64 (as `Authorization: Basic` has it), in hexadecimal digits, percent-encoded, escaped as JSON or HTML do
it, in another case, or over several lines. So a text is brought to one plain form first, and what is looked
for are a few forms of each secret within that. Where a form is found, the text is cleaned in three steps,
each taken only if the one before was not enough: the forms as they stand, the words that hold one, all of it.

Why not one expression for all spellings: escapes can be nested and mixed within one secret, so there is no
list of spellings that is complete. To look for a secret, everything that could be between its letters is
removed from the text; that says *that* it is there and not *where*, hence the three steps.

A secret that is part of an address has a spelling of its own, as config.yaml has it (`?key=${KEY}`): with it
the address stays a name that can be told, tells two feeds apart, and stays when the key changes.
"""

import html
import json
import re
import unicodedata
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from backchannel.model import Node

HIDDEN = "[secret]"
LEAST = 4
"""Words shorter than four letters could be anything, and stay."""
LONG = 12
LEAST_IN_POSTS = 7
"""The same for posts: people may write a short one by chance."""
MAX_BODY = 64 << 10
"""Of a longer answer only a secret's own letters are taken out at once, in time that nobody notices."""

T = TypeVar("T")

_ESCAPED = re.compile(
    r"%(?:25)*([0-9a-f]{2})|\\u00([0-9a-f]{2})|\\x([0-9a-f]{2})|&#x0{0,6}([0-9a-f]{1,2});?|(&#0{0,6}[0-9]{1,3};?)"
    r"|\\[nrt]"
)
_SAFE = "!$&'()*+,/:;=?@"
_ROUNDS = 3
_END = "[A-Za-z0-9+/_-]?={0,2}"
"""May stand behind base64: a letter with a part of the secret, and the padding."""
_UNDRAWN = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]"
)


class _Secret(NamedTuple):
    """Holds one secret in the forms that are looked for: in a text made plain, as it is written, in bytes."""

    length: int
    plain: frozenset[str]
    written: re.Pattern[str]
    low: frozenset[bytes]
    data: bytes
    spelling: str

    def out_of(self, text: str) -> str:
        """Return the text with the spelling in its place."""
        return self.written.sub(lambda _: self.spelling, text)


class Redactor:
    """`keep` what is secret; `redacted` texts, answers and events hold none of it."""

    def __init__(self) -> None:
        self._secrets: dict[str, _Secret] = {}
        self._longest_first: list[_Secret] = []
        self._wanted: dict[int, tuple[str, ...]] = {}

    def keep(self, secrets: Iterable[str] | Mapping[str, str]) -> None:
        """Keep these out of every word from now on. A mapping gives each the spelling that stands for it."""
        told = secrets if isinstance(secrets, Mapping) else dict.fromkeys(secrets, HIDDEN)
        for secret, spelling in told.items():
            if len(secret) >= LEAST and secret not in self._secrets:
                self._secrets[secret] = _made(secret, spelling)
        # Where one is part of another, no rest of the longer one may be left.
        self._longest_first = sorted(self._secrets.values(), key=lambda one: one.length, reverse=True)
        self._wanted.clear()

    def redacted(self, text: str, *, least: int = LEAST) -> str:
        """Return the text without any secret of at least so many letters."""
        if not self._holds(text, least):
            return text
        for secret in self._longest_first:
            if secret.length >= least:
                text = secret.out_of(text)
        if self._holds(text, least):
            text = re.sub(r"\S+", lambda word: HIDDEN if self._holds(word[0], least) else word[0], text)
        return HIDDEN if self._holds(text, least) else text

    def redacted_body(self, body: bytes) -> bytes:
        """Return an answer as it came, without the secrets that stand there to be read."""
        is_short = len(body) <= MAX_BODY
        low = body.lower() if is_short else b""
        for secret in self._longest_first:
            if secret.length < LEAST_IN_POSTS:
                continue
            if not is_short:
                body = body.replace(secret.data, secret.spelling.encode())
            elif any(form in low for form in secret.low):
                text = secret.out_of(body.decode("utf-8", "surrogateescape"))
                body = text.encode("utf-8", "surrogateescape")
        return body

    def redacted_event(self, event: T) -> T:
        """Return the same struct with no secret in its texts, however deep, nor across a text and its
        neighbours."""
        return self._clean(event) if self._secrets else event

    def _clean(self, value: T) -> T:
        if isinstance(value, str):
            return self.redacted(value, least=LEAST_IN_POSTS)  # type: ignore[return-value]
        if isinstance(value, list):
            cleaned_list = [*map(self._clean, value)]
            return value if cleaned_list == value else cleaned_list  # type: ignore[return-value]
        if isinstance(value, tuple):
            if any(isinstance(item, Node) for item in value) and self._holds(_words(value), LEAST_IN_POSTS):
                return (self.redacted(_words(value), least=LEAST_IN_POSTS),)  # type: ignore[return-value]
            cleaned = tuple(map(self._clean, value))
            return value if cleaned == value else cleaned  # type: ignore[return-value]
        if isinstance(value, Struct):
            fields = {name: getattr(value, name) for name in value.__struct_fields__}
            changed = {name: new for name, old in fields.items() if (new := self._clean(old)) is not old}
            return replace(value, **changed) if changed else value
        return value

    def _holds(self, text: str, least: int) -> bool:
        if not self._secrets:
            return False
        wanted = self._wanted.get(least)
        if wanted is None:
            long_enough = (secret for secret in self._longest_first if secret.length >= least)
            wanted = self._wanted[least] = tuple(form for secret in long_enough for form in secret.plain)
        return any(form in plain for plain in _plains(text) for form in wanted)


def _made(secret: str, spelling: str) -> _Secret:
    forms, ends = _forms(secret), sorted(_base64(secret), key=len, reverse=True)
    plain = {plain for form in (*forms, *ends) for plain in _plains(form)}
    if len(secret) >= LONG:  # what stands before it may make an escape of its first letters
        plain |= {form[2:] for form in plain if len(form) >= LONG}
    written = "|".join([*(f"{re.escape(form)}{_END}" for form in ends), *map(re.escape, forms)])
    return _Secret(
        len(secret),
        frozenset(form for form in plain if len(form) >= LEAST),
        re.compile(written, re.IGNORECASE),
        frozenset(form.lower().encode("utf-8", "replace") for form in (*forms, *ends)),
        secret.encode("utf-8", "replace"),
        spelling,
    )


def _forms(secret: str) -> list[str]:
    """Return how a secret may be written, besides base64 and escaped letters. The longest first."""
    data = secret.encode("utf-8", "replace")
    forms = {
        secret,
        quote(secret, safe=""),
        quote(secret, safe=_SAFE),
        html.escape(secret),
        json.dumps(secret)[1:-1],
        data.hex(),
    }
    return [form for form in sorted(forms, key=len, reverse=True) if len(form) >= LEAST]


def _base64(secret: str) -> set[str]:
    """Return the base64 letters of a secret within other bytes, without those that neighbours change.

    Base64 writes three bytes as four letters, so there are three ways to stand, each with other letters.
    """
    data, forms = secret.encode("utf-8", "replace"), set()
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):
            whole = encode(bytes(before) + data).decode()
            forms.add(whole[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6])
    return {form for form in forms if len(form) >= LEAST}


def _plains(text: str) -> Iterator[str]:
    """Give the text in one form for all spellings: lower case, nothing between the letters.

    First as it is, then with one layer of escapes undone after the other: what stands there may only look
    like an escape, so each layer is looked at.
    """
    low = text.lower()
    if not low.isascii():
        low = _UNDRAWN.sub("", unicodedata.normalize("NFKC", low)).lower()
    for _ in range(_ROUNDS):
        yield "".join(low.replace("\\", "").split())
        if not ("%" in low or "\\" in low or "&#" in low):
            return
        undone = _ESCAPED.sub(_letter, low).lower()
        if undone == low:
            return
        low = undone
    yield "".join(low.replace("\\", "").split())


def _letter(escaped: re.Match[str]) -> str:
    if digits := escaped[1] or escaped[2] or escaped[3] or escaped[4]:
        return chr(int(digits, 16))
    return html.unescape(escaped[5]) if escaped[5] else ""


def _words(body: Iterable[object]) -> str:
    """Return the text of a body tree without a break, as a reader sees it."""
    return "".join(
        item if isinstance(item, str) else _words(item.c) for item in body if isinstance(item, str | Node)
    )


_kept = Redactor()
keep_secret = _kept.keep
redacted = _kept.redacted


def beginning(text: str, most: int) -> str:
    """Return so many letters of a foreign text, for an error.

    Secrets are taken out before it is cut: half of one would not be recognised.
    """
    return redacted(text)[:most]


redacted_body = _kept.redacted_body
redacted_event = _kept.redacted_event
