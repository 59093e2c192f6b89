"""The one port: what comes in first, and who answers. Raw sockets over loopback."""

import asyncio
import json
import os
import resource
import socket
import ssl
from asyncio import StreamReader, StreamWriter
from pathlib import Path

import pytest
import structlog
from aiohttp import ClientSession
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from backchannel.hub.door import Capacity
from backchannel.hub.gate import MAX_HEAD, tls_context
from tests.kit.clocks import turns, until
from tests.kit.front import HANDSHAKE, Front, Raw, serve

UPGRADE = HANDSHAKE.format(after=0, epoch="").encode()


async def knock(served: Front) -> tuple[StreamReader, StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", served.number)


async def ask(served: Front, request: bytes) -> bytes:
    """Everything that comes back until the server closes."""
    reader, writer = await knock(served)
    writer.write(request)
    try:
        async with asyncio.timeout(60):
            return await reader.read()
    finally:
        writer.close()


async def head_of(reader: StreamReader) -> bytes:
    async with asyncio.timeout(60):
        return await reader.readuntil(b"\r\n\r\n")


async def test_a_page_and_a_websocket_come_from_the_same_port(served: Front) -> None:
    served.stage.say("hello")
    async with ClientSession() as session, session.get(served.url("/healthz")) as response:
        assert response.status == 200
    async with connect(served.url("/live", "ws")) as ws:
        assert json.loads(await ws.recv())["protocol"] == 1
        assert json.loads(await ws.recv())["put"][0]["body"] == ["hello"]


async def test_a_handshake_that_comes_byte_by_byte_is_one(served: Front) -> None:
    reader, writer = await knock(served)
    for byte in UPGRADE:
        writer.write(bytes([byte]))
        await writer.drain()
        await turns()
    assert (await head_of(reader)).startswith(b"HTTP/1.1 101 ")
    assert len(served.hub.clients) == 1
    writer.close()


async def test_a_request_that_comes_byte_by_byte_is_answered(served: Front) -> None:
    reader, writer = await knock(served)
    for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
        await turns()
    assert (await head_of(reader)).startswith(b"HTTP/1.1 200 ")
    writer.close()


@pytest.mark.parametrize("garbage", [b"\x00garbage\r\n\r\n", b"\x16\x03\x01\x02\x00", b"hello\r\n\r\n"])
async def test_what_is_no_request_is_answered_400(served: Front, garbage: bytes) -> None:
    assert (await ask(served, garbage)).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "head",
    [
        UPGRADE.replace(b"Sec-WebSocket-Key", b"X"),
        UPGRADE.replace(b"Host: 127.0.0.1", b"no header at all"),
        UPGRADE.replace(b"Host: ", b"Content-Length: 5\r\nHost: "),
    ],
)
async def test_an_upgrade_that_is_none_is_answered_400(served: Front, head: bytes) -> None:
    answer = await ask(served, head)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert served.hub.clients == set()


async def test_a_head_of_more_than_16_kib_is_refused(served: Front) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(MAX_HEAD // 1000 + 1))
    assert (await ask(served, b"GET / HTTP/1.1\r\n" + lines)).startswith(b"HTTP/1.1 431 ")


async def test_a_head_that_does_not_come_is_not_waited_for(served: Front) -> None:
    reader, writer = await knock(served)
    writer.write(b"GET /live HTTP/1.1\r\nHost: x\r\n")
    await until(lambda: bool(served.port.lobby.fresh.all))
    await served.clock.advance(9.0)
    assert len(served.port.lobby.fresh.all) == 1
    await served.clock.advance(3.0)
    assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_a_page_that_nobody_takes_is_not_kept(served: Front) -> None:
    for number in range(200):
        served.stage.say(f"{number} {'x' * 20_000}", publish=False)
    raw = Raw(buffer=4096)
    await raw.open(served)
    await raw.write(b"GET /wall HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: bool(served.port.stalled))
    await served.clock.advance(59.0)
    assert len(served.port.stalled) == 1
    await served.clock.advance(3.0)
    await until(lambda: not served.port.stalled)
    await raw.read_until(lambda: False)
    assert b"</html>" not in raw.data
    raw.close()


async def test_who_says_nothing_at_all_is_told_nothing(served: Front) -> None:
    reader, writer = await knock(served)
    await until(lambda: bool(served.port.lobby.fresh.all))
    await served.clock.advance(12.0)
    assert await reader.read() == b""
    writer.close()


async def test_a_connection_that_is_lost_at_the_gate_leaves_nothing(served: Front) -> None:
    _, writer = await knock(served)
    writer.write(b"GET /li")
    await until(lambda: bool(served.port.lobby.fresh.all))
    writer.close()
    await until(lambda: not served.port.lobby.fresh.all)
    assert served.port.door.enter("127.0.0.1")


async def test_an_upgrade_on_a_connection_used_before_reaches_the_same_hub(served: Front) -> None:
    reader, writer = await knock(served)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await head_of(reader)
    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0]))
    writer.write(UPGRADE)
    assert (await head_of(reader)).startswith(b"HTTP/1.1 101 ")
    await until(lambda: len(served.hub.clients) == 1)
    served.stage.say("over the fallback")
    async with asyncio.timeout(60):
        await reader.readuntil(b"over the fallback")
    writer.close()
    await until(lambda: not served.hub.clients)


async def test_live_without_an_upgrade_says_what_it_is(served: Front) -> None:
    async with ClientSession() as session, session.get(served.url("/live")) as response:
        assert response.status == 426
        assert "websocket" in await response.text()


@pytest.mark.parametrize("is_used", [False, True], ids=["gate", "fallback"])
async def test_a_foreign_page_may_not_open_a_socket(served: Front, is_used: bool) -> None:
    foreign = UPGRADE.replace(b"Host: ", b"Origin: https://evil.example\r\nHost: ")
    before = b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n" if is_used else b""
    reader, writer = await knock(served)
    if before:
        writer.write(before)
        assert (await head_of(reader)).startswith(b"HTTP/1.1 204 ")
    writer.write(foreign)
    assert (await head_of(reader)).startswith(b"HTTP/1.1 403 ")
    assert served.hub.clients == set()
    writer.close()


@pytest.mark.parametrize("origin", ["own", "https://wall.example"])
async def test_our_own_page_may(served: Front, origin: str) -> None:
    origin = served.url() if origin == "own" else origin
    async with connect(served.url("/live", "ws"), additional_headers={"Origin": origin}) as ws:
        assert b"protocol" in await ws.recv(decode=False)


ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
WORD = b"POST /word HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


async def test_one_address_holds_so_many_connections_and_gets_them_back(tmp_path: Path) -> None:
    async with serve(tmp_path, per_address=2) as served:
        first, second = await connect(served.url("/live", "ws")), await connect(served.url("/live", "ws"))
        refused = await ask(served, ASK)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: " in refused
        assert (await ask(served, UPGRADE)).startswith(b"HTTP/1.1 503 ")
        await first.close()
        await until(lambda: len(served.hub.clients) == 1)
        assert (await ask(served, ASK)).startswith(b"HTTP/1.1 200 ")
        await second.close()


async def test_who_says_nothing_makes_room_for_who_comes_longest_first(tmp_path: Path) -> None:
    async with serve(tmp_path, size=Capacity(2, 1)) as served:
        silent = [await knock(served) for _ in range(3)]
        for number, (_, writer) in enumerate(silent):
            writer.write(b"G")
            await until(lambda number=number: len(served.port.lobby.fresh.all) == number + 1)  # type: ignore[misc]
        assert (await ask(served, ASK)).startswith(b"HTTP/1.1 200 ")
        assert await silent[0][0].read() == b""
        silent[1][1].write(ASK[1:])
        assert (await silent[1][0].read()).startswith(b"HTTP/1.1 200 ")
        for _, writer in silent:
            writer.close()


async def test_a_tls_handshake_that_does_not_come_makes_room_too(
    tmp_path: Path, certificate: tuple[Path, Path], trust: ssl.SSLContext
) -> None:
    async with serve(tmp_path, tls=tls_context(*certificate), size=Capacity(2, 1)) as served:
        silent = [await knock(served) for _ in range(3)]
        for _, writer in silent:
            writer.write(b"\x16")
        await until(lambda: len(served.port.lobby.fresh.all) == 3)
        async with ClientSession() as web, web.get(served.url("/healthz", "https"), ssl=trust) as page:
            assert page.status == 200
        async with asyncio.timeout(60):
            assert await silent[0][0].read() == b""
        for _, writer in silent:
            writer.close()


async def test_a_connection_between_two_requests_makes_room_and_one_under_way_does_not(
    tmp_path: Path,
) -> None:
    async with serve(tmp_path, per_address=2) as served:
        served.stage.forgotten = {served.stage.say("words that have to be read")}
        served.stage.may_load.clear()
        busy, idle = await knock(served), await knock(served)
        idle[1].write(b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n")
        await head_of(idle[0])
        busy[1].write(b"GET /api/v1/posts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await until(lambda: bool(served.stage.loads))
        assert (await ask(served, ASK)).startswith(b"HTTP/1.1 200 ")
        assert await idle[0].read() == b""
        served.stage.may_load.set()
        assert b"words that have to be read" in await busy[0].read()
        for _, writer in (busy, idle):
            writer.close()


async def test_where_every_place_is_taken_a_moderators_word_is_heard_all_the_same(tmp_path: Path) -> None:
    async with serve(tmp_path, size=Capacity(4, 2), is_word=lambda head: head == WORD) as served:
        live = await connect(served.url("/live", "ws"))
        assert (await ask(served, ASK)).startswith(b"HTTP/1.1 503 ")
        silent = [await knock(served) for _ in range(5)]
        answer = await ask(served, WORD)
        assert answer.startswith(b"HTTP/1.1 404 ")  # heard: aiohttp has no such page, and the gate let it in
        assert b"Connection: close" in answer
        await live.close()
        for _, writer in silent:
            writer.close()


async def test_where_places_are_scarce_nobody_is_kept_for_long(tmp_path: Path) -> None:
    async with serve(tmp_path, size=Capacity(4, 2), per_address=9) as served:
        idle = await knock(served)
        idle[1].write(b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n")
        await head_of(idle[0])
        await served.clock.advance(6.0)
        assert len(served.port.lobby.idle.all) == 1
        served.port.door.open += 3
        await served.clock.advance(2.0)
        assert await idle[0].read() == b""
        served.port.door.open -= 3
        idle[1].close()


async def test_without_a_descriptor_it_says_so_once_and_comes_back_by_itself(served: Front) -> None:
    clients = [socket.create_connection(("127.0.0.1", served.number)) for _ in range(50)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for client in clients:
        client.sendall(b"G")
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with structlog.testing.capture_logs() as said:
            await turns(200)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [line["event"] for line in said] == ["no descriptor is left for another connection"]
    assert not served.port.lobby.fresh.all
    await served.clock.advance(1.0)
    await until(lambda: len(served.port.lobby.fresh.all) == 50)
    assert (await ask(served, ASK)).startswith(b"HTTP/1.1 200 ")
    for client in clients:
        client.close()


async def test_what_comes_with_the_handshake_is_answered_after_it(served: Front) -> None:
    ping = Frame(Opcode.PING, b"early").serialize(mask=True)
    pong = Frame(Opcode.PONG, b"early").serialize(mask=False)
    for before in (b"", b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n"):
        reader, writer = await knock(served)
        if before:
            writer.write(before)
            await head_of(reader)
        writer.write(UPGRADE + ping)
        assert (await head_of(reader)).startswith(b"HTTP/1.1 101 ")
        async with asyncio.timeout(60):
            await reader.readuntil(pong)
        writer.close()


@pytest.mark.parametrize("is_used", [False, True], ids=["gate", "fallback"])
async def test_a_foreign_name_that_leads_here_is_no_proof(served: Front, is_used: bool) -> None:
    rebound = UPGRADE.replace(
        b"Host: 127.0.0.1",
        b"Host: evil.example:%d\r\nOrigin: http://evil.example:%d" % ((served.number,) * 2),
    )
    reader, writer = await knock(served)
    if is_used:
        writer.write(b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n")
        await head_of(reader)
    writer.write(rebound)
    assert (await head_of(reader)).startswith(b"HTTP/1.1 403 ")
    async with asyncio.timeout(60):
        await reader.readuntil(b"server.public_url")
    assert served.hub.clients == set()
    writer.close()


async def test_behind_a_trusted_proxy_each_client_is_counted_by_its_own_address(tmp_path: Path) -> None:
    def upgrade(client: str) -> bytes:
        return UPGRADE.replace(b"Host: ", f"X-Forwarded-For: 6.6.6.6, {client}\r\nHost: ".encode())

    async with serve(tmp_path, per_address=1, trusted=["127.0.0.1"]) as served:
        writers = []
        for client in ("198.51.100.1", "198.51.100.2"):
            reader, writer = await knock(served)
            writer.write(upgrade(client))
            assert (await head_of(reader)).startswith(b"HTTP/1.1 101 ")
            writers.append(writer)
        assert (await ask(served, upgrade("198.51.100.2"))).startswith(b"HTTP/1.1 503 ")
        for writer in writers:
            writer.close()


async def test_at_the_end_everybody_is_told_that_we_go(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        ws = await connect(served.url("/live", "ws"))
        await ws.recv()
        await ws.recv()
    with pytest.raises(ConnectionClosed) as caught:
        await ws.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001


async def test_over_tls_it_is_the_same(tls_served: Front, trust: ssl.SSLContext) -> None:
    key = tls_served.stage.say("hello")
    async with ClientSession() as session, session.get(tls_served.url("/wall", "https"), ssl=trust) as page:
        assert "hello" in await page.text()
    origin = {"Origin": tls_served.url("", "https")}
    async with connect(tls_served.url("/live", "wss"), ssl=trust, additional_headers=origin) as ws:
        await ws.recv()
        assert json.loads(await ws.recv())["put"][0]["key"] == key
        tls_served.stage.veil(key)
        assert json.loads(await ws.recv())["gone"] == [key]
