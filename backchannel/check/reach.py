"""Decides who can follow the QR code. Pure: names are looked up elsewhere, and their addresses handed in."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from backchannel.check.report import QrFinding, Reach, State
from backchannel.config import Config
from backchannel.fetch.guard import is_outward
from backchannel.web.qr import qr_text

LOCAL_ENDINGS = (".local", ".lan", ".internal", ".home.arpa", ".home", ".localdomain")
"""Names that only a network of its own knows, and never the public DNS."""

_SET = "set server.public_url to the address at which people reach this server"
_WORDS: dict[Reach, tuple[State, str, str]] = {
    "nobody": ("trouble", "nobody can follow it", _SET),
    "this machine": ("trouble", "only this machine can follow it, and no phone", _SET),
    "this network": (
        "look",
        "only who is in the same network can follow it",
        "right for phones in the venue's Wi-Fi, if guests may reach this machine there; phones on mobile "
        "data and everybody outside need a public name in server.public_url",
    ),
    "everybody": ("fine", "", ""),
}
_PLAIN = (
    "without https: phones call it not secure, and the wall's machine keeps no holding card",
    "give server.tls a certificate, or put a proxy in front (docs/operations.md)",
)
_BEHIND = (
    "the server listens on this machine alone",
    "a proxy on this machine has to pass it on: name it under server.trusted_proxies; or set server.host to "
    "0.0.0.0",
)


def is_named(host: str) -> bool:
    """Tell whether only a look-up tells where this host is."""
    return _address(host) is None and host != "localhost" and "." in host and not _is_local(host)


def judge_qr(config: Config, addresses: Sequence[str] | None) -> QrFinding:
    """Read the code back and say who can go there. `addresses`: of a name that was looked up; empty for one
    that nobody knows."""
    url = config.join_url
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    reach = _reach(host, addresses)
    state, problem, way_out = _WORDS[reach]
    if addresses is not None and not addresses:
        problem, way_out = (
            f"nobody knows the name {host}",
            "check its spelling, or give it an address in the DNS",
        )
    elif reach == "nobody":
        problem += f": {host} means every address of this machine, and is none to go to"
    problems, ways = [problem], [way_out]
    if reach in ("this network", "everybody"):
        for is_so, (why, how) in (
            (parts.scheme == "http", _PLAIN),
            (_is_closed(config), _BEHIND),
        ):
            if is_so:
                state, problems, ways = "look", [*problems, why], [*ways, how]
    return QrFinding(
        state=state,
        problem="; ".join(filter(None, problems)),
        way_out="; ".join(filter(None, ways)),
        text=qr_text(url),
        leads_to=url,
        reach=reach,
    )


def _reach(host: str, addresses: Sequence[str] | None) -> Reach:
    found = [found for said in ([host] if addresses is None else addresses) if (found := _address(said))]
    if host == "localhost" or host.endswith(".localhost"):
        return "this machine"
    if not found:
        return "this network" if addresses is None else "nobody"
    if any(map(is_outward, found)):
        return "everybody"
    if any(address.is_unspecified for address in found):
        return "nobody"
    return "this machine" if all(address.is_loopback for address in found) else "this network"


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_local(host: str) -> bool:
    return host.endswith(LOCAL_ENDINGS) or host.endswith(".localhost")


def _is_closed(config: Config) -> bool:
    """Tell whether nothing is set up that would pass on what comes from outside."""
    address = _address(config.server.host)
    is_loopback = config.server.host == "localhost" or bool(address and address.is_loopback)
    return is_loopback and not config.server.trusted_proxies
