"""`/api/v1/posts`, over loopback."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.kit.front import Front, get_json, get_text
from tests.kit.stand_in import EPOCH

BEYOND = "MS45OTk5OTk5OTk5OTk5OTk5OTk5OTk5"
"""A place whose key is greater than any number that a search can look for."""


async def test_posts_are_newest_first_with_everything_a_page_needs(served: Front, web: ClientSession) -> None:
    first, second = served.stage.say("one"), served.stage.say("two")
    data = await get_json(web, "/api/v1/posts")
    assert [post["key"] for post in data["posts"]] == [second, first]
    assert (data["epoch"], data["seq"], data["next"]) == (EPOCH, served.stage.board.seq, None)
    post = data["posts"][1]
    assert (post["text"], post["kind"], post["source"]) == ("one", "mastodon", "social")
    assert post["id"] == "https://social.example/posts/1"
    assert post["author"]["name"] == "Ada"
    assert post["card"]["key"] == first
    assert "one" in post["html"]


async def test_all_posts_can_be_walked_to_the_end(served: Front, web: ClientSession) -> None:
    keys = [served.stage.say(f"post {number}", publish=False) for number in range(25)]
    walked: list[int] = []
    place = ""
    while True:
        data = await get_json(web, f"/api/v1/posts?limit=10&before={place}")
        walked += [post["key"] for post in data["posts"]]
        if data["next"] is None:
            break
        place = data["next"]
    assert walked == keys[::-1]


async def test_a_search_can_be_walked_to_the_end_past_what_is_covered(
    served: Front, web: ClientSession
) -> None:
    keys = [served.stage.say(f"bread {number}", publish=False) for number in range(9)]
    served.stage.say("roses")
    served.stage.veil(keys[6])
    walked: list[int] = []
    place = ""
    while place is not None:
        data = await get_json(web, f"/api/v1/posts?q=bread&limit=3&before={place}")
        walked += [post["key"] for post in data["posts"]]
        place = data["next"]
    assert walked == [key for key in keys[::-1] if key != keys[6]]


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("limit=0", "limit", "0"),
        ("limit=201", "limit", "201"),
        ("limit=ten", "limit", "ten"),
        ("limit=-5", "limit", "-5"),
        ("limit=", "limit", ""),
        ("before=!!", "before", "!!"),
        ("before=YWJj", "before", "YWJj"),
        ("before=MS4yLjM", "before", "MS4yLjM"),
        (f"q=hello&before={BEYOND}", "before", BEYOND),
        (f"q={'a' * 201}", "q", "a" * 201),
        ("q=%00", "q", "\0"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(
    web: ClientSession, query: str, name: str, value: str
) -> None:
    data = await get_json(web, f"/api/v1/posts?{query}", 400)
    assert (data["parameter"], data["value"]) == (name, value)
    assert data["accepted"]
    assert name in data["message"]


async def test_on_a_page_such_a_parameter_is_explained_in_words(web: ClientSession) -> None:
    assert "limit" in await get_text(web, "/?limit=<b>", 400)


@pytest.mark.parametrize("path", ["/api/v1/posts", "/"])
async def test_answers_of_every_length_are_made_one_at_a_time_for_an_address(
    served: Front, web: ClientSession, path: str
) -> None:
    stage, load, is_there = served.stage, served.stage.load, asyncio.Event()

    async def late(items: Any) -> Any:
        await is_there.wait()
        return await load(items)

    async def ask(limit: int) -> int:
        async with web.get(f"{path}?limit={limit}") as answer:
            return answer.status

    stage.forgotten = {stage.say("one")}
    stage.load = late  # type: ignore[method-assign]
    asked = [asyncio.create_task(ask(limit)) for limit in range(1, 31)]
    done, _ = await asyncio.wait(asked, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert {one.result() for one in done} == {503}
    stage.forgotten = set()
    is_there.set()
    assert {*await asyncio.gather(*asked)} == {200, 503}
