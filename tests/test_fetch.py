"""The one HTTP client: where it goes, what it takes, and how long it bears with it."""

import asyncio
import gc
import gzip
import shutil
import socket
import ssl
import subprocess
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from backchannel.clock import Clock
from backchannel.fetch import Fetcher, FetchError, Refused
from backchannel.fetch.body import Body, BodyError
from backchannel.fetch.guard import AddrInfo, Guard, is_outward
from backchannel.fetch.resolve import Resolve
from tests.faults.hostile import MODES, Server, answering, hostile, reply, serving

EVERYWHERE = ("0.0.0.0/0", "::/0")
LOOPBACK = ("127.0.0.0/8",)
DOOR = "127.0.0.2"
"""The one address the operator allowed, in tests where the canary sits on another."""

Making = Callable[..., Fetcher]


@pytest.fixture
async def make() -> AsyncIterator[Making]:
    """Fetchers that are closed in the end, with nothing left of them."""
    made: list[Fetcher] = []

    def making(
        *allow: str,
        per_host: int = 1,
        connect_s: float = 2,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Fetcher:
        made.append(
            Fetcher(
                allow=allow,
                user_agent="test",
                clock=Clock(),
                connect_s=connect_s,
                per_host=per_host,
                resolve=resolve,
                tls=tls,
            )
        )
        return made[-1]

    yield making
    for fetcher in made:
        await fetcher.close()
    gc.collect()


@asynccontextmanager
async def canary(host: str = "127.0.0.1") -> AsyncIterator[Server]:
    """What must not be reached."""
    async with answering(lambda path, headers: reply(b"secret"), host) as server:
        yield server


# --- which addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
        "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.192",
        "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "100::1", "2001::1", "2001:0:53aa:64c::7f00:1", "2001:2::1", "2001:10::1", "2001:20::1",
        "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
        "fec0::1", "ff02::1", "fe80::1%1", "2606:4700::1%1",
    ],
)  # fmt: skip
def test_an_inward_address_is_not_outward(address: str) -> None:
    assert not is_outward(ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "9.9.9.9", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::8a"]
)
def test_an_ordinary_public_address_is_outward(address: str) -> None:
    assert is_outward(ip_address(address))


@given(st.ip_addresses(v=4).map(str))
def test_no_ipv4_address_gets_out_in_the_clothes_of_ipv6(inner: str) -> None:
    packed = int(IPv4Address(inner))
    disguises = [packed, 0xFFFF << 32 | packed, 0x64FF9B << 96 | packed, 0x2002 << 112 | packed << 80]
    assert not any(is_outward(IPv6Address(number)) for number in disguises)


@given(st.ip_addresses())
def test_nothing_is_outward_that_python_calls_special(address: IPv4Address | IPv6Address) -> None:
    special = (
        address.is_private, address.is_loopback, address.is_link_local, address.is_multicast,
        address.is_reserved, address.is_unspecified,
    )  # fmt: skip
    assert not (is_outward(address) and any(special))


def test_what_is_no_address_is_not_connected_to() -> None:
    assert Guard(EVERYWHERE).objection(("localhost", 80)) == "localhost is no IP address"


def test_only_the_ports_of_the_web_are_open() -> None:
    guard = Guard()
    assert guard.objection(("1.1.1.1", 443)) == ""
    assert guard.objection(("1.1.1.1", 22)) == "port 22 is neither 80 nor 443"


def test_an_allowed_network_may_be_asked_on_any_port_and_its_neighbour_may_not() -> None:
    guard = Guard(["10.1.2.0/24"])
    assert guard.objection(("10.1.2.3", 8080)) == ""
    assert guard.objection(("10.1.3.3", 8080)) == "10.1.3.3 is not a public address"


# --- which URLs ------------------------------------------------------------------------------------

INWARD = [
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://127.0.1:{port}/", "http://2130706433:{port}/",
    "http://0x7f000001:{port}/", "http://0x7f.0.0.1:{port}/", "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/", "http://127.0.0.1.:{port}/", "http://localhost:{port}/",
    "http://localhost.:{port}/", "http://LOCALHOST:{port}/", "http://LocalHost:{port}/x?y#z",
    "http://0.0.0.0:{port}/", "http://0:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/", "http://[0:0:0:0:0:ffff:7f00:0001]:{port}/", "http://①②⑦.⓪.⓪.①:{port}/",
    "http://１２７.０.０.１:{port}/", "http://127。0。0。1:{port}/", "http://ⓛocalhost:{port}/",
    "HTTP://127.0.0.1:{port}/",
]  # fmt: skip
"""Forms of one loopback address that some resolver or library takes for it."""

ODD = [
    "http://[::1]:{port}/", "http://[::]:{port}/", "http://[0000::1]:{port}/", "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/", "http://[fe80::1%25lo]:{port}/",
    "http://[::1%25lo]:{port}/", "http://user@127.0.0.1:{port}/", "http://user:word@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/", "http://@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@example.com/",
    "http://127.0.0.1:{port}\t/", "http://127.0.0.1:{port}\r\nHost: example.com\r\n/", "http://%31%32%37.0.0.1:{port}/",
    "http:127.0.0.1:{port}/", "http:///127.0.0.1:{port}/", "//127.0.0.1:{port}/", "127.0.0.1:{port}",
    "file:///etc/hostname", "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x", "data:text/plain,x",
    "unix:///var/run/docker.sock", "javascript:alert(1)", "ws://127.0.0.1:{port}/", "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://[::broken/", "http://", "", "\x00", "http://256.1.1.1/",
    "http://" + "a" * 9000 + ".example/", "http://127.0.0.1:22/", "http://127.0.0.1:25/",
    "http://a..b:{port}/",
]  # fmt: skip
"""Forms that lead nowhere good, or only on some systems."""


@pytest.mark.parametrize("form", INWARD + ODD)
async def test_no_form_of_an_inward_url_reaches_the_canary(form: str, make: Making) -> None:
    async with canary() as server:
        with pytest.raises(FetchError):
            await make().get(form.replace("{port}", str(server.port)))
        assert server.hits == 0


async def test_the_same_forms_reach_the_canary_where_the_guard_allows_everything(make: Making) -> None:
    async with canary() as server:
        fetcher, reached = make(*EVERYWHERE), 0
        for form in INWARD:
            try:
                answer = await fetcher.get(form.replace("{port}", str(server.port)))
            except FetchError:
                continue
            reached += answer.body == b"secret"
        assert reached >= 12, "the forms prove nothing if they lead nowhere"


@pytest.mark.parametrize("address", ["::1", "127.0.0.1"])
async def test_the_machines_own_port_eighty_is_refused_by_address(address: str, make: Making) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Refused, match="not a public address"):
        await make().get(f"http://{host}/")


async def test_a_refusal_names_host_and_reason(make: Making) -> None:
    with pytest.raises(Refused, match=r"^localhost: .* is not a public address$"):
        await make().get("http://localhost/")
    with pytest.raises(Refused, match=r"^'file:///etc/passwd': scheme is not one of http, https$"):
        await make().get("file:///etc/passwd")


async def test_only_the_listed_network_is_exempt(make: Making) -> None:
    async with canary() as forbidden, canary(DOOR) as allowed:
        fetcher = make(f"{DOOR}/32")
        assert (await fetcher.get(allowed.url)).body == b"secret"
        with pytest.raises(Refused):
            await fetcher.get(forbidden.url)
        assert forbidden.hits == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "form", [INWARD[0], INWARD[4], INWARD[15], ODD[9], "//127.0.0.1:{port}/", "file:///etc/hostname"]
)
async def test_a_redirect_inward_is_refused(status: int, form: str, make: Making) -> None:
    async with canary() as server:
        there = form.replace("{port}", str(server.port))
        away = reply(status=f"{status} Away", headers=f"Location: {there}\r\n")
        async with answering(lambda path, headers: away, DOOR) as door:
            with pytest.raises(Refused):
                await make(f"{DOOR}/32").get(door.url)
            assert door.hits == 1
        assert server.hits == 0


# --- names that resolve inward ---------------------------------------------------------------------


def names(*answers: Sequence[str]) -> Resolve:
    """A resolver that gives one answer after the other, the last for ever."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[AddrInfo]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return [(_family(address), socket.SOCK_STREAM, 0, "", (address, port)) for address in answer]

    return resolve


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], ["127.0.0.1", "::1"], ["::ffff:127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]]
)
async def test_a_public_name_that_resolves_inward_is_refused(answer: list[str], make: Making) -> None:
    async with canary() as server:
        with pytest.raises(Refused, match=r"^metadata\.example: "):
            await make(resolve=names(answer)).get(f"http://metadata.example:{server.port}/")
        assert server.hits == 0


async def test_a_name_that_resolves_elsewhere_the_second_time_is_refused(make: Making) -> None:
    async with canary() as server:
        away = reply(status="302 Found", headers=f"Location: http://rebind.example:{server.port}/\r\n")
        async with answering(lambda path, headers: away, DOOR) as door:
            fetcher = make(f"{DOOR}/32", resolve=names([DOOR], ["127.0.0.1"]))
            with pytest.raises(Refused, match=r"127\.0\.0\.1 is not a public address"):
                await fetcher.get(f"http://rebind.example:{door.port}/")
            assert door.hits == 1
        assert server.hits == 0


async def test_the_same_name_is_followed_where_its_second_address_is_allowed(make: Making) -> None:
    async with canary() as server:
        away = reply(status="302 Found", headers=f"Location: http://rebind.example:{server.port}/\r\n")
        async with answering(lambda path, headers: away, DOOR) as door:
            fetcher = make(*LOOPBACK, resolve=names([DOOR], ["127.0.0.1"]))
            assert (await fetcher.get(f"http://rebind.example:{door.port}/")).body == b"secret"
        assert server.hits == 1


async def test_of_a_names_addresses_the_permitted_one_is_taken(make: Making) -> None:
    async with canary(DOOR) as server:
        fetcher = make(f"{DOOR}/32", resolve=names(["127.0.0.1", "::1", DOOR]))
        assert (await fetcher.get(f"http://mixed.example:{server.port}/")).status == 200


async def test_the_socket_is_guarded_even_where_a_resolver_is_not_asked(make: Making) -> None:
    async def unasked(host: str, port: int) -> list[AddrInfo]:
        raise AssertionError("a literal address needs no resolver")

    async with canary() as server:
        with pytest.raises(Refused):
            await make(resolve=unasked).get(server.url)
        assert server.hits == 0


async def test_a_name_nobody_knows_is_no_refusal(make: Making) -> None:
    async def unknown(host: str, port: int) -> list[AddrInfo]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(FetchError, match=r"^gone\.example: .*Name or service not known") as caught:
        await make(resolve=unknown).get("http://gone.example/")
    assert not isinstance(caught.value, Refused)


async def test_a_name_that_hangs_costs_no_more_than_a_connection(make: Making) -> None:
    async def hanging(host: str, port: int) -> list[AddrInfo]:
        await asyncio.Event().wait()
        return []

    fetcher = make(resolve=hanging, connect_s=0.2)
    with pytest.raises(FetchError, match=r"^slow\.example: no connection within 0\.2 s$"):
        await fetcher.get("http://slow.example/")
    with pytest.raises(FetchError, match=r"^slow\.example: no connection within 0\.2 s$"):
        async with fetcher.websocket("ws://slow.example/"):
            pass


# --- requests and answers --------------------------------------------------------------------------


async def test_an_answer_carries_status_headers_body_and_address(make: Making) -> None:
    page = reply(b"<h1>502</h1>", status="502 Bad Gateway", headers="Retry-After: 7\r\n")
    async with answering(lambda path, headers: page) as server:
        answer = await make(*LOOPBACK).get(f"{server.url}/x", params=[("any[]", "a"), ("any[]", "b")])
        assert (answer.status, answer.headers["retry-AFTER"], answer.body) == (502, "7", b"<h1>502</h1>")
        assert answer.url == f"{server.url}/x?any%5B%5D=a&any%5B%5D=b"


async def test_a_signed_address_is_sent_as_it_came(make: Making) -> None:
    async with answering(lambda path, headers: reply()) as server:
        await make(*LOOPBACK).get(f"{server.url}/a%2Cb,c?sig=x%2Fy/z%7E~&e=%20#fragment")
        await make(*LOOPBACK).get(f"{server.url}/ü b")
        assert [path for path, _ in server.requests] == ["/a%2Cb,c?sig=x%2Fy/z%7E~&e=%20", "/%C3%BC%20b"]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"words")),
        ("gzip", gzip.compress(b"wo") + gzip.compress(b"rds")),
        ("x-gzip", gzip.compress(b"words")),
        ("deflate", zlib.compress(b"words")),
        ("deflate", zlib.compress(b"words")[2:-4]),
        ("identity", b"words"),
    ],
)
async def test_a_compressed_body_is_undone(encoding: str, body: bytes, make: Making) -> None:
    page = reply(body, headers=f"Content-Encoding: {encoding}\r\n")
    async with answering(lambda path, headers: page) as server:
        assert (await make(*LOOPBACK).get(server.url)).body == b"words"


async def test_no_cookie_is_kept_and_no_environment_read(
    make: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    async with answering(lambda path, headers: reply(headers="Set-Cookie: a=b\r\n")) as server:
        fetcher = make(*LOOPBACK)
        await fetcher.get(server.url)
        await fetcher.get(server.url)
        assert "cookie" not in server.requests[1][1]


async def test_credentials_stay_with_their_origin(make: Making) -> None:
    secret = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Api-Key": "k", "If-None-Match": '"e"'}
    async with canary() as other:
        away = reply(status="302 Found", headers=f"Location: {other.url}/\r\n")
        stay = reply(status="302 Found", headers="Location: /away\r\n")
        async with answering(lambda path, headers: away if path == "/away" else stay, DOOR) as door:
            await make(*LOOPBACK).get(f"{door.url}/", headers=secret)
            assert door.requests[1][1]["authorization"] == "Bearer x"
    carried = other.requests[0][1]
    assert carried["if-none-match"] == '"e"'
    assert not {"authorization", "cookie", "x-api-key"} & set(carried)


@pytest.mark.parametrize(
    ("chain", "moved"),
    [((301,), "/1"), ((308, 301), "/2"), ((302,), ""), ((301, 302), "/1"), ((302, 301), ""), ((), "")],
)
async def test_only_permanent_redirects_move_an_address(
    chain: tuple[int, ...], moved: str, make: Making
) -> None:
    def answer(path: str, _headers: Mapping[str, str]) -> bytes:
        step = int(path[1:])
        if step == len(chain):
            return reply(b"end")
        return reply(status=f"{chain[step]} Away", headers=f"Location: /{step + 1}\r\n")

    async with answering(answer) as server:
        got = await make(*LOOPBACK).get(f"{server.url}/0")
        assert (got.body, got.moved) == (b"end", moved and server.url + moved)


@pytest.mark.parametrize(("hops", "status"), [(3, 200), (4, None)])
async def test_three_redirects_are_followed_and_no_more(hops: int, status: int | None, make: Making) -> None:
    def answer(path: str, _headers: Mapping[str, str]) -> bytes:
        step = int(path[1:])
        return reply() if not step else reply(status="302 Found", headers=f"Location: /{step - 1}\r\n")

    async with answering(answer) as server:
        got = make(*LOOPBACK).get(f"{server.url}/{hops}")
        if status:
            assert (await got).status == status
        else:
            with pytest.raises(FetchError, match="more than 3 redirects"):
                await got


async def test_a_post_sends_json_and_follows_nothing(make: Making) -> None:
    away = reply(status="307 Temporary Redirect", headers="Location: /there\r\n")
    async with answering(lambda path, headers: away) as server:
        answer = await make(*LOOPBACK).post(f"{server.url}/here", json={"a": 1})
        assert answer.status == 307
        assert server.requests[0][1]["content-type"] == "application/json"
        assert server.requests[0][1]["content-length"] == "7"
        assert len(server.requests) == 1


async def test_a_body_may_be_as_long_as_agreed_and_no_longer(make: Making) -> None:
    async with answering(lambda path, headers: reply(b"x" * 1000)) as server:
        fetcher = make(*LOOPBACK)
        assert len((await fetcher.get(server.url, max_bytes=1000)).body) == 1000
        with pytest.raises(FetchError, match="longer than 999 bytes"):
            await fetcher.get(server.url, max_bytes=999)


@pytest.mark.parametrize("per_host", [1, 3])
async def test_one_host_is_asked_so_many_things_at_a_time(per_host: int, make: Making) -> None:
    running = peak = 0
    full = asyncio.Event()

    async def handle(_path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        if running == per_host:
            full.set()
        await full.wait()
        running -= 1
        writer.write(reply())

    async with serving(handle) as server:
        fetcher = make(*LOOPBACK, per_host=per_host)
        await asyncio.gather(*(fetcher.get(server.url) for _ in range(6)))
        assert peak == per_host


# --- hostile servers -------------------------------------------------------------------------------

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


@pytest.mark.parametrize("mode", MODES)
async def test_a_hostile_server_costs_one_clear_error(mode: str, make: Making) -> None:
    async with hostile() as server:
        with pytest.raises(FetchError, match=r"^127\.0\.0\.1: .*" + REASONS.get(mode, "")):
            await make(*LOOPBACK).get(f"{server.url}/{mode}", total_s=0.5, max_bytes=1 << 20)
        await server.idle()  # our side of the connection is closed, or this never ends
        assert server.hits >= 1


async def test_a_closed_port_is_named(make: Making) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(FetchError, match=r"^127\.0\.0\.1: cannot connect: "):
            await make(*LOOPBACK).get(f"http://127.0.0.1:{taken.getsockname()[1]}/")


async def test_a_websockets_closed_port_is_named_and_its_next_address_tried(make: Making) -> None:
    async with echoing(DOOR) as port:
        fetcher = make(*LOOPBACK, resolve=names(["127.0.0.3"], ["127.0.0.3", DOOR]))
        with pytest.raises(FetchError, match=r"^relay\.example: cannot connect: .*refused"):
            async with fetcher.websocket(f"ws://relay.example:{port}/"):
                pass
        async with fetcher.websocket(f"ws://relay.example:{port}/") as connection:
            await connection.send("words")
            assert await connection.recv() == "words"


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


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "", "br"]), st.integers(0, 400))
def test_any_bytes_are_a_body_or_a_body_error(data: bytes, encoding: str, limit: int) -> None:
    try:
        body = Body(encoding, limit)
        body.feed(data)
        assert len(body.finish()) <= limit
    except BodyError:
        pass


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate", "bare"]), st.integers(1, 50))
def test_a_body_comes_out_whole_however_it_is_cut(data: bytes, encoding: str, step: int) -> None:
    packed = {
        "gzip": gzip.compress(data),
        "deflate": zlib.compress(data),
        "bare": zlib.compress(data)[2:-4],
    }[encoding]
    body = Body("gzip" if encoding == "gzip" else "deflate", 5000)
    for start in range(0, len(packed), step):
        body.feed(packed[start : start + step])
    assert body.finish() == data


# --- websockets ------------------------------------------------------------------------------------


@asynccontextmanager
async def echoing(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve(echo, host, 0, ssl=tls, max_size=None) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def test_a_websocket_talks(make: Making) -> None:
    async with echoing() as port, make(*LOOPBACK).websocket(f"ws://127.0.0.1:{port}/") as connection:
        await connection.send("words")
        assert await connection.recv() == "words"


async def test_a_message_above_the_cap_ends_the_websocket(make: Making) -> None:
    fetcher = make(*LOOPBACK)
    async with echoing() as port, fetcher.websocket(f"ws://127.0.0.1:{port}/", max_size=999) as connection:
        await connection.send("x" * 1000)
        with pytest.raises(ConnectionClosed):
            await connection.recv()


@pytest.mark.parametrize("form", INWARD + ODD)
async def test_no_form_of_an_inward_websocket_reaches_the_canary(form: str, make: Making) -> None:
    form = form.replace("{port}", "{{port}}") if form.startswith("ws:") else form.replace("http:", "ws:", 1)
    async with canary() as server:
        with pytest.raises(FetchError):
            async with make().websocket(form.replace("{port}", str(server.port)).replace("HTTP:", "ws:")):
                pass
        assert server.hits == 0


async def test_a_websockets_name_that_resolves_inward_is_refused(make: Making) -> None:
    async with canary() as server:
        with pytest.raises(Refused, match=r"^relay\.example: 127\.0\.0\.1 is not a public address"):
            async with make(resolve=names(["127.0.0.1"])).websocket(f"ws://relay.example:{server.port}/"):
                pass
        assert server.hits == 0


async def test_a_websocket_follows_no_redirect(make: Making) -> None:
    async with canary() as server:
        away = reply(status="302 Found", headers=f"Location: ws://127.0.0.1:{server.port}/\r\n")
        async with answering(lambda path, headers: away, DOOR) as door:
            with pytest.raises(FetchError):
                async with make(*LOOPBACK).websocket(f"ws://{DOOR}:{door.port}/"):
                    pass
            assert door.hits == 1
        assert server.hits == 0


async def test_a_refused_websocket_tells_its_status(make: Making) -> None:
    async with answering(lambda path, headers: reply(status="403 Forbidden")) as server:
        with pytest.raises(FetchError, match="answers 403 instead of a websocket") as caught:
            async with make(*LOOPBACK).websocket(f"ws://127.0.0.1:{server.port}/"):
                pass
        assert caught.value.status == 403


@pytest.mark.parametrize(
    "mode", ["silence", "slow_head", "huge_header", "immediate_close", "another_protocol", "endless_body"]
)
async def test_a_hostile_websocket_server_costs_one_clear_error(mode: str, make: Making) -> None:
    async with hostile() as server:
        with pytest.raises(FetchError, match=r"^127\.0\.0\.1: "):
            async with make(*LOOPBACK).websocket(f"ws://127.0.0.1:{server.port}/{mode}", open_s=0.5):
                pass
        await server.idle()


# --- TLS -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for secure.example, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2",
            "-subj", "/CN=secure.example", "-addext", "subjectAltName=DNS:secure.example",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


async def test_tls_is_checked_against_the_name_and_not_the_address(
    certificate: tuple[Path, Path], make: Making
) -> None:
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    resolve = names(["127.0.0.1"])
    async with echoing(tls=server_tls) as port:
        async with make(*LOOPBACK, resolve=resolve, tls=trusting).websocket(
            f"wss://secure.example:{port}/"
        ) as connection:
            await connection.send("words")
            assert await connection.recv() == "words"
        for host, tls in (("other.example", trusting), ("secure.example", None)):
            fetcher = make(*LOOPBACK, resolve=resolve, tls=tls)
            with pytest.raises(FetchError, match="certificate"):
                async with fetcher.websocket(f"wss://{host}:{port}/"):
                    pass
            with pytest.raises(FetchError, match="certificate"):
                await fetcher.get(f"https://{host}:{port}/")
