"""The addresses that the server answers at. Pages are made by the server first and readable without
JavaScript."""

from collections.abc import Hashable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from backchannel.board import BLANK_KEY, CAP, Folded, Item
from backchannel.gather import SourceHealth
from backchannel.web.answer_cache import AnswerCache, Make, Rendered
from backchannel.web.answers import BUGS, MAX_BODY, PAGES, json_answer, page_answer, readable_errors
from backchannel.web.card_bytes import CardBytes
from backchannel.web.card_cache import ShownCard
from backchannel.web.card_view import CardView
from backchannel.web.client_address import client_address, limit_key
from backchannel.web.files import PictureFiles, Static
from backchannel.web.folded import FoldedHealth, line_items, render_folded, tell_folded
from backchannel.web.headers import WALL_CSP, add_headers, json_headers, page_headers
from backchannel.web.pages import THEMES, PageState
from backchannel.web.posts import Query, find_posts, parse_query, render_place, render_posts
from backchannel.web.rulings import PATH as RULINGS
from backchannel.web.rulings import post_ruling
from backchannel.web.sending import Outbox
from backchannel.web.services import Services

WALL, TAB, API = CAP, 50, 50
SHARED = (Query(API), Query(WALL))
_LIVE_STATES = frozenset({"live", "ok", "starting"})


def build_app(services: Services) -> web.Application:
    """Return the application for `hub.gate.Port`, or for any other aiohttp runner."""
    app = web.Application(middlewares=[readable_errors], client_max_size=MAX_BODY)
    app[PAGES], app[BUGS] = services.pages, services.bugs
    app.on_response_prepare.append(add_headers)
    outbox = Outbox()
    static, pictures = (
        Static(services.static, outbox),
        PictureFiles(services.sequencer, services.media, outbox),
    )
    site = Site(services, outbox, pictures)
    app.add_routes(
        [
            web.get("/", site.tab),
            web.get("/wall", site.wall),
            web.get("/wall/holding", site.holding),
            web.get("/status", site.status),
            web.get("/healthz", site.healthz),
            web.get("/qr.svg", site.qr),
            web.get("/favicon.ico", site.favicon),
            web.get("/api/v1/posts", site.posts),
            web.post(RULINGS, partial(post_ruling, services)),
            web.get("/live", services.live, allow_head=False),
            web.get("/static/{path:.+}", static.serve),
            web.get("/sw.js", static.worker),
            web.get("/media/{hash:[0-9a-f]{64}}.webp", pictures.serve),
        ]
    )
    return app


class Site:
    """The pages and the reading side of the API."""

    def __init__(self, services: Services, outbox: Outbox, pictures: PictureFiles) -> None:
        self._services, self._outbox, self._pictures = services, outbox, pictures
        self._drawn = CardBytes(services.pages, services.views)
        self._kept = AnswerCache(services.sequencer, services.clock, outbox.pace, services.is_venue)
        services.views.are_ready = self._drawn.are_ready
        services.sequencer.subscribe(self._published)

    def _published(self, takedown: bool) -> None:
        """Apply a takedown to the answers that are kept and to those on their way."""
        if takedown:
            items, covered = self._services.sequencer.board.items, self._services.sequencer.covered
            self._kept.drop()
            self._drawn.forget_gone(lambda key: key in items and key not in covered)
            self._pictures.forget_gone()
            self._outbox.cut_taken_down()

    async def wall(self, request: web.Request) -> web.Response:
        """Return the newest 200 as they stand; the page goes on from its number."""
        theme = request.query.get("theme", "")
        theme = theme if theme in THEMES else ""
        while True:
            blank = self._is_blank()
            make = partial(self._make_wall, theme)
            answer = await self._answer(
                request, ("wall", self._services.pages.edition, theme, blank), make, page_headers(WALL_CSP)
            )
            if blank is self._is_blank():
                return answer

    async def _make_wall(self, theme: str) -> Rendered:
        cards = await self._services.views.answer(lambda: self._newest(WALL))
        page = self._services.pages.wall
        return self._page(page(_views(cards), self._stand(), blank=self._is_blank(), theme=theme), cards)

    async def holding(self, request: web.Request) -> web.Response:
        """Return the page that `/sw.js` keeps for a wall that is loaded while we are away."""
        return page_answer(self._services.pages.holding(theme=request.query.get("theme", "")))

    async def tab(self, request: web.Request) -> web.Response:
        """Return the newest 50; with `before` or `q`, history or what was found, for those without
        JavaScript."""
        query = parse_query(request.query, limit=TAB)
        is_plain = query == Query(TAB) and "limit" not in request.query
        before = request.query.get("before", "")
        make = self._make_newest if is_plain else partial(self._make_found, query, before)
        return await self._answer(
            request,
            ("tab", self._services.pages.edition, is_plain, before, query),
            make,
            page_headers(),
            is_paid=not is_plain,
        )

    async def _make_newest(self) -> Rendered:
        services, board = self._services, self._services.sequencer.board
        cards = await services.views.answer(lambda: [*self._newest(TAB), *line_items(board, self._folds())])
        views = [shown.view for item in self._newest(TAB) if (shown := services.views.get(item))]
        folded, _ = render_folded(board, self._folds(), services.views)
        older = render_place(board.items[board.line[-TAB]]) if len(board.line) > TAB else ""
        return self._page(services.pages.tab(views, self._stand(), older=older, folded=folded.lines), cards)

    async def _make_found(self, query: Query, before: str) -> Rendered:
        # whoever reads on without JavaScript passes folded ones over, too: their lines lead to them
        found = await find_posts(self._services, query._replace(folded=False))
        make = partial(self._services.pages.tab, _views(found.cards), self._stand(), older=found.older)
        return self._page(make(before=before, q=query.words, by=query.by), found.cards)

    async def status(self, _: web.Request) -> web.Response:
        """Per source, in plain words, whether it is live or what is wrong."""
        now, bugs, folded = self._services.clock.now(), self._services.bugs.count, self._folded()
        return page_answer(
            self._services.pages.status(self._services.health(), now=now, bugs=bugs, folded=folded)
        )

    async def healthz(self, _: web.Request) -> web.Response:
        """Return the same for machines. Always 200: a wall that cannot write is a wall, and no restart
        helps."""
        sequencer, sources, bugs = self._services.sequencer, self._services.health(), self._services.bugs
        is_well = all(source.state in _LIVE_STATES for source in sources) and not sequencer.unsaved
        return json_answer(
            {
                "status": "failing" if sequencer.trouble else "ok" if is_well else "degraded",
                "sources": {source.name: _health(source) for source in sources},
                "unsaved": sequencer.unsaved,
                "trouble": sequencer.trouble,
                "folded": self._folded()._asdict(),
                "bugs": {"count": bugs.count, "latest": bugs.latest},
                "epoch": sequencer.epoch,
                "seq": sequencer.board.seq,
            }
        )

    async def posts(self, request: web.Request) -> web.Response:
        """`/api/v1/posts?limit=&before=&q=&by=&folded=`: newest first, with the number of the board they were
        read at."""
        query = parse_query(request.query, limit=API)

        async def make() -> Rendered:
            found = await find_posts(self._services, query)
            return self._kept.rendered(render_posts(self._services, self._drawn, found), _keys(found.cards))

        is_paid = query not in SHARED  # a length of one's own is an answer of one's own
        return await self._answer(
            request, ("api", self._services.pages.edition, query), make, json_headers(), is_paid=is_paid
        )

    async def qr(self, _: web.Request) -> web.Response:
        """Return the way in, for a camera."""
        headers = {"Cache-Control": "no-cache"}
        return web.Response(text=self._services.pages.qr, content_type="image/svg+xml", headers=headers)

    async def favicon(self, _: web.Request) -> web.Response:
        """Asked for by browsers where a page names no icon."""
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "max-age=86400"})

    def _folds(self) -> Folded:
        return self._services.sequencer.board.folds_seen(self._services.sequencer.covered)

    def _folded(self) -> FoldedHealth:
        return tell_folded(self._services.sequencer.board, self._folds(), self._services.views)

    def _newest(self, count: int) -> Sequence[Item]:
        """Return the window, as a first frame has it: what is covered counts, and is not shown."""
        covered = self._services.sequencer.covered
        return [item for item in self._services.sequencer.board.newest(count) if item.key not in covered]

    def _stand(self) -> PageState:
        sequencer, clock = self._services.sequencer, self._services.clock
        return PageState(sequencer.epoch, sequencer.board.seq, clock.now(), clock.real(), clock.rate)

    def _is_blank(self) -> bool:
        sequencer = self._services.sequencer
        is_veiled = any(item.key == BLANK_KEY for item in sequencer.since(sequencer.board.seq).put)
        return is_veiled or BLANK_KEY in sequencer.board.items

    def _page(self, text: str, cards: Sequence[ShownCard]) -> Rendered:
        return self._kept.rendered(text.encode(), _keys(cards))

    async def _answer(
        self,
        request: web.Request,
        ask: Hashable,
        make: Make,
        headers: dict[str, str],
        *,
        is_paid: bool = False,
    ) -> web.Response:
        """Return an answer that is shared by all who ask for the same."""
        peer = request.remote or ""
        address = limit_key(client_address(peer, request.headers.items(), self._services.trusted))
        answer = await self._kept.get(ask, make, address=address, is_paid=is_paid)
        may_go = partial(self._kept.may_be_seen, answer)
        return self._outbox.send(request, answer.body, headers, address=address, may_go=may_go)


def _views(cards: Sequence[ShownCard]) -> list[CardView]:
    return [card.view for card in cards]


def _keys(cards: Sequence[ShownCard]) -> frozenset[int]:
    return frozenset(card.item.key for card in cards)


def _health(source: SourceHealth) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "state": source.state,
        "last_success_at": source.last_success_at,
        "behind_s": source.behind_s,
        "error": source.error,
        "skipped": source.skipped,
        "missed": source.missed,
    }
