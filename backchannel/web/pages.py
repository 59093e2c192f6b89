"""The pages as text: Jinja templates around cards in their display form. No I/O but reading the templates."""

import re
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple
from urllib.parse import urlencode

import jinja2
import jinja2.ext
from markupsafe import Markup

from backchannel.config import Config
from backchannel.gather import SourceHealth
from backchannel.web.card_text import render_time
from backchannel.web.card_view import CardView, MediaView
from backchannel.web.folded import NOTHING_FOLDED, FoldedHealth, FoldedLine
from backchannel.web.qr import qr_svg, qr_text

__all__ = ["PROTOCOL", "PageState", "Pages", "Thread", "qr_svg", "threads"]

PROTOCOL = 1
"""Version of the wire, see docs/protocol.md. A page that meets another one loads itself again."""

KEPT = 1000
THEMES = ("stage", "paper")
_WHOLE_HOURS = 3600 * 48


class PageState(NamedTuple):
    """The state that a page shows: the board's epoch and number, and the time.

    `now` is the conference's time, `at` the server's real time (both POSIX seconds, taken together), `rate`
    how many conference seconds pass in a real one. So a page tells the right time on a machine whose own
    clock is wrong.
    """

    epoch: str
    seq: int
    now: float
    at: float
    rate: float = 1.0


class StatusRow(NamedTuple):
    """A line of the status page."""

    name: str
    kind: str
    mood: str
    headline: str
    detail: str


class Thread(NamedTuple):
    """A conversation as far as it is on the page: the card it hangs on, and its answers in order."""

    head: CardView
    replies: list[CardView]


def threads(cards: Sequence[CardView]) -> list[Thread]:
    """Cards as conversations, the one with the latest word first; `threads.js` does the same in the page."""
    groups: dict[int, list[CardView]] = {}
    for card in sorted(cards, key=lambda card: (card.order, card.key)):
        groups.setdefault(card.root or card.key, []).append(card)
    ordered = sorted(groups.items(), key=lambda group: (group[1][-1].order, group[1][-1].key), reverse=True)
    done = []
    for root, group in ordered:
        head = next((card for card in group if card.key == root), group[0])
        done.append(Thread(head, [card for card in group if card is not head]))
    return done


Row = Thread | FoldedLine


def rows(cards: Sequence[CardView], folded: Sequence[FoldedLine], *, is_whole: bool) -> list[Row]:
    """Conversations and folded lines as they stand in the tab, the latest first; `tab.js` does the same.

    A line that is older than what is on the page comes with the history.
    """
    floor = (0, 0) if is_whole else min(((card.order, card.key) for card in cards), default=(0, 0))
    placed: list[tuple[tuple[int, int], Row]] = []
    for thread in threads(cards):
        last = thread.replies[-1] if thread.replies else thread.head
        placed.append((max((last.order, last.key), (thread.head.order, thread.head.key)), thread))
    placed += [((line.order, line.key), line) for line in folded if (line.order, line.key) > floor]
    return [row for _, row in sorted(placed, key=lambda one: one[0], reverse=True)]


class Compact(jinja2.ext.Extension):
    """Line breaks with their indent become comments: never text nodes, and error messages keep their line."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"\n[ \t]*", "{#\n#}", source)


class EmptyForms(NamedTuple):
    """Empty display forms, from which the page's <template>s are made."""

    card: CardView = CardView()
    medium: MediaView = MediaView()


class Pages:
    """The pages of the program, for one configuration."""

    def __init__(self, config: Config) -> None:
        self._env = jinja2.Environment(
            loader=jinja2.PackageLoader("backchannel.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            extensions=[Compact],
        )
        self.edition = 0
        self._html: dict[int, tuple[CardView, str]] = {}
        self._env.globals["card_html"] = lambda view: Markup(self.card_html(view))  # noqa: S704 -- our own
        self.reload(config)

    def reload(self, config: Config) -> None:
        """Draw pages for this configuration from now on."""
        self._config = config
        self.edition += 1
        event, wall = config.event, config.wall
        self._common: dict[str, Any] = {
            "event": event.name,
            "place": event.place,
            "hashtag": f"#{event.hashtags[0]}",
            "short": config.short_url,
            "zone": event.timezone,
            "quiet_after_s": wall.quiet_after_s,
            "protocol": PROTOCOL,
            "blank": EmptyForms(),
        }
        self.qr = qr_svg(qr_text(config.join_url))

    @property
    def zone(self) -> tzinfo:
        return self._config.event.zone

    def wall(
        self, cards: Sequence[CardView], stand: PageState, *, blank: bool = False, theme: str = ""
    ) -> str:
        """`/wall`: the newest 200 cards in any order; the page chooses what stands on its stage."""
        newest = sorted(cards, key=lambda card: (card.order, card.key), reverse=True)
        theme = theme if theme in THEMES else "stage"
        clock = render_time(stand.now, self.zone).text
        return self._render("wall.html", cards=newest, stand=stand, is_blank=blank, theme=theme, clock=clock)

    def holding(self, *, theme: str = "") -> str:
        """Return the wall while the server is away: the way in, and not a word of anybody."""
        return self._render("holding.html", theme=theme if theme in THEMES else "stage")

    def tab(
        self,
        cards: Sequence[CardView],
        stand: PageState,
        *,
        older: str = "",
        before: str = "",
        q: str = "",
        by: int | None = None,
        folded: Sequence[FoldedLine] = (),
    ) -> str:
        """`/`: `older` is the opaque place of the next older posts, `before` the one this page begins at.

        With `before`, `q` or `by` it is a page of history, of search results or of one author's posts (or of
        all that is folded): it does not grow by itself. `folded` are the lines that stand among the posts.
        """
        asked = (("q", q), ("by", "" if by is None else str(by)), ("before", older))
        query = urlencode({name: value for name, value in asked if value})
        is_fixed = bool(before or q) or by is not None
        return self._render(
            "tab.html",
            rows=rows(cards, folded, is_whole=not older),
            lines=() if is_fixed else folded,
            stand=stand,
            older=older,
            older_url=f"/?{query}" if older else "",
            q=q,
            by=by,
            writer=cards[0].author.name if by and cards else "",
            is_fixed=is_fixed,
        )

    def status(
        self,
        sources: Sequence[SourceHealth],
        *,
        now: float,
        bugs: int = 0,
        folded: FoldedHealth = NOTHING_FOLDED,
    ) -> str:
        """`/status`: per source, whether it is live, how far behind, or what is wrong, in plain words.

        `bugs`: mistakes of ours that were contained since the start; `folded`: whose posts are.
        """
        rows = [self._row(source, now) for source in sources]
        authors = [(one, render_time(one["since"], self.zone).text) for one in folded.authors]
        clock = render_time(now, self.zone).text
        return self._render("status.html", rows=rows, bugs=bugs, authors=authors, folded=folded, clock=clock)

    def error(self, title: str, words: str) -> str:
        """Return a page for what went wrong, with the way back."""
        return self._render("error.html", title=title, words=words)

    def card_html(self, view: CardView) -> str:
        """Return one card's markup, as it stands in the pages: drawn once for all of them."""
        kept = self._html.pop(view.key, None)
        if kept is None or kept[0] is not view:
            module: Any = self._env.get_template("_card.html").module
            kept = view, str(module.drawn(view))
        self._html[view.key] = kept
        while len(self._html) > KEPT:
            del self._html[next(iter(self._html))]
        return kept[1]

    def forget_gone(self, is_seen: Callable[[int], bool]) -> None:
        """Let go of the markup of every card that may not be seen any more."""
        for key in [key for key in self._html if not is_seen(key)]:
            del self._html[key]

    def _render(self, name: str, **values: Any) -> str:
        return self._env.get_template(name).render({**self._common, **values})

    def _row(self, source: SourceHealth, now: float) -> StatusRow:
        mood, headline = {
            "live": ("live", "Live"),
            "backoff": ("trying", "Trying again"),
            "blocked": ("trying", "The network asked us to wait"),
            "needs_human": ("stuck", "Needs a person"),
            "starting": ("trying", "Starting"),
        }[source.state]
        gap = f"{source.missed} gap{'s' * (source.missed > 1)} could not be filled" if source.missed else ""
        detail = "; ".join(filter(None, (source.error, gap)))
        if source.state == "live":
            detail = "" if source.behind_s is None else f"{_span(source.behind_s)} behind"
        elif source.last_success_at is None:
            detail = f"{detail} Nothing read yet.".strip()
        else:
            detail = f"{detail} Last read {_span(max(0.0, now - source.last_success_at))} ago.".strip()
        return StatusRow(source.name, source.kind, mood, headline, detail)


def _span(seconds: float) -> str:
    """Return a length of time in the largest unit that says something: 4 s, 3 min, 2 h, 5 days."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 3600 * 2:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < _WHOLE_HOURS else f"{seconds / 86400:.0f} days"
