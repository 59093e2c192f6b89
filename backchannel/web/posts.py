"""Posts as they are asked for: the newest, those before a place, those with certain words."""

import base64
import binascii
import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from backchannel.board import Item
from backchannel.web.answers import BadParameter
from backchannel.web.card_bytes import CardBytes
from backchannel.web.card_cache import ShownCard
from backchannel.web.folded import OTHERS
from backchannel.web.services import Services

MAX_LIMIT = 200
MAX_WORDS = 200
MAX_DIGITS = 19

Place = tuple[int, int]


class Query(NamedTuple):
    """Holds a query. `before`: the place (order, key) that the answer ends at, exclusive. `by`: a post
    whose author's posts are wanted, `OTHERS` for all that are folded. `folded`: folded ones, too."""

    limit: int
    before: Place | None = None
    words: str = ""
    by: int | None = None
    folded: bool = True


class PostPage(NamedTuple):
    """Cards, newest first; `older` is where to go on, empty at the end."""

    cards: list[ShownCard]
    older: str


def parse_query(query: Mapping[str, str], *, limit: int) -> Query:
    """`limit`, `before`, `q`, `by` and `folded` of a request; `limit` is taken where it names none.

    Raises BadParameter.
    """
    text = query.get("limit", str(limit))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT):
        raise BadParameter("limit", text, f"a whole number from 1 to {MAX_LIMIT}")
    words = " ".join(query.get("q", "").split())
    if len(words) > MAX_WORDS or "\0" in words:
        raise BadParameter("q", words, f"up to {MAX_WORDS} characters")
    by, folded = query.get("by", ""), query.get("folded", "1")
    if by and (words or not (by.isascii() and by.isdigit() and len(by) < MAX_DIGITS)):
        raise BadParameter("by", by, "the key of a post, and no `q` beside it")
    if folded not in ("0", "1"):
        raise BadParameter("folded", folded, "0 or 1")
    before = parse_place(query.get("before", ""))
    return Query(int(text), before, words, int(by) if by else None, folded == "1")


def parse_place(text: str) -> Place | None:
    """Return the place that `render_place` wrote, None for an empty text. Raises BadParameter."""
    if not text:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        order, key = base64.b64decode(padded, altchars=b"-_", validate=True).split(b".")
        if order.isdigit() and key.isdigit() and max(len(order), len(key)) < MAX_DIGITS:
            return int(order), int(key)
    except (binascii.Error, ValueError):
        pass
    raise BadParameter("before", text, "the `next` of an earlier answer")


def render_place(item: Item) -> str:
    """Return the place of a post in the history as an opaque word, from which the posts before it begin."""
    return base64.urlsafe_b64encode(f"{item.order}.{item.key}".encode()).decode().rstrip("=")


async def find_posts(services: Services, query: Query) -> PostPage:
    """Return the answer as of now: nothing is awaited between the last look at the board and the return."""
    board, sequencer = services.sequencer.board, services.sequencer
    want = query.limit + 1
    keys: list[int] = []
    is_cut = False
    if query.words:
        asked = want + len(sequencer.covered)
        keys = await services.search.find(query.words, asked, query.before[1] if query.before else None)
        is_cut = len(keys) >= asked
    more = False

    def ask() -> Sequence[Item]:
        nonlocal more
        covered = sequencer.covered
        if query.words:
            items = [board.items[key] for key in keys if key in board.items]
        elif query.by is None:
            items = board.before(query.before, want + len(covered), with_folded=query.folded)
        elif query.by == OTHERS:
            items = board.folds_before(query.before, want + len(covered))
        else:
            below = query.before[1] if query.before else sys.maxsize
            uncovered = (i for i in sequencer.by_author(query.by, below) if i.key not in covered)
            items = [*islice(uncovered, want)]
        seen = [item for item in items if item.order and item.key not in covered]
        more = len(seen) > query.limit or (is_cut and bool(seen))
        return seen[: query.limit]

    cards = await services.views.answer(ask)
    return PostPage(cards, render_place(cards[-1].item) if more else "")


def render_posts(services: Services, drawn: CardBytes, found: PostPage) -> bytes:
    """Return the answer of `/api/v1/posts`. `next` is null at the end."""
    sequencer = services.sequencer
    return msgspec.json.encode(
        {
            "epoch": sequencer.epoch,
            "seq": sequencer.board.seq,
            "posts": [drawn.json(card) for card in found.cards],
            "next": found.older or None,
        }
    )
