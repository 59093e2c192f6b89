"""A crowd from one address, in a process of its own: `crowd.py PORT SILENT BUSY PATH`, until it is ended.

Silent sockets say nothing, and come again when they are sent away. Busy ones ask for the page as fast as they
get it. It prints `tries` whenever so many as there are have tried to come in, `answers` after every 200 of
them, and at the end what they got: `{"answers": …, "refused": …, "gone": …}`.
"""

import asyncio
import json
import resource
import signal
import sys
from asyncio import BaseTransport, Protocol, Transport
from collections import Counter
from typing import cast

got: Counter[str] = Counter()


ANSWERS = 200
left: Counter[str] = Counter()
crowd = 0


def counted(what: str, of: int) -> None:
    """Say so whenever there were so many of it."""
    left[what] += 1
    if left[what] % of == 0:
        print(what, flush=True)


class Silent(Protocol):
    """Holds its place as long as it may."""

    def __init__(self) -> None:
        self.gone = asyncio.get_running_loop().create_future()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


class Busy(Protocol):
    """Asks again as soon as an answer is whole."""

    def __init__(self, path: str) -> None:
        self.gone = asyncio.get_running_loop().create_future()
        self._ask = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self._rest, self._head = 0, b""

    def connection_made(self, transport: BaseTransport) -> None:
        self._transport = cast(Transport, transport)
        self._transport.write(self._ask)

    def data_received(self, data: bytes) -> None:
        if not self._rest:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            got["answers" if b" 200 " in head[:16] else "refused"] += 1
            counted("answers", ANSWERS)
            self._rest = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            self._head = b""
        self._rest -= len(data)
        if not self._rest:
            self._transport.write(self._ask)

    def connection_lost(self, _: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


async def come_again(port: int, make: type[Silent] | type[Busy], *args: str) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            _, protocol = await loop.create_connection(lambda: make(*args), "127.0.0.1", port)
        except OSError:
            got["no way in"] += 1
            counted("tries", crowd)
        else:
            counted("tries", crowd)
            await protocol.gone
            got["gone"] += 1
        await asyncio.sleep(0.2)


async def main(port: int, silent: int, busy: int, path: str) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    global crowd
    crowd = silent + busy
    async with asyncio.TaskGroup() as tasks:
        coming = [tasks.create_task(come_again(port, Silent)) for _ in range(silent)]
        coming += [tasks.create_task(come_again(port, Busy, path)) for _ in range(busy)]
        await stop.wait()
        for one in coming:
            one.cancel()
    print(json.dumps(got))


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
