"""A conference whose time stands still until a test moves it, and eyes that read it over the wire."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from backchannel.simulator import Simulator
from tests.kit.clocks import ManualClock

START = 1_795_510_800.0
"""24 November 2026, 09:00 UTC."""


class NetworkReader:
    """Reads the simulated networks as any client would."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self.session = session

    async def json(self, path: str, *, server: int = 0, **headers: str) -> Any:
        """A server's answer, which must be 200."""
        async with self.session.get(self.simulator.bases[server] + path, headers=headers) as answer:
            assert answer.status == 200, (path, answer.status)
            return await answer.json()

    async def timeline(self, server: int, path: str = "/api/v1/timelines/tag/openideas26") -> list[Any]:
        """A whole timeline, page after page, newest first."""
        found: list[Any] = []
        while True:
            older = f"&max_id={found[-1]['id']}" if found else ""
            page = await self.json(f"{path}?limit=40{older}", server=server)
            found += page
            if len(page) < 40:
                return found

    async def feed(self, file: str) -> str:
        """A feed's text."""
        async with self.session.get(f"{self.simulator.bases[0]}/feeds/{file}") as answer:
            assert answer.status == 200
            return await answer.text()

    async def stored(self, *filters: dict[str, Any], relay: int = 0) -> list[Any]:
        """What a relay has stored for the filters."""
        async with self.session.ws_connect(f"{self.simulator.bases[relay]}/nostr") as socket:
            await socket.send_json(["REQ", "x", *filters])
            events = []
            while (frame := json.loads(await socket.receive_str()))[0] == "EVENT":
                events.append(frame[2])
            assert frame == ["EOSE", "x"]
            return events


Opener = Callable[..., Awaitable[NetworkReader]]


@pytest.fixture
def held() -> ManualClock:
    """The clock of `simulate`'s conference."""
    return ManualClock(START, rate=60.0, sleeps="held")


@pytest.fixture
async def simulate(held: ManualClock) -> AsyncIterator[Opener]:
    """Starts a simulator with the arguments given, on `held` unless told otherwise."""
    opened: list[tuple[Simulator, aiohttp.ClientSession]] = []

    async def start(**told: Any) -> NetworkReader:
        usual: dict[str, Any] = {"clock": held, "speed": 60.0, "outages": False, "rate_limit": 10_000}
        simulator = Simulator(**usual | told)
        await simulator.start()
        opened.append((simulator, aiohttp.ClientSession()))
        return NetworkReader(*opened[-1])

    yield start
    for simulator, session in opened:
        await session.close()
        await simulator.stop()
