"""The parent's side of the worker: starts it, asks it, and kills it when it does not answer in time."""

import asyncio
import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from backchannel.model import DecodeError

DEADLINE_S = 5.0
QUICK_S = 1.0
START_S = 30.0  # a cold start on a busy laptop; it happens once
MAX_ANSWER = 8 << 20

# By its path and without its folder on the module path: a start imports feedparser and nothing of ours.
PROGRAM = (sys.executable, "-P", str(Path(__file__).with_name("worker.py")))


class FeedWorker:
    """One child that reads feeds, one document at a time. It starts when it is first needed.

    It is killed and forgotten when a document takes longer than `deadline_s`, when it dies, or when the
    caller is cancelled; the next document starts a new one. It ends with this object.
    """

    def __init__(self, *, deadline_s: float = DEADLINE_S, program: Sequence[str] = PROGRAM) -> None:
        self._deadline_s = deadline_s
        self._program = program
        self._turn = asyncio.Lock()
        self._child: _FeedChild | None = None

    async def read(self, body: bytes, content_type: str, base: str) -> bytes:
        """The worker's answer, JSON. Raises DecodeError where this document hung or killed it."""
        async with self._turn:
            was_used = self._child is not None
            try:
                return await self._ask(body, content_type, base, again=was_used)
            except TimeoutError as error:
                raise DecodeError(f"no end of it within {self._deadline_s:g} s") from error
            except (OSError, EOFError) as error:
                raise DecodeError("reading it took more memory than it may, or ended the reader") from error

    async def _ask(self, body: bytes, content_type: str, base: str, *, again: bool) -> bytes:
        """`again`: should the child end, a fresh one is asked; a used one may just have done its last."""
        child, self._child = self._child, None
        try:
            if child is None or not child.is_alive():
                child = _FeedChild(self._program)
                async with asyncio.timeout(START_S):
                    await child.ready()
            async with asyncio.timeout(self._deadline_s):
                said = await child.ask(body, content_type, base)
            self._child = child  # it stands between two documents; in any other place it is of no use
        except TimeoutError:
            raise
        except (OSError, EOFError):
            if not again:
                raise
            return await self._ask(body, content_type, base, again=False)
        finally:
            if child is not self._child and child is not None:
                child.end()
        return said

    @property
    def pid(self) -> int | None:
        """The child that waits for the next document."""
        return self._child.pid if self._child else None

    def close(self) -> None:
        """End the child now."""
        if self._child is not None:
            self._child.end()
            self._child = None


class Workers:
    """Two of them: a feed that takes longer than `quick_s`, or ends its worker, is read by the second one
    from then on. So those wait for each other, and nobody else waits for them more than once."""

    def __init__(self, *, quick_s: float = QUICK_S, program: Sequence[str] = PROGRAM) -> None:
        self._quick, self._patient = (
            FeedWorker(deadline_s=quick_s, program=program),
            FeedWorker(program=program),
        )
        self._slow: set[str] = set()

    async def read(self, feed: str, body: bytes, content_type: str, base: str) -> bytes:
        """The answer about a document of this feed, JSON. DecodeError."""
        if feed not in self._slow:
            try:
                return await self._quick.read(body, content_type, base)
            except DecodeError:
                self._slow.add(feed)
        return await self._patient.read(body, content_type, base)

    def close(self) -> None:
        """End both now."""
        self._quick.close()
        self._patient.close()


class _FeedChild:
    """A running worker and our end of its one pipe. Killed by `end`, or when nobody holds it any more."""

    def __init__(self, program: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own program, and nothing foreign in its arguments
                program,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                env=_bare(os.environ),
            )
        self._process = process
        self._pipe = ours
        self._unread = bytearray()
        self.end = weakref.finalize(self, _end, process, ours)

    async def ready(self) -> None:
        """Until it has loaded everything and shut its doors."""
        await self._read_line()

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    async def ask(self, body: bytes, content_type: str, base: str) -> bytes:
        """One document. EOFError when the child ends instead of answering."""
        head = msgspec.json.encode({"base": base, "type": content_type, "length": len(body)})
        await asyncio.get_running_loop().sock_sendall(self._pipe, head + b"\n" + body)
        length = int(await self._read_line())
        if length > MAX_ANSWER:
            raise EOFError
        while len(self._unread) < length:
            await self._receive()
        said = bytes(self._unread[:length])
        del self._unread[:length]
        return said

    async def _read_line(self) -> bytes:
        while b"\n" not in self._unread:
            await self._receive()
        line, _, rest = self._unread.partition(b"\n")
        self._unread = rest
        return bytes(line)

    async def _receive(self) -> None:
        received = await asyncio.get_running_loop().sock_recv(self._pipe, 1 << 18)
        if not received:
            raise EOFError
        self._unread += received


def _bare(env: Mapping[str, str]) -> dict[str, str]:
    """What Python needs to find its packages. Secrets are in the environment, and not for the child."""
    return {name: value for name, value in env.items() if name in ("PATH", "HOME", "LD_LIBRARY_PATH")
            or (name.startswith("PYTHON") and name != "PYTHONINSPECT")}  # fmt: skip


def _end(process: "subprocess.Popen[bytes]", pipe: socket.socket) -> None:
    pipe.close()
    process.kill()
    process.wait()
