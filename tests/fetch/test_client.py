"""Requests and answers."""

import asyncio
import gzip
import inspect
import zlib
from collections.abc import Mapping

import pytest

from backchannel.fetch import Fetcher, FetchError
from backchannel.redaction import keep_secret
from tests.fetch.kit import DOOR, LOOPBACK, Making, canary, names
from tests.kit.clocks import turns
from tests.kit.raw_server import answering, reply, serving


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


def gzipped(data: bytes) -> bytes:
    """The same bytes every second: they name the test, and two workers have to agree on names."""
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzipped(b"words")),
        ("gzip", gzipped(b"wo") + gzipped(b"rds")),
        ("x-gzip", gzipped(b"words")),
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
        fetcher = make(*LOOPBACK, resolve=names(["127.0.0.1"]))
        url = f"http://server.example:{server.port}/"  # a client that keeps cookies keeps none of an address
        await fetcher.get(url)
        await fetcher.get(url)
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
    is_full = asyncio.Event()

    async def handle(_path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        if running == per_host:
            await turns(300)  # whoever may come beside them comes now
            is_full.set()
        await is_full.wait()
        running -= 1
        writer.write(reply())

    async with serving(handle) as server:
        fetcher = make(*LOOPBACK, per_host=per_host)
        await asyncio.gather(*(fetcher.get(server.url) for _ in range(6)))
        assert peak == per_host


async def test_another_port_is_another_origin(make: Making) -> None:
    async with canary(DOOR) as other:
        away = reply(status="302 Found", headers=f"Location: {other.url}/\r\n")
        async with answering(lambda path, headers: away, DOOR) as door:
            await make(*LOOPBACK).get(door.url, headers={"Authorization": "Bearer x"})
    assert "authorization" not in other.requests[0][1]


async def test_what_is_not_agreed_is_2_mib_and_30_s(make: Making) -> None:
    async with answering(lambda path, headers: reply(bytes((2 << 20) + 1))) as server:
        with pytest.raises(FetchError, match="longer than 2097152 bytes"):
            await make(*LOOPBACK).get(server.url)
    for asking in (Fetcher.get, Fetcher.post):
        assert inspect.signature(asking).parameters["total_s"].default == 30.0


async def test_nothing_of_an_answer_holds_a_secret_that_the_peer_repeats(make: Making) -> None:
    keep_secret(["hunter2-of-the-fetch"])
    word = "hunter2-of-the-fetch"

    def told(path: str, _: Mapping[str, str]) -> bytes:
        if "there" not in path:
            return reply(status="301 Moved", headers=f"Location: /there?key={word}\r\n")
        return reply(
            f"you are {word}".encode(), headers=f'ETag: "{word}"\r\nX-Basic: {word.encode().hex()}\r\n'
        )

    async with answering(told) as server:
        answer = await make(*LOOPBACK).get(f"{server.url}/?key={word}")
        assert [path for path, _ in server.requests] == [f"/?key={word}", f"/there?key={word}"]
        posted = await make(*LOOPBACK).post(f"{server.url}/there", json={})
    assert answer.body == posted.body == b"you are [secret]"
    assert (answer.headers["etag"], posted.headers["x-basic"]) == ('"[secret]"', "[secret]")
    assert answer.url == f"{server.url}/there?key=[secret]"
    assert answer.moved == "", "an address with a secret in it is not remembered"


@pytest.mark.parametrize(
    "line",
    [
        "302 Away\r\nLocation: http://hunter2-of-the-fetch.example:99999/",
        "302 Away\r\nLocation: http://[hunter2-of-the-fetch",
        "hunter2-of-the-fetch",
        f"302 Away\r\nLocation: http://[{'x' * 60}hunter2-of-the-fetch",
        f"200 OK\r\nContent-Encoding: {'x' * 30}hunter2-of-the-fetch",
        "200 OK\r\nContent-Encoding: hunter2-of-the-fetch",
        f"200 OK\r\n{'x' * 250}hunter2-of-the-fetch",
    ],
)
async def test_no_error_holds_a_secret_that_the_peer_repeats(line: str, make: Making) -> None:
    keep_secret(["hunter2-of-the-fetch"])
    async with answering(lambda path, _: f"HTTP/1.1 {line}\r\n\r\n".encode()) as server:
        with pytest.raises(FetchError) as failed:
            await make(*LOOPBACK).get(server.url)
    assert "hunter2" not in str(failed.value)
