"""The board: the public items, each numbered by its last change. Pages, search, feeds and the API follow it
and nothing else.

A wall, a tab and the search index each remember one number and ask `since(number)`. Joining, staying,
catching up after a stall and resuming are all this one question. Why not a queue of frames for each reader:
a queue grows with the slowest reader, and still holds a post after it was hidden. Here a reader who asks late
gets the items as they are now, and no old content is kept for sending.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from heapq import merge
from itertools import islice, takewhile

from msgspec import Struct, field

CAP = 200
DROPPED = 5000
BLANK_KEY = 0
FOLDED_KEY = -1


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


class Line(Struct, frozen=True, gc=False):
    """An author's folded cards in one line. `key`: the oldest, which lends the author's name; `order`: the
    newest one's, where the line stands; `since`: when the oldest was taken in (POSIX seconds)."""

    key: int
    order: int
    count: int
    since: float


class Folded(Struct, frozen=True, gc=False):
    """The folded cards, a line an author, the newest first. So many lines and no more, or a crowd of authors
    would be in every frame: `posts` and `authors` count what has no line."""

    lines: tuple[Line, ...]
    posts: int = 0
    authors: int = 0

    def without(self, covered: AbstractSet[int]) -> "Folded":
        """Return the same without the lines whose name may not be seen."""
        lines = tuple(line for line in self.lines if line.key not in covered)
        return self if len(lines) == len(self.lines) else Folded(lines, self.posts, self.authors)


Value = Card | Blank | Folded


class Item(Struct, frozen=True, gc=False):
    """A public thing under one key: a card, the pin, a blank screen… `seq`: its last change; `order`: a
    card's first release, else 0."""

    key: int
    seq: int
    order: int
    value: Value

    @property
    def is_folded(self) -> bool:
        """Whether it is a card that screens leave out: see `Board`."""
        return isinstance(self.value, Card) and self.value.clearance == "folded"


class Frame(Struct, frozen=True):
    """The changes that lead from `prev` to `seq`. With `prev` 0 it is everything: forget what you had."""

    prev: int
    seq: int
    put: list[Item]
    gone: list[int]


class Board(Struct):
    """Holds every item, and the order of its changes.

    `changed`: key → number of its last change, latest last, as far back as `since` lists changes. `pictures`:
    how many cards use each picture, by its hash. `line`: keys of the cards for screens by their place, oldest
    first; `folds`: the same of the folded ones. `folded`: keys of the folded ones, latest change last.
    `others`: the items that are no card.

    Why folded cards are kept apart: `changed` has room for one window, so ten thousand of an author's cards
    in it would make every page load everything again, for nothing that any page shows. So a folded card is in
    no frame and in no window of the newest. Only the item that counts them, `FOLDED_KEY`, changes for all.

    Why there is `dropped`: a page may hold a folded card all the same (history, a search, its author's page).
    When that card is edited, hidden or deleted, the page has to let go of it. No frame would say so, because
    the card was in none; so `dropped` remembers key → number of that change, and `since` lists it as gone. It
    holds 5000; a page that is further behind gets everything anew.
    """

    seq: int = 0
    items: dict[int, Item] = field(default_factory=dict)
    changed: dict[int, int] = field(default_factory=dict)
    line: list[int] = field(default_factory=list)
    folds: list[int] = field(default_factory=list)
    folded: dict[int, None] = field(default_factory=dict)
    dropped: dict[int, int] = field(default_factory=dict)
    others: dict[int, Item] = field(default_factory=dict)
    pictures: dict[str, int] = field(default_factory=dict)

    def put(self, seq: int, key: int, value: Value, order: int = 0) -> None:
        """Show it, or show it anew. Nothing happens where nothing differs."""
        old = self.items.get(key)
        if old and old.value == value and old.order == order:
            return
        if old:
            self._remove(seq, key)
        item = self.items[key] = Item(key, seq, order, value)
        if isinstance(value, Card):
            line = self.folds if item.is_folded else self.line
            if line and self.place(key) < self.place(line[-1]):
                insort(line, key, key=self.place)
            else:
                line.append(key)
            for picture in _hashes(value):
                self.pictures[picture] = self.pictures.get(picture, 0) + 1
        else:
            self.others[key] = item
        if item.is_folded:
            self.folded[key] = None
            self.seq = seq
            if old and not old.is_folded:
                self._change(seq, key)
        else:
            self._change(seq, key)

    def take(self, seq: int, key: int) -> None:
        """Take it off the board, if it is there."""
        if old := self.items.get(key):
            self._remove(seq, key)
            if not old.is_folded:
                self._change(seq, key)

    def forget(self, seq: int, key: int) -> None:
        """Count it as gone, even where a refold of an erased log did not see it come: pages may hold it."""
        if key in self.items:
            self._remove(seq, key)
        self._drop(seq, key)
        self._change(seq, key)

    def touch(self, seq: int, key: int) -> None:
        """Count it as changed, also in a refold of an erased log that sees no difference."""
        if old := self.items.get(key):
            item = self.items[key] = Item(key, seq, old.order, old.value)
            if item.is_folded:
                self.folded.pop(key)
                self.folded[key] = None
                self._drop(seq, key)
            else:
                self._change(seq, key)

    def since(self, after: int, *, covered: AbstractSet[int] = frozenset(), cap: int = CAP) -> Frame:
        """Return the change from `after` to now, without what is `covered`.

        Where that would be more than `cap` changes, or for `after` 0, or a number we have not reached: the
        newest `cap` cards and everything that is no card, with `prev` 0. Where cards went, as many of the
        oldest of the newest `cap` come along, so that a page that keeps `cap` stays equal to a fresh one.
        """
        keys = _newer(self.changed, after, cap)
        dropped = _newer(self.dropped, after, DROPPED)
        if after <= 0 or after > self.seq or len(keys) > cap or len(dropped) > DROPPED:
            everything = [*self.others.values(), *self.newest(cap)]
            return Frame(0, self.seq, self._seen(everything, covered), sorted(covered))
        gone = {key for key in keys if key not in self.items or self.items[key].is_folded}
        put = {key: self.items[key] for key in reversed(keys) if key not in gone}
        for item in self.newest(cap)[: len(gone)]:
            put.setdefault(item.key, item)
        gone.update(key for key in dropped if key not in put)
        return Frame(after, self.seq, self._seen(put.values(), covered), sorted(gone | covered))

    def folded_since(self, after: int) -> list[Item]:
        """Return the folded cards that changed after that number; no frame names them."""
        found = (self.items[key] for key in reversed(self.folded))
        return [*takewhile(lambda item: item.seq > after, found)]

    def folds_seen(self, covered: AbstractSet[int]) -> Folded:
        """Return the item that counts the folded cards, without the lines whose name is covered."""
        item = self.others.get(FOLDED_KEY)
        return item.value.without(covered) if item and isinstance(item.value, Folded) else Folded(())

    def newest(self, count: int) -> list[Item]:
        """Return the newest `count` cards for screens, oldest first."""
        return [self.items[key] for key in self.line[-count:]] if count > 0 else []

    def before(self, place: tuple[int, int] | None, count: int, *, with_folded: bool = False) -> list[Item]:
        """Return up to `count` cards older than `place` (order, key), newest first."""
        older = [self._before(line, place, count) for line in (self.line, *[self.folds] * with_folded)]
        keys = merge(*older, key=self.place, reverse=True)
        return [self.items[key] for key in islice(keys, count)]

    def folds_before(self, place: tuple[int, int] | None, count: int) -> list[Item]:
        """Return up to `count` folded cards older than `place`, newest first."""
        return [self.items[key] for key in self._before(self.folds, place, count)]

    def place(self, key: int) -> tuple[int, int]:
        """Return a card's place among the others: (order, key)."""
        return self.items[key].order, key

    def is_used(self, picture: str, *, covered: AbstractSet[int] = frozenset()) -> bool:
        """Tell whether a card that is not covered shows the picture of this hash."""
        under = (self.items[key].value for key in covered if key in self.items)
        hidden = sum(isinstance(value, Card) and picture in _hashes(value) for value in under)
        return self.pictures.get(picture, 0) > hidden

    def _before(self, line: Sequence[int], place: tuple[int, int] | None, count: int) -> list[int]:
        end = len(line) if place is None else bisect_left(line, place, key=self.place)
        return [*reversed(line[max(0, end - count) : end])]

    def _seen(self, items: Iterable[Item], covered: AbstractSet[int]) -> list[Item]:
        return [item for item in items if item.key not in covered]

    def _change(self, seq: int, key: int) -> None:
        self.changed.pop(key, None)
        self.changed[key] = self.seq = seq
        if len(self.changed) > CAP + 1:
            del self.changed[next(iter(self.changed))]

    def _drop(self, seq: int, key: int) -> None:
        self.dropped.pop(key, None)
        self.dropped[key] = self.seq = seq
        if len(self.dropped) > DROPPED + 1:
            del self.dropped[next(iter(self.dropped))]

    def _remove(self, seq: int, key: int) -> None:
        old = self.items[key]
        if isinstance(old.value, Card):
            line = self.folds if old.is_folded else self.line
            del line[bisect_left(line, self.place(key), key=self.place)]
            for picture in _hashes(old.value):
                self.pictures[picture] -= 1
                if not self.pictures[picture]:
                    del self.pictures[picture]
        if old.is_folded:
            del self.folded[key]
            self._drop(seq, key)
        self.others.pop(key, None)
        del self.items[key]


def _newer(changed: dict[int, int], after: int, cap: int) -> list[int]:
    """Return the keys that changed after that number, the latest first; `cap` + 1 where there are more."""
    newer = takewhile(lambda key: changed[key] > after, reversed(changed))
    return list(islice(newer, cap + 1))


def _hashes(card: Card) -> set[str]:
    return {picture.hash for picture in card.pictures if picture}
