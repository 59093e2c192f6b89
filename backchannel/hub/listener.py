"""The sockets that listen. asyncio's own loop for them is not used: when descriptors run out, it tries again
once for every place in its backlog, says each time that it could not, and so forgets everybody else.

Here a pass takes in a few connections and gives the loop back, so that what has come in is read before the
next ones come; and where nothing can be taken in, nobody is asked until the next `resume`.
"""

import asyncio
import errno
import socket
import ssl
from asyncio import Protocol
from collections.abc import Callable

ACCEPTS = 16
"""Connections taken in before those who are inside get the loop."""
BACKLOG = 4096
_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

TakeIn = Callable[[socket.socket, str], Protocol | None]
"""Asked about every connection, with the address of its peer: who speaks there, or None when it is closed."""


class Listener:
    """`take_in` is asked for each connection; `exhausted` is told when no descriptor was left for one."""

    def __init__(self, take_in: TakeIn, exhausted: Callable[[], None]) -> None:
        self._take_in, self._exhausted = take_in, exhausted
        self._tls: ssl.SSLContext | None = None
        self._handshake_s: float | None = None
        self._server: asyncio.Server | None = None
        self._sockets: list[socket.socket] = []
        self._paused: list[socket.socket] = []
        self._opening: dict[Protocol, asyncio.Task[None]] = {}

    async def open(
        self, host: str, port: int, tls: ssl.SSLContext | None, handshake_s: float
    ) -> tuple[str, int]:
        """Listen there; gives the first address it stands at. OSError: it is taken."""
        self._tls, self._handshake_s = tls, handshake_s if tls else None
        loop = asyncio.get_running_loop()
        # it knows best how a name becomes sockets; they are its own until it is closed, so we use copies
        self._server = await loop.create_server(Protocol, host, port, start_serving=False)
        for bound in self._server.sockets:
            sock = bound.dup()
            self._sockets.append(sock)
            sock.setblocking(False)
            if hasattr(socket, "TCP_DEFER_ACCEPT"):  # who says nothing costs nothing, for a second or so
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
            sock.listen(BACKLOG)
            loop.add_reader(sock, self._accept, sock)
        name = self._sockets[0].getsockname()
        return str(name[0]), int(name[1])

    def resume(self) -> None:
        """Ask those again who had no descriptor."""
        loop = asyncio.get_running_loop()
        for sock in self._paused:
            loop.add_reader(sock, self._accept, sock)
        self._paused = []

    def close(self) -> None:
        """Take nobody in any more."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock)
            sock.close()
        self._sockets, self._paused = [], []
        if self._server:
            self._server.close()
            self._server = None
        for task in self._opening.values():
            task.cancel()

    def end(self, protocol: Protocol) -> None:
        """Close a connection that is not open yet: a TLS handshake may never end."""
        if (task := self._opening.get(protocol)) is not None:
            task.cancel()

    def _accept(self, sock: socket.socket) -> None:
        for _ in range(ACCEPTS):
            try:
                comer, address = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_DESCRIPTOR:
                    raise
                asyncio.get_running_loop().remove_reader(sock)
                self._paused.append(sock)
                self._exhausted()
                return
            comer.setblocking(False)
            if (protocol := self._take_in(comer, str(address[0]))) is not None:
                opening = self._open(comer, protocol)
                self._opening[protocol] = asyncio.get_running_loop().create_task(opening)

    async def _open(self, comer: socket.socket, protocol: Protocol) -> None:
        """Hand the connection over. Where a handshake fails, `protocol` hears of its end alone."""
        is_open = False
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol, comer, ssl=self._tls, ssl_handshake_timeout=self._handshake_s
            )
            is_open = True
        except OSError:
            pass  # it is gone, or speaks no TLS
        finally:
            self._opening.pop(protocol, None)
            if not is_open:
                protocol.connection_lost(None)
