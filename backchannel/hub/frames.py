"""The bytes that lead from one number to now, made once for all who stand there. See docs/protocol.md.

Ten thousand tabs stand at the same few numbers, so a change is encoded once for each number and not once for
each tab. `text_frame` is the only place where websocket frames are made, and `Frames` alone knows which bytes
are still valid: shared compression will have its place here.
"""

from typing import Any

import msgspec
from msgspec import Struct
from websockets.frames import Frame, Opcode

from backchannel.board import Card, Folded, Item
from backchannel.clock import Clock
from backchannel.web.card_cache import BoardReader, CardCache
from backchannel.web.card_view import BLANK_VIEW, CardView
from backchannel.web.folded import FoldedView, render_folded
from backchannel.web.pages import PROTOCOL

_encode = msgspec.json.Encoder().encode


class WireFrame(Struct, frozen=True):
    """A frame as it goes out. `at`: POSIX seconds of our wall clock at encoding."""

    prev: int
    seq: int
    at: float
    put: list[CardView | Any]
    gone: list[int]


class Hello(Struct, frozen=True):
    """The first thing a subscriber reads."""

    protocol: int
    epoch: str


def text_frame(payload: bytes) -> bytes:
    """Return a whole websocket text message, from a server to anybody."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


class Frames:
    """Frames by the number they start from, kept only while the board and the veil stay as they are.

    Why each look compares: the board changes first and tells its followers afterwards. A subscriber that
    joins between the two would get bytes from before the change under a number from after it.

    `missing` gathers the cards that could not be encoded because their words are not in memory.
    """

    def __init__(self, seen: BoardReader, views: CardCache, clock: Clock) -> None:
        self.missing: dict[int, Item] = {}
        self._seen, self._views, self._clock = seen, views, clock
        self._now = (0, frozenset[int]())
        self._kept: dict[int, bytes | None] = {}
        self._beats: dict[int, bytes] = {}

    def hello(self) -> bytes:
        return text_frame(_encode(Hello(PROTOCOL, self._seen.epoch)))

    def to_now(self, number: int) -> bytes | None:
        """Return the bytes that lead from `number` to the board as it is; None where faces are missing, see
        `missing`."""
        self._look()
        if number not in self._kept:
            self._kept[number] = self._make(number)
        return self._kept[number]

    def beat(self, number: int) -> bytes:
        """Return a sign of life, and the veil: nothing new for who stands at `number`, and what is covered
        now."""
        self._look()
        if number not in self._beats:
            frame = self._seen.since(self._seen.board.seq)
            veiled = [self._other(item, {}) for item in frame.put if not isinstance(item.value, Card)]
            self._beats[number] = text_frame(
                _encode(WireFrame(number, number, self._at(), veiled, frame.gone))
            )
        return self._beats[number]

    def drop(self) -> None:
        """Keep nothing: something has changed, words have been read, or `at` would grow old."""
        self._kept.clear()
        self._beats.clear()

    def _look(self) -> None:
        now = (self._seen.board.seq, self._seen.covered)
        if now != self._now:
            self._now = now
            self.drop()

    def _make(self, number: int) -> bytes | None:
        frame = self._seen.since(number)
        put: list[CardView | Any] = []
        missing = dict[int, Item]()
        for item in frame.put:
            if not isinstance(item.value, Card):
                put.append(self._other(item, missing))
            elif shown := self._views.get(item):
                put.append(shown.view)
            else:
                missing[item.key] = item
        if missing:
            self.missing |= missing
            return None
        return text_frame(_encode(WireFrame(frame.prev, frame.seq, self._at(), put, frame.gone)))

    def _other(self, item: Item, missing: dict[int, Item]) -> FoldedView | Any:
        """Render an item that is no card; `missing` gets those whose words it needs."""
        if not isinstance(item.value, Folded):
            return BLANK_VIEW
        view, unread = render_folded(self._seen.board, item.value, self._views)
        missing |= {one.key: one for one in unread}
        return view

    def _at(self) -> float:
        return round(self._clock.real(), 3)
