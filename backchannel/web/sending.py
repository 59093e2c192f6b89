"""Large answers on their way out: in slices, as fast as each reader takes them, from the same bytes for all.

What a slow reader holds is bounded twice: a slice or two on our side of its socket, and so many bytes of
answers in all, of which the oldest are cut off first. What is taken down meanwhile goes no further.
"""

import socket
import struct
from asyncio import BaseTransport, Transport
from collections import Counter
from collections.abc import Callable
from typing import cast

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from backchannel.web.answer_queue import AnswerQueue

SLICE = 32 * 1024
MAX_OUT = 64 * 2**20
"""Bytes of different answers that may be on their way at a time."""


class Outbox:
    """Holds all answers that are being written."""

    def __init__(self) -> None:
        self.pace = AnswerQueue()
        self._writing: dict[SlicedBody, None] = {}
        self._users: Counter[int] = Counter()
        self._bytes = 0

    def send(
        self,
        request: web.Request,
        body: bytes,
        headers: dict[str, str],
        *,
        address: str = "",
        may_go: Callable[[], bool] = lambda: True,
    ) -> web.Response:
        """Return an answer with this body. It is cut off where `may_go` says no, asked before every slice."""
        if len(body) <= SLICE:
            return web.Response(body=body, headers=headers)
        return web.Response(body=SlicedBody(self, request.transport, body, may_go, address), headers=headers)

    def cut_taken_down(self) -> None:
        """End what shows something that may not be seen any more."""
        for one in [one for one in self._writing if not one.may_go()]:
            one.cut()

    def begin(self, one: "SlicedBody") -> None:
        """Add one that is being written; where these are too many, cut off the oldest."""
        self._writing[one] = None
        self._users[id(one.body)] += 1
        if self._users[id(one.body)] == 1:
            self._bytes += len(one.body)
        while self._bytes > MAX_OUT and (oldest := next(iter(self._writing))) is not one:
            oldest.cut()

    def end(self, one: "SlicedBody") -> None:
        """Forget one that is written or cut off."""
        if one not in self._writing:
            return
        del self._writing[one]
        self._users[id(one.body)] -= 1
        if not self._users[id(one.body)]:
            del self._users[id(one.body)]
            self._bytes -= len(one.body)


class SlicedBody(Payload):
    """The body of one answer."""

    def __init__(
        self,
        outbox: Outbox,
        transport: BaseTransport | None,
        body: bytes,
        may_go: Callable[[], bool],
        address: str,
    ) -> None:
        super().__init__(body)
        self.body, self.may_go, self._size = body, may_go, len(body)
        self._outbox, self._transport, self._address = outbox, transport, address

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self.body.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Slice by slice, as all others; a reader that takes no more is waited for."""
        self._outbox.begin(self)
        try:
            for start in range(0, len(self.body), SLICE):
                if start:
                    await self._outbox.pace.take(self._address, patience_s=None)
                if not self.may_go():
                    self.cut()
                await writer.write(self.body[start : start + SLICE])
                await writer.drain()
        finally:
            self._outbox.end(self)

    def cut(self) -> None:
        """End its connection; what has not left yet never does."""
        self._outbox.end(self)
        if self._transport is not None:
            abort_unsent(cast(Transport, self._transport))


def abort_unsent(transport: Transport) -> None:
    """End it with a reset, so that what the kernel holds is dropped, too, and not delivered later."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
