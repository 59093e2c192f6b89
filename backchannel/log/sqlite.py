"""The log in one SQLite file. `log.db` is the truth and the backup; nothing else in the folder is.

WAL with `synchronous=FULL` survives power loss; `secure_delete` leaves no byte of what is erased. The
connection holds the file for itself (`locking_mode=exclusive`): no shared memory has to be made, so it
opens and reads on a full disk, and a second process is refused.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import uuid4

import apsw
import msgspec

from backchannel.log import MAX_BATCH, Conflict, Lane, LogBroken, LogUnavailable
from backchannel.log.codec import decode, encode, kind_of
from backchannel.model import Entry, Erased, Event

P = ParamSpec("P")
R = TypeVar("R")

CHUNK = 2000
PRAGMAS = (
    "locking_mode=exclusive",
    "journal_mode=wal",
    "synchronous=full",
    "secure_delete=on",
    "temp_store=memory",
)
SCHEMA = """
create table if not exists log(
    seq integer primary key, at real not null, kind text not null, event text not null);
create index if not exists erased on log(seq) where kind = 'erased';
create table if not exists cursors(source text, lane text, cursor text not null, primary key (source, lane));
create table if not exists meta(name text primary key, value text not null);
"""


class SqliteLog:
    """The contract of `backchannel.log` on one thread of its own, so that writes keep their order."""

    epoch: str

    def __init__(
        self, path: Path, *, key_check: str = "", created_at: float = 0.0, vfs: str | None = None
    ) -> None:
        """Open or create. Raises LogBroken where the file is damaged or belongs to another mark key.

        `created_at` is remembered by a new log (POSIX seconds); `self.created_at` is what it remembers.
        """
        self._path = path
        self._unpurged: list[int] = []
        try:
            self._db = apsw.Connection(str(path), vfs=vfs)
            for pragma in PRAGMAS:
                self._db.execute(f"pragma {pragma}")
            self._check()
            if not self._has_schema():
                self._db.execute(SCHEMA)
            self.epoch = self._meta("epoch", str(uuid4()))
            self.created_at = float(self._meta("created_at", str(created_at)))
            if self._meta("key", key_check) != key_check:
                raise LogBroken(f"{path} was written with another mark key: restore the key beside it")
            self._finish_erasures()
        except apsw.Error as error:
            raise LogBroken(f"{path} cannot be opened as a log: {error}") from error
        self._thread = ThreadPoolExecutor(1, "log")

    async def append(
        self, events: Sequence[Event], *, at: float, expected: int, cursors: Mapping[Lane, str] | None = None
    ) -> int:
        """See the contract."""
        if len(events) > MAX_BATCH:
            raise ValueError(f"{len(events)} events in one append, at most {MAX_BATCH} are allowed")
        return await self._run(self._append, events, at, expected, cursors or {})

    async def after(self, seq: int) -> AsyncIterator[list[Entry]]:
        """See the contract."""
        while entries := await self._run(self._after, seq):
            yield entries
            seq = entries[-1].seq

    async def read(self, seqs: Collection[int]) -> dict[int, Entry]:
        """See the contract."""
        return await self._run(self._read, seqs)

    async def cursors(self) -> dict[Lane, str]:
        """See the contract."""
        return await self._run(self._cursors)

    async def head(self) -> int:
        """See the contract."""
        return await self._run(self._head)

    async def purge(self, seqs: Collection[int]) -> bool:
        """See the contract."""
        return await self._run(self._purge_too, seqs)

    async def close(self) -> None:
        """See the contract."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._db.close)
        self._thread.shutdown()

    async def _run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        def guarded() -> R:
            try:
                return job(*args, **kwargs)
            except (apsw.CorruptError, apsw.NotADBError) as error:
                raise LogBroken(f"{self._path} is damaged: {error}") from error
            except apsw.Error as error:
                raise LogUnavailable(str(error)) from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    def _append(self, events: Sequence[Event], at: float, expected: int, cursors: Mapping[Lane, str]) -> int:
        rows = [(seq, at, kind_of(e), encode(e)) for seq, e in enumerate(events, expected + 1)]
        with self._db:
            if (head := self._head()) != expected:
                raise Conflict(f"the log stands at {head}, the writer at {expected}")
            self._db.executemany("insert into log values(?, ?, ?, ?)", rows)
            self._db.executemany(
                "insert or replace into cursors values(?, ?, ?)", [(*lane, c) for lane, c in cursors.items()]
            )
        self._try_purge()
        return expected + len(rows)

    def _after(self, seq: int) -> list[Entry]:
        rows = self._db.execute(
            "select seq, at, event from log where seq > ? order by seq limit ?", (seq, CHUNK)
        )
        return [Entry(number, at, decode(said)) for number, at, said in rows]

    def _read(self, seqs: Collection[int]) -> dict[int, Entry]:
        rows = self._db.execute(
            "select seq, at, event from log where seq in (select value from json_each(?))",
            (msgspec.json.encode(list(seqs)).decode(),),
        )
        return {seq: Entry(seq, at, decode(said)) for seq, at, said in rows}

    def _cursors(self) -> dict[Lane, str]:
        rows = self._db.execute("select source, lane, cursor from cursors")
        return {(source, lane): cursor for source, lane, cursor in rows}

    def _head(self) -> int:
        return int(self._db.execute("select coalesce(max(seq), 0) from log").get)

    def _purge(self, seqs: Collection[int]) -> None:
        with self._db:
            self._db.executemany("delete from log where seq = ?", [(seq,) for seq in seqs])
        self._db.execute("pragma wal_checkpoint(truncate)")

    def _finish_erasures(self) -> None:
        """Delete again what each `Erased` names: the last life may have ended between the two."""
        rows = self._db.execute("select event from log where kind = 'erased'")
        named = [seq for (said,) in rows if isinstance(e := decode(said), Erased) for seq in e.seqs]
        left = self._db.execute(
            "select count(*) from log where seq in (select value from json_each(?))",
            (msgspec.json.encode(named).decode(),),
        ).get
        self._unpurged = named if left else []
        self._try_purge()

    def _purge_too(self, seqs: Collection[int]) -> bool:
        self._unpurged += seqs
        return self._try_purge()

    def _try_purge(self) -> bool:
        """Try to purge: a full disk can take no deletion either, which is made up for at the first append
        that succeeds."""
        if self._unpurged:
            try:
                self._purge(self._unpurged)
            except apsw.FullError:
                return False
            self._unpurged = []
        return True

    def _check(self) -> None:
        verdict = self._db.execute("pragma quick_check(1)").get
        if verdict != "ok":
            raise LogBroken(f"{self._path} is damaged: {verdict}. Keep it, and restore a backup beside it")

    def _has_schema(self) -> bool:
        return bool(self._db.execute("select count(*) from sqlite_schema where name = 'meta'").get)

    def _meta(self, name: str, default: str) -> str:
        value = self._db.execute("select value from meta where name = ?", (name,)).get
        if value is None:
            self._db.execute("insert into meta values(?, ?)", (name, default))
            return default
        return str(value)
