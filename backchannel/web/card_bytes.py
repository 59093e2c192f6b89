"""Cards as the bytes that answers are put together from: drawn once, whoever asks for them and where."""

from collections.abc import Callable, Sequence

import msgspec

from backchannel.clock import give_way
from backchannel.web.card_cache import AT_ONCE, CardCache, ShownCard, cost_of
from backchannel.web.card_render import api_post
from backchannel.web.pages import Pages

KEPT = 1000


class CardBytes:
    """Holds what `/api/v1/posts` says about cards. A card that is shown anew is another `ShownCard`."""

    def __init__(self, pages: Pages, views: CardCache) -> None:
        self._pages, self._views = pages, views
        self._kept: dict[int, tuple[ShownCard, msgspec.Raw]] = {}

    def json(self, card: ShownCard) -> msgspec.Raw:
        """Return one card, encoded."""
        kept = self._kept.pop(card.item.key, None)
        if kept is None or kept[0] is not card:
            kept = card, self._draw(card)
        self._kept[card.item.key] = kept
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return kept[1]

    async def are_ready(self, cards: Sequence[ShownCard]) -> bool:
        """Tell whether few of these have still to be drawn. Else they are, a few at a time, and the board has
        to be looked at again: others had the loop meanwhile."""
        missing = [card for card in cards if not self._has(card)]
        if sum(cost_of(card.view) for card in missing) <= AT_ONCE:
            return True
        drawn = 0
        for card in missing:
            if drawn >= AT_ONCE:
                await give_way()
                drawn = 0
            self.json(card)
            drawn += cost_of(card.view)
        return False

    def forget_gone(self, is_seen: Callable[[int], bool]) -> None:
        """Let go of every card that may not be seen any more."""
        for key in [key for key in self._kept if not is_seen(key)]:
            del self._kept[key]
        self._pages.forget_gone(is_seen)

    def _has(self, card: ShownCard) -> bool:
        kept = self._kept.get(card.item.key)
        return kept is not None and kept[0] is card

    def _draw(self, card: ShownCard) -> msgspec.Raw:
        views, html = self._views, self._pages.card_html(card.view)
        said = api_post(card.post, card.item, zone=views.zone, html=html, own_tags=views.own_tags)
        return msgspec.Raw(msgspec.json.encode(said))
