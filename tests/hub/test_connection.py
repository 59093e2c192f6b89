"""One subscriber on a real socket: what it may say, and what happens when it does not read."""

import asyncio
import json
import select
import socket
import ssl
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from backchannel.hub.connection import holds_bytes, parse_place
from backchannel.hub.door import bound_buffers
from backchannel.hub.gate import tls_context
from tests.kit.clocks import turns, until
from tests.kit.front import HANDSHAKE, Front, Raw
from tests.kit.stand_in import EPOCH, WirePage

BIG = "x" * 8000


async def follow(ws: ClientConnection, page: WirePage, seq: int) -> None:
    """Read until the page stands at that number."""
    async with asyncio.timeout(60):
        while page.seq < seq:
            page.take(await ws.recv())


async def closing(ws: ClientConnection) -> int:
    """The code it is closed with."""
    try:
        async with asyncio.timeout(60):
            while True:
                await ws.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0


async def test_a_real_client_follows_and_resumes(served: Front) -> None:
    page = WirePage()
    async with connect(served.url("/live", "ws")) as ws:
        served.stage.say("one")
        await follow(ws, page, 1)
    served.stage.say("two")
    async with connect(served.url(f"/live?after={page.seq}&epoch={page.epoch}", "ws")) as ws:
        await follow(ws, page, 2)
    assert page.prevs[-1] == 1
    assert page.cards.keys() == {1, 2}


async def test_a_ping_is_answered(served: Front) -> None:
    async with connect(served.url("/live", "ws")) as ws:
        await asyncio.wait_for(await ws.ping(b"are you there"), 60)


async def test_a_client_that_says_something_is_sent_away(served: Front) -> None:
    async with connect(served.url("/live", "ws")) as ws:
        await ws.send("hello")
        assert await closing(ws) == 1008
    await until(lambda: not served.hub.clients)


async def test_a_message_above_4_kib_is_not_even_read(served: Front) -> None:
    async with connect(served.url("/live", "ws")) as ws:
        await ws.send("x" * 5000)
        assert await closing(ws) == 1009
    await until(lambda: not served.hub.clients)


async def test_a_client_that_closes_is_answered_and_forgotten(served: Front) -> None:
    ws = await connect(served.url("/live", "ws"))
    await ws.close(1000)
    assert ws.close_code == 1000
    await until(lambda: not served.hub.clients)


async def test_who_does_not_finish_the_closing_is_ended_and_told_nothing_more(served: Front) -> None:
    raw = await Raw().connect(served)
    await raw.write(Frame(Opcode.TEXT, b"hello").serialize(mask=True))
    await until(lambda: served.hub.late == 1)
    served.stage.say("later")
    await served.clock.advance(33.0)
    assert served.hub.clients == set()
    await raw.read_until(lambda: False)
    assert b"later" not in raw.data
    raw.close()


async def test_a_slow_reader_leaves_the_hot_set_and_catches_up_equal(served: Front) -> None:
    slow = await Raw(buffer=4096).connect(served)
    for number in range(100):
        served.stage.say(f"{number} {BIG}")
        await turns(3)
        if served.hub.late:
            break
    assert served.hub.late == 1
    key = served.stage.say("said while it did not read")
    served.stage.say("then changed", key=key)
    seq, page = served.stage.board.seq, WirePage()
    await slow.read_until(lambda: any(b"then changed" in message for message in slow.messages()[-1:]))
    for message in slow.messages():
        page.take(message)
    fresh = WirePage()
    async with connect(served.url("/live", "ws"), max_size=None) as ws:
        await follow(ws, fresh, seq)
    assert (page.seq, page.cards) == (fresh.seq, fresh.cards)
    assert page.prevs[-1] != 0
    assert served.hub.late == 0
    slow.close()


async def test_what_waits_for_a_slow_reader_is_bounded(served: Front) -> None:
    slow = await Raw(buffer=4096).connect(served)
    [connection] = served.hub.clients
    for number in range(100):
        served.stage.say(f"{number} {BIG}")
        await turns(3)
    assert 0 < connection.number * len(BIG) < 300_000
    slow.close()


async def test_pings_of_who_does_not_read_are_not_answered_without_end(served: Front) -> None:
    slow = await Raw(buffer=4096).connect(served)
    ping = Frame(Opcode.PING, b"p" * 125).serialize(mask=True) * 500
    pinging = asyncio.create_task(slow.write(ping * 1000))  # 65 MB: ends only if somebody takes them
    await until(lambda: served.hub.late == 1)
    await turns(200)
    assert not pinging.done()
    pinging.cancel()
    slow.close()


@pytest.mark.parametrize("is_hidden", [True, False], ids=["taken down", "control"])
async def test_what_is_taken_down_is_not_delivered_late(served: Front, is_hidden: bool) -> None:
    slow = await Raw(buffer=4096).connect(served)
    [connection] = served.hub.clients
    while not connection.is_behind():
        served.stage.say(BIG)
        await turns(3)
    key = served.stage.say("the hidden words")
    await turns(3)
    assert served.hub.late == 0
    assert connection.number == served.stage.board.seq
    if is_hidden:
        served.stage.veil(key)
    await slow.read_until(lambda: b"the hidden words" in slow.data)
    assert (b"the hidden words" in slow.data) is not is_hidden
    slow.close()


async def test_what_the_kernel_still_holds_is_dropped_with_a_takedown(served: Front) -> None:
    slow = await Raw(buffer=4096).connect(served)
    [connection] = served.hub.clients
    keys: list[int] = []
    while not connection.is_behind():
        keys.append(served.stage.say(f"words-{len(keys)}- {BIG[:500]}"))
        await turns(3)
    hidden = (
        len(keys) - 4
    )  # our own buffer holds one frame or two; the kernel keeps 16 KB that it has not sent
    served.stage.veil(keys[hidden])
    await slow.read_until(lambda: False)
    assert b"words-0-" in slow.data
    assert f"words-{hidden}-".encode() not in slow.data
    slow.close()


async def test_bytes_behind_a_tls_transport_are_seen(
    certificate: tuple[Path, Path], trust: ssl.SSLContext
) -> None:
    made: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(
        lambda _, writer: made.set_result(writer), "127.0.0.1", 0, ssl=tls_context(*certificate)
    )
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(server.sockets[0].getsockname())
    _, client = await asyncio.open_connection(sock=sock, ssl=trust, server_hostname="127.0.0.1", limit=1024)
    writer = await made
    transport = writer.transport
    bound_buffers(transport)
    assert not holds_bytes(transport)
    while select.select([], [transport.get_extra_info("socket")], [], 0)[1]:
        writer.write(b"x" * 1000)
        await turns(3)
    assert transport.get_write_buffer_size() == 0  # it does not count what lies below it
    assert holds_bytes(transport)
    for each in (transport, client.transport):
        each.abort()
    server.close()
    await turns(5)


async def test_over_tls_what_is_taken_down_is_not_delivered_late(
    tls_served: Front, trust: ssl.SSLContext
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", tls_served.number, ssl=trust, limit=4096)
    writer.write(HANDSHAKE.format(after=0, epoch="").encode())
    await until(lambda: bool(tls_served.hub.clients))
    [connection] = tls_served.hub.clients
    while not connection.is_behind():
        tls_served.stage.say(BIG)
        await turns(3)
    key = tls_served.stage.say("the hidden words")
    tls_served.stage.veil(key)
    data = b""
    try:
        while chunk := await reader.read(65536):
            data += chunk
    except (ConnectionResetError, ssl.SSLError):
        pass
    assert b"xxxx" in data
    assert b"the hidden words" not in data
    assert tls_served.hub.clients == set()
    writer.close()


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("/live?after=12&epoch=e", (12, "e")),
        ("/live", (0, "")),
        ("/live?after=-1&epoch=e", (0, "e")),
        ("/live?after=1e3", (0, "")),
        ("/live?after=٣", (0, "")),
        ("/live?after=" + "9" * 30, (0, "")),
        ("/live?after=1&after=2", (2, "")),
    ],
)
def test_a_place_that_makes_no_sense_is_the_beginning(target: str, place: tuple[int, str]) -> None:
    assert parse_place(target) == place


async def test_too_many_parameters_are_the_beginning_too(served: Front) -> None:
    served.stage.say("one")
    target = "/live?" + "&".join(f"a{number}=1" for number in range(50)) + f"&after=1&epoch={EPOCH}"
    async with connect(served.url(target, "ws")) as ws:
        await ws.recv()
        assert json.loads(await ws.recv())["prev"] == 0
