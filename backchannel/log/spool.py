"""Takedowns that the log has not taken yet, in a file whose space is reserved before it is needed."""

import os
from pathlib import Path

import msgspec

from backchannel.model import Takedown

SIZE = 1 << 18

_decoder = msgspec.json.Decoder(Takedown)


class SpoolFull(Exception):
    """There is no room for one more takedown: it holds in this life only."""


class Spool:
    """Lines of JSON in a preallocated file; a torn last line was never acknowledged."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises OSError where there is no room for it even now."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._fd).st_size < SIZE:
            os.posix_fallocate(self._fd, 0, SIZE)
        self._end = 0

    def load(self) -> list[Takedown]:
        """Return what an earlier life could not put into the log, in order."""
        held = os.pread(self._fd, SIZE, 0)
        written = held.split(b"\0", 1)[0]
        self._end = written.rfind(b"\n") + 1
        if held[self._end :].strip(b"\0"):  # a life that ended while it wrote, or while it cleared
            os.pwrite(self._fd, bytes(SIZE - self._end), self._end)
            os.fdatasync(self._fd)
        return [_decoder.decode(line) for line in written[: self._end].splitlines()]

    def add(self, takedown: Takedown) -> None:
        """On disk when this returns. Raises SpoolFull, OSError."""
        line = msgspec.json.encode(takedown) + b"\n"
        if self._end + len(line) > SIZE:
            raise SpoolFull(f"{SIZE} bytes of takedowns wait for the log already")
        os.pwrite(self._fd, line, self._end)
        os.fdatasync(self._fd)
        self._end += len(line)

    def clear(self) -> None:
        """Empty the spool, since the log has all of it: no byte stays here."""
        if self._end:
            os.pwrite(self._fd, bytes(SIZE), 0)
            os.fdatasync(self._fd)
            self._end = 0

    def close(self) -> None:
        """Give the file back."""
        os.close(self._fd)
