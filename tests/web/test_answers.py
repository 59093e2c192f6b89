"""What every answer has in common."""

import asyncio
import re

import pytest
from aiohttp import ClientSession

from backchannel.log import LogUnavailable
from backchannel.model import Post
from backchannel.web.headers import CSP, WALL_CSP
from tests.kit.front import Front, get_json, get_text


@pytest.mark.parametrize(
    "path", ["/", "/wall", "/healthz", "/nothing", "/static/none.js", "/api/v1/posts?limit=x"]
)
async def test_every_answer_is_protected(web: ClientSession, path: str) -> None:
    async with web.get(path) as response:
        headers = response.headers
    assert headers["Content-Security-Policy"] == (WALL_CSP if path == "/wall" else CSP)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "aiohttp" not in headers["Server"]


@pytest.mark.parametrize("path", ["/", "/wall", "/status", "/healthz", "/api/v1/posts", "/qr.svg"])
async def test_head_is_get_without_a_body(web: ClientSession, path: str) -> None:
    async with web.head(path) as response:
        assert response.status == 200
        assert int(response.headers["Content-Length"]) > 0
        assert await response.read() == b""


async def test_an_unknown_address_is_a_readable_page(web: ClientSession) -> None:
    async with web.get("/nothing<script>") as response:
        assert (response.status, response.content_type) == (404, "text/html")
        text = await response.text()
    assert "nothing at this address" in text
    assert "<script>" not in text


async def test_an_unknown_address_of_the_api_is_json(web: ClientSession) -> None:
    assert "nothing" in (await get_json(web, "/api/v1/nothing", 404))["message"]


async def test_a_method_that_is_not_taken_names_those_that_are(web: ClientSession) -> None:
    async with web.post("/wall") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET,HEAD"


async def test_a_mistake_of_ours_says_nothing_about_our_inside_and_is_counted(
    served: Front, web: ClientSession
) -> None:
    served.stage.say("lost", publish=False)
    served.stage.words.clear()
    text = await get_text(web, "/wall", 500)
    assert "Something went wrong" in text
    assert "LookupError" not in text
    assert served.bugs.count == 1
    assert "GET /wall: LookupError" in served.bugs.latest


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 5000,
        b"GET /static/" + b"a" * 5000,
        b"GET /?q=" + b"a" * 5000,
        b"GET /\xff",
        b"POST /api/v1/rulings HTTP/1.1\r\nAuthorization: Bearer \xff",
        b"GET / HTTP/1.1\r\nExpect: \xff",
        b"GET / HTTP/1.1\r\nX-\xff: \xff",
    ],
)
async def test_what_makes_no_sense_is_a_bad_request_and_no_bug(served: Front, head: bytes) -> None:
    line = head if b" HTTP/1.1" in head else head + b" HTTP/1.1"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.number)
    writer.write(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert re.match(rb"HTTP/1\.[01] 400 ", answer)
    assert served.bugs.count == 0


async def test_a_name_that_no_disk_knows_is_not_found(web: ClientSession) -> None:
    long = f"/static/{'a' * 300}.js", f"/static/{'a/' * 500}a.js"
    for path in (*long, "/static/%ed%a0%80.js", "/%ff"):
        await get_text(web, path, 404)


async def test_a_log_that_cannot_be_read_is_said_to_be(served: Front, web: ClientSession) -> None:
    async def load(_: object) -> dict[int, Post]:
        raise LogUnavailable("no such device")

    served.stage.load = load  # type: ignore[method-assign, assignment]
    served.stage.forgotten = {served.stage.say("old")}
    assert "no such device" in await get_text(web, "/wall", 503)


async def test_only_the_wall_may_register_its_worker(web: ClientSession) -> None:
    for path, policy in (("/", CSP), ("/status", CSP), ("/wall/holding", CSP), ("/wall", WALL_CSP)):
        async with web.get(path) as response:
            assert response.headers["Content-Security-Policy"] == policy
    assert "trusted-types 'none'" in CSP
    assert "trusted-types worker-url" in WALL_CSP
