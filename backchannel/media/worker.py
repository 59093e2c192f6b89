"""The parent's side of a child that decodes pictures."""

from pathlib import Path
from struct import Struct
from typing import NamedTuple

from backchannel.child_process import ChildDied, ChildHung, ChildProcess

JOB_S = 15.0
"""Of real time. Its use of the processor a child bounds itself; where others have that, it only waits."""
ANY_WORK = (1 << 32) - 1
MEMORY = 1 << 30
CPU_S = 4
WORK = Path(__file__).with_name("child.py")

# As in child.py, which is not imported here: no decoder is loaded into this process.
_REQUEST = Struct(">4sI")
_ANSWER = Struct(">BII")
_MADE, _TOO_MUCH = 1, 2

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", b"PNG "),
    (b"\xff\xd8\xff", b"JPEG"),
    (b"GIF87a", b"GIF "),
    (b"GIF89a", b"GIF "),
)


class UnusablePicture(Exception):
    """No picture we show. The message says why."""


class DecodeTimeout(UnusablePicture):
    """Raised where the decoder took too long."""


class TooMuchWork(Exception):
    """Raised where a picture takes more work than was granted."""


class WebpPicture(NamedTuple):
    """A re-encoded picture: WebP, and its pixels."""

    data: bytes
    width: int
    height: int


def sniff(data: bytes) -> bytes:
    """Return the kind of picture these bytes begin like, whatever they are called; empty for none that we
    take.

    SVG is a program and not among them.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return b"WEBP"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), b"")


class Worker(ChildProcess):
    """A child that makes pictures. `job_s`: how long it may take over one, before it is replaced."""

    def __init__(self, work: Path = WORK, *, job_s: float = JOB_S) -> None:
        super().__init__(work, memory=MEMORY, cpu_s=CPU_S, deadline_s=job_s)

    async def reencode(self, data: bytes, most: int = ANY_WORK) -> WebpPicture:
        """Return it re-encoded.

        Raises UnusablePicture, and its DecodeTimeout, where there is no picture to be had; ChildDied; and
        TooMuchWork where it takes more than `most` work (see child.py).
        """
        kind = sniff(data)
        if not kind:
            raise UnusablePicture(f"begins with {data[:12]!r}, which is no PNG, JPEG, GIF or WebP")
        try:
            said = await self.ask(_REQUEST.pack(kind, most), data)
        except ChildHung as error:
            raise DecodeTimeout(f"not decoded within {self.deadline_s:g} s") from error
        if len(said) < _ANSWER.size:
            raise ChildDied("the process answers something else")
        outcome, width, height = _ANSWER.unpack_from(said)
        if outcome == _TOO_MUCH:
            raise TooMuchWork
        if outcome != _MADE:
            raise UnusablePicture(said[_ANSWER.size :].decode("utf-8", "replace"))
        return WebpPicture(said[_ANSWER.size :], width, height)
