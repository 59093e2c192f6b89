"""Addresses: which may be followed, and what a reader is told about where they lead.

Our reading of an address has to be the browser's, or the host we show is not the host it opens
(`https://bank.example\\@evil.example`). So `web_url` rebuilds every address from its parts, and what it
cannot rebuild with certainty is no link.
"""

import re
import unicodedata
from urllib.parse import SplitResult, quote, urljoin, urlsplit

MAX_URL = 2048

_EDGES = "".join(map(chr, range(0x21)))
_NOT_IN_HOST = re.compile(r"[\x00-\x20\x7f\"#%/:<>?@\[\\\]^`{|}]")
_IPV6 = re.compile(r"\[[0-9a-f:.]+\]")
_DOTS = re.compile("[。．｡]")
# All linear: a link's text can be as long, and as hostile, as a post.
_NAMES = re.compile(r"[\w.-]+")
_AUTHORITIES = re.compile(r":[/\\]{2,}([^/\\?#]+)")
# Endings that look like a host's last label and are no top-level domain.
_FILES = frozenset(
    ("js", "ts", "html", "htm", "pdf", "txt", "json", "css", "xml", "yaml", "yml", "toml", "csv", "exe",
     "png", "jpg", "jpeg", "gif", "svg", "webp", "mp3", "mp4", "doc", "docx", "odt", "epub", "jsx", "tsx")
)  # fmt: skip


def web_url(url: str, base: str = "") -> str:
    """The address, absolute and rebuilt as every browser reads it; empty when it is none of http(s).

    An empty address is no address, whatever the base. User names in an address are dropped, a host with
    other than ASCII letters becomes punycode.
    """
    try:
        return _rebuild(url, base)
    except ValueError:  # urllib's word for a port, bracket or normalisation it cannot read
        return ""


def is_web_url(url: str) -> bool:
    """Whether this is an absolute http or https address with a host."""
    return bool(web_url(url))


def _rebuild(url: str, base: str) -> str:
    url = re.sub(r"[\t\n\r]", "", url).strip(_EDGES)
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
    """The host in ASCII, or nothing when browsers may read it otherwise. ValueError like `urlsplit`."""
    authority = parts.netloc.rpartition("@")[2].lower()
    if authority.startswith("["):
        literal = _IPV6.match(authority)
        return literal.group() if literal else ""
    return _to_ascii(authority.partition(":")[0])


def _to_ascii(host: str) -> str:
    """Each label in punycode where it must be; empty when a label cannot be one."""
    host = _DOTS.sub(".", unicodedata.normalize("NFKC", host)).lower()
    if not host or len(host) > 253 or _NOT_IN_HOST.search(host) or ".." in host or host[0] == ".":
        return ""
    try:
        return ".".join(
            label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
            for label in unicodedata.normalize("NFC", host).split(".")
        )
    except UnicodeError:
        return ""


def _is_one_script(text: str) -> bool:
    """Whether all letters are of one script; what East Asian writing mixes by nature counts as one."""
    names = {unicodedata.name(char, "?").split(" ", 1)[0] for char in text if char.isalpha()}
    asian = names & {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"}
    return len(names - asian - ({"LATIN"} if asian else set())) + bool(asian) <= 1


def _readable(host: str) -> str:
    """Punycode as letters, but only where the whole host is written in one script."""
    if "xn--" not in host:
        return host
    try:
        letters = ".".join(
            label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
            for label in host.split(".")
        )
    except UnicodeError:
        return host
    is_plain = all(char.isalnum() or char in ".-" for char in letters)
    return letters if is_plain and _is_one_script(letters) and _to_ascii(letters) == host else host


def shown_host(url: str) -> str:
    """The host as a reader should see it: without `www.`, in punycode when it mixes scripts."""
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
    """Whether the visible text names a host that is not the one the link opens."""
    own = _ascii_host(urlsplit(web_url(url))).removeprefix("www.")
    seen = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
    return any(_names_another(word, own) for word in _DOTS.sub(".", seen).lower().split())


def _names_another(word: str, own: str) -> bool:
    bare = re.sub(r"^\W*(https?://)?(www\.)?", "", word)
    for host in (own, _readable(own)):
        # What follows our own host is a path: it may name whatever it likes.
        if host and bare.startswith(host) and bare[len(host) : len(host) + 1] in ("", "/", "?", "#"):
            return False
    named = [found.rpartition("@")[2].partition(":")[0] for found in _AUTHORITIES.findall(word)]
    named += [name for name in (found.strip("-._") for found in _NAMES.findall(word)) if _is_host(name)]
    return any(_to_ascii(host).removeprefix("www.") != own for host in named)


def _is_host(name: str) -> bool:
    """Whether it reads as a host: labels with dots, the last of letters, and no file's name."""
    top = name.rpartition(".")[2]
    return top != name and top not in _FILES and len(top) < 64 and len(top) > 1 and top[-2:].isalpha()
