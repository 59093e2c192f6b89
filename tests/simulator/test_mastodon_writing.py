"""People posting through the API, as a signed-in client does."""

from collections.abc import Awaitable, Callable
from typing import Any

Opener = Callable[..., Awaitable[Any]]
TOKENS = {"noors": "noor", "miras": "mira"}


async def ask(reader: Any, method: str, path: str, token: str = "", **form: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = reader.simulator.bases[0] + path
    async with reader.session.request(method, url, data=form or None, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_post_is_in_the_timeline_of_its_hashtag(simulate: Opener) -> None:
    reader = await simulate(tokens=TOKENS)
    _, posted = await ask(reader, "POST", "/api/v1/statuses", "noors", status="Hello #here")
    assert [status["id"] for status in await reader.timeline(0, "/api/v1/timelines/tag/here")] == [
        posted["id"]
    ]
    assert posted["uri"] in reader.simulator.truth().posts


async def test_an_unlisted_post_is_in_no_timeline_of_hashtags(simulate: Opener) -> None:
    reader = await simulate(tokens=TOKENS)
    form = {"status": "Psst #here", "visibility": "unlisted"}
    _, posted = await ask(reader, "POST", "/api/v1/statuses", "noors", **form)
    assert await reader.timeline(0, "/api/v1/timelines/tag/here") == []
    assert (await reader.json(f"/api/v1/statuses/{posted['id']}"))["visibility"] == "unlisted"


async def test_an_answer_and_a_quote_name_their_post(simulate: Opener) -> None:
    reader = await simulate(tokens=TOKENS)
    _, first = await ask(reader, "POST", "/api/v1/statuses", "noors", status="First")
    answer = {"status": "@noor yes", "in_reply_to_id": first["id"]}
    _, second = await ask(reader, "POST", "/api/v1/statuses", "miras", **answer)
    assert second["in_reply_to_id"] == first["id"]
    assert second["content"].count("noor</span>") == 1
    _, third = await ask(
        reader, "POST", "/api/v1/statuses", "miras", status="Look", quoted_status_id=first["id"]
    )
    assert third["quote"]["state"] == "accepted"
    assert third["quote"]["quoted_status"]["uri"] == first["uri"]
    path = f"/api/v1/statuses/{first['id']}/quotes/{third['id']}/revoke"
    _, revoked = await ask(reader, "POST", path, "noors")
    assert revoked["quote"] == {"state": "revoked", "quoted_status": None}


async def test_only_its_owner_edits_or_deletes_a_post(simulate: Opener, held: Any) -> None:
    reader = await simulate(tokens=TOKENS)
    _, posted = await ask(reader, "POST", "/api/v1/statuses", "noors", status="Mine")
    path = f"/api/v1/statuses/{posted['id']}"
    held.go(5)
    assert (await ask(reader, "PUT", path, "miras", status="Yours"))[0] == 404
    assert (await ask(reader, "DELETE", path, "miras"))[0] == 404
    _, edited = await ask(reader, "PUT", path, "noors", status="Still mine")
    assert (edited["content"], edited["edited_at"]) == ("<p>Still mine</p>", "2026-11-24T09:00:05.000Z")
    _, gone = await ask(reader, "DELETE", path, "noors")
    assert gone["text"] == "Still mine"
    assert (await ask(reader, "GET", path))[0] == 404


async def test_without_a_token_nothing_is_written(simulate: Opener) -> None:
    reader = await simulate(tokens=TOKENS)
    for method, path in (
        ("POST", "/api/v1/statuses"),
        ("DELETE", "/api/v1/statuses/1"),
        ("POST", "/api/v2/media"),
    ):
        assert (await ask(reader, method, path))[0] == 401


async def test_an_empty_post_is_refused(simulate: Opener) -> None:
    reader = await simulate(tokens=TOKENS)
    status, body = await ask(reader, "POST", "/api/v1/statuses", "noors", status=" ")
    assert (status, body) == (422, {"error": "Validation failed: Text can't be blank"})
