"""Addresses that an operator writes into config.yaml, in one spelling. ValueError where it is none. Pure.

An address with a user name, a password or a key in it is never repeated in an error: errors are logged.
"""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from backchannel.text import is_web_url

_SERVER = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>[^\W_][\w.-]*[^\W_]|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
)


def server_address(said: str, accepted: str) -> str:
    """Return `https://host[:port]` for what people write of a server with an API: a host, or an address.

    Plain http is for a server on this machine or in a private network, such as the simulator: tokens are
    sent there. `accepted` ends the sentence of an error: "a host name such as mastodon.social".
    """
    found = _SERVER.fullmatch(said.strip().rstrip("/").casefold())
    if not found or not 0 < int(found["port"] or 443) < 65536:
        raise ValueError(f"{said!r} is no server; accepted is {accepted}")
    scheme = found["scheme"] or "https"
    if scheme == "http" and not _is_private(found["host"].strip("[]")):
        raise ValueError(f"{said!r}: http is for private addresses only; accepted is {accepted}")
    return f"{scheme}://{found['host']}:{found['port']}" if found["port"] else f"{scheme}://{found['host']}"


def full_address(said: str, *schemes: str) -> SplitResult:
    """Return the parts of an address with one of these schemes, with a host, and nobody's login in it."""
    text = said.strip()
    scheme = text.partition("://")[0].lower()
    if scheme not in schemes or not is_web_url(f"http{text[len(scheme) :]}"):
        known = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"{'this' if '@' in text else repr(said)} is no address that begins with {known}")
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a user name or password in it; what is on a public wall is to be public itself")
    return parts


def websocket_address(said: str) -> str:
    """Return `ws://` or `wss://` with host and path for a server that needs no more than its address."""
    parts = full_address(said, "wss", "ws")
    if parts.query or parts.fragment:
        raise ValueError("is an address with a query or fragment; accepted is wss://host or wss://host/path")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
