"""Runs the simulator for the command line until it is stopped."""

import asyncio
import sys
from collections.abc import Callable, Collection

from backchannel.clock import Clock
from backchannel.simulator.server import Simulator


async def run(
    port: int, seed: int, speed: float, only: Collection[str] = (), *, host: str = "127.0.0.1",
    clock: Clock | None = None, ready: Callable[[], None] | None = None,
) -> None:  # fmt: skip
    """Serve until cancelled. Says on standard output what to read. ValueError for an unknown network."""
    async with Simulator(seed=seed, speed=speed, port=port, only=only, host=host, clock=clock) as simulator:
        sys.stdout.write(
            f"Open Ideas 2026, {speed:g} times as fast as life; a config.yaml that reads it:\n\n"
        )
        sys.stdout.write(simulator.config_yaml())
        sys.stdout.flush()
        if ready is not None:
            ready()
        await asyncio.Event().wait()
