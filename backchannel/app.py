"""Wiring; the only module that knows everybody."""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import structlog
from msgspec.structs import replace

from backchannel.board import CAP
from backchannel.bugs import Bugs
from backchannel.check.reach import judge_qr
from backchannel.clock import Clock
from backchannel.config import Config, ConfigWatcher, load_config, secrets_of
from backchannel.configured import make_fetcher, make_source, name_of
from backchannel.contract import SourceSettings
from backchannel.exempt import Exemptions
from backchannel.fetch import Fetcher
from backchannel.gather import GatherContext, Gatherer, KnownPosts, SourceHealth
from backchannel.hub.door import Door
from backchannel.hub.fallback import is_own_page, live_handler
from backchannel.hub.gate import Port
from backchannel.hub.hub import Hub
from backchannel.log import LogUnavailable
from backchannel.media import PER_HOST, MediaStore
from backchannel.media import follow as follow_pictures
from backchannel.paths import static_folder
from backchannel.search import Search, try_follow
from backchannel.search import follow as follow_board
from backchannel.secret_files import SecretStore
from backchannel.sequencer import Sequencer
from backchannel.sequencer.desk import Desk
from backchannel.start import locked, open_sequencer, raise_descriptors, rules_of, tls_of, told_to_stop
from backchannel.terminal import keep_secret, say
from backchannel.web.card_cache import CardCache
from backchannel.web.client_address import parse_networks
from backchannel.web.pages import Pages
from backchannel.web.routes import build_app
from backchannel.web.rulings import is_word
from backchannel.web.services import Services

SWEEP_S = 600.0

log_line = structlog.get_logger(__name__)


class Server:
    """The running program for one event: it wires log, networks and pages together."""

    def __init__(self, config: Config, folder: Path, clock: Clock, sequencer: Sequencer, token: str) -> None:
        self.config, self.clock, self.sequencer = config, clock, sequencer
        keep_secret(secrets_of(config))  # before anything is made that may tell one
        self.bugs = Bugs()
        self.search = Search(folder / "search.db", sequencer.epoch)
        self.exempt = Exemptions(config)
        fetcher = make_fetcher(config, clock, self.exempt, per_host=PER_HOST)
        self.pictures = MediaStore(folder / "media", fetcher, clock, bugs=self.bugs)
        self.pages = Pages(config)
        self.views = CardCache(sequencer, zone=config.event.zone, own_tags=config.event.hashtags)
        self.hub = Hub(sequencer, self.views, clock)
        trusted = parse_networks(config.server.trusted_proxies)
        self.door = Door(
            trusted=trusted,
            origins=[config.public_url, f"https://{config.wall.short_url}"],
            venue=parse_networks(config.server.venue_addresses),
            size=raise_descriptors(),
        )
        self.known = KnownPosts(sequencer)
        self.gatherers: list[Gatherer] = []
        self.app = build_app(
            Services(
                sequencer=sequencer,
                desk=Desk(sequencer, self._forget_everywhere),
                search=self.search,
                views=self.views,
                pages=self.pages,
                health=self.health,
                bugs=self.bugs,
                clock=clock,
                static=static_folder(),
                media=folder / "media",
                token=token,
                live=live_handler(self.hub, self.door),
                trusted=trusted,
                is_venue=self.door.is_venue,
                is_own_page=partial(is_own_page, self.door),
            )
        )
        self._changed = asyncio.Event(), asyncio.Event()
        sequencer.subscribe(self._tell_followers)

    def _tell_followers(self, _: bool) -> None:
        for changed in self._changed:
            changed.set()

    def stand_at(self, port: int) -> None:
        """Let the pages lead to the port that is open, also where any free one was asked for."""
        self.config = self.config.model_copy(
            update={"server": self.config.server.model_copy(update={"port": port})}
        )
        self.pages.reload(self.config)
        if (qr := judge_qr(self.config, None)).reach == "nobody":
            log_line.warning("nobody can follow the QR code: set server.public_url", leads_to=qr.leads_to)

    async def draw(self) -> None:
        """Make the cards that are asked for first, some at a time: a page or a frame makes them in one go."""
        with suppress(LogUnavailable):  # then they are made when somebody asks
            await self.views.load(self.sequencer.board.newest(CAP))

    def health(self) -> list[SourceHealth]:
        """Return the health of every source."""
        gaps = Counter(missed.source for missed in self.sequencer.state.missed)
        return [replace(one.health, missed=gaps[one.name]) for one in self.gatherers]

    async def run(self, watcher: ConfigWatcher | None) -> None:
        """Everything that goes on beside the port, until cancelled."""
        search_changed, pictures_changed = self._changed
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.sequencer.run())
            tasks.create_task(
                follow_board(
                    self.search, self.sequencer.board, self.sequencer.load, search_changed, self.clock
                )
            )
            tasks.create_task(
                follow_pictures(
                    self.pictures,
                    state=lambda: self.sequencer.state,
                    changed=pictures_changed,
                    submit=self.sequencer.submit,
                    retry_on=(LogUnavailable,),
                    clock=self.clock,
                    is_own=self.exempt.is_own_picture,
                )
            )
            tasks.create_task(self._sweep())
            tasks.create_task(self._gather(watcher))

    async def close(self) -> None:
        """Give the files back."""
        await self.pictures.close()
        await self.search.close()
        await self.sequencer.close()

    async def _gather(self, watcher: ConfigWatcher | None) -> None:
        """Run the sources; when the configuration changes, run those it names from then on."""
        while True:
            async with self._gathering():
                change = await _next_config(watcher)
            self._take_up(change)
            await self.draw()

    @asynccontextmanager
    async def _gathering(self) -> AsyncIterator[None]:
        fetchers: list[Fetcher] = []
        self.gatherers = [self._gatherer(settings, fetchers) for settings in self.config.sources]
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(gatherer.run()) for gatherer in self.gatherers]
                running.append(tasks.create_task(self._say_if_alone()))
                yield
                for task in running:
                    task.cancel()
        finally:
            for fetcher in fetchers:
                await fetcher.close()

    def _gatherer(self, settings: SourceSettings, fetchers: list[Fetcher]) -> Gatherer:
        """Make a gatherer for one source, with a client of its own: no other waits for its hosts."""
        event, name = self.config.event, name_of(settings)
        fetchers.append(fetcher := make_fetcher(self.config, self.clock, self.exempt.of(name), per_host=1))
        watch = partial(self.known.watched, name)
        source = make_source(settings, self.config, fetcher, self.clock, watch, self.bugs)
        rest = GatherContext(
            frozenset(event.hashtags),
            event.collect_from.timestamp(),
            self.sequencer,
            self.clock,
            self.known.standing,
            self.sequencer.log.cursors,
            self.bugs,
        )
        return Gatherer(name, settings.kind, source, watch, rest)

    def _take_up(self, config: Config) -> None:
        """Take up a new configuration, but for `server` and `log`, which count from the next start."""
        keep_secret(secrets_of(config))
        self.config = config.model_copy(update={"server": self.config.server})
        self.exempt.take_up(self.config)
        self.pages.reload(self.config)
        self.views.set_up(zone=config.event.zone, own_tags=config.event.hashtags)
        self.sequencer.judge_by(rules_of(config))
        log_line.info("the new configuration is taken up; `server` and `log` count from the next start")

    def _live_pictures(self) -> set[str]:
        by_key = self.sequencer.state.posts.by_key
        return {picture.hash for seen in by_key.values() for picture in seen.pictures if picture}

    async def _sweep(self) -> None:
        while True:
            await self._try_sweep()
            await self.clock.sleep(SWEEP_S)

    async def _try_sweep(self) -> bool:
        try:
            await self.pictures.sweep(self._live_pictures())
        except OSError as error:
            log_line.warning("pictures that nobody needs cannot be deleted", reason=str(error))
            return False
        return True

    async def _forget_everywhere(self) -> bool:
        has_followed = await try_follow(self.search, self.sequencer.board, self.sequencer.load)
        return await self._try_sweep() and has_followed

    async def _say_if_alone(self) -> None:
        """Say in one line that no source can be reached, and what can be done without any."""
        while self.config.sources:
            await self.clock.sleep(1.0)
            health = self.health()
            if any(source.last_success_at for source in health):
                return
            if all(source.state != "starting" for source in health):
                log_line.warning(
                    "no source can be reached; pages are served. `make demo` shows a conference without any"
                )
                return


async def _next_config(watcher: ConfigWatcher | None) -> Config:
    """Return the next configuration that is right; what is wrong with others is said. Without a file:
    never."""
    if watcher is None:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody answers this")
    async with aclosing(watcher.changes()) as changes:
        async for change in changes:
            if isinstance(change, Config):
                return change
            log_line.error("the new configuration is refused, the old one stays", why=str(change))
    raise AssertionError("a watcher never ends")


async def serve(
    path: Path, *, host: str | None = None, port: int | None = None, clock_rate: float = 1.0
) -> None:
    """`backchannel serve`: one event from its config.yaml. UserError for what the user can mend."""
    config = load_config(path, os.environ)
    told = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    server = config.server.model_copy(update=told)

    def watch(clock: Clock) -> ConfigWatcher:
        return ConfigWatcher(path, os.environ, clock, config)

    folder = path.parent / server.data
    await _serve(config.model_copy(update={"server": server}), folder, rate=clock_rate, watch=watch)


async def demo(*, port: int, speed: float, seed: int) -> None:
    """`backchannel demo`: an invented conference on invented networks, with the real server before it."""
    from backchannel.simulator import Simulator

    with tempfile.TemporaryDirectory(prefix="backchannel-") as name:
        clock = Clock(rate=speed)
        async with Simulator(seed=seed, speed=speed, clock=clock) as simulator:
            path = Path(name) / "config.yaml"
            path.write_text(simulator.config_yaml(port=port), "utf-8")
            say(f"A simulated conference, {speed:g} times as fast as life. Its configuration:\n")
            say(path.read_text("utf-8"))
            await _serve(load_config(path, os.environ), Path(name) / "data", clock=clock)


async def _serve(
    config: Config,
    folder: Path,
    *,
    rate: float = 1.0,
    clock: Clock | None = None,
    watch: Callable[[Clock], ConfigWatcher] | None = None,
) -> None:
    tls, stop = tls_of(config, folder.parent), told_to_stop()
    with locked(folder):
        secrets = SecretStore.open(folder)
        keep_secret(secrets.values())
        sequencer, clock = await open_sequencer(folder, secrets.mark_key, rules_of(config), rate, clock)
        server = Server(config, folder, clock, sequencer, secrets.control_token)
        try:
            is_heard = partial(is_word, token=secrets.control_token)
            async with Port(server.hub, server.door, server.app, clock, is_heard) as port:
                await server.draw()
                _, number = await port.listen(config.server.host, config.server.port, tls)
                server.stand_at(number)
                address = _address(config, number)
                say(f"{config.event.name}: {address}/wall is for the screen, {address}/ to read along")
                async with asyncio.TaskGroup() as tasks:
                    running = [
                        tasks.create_task(port.run()),
                        tasks.create_task(server.run(watch(clock) if watch else None)),
                    ]
                    await stop.wait()
                    for task in running:
                        task.cancel()
        finally:
            await server.close()


def _address(config: Config, port: int) -> str:
    scheme = "https" if config.server.tls else "http"
    host = config.server.host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
