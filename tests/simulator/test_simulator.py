"""Starting, stopping and being told what to read."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import yaml

from backchannel.config import load_config
from backchannel.simulator import Simulator, run, simulated_kinds
from backchannel.simulator.people import KINDS

Opener = Callable[..., Awaitable[Any]]


async def test_only_the_networks_asked_for_are_there(simulate: Opener) -> None:
    reader = await simulate(only=["nostr"])
    assert await reader.stored({"limit": 1})
    for path in ("/api/v2/instance", "/feeds/blog.xml"):
        async with reader.session.get(reader.simulator.bases[0] + path) as answer:
            assert answer.status == 404
    assert {post.kind for post in reader.simulator.truth().posts.values()} == {"nostr"}
    assert [source["kind"] for source in reader.simulator.sources()] == ["nostr"]


def test_a_network_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="pigeon"):
        Simulator(only=["pigeon"])


async def test_a_port_in_use_is_an_error(simulate: Opener) -> None:
    reader = await simulate()
    with pytest.raises(OSError, match="Address already in use"):
        await Simulator(port=reader.simulator.port).start()


async def test_the_config_is_one_that_the_program_accepts(simulate: Opener, tmp_path: Any) -> None:
    reader = await simulate()
    path = tmp_path / "config.yaml"
    path.write_text(reader.simulator.config_yaml(port=8123), "utf-8")
    config = load_config(path, {})
    assert config.server.port == 8123
    assert [source.kind for source in config.sources] == [*simulated_kinds()]


async def test_every_address_of_the_config_is_served(simulate: Opener) -> None:
    reader = await simulate(only=KINDS)
    mastodon, feed, nostr = yaml.safe_load(reader.simulator.config_yaml())["sources"]
    for base in mastodon["servers"]:
        async with reader.session.get(f"{base}/api/v2/instance") as answer:
            assert answer.status == 200
    for url in feed["feeds"]:
        async with reader.session.get(url) as answer:
            assert answer.status == 200
    for url in nostr["relays"]:
        async with reader.session.get(url, headers={"Accept": "application/nostr+json"}) as answer:
            assert (await answer.json(content_type=None))["supported_nips"]


async def test_run_serves_until_it_is_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    ready = asyncio.Event()
    task = asyncio.create_task(run(0, 1, 60.0, ready=ready.set))
    await ready.wait()
    base = yaml.safe_load(capsys.readouterr().out.partition("\n\n")[2])["sources"][0]["servers"][0]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base}/api/v2/instance") as answer:
            assert answer.status == 200
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{base}/api/v2/instance")


async def test_stopping_closes_the_sockets(simulate: Opener) -> None:
    reader = await simulate()
    async with reader.session.ws_connect(reader.simulator.bases[0] + "/nostr") as socket:
        await reader.simulator.stop()
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE)
