"""The power goes: what no disk was told to keep is gone. Everything acknowledged is still there.

A layer under SQLite keeps, of every file, what it was when it was last synced; a cut puts that back.
"""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from backchannel.log import sqlite
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Posted
from tests.kit.posts import post

CUTS = 20


class Disk(apsw.VFS):
    """`synced`: what a power cut leaves of each file."""

    def __init__(self) -> None:
        self.synced: dict[str, bytes] = {}
        super().__init__("cut", "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return File(self, name, flags)

    def cut(self, there: Path) -> None:
        """Another folder, as it would be found when the power is back."""
        for name, content in self.synced.items():
            if Path(name).exists():
                (there / Path(name).name).write_bytes(content)


class File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else name
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        if self._name:
            self._disk.synced[self._name] = Path(self._name).read_bytes()


@pytest.fixture
def disk() -> Iterator[Disk]:
    made = Disk()
    yield made
    made.unregister()


async def missing_after_cuts(disk: Disk, folder: Path) -> int:
    """Append and be cut off, again and again. How many acknowledged entries were gone in all."""
    missing = 0
    for number in range(CUTS):
        before, there = folder / f"before{number}", folder / f"there{number}"
        before.mkdir()
        there.mkdir()
        disk.synced.clear()
        log = SqliteLog(before / "log.db", vfs="cut")
        acknowledged = 0
        for n in range(number + 1):
            events = [Posted(post(f"p{n}-{i}", "x" * 300)) for i in range(7)]
            acknowledged = await log.append(events, at=1.0, expected=acknowledged)
        disk.cut(there)
        await log.close()
        found = SqliteLog(there / "log.db")
        missing += acknowledged - await found.head()
        await found.close()
    return missing


async def test_nothing_acknowledged_is_lost(disk: Disk, tmp_path: Path) -> None:
    assert await missing_after_cuts(disk, tmp_path) == 0


async def test_control_with_less_syncing_entries_are_lost(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weaker = tuple(p.replace("synchronous=full", "synchronous=normal") for p in sqlite.PRAGMAS)
    monkeypatch.setattr(sqlite, "PRAGMAS", weaker)
    assert await missing_after_cuts(disk, tmp_path) > 0
