"""The hub before the real sequencer, log and desk: what a person says reaches a socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from websockets.asyncio.client import ClientConnection, connect

from backchannel.clock import Clock
from backchannel.hub.door import Door
from backchannel.hub.gate import Port
from backchannel.hub.hub import Hub
from backchannel.judge import Rules
from backchannel.log.spool import Spool
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Posted
from backchannel.sequencer import Sequencer
from backchannel.sequencer.desk import Desk
from backchannel.web.card_cache import CardCache
from tests.kit.stand_in import WirePage, make_post


class LiveHub(NamedTuple):
    sequencer: Sequencer
    desk: Desk
    url: str

    async def say(self, number: int, text: str) -> None:
        await self.sequencer.submit([Posted(make_post(number, text))])


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LiveHub]:
    clock = Clock()
    log = SqliteLog(tmp_path / "log.db")
    sequencer = Sequencer(log, Spool(tmp_path / "takedowns"), Rules("open", 0.0), clock, b"k" * 32)
    await sequencer.open()
    hub = Hub(sequencer, CardCache(sequencer, zone=UTC, own_tags=()), clock)
    async with Port(hub, Door(), web.Application(), clock) as port:
        _, number = await port.listen("127.0.0.1", 0)
        running = [asyncio.create_task(port.run()), asyncio.create_task(sequencer.run())]
        yield LiveHub(sequencer, Desk(sequencer), f"ws://127.0.0.1:{number}/live")
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    await sequencer.close()


async def texts(ws: ClientConnection, page: WirePage, wanted: set[str]) -> None:
    """Read on until the page shows exactly these."""
    async with asyncio.timeout(60):
        while {card["body"][0] for card in page.cards.values()} != wanted:
            page.take(await ws.recv())


async def test_a_post_is_on_every_page_when_the_log_has_it(house: LiveHub) -> None:
    page = WirePage()
    async with connect(house.url) as ws:
        await house.say(1, "hello")
        await texts(ws, page, {"hello"})
    assert page.seq == house.sequencer.board.seq


async def test_a_hide_takes_the_card_away_and_an_undo_brings_it_back(house: LiveHub) -> None:
    page = WirePage()
    await house.say(1, "one")
    await house.say(2, "two")
    async with connect(house.url) as ws:
        await texts(ws, page, {"one", "two"})
        await house.desk.rule("hide", make_post(1, "").face.url, by="ada")
        await texts(ws, page, {"two"})
        await house.desk.rule("undo", make_post(1, "").face.url, by="ada")
        await texts(ws, page, {"one", "two"})


async def test_blank_reaches_a_page_and_leaves_it(house: LiveHub) -> None:
    page = WirePage()
    await house.say(1, "one")
    async with connect(house.url) as ws:
        for is_on in (True, False):
            await house.desk.rule("blank", "", by="ada", on=is_on)
            async with asyncio.timeout(60):
                while page.is_blank is not is_on or not page.cards:
                    page.take(await ws.recv())


async def test_an_erased_post_goes_and_is_not_told_to_who_comes_later(house: LiveHub) -> None:
    page = WirePage()
    await house.say(1, "a canary")
    await house.say(2, "two")
    async with connect(house.url) as ws:
        await texts(ws, page, {"a canary", "two"})
        await house.desk.rule("erase", make_post(1, "").face.url, by="ada")
        await texts(ws, page, {"two"})
    async with connect(house.url) as ws:
        await ws.recv()
        first: dict[str, Any] = json.loads(await ws.recv())
    assert [card["body"] for card in first["put"]] == [["two"]]
