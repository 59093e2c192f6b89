"""Gives each picture to a child process: two for ordinary pictures, and one for those that take long.

A stranger chooses how much work a picture is: a header of a few bytes may announce a billion pixels, and an
animation a thousand frames. So a quick child reads the header first and refuses more than `QUICK_WORK`; then
the picture goes to the slow child. Where the header lies, the quick one is ended after `QUICK_S`, and the
picture goes there, too. So an avatar waits for other ordinary pictures only, whatever strangers send.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from backchannel.child_process import ChildDied
from backchannel.clock import Clock
from backchannel.media.places import Places, Ticket
from backchannel.media.worker import (
    ANY_WORK,
    JOB_S,
    WORK,
    DecodeTimeout,
    TooMuchWork,
    UnusablePicture,
    WebpPicture,
    Worker,
    sniff,
)

QUICK = 2
QUICK_WORK = 2_000_000
QUICK_BYTES = 1 << 20
QUICK_S = 8.0


class _Lane:
    """Children that do the same work, and the places with them."""

    def __init__(self, count: int, most: int, job_s: float, work: Path, clock: Clock) -> None:
        self.workers = [Worker(work, job_s=job_s) for _ in range(count)]
        self._free = [*self.workers]
        self._most = most
        self._places = Places(count, clock)
        self._jobs: set[asyncio.Task[WebpPicture]] = set()

    async def reencode(self, data: bytes, ticket: Ticket) -> WebpPicture:
        """Decode it in its turn. A caller who gives up does not end it: starting a new child costs more."""
        await self._places.enter(ticket)
        job = asyncio.create_task(self._job(data, ticket))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            job.add_done_callback(lambda job: job.cancelled() or job.exception())  # nobody asks any more
            raise

    async def _job(self, data: bytes, ticket: Ticket) -> WebpPicture:
        worker = self._free.pop()
        try:
            return await worker.reencode(data, self._most)
        finally:
            self._free.append(worker)
            self._places.leave(ticket)

    async def close(self) -> None:
        jobs = [*self._jobs]
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        for worker in self.workers:
            await worker.close()


class Decoders:
    """Chooses the child for a picture.

    More than `QUICK_WORK` by its header, or not as quick as it should be: it goes to the one child that has
    time, where authors take turns by what they have lately used. A picture may kill two children before it is
    given up, since the first may have died for another reason (memory, a person).
    """

    def __init__(
        self,
        clock: Clock,
        work: Path = WORK,
        *,
        quick_work: int = QUICK_WORK,
        quick_s: float = QUICK_S,
        job_s: float = JOB_S,
    ) -> None:
        self._quick = _Lane(QUICK, quick_work, quick_s, work, clock)
        self._patient = _Lane(1, ANY_WORK, job_s, work, clock)

    @property
    def workers(self) -> Sequence[Worker]:
        """Return the parents of all children, those for ordinary pictures first."""
        return [*self._quick.workers, *self._patient.workers]

    async def reencode(
        self, data: bytes, ticket: Ticket, takes_long: Callable[[], object] = lambda: None
    ) -> WebpPicture:
        """Raises UnusablePicture where there is no picture in it, or no child survived looking for one.

        `takes_long` is called where it has to go to the child that has time.
        """
        if not sniff(data):
            raise UnusablePicture(f"begins with {data[:12]!r}, which is no PNG, JPEG, GIF or WebP")
        deaths = 0
        if len(data) <= QUICK_BYTES:
            try:
                return await self._quick.reencode(data, ticket)
            except ChildDied:
                deaths = 1
            except (DecodeTimeout, TooMuchWork):
                pass
        takes_long()
        while deaths < 2:
            try:
                return await self._patient.reencode(data, ticket)
            except ChildDied:
                deaths += 1
        raise UnusablePicture("its decoder died")

    async def warm_up(self) -> None:
        """Start all children now: an avatar would wait for one that is only starting."""
        # With exceptions as results: else the first that is cancelled would leave the others alone.
        await asyncio.gather(*(worker.start() for worker in self.workers), return_exceptions=True)

    async def close(self) -> None:
        """End all children."""
        await self._quick.close()
        await self._patient.close()
