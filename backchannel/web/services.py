"""The parts of the running server that the routes use. `app.py` makes them and hands them over."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.gather import SourceHealth
from backchannel.search import Search
from backchannel.sequencer.desk import Desk
from backchannel.web.card_cache import BoardReader, CardCache
from backchannel.web.client_address import Network
from backchannel.web.pages import Pages

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Services(NamedTuple):
    """`token` opens `/api/v1/rulings`; `live` answers `/live` where the gate has not taken it already.

    `media` is the folder of `<sha256>.webp` files, `static` the one with the front end. `bugs` counts what
    was contained, and is told of what goes wrong here.
    """

    sequencer: BoardReader
    desk: Desk
    search: Search
    views: CardCache
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
