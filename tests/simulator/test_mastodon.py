"""The Mastodon servers, asked as a collector asks them."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from backchannel.simulator import ScriptedPost, Sketch, Version

TAG = "/api/v1/timelines/tag/openideas26"
Opener = Callable[..., Awaitable[Any]]


async def test_the_timeline_is_newest_first_and_has_only_what_was_said(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(1200)
    page = await reader.json(f"{TAG}?limit=40")
    ids = [int(status["id"]) for status in page]
    assert ids == sorted(ids, reverse=True)
    assert all(status["created_at"] <= "2026-11-24T09:20:00.000Z" for status in page)


async def test_min_id_gives_the_page_just_above_and_since_id_the_newest(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(3600)
    whole = await reader.timeline(0)
    oldest = whole[-1]["id"]
    above = await reader.json(f"{TAG}?limit=5&min_id={oldest}")
    assert [status["id"] for status in above] == [status["id"] for status in whole[-6:-1]]
    newest = await reader.json(f"{TAG}?limit=5&since_id={oldest}")
    assert [status["id"] for status in newest] == [status["id"] for status in whole[:5]]


async def test_the_link_header_leads_to_both_neighbours(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(3600)
    async with reader.session.get(f"{reader.simulator.bases[0]}{TAG}?limit=3") as answer:
        page, links = await answer.json(), answer.links
    assert str(links["next"]["url"]).endswith(f"?limit=3&max_id={page[-1]['id']}")
    assert str(links["prev"]["url"]).endswith(f"?limit=3&min_id={page[0]['id']}")


async def test_a_limit_above_forty_is_forty(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(3 * 3600)
    assert len(await reader.json(f"{TAG}?limit=100")) == 40


async def test_any_all_none_and_only_media_choose(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    for key, text in (("a", "#one"), ("b", "#one #two"), ("c", "#three")):
        reader.simulator.say(ScriptedPost(key, "mastodon", "noor", (Version(1.0, text),), "0"))
    held.go(2)
    one = "/api/v1/timelines/tag/one"
    assert len(await reader.json(one)) == 2
    assert len(await reader.json(f"{one}?any[]=THREE")) == 3
    assert len(await reader.json(f"{one}?all[]=two")) == 1
    assert len(await reader.json(f"{one}?none[]=two")) == 1
    assert await reader.json(f"{one}?only_media=true") == []


async def test_the_other_server_has_the_same_uri_and_all_else_is_its_own(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(4 * 3600)
    here = {status["uri"]: status for status in await reader.timeline(0)}
    there = {status["uri"]: status for status in await reader.timeline(1)}
    shared = set(here) & set(there)
    assert len(shared) > 50
    one, other = next((here[u], there[u]) for u in sorted(shared) if here[u]["media_attachments"])
    assert one["created_at"] == other["created_at"]
    for key in ("id", "account.avatar", "media_attachments.0.url"):
        assert _at(one, key) != _at(other, key)
    assert one["account"]["acct"] == other["account"]["acct"].partition("@")[0]
    assert {"@" in account["account"]["acct"] for account in (one, other)} == {True, False}


async def test_what_is_far_away_comes_late_with_a_high_id_and_its_old_date(
    simulate: Opener, held: Any
) -> None:
    reader = await simulate()
    uri = reader.simulator.say(
        ScriptedPost("far", "mastodon", "jide", (Version(10.0, "#far"),), "1", late_s=100)
    )
    held.go(50)
    assert await reader.json("/api/v1/timelines/tag/far") == []
    held.go(111)
    (copy,) = await reader.json("/api/v1/timelines/tag/far")
    assert copy["uri"] == uri
    assert copy["created_at"] == "2026-11-24T09:00:10.000Z"
    assert int(copy["id"]) > int(uri.rpartition("/")[2])


async def test_an_edit_has_a_time_and_a_history(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    uri = reader.simulator.say(ScriptedPost("e", "mastodon", "noor", (Version(0.0, "#x before"),), "0"))
    status_id = uri.rpartition("/")[2]
    held.go(60)
    reader.simulator.edit("e", "#x after")
    status = await reader.json(f"/api/v1/statuses/{status_id}")
    assert status["edited_at"] == "2026-11-24T09:01:00.000Z"
    assert status["content"].endswith(" after</p>")
    history = await reader.json(f"/api/v1/statuses/{status_id}/history")
    assert [re.sub("<[^>]+>", "", version["content"]) for version in history] == ["#x before", "#x after"]


async def test_what_is_deleted_is_missing_everywhere(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    uri = reader.simulator.say(ScriptedPost("d", "mastodon", "noor", (Version(0.0, "#gone"),), "0"))
    status_id = uri.rpartition("/")[2]
    held.go(20)
    assert len(await reader.json(f"/api/v1/statuses?id[]={status_id}&id[]=1")) == 1
    reader.simulator.delete("d")
    assert await reader.json(f"/api/v1/statuses?id[]={status_id}") == []
    assert await reader.json("/api/v1/timelines/tag/gone") == []
    async with reader.session.get(f"{reader.simulator.bases[0]}/api/v1/statuses/{status_id}") as answer:
        assert (answer.status, await answer.json()) == (404, {"error": "Not Found"})


async def test_an_answer_names_its_parent_and_the_context_has_both(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(3600)
    by_key = {said.key: said for said in reader.simulator.world.said(3600)}
    asked, answer = by_key["k-line"], by_key["k-rota"]
    ids = {said.key: reader.simulator.world.ids[said.key].rpartition("/")[2] for said in (asked, answer)}
    status = await reader.json(f"/api/v1/statuses/{ids['k-rota']}")
    assert status["in_reply_to_id"] == ids["k-line"]
    assert status["mentions"][0]["acct"] == "noor"
    assert status["content"].startswith('<p><span class="h-card"')
    context = await reader.json(f"/api/v1/statuses/{ids['k-rota']}/context")
    assert [other["id"] for other in context["ancestors"]] == [ids["k-line"]]
    assert len(context["descendants"]) == 4


async def test_a_picture_is_served_where_the_status_says(simulate: Opener) -> None:
    reader = await simulate()
    picture = Sketch("slide", "Ask", alt="A slide")
    reader.simulator.say(
        ScriptedPost("p", "mastodon", "noor", (Version(-1.0, "#pic"),), "0", pictures=(picture,))
    )
    (status,) = await reader.json("/api/v1/timelines/tag/pic")
    (media,) = status["media_attachments"]
    assert media["description"] == "A slide"
    for url in (media["url"], media["preview_url"], status["account"]["avatar_static"]):
        async with reader.session.get(url) as answer:
            assert (answer.status, answer.content_type) == (200, "image/png")
            assert (await answer.read()).startswith(b"\x89PNG")


async def test_who_asks_too_often_is_told_when_to_come_back(simulate: Opener) -> None:
    reader = await simulate(rate_limit=2)
    statuses, headers = [], {}
    for _ in range(3):
        async with reader.session.get(reader.simulator.bases[0] + TAG) as answer:
            statuses.append(answer.status)
            headers = answer.headers
            body = await answer.json()
    assert statuses == [200, 200, 429]
    assert body == {"error": "Too many requests"}
    assert headers["X-RateLimit-Remaining"] == "0"
    assert headers["X-RateLimit-Reset"] == "2026-11-24T09:05:00.000000Z"
    assert headers["Retry-After"] == "300"


async def test_a_new_window_forgives(simulate: Opener, held: Any) -> None:
    reader = await simulate(rate_limit=1)
    await reader.json(TAG)
    held.go(300 * 60)
    await reader.json(TAG)


async def test_a_token_signs_in_and_a_wrong_one_is_refused(simulate: Opener) -> None:
    reader = await simulate(tokens={"let-me-in": "noor"})
    (mine,) = await reader.json(f"{TAG}?limit=1", Authorization="Bearer let-me-in")
    assert mine["favourited"] is False
    async with reader.session.get(
        reader.simulator.bases[0] + TAG, headers={"Authorization": "Bearer guess"}
    ) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")


async def test_a_known_etag_is_not_sent_again(simulate: Opener) -> None:
    reader = await simulate()
    async with reader.session.get(reader.simulator.bases[0] + "/api/v2/instance") as answer:
        etag = answer.headers["ETag"]
    async with reader.session.get(
        reader.simulator.bases[0] + "/api/v2/instance", headers={"If-None-Match": etag}
    ) as answer:
        assert (answer.status, await answer.read()) == (304, b"")


async def test_the_opted_out_say_so(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(4 * 3600)
    hush = next(s["account"] for s in await reader.timeline(0) if s["account"]["acct"] == "hush")
    assert "#<span>nobot</span>" in hush["note"]
    assert (hush["noindex"], hush["indexable"]) == (True, False)


@pytest.mark.parametrize("server", [0, 1])
async def test_nodeinfo_tells_the_software(simulate: Opener, server: int) -> None:
    reader = await simulate()
    links = await reader.json("/.well-known/nodeinfo", server=server)
    async with reader.session.get(links["links"][0]["href"]) as answer:
        assert (await answer.json())["software"] == {"name": "mastodon", "version": "4.6.4"}


async def test_a_permalink_is_a_page(simulate: Opener) -> None:
    reader = await simulate()
    status = (await reader.json(f"{TAG}?local=true"))[0]
    async with reader.session.get(status["url"]) as answer:
        assert status["content"] in await answer.text()


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value[int(key)] if key.isdigit() else value[key]
    return value
