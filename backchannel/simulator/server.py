"""The simulator itself: one port, every network behind it, and one task that lets time pass."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import TracebackType
from typing import Self

from aiohttp import web

from backchannel.clock import Clock
from backchannel.simulator.config import render_config
from backchannel.simulator.faults import Fault, Faults
from backchannel.simulator.network import Conference, SimulatedNetwork, open_network, simulated_kinds
from backchannel.simulator.people import Kind
from backchannel.simulator.pictures import Gallery
from backchannel.simulator.script import OUTAGE_S, ScriptedPost, write_script
from backchannel.simulator.world import Truth, World

_LONGEST_OUTAGE_S = 1800.0
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
        known = simulated_kinds()
        if unknown := set(only).difference(known):
            raise ValueError(
                f"{', '.join(sorted(unknown))}: no network of that name; there is {', '.join(known)}"
            )
        self.clock = clock or Clock()
        self.seed, self.speed, self.port = seed, speed, port
        self.kinds: tuple[Kind, ...] = tuple(kind for kind in known if not only or kind in only)
        self.bases: tuple[str, ...] = ()
        self.faults = Faults()
        self._host = host
        self._rate_limit, self._tokens, self._wants_outages = rate_limit, tokens, outages
        self._gallery = Gallery()
        self._runners: list[web.AppRunner] = []
        self._networks: dict[Kind, SimulatedNetwork] = {}
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
        conference = Conference(
            self.world, self.clock, self._gallery, self.bases, self.speed, self._rate_limit, self._tokens
        )
        self._networks = {kind: open_network(kind, conference) for kind in self.kinds}
        for network in self._networks.values():
            for said in network.own_posts():
                self.world.add(said)
        for number, bound in enumerate(sockets):
            runner = web.AppRunner(self._app(number), access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            await web.SockSite(runner, bound).start()
            self._runners.append(runner)

    async def stop(self) -> None:
        """Close every connection."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        self.faults.clear()
        for network in self._networks.values():
            network.cut()
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
        return [network.source() for network in self._networks.values()]

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
        self.fault(kind, Fault(self._networks[kind].outage, 503) if on else None, place=place)

    def fault(self, kind: Kind, fault: Fault | None, *, place: str = "") -> None:
        """Put a fault in force for a network or one place of it (server or relay number, feed file)."""
        self.faults.set(kind, place, fault)
        if fault and kind in self._networks:
            self._networks[kind].cut(place)

    def _app(self, number: int) -> web.Application:
        async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
            kind = self._whose(request.path)
            self._pass_time()
            fault = self.faults.find(kind, self._networks[kind].place(request.path, number))
            return await (handler(request) if fault is None else self.faults.answer(fault, request))

        app = web.Application(middlewares=[web.middleware(guard)])
        app.on_response_prepare.append(_strip)
        for network in self._networks.values():
            app.add_routes(network.routes(number))
        return app

    def _whose(self, path: str) -> Kind:
        """Return the network whose path it is. HTTPNotFound."""
        fitting = [
            (len(prefix), kind)
            for kind, network in self._networks.items()
            for prefix in network.prefixes
            if path.startswith(prefix)
        ]
        if not fitting:
            raise web.HTTPNotFound
        return max(fitting)[1]

    def _pass_time(self) -> None:
        """Let happen what is due: events reach relays, outages begin and end."""
        now = self.moment()
        for network in self._networks.values():
            network.pass_time()
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
        edges += [at for network in self._networks.values() if (at := network.next_s()) is not None]
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
