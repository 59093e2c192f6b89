"""Admission to the port: as many connections as one address may hold, and pages of our own origin."""

import socket
from asyncio import BaseTransport, WriteTransport
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from backchannel.web.client_address import (
    Headers,
    Network,
    client_address,
    is_trusted,
    limit_key,
    parse_address,
)

PER_ADDRESS = 2000
"""Connections from one address: a whole venue may sit behind one."""
RESERVE = 256
"""Descriptors that the port leaves to everybody else: log, sources, pictures, resolver, child processes."""
FRESH = 64
NOTSENT_LOWAT = 16 * 1024
BUFFER = 64 * 1024
PAGE_BUFFER = 32 * 1024


class Capacity(NamedTuple):
    """Holds two numbers: connections with a place, and those whose request has not come yet (see `lobby`)."""

    places: int = 10_000
    fresh: int = FRESH


def capacity_of(descriptors: int) -> Capacity:
    """Return what a process may hold whose limit of descriptors is this."""
    fresh = max(1, min(FRESH, descriptors // 16))
    return Capacity(max(1, descriptors - min(RESERVE, descriptors // 4) - fresh), fresh)


class Door:
    """Counts connections by address. `origins`: addresses under which people reach our pages
    (`https://wall.example`).

    One address holds `per_address` connections at most, and a quarter of all places; an address of the
    `venue`, behind which many people sit, holds all but a quarter.
    """

    def __init__(
        self,
        *,
        trusted: Sequence[Network] = (),
        origins: Iterable[str] = (),
        venue: Sequence[Network] = (),
        per_address: int = PER_ADDRESS,
        size: Capacity = Capacity(),  # noqa: B008 -- it is frozen
    ) -> None:
        self.trusted, self.open = tuple(trusted), 0
        self._origins = {origin_of(url) for url in origins if url}
        self._venue, self._places, self._fresh = tuple(venue), size.places, size.fresh
        self._share = min(per_address, max(1, size.places // 4))
        self._inside: dict[str, int] = {}

    def key(self, peer: str, headers: Headers) -> str:
        """Return the key under which this client's connections are counted."""
        return limit_key(client_address(peer, headers, self.trusted))

    def is_proxy(self, peer: str) -> bool:
        return is_trusted(peer, self.trusted)

    def is_venue(self, key: str) -> bool:
        """Tell whether many people sit behind this address, by the operator's word."""
        return bool(self._venue) and is_trusted(key.partition("/")[0], self._venue)

    @property
    def is_full(self) -> bool:
        """Whether all places are taken."""
        return self.open >= self._places

    @property
    def room_for_fresh(self) -> int:
        """Return how many may be here whose request has not come yet."""
        return self._fresh + max(0, self._places - self.open)

    @property
    def is_tight(self) -> bool:
        """Whether those who only wait should go sooner."""
        return self.open > self._places * 3 // 4

    def is_crowded(self, key: str) -> bool:
        """Tell whether this address holds all that it may. With an empty key, nobody counts it."""
        if not key or self._inside.get(key, 0) < self._share:
            return False
        return not self.is_venue(key) or self._inside[key] >= self._places - self._places // 4

    def enter(self, key: str) -> bool:
        """Count one more connection; False, and not counted, when there are too many."""
        if self.is_full or self.is_crowded(key):
            return False
        self.open += 1
        if key:
            self._inside[key] = self._inside.get(key, 0) + 1
        return True

    def leave(self, key: str) -> None:
        """Count one less."""
        self.open -= 1
        count = self._inside.get(key, 0) - 1
        if count > 0:
            self._inside[key] = count
        else:
            self._inside.pop(key, None)

    def is_welcome(self, origins: Collection[str], came_in: str) -> bool:
        """Tell whether the page that asks is ours. Without an `Origin` it is no page at all.

        The request's `Host` is no proof: a page of another site whose name is made to lead here sends the
        same in both. So it is one of the addresses that the configuration names, or the one that this very
        connection came in at (see `came_in_at`).
        """
        if not origins:
            return True
        if len(origins) > 1 or not (origin := origin_of(next(iter(origins)))):
            return False
        return origin in self._origins or origin in own_origins(came_in)


FOREIGN = (
    "This page is not ours: its Origin is another. If it is, set server.public_url to the address that "
    "people open it at."
)
"""Why a page is refused, and the way out."""


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, in one spelling; empty where it is no web address ("null")."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return ""
    default = 443 if parts.scheme == "https" else 80
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or default}"


def came_in_at(transport: BaseTransport | None) -> str:
    """Our own end of a connection, as an address of the web; empty where it has none."""
    name = transport.get_extra_info("sockname") if transport else None
    if transport is None or not isinstance(name, tuple) or (address := parse_address(str(name[0]))) is None:
        return ""
    scheme = "https" if transport.get_extra_info("sslcontext") else "http"
    return f"{scheme}://{f'[{address}]' if address.version == 6 else address}:{name[1]}"


def own_origins(came_in: str) -> set[str]:
    """Origins of our pages where they came in: that address, and this machine's own names for it."""
    if not (origin := origin_of(came_in)):
        return set()
    parts = urlsplit(origin)
    names = set(_machine_names())
    if (address := parse_address(parts.hostname or "")) is not None and address.is_loopback:
        names |= {"localhost", "127.0.0.1", "[::1]"}
    return {origin} | {origin_of(f"{parts.scheme}://{name}:{parts.port}") for name in names}


@cache
def _machine_names() -> frozenset[str]:
    """Return the names of this machine in its own network: nobody outside can make these lead here."""
    name = socket.gethostname().lower()
    return frozenset({name, f"{name.partition('.')[0]}.local"}) if name else frozenset()


def bound_buffers(transport: WriteTransport, high: int = BUFFER) -> None:
    """Let slowness show early: else the kernel takes 2 MB for a client that does not read."""
    transport.set_write_buffer_limits(high=high)
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_LOWAT)


def peer_of(transport: BaseTransport) -> str:
    """Return the address at the other end of the socket, empty where it has none."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else ""
