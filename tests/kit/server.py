"""The whole server in the test's own process and loop: for what has to be looked at from both sides."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backchannel import app, start
from backchannel.clock import Clock
from backchannel.config import ConfigWatcher, load_config
from backchannel.hub.gate import Port
from backchannel.secret_files import SecretStore


@asynccontextmanager
async def running(
    folder: Path,
    config_text: str,
    *,
    clock: Clock | None = None,
    ended: asyncio.Event | None = None,
    at_port: int = 0,
) -> AsyncIterator[tuple[app.Server, str]]:
    """The server and its address; everything in it is what `backchannel serve` runs.

    With `ended` it also watches its config.yaml, and sets the event when it ends by itself.
    """
    path = folder / "config.yaml"
    path.write_text(config_text, "utf-8")
    config = load_config(path, {})
    data = folder / "data"
    secrets = SecretStore.open(data)
    sequencer, clock = await start.open_sequencer(data, secrets.mark_key, start.rules_of(config), 1.0, clock)
    server = app.Server(config, data, clock, sequencer, secrets.control_token)
    async with Port(server.hub, server.door, server.app, clock) as port:
        host, number = await port.listen("127.0.0.1", at_port)
        server.stand_at(number)
        watcher = ConfigWatcher(path, {}, clock, config) if ended else None
        tasks = [asyncio.ensure_future(port.run()), asyncio.ensure_future(server.run(watcher))]
        for task in tasks:
            task.add_done_callback(lambda _: ended.set() if ended else None)
        try:
            yield server, f"http://{host}:{number}"
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await server.close()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
