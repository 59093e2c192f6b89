"""A person's word, over loopback."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from backchannel.log import LogUnavailable
from backchannel.sequencer.desk import Outcome
from backchannel.web import rulings
from tests.kit.front import TOKEN, Front, serve

BEARER = {"Authorization": f"Bearer {TOKEN}"}

HIDE = {"verdict": "hide", "subject": "12", "why": "rude"}


async def say(
    web: ClientSession, word: Any, status: int, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    async with web.post(
        "/api/v1/rulings", json=word, headers=BEARER if headers is None else headers
    ) as response:
        assert response.status == status, await response.text()
        data: dict[str, Any] = await response.json()
        return data


async def test_a_word_is_heard_and_answered(served: Front, web: ClientSession) -> None:
    served.desk.answer = Outcome("hidden everywhere, not yet saved")
    assert await say(web, HIDE, 200) == {"message": "hidden everywhere, not yet saved", "saved": False}
    assert served.desk.heard == [("hide", "12", "operator", "rude", True)]


async def test_a_word_may_bring_its_id(served: Front, web: ClientSession) -> None:
    await say(web, {**HIDE, "id": "here-1"}, 200)
    assert served.desk.ids == ["here-1"]


async def test_without_a_token_nobody_is_heard(served: Front, web: ClientSession) -> None:
    async with web.post("/api/v1/rulings", json=HIDE) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    await say(web, HIDE, 401, {"Authorization": "Basic abc"})
    assert served.desk.heard == []


@pytest.mark.parametrize("token", ["wrong", TOKEN[:-1], TOKEN + "x", "ünïcode"])
async def test_another_token_is_refused(served: Front, web: ClientSession, token: str) -> None:
    await say(web, HIDE, 403, {"Authorization": f"Bearer {token}"})
    assert served.desk.heard == []


async def test_over_plain_http_from_elsewhere_even_the_token_is_refused_with_the_ways_out(
    tmp_path: Path,
) -> None:
    async with serve(tmp_path, trusted=["127.0.0.1"]) as served, ClientSession(served.url()) as web:
        relayed = {**BEARER, "X-Forwarded-For": "203.0.113.7"}
        message = (await say(web, HIDE, 426, relayed))["message"]
        assert "server.tls" in message
        assert "server.trusted_proxies" in message
        assert served.desk.heard == []
        await say(web, HIDE, 200, {**relayed, "X-Forwarded-Proto": "https"})


@pytest.mark.parametrize(
    "word",
    [
        {"verdict": "burn", "subject": "12"},
        {"verdict": "hide"},
        {"verdict": "hide", "subject": "12", "colour": "red"},
        {"verdict": "hide", "subject": 12},
        {"verdict": "hide", "subject": "x" * 3000},
        [],
    ],
)
async def test_what_is_no_ruling_is_refused(served: Front, web: ClientSession, word: Any) -> None:
    assert "no ruling" in (await say(web, word, 400))["message"]
    assert served.desk.heard == []


async def test_a_form_on_a_foreign_page_is_not_heard(served: Front, web: ClientSession) -> None:
    headers = {**BEARER, "Content-Type": "text/plain"}
    async with web.post("/api/v1/rulings", data=b'{"verdict":"blank"}', headers=headers) as response:
        assert response.status == 415
    assert served.desk.heard == []


async def test_a_large_body_is_refused(web: ClientSession) -> None:
    await say(web, {"verdict": "hide", "subject": "x" * 100_000}, 413)


async def test_blank_needs_no_subject(served: Front, web: ClientSession) -> None:
    await say(web, {"verdict": "blank", "on": False}, 200)
    assert served.desk.heard == [("blank", "", "operator", "", False)]


async def test_what_nobody_knows_is_not_found(served: Front, web: ClientSession) -> None:
    served.desk.answer = LookupError("no post here has the key 12")
    assert (await say(web, HIDE, 404))["message"] == "no post here has the key 12"


async def test_a_refused_word_names_the_reason(served: Front, web: ClientSession) -> None:
    served.desk.answer = LogUnavailable("disk full")
    assert "disk full" in (await say(web, HIDE, 503))["message"]


async def test_a_body_that_does_not_come_is_not_waited_for(
    served: Front, web: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulings, "BODY_S", 0.2)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.get_running_loop().create_future()

    headers = {**BEARER, "Content-Type": "application/json", "Content-Length": "50"}
    async with web.post("/api/v1/rulings", data=never(), headers=headers) as response:
        assert response.status == 408
    assert served.desk.heard == []


HEAD = "POST /api/v1/rulings HTTP/1.1\r\nHost: x\r\n{}\r\nContent-Length: 2\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        (f"Authorization: Bearer {TOKEN}", True),
        (f"AUTHORIZATION:bearer {TOKEN} ", True),
        (f"Authorization: Bearer {TOKEN}x", False),
        (f"Authorization: Bearer {TOKEN[:-1]}", False),
        (f"Authorization: Basic {TOKEN}", False),
        (f"X-Authorization: Bearer {TOKEN}", False),
        ("Authorization: Bearer \xff", False),
        ("X: y", False),
    ],
)
def test_a_word_is_known_by_its_head(line: str, is_one: bool) -> None:
    head = HEAD.format(line).encode("latin-1")
    assert rulings.is_word(head, TOKEN) is is_one
    assert not rulings.is_word(head.replace(b"POST", b"GET"), TOKEN)
    assert not rulings.is_word(head.replace(b"rulings ", b"rulingsx "), TOKEN)
    assert not rulings.is_word(head, "")


async def test_a_page_of_another_site_is_not_heard_even_with_the_token(
    served: Front, web: ClientSession
) -> None:
    foreign = {**BEARER, "Origin": "http://evil.example", "Host": "evil.example"}
    await say(web, HIDE, 403, foreign)
    assert served.desk.heard == []
    await say(web, HIDE, 200, {**BEARER, "Origin": served.url()})
