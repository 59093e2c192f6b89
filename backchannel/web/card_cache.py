"""Cards ready to be shown, kept while they are asked for: a frame, a page and the API draw the same one."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple, Protocol

from backchannel.board import Board, Frame, Item
from backchannel.clock import give_way
from backchannel.model import Post
from backchannel.web.card_render import render_card
from backchannel.web.card_view import CardView

KEPT = 1000
AT_ONCE = 8
"""Cards whose display form is made before others get the loop; a heavy one counts as so many."""

Ready = Callable[[Sequence["ShownCard"]], Awaitable[bool]]


class BoardReader(Protocol):
    """The sequencer as far as pages, API and hub may use it: what may be seen, and no way to write."""

    @property
    def epoch(self) -> str: ...

    @property
    def board(self) -> Board: ...

    @property
    def covered(self) -> frozenset[int]:
        """Keys under the veil."""
        ...

    @property
    def unsaved(self) -> int:
        """Return how many takedowns count everywhere and are not in the log yet."""
        ...

    @property
    def trouble(self) -> str:
        """Say why nothing new is taken now; empty when all is well."""
        ...

    def subscribe(self, follower: Callable[[bool], None], /) -> None:
        """Call it after every change; with True where something is covered that was not."""
        ...

    def since(self, after: int) -> Frame:
        """Return the board's answer, under the veil: without what is covered, and blank where that is
        veiled."""
        ...

    def post(self, item: Item) -> Post | None:
        """Return the words of a card, as far as they are in memory."""
        ...

    def by_author(self, key: int, below: int) -> Iterator[Item]:
        """Yield the cards of this post's author whose key is below that, the greatest first."""
        ...

    async def load(self, items: Sequence[Item]) -> Mapping[int, Post]:
        """Return the words of these cards by key, from the log where they are not in memory."""
        ...


class ShownCard(NamedTuple):
    """A card with its words and its display form. Nothing in it may outlive its `item` on the board."""

    item: Item
    post: Post
    view: CardView


def cost_of(view: CardView) -> int:
    """Return how many ordinary cards this one costs to draw: a text of 30,000 letters takes 10 ms."""
    return AT_ONCE if view.heavy else 1


class CardCache:
    """The display forms of cards. They are looked up by item, so a changed card never shows its old face."""

    def __init__(self, seen: BoardReader, *, zone: tzinfo, own_tags: Collection[str]) -> None:
        self.are_ready: Ready | None = None
        self._seen = seen
        self._kept: dict[int, ShownCard] = {}
        self.set_up(zone=zone, own_tags=own_tags)

    def set_up(self, *, zone: tzinfo, own_tags: Collection[str]) -> None:
        """Draw everything anew from here on: the configuration has changed."""
        self.zone, self.own_tags = zone, tuple(own_tags)
        self._kept.clear()

    def get(self, item: Item) -> ShownCard | None:
        """Return the card, or None while its words are not in memory."""
        if self._has(item):
            return self._kept[item.key]
        post = self._seen.post(item)
        return None if post is None else self._keep(item, post)

    def _has(self, item: Item) -> bool:
        kept = self._kept.get(item.key)
        return kept is not None and kept.item.seq == item.seq

    async def load(self, items: Sequence[Item]) -> None:
        """Read the words of these cards off the loop; then the question must be put again.

        LookupError: a card stands on the board and the log does not have its words, which is our own fault.
        """
        posts = await self._seen.load(items)
        drawn = 0
        for item in items:
            if drawn >= AT_ONCE:
                await give_way()
                drawn = 0
            if post := posts.get(item.key):
                drawn += cost_of(self._keep(item, post).view)
            elif self._seen.board.items.get(item.key) == item and item.key not in self._seen.covered:
                raise LookupError(f"the log has no words for card {item.key}, entry {item.seq}")

    async def answer(self, ask: Callable[[], Sequence[Item]]) -> list[ShownCard]:
        """Return the cards `ask` names, with their words.

        It is asked again after every look into the log, and where `are_ready` has made something ready: what
        was taken down meanwhile is not in the answer. There is no pause between its last call and the return.
        """
        while True:
            items = ask()
            new = [item for item in items if not self._has(item)]
            if len(new) > AT_ONCE:  # after a start, say: none of these may be drawn in one go
                await self.load(new)
                continue
            shown = [self.get(item) for item in items]
            missing = [item for item, card in zip(items, shown, strict=True) if card is None]
            if missing:
                await self.load(missing)
                continue
            cards = [card for card in shown if card is not None]
            if self.are_ready is None or await self.are_ready(cards):
                return cards

    def forget_gone(self) -> None:
        """Let go of every card that may not be seen any more."""
        items, covered = self._seen.board.items, self._seen.covered
        for key in [key for key in self._kept if key not in items or key in covered]:
            del self._kept[key]

    def _keep(self, item: Item, post: Post) -> ShownCard:
        view = render_card(post, item, zone=self.zone, own_tags=self.own_tags)
        self._kept.pop(item.key, None)
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[item.key] = shown = ShownCard(item, post, view)
        return shown
