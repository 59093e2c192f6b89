"""Every address of the house. Pages are made by the server first and readable without JavaScript."""

from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from backchannel.board import BLANK_KEY, Folded, Item
from backchannel.web.answers import (
    BUGS,
    MAX_BODY,
    PAGES,
    add_headers,
    json_answer,
    page_answer,
    readable_errors,
)
from backchannel.web.files import Pictures, Static
from backchannel.web.folded import FoldedHealth, line_items, render_folded, tell_folded
from backchannel.web.house import House, SourceHealth
from backchannel.web.pages import WALL_CSP, SourceView, Stand
from backchannel.web.posts import find_posts, parse_query, render_place, render_posts
from backchannel.web.rulings import PATH as RULINGS
from backchannel.web.rulings import post_ruling

WALL, TAB, API = 200, 50, 50
KEPT_S = 1.0
KEPT_PAGES = 16
_LIVE_STATES = frozenset({"live", "ok", "starting"})


def build_app(house: House) -> web.Application:
    """The application for `hub.gate.Port`, or for any other aiohttp runner."""
    app = web.Application(middlewares=[readable_errors], client_max_size=MAX_BODY)
    app[PAGES], app[BUGS] = house.pages, house.bugs
    app.on_response_prepare.append(add_headers)
    site, static = Site(house), Static(house.static)
    pictures = Pictures(house.sequencer, house.media)
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
            web.post(RULINGS, partial(post_ruling, house)),
            web.get("/live", house.live, allow_head=False),
            web.get("/static/{path:.+}", static.serve),
            web.get("/sw.js", static.worker),
            web.get("/media/{hash:[0-9a-f]{64}}.webp", pictures.serve),
        ]
    )
    return app


class Site:
    """The pages and the reading side of the API."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._kept: dict[tuple[str, str, int, frozenset[int]], tuple[float, str]] = {}

    async def wall(self, request: web.Request) -> web.Response:
        """The newest 200 as they stand; the page goes on from its number."""
        house, theme = self._house, request.query.get("theme", "")
        cards = await house.views.answer(lambda: self._newest(WALL))
        views, blank = [card.view for card in cards], self._is_blank()
        make = partial(house.pages.wall, views, self._stand(), blank=blank, theme=theme)
        return page_answer(self._keep("wall", f"{theme[:16]} {blank}", make), policy=WALL_CSP)

    async def holding(self, request: web.Request) -> web.Response:
        """What `/sw.js` keeps for a wall that is loaded while we are away."""
        return page_answer(self._house.pages.holding(theme=request.query.get("theme", "")))

    async def tab(self, request: web.Request) -> web.Response:
        """The newest 50; with `before` or `q`, history or what was found, for those without JavaScript."""
        house, query = self._house, parse_query(request.query, limit=TAB)
        if query.words or query.before or query.by is not None or "limit" in request.query:
            # whoever reads on without JavaScript passes folded ones over, too: their lines lead to them
            query = query._replace(folded=False)
            found = await find_posts(house, query)
            views, before = [card.view for card in found.cards], request.query.get("before", "")
            make = partial(house.pages.tab, views, self._stand(), older=found.older, before=before)
            return page_answer(make(q=query.words, by=query.by))
        board = house.sequencer.board
        await house.views.answer(lambda: [*self._newest(TAB), *line_items(board, self._folds())])
        views = [shown.view for item in self._newest(TAB) if (shown := house.views.get(item))]
        folded, _ = render_folded(board, self._folds(), house.views)
        older = render_place(board.items[board.line[-TAB]]) if len(board.line) > TAB else ""
        make = partial(house.pages.tab, views, self._stand(), older=older, folded=folded.lines)
        return page_answer(self._keep("tab", "", make))

    async def status(self, _: web.Request) -> web.Response:
        """Per source, in plain words, whether it is live or what is wrong."""
        sources = [
            SourceView(
                source.name,
                source.kind,
                "ok" if source.state == "live" else source.state,
                source.last_success_at,
                source.behind_s,
                _trouble(source),
                getattr(source, "until_at", None),
            )
            for source in self._house.health()
        ]
        now, bugs, folded = self._house.clock.now(), self._house.bugs.count, self._folded()
        return page_answer(self._house.pages.status(sources, now=now, bugs=bugs, folded=folded))

    async def healthz(self, _: web.Request) -> web.Response:
        """The same for machines. Always 200: a wall that cannot write is a wall, and no restart helps."""
        sequencer, sources, bugs = self._house.sequencer, self._house.health(), self._house.bugs
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
        return json_answer(render_posts(self._house, await find_posts(self._house, query)))

    async def qr(self, _: web.Request) -> web.Response:
        """The way in, for a camera."""
        headers = {"Cache-Control": "no-cache"}
        return web.Response(text=self._house.pages.qr, content_type="image/svg+xml", headers=headers)

    async def favicon(self, _: web.Request) -> web.Response:
        """Asked for by browsers where a page names no icon."""
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "max-age=86400"})

    def _folds(self) -> Folded:
        return self._house.sequencer.board.folds_seen(self._house.sequencer.covered)

    def _folded(self) -> FoldedHealth:
        return tell_folded(self._house.sequencer.board, self._folds(), self._house.views)

    def _newest(self, count: int) -> Sequence[Item]:
        """The window, as a first frame has it: what is covered counts, and is not shown."""
        covered = self._house.sequencer.covered
        return [item for item in self._house.sequencer.board.newest(count) if item.key not in covered]

    def _stand(self) -> Stand:
        sequencer, clock = self._house.sequencer, self._house.clock
        return Stand(sequencer.epoch, sequencer.board.seq, clock.now(), clock.real(), clock.rate)

    def _is_blank(self) -> bool:
        sequencer = self._house.sequencer
        is_veiled = any(item.key == BLANK_KEY for item in sequencer.since(sequencer.board.seq).put)
        return is_veiled or BLANK_KEY in sequencer.board.items

    def _keep(self, name: str, variant: str, make: Callable[[], str]) -> str:
        """The page, made at most once a second while the board stays as it is: tabs come in crowds."""
        sequencer, now = self._house.sequencer, self._house.clock.monotonic()
        key = (name, variant, sequencer.board.seq, sequencer.covered)
        kept = self._kept.get(key)
        if kept and now - kept[0] < KEPT_S:
            return kept[1]
        text = make()
        same = {old: it for old, it in self._kept.items() if old[2:] == key[2:]}
        self._kept = {**(same if len(same) < KEPT_PAGES else {}), key: (now, text)}
        return text


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


def _trouble(source: SourceHealth) -> str:
    """What is wrong, for people: the error, and what was lost for good."""
    gap = f"{source.missed} gap{'s' * (source.missed > 1)} could not be filled" if source.missed else ""
    return "; ".join(filter(None, (source.error, gap)))
