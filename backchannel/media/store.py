"""Keeps the folder of pictures: `<SHA-256 of the original bytes>.webp`, each written once and never changed.

What is approved is a hash, so what is served must be those bytes and no later ones: an address is asked
once, and what it gives later to others is not ours.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import structlog

from backchannel.board import Picture
from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.fetch import Fetcher, FetchError
from backchannel.lru import Lru
from backchannel.media.decoders import Decoders
from backchannel.media.folder import digest, write
from backchannel.media.places import Claim, Ticket
from backchannel.media.stages import SLOW_S, CutOff, Stages
from backchannel.media.worker import UnusablePicture

LATE_S = 30.0
MAX_BYTES = 8 << 20
SHORT_BYTES = 64 << 10
"""Hashed quicker than a thread is asked to."""
PLAIN = {"Accept-Encoding": "identity"}
WRITERS = 3
REMEMBERED = 4096
FAILED_S = 60.0
FULL_S = 0.5

_HASH = re.compile(r"[0-9a-f]{64}")

Address = tuple[str, bool]
"""A URL, and whether a stranger wrote it: what the operator's own host gave is not for a stranger's post."""

_log = structlog.get_logger(__name__)


class _Flight:
    """An address on its way, or in use. `hash` is set once there is something to be kept from the sweep."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.ticket = Ticket(host_of(address[0]))
        self.users = 0
        self.hash = ""
        self.task: asyncio.Task[Picture | None] | None = None


def host_of(url: str) -> str:
    """Host and port of an address, only to tell hosts apart. Anything that is no address is its own host."""
    return re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0].lower()


class MediaStore:
    """`fetcher` is its own, and lets `PER_HOST` requests to one host; `bugs` counts mistakes of ours."""

    def __init__(
        self,
        folder: Path,
        fetcher: Fetcher,
        clock: Clock,
        *,
        decoders: Decoders | None = None,
        bugs: Bugs | None = None,
        slow_s: float = SLOW_S,
        late_s: float = LATE_S,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._folder = folder
        self._fetcher = fetcher
        self._clock = clock
        self._decoders = decoders or Decoders(clock)
        self.bugs = bugs or Bugs()
        self._late_s = late_s
        self._max_bytes = max_bytes
        self._stages = Stages(clock, slow_s=slow_s, late_s=late_s)
        self._writers = asyncio.Semaphore(WRITERS)
        self._flights: dict[Address, _Flight] = {}
        self._known: Lru[Address, Picture] = Lru(REMEMBERED)
        self._failed: Lru[Address, float] = Lru(REMEMBERED)
        self._sizes: Lru[str, Picture] = Lru(REMEMBERED)
        self._sweeps = 0
        self._landed: set[str] = set()
        self._landing: set[asyncio.Task[Picture | None]] = set()  # also those that nobody waits for any more
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, name: str) -> Path | None:
        """Return the file of a hash, where we hold it. Anything that is no hash names nothing."""
        path = self._path(name)
        return path if _HASH.fullmatch(name) and path.is_file() else None

    async def settle(self, url: str, claim: Claim | None = None) -> Picture | None:
        """Return the picture at `url`, fetched now or remembered; None where there is none to be had."""
        async with self.settled(url, claim) as picture:
            return picture

    @asynccontextmanager
    async def settled(
        self, url: str, claim: Claim | None = None, *, by_stranger: bool = True
    ) -> AsyncIterator[Picture | None]:
        """Do as `settle`; no sweep takes the file before the block ends, by when the log should name it.

        `claim`: on whose behalf. All who want this address wait for one request, which comes when the turn
        of the first of them has come; one who gives up does not end it. `by_stranger`: see `Fetcher.get`.
        """
        claim, address = claim or Claim(), (url, by_stranger)
        flight = self._flights.get(address)
        if flight is None:
            flight = self._flights[address] = _Flight(address)
            flight.task = asyncio.create_task(self._land(flight))
            self._landing.add(flight.task)
            flight.task.add_done_callback(self._landing.discard)
        flight.users += 1
        flight.ticket.join(claim)
        try:
            yield await asyncio.shield(flight.task) if flight.task else None
        finally:
            flight.users -= 1
            flight.ticket.quit(claim)
            if not flight.users:
                self._release(flight)

    async def warm_up(self) -> None:
        """Start what takes a while to start, before it is needed."""
        await self._decoders.warm_up()

    async def sweep(self, live: Collection[str]) -> int:
        """Delete every file whose hash is not in `live`; how many that were. Raises OSError.

        `live` must be read from the state in the same step as this is called. Files that are settled
        meanwhile are spared: the log may name them by now.
        """
        self._sweeps += 1
        try:
            names = await asyncio.to_thread(os.listdir, self._folder)
            return await self._delete([name for name in names if name.partition(".")[0] not in live])
        finally:
            self._sweeps -= 1
            if not self._sweeps:
                self._landed.clear()

    async def close(self) -> None:
        """Gives up what is on its way, and ends the child and the store's own fetcher."""
        landing = [*self._landing]
        for task in landing:
            task.cancel()
        await asyncio.gather(*landing, return_exceptions=True)
        await self._decoders.close()
        await self._fetcher.close()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.webp"

    def _release(self, flight: _Flight) -> None:
        if flight.task:
            flight.task.cancel()
        del self._flights[flight.address]
        if self._sweeps and flight.hash:
            self._landed.add(flight.hash)

    async def _delete(self, names: list[str]) -> int:
        deleted = 0
        for name in names:
            # Looked up for each file, with no await up to its end: what is settled meanwhile stays.
            wanted = self._landed | {flight.hash for flight in self._flights.values()}
            if name.partition(".")[0] in wanted:
                continue
            with suppress(FileNotFoundError):
                (self._folder / name).unlink()
                deleted += 1
            if not deleted % 50:
                await self._clock.sleep(0)
        for address, picture in self._known.newest(REMEMBERED):
            if not self._path(picture.hash).is_file():
                self._known.drop(address)
        return deleted

    async def _land(self, flight: _Flight) -> Picture | None:
        """Remembered, fetched, or given up. Never raises for what others did wrong."""
        address = flight.address
        if known := self._recall(address):
            flight.hash = known.hash
            return known
        if (self._failed.get(address) or 0.0) > self._clock.monotonic():
            return None
        try:
            picture = await self._stages.lead(
                flight.ticket, partial(self._fetch, flight), partial(self._keep, flight)
            )
        except (FetchError, UnusablePicture, TimeoutError, CutOff) as error:
            if not flight.hash and not isinstance(error, CutOff):  # else it is our trouble, not its own
                self._failed.put(address, self._clock.monotonic() + FAILED_S)
            _log.info("picture dropped", why=str(error) or f"not here within {self._late_s:g} s")
            return None
        except Exception as error:  # noqa: BLE001 - the guard: one picture is all that it costs
            self._failed.put(address, self._clock.monotonic() + FAILED_S)
            _log.info("picture dropped", why=self.bugs.caught("a picture", error))
            return None
        self._known.put(address, picture)
        return picture

    def _recall(self, address: Address) -> Picture | None:
        known = self._known.get(address)
        return known if known and self._path(known.hash).is_file() else None

    async def _fetch(self, flight: _Flight) -> bytes:
        url, by_stranger = flight.address
        answer = await self._fetcher.get(
            url,
            headers=PLAIN,
            max_bytes=self._max_bytes,
            total_s=self._late_s,
            by_stranger=by_stranger,
            took=partial(self._stages.took, flight.ticket),
        )
        if answer.status != 200:
            raise UnusablePicture(f"answered {answer.status}")
        return answer.body

    async def _keep(self, flight: _Flight, body: bytes, takes_long: Callable[[], None]) -> Picture:
        name = digest(body) if len(body) <= SHORT_BYTES else await asyncio.to_thread(digest, body)
        if (known := self._sizes.get(name)) and self._path(name).is_file():
            flight.hash = name
            return known
        made = await self._decoders.reencode(body, flight.ticket, takes_long)
        flight.hash = name
        await self._store(name, made.data)
        picture = Picture(name, made.width, made.height)
        self._sizes.put(name, picture)
        return picture

    async def _store(self, name: str, data: bytes) -> None:
        while not self._path(name).is_file():
            try:
                async with self._writers:
                    await asyncio.to_thread(write, self._path(name), data)
            except OSError as error:
                # A full disk is our trouble, not the picture's: it gets the rest of its time.
                _log.warning("picture not stored", why=str(error))
                await self._clock.sleep(FULL_S)
