"""The child processes in which feedparser reads feeds, and which feed goes to which."""

from pathlib import Path

import msgspec

from backchannel.child_process import ChildDied, ChildHung, ChildProcess
from backchannel.model import DecodeError

DEADLINE_S = 5.0
QUICK_S = 1.0
MEMORY = 512 << 20
CPU_S = 15
DOCUMENTS = 500
WORK = Path(__file__).with_name("child.py")


class FeedWorker(ChildProcess):
    """A child that reads feeds, one document at a time."""

    def __init__(self, work: Path = WORK, *, deadline_s: float = DEADLINE_S) -> None:
        super().__init__(work, memory=MEMORY, cpu_s=CPU_S, deadline_s=deadline_s, requests=DOCUMENTS)

    async def read(self, body: bytes, content_type: str, base: str) -> bytes:
        """Return the child's answer, JSON. Raises DecodeError where this document hung or killed it."""
        head = msgspec.json.encode({"base": base, "type": content_type})
        try:
            return await self.ask(head, b"\n", body)
        except ChildHung as error:
            raise DecodeError(f"no end of it within {self.deadline_s:g} s") from error
        except ChildDied as error:
            raise DecodeError("reading it took more memory than it may, or ended the reader") from error


class Workers:
    """Two children: a feed that takes the first one longer than `quick_s`, or ends it, is read by the second
    one from then on. So those wait for each other, and nobody else waits for them more than once."""

    def __init__(self, work: Path = WORK, *, quick_s: float = QUICK_S) -> None:
        self._quick, self._patient = FeedWorker(work, deadline_s=quick_s), FeedWorker(work)
        self._slow: set[str] = set()

    async def read(self, feed: str, body: bytes, content_type: str, base: str) -> bytes:
        """Return the answer about a document of this feed, JSON. DecodeError."""
        if feed not in self._slow:
            try:
                return await self._quick.read(body, content_type, base)
            except DecodeError:
                self._slow.add(feed)
        return await self._patient.read(body, content_type, base)

    async def close(self) -> None:
        """End both."""
        await self._quick.close()
        await self._patient.close()
