"""A real board with words behind it, standing where the sequencer will, and pages that follow it."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from backchannel.board import (
    BLANK_KEY,
    CAP,
    FOLDED_KEY,
    Blank,
    Board,
    Card,
    Folded,
    Frame,
    Item,
    Line,
    Picture,
)
from backchannel.hub.hub import Hub
from backchannel.log import LogUnavailable
from backchannel.model import Author, Face, Post

EPOCH = "epoch-1"


class Stage:
    """The sequencer's public side over a board of its own. `forgotten`: words only `load` brings."""

    def __init__(self, *, cap: int = CAP) -> None:
        self.epoch, self.board, self.covered = EPOCH, Board(), frozenset[int]()
        self.unsaved, self.trouble, self.veiled_blank = 0, "", False
        self.words: dict[int, Post] = {}
        self.forgotten: set[int] = set()
        self.loads: list[list[int]] = []
        self.may_load = asyncio.Event()
        self.trouble_loading = 0
        self.may_load.set()
        self._cap = cap
        self._followers: list[Callable[[bool], None]] = []
        self._entry = 0

    def subscribe(self, callback: Callable[[bool], None]) -> None:
        self._followers.append(callback)

    def publish(self, *, takedown: bool = False) -> None:
        for follower in self._followers:
            follower(takedown)

    def since(self, after: int) -> Frame:
        frame = self.board.since(after, covered=self.covered, cap=self._cap)
        veiled = [Item(BLANK_KEY, frame.seq, 0, Blank())] if self.veiled_blank else []
        seen = self.board.folds_seen(self.covered)
        if seen != self.board.folds_seen(frozenset()):
            veiled.append(Item(FOLDED_KEY, frame.seq, 0, seen))
        keys = {item.key for item in veiled if item.key == FOLDED_KEY}
        return replace(frame, put=[*veiled, *(item for item in frame.put if item.key not in keys)])

    def by_author(self, key: int, below: int) -> Iterator[Item]:
        """One writes all that is said here."""
        for other in sorted(self.board.items, reverse=True):
            if key in self.board.items and 0 < other < below:
                yield self.board.items[other]

    def post(self, item: Item) -> Post | None:
        return None if entry_of(item) in self.forgotten else self.words.get(entry_of(item))

    async def load(self, items: Sequence[Item]) -> Mapping[int, Post]:
        self.loads.append([item.key for item in items])
        await self.may_load.wait()
        if self.trouble_loading:
            self.trouble_loading -= 1
            raise LogUnavailable("the disk gives nothing")
        return {item.key: self.words[entry_of(item)] for item in items if entry_of(item) in self.words}

    def say(
        self,
        text: str,
        *,
        key: int = 0,
        publish: bool = True,
        pictures: Sequence[str] = (),
        clearance: str = "open",
    ) -> int:
        """A post comes up, or with `key` comes up changed. Gives its key."""
        self._entry += 1
        entry, key = self._entry, key or self._entry
        self.words[entry] = make_post(key, text, pictures=len(pictures))
        held = tuple(Picture(name, 64, 64) for name in pictures)
        old = self.board.items.get(key)
        card = Card(entry, f"hash-{entry}", 1_790_000_000.0 + entry, held, clearance=clearance)
        self.board.put(entry, key, card, order=old.order if old else entry)
        self._sum_up()
        if publish:
            self.publish()
        return key

    def veil(self, key: int) -> None:
        """Somebody hides it; the log does not have the word yet."""
        self.covered |= {key}
        self.publish(takedown=True)

    def store(self, key: int) -> None:
        """The log has the word."""
        self._entry += 1
        self.board.take(self._entry, key)
        self._sum_up()
        self.covered -= {key}
        self.publish()

    def _sum_up(self) -> None:
        """What is folded, in a line for every two of them: so there are some."""
        folds = self.board.folds
        pairs = [folds[n : n + 2] for n in range(0, len(folds), 2)]
        lines = tuple(Line(two[0], self.board.items[two[-1]].order, len(two), 0.0) for two in reversed(pairs))
        if lines:
            self.board.put(self._entry, FOLDED_KEY, Folded(lines))
        else:
            self.board.take(self._entry, FOLDED_KEY)

    def lift(self, key: int) -> None:
        """The veil goes, and the log never had the word."""
        self.covered -= {key}
        self.publish()

    def blank(self, *, on: bool) -> None:
        self._entry += 1
        if on:
            self.board.put(self._entry, BLANK_KEY, Blank())
        else:
            self.board.take(self._entry, BLANK_KEY)
        self.publish(takedown=on)


def entry_of(item: Item) -> int:
    return item.value.post if isinstance(item.value, Card) else 0


def make_post(number: int, text: str, *, pictures: int = 0) -> Post:
    author = Author("https://social.example/users/ada", "Ada", "@ada@social.example")
    url = f"https://social.example/@ada/{number}"
    return Post(
        id=f"https://social.example/posts/{number}",
        kind="mastodon",
        source="social",
        created_at=1_790_000_000.0 + number,
        face=Face(author, "Mastodon", url, (text,)),
        hashtags=("conf",),
        pictures=tuple(f"https://cdn.example/{index}" for index in range(pictures)),
    )


class Lost(Exception):
    """A frame that does not fit: the page has to connect again."""


class WirePage:
    """A page as docs/protocol.md asks for one: a number, and the newest cards by key."""

    def __init__(self, *, cap: int = CAP) -> None:
        self.seq, self.epoch, self.cards = 0, "", dict[int, dict[str, Any]]()
        self.is_blank, self.lines = False, list[dict[str, Any]]()
        self.prevs: list[int] = []
        self._cap = cap

    def take(self, message: str | bytes) -> None:
        data = json.loads(message)
        if "protocol" in data:
            if self.epoch != data["epoch"]:
                self.seq, self.epoch = 0, data["epoch"]
            return
        self.prevs.append(data["prev"])
        if data["seq"] < self.seq:
            return
        if data["prev"] == 0:
            self.cards.clear()
            self.is_blank, self.lines = False, []
        elif data["prev"] != self.seq:
            if data["seq"] != self.seq:
                raise Lost
            return
        self._apply(data)

    def _apply(self, data: dict[str, Any]) -> None:
        for card in data["put"]:
            if card["kind"] == "blank":
                self.is_blank = True
            elif card["kind"] == "folded":
                self.lines = card["lines"]
            else:
                self.cards[card["key"]] = card
        for key in data["gone"]:
            self.cards.pop(key, None)
            self.is_blank = self.is_blank and key != BLANK_KEY
            self.lines = [] if key == FOLDED_KEY else self.lines
        newest = sorted(self.cards.items(), key=lambda card: (card[1]["order"], card[0]))[-self._cap :]
        self.cards, self.seq = dict(newest), data["seq"]


def payload(data: bytes) -> bytes:
    """What a whole unmasked websocket message says."""
    skip = {126: 4, 127: 10}.get(data[1], 2)
    return data[skip:]


class Watcher:
    """A subscriber in memory: it may be lost, or take nothing for a while, at any moment."""

    def __init__(self, hub: Hub, page: WirePage) -> None:
        self.number, self.page, self.is_aborted = 0, page, False
        self.messages: list[dict[str, Any]] = []
        self._hub = hub

    def send(self, data: bytes, /) -> None:
        assert not self.is_aborted, "something was written to a lost connection"
        self.messages.append(json.loads(payload(data)))
        self.page.take(payload(data))

    def is_behind(self) -> bool:
        return False

    def is_ready(self) -> bool:
        return False

    def close(self) -> None:
        self.is_aborted = True

    def abort(self) -> None:
        self.is_aborted = True

    def join(self) -> "Watcher":
        self._hub.join(self, self.page.seq, self.page.epoch)
        return self
