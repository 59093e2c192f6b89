"""Odd requests, byte by byte over real sockets: each is answered or hung up on, none is a mistake of ours."""

import asyncio
import re
from pathlib import Path

import pytest
from aiohttp import ClientSession
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.clocks import turns
from tests.kit.front import TOKEN, Front, serve

PATIENCE_S = 60.0
TARGETS = [
    "/",
    "/wall",
    "/wall?theme=%00",
    "/status",
    "/healthz",
    "/qr.svg",
    "/favicon.ico",
    "/sw.js",
    "/live",
    "/live?after=%ff",
    "/api/v1/posts",
    "/api/v1/posts?limit=",
    "/api/v1/posts?limit=%b2",
    "/api/v1/posts?before=%00",
    "/api/v1/posts?before==",
    "/api/v1/posts?before=" + "A" * 59,
    "/api/v1/posts?q=%22",
    "/api/v1/posts?q=%ed%a0%80",
    "/api/v1/posts?by=-1",
    "/?by=99999999",
    "/?q=" + "%00",
    "/?before=Li4",
    "/?limit=200&limit=x",
    "/api/v1/rulings",
    "/static/%2e%2e/a.js",
    "/static/..%2f..%2fa.js",
    "/static/a%00.js",
    "/static/" + "a" * 300 + ".js",
    "/media/" + "0" * 64 + ".webp",
    "/%",
    "/%zz",
    "//",
    "///..//",
    "*",
    "",
    "http://evil.example/",
    "http://[::1/",
    "http://a:99999/",
    "https://x@y/wall",
    "/" + "a" * 5000,
    "/?" + "a=b&" * 2000,
    "\\",
    "/\x7f",
    "/\x80",
    "/\xff\xfe",
    "/#",
    "?",
    "/a b",
    "x:1",
    "/api/v1/posts?q=" + "a+" * 100,
]
METHODS = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "CONNECT",
    "PRI",
    "get",
    "G",
    "A-B",
]
VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.10", "http/1.1", ""]
HEADERS = [
    "Host: x",
    "Host:",
    "Host: x\r\nHost: y",
    "Host: \xff",
    "Connection: close",
    "Connection: upgrade",
    "Connection: \x00",
    "Upgrade: websocket",
    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Sec-WebSocket-Key: x",
    "Sec-WebSocket-Version: 13",
    "Content-Length: 0",
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Content-Length: 1e3",
    "Content-Length: 5\r\nContent-Length: 6",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: chunked\r\nContent-Length: 3",
    "Content-Encoding: gzip",
    "Content-Encoding: br",
    "Expect: 100-continue",
    "Expect: \xff",
    "Authorization: Bearer \xff",
    "Authorization: Bearer",
    "Authorization:",
    f"Authorization: Bearer {TOKEN}",
    f"Authorization: Bearer {TOKEN}\xe9",
    "Content-Type: application/json",
    "Content-Type: \xff",
    "Content-Type: application/json; charset=nope",
    "Content-Type: multipart/form-data",
    "Content-Type: ;;;",
    "Cookie: \xff=\x01",
    "X-Forwarded-For: \xff",
    "X-Forwarded-Proto: ,,,",
    'If-None-Match: "',
    "If-None-Match: *",
    "If-None-Match: W/\xff",
    "Range: bytes=-",
    "Range: bytes=9-1",
    "If-Modified-Since: \xff",
    "Origin: null",
    "Origin: http://[",
    "Origin: \xff",
    "Accept-Encoding: gzip",
    "A" * 9000,
    " folded",
    ":",
    "X\x00: y",
    "X : y",
    "Accept: */*",
]
BODIES = [
    b"",
    b"hello",
    b"{}",
    b"\xff\xfe",
    b"[" * 15_000,
    b'{"a":' * 3000,
    b'{"verdict":"hide","subject":"\\ud800"}',
    b"null",
    b"1e999",
    b'{"verdict":"hide","subject":' + b"9" * 5000 + b"}",
    b'{"verdict":"hide","subject":"' + b"9" * 2000 + b'"}',
    b"x" * 16_385,
    b'{"verdict":"blank","on":"yes"}',
    b'{"verdict":"show","subject":"\xc2\xb2"}',
    b'{"verdict":"undo","subject":"\\u0000","by":"x"}',
    b"5\r\nhello\r\n0\r\n\r\n",
    b"z\r\n",
    b"ffffffffffffffffff\r\n",
    b"5\r\nhel",
    b"\x1f\x8b\x08\x00",
    b"GET / HTTP/1.1\r\n\r\n",
]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request put together of odd parts, or of whatever bytes there are."""
    end = draw(st.sampled_from(["\r\n", "\r\n", "\r\n", "\r\n", "\n"]))
    line = " ".join(
        (draw(st.sampled_from(METHODS)), draw(st.sampled_from(TARGETS)), draw(st.sampled_from(VERSIONS)))
    )
    headers = draw(st.lists(st.sampled_from(HEADERS), max_size=8))
    head = (end.join([line, *headers]) + end + end).encode("latin-1")
    return draw(
        st.one_of(st.just(head + draw(st.sampled_from(BODIES))), st.binary(max_size=200).map(head.__add__))
    )


async def ask(served: Front, request: bytes) -> list[int]:
    """What it is answered with: every status until the server hangs up, or has said all it will."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.number)
    writer.write(request)
    try:
        async with asyncio.timeout(PATIENCE_S):
            first = asyncio.create_task(reader.read(65536))
            for _ in range(300):
                if first.done():
                    break
                await turns()
            writer.write_eof()  # whatever is still waited for does not come
            said = await first + await reader.read()
    except ConnectionResetError:
        said = b""
    finally:
        writer.transport.abort()
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", said)]


async def nothing_is_ours(folder: Path, odd: list[bytes]) -> None:
    async with serve(folder) as served:
        served.stage.say("one post")
        for request in odd:
            statuses = await ask(served, request)
            assert not [status for status in statuses if status >= 500 and status not in {501, 503, 505}], (
                request,
                statuses,
            )
            assert served.bugs.count == 0, (request, served.bugs.latest)
        async with ClientSession() as web, web.get(served.url("/healthz")) as answer:
            assert answer.status == 200
        assert served.hub.clients == set()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd=st.lists(requests(), min_size=5, max_size=20))
def test_whatever_is_asked_is_no_mistake_of_ours(tmp_path: Path, odd: list[bytes]) -> None:
    asyncio.run(nothing_is_ours(tmp_path, odd))


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_a_word_of_odd_bytes_is_a_bad_request_or_heard(served: Front, body: bytes) -> None:
    head = (
        f"POST /api/v1/rulings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n"
    )
    for more in (
        f"Content-Length: {len(body)}",
        "Transfer-Encoding: chunked",
        "Content-Encoding: gzip\r\nTransfer-Encoding: chunked",
    ):
        request = f"{head}Content-Type: application/json\r\n{more}\r\n\r\n".encode() + body
        statuses = await ask(served, request)
        assert not [status for status in statuses if status not in {200, 400, 404, 413}], served.bugs.latest
    assert served.bugs.count == 0, served.bugs.latest
