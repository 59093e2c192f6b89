"""Answers that once ended the whole program, at every place where it asks: it lives, and so do the others.

The program is the real one, in the test's own process; so are the strangers' sockets.
"""

from pathlib import Path
from random import Random

import pytest
from aiohttp import ClientSession

from tests.faults.odd import Honest, Odd, redirect, with_headers
from tests.faults.odd_net import STAGES, OddNet, odd_net, sources
from tests.kit.clocks import until
from tests.kit.program import config_text
from tests.kit.server import running

CRASHES = (b"http://a.example:99999/", b"//::", b"//[::1]@")


async def survived(folder: Path, net: OddNet, stage: str) -> dict[str, object]:
    """Run the program until the odd answer was asked for, twice, and an honest post came after it."""
    listed = sources(net, 1, stages=[stage])
    async with running(folder, config_text(*listed)) as (server, url), ClientSession() as http:
        await until(lambda: net.served[stage] >= 2)
        net.say(f"after {stage}")
        faces = server.sequencer.faces
        await until(lambda: any(f"after {stage}" in str(post.face.body) for post in faces.values()))
        async with http.get(url + "/healthz") as answer:
            return dict(await answer.json())


@pytest.mark.parametrize(
    "stage", [stage for stage in STAGES if "handshake" not in stage and "after" not in stage]
)
@pytest.mark.parametrize("location", CRASHES)
async def test_a_redirect_to_no_address_ends_nothing(stage: str, location: bytes, tmp_path: Path) -> None:
    def make(_chance: Random, _honest: Honest) -> Odd:
        return Odd("redirect", redirect(location))

    async with odd_net(1, make=make) as net:
        health = await survived(tmp_path, net, stage)
    assert health["bugs"] == {"count": 0, "latest": ""}, "expected of a network, so no bug of ours"


@pytest.mark.parametrize("name", [b"ETag", b"Last-Modified", b"Content-Type"])
async def test_a_byte_that_is_no_text_in_a_feeds_header_ends_nothing(name: bytes, tmp_path: Path) -> None:
    def make(_chance: Random, honest: Honest) -> Odd:
        return Odd("header", with_headers(honest.body, name + b': "\xff"'))

    async with odd_net(1, make=make) as net:
        health = await survived(tmp_path, net, "feed")
    assert health["bugs"] == {"count": 0, "latest": ""}
    assert health["sources"]["feeds"]["error"] == ""  # type: ignore[index]


async def test_two_ways_on_in_a_relays_redirect_end_nothing(tmp_path: Path) -> None:
    def make(_chance: Random, _honest: Honest) -> Odd:
        return Odd("redirect", redirect(b"ws://a.example/", more=b"Location: ws://b.example/\r\n"))

    async with odd_net(1, make=make) as net:
        health = await survived(tmp_path, net, "relay handshake")
    assert health["bugs"] == {"count": 0, "latest": ""}
