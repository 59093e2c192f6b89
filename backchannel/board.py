"""What may be seen: a numbered map. Pages, search, feeds and the API all follow it and nothing else.

A wall, a tab and the search index each remember one number and ask `since(number)`. Joining, living on,
catching up after a stall and resuming are that one question; no old content is kept for sending.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import islice, takewhile

from msgspec import Struct, field

CAP = 200
BLANK_KEY = 0


class Picture(Struct, frozen=True, gc=False):
    """A picture we hold: the name of its file, and the pixels of what is served."""

    hash: str
    width: int
    height: int


class Card(Struct, frozen=True, gc=False):
    """A post that may be seen. Its words are not here: they are read by `post`, the number of their entry.

    `pictures` stand in the order of `Post.pictures`; None is one that could not be had. `taken_at`: when we
    first took it in (POSIX seconds). `parent`: key of the post it answers, `root`: key of the post that the
    conversation began with, 0 where we do not know one. `is_unquoted`: drawn without what it quotes.
    """

    post: int
    hash: str
    taken_at: float
    pictures: tuple[Picture | None, ...] = ()
    parent: int = 0
    root: int = 0
    clearance: str = "open"
    is_unquoted: bool = False


class Blank(Struct, frozen=True, gc=False):
    """Screens show nothing while this is on the board."""


class Item(Struct, frozen=True, gc=False):
    """One thing that may be seen. `seq`: its last change; `order`: a card's first release, else 0."""

    key: int
    seq: int
    order: int
    value: Card | Blank


class Frame(Struct, frozen=True):
    """What leads from `prev` to `seq`. With `prev` 0 it is everything: forget what you had."""

    prev: int
    seq: int
    put: list[Item]
    gone: list[int]


class Board(Struct):
    """`changed`: the keys that changed last, as far back as `since` lists changes, to the number of their
    last change, latest last. `pictures`: how many cards use each picture, by its hash."""

    seq: int = 0
    items: dict[int, Item] = field(default_factory=dict)
    changed: dict[int, int] = field(default_factory=dict)
    line: list[int] = field(default_factory=list)  # keys of all cards by their place, oldest first
    others: dict[int, Item] = field(default_factory=dict)  # what is no card
    pictures: dict[str, int] = field(default_factory=dict)

    def put(self, seq: int, key: int, value: Card | Blank, order: int = 0) -> None:
        """Show it, or show it anew. Nothing happens where nothing differs."""
        old = self.items.get(key)
        if old and old.value == value:
            return
        if old:
            self._remove(key)
        item = self.items[key] = Item(key, seq, order, value)
        if isinstance(value, Card):
            if self.line and self.place(key) < self.place(self.line[-1]):
                insort(self.line, key, key=self.place)
            else:
                self.line.append(key)
            for picture in _hashes(value):
                self.pictures[picture] = self.pictures.get(picture, 0) + 1
        else:
            self.others[key] = item
        self._change(seq, key)

    def take(self, seq: int, key: int) -> None:
        """Off the board, if it is on it."""
        if key in self.items:
            self._remove(key)
            self._change(seq, key)

    def forget(self, seq: int, key: int) -> None:
        """Gone, even where a refold of an erased log did not see it come: pages may still hold it."""
        if key in self.items:
            self._remove(key)
        self._change(seq, key)

    def touch(self, seq: int, key: int) -> None:
        """It counts as changed, also in a refold of an erased log that sees no difference."""
        if old := self.items.get(key):
            self.items[key] = Item(key, seq, old.order, old.value)
            self._change(seq, key)

    def since(self, after: int, *, covered: AbstractSet[int] = frozenset(), cap: int = CAP) -> Frame:
        """The change from `after` to now, without what is `covered`.

        Where that would be more than `cap` changes, or for `after` 0, or a number we have not reached: the
        newest `cap` cards and everything that is no card, with `prev` 0. Where cards went, as many of the
        oldest of the newest `cap` come along, so that a page that keeps `cap` stays equal to a fresh one.
        """
        newer = takewhile(lambda key: self.changed[key] > after, reversed(self.changed))
        keys = list(islice(newer, cap + 1))
        if after <= 0 or after > self.seq or len(keys) > cap:
            everything = [*self.others.values(), *self.newest(cap)]
            return Frame(0, self.seq, self._seen(everything, covered), sorted(covered))
        gone = {key for key in keys if key not in self.items}
        put = {key: self.items[key] for key in reversed(keys) if key in self.items}
        for item in self.newest(cap)[: len(gone)]:
            put.setdefault(item.key, item)
        return Frame(after, self.seq, self._seen(put.values(), covered), sorted(gone | covered))

    def newest(self, count: int) -> list[Item]:
        """The newest `count` cards, oldest first."""
        return [self.items[key] for key in self.line[-count:]] if count > 0 else []

    def before(self, place: tuple[int, int] | None, count: int) -> list[Item]:
        """Up to `count` cards older than `place` (order, key), newest first."""
        end = len(self.line) if place is None else bisect_left(self.line, place, key=self.place)
        return [self.items[key] for key in reversed(self.line[max(0, end - count) : end])]

    def place(self, key: int) -> tuple[int, int]:
        """Where a card stands: (order, key)."""
        return self.items[key].order, key

    def is_used(self, picture: str, *, covered: AbstractSet[int] = frozenset()) -> bool:
        """Whether a card that is not covered shows the picture of this hash."""
        under = (self.items[key].value for key in covered if key in self.items)
        hidden = sum(isinstance(value, Card) and picture in _hashes(value) for value in under)
        return self.pictures.get(picture, 0) > hidden

    def _seen(self, items: Iterable[Item], covered: AbstractSet[int]) -> list[Item]:
        return [item for item in items if item.key not in covered]

    def _change(self, seq: int, key: int) -> None:
        self.changed.pop(key, None)
        self.changed[key] = self.seq = seq
        if len(self.changed) > CAP + 1:
            del self.changed[next(iter(self.changed))]

    def _remove(self, key: int) -> None:
        old = self.items[key]
        if isinstance(old.value, Card):
            del self.line[bisect_left(self.line, self.place(key), key=self.place)]
            for picture in _hashes(old.value):
                self.pictures[picture] -= 1
                if not self.pictures[picture]:
                    del self.pictures[picture]
        self.others.pop(key, None)
        del self.items[key]


def _hashes(card: Card) -> set[str]:
    return {picture.hash for picture in card.pictures if picture}
