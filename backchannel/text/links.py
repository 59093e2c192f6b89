"""Addresses: which may be followed, and what a reader is told about where they lead.

Our reading of an address has to be the browser's, or the host we show is not the host it opens
(`https://bank.example\\@evil.example`). So `web_url` rebuilds every address from its parts, and what it
cannot rebuild with certainty is no link.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from backchannel.text.drawing import without_undrawn
from backchannel.text.endings import SET_ASIDE, TOP_LEVEL

MAX_URL = 2048
MAX_LINK_TEXT = 2000
"""A link whose text is longer is shown by its address: nobody reads what it claims."""

_EDGES = "".join(map(chr, range(0x21)))
_BREAKS = re.compile(r"[\t\n\r]")
_NOT_IN_HOST = re.compile(r"[\x00-\x20\x7f\"#%/:<>?@\[\\\]^`{|}]")
_IPV6 = re.compile(r"\[[0-9a-f:.]+\]")
_DOTS = re.compile("[。．｡]")
_NAMES = re.compile(r"[\w.-]+")
_AUTHORITIES = re.compile(r":[/\\]{2,}([^/\\?#]+)")
_BEFORE_HOST = re.compile(r"^\W*(https?://)?(www\.)?")

# Drawn like a dot, a slash, a colon. What Unicode maps to them by itself (NFKC) is not in here.
_LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys("\u0660\u06d4\u06f0\u0701\u0702\ua4f8\ua60e\U00010a50\U0001d16d", "."),
        **dict.fromkeys("\u1735\u2041\u2044\u2215\u2571\u27cb\u29f8\u2cc6\u3033\u31d3\U0001d23a", "/"),
        **dict.fromkeys(
            "\u02d0\u02f8\u0589\u05c3\u0703\u0704\u16ec\u1803\u1809\u205a\u2236\ua4fd\ua789", ":"
        ),
        **dict.fromkeys("…‥", " "),  # they would become dots, and no host is written with them
    }
)
_NARROW = str.maketrans(dict.fromkeys("\u2006\u2008\u2009\u200a\u202f\u205f"))
_TURNED = re.compile("[\u202d\u202e]")

# What no browser takes in a host. Other characters that draw nothing are left out of it, as browsers do.
_REFUSED = re.compile(
    "[\u061c\u115f\u1160\u17b4\u17b5\u200e\u200f\u2028-\u202e\u2065-\u206f\u3164\uffa0\ufff0-\ufffd"
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
)
_JOINERS = "\u200c\u200d"

_SCRIPTS = frozenset(
    ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN", "HEBREW", "ARABIC", "THAANA", "ETHIOPIC",
     "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM",
     "SINHALA", "THAI", "LAO", "TIBETAN", "MYANMAR", "KHMER")
)  # fmt: skip
_EAST_ASIAN = frozenset(("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"))

# Letters that a reader takes for Latin ones: a name of nothing else is shown in punycode.
_PHONETIC = re.compile("[\u0250-\u02ff\u1d00-\u1dbf\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f]")
_MIMICS = frozenset("асԁеһіјӏкорԛѕԝхуъьҽпгѵѡбмнтвαγεικνορτυωϲϳօոսհցքզյ")


def web_url(url: str, base: str = "") -> str:
    """Return the address, absolute and rebuilt as every browser reads it; empty when it is none of http(s).

    An empty address is no address, whatever the base. User names in an address are dropped, a host with
    other than ASCII letters becomes punycode.
    """
    try:
        return _rebuild(url, base)
    except ValueError:  # urllib's word for a port, bracket or normalisation it cannot read
        return ""


def is_web_url(url: str) -> bool:
    """Tell whether this is an absolute http or https address with a host."""
    return bool(web_url(url))


def _rebuild(url: str, base: str) -> str:
    if len(url) > MAX_URL:
        return ""
    url = _BREAKS.sub("", url).strip(_EDGES)
    head, mark, tail = _partition_query(url)
    url = head.replace("\\", "/") + mark + tail
    if base and url:
        url = urljoin(base, url)
    parts = urlsplit(url)
    host = _ascii_host(parts)
    if parts.scheme not in ("http", "https") or not host or len(url) > MAX_URL:
        return ""
    port = f":{parts.port}" if parts.port is not None else ""
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    # `quote` with these safe characters touches only what no address may hold as it is.
    rest = quote(f"{parts.path}{query}{fragment}", safe="/:?#[]@!$&'()*+,;=%~|")
    return f"{parts.scheme}://{host}{port}{rest}"


def _partition_query(url: str) -> tuple[str, str, str]:
    at = min((at for at in (url.find("?"), url.find("#")) if at >= 0), default=len(url))
    return url[:at], url[at : at + 1], url[at + 1 :]


def _ascii_host(parts: SplitResult) -> str:
    """Return the host in ASCII, or nothing when browsers may read it otherwise. ValueError like
    `urlsplit`."""
    authority = parts.netloc.rpartition("@")[2].lower()
    if authority.startswith("["):
        literal = _IPV6.match(authority)
        return literal.group() if literal else ""
    return _to_ascii(authority.partition(":")[0])


@lru_cache(1024)
def _to_ascii(host: str) -> str:
    """Each label in punycode where it must be; empty when a label cannot be one."""
    if _REFUSED.search(host) or len(host) > MAX_URL:
        return ""
    host = _DOTS.sub(".", unicodedata.normalize("NFKC", _without_ignored(host))).lower()
    if not host or len(host) > 253 or _NOT_IN_HOST.search(host) or ".." in host or host[0] == ".":
        return ""
    try:
        labels = unicodedata.normalize("NFC", host).split(".")
        if any(len(label) > 63 for label in labels):
            return ""
        return ".".join(
            label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
            for label in labels
        )
    except UnicodeError:
        return ""


def _without_ignored(host: str) -> str:
    """Joiners stay: Persian and Indian names are written with them."""
    if host.isascii():
        return host
    return "".join([char for char in host if char in _JOINERS or without_undrawn(char)])


def _is_one_script(text: str) -> bool:
    """Tell whether all letters are of one script that is in use; what East Asian writing mixes counts as
    one."""
    names = {unicodedata.name(char, "?").split(" ", 1)[0] for char in text if char.isalpha()}
    asian = names & _EAST_ASIAN
    others = names - asian - ({"LATIN"} if asian else set())
    return others <= _SCRIPTS and len(others) + bool(asian) <= 1


def _is_mimic(host: str) -> bool:
    """Tell whether it has a phonetic letter, or a label only of what looks like Latin under an ending that
    is."""
    if _PHONETIC.search(host):
        return True
    *labels, top = host.split(".")
    return top.isascii() and any(
        not label.isascii() and all(char in _MIMICS or char.isascii() for char in label) for label in labels
    )


def _readable(host: str) -> str:
    """Punycode as letters, but only where the whole host is written in one script, and looks it."""
    if "xn--" not in host:
        return host
    try:
        letters = ".".join(
            label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
            for label in host.split(".")
        )
    except UnicodeError:
        return host
    is_plain = all(char.isalnum() or char in ".-" for char in letters) and without_undrawn(letters) == letters
    is_honest = is_plain and _is_one_script(letters) and not _is_mimic(letters)
    return letters if is_honest and _to_ascii(letters) == host else host


def shown_host(url: str) -> str:
    """Return the host as a reader should see it: without `www.`, in punycode when it mixes scripts."""
    clean = web_url(url)
    if not clean:
        return ""
    return _readable(_ascii_host(urlsplit(clean)).removeprefix("www."))


def readable_url(url: str) -> str:
    """Host and path, without scheme and user name: what stands for an address in a text."""
    clean = web_url(url)
    if not clean:
        return ""
    parts = urlsplit(clean)
    port = f":{parts.port}" if parts.port is not None else ""
    path = "" if parts.path == "/" and not parts.query else parts.path
    query = f"?{parts.query}" if parts.query else ""
    return f"{shown_host(clean)}{port}{path}{query}"


def claims_another(text: str, url: str) -> bool:
    """Tell whether the visible text names a host that is neither the one the link opens nor a domain of
    it."""
    if len(text) > MAX_LINK_TEXT:
        return True
    own = _ascii_host(urlsplit(web_url(url))).removeprefix("www.")
    return any(
        _names_another(word, own, is_bare=is_bare)
        for reading, is_bare in _readings(text)
        for word in reading.split()
    )


def _readings(text: str) -> Iterator[tuple[str, bool]]:
    """Give readings of a text by eye: without what is not drawn; also without marks and narrow space (then
    it is `is_bare`); and backwards, where it turns direction."""
    seen = unicodedata.normalize("NFKC", without_undrawn(text).translate(_LOOKALIKES))
    seen = _DOTS.sub(".", seen).lower()
    yield seen, False
    if not text.isascii():
        narrowed = unicodedata.normalize("NFKC", without_undrawn(text).translate(_LOOKALIKES | _NARROW))
        yield _without_marks(_DOTS.sub(".", narrowed).lower()), True
    if _TURNED.search(text):
        yield seen[::-1], False


def _without_marks(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return "".join([char for char in parts if not unicodedata.category(char).startswith("M")])


def _names_another(word: str, own: str, *, is_bare: bool) -> bool:
    bare = _BEFORE_HOST.sub("", word)
    for host in (own, _readable(own)):
        # What follows our own host is a path: it may name whatever it likes.
        if host and bare.startswith(host) and bare[len(host) : len(host) + 1] in ("", "/", "?", "#"):
            return False
    named = [found.rpartition("@")[2].partition(":")[0] for found in _AUTHORITIES.findall(word)]
    named += [name for name in (found.strip("-._") for found in _NAMES.findall(word)) if _is_host(name)]
    return not all(_is_domain_of(host, own, is_bare=is_bare) for host in named)


def _is_domain_of(host: str, own: str, *, is_bare: bool) -> bool:
    name = _to_ascii(host).removeprefix("www.")
    if name and f".{own}".endswith(f".{name}"):
        return True
    return is_bare and _without_marks(host).removeprefix("www.") == _without_marks(_readable(own))


def _is_host(name: str) -> bool:
    """Tell whether it reads as a host: labels with dots, the last of them a top-level domain."""
    top = name.rpartition(".")[2]
    if top == name or ".." in name:
        return False
    ending = _to_ascii(top)
    return ending in TOP_LEVEL or ending in SET_ASIDE
