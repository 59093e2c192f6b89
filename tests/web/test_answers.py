"""What every answer has in common."""

import pytest
from aiohttp import ClientSession

from backchannel.log import LogUnavailable
from backchannel.model import Post
from backchannel.web.pages import CSP, WALL_CSP
from tests.hub.served import Served, get_json, get_text


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


async def test_a_mistake_of_ours_says_nothing_about_our_inside(
    served: Served, web: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    served.stage.say("lost", publish=False)
    served.stage.words.clear()
    text = await get_text(web, "/wall", 500)
    assert "Something went wrong" in text
    assert "LookupError" not in text
    assert "LookupError" in caplog.text


async def test_a_log_that_cannot_be_read_is_said_to_be(served: Served, web: ClientSession) -> None:
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
