"""Who may come in: as many connections as one address may hold, and pages of our own origin."""

import socket
from asyncio import WriteTransport
from collections.abc import Collection, Iterable, Sequence
from urllib.parse import urlsplit

from backchannel.web.address import Headers, Network, client_address, is_trusted, limit_key

PER_ADDRESS = 2000
"""Connections from one address: a whole venue may sit behind one."""
NOTSENT_LOWAT = 16 * 1024
BUFFER = 64 * 1024


class Door:
    """One for the port. `origins`: addresses under which people reach our pages (`https://wall.example`)."""

    def __init__(
        self, *, trusted: Sequence[Network] = (), origins: Iterable[str] = (), per_address: int = PER_ADDRESS
    ) -> None:
        self.trusted = tuple(trusted)
        self._origins = {origin_of(url) for url in origins if url}
        self._per_address = per_address
        self._inside: dict[str, int] = {}

    def key(self, peer: str, headers: Headers) -> str:
        """What the connections of this client are counted under."""
        return limit_key(client_address(peer, headers, self.trusted))

    def is_proxy(self, peer: str) -> bool:
        return is_trusted(peer, self.trusted)

    def enter(self, key: str) -> bool:
        """Count one more connection; False, and not counted, when there are too many."""
        count = self._inside.get(key, 0)
        if count >= self._per_address:
            return False
        self._inside[key] = count + 1
        return True

    def leave(self, key: str) -> None:
        """Count one less."""
        count = self._inside.get(key, 0) - 1
        if count > 0:
            self._inside[key] = count
        else:
            self._inside.pop(key, None)

    def is_welcome(self, origins: Collection[str], host: str) -> bool:
        """Whether the page that asks is ours. Without an `Origin` it is no page at all."""
        if not origins:
            return True
        if len(origins) > 1:
            return False
        origin = origin_of(next(iter(origins)))
        return bool(origin) and (origin in self._origins or origin in _own_origins(host))


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
    return f"{parts.scheme}://{parts.hostname}:{port or default}"


def _own_origins(host: str) -> set[str]:
    """Both schemes: a proxy in front may speak TLS for us."""
    return {origin_of(f"http://{host}"), origin_of(f"https://{host}")} - {""}


def bound_buffers(transport: WriteTransport) -> None:
    """Let slowness show early: else the kernel takes 2 MB for a client that does not read."""
    transport.set_write_buffer_limits(high=BUFFER)
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_LOWAT)


def peer_of(transport: WriteTransport) -> str:
    """The address at the other end of the socket, empty where it has none."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else ""
