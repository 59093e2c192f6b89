"""Full text. The index follows the board as a browser does, and may be thrown away at any time."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import apsw
import structlog

from backchannel.board import Board, Frame, Item
from backchannel.clock import Clock
from backchannel.log import LogUnavailable
from backchannel.model import Post
from backchannel.text import plain_text

P = ParamSpec("P")
R = TypeVar("R")

CHUNK = 500
RETRY_S = 5.0
PRAGMAS = (
    "locking_mode=exclusive",
    "journal_mode=wal",
    "synchronous=off",
    "secure_delete=on",
    "temp_store=memory",
)

log_line = structlog.get_logger(__name__)

Load = Callable[[Sequence[Item]], Awaitable[Mapping[int, Post]]]


class Search:
    """Words of what is on the board, by key. Everything runs on one thread of its own."""

    def __init__(self, path: Path, epoch: str) -> None:
        """Open, or begin anew where the index is of another epoch, or damaged."""
        self._path, self._epoch = path, epoch
        self._thread = ThreadPoolExecutor(1, "search")
        self._following = asyncio.Lock()
        try:
            self._open()
        except apsw.Error:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._open()

    def _open(self) -> None:
        self._db = apsw.Connection(str(self._path))
        for pragma in PRAGMAS:
            self._db.execute(f"pragma {pragma}")
        self._db.execute("create table if not exists followed(epoch text, seq integer)")
        row = self._db.execute("select epoch, seq from followed").fetchone()
        if row is None or row[0] != self._epoch:
            with self._db:
                self._db.execute("drop table if exists posts")
                self._db.execute("create virtual table posts using fts5(words, author)")
                self._db.execute("insert into posts(posts, rank) values('secure-delete', 1)")
                self._db.execute("delete from followed")
                self._db.execute("insert into followed values(?, 0)", (self._epoch,))
        self.seq = int(self._db.execute("select seq from followed").get)

    async def follow(self, board: Board, load: Load) -> None:
        """Take in what has changed since the last call, in this life or an earlier one."""
        async with self._following:
            if self.seq != board.seq:
                await self._follow(board, load)

    async def _follow(self, board: Board, load: Load) -> None:
        frame = board.since(self.seq)
        if frame.prev == 0:
            frame = await self._everything(board)
        else:
            gone = [key for key in frame.gone if key not in board.items]
            frame = Frame(frame.prev, frame.seq, [*frame.put, *board.folded_since(self.seq)], gone)
        put = [item for item in frame.put if item.order]
        for start in range(0, len(put), CHUNK):
            part = put[start : start + CHUNK]
            posts = await load(part)
            await self._run(self._put, [(item, posts[item.key]) for item in part if item.key in posts])
        await self._run(self._finish, frame.gone, frame.seq)
        self.seq = frame.seq

    async def find(self, words: str, limit: int, before: int | None = None) -> list[int]:
        """Keys of posts that hold all the words, the greatest key first; `before`: only keys below this one.

        Where there are none, the last word counts as the beginning of one.
        """
        quoted = ['"' + word.replace('"', '""') + '"' for word in words.replace("\0", " ").split()]
        if not quoted:
            return []
        query = " ".join(quoted)
        exact = await self._run(self._find, query, limit, before)
        return exact or await self._run(self._find, query + "*", limit, before)

    async def close(self) -> None:
        """Give the file back."""
        await self._run(self._db.close)
        self._thread.shutdown()

    async def _everything(self, board: Board) -> Frame:
        """Too much has changed for the board to list it: compare the whole of both."""
        known = await self._run(self._keys)
        cards = [*board.newest(len(board.line)), *(board.items[key] for key in board.folds)]
        after = self.seq if self.seq <= board.seq else 0  # ahead of it: an older log was put back
        put = [item for item in cards if item.seq > after or item.key not in known]
        return Frame(0, board.seq, put, [key for key in known if key not in board.items])

    def _run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
        return asyncio.get_running_loop().run_in_executor(self._thread, lambda: job(*args, **kwargs))

    def _keys(self) -> set[int]:
        return {key for (key,) in self._db.execute("select rowid from posts")}

    def _put(self, cards: Sequence[tuple[Item, Post]]) -> None:
        with self._db:
            self._db.executemany("delete from posts where rowid = ?", [(item.key,) for item, _ in cards])
            rows = [(item.key, _words(post), _author(post)) for item, post in cards]
            self._db.executemany("insert into posts(rowid, words, author) values(?, ?, ?)", rows)

    def _finish(self, gone: Sequence[int], seq: int) -> None:
        with self._db:
            self._db.executemany("delete from posts where rowid = ?", [(key,) for key in gone])
            self._db.execute("update followed set seq = ?", (seq,))
        if gone:
            self._db.execute("pragma wal_checkpoint(truncate)")

    def _find(self, query: str, limit: int, before: int | None) -> list[int]:
        rows = self._db.execute(
            "select rowid from posts where posts match ? and rowid < ? order by rowid desc limit ?",
            (query, before or sys.maxsize, limit),
        )
        return [key for (key,) in rows]


async def try_follow(search: Search, board: Board, load: Load) -> bool:
    """Follow as far as the disk allows; False where it takes or gives nothing, which is said."""
    try:
        await search.follow(board, load)
    except (apsw.Error, LogUnavailable) as error:
        log_line.warning("the search index is behind", reason=str(error))
        return False
    return True


async def follow(search: Search, board: Board, load: Load, changed: asyncio.Event, clock: Clock) -> None:
    """Keep the index behind the board for ever; what failed is tried again."""
    while True:
        changed.clear()
        if await try_follow(search, board, load):
            await changed.wait()
        else:
            await clock.sleep(RETRY_S)


def _words(post: Post) -> str:
    face = post.face
    parts = [plain_text(face.body), face.warning, *face.poll, *(medium.alt for medium in face.media)]
    if face.quote:
        parts += [plain_text(face.quote.body), face.quote.author.name]
    if face.preview:
        parts += [face.preview.title, face.preview.description]
    return "\n".join(part for part in parts if part)


def _author(post: Post) -> str:
    return f"{post.face.author.name} {post.face.author.handle}"
