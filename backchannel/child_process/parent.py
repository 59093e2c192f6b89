"""The parent's side: starts a child when it is needed, asks it, and kills it when it does not answer in time.

`subprocess` and one socket pair, not `asyncio.create_subprocess_exec`: that one can be cancelled with half a
child made, learns of a death only when its watcher does, and has to be drained before it can be left.
"""

import asyncio
import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path
from struct import Struct

START_S = 30.0
"""A cold start on a busy laptop."""
MAX_ANSWER = 8 << 20

_INSIDE = Path(__file__).with_name("inside.py")
_LENGTH = Struct(">I")  # as in inside.py


class ChildHung(Exception):
    """The child had no answer within its time, and was killed."""


class ChildDied(Exception):
    """The child did not survive this request, or did not start."""


class ChildProcess:
    """A child process that takes one request at a time. It starts when it is first needed, and ends with this
    object.

    `work` is the file that it runs (see `inside`), `memory` and `cpu_s` what a request may use, `deadline_s`
    how long it may take. After `requests` it is replaced, so that what a parser leaks does not add up.

    Why a child is given back only after a whole answer: whatever cuts a request off (the deadline, a caller
    who is cancelled, a broken pipe) leaves half a request or half an answer in the pipe, and what is read
    next would be the answer to somebody else's question. Such a child is killed, and the next request starts
    a fresh one.
    """

    def __init__(
        self, work: Path, *, memory: int, cpu_s: int, deadline_s: float, requests: int = sys.maxsize
    ) -> None:
        self.deadline_s = deadline_s
        self.started = 0
        self._argv = [sys.executable, "-P", str(_INSIDE), str(work), str(memory), str(cpu_s)]
        self._requests = requests
        self._turn = asyncio.Lock()
        self._idle: _Running | None = None

    @property
    def pid(self) -> int:
        """The id of the child that waits for the next request; 0 while none does."""
        return self._idle.process.pid if self._idle and self._idle.is_alive() else 0

    async def ask(self, *request: bytes) -> bytes:
        """Return the answer. A request comes in parts, so that a large one is not copied to join them.

        Raises ChildHung, ChildDied.
        """
        async with self._turn:
            child = await self._take()
            try:
                said = await child.within(self.deadline_s, *request)
            except TimeoutError as error:
                raise ChildHung(f"no answer within {self.deadline_s:g} s") from error
            except (OSError, EOFError) as error:
                raise ChildDied("the process ended instead of answering") from error
            self._idle = child
            return said

    async def start(self) -> None:
        """Have a child that waits. Raises ChildDied."""
        async with self._turn:
            self._idle = await self._take()

    async def close(self) -> None:
        """End the child, after the request that it works at."""
        async with self._turn:
            child, self._idle = self._idle, None
            if child:
                await child.end()

    async def _take(self) -> "_Running":
        child, self._idle = self._idle, None
        if child and child.is_alive() and child.answers < self._requests:
            return child
        if child:
            await child.end()
        self.started += 1
        try:
            child = _Running(self._argv)
            await child.within(START_S)
        except (OSError, EOFError) as error:
            raise ChildDied("the process does not start") from error
        return child


class _Running:
    """A process and our end of its one pipe. Killed by `end`, or when nobody holds it any more."""

    def __init__(self, argv: list[str]) -> None:
        self._pipe, theirs = socket.socketpair()
        self._pipe.setblocking(False)
        self.answers = -1  # the first frame only says that it is ready
        try:
            with theirs:
                self.process = subprocess.Popen(  # noqa: S603 - our own program, and nothing foreign in its arguments
                    argv,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.DEVNULL,
                    env=_bare(os.environ),
                )
        except BaseException:
            self._pipe.close()
            raise
        weakref.finalize(self, _end, self.process, self._pipe)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    async def within(self, seconds: float, *request: bytes) -> bytes:
        """Send the request, if there is one, and return the next frame; cut off, the child is ended.

        Raises TimeoutError; OSError and EOFError when the child ends instead of answering, or its answer is
        too long.
        """
        try:
            async with asyncio.timeout(seconds):
                if request:
                    await self._send(_LENGTH.pack(sum(map(len, request))), *request)
                (length,) = _LENGTH.unpack(await self._receive(_LENGTH.size))
                said = await self._receive(length)
        except BaseException:
            await self.end()
            raise
        self.answers += 1
        return said

    async def end(self) -> None:
        """Kill it. A thread waits for its end: giving a gigabyte back takes the kernel a while."""
        self.process.kill()
        await asyncio.to_thread(self.process.wait)

    async def _send(self, *parts: bytes) -> None:
        for part in parts:
            await asyncio.get_running_loop().sock_sendall(self._pipe, part)

    async def _receive(self, count: int) -> bytes:
        if count > MAX_ANSWER:
            raise EOFError
        said = bytearray()
        while len(said) < count:
            more = await asyncio.get_running_loop().sock_recv(self._pipe, min(count - len(said), 1 << 18))
            if not more:
                raise EOFError
            said += more
        return bytes(said)


def _bare(env: Mapping[str, str]) -> dict[str, str]:
    """Return what Python needs to find its packages: the environment holds secrets, which no child needs."""
    return {name: value for name, value in env.items() if name in ("PATH", "HOME", "LD_LIBRARY_PATH")
            or (name.startswith("PYTHON") and name != "PYTHONINSPECT")}  # fmt: skip


def _end(process: "subprocess.Popen[bytes]", pipe: socket.socket) -> None:
    process.kill()
    process.wait()
    pipe.close()
