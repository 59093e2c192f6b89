"""Pages and health, over loopback, in front of a real board."""

import asyncio
import re
from xml.etree import ElementTree

import pytest
from aiohttp import ClientSession

from backchannel.gather import SourceHealth
from tests.kit.clocks import turns
from tests.kit.front import Front, get_json, get_text
from tests.kit.stand_in import EPOCH


async def test_the_wall_comes_with_the_newest_200_and_its_number(served: Front, web: ClientSession) -> None:
    for number in range(203):
        served.stage.say(f"post {number}", publish=False)
    page = await get_text(web, "/wall")
    assert {int(text) for text in re.findall(r"post (\d+)", page)} == set(range(3, 203))
    assert f'data-seq="{served.stage.board.seq}"' in page
    assert f'data-epoch="{EPOCH}"' in page


async def test_the_tab_comes_with_the_newest_50_and_the_way_to_older_ones(
    served: Front, web: ClientSession
) -> None:
    for number in range(70):
        served.stage.say(f"post {number}", publish=False)
    page = await get_text(web, "/")
    assert {int(text) for text in re.findall(r"post (\d+)", page)} == set(range(20, 70))
    older = re.search(r'href="(/\?before=[^"]+)"', page)
    assert older
    page = await get_text(web, older[1])
    assert {int(text) for text in re.findall(r"post (\d+)", page)} == set(range(20))


async def test_the_tab_can_be_searched_without_javascript(served: Front, web: ClientSession) -> None:
    served.stage.say("about bread")
    served.stage.say("about roses")
    page = await get_text(web, "/?q=bread")
    assert "about bread" in page
    assert "about roses" not in page


@pytest.mark.parametrize("path", ["/wall", "/", "/api/v1/posts", "/api/v1/posts?q=ugly", "/?q=ugly"])
async def test_what_is_covered_is_on_no_page(served: Front, web: ClientSession, path: str) -> None:
    key = served.stage.say("an ugly word")
    assert "an ugly word" in await get_text(web, path)
    served.stage.veil(key)
    assert "an ugly word" not in await get_text(web, path)


async def test_what_is_taken_down_while_words_are_read_is_not_in_the_answer(
    served: Front, web: ClientSession
) -> None:
    old, ugly = served.stage.say("old"), served.stage.say("ugly")
    served.stage.forgotten = {old, ugly}
    served.stage.may_load.clear()
    answer = asyncio.create_task(get_json(web, "/api/v1/posts"))
    while not served.stage.loads:
        await turns()
    served.stage.veil(ugly)
    served.stage.may_load.set()
    assert [post["text"] for post in (await answer)["posts"]] == ["old"]


async def test_blank_is_on_the_wall_before_the_log_has_it(served: Front, web: ClientSession) -> None:
    served.stage.say("one")
    assert 'data-blank="0"' in await get_text(web, "/wall")
    served.stage.veiled_blank = True
    assert 'data-blank="1"' in await get_text(web, "/wall")


async def test_pages_are_kept_by_nobody(web: ClientSession) -> None:
    for path in ("/", "/wall", "/status", "/api/v1/posts", "/healthz"):
        async with web.get(path) as response:
            assert response.headers["Cache-Control"] == "no-store"


async def test_the_status_page_says_what_is_wrong(served: Front, web: ClientSession) -> None:
    served.health.append(SourceHealth("relay", "nostr", "backoff", error="wss://relay.example: timed out"))
    page = await get_text(web, "/status")
    assert "relay" in page
    assert "wss://relay.example: timed out" in page


async def test_the_qr_code_is_a_picture(web: ClientSession) -> None:
    async with web.get("/qr.svg") as response:
        assert response.content_type == "image/svg+xml"
        assert ElementTree.fromstring(await response.text()).tag.endswith("svg")  # noqa: S314 -- our own


async def test_healthz_is_ok_when_all_is_well(served: Front, web: ClientSession) -> None:
    served.health.append(SourceHealth("social", "mastodon", "live", 1_790_000_000.0, 2.5))
    data = await get_json(web, "/healthz")
    assert data["status"] == "ok"
    assert data["sources"]["social"] == {
        "kind": "mastodon",
        "state": "live",
        "last_success_at": 1_790_000_000.0,
        "behind_s": 2.5,
        "error": "",
        "skipped": 0,
        "missed": 0,
    }


async def test_a_mistake_of_ours_that_was_contained_is_told(served: Front, web: ClientSession) -> None:
    assert (await get_json(web, "/healthz"))["bugs"] == {"count": 0, "latest": ""}
    assert "mistake" not in await get_text(web, "/status")
    served.bugs.caught("lane blog", ValueError("FOREIGN"))
    data = await get_json(web, "/healthz")
    assert data["bugs"] == {"count": 1, "latest": "lane blog: ValueError at nowhere"}
    assert "1 mistake of ours" in await get_text(web, "/status")


async def test_healthz_is_degraded_while_a_source_is_in_trouble(served: Front, web: ClientSession) -> None:
    served.health.append(SourceHealth("social", "mastodon", "blocked", error="429"))
    data = await get_json(web, "/healthz")
    assert (data["status"], data["sources"]["social"]["error"]) == ("degraded", "429")


async def test_healthz_says_what_is_shown_and_not_saved(served: Front, web: ClientSession) -> None:
    served.stage.unsaved, served.stage.trouble = 2, "disk full"
    data = await get_json(web, "/healthz")
    assert (data["status"], data["unsaved"], data["trouble"]) == ("failing", 2, "disk full")
