"""The folder of pictures: `<SHA-256 of the original bytes>.webp`, each written once and never changed.

What is approved is a hash, so what is served must be those bytes and no later ones: an address is asked
once, and what it gives later to others is not ours.
"""

import asyncio
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import structlog

from backchannel.board import Picture
from backchannel.clock import Clock
from backchannel.fetch import Fetcher, FetchError
from backchannel.media.worker import Unusable, Worker

DEADLINE_S = 10.0
MAX_BYTES = 8 << 20
REMEMBERED = 4096
FAILED_S = 60.0
FULL_S = 0.5

_HASH = re.compile(r"[0-9a-f]{64}")
T = TypeVar("T")

Address = tuple[str, bool]
"""A URL, and whether a stranger wrote it: what the operator's own host gave is not for a stranger's post."""

_log = structlog.get_logger(__name__)


class _Flight:
    """One address on its way, or in use. `hash` is set once there is something to be kept from the sweep."""

    def __init__(self) -> None:
        self.users = 0
        self.hash = ""
        self.task: asyncio.Task[Picture | None] | None = None


class MediaStore:
    """`fetcher` is its own, with some four requests per host: pictures are small and come in handfuls."""

    def __init__(
        self,
        folder: Path,
        fetcher: Fetcher,
        clock: Clock,
        *,
        worker: Worker | None = None,
        deadline_s: float = DEADLINE_S,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._folder = folder
        self._fetcher = fetcher
        self._clock = clock
        self._worker = worker or Worker()
        self._deadline_s = deadline_s
        self._max_bytes = max_bytes
        self._flights: dict[Address, _Flight] = {}
        self._known: OrderedDict[Address, Picture] = OrderedDict()
        self._failed: OrderedDict[Address, float] = OrderedDict()
        self._sweeps = 0
        self._landed: set[str] = set()
        self._landing: set[asyncio.Task[Picture | None]] = set()  # also those that nobody waits for any more
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, name: str) -> Path | None:
        """The file of a hash, where we hold it. Anything that is no hash names nothing."""
        path = self._path(name)
        return path if _HASH.fullmatch(name) and path.is_file() else None

    async def settle(self, url: str) -> Picture | None:
        """The picture at `url`, fetched now or remembered; None where there is none to be had within 10 s."""
        async with self.settled(url) as picture:
            return picture

    @asynccontextmanager
    async def settled(self, url: str, *, by_stranger: bool = True) -> AsyncIterator[Picture | None]:
        """As `settle`; no sweep takes the file before the block ends, by when the log should name it.

        `by_stranger`: see `Fetcher.get`.
        """
        address = url, by_stranger
        flight = self._flights.get(address)
        if flight is None:
            flight = self._flights[address] = _Flight()
            flight.task = asyncio.create_task(self._land(address, flight))
            self._landing.add(flight.task)
            flight.task.add_done_callback(self._landing.discard)
        flight.users += 1
        try:
            # All who want this address wait for one request; one of them giving up does not end it.
            yield await asyncio.shield(flight.task) if flight.task else None
        finally:
            flight.users -= 1
            if not flight.users:
                self._release(address, flight)

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
        await self._worker.close()
        await self._fetcher.close()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.webp"

    def _release(self, address: Address, flight: _Flight) -> None:
        if flight.task:
            flight.task.cancel()
        del self._flights[address]
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
        self._known = OrderedDict(
            (address, picture)
            for address, picture in self._known.items()
            if self._path(picture.hash).is_file()
        )
        return deleted

    async def _land(self, address: Address, flight: _Flight) -> Picture | None:
        """Remembered, fetched, or given up. Never raises for what others did wrong."""
        if known := self._recall(address):
            flight.hash = known.hash
            return known
        if self._failed.get(address, 0.0) > self._clock.monotonic():
            return None
        try:
            async with asyncio.timeout(self._deadline_s):
                picture = await self._make(address, flight)
        except (FetchError, Unusable, TimeoutError) as error:
            if not flight.hash:  # else it is our disk that failed, and the next one may try again
                _remember(self._failed, address, self._clock.monotonic() + FAILED_S)
            _log.info("picture dropped", why=str(error) or f"not here within {self._deadline_s:g} s")
            return None
        _remember(self._known, address, picture)
        return picture

    def _recall(self, address: Address) -> Picture | None:
        known = self._known.get(address)
        if known is None or not self._path(known.hash).is_file():
            return None
        self._known.move_to_end(address)
        return known

    async def _make(self, address: Address, flight: _Flight) -> Picture:
        url, by_stranger = address
        answer = await self._fetcher.get(
            url, max_bytes=self._max_bytes, total_s=self._deadline_s, by_stranger=by_stranger
        )
        if answer.status != 200:
            raise Unusable(f"answered {answer.status}")
        made = await self._worker.reencode(answer.body)
        name = await asyncio.to_thread(_digest, answer.body)
        flight.hash = name
        while not self._path(name).is_file():
            try:
                await asyncio.to_thread(_write, self._path(name), made.data)
            except OSError as error:
                # A full disk is our trouble, not the picture's: it gets the rest of its time.
                _log.warning("picture not stored", why=str(error))
                await self._clock.sleep(FULL_S)
        return Picture(name, made.width, made.height)


def _remember(memory: "OrderedDict[Address, T]", address: Address, value: T) -> None:
    memory[address] = value
    memory.move_to_end(address)
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _write(path: Path, data: bytes) -> None:
    """All of the file or nothing, also when the power fails."""
    draft = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
