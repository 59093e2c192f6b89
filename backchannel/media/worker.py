"""The parent's side of a child that decodes pictures: started when needed, replaced when it fails."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import NamedTuple

JOB_S = 15.0
"""Of real time. Its use of the processor a child bounds itself; where others have that, it only waits."""
START_S = 20.0
MAX_MADE = 8 << 20
ANY_WORK = (1 << 32) - 1

# As in child.py, which is not imported here: no decoder is loaded into this process.
_REQUEST = Struct(">4sII")
_ANSWER = Struct(">BIII")
_MADE, _TOO_MUCH = 1, 2

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", b"PNG "),
    (b"\xff\xd8\xff", b"JPEG"),
    (b"GIF87a", b"GIF "),
    (b"GIF89a", b"GIF "),
)


class Unusable(Exception):
    """No picture we show. The message says why."""


class Overdue(Unusable):
    """Raised where the decoder took too long."""


class Died(Exception):
    """The child did not survive this picture, or was dead before."""


class Laborious(Exception):
    """Raised where a picture takes more work than was granted."""


class _Child(NamedTuple):
    process: Process
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader


class Made(NamedTuple):
    """A re-encoded picture: WebP, and its pixels."""

    data: bytes
    width: int
    height: int


def sniff(data: bytes) -> bytes:
    """The kind of picture these bytes begin like, whatever they are called; empty for none that we take.

    SVG is a program and not among them.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return b"WEBP"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), b"")


def command() -> Sequence[str]:
    """The child, isolated from the environment, the working folder and our package."""
    return [sys.executable, "-I", str(Path(__file__).with_name("child.py"))]


class Worker:
    """One child, one picture at a time. `job_s`: how long it may take over one, before it is replaced."""

    def __init__(self, argv: Sequence[str] | None = None, *, job_s: float = JOB_S) -> None:
        self._argv = argv or command()
        self._job_s = job_s
        self._child: _Child | None = None
        self._turn = asyncio.Lock()
        self.started = 0

    @property
    def pid(self) -> int:
        """The child's process id, 0 while there is none that lives."""
        return self._child.process.pid if self._child and self._child.process.returncode is None else 0

    async def reencode(self, data: bytes, most: int = ANY_WORK) -> Made:
        """Raises Unusable, and its Overdue, where there is no picture to be had; Died; and Laborious where
        it takes more than `most` work (see child.py)."""
        kind = sniff(data)
        if not kind:
            raise Unusable(f"begins with {data[:12]!r}, which is no PNG, JPEG, GIF or WebP")
        async with self._turn:
            try:
                child = await self._alive()
                async with asyncio.timeout(self._job_s):
                    return await self._job(child, kind, data, most)
            except TimeoutError as error:
                raise Overdue(f"not decoded within {self._job_s:g} s") from error
            except (OSError, EOFError) as error:
                raise Died from error

    async def warm_up(self) -> None:
        """Start the child, where there is none. One that does not start is tried again when it is needed."""
        async with self._turn:
            with suppress(OSError, EOFError):
                await self._alive()

    async def _alive(self) -> _Child:
        if not self.pid:
            await self.close()
        return self._child or await self._start()

    async def close(self) -> None:
        """End the child, whatever it is doing."""
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):
            child.process.kill()
        # Not `wait` alone: a pipe that is still full of a picture has to be let go of, too.
        child.stdin.close()
        with suppress(OSError):
            await child.process.communicate()
        with suppress(OSError):
            await child.stdin.wait_closed()

    async def _job(self, child: _Child, kind: bytes, data: bytes, most: int) -> Made:
        finished = False
        try:
            child.stdin.write(_REQUEST.pack(kind, most, len(data)))
            child.stdin.write(data)
            await child.stdin.drain()
            outcome, width, height, length = _ANSWER.unpack(await child.stdout.readexactly(_ANSWER.size))
            if length > MAX_MADE:
                raise EOFError
            said = await child.stdout.readexactly(length)
            finished = True
        finally:
            # Cut off in the middle, by whatever: what it says next would answer the wrong question.
            if not finished:
                await self.close()
        if outcome == _TOO_MUCH:
            raise Laborious
        if outcome != _MADE:
            raise Unusable(said.decode("utf-8", "replace"))
        return Made(said, width, height)

    async def _start(self) -> _Child:
        self.started += 1
        making = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *self._argv, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=os.sep, env={"LC_ALL": "C.UTF-8"}
            )
        )
        is_ready = False
        try:
            try:
                await asyncio.shield(making)
            finally:  # half a child could not be ended
                child = self._child = _child(await making)
            async with asyncio.timeout(START_S):
                await child.stdout.readexactly(1)
            is_ready = True
        except TimeoutError as error:
            raise EOFError from error
        finally:
            if not is_ready:
                await self.close()
        return child


def _child(process: Process) -> _Child:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a child without pipes")
    return _Child(process, process.stdin, process.stdout)
