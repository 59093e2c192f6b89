"""The address guard: which URLs may be asked for, and which addresses a socket may be opened to.

Names prove nothing (they can resolve anywhere, and elsewhere a second later), so what counts is decided
where the socket is made, by the very address it will be connected to. Everything that is not plainly out
in the public internet is refused. The networks that the operator listed are exempt, for addresses that the
operator wrote; who wrote an address is what `Fetcher` knows, so it has a guard for either kind.
"""

import errno
import re
import socket
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from yarl import URL

from backchannel.fetch.errors import Refused
from backchannel.redaction import redacted

Origin = tuple[str, int]
"""A host, in lower case and punycode, and a port."""

SockAddr = tuple[str | int, ...]
AddrInfo = tuple[int, int, int, str, SockAddr]
"""One line of `getaddrinfo`: family, type, protocol, canonical name, socket address."""

PORTS = frozenset({80, 443})
MAX_URL = 8192
MAX_NAME = 253
MAX_AUTHORITY = 300

# IANA's special-purpose registries, and what else leads inward. `is_global` alone calls NAT64, 6to4,
# IPv4-compatible and multicast addresses global, and its table changes with the Python release.
_INWARD_V4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; Linux connects 0.0.0.0 to itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT, and one cloud's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # a public address on which one cloud serves its metadata
        "169.254.0.0/16",  # link local, and most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments, and one cloud's metadata
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
_GLOBAL_V6 = IPv6Network("2000::/3")
_INWARD_V6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",  # documentation
    )
]

# A URL of nothing but these needs no quoting; it is sent as it came, or a signed one would break.
_PLAIN = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_HOST = re.compile(r"[^/?#]*//([^/?#]*)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")


def is_outward(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether this is an ordinary unicast address in the public internet, and nothing in disguise."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _INWARD_V4)
    if address.scope_id or address not in _GLOBAL_V6:
        return False
    return address.is_global and not any(address in network for network in _INWARD_V6)


def parse_address(url: str) -> URL:
    """Return a URL or a reference to one, quoted only where it must be. Raises ValueError and what yarl
    raises.

    The length of the host is looked at first: to fold 8,000 ligatures for the DNS takes half a second.
    """
    host = _HOST.match(url)
    if host and len(host[1]) > MAX_AUTHORITY:
        raise ValueError(f"host is longer than {MAX_AUTHORITY} characters")
    return URL(url, encoded=_PLAIN.fullmatch(url) is not None)


def origin_of(url: str | URL) -> Origin:
    """Return the host and port that this address leads to. ValueError where it is none."""
    try:
        parsed = parse_address(url) if isinstance(url, str) else url
        host, port = parsed.raw_host, parsed.port
    except IndexError as error:  # yarl's, for `//::`
        raise ValueError("not an address") from error
    if not host or not port:
        raise ValueError("no host or no port")
    return host.lower(), port


def shown(url: str) -> str:
    """Return a URL that is no URL, short and printable enough for an error message."""
    url = redacted(url)
    return repr(url if len(url) <= 80 else f"{url[:77]}...")


def _unfit(parsed: URL, schemes: Collection[str]) -> str:
    """Why we do not ask for this address; empty where we do. Touches all parts: raises what yarl raises."""
    host, port, whole = parsed.host, parsed.port, str(parsed)
    if parsed.scheme not in schemes:
        return f"scheme is not one of {', '.join(schemes)}"
    if not host or not port or len(host) > MAX_NAME or any(mark in host for mark in " %"):
        return "no usable host or port"
    if "@" in parsed.raw_authority:
        return "address carries a user name or password"
    if len(whole) > MAX_URL or not whole.isascii() or not parsed.origin().raw_host:
        return "address cannot be sent as it stands"
    return ""


class ForbiddenAddress(OSError):
    """A socket that is not opened. An OSError, so that the next address of a name is tried."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.EACCES, why)
        self.why = why


class Guard:
    """`allow` are networks in CIDR form that may lie inward and may be asked on any port."""

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self._allow = [ip_network(network) for network in allow]

    def check_url(self, url: str, schemes: Collection[str] = ("http", "https")) -> URL:
        """Return the parsed URL without its fragment; no part of it raises later, when it is asked for.

        Raises Refused, naming the URL and the reason.
        """
        if len(url) > MAX_URL:
            raise Refused(shown(url), f"address is longer than {MAX_URL} characters")
        if _CONTROLS.search(url):
            raise Refused(shown(url), "address holds a backslash or control characters")
        try:
            parsed = parse_address(url).with_fragment(None)
            why = _unfit(parsed, schemes)
        except Exception as error:  # yarl raises IndexError and others, too, and some only when asked
            raise Refused(shown(url), f"not an address: {str(error) or type(error).__name__}") from error
        if why:
            raise Refused(shown(url), why)
        return parsed

    def objection(self, sockaddr: SockAddr) -> str:
        """Why no socket may be connected to this address; empty where one may."""
        host, port = str(sockaddr[0]), sockaddr[1]
        try:
            address = ip_address(host)
        except ValueError:
            return f"{host} is no IP address"
        if any(address in network for network in self._allow):
            return ""
        if not is_outward(address):
            return f"{host} is not a public address"
        return "" if port in PORTS else f"port {port} is neither 80 nor 443"

    def permitted(self, host: str, infos: Sequence[AddrInfo]) -> list[AddrInfo]:
        """Return those of a name's addresses that may be tried. Raises Refused where nothing is left."""
        open_to_us = [info for info in infos if not self.objection(info[4])]
        if infos and not open_to_us:
            raise Refused(host, self.objection(infos[0][4]))
        return open_to_us

    def socket(self, info: AddrInfo) -> socket.socket:
        """Return a socket for this address and no other use. Raises ForbiddenAddress."""
        if why := self.objection(info[4]):
            raise ForbiddenAddress(why)
        opened = socket.socket(info[0], info[1], info[2])
        opened.setblocking(False)
        return opened
