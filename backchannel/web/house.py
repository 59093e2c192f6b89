"""What the routes stand on, as they see it. `app.py` fills it with the real things."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from aiohttp import web

from backchannel.board import Item
from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.web.address import Network
from backchannel.web.pages import Pages
from backchannel.web.views import Seen, Views

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Answer(Protocol):
    """What came of a person's word. Not `saved`: it counts on every screen, and is not on the disk yet."""

    @property
    def saved(self) -> bool: ...

    @property
    def message(self) -> str: ...


class Sequencer(Seen, Protocol):
    """The one writer, as the routes see it."""

    def subscribe(self, callback: Callable[[bool], None]) -> None:
        """Call back after every publish; with True, where something is covered that was not."""
        ...

    @property
    def unsaved(self) -> int:
        """Takedowns that count everywhere and are not in the log yet."""
        ...

    @property
    def trouble(self) -> str:
        """Why words are refused now, empty when all is well."""
        ...

    def by_author(self, key: int, below: int) -> Iterator[Item]:
        """The cards of this post's author whose key is below that, the greatest first."""
        ...


class Desk(Protocol):
    """Where a person decides."""

    async def rule(
        self, verdict: str, subject: str, *, by: str, why: str = "", on: bool = True, ruling_id: str = ""
    ) -> Answer:
        """A word on a permalink, an id or a key. LookupError: nobody knows it; LogUnavailable: refused."""
        ...


class Search(Protocol):
    """Full text over what is on the board."""

    async def find(self, words: str, limit: int, before: int | None = None) -> list[int]:
        """Keys below `before` of cards that hold all the words, the greatest first."""
        ...


class SourceHealth(Protocol):
    """How a source is. Times are POSIX seconds, None before the first success."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def last_success_at(self) -> float | None: ...

    @property
    def behind_s(self) -> float | None: ...

    @property
    def error(self) -> str: ...

    @property
    def skipped(self) -> int:
        """Items that could not be read."""
        ...

    @property
    def missed(self) -> int:
        """Gaps that could not be filled."""
        ...


class House(NamedTuple):
    """`token` opens `/api/v1/rulings`; `live` answers `/live` where the gate has not taken it already.

    `media` is the folder of `<sha256>.webp` files, `static` the one with the front end. `bugs` counts what
    was contained, and is told of what goes wrong here.
    """

    sequencer: Sequencer
    desk: Desk
    search: Search
    views: Views
    pages: Pages
    health: Callable[[], Sequence[SourceHealth]]
    bugs: Bugs
    clock: Clock
    static: Path
    media: Path
    token: str
    live: Handler
    trusted: Sequence[Network] = ()
    is_venue: Callable[[str], bool] = lambda key: False
    is_own_page: Callable[[web.Request], bool] = lambda request: True
