"""The simulator itself: one port, every network behind it, and one task that lets time pass."""

import asyncio
import heapq
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import TracebackType
from typing import Self

from aiohttp import web

from backchannel.clock import Clock
from backchannel.simulator.config import render_config, render_sources
from backchannel.simulator.faults import Fault, Faults, Mode
from backchannel.simulator.feed.server import Blogs
from backchannel.simulator.mastodon.answers import Answers
from backchannel.simulator.mastodon.copies import SimulatedServer
from backchannel.simulator.mastodon.server import Api
from backchannel.simulator.mastodon.writing import Writing
from backchannel.simulator.nostr.events import Event, EventWriter
from backchannel.simulator.nostr.server import Relay
from backchannel.simulator.people import CAST, KINDS, RELAYS, SERVERS, Kind
from backchannel.simulator.pictures import Gallery, png
from backchannel.simulator.script import OUTAGE_S, ScriptedPost, write_script
from backchannel.simulator.world import Truth, World

_LONGEST_OUTAGE_S = 1800.0
_PROFILES_S = -70 * 3600.0
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Simulator:
    """The simulated networks, all on one port of loopback. `async with` starts and stops it.

    `speed` is conference seconds in a real second. The posts are stamped by `clock`: give it one of the same
    rate, as `demo` does, or leave it out for real times. `rate_limit` is what a client may ask a Mastodon
    server in five minutes; `tokens` says whom an access token signs in there; `outages` are the script's.
    """

    def __init__(
        self, *, seed: int = 1, speed: float = 60.0, port: int = 0, only: Collection[str] = (),
        host: str = "127.0.0.1", clock: Clock | None = None, rate_limit: int = 300,
        tokens: Mapping[str, str] = {},
        outages: bool = True,
    ) -> None:  # fmt: skip
        unknown = set(only) - set(KINDS)
        if unknown:
            raise ValueError(
                f"{', '.join(sorted(unknown))}: no network of that name; there is {', '.join(KINDS)}"
            )
        self.clock = clock or Clock()
        self.seed, self.speed, self.port = seed, speed, port
        self.kinds: tuple[Kind, ...] = tuple(kind for kind in KINDS if not only or kind in only)
        self.bases: tuple[str, ...] = ()
        self.faults = Faults()
        self._host = host
        self._rate_limit, self._tokens, self._wants_outages = rate_limit, tokens, outages
        self._gallery = Gallery()
        self._runners: list[web.AppRunner] = []
        self._relays: list[Relay] = []
        self._coming: list[tuple[float, int, Event]] = []
        self._known: set[str] = set()
        self._failing: set[tuple[Kind, str]] = set()
        self._wake = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind, and let the conference begin. OSError when the port is taken."""
        sockets = _bind(self._host, self.port)
        try:
            await self._open(sockets)
        except BaseException:
            for bound in sockets:
                bound.close()
            raise
        self._pass_time()
        self._life = asyncio.create_task(self._live())

    async def _open(self, sockets: list[socket.socket]) -> None:
        self.port = sockets[0].getsockname()[1]
        self.bases = tuple(_address(each) for each in sockets)
        stretch = self.clock.rate / self.speed
        self.world = World(self.seed, write_script(self.seed, self.kinds), self.clock.now(), stretch)
        self.world.listen(self._gallery.hear)
        servers = [SimulatedServer(self.world, number, self.bases, SERVERS) for number in range(len(SERVERS))]
        self._blogs = Blogs(self.world, self.bases[0], self.moment, max(1, round(60 / self.speed)))
        if "nostr" in self.kinds:
            self._open_relays()
        for number, (server, bound) in enumerate(zip(servers, sockets, strict=True)):
            runner = web.AppRunner(self._app(number, server), access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            await web.SockSite(runner, bound).start()
            self._runners.append(runner)

    async def stop(self) -> None:
        """Close every connection."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        self.faults.clear()
        for relay in self._relays:
            relay.drop_all()
        for runner in self._runners:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def moment(self) -> float:
        """Seconds of the conference since its start."""
        return self.world.moment(self.clock.now())

    def truth(self, at: float | None = None) -> Truth:
        """Return what has been said by a time of `clock` (now, without one)."""
        return self.world.truth(self.clock.now() if at is None else at)

    def sources(self) -> list[Mapping[str, object]]:
        """Return the `sources:` of a config.yaml that reads all this."""
        return render_sources(self.kinds, self.bases)

    def config_yaml(self, *, port: int = 8080) -> str:
        """Return a whole config.yaml for a wall on `port` that shows this conference."""
        return render_config(self.sources(), self.world.start, port)

    def say(self, said: ScriptedPost) -> str:
        """Somebody says something that is not in the script; returns its global id."""
        self.world.add(said)
        self._wake.set()
        return self.world.ids[said.key]

    def edit(self, key: str, text: str) -> None:
        """New words for a post, now."""
        self.world.edit(key, text, self.moment())
        self._wake.set()

    def delete(self, key: str) -> None:
        """Take a post back, now."""
        self.world.delete(key, self.moment())
        self._wake.set()

    def outage(self, kind: Kind, on: bool = True, *, place: str = "") -> None:
        """Take a network down, or bring it back: its HTTP answers 503, its sockets are cut and refused."""
        mode: Mode = "refuse" if kind == "nostr" else "status"
        self.fault(kind, Fault(mode, 503) if on else None, place=place)

    def fault(self, kind: Kind, fault: Fault | None, *, place: str = "") -> None:
        """Put a fault in force for a network or one place of it (server or relay number, feed file)."""
        self.faults.set(kind, place, fault)
        for relay in self._relays if kind == "nostr" and fault else ():
            if place in ("", str(relay.number)):
                relay.drop_all()

    def _app(self, number: int, server: SimulatedServer) -> web.Application:
        async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
            kind, place = _whose(request.path, number)
            if kind not in self.kinds:
                raise web.HTTPNotFound
            self._pass_time()
            fault = self.faults.find(kind, place)
            return await (handler(request) if fault is None else self.faults.answer(fault, request))

        app = web.Application(middlewares=[web.middleware(guard)])
        app.on_response_prepare.append(_strip)
        if "nostr" in self.kinds:
            app.router.add_get("/nostr", self._relays[number].answer)
            app.router.add_get("/blossom/{name}.png", self._get_picture)
        if "feed" in self.kinds and number == 0:
            app.router.add_get("/feeds/media/{name}.png", self._get_picture)
            app.add_routes(self._blogs.routes())
        app.router.add_get("/{kept:system|cache}/{path:.+}/{name}.png", self._get_picture)
        answers = Answers(self.clock, limit=self._rate_limit, tokens=self._tokens)
        app.add_routes(Writing(server, answers, self.moment, self._gallery).routes())
        app.add_routes(Api(server, answers, self.moment).routes())
        return app

    async def _get_picture(self, request: web.Request) -> web.Response:
        picture = self._gallery.find(request.match_info["name"])
        if picture is None:
            raise web.HTTPNotFound
        content = await asyncio.to_thread(png, picture)
        headers = {"Content-Type": "image/png", "Cache-Control": "max-age=315569952, immutable"}
        return web.Response(body=content, headers=headers)

    def _open_relays(self) -> None:
        self._relays = [Relay(number, name) for number, name in enumerate(RELAYS)]
        self._author = EventWriter(self.world, f"{self.bases[0]}/blossom")
        for who in CAST:
            self._queue(_PROFILES_S, self._author.profile(who, int(self.world.stamp(_PROFILES_S))))
        self.world.listen(self._publish)

    def _publish(self, said: ScriptedPost) -> None:
        """Everything that will become of a post, as events at their times."""
        if said.kind != "nostr":
            return
        for version in said.versions:
            self._queue(version.at_s, self._author.event(said, version))
        self.world.ids[said.key] = self._author.global_id(said)
        if said.deleted_s is not None:
            self._queue(said.deleted_s, self._author.deletion(said, said.deleted_s))

    def _queue(self, at_s: float, event: Event) -> None:
        if event.id not in self._known:
            self._known.add(event.id)
            heapq.heappush(self._coming, (at_s, len(self._known), event))

    def _pass_time(self) -> None:
        """Let happen what is due: events reach relays, outages begin and end."""
        now = self.moment()
        while self._coming and self._coming[0][0] <= now:
            event = heapq.heappop(self._coming)[2]
            for relay in self._relays:
                if relay.offers(event):
                    relay.take(event)
        for relay in self._relays:
            relay.tick(self.clock.now())
        for outage in self.world.outages if self._wants_outages else ():
            where = (outage.kind, outage.place)
            is_on = outage.at_s <= now < outage.at_s + self._outage_s()
            if is_on != (where in self._failing):
                (self._failing.add if is_on else self._failing.discard)(where)
                self.outage(outage.kind, is_on, place=outage.place)

    def _outage_s(self) -> float:
        """Thirty real seconds, as networks do not run faster; at most half an hour of the conference."""
        return max(OUTAGE_S, min(OUTAGE_S * self.speed, _LONGEST_OUTAGE_S))

    def _next_s(self) -> float:
        """Return the moment at which something happens by itself."""
        edges = [at for outage in self.world.outages for at in (outage.at_s, outage.at_s + self._outage_s())]
        if self._coming:
            edges.append(self._coming[0][0])
        now = self.moment()
        return min((edge for edge in edges if edge > now), default=now + 3600)

    async def _live(self) -> None:
        """Relays speak when there is something to say, asked or not."""
        while True:
            self._pass_time()
            wait_s = self.clock.until(self.world.stamp(self._next_s()))
            self._wake.clear()
            until = self.clock.sleep(wait_s + 0.001)
            waiting = [asyncio.ensure_future(until), asyncio.ensure_future(self._wake.wait())]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()


async def _strip(_request: web.Request, answer: web.StreamResponse) -> None:
    """No server here says what it is written in; who sends a date has set it."""
    answer.headers.popall("Server", None)
    if answer.headers.get("Cache-Control") == "private, no-store" and "X-Powered-By" not in answer.headers:
        answer.headers.popall("Date", None)


def _whose(path: str, number: int) -> tuple[Kind, str]:
    if path.startswith("/feeds/"):
        return "feed", path.rpartition("/")[2]
    if path.startswith(("/nostr", "/blossom/")):
        return "nostr", str(number)
    return "mastodon", str(number)


def _bind(host: str, port: int) -> list[socket.socket]:
    """Two sockets: `host:port`, and for the other server 127.0.0.2 or the next free port."""
    first = socket.create_server((host, port), backlog=256)
    number = first.getsockname()[1]
    places = [("127.0.0.2", number)] if host == "127.0.0.1" else []
    for place in [*places, (host, number + 1), (host, 0)]:
        try:
            return [first, socket.create_server(place, backlog=256)]
        except OSError:
            continue
    first.close()
    raise OSError(f"no second address beside {host}:{port}")


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - compared, not bound
