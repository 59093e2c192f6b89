"""A client's address, also where proxies of our own stand in front.

Only `X-Forwarded-For` and `X-Forwarded-Proto` are read, and only from a peer that `server.trusted_proxies`
names: anybody else may write into them what he likes.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Headers = Iterable[tuple[str, str]]


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of a setting such as `server.trusted_proxies`. ValueError names the text that is
    none."""
    return tuple(ip_network(text, strict=False) for text in texts)


def parse_address(text: str) -> Address | None:
    """Return an address as proxies write it: with a port, in brackets, with a zone, or IPv4 inside IPv6.

    None where it is none, "unknown" and "_hidden" included.
    """
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Tell whether it is one of our own proxies."""
    address = parse_address(peer) if trusted else None
    return address is not None and _is_within(address, trusted)


def client_address(peer: str, headers: Headers, trusted: Sequence[Network]) -> str:
    """Return the address that every per-address limit counts.

    From the right, the hops that are our own proxies are skipped; the first other one is who came to them.
    A hop that is no address ends the walk at the last proxy, so nothing written further left counts.
    """
    address = parse_address(peer)
    if address is None or not _is_within(address, trusted):
        return str(address or peer)
    named = ",".join(value for name, value in headers if name.lower() == "x-forwarded-for")
    for hop in reversed(named.split(",")):
        before = parse_address(hop)
        if before is None:
            break
        address = before
        if not _is_within(before, trusted):
            break
    return str(address)


@lru_cache(4096)
def limit_key(address: str) -> str:
    """Return the key under which an address is counted: an IPv4 address, or the /64 that one IPv6 customer
    owns."""
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed or address)


def is_private(peer: str, headers: Headers, trusted: Sequence[Network], *, has_tls: bool) -> bool:
    """Tell whether nobody between the client and us can read along: TLS, or it never leaves this machine."""
    if has_tls:
        return True
    pairs = list(headers)
    if is_trusted(peer, trusted):
        said = [value for name, value in pairs if name.lower() == "x-forwarded-proto"]
        if said and said[-1].rpartition(",")[2].strip().lower() == "https":
            return True
    if any(name.lower() in {"x-forwarded-for", "forwarded", "via"} for name, _ in pairs):
        return False
    address = parse_address(peer)
    return address is not None and address.is_loopback


def _is_within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
