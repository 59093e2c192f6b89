"""Things that tests share: posts by the handful, a clock in the hand, a page that follows the board."""

import asyncio
import random
from pathlib import Path

from backchannel.board import FOLDED_KEY, Board, Card, Folded, Frame, Item
from backchannel.clock import Clock
from backchannel.judge import Rules
from backchannel.log.spool import Spool
from backchannel.log.sqlite import SqliteLog
from backchannel.model import (
    Author,
    Deleted,
    Entry,
    Event,
    Face,
    Media,
    Post,
    Posted,
    Quote,
    Rank,
    Ruled,
    Verdict,
)
from backchannel.sequencer import Sequencer
from backchannel.state import State, fold
from backchannel.text import plain_text

KEY = b"a key of the tests, 32 bytes long"


def author(name: str = "ada") -> Author:
    return Author(f"https://net.example/{name}", name.title(), f"@{name}", f"https://net.example/@{name}")


def post(
    name: str = "p1",
    text: str = "hello",
    *,
    by: str = "ada",
    revision: int = 0,
    source: str = "net",
    is_origin: bool = True,
    quote: Post | None = None,
    **more: object,
) -> Post:
    """A post of an invented network; `more` goes into the envelope."""
    quoted = Quote(quote.id, quote.face.url, quote.face.author, quote.face.body) if quote else None
    face = Face(author(by), "Net", f"https://net.example/{name}", (text,), quote=quoted)
    fields = {"created_at": 1000.0, "hashtags": ("conf",), **more}
    return Post(f"id:{name}", "net", source, face=face, revision=revision, is_origin=is_origin, **fields)  # type: ignore[arg-type]


def pictured(name: str, *addresses: str, **more: object) -> Post:
    """A post with a picture an address."""
    plain = post(name, **more)  # type: ignore[arg-type]
    media = tuple(Media(str(n), "image", f"alt {n}", n) for n, _ in enumerate(addresses))
    face = Face(plain.face.author, "Net", plain.face.url, plain.face.body, media=media)
    fields = {**{f: getattr(plain, f) for f in plain.__struct_fields__}, "face": face, "pictures": addresses}
    return Post(**fields)


_said = 0


def person(subject: str, verdict: Verdict, *, hash_: str = "", undoes: str = "", why: str = "") -> Ruled:
    """A person's word, with an id of its own."""
    global _said
    _said += 1
    return Ruled(f"word:{_said}", subject, verdict, Rank.PERSON, "grace", hash_, why, undoes)


def hide(subject: str) -> Ruled:
    return person(subject, "hide")


def entries(*events: Event) -> list[Entry]:
    """As a log would hold them, numbered from 1, a second apart."""
    return [Entry(seq, float(seq), event) for seq, event in enumerate(events, 1)]


class Hand(Clock):
    """A clock that moves when told."""

    def __init__(self, time: float = 1000.0) -> None:
        super().__init__()
        self.time = time

    def now(self) -> float:
        return self.time


async def sequencer_in(
    folder: Path,
    *,
    policy: str = "open",
    delay_s: float = 0.0,
    clock: Clock | None = None,
    vfs: str | None = None,
) -> Sequencer:
    """One that stands on a real SQLite log in the folder."""
    log = SqliteLog(folder / "log.db", vfs=vfs)
    spool = Spool(folder / "takedowns")
    sequencer = Sequencer(log, spool, Rules(policy, delay_s), clock or Hand(), KEY)
    await sequencer.open()
    return sequencer


async def settle(sequencer: Sequencer, *events: Event) -> None:
    """Submit, then turn until nothing is due now."""
    task = asyncio.ensure_future(sequencer.submit(events))
    await asyncio.sleep(0)
    await turns(sequencer)
    await task


async def taken_down(sequencer: Sequencer, *events: Event) -> bool:
    """Take down, then turn until nothing is due now."""
    task = asyncio.ensure_future(sequencer.take_down(events))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await turns(sequencer)
    return await task


async def turns(sequencer: Sequencer, limit: int = 100) -> None:
    """Turn until nothing is due now."""
    for _ in range(limit):
        if await sequencer.turn() > sequencer._clock.now():
            return
    raise AssertionError("the sequencer does not come to rest")


def ids(board: Board, state: State) -> list[str]:
    """Names of the posts on the board, in order of release."""
    return [state.posts.by_key[key].id.removeprefix("id:") for key in board.line]


async def texts(sequencer: Sequencer) -> dict[str, str]:
    """Name → words of everything on the board, as a reader sees it."""
    frame = sequencer.since(0)
    posts = await sequencer.load(frame.put)
    return {p.id.removeprefix("id:"): plain_text(p.face.body) for p in posts.values()}


async def refold(sequencer: Sequencer) -> State:
    """What a new life would make of the same log."""
    return fold([entry async for part in sequencer.log.after(0) for entry in part])


async def events(sequencer: Sequencer) -> list[Event]:
    """What the log holds."""
    return [entry.event async for part in sequencer.log.after(0) for entry in part]  # type: ignore[misc]


class Page:
    """A browser tab: knows its number and what it shows. Written without the package's help."""

    def __init__(self) -> None:
        self.seq, self.items = 0, dict[int, Item]()

    def take(self, frame: Frame) -> None:
        if frame.prev == 0:
            self.items.clear()
        else:
            assert frame.prev == self.seq, "a gap"
        self.items |= {item.key: item for item in frame.put}
        for key in frame.gone:
            self.items.pop(key, None)
        self.seq = frame.seq

    @property
    def folded(self) -> Folded:
        """What it says of folded posts."""
        item = self.items.get(FOLDED_KEY)
        return item.value if item and isinstance(item.value, Folded) else Folded(())

    def newest(self, cap: int) -> list[tuple[int, Card]]:
        cards = sorted((i.order, i.key, i) for i in self.items.values() if i.order)
        return [(key, item.value) for _, key, item in cards[-cap:]]  # type: ignore[misc]


def steps(seed: int, count: int) -> list[Event]:
    """Posts, edits (some late), deletions (some early), duplicates. A pure function of the seed."""
    chance = random.Random(seed)
    told: list[Event] = []
    for n in range(count):
        name, by = f"p{n}", f"a{n % 7}"
        mine: list[Event] = [
            Posted(post(name, f"post {n} take {r}", by=by, revision=r))
            for r in range(chance.choice((1, 1, 1, 2, 3)))
        ]
        if chance.random() < 0.15:
            mine.append(Deleted(f"id:{name}"))
        mine += chance.choices(mine, k=chance.choice((0, 0, 1, 2)))
        chance.shuffle(mine)
        for step in mine:
            told.insert(max(0, len(told) - chance.randrange(6)), step)
    return told
