"""What a hostile server costs: one clear error, in bounded time."""

import asyncio
import socket

import pytest

from backchannel.fetch import FetchError
from tests.fetch.kit import DOOR, LOOPBACK, Making
from tests.kit.raw_server import MODES, answering, hostile, reply

REASONS = {
    "silence": "no complete answer within",
    "slow_head": "no complete answer within",
    "slow_body": "no complete answer within",
    "endless_body": "longer than",
    "endless_chunks": "(longer than|no complete answer within)",
    "endless_continue": "no complete answer within",
    "claimed_giant": "longer than",
    "gzip_bomb": "longer than .* when decompressed",
    "deflate_bomb": "longer than .* when decompressed",
    "gzip_members": "more than 64 compressed members",
    "gzip_cut_off": "ends in the middle",
    "gzip_garbage": "broken gzip body",
    "unknown_encoding": "unknown Content-Encoding 'br'",
    "redirect_loop": "more than 3 redirects",
    "redirect_nowhere": "redirects to what is no address",
}


def patience_s(mode: str) -> float:
    """Little where nothing else ends it; else enough for a loaded machine to find out what is wrong."""
    return 0.5 if REASONS.get(mode, "").endswith(("within", "within)")) else 20.0


@pytest.mark.parametrize("mode", MODES)
async def test_a_hostile_server_costs_one_clear_error(mode: str, make: Making) -> None:
    async with hostile() as server:
        with pytest.raises(FetchError, match=r"^127\.0\.0\.1: .*" + REASONS.get(mode, "")):
            await make(*LOOPBACK).get(f"{server.url}/{mode}", total_s=patience_s(mode), max_bytes=1 << 20)
        await server.idle()  # our side of the connection is closed, or this never ends
        assert server.hits >= 1


async def test_a_closed_port_is_named(make: Making) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(FetchError, match=r"^127\.0\.0\.1: cannot connect: "):
            await make(*LOOPBACK).get(f"http://127.0.0.1:{taken.getsockname()[1]}/")


async def test_one_hosts_trouble_does_not_slow_another(make: Making) -> None:
    async with hostile() as bad, answering(lambda path, headers: reply(b"fine"), DOOR) as good:
        fetcher = make(*LOOPBACK)
        stuck = asyncio.create_task(fetcher.get(f"{bad.url}/silence"))
        assert (await fetcher.get(good.url)).body == b"fine"
        assert not stuck.done()
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck
        await bad.idle()
