"""Tells whose word an id is: every post and account of the fediverse belongs to the host in its id. Pure.

A server tells us about others' posts, too, and may say what it likes: nothing it says of itself or of them
(`domain`, `acct`, `url`, an account's `uri`) makes an id another host's. Ids are spelt in one way, so that
case, user names, default ports and other letters for the same host are no second id.
"""

import re
from urllib.parse import SplitResult, urlsplit

from backchannel.model import DecodeError
from backchannel.redaction import beginning
from backchannel.text import strip_controls, web_url
from backchannel.wire import MAX_ID

_TAG = re.compile(r"tag:([^,@/?#\s]+)(,\d{4}(?:-\d\d){0,2}:.+)", re.DOTALL)
_NETLOC = re.compile(r"(.+?)\.?(:\d+)?")
_ID_IN_URI = re.compile(r"/statuses/([0-9A-Za-z]+)$")
_PORTS = {"https": ":443", "http": ":80"}
_DOMAIN = re.compile(r"[\w.-]+\.[\w-]+|[\w.-]+:\d{1,5}")


def parse_uri(said: str) -> str:
    """Return the id in its one spelling: `https://host/…`, or the older `tag:host,2017:…`. DecodeError."""
    uri = strip_controls(said).strip()
    if len(uri) > MAX_ID:
        raise DecodeError("a uri that is too long")
    if tag := _TAG.fullmatch(uri):
        host = origin_of(f"https://{tag[1]}")
        if host:
            return f"tag:{host}{tag[2]}"
    clean = web_url(uri)
    if not clean:
        raise DecodeError(f"no usable uri: {beginning(uri, 60)!r}")
    parts = urlsplit(clean)
    return parts._replace(netloc=_plain(parts)).geturl()


def origin_of(uri: str) -> str:
    """Return the host (with its port, where that is not the scheme's) that may speak for an id; "" for
    none."""
    if tag := _TAG.fullmatch(uri):
        uri = f"https://{tag[1]}"
    clean = web_url(uri)
    parts = urlsplit(clean)
    return _plain(parts) if clean else ""


def id_in_uri(uri: str) -> str:
    """Return the post's id on its own server, where its uri tells it."""
    found = _ID_IN_URI.search(uri)
    return found[1] if found else ""


def own_url(said: str, uri: str) -> str:
    """Return the page that belongs to an id: as said, if it is on the id's host; else the id, if it is a
    page."""
    url = web_url(said)
    return url if url and origin_of(url) == origin_of(uri) else web_url(uri)


def belongs(domain: str, origin: str) -> bool:
    """Tell whether handles of this domain may stand for accounts of that host: its own name, or one above it.

    WebFinger lets people of `social.example.com` be `@ada@example.com`; nobody else's name is below theirs.
    """
    if not _DOMAIN.fullmatch(domain):
        return False
    name = origin_of(f"https://{domain}")
    host = origin.rpartition(":")[0] or origin
    is_above = host.endswith(f".{name}") and name.rpartition(".")[2].isalpha()
    return bool(name) and (name in (origin, host) or is_above)


def _plain(parts: SplitResult) -> str:
    found = _NETLOC.fullmatch(parts.netloc)
    host, port = found.groups("") if found else (parts.netloc, "")
    return host if port == _PORTS[parts.scheme] else f"{host}{port}"
