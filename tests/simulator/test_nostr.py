"""The relays, spoken to over a websocket."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from backchannel.simulator import ScriptedPost, Version
from backchannel.simulator.nostr.events import Key, bech32, event_hash

Opener = Callable[..., Awaitable[Any]]
TAGGED = {"kinds": [1], "#t": ["openideas26", "OpenIdeas26"]}


async def frame(socket: aiohttp.ClientWebSocketResponse) -> Any:
    return json.loads(await socket.receive_str())


async def test_stored_events_come_newest_first_then_eose(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(3600)
    events = await reader.stored(TAGGED)
    times = [event["created_at"] for event in events]
    assert len(events) > 10
    assert times == sorted(times, reverse=True)


async def test_every_event_is_signed_by_its_author(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(9 * 3600)
    for event in await reader.stored({}):
        said = (event["pubkey"], event["created_at"], event["kind"], event["tags"], event["content"])
        digest = event_hash(*said)
        assert digest.hex() == event["id"]
        # An implementation of its own checks the signature.
        coincurve = pytest.importorskip("coincurve")
        key = coincurve.PublicKeyXOnly(bytes.fromhex(event["pubkey"]))
        assert key.verify(bytes.fromhex(event["sig"]), digest)


async def test_a_hashtag_matches_exactly(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(9 * 3600)
    lower = await reader.stored({"#t": ["openideas26"]})
    written = await reader.stored({"#t": ["OpenIdeas26"]})
    assert lower
    assert written
    assert not {event["id"] for event in lower} & {event["id"] for event in written}


@pytest.mark.parametrize(
    ("wanted", "count"),
    [({"limit": 3}, 3), ({"limit": 0}, 0), ({"kinds": [7]}, 0), ({"ids": ["00" * 32]}, 0), ({"until": 1}, 0)],
)
async def test_filters_narrow(simulate: Opener, held: Any, wanted: dict[str, Any], count: int) -> None:
    reader = await simulate()
    held.go(3600)
    assert len(await reader.stored(wanted)) == count


async def test_since_and_until_are_inclusive(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(3600)
    event = (await reader.stored(TAGGED))[3]
    at = event["created_at"]
    found = await reader.stored({**TAGGED, "since": at, "until": at})
    assert event["id"] in {other["id"] for other in found}


async def test_a_new_event_is_pushed_to_who_asked_for_such(simulate: Opener) -> None:
    reader = await simulate()
    async with reader.session.ws_connect(reader.simulator.bases[0] + "/nostr") as socket:
        await socket.send_json(["REQ", "wall", {"#t": ["fresh"]}])
        assert await frame(socket) == ["EOSE", "wall"]
        uri = reader.simulator.say(ScriptedPost("n", "nostr", "hana", (Version(0.0, "Now! #fresh"),)))
        said = await frame(socket)
        assert said[:2] == ["EVENT", "wall"]
        assert f"nostr:{said[2]['id']}" == uri


async def test_what_is_due_is_pushed_without_being_asked(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    async with reader.session.ws_connect(reader.simulator.bases[0] + "/nostr") as socket:
        await socket.send_json(["REQ", "wall", {**TAGGED, "limit": 0}])
        assert await frame(socket) == ["EOSE", "wall"]
        held.go(100)
        said = await frame(socket)
        assert "pretend" in said[2]["content"]


async def test_after_close_nothing_comes(simulate: Opener) -> None:
    reader = await simulate()
    async with reader.session.ws_connect(reader.simulator.bases[0] + "/nostr") as socket:
        for name in ("a", "b"):
            await socket.send_json(["REQ", name, {"#t": ["fresh"]}])
            await frame(socket)
        await socket.send_json(["CLOSE", "a"])
        await socket.send_json(["REQ", "c", {"limit": 0}])
        assert await frame(socket) == ["EOSE", "c"]
        reader.simulator.say(ScriptedPost("n", "nostr", "hana", (Version(0.0, "Now! #fresh"),)))
        assert {(await frame(socket))[1] for _ in range(2)} == {"b", "c"}


async def test_a_deletion_is_pushed_and_the_note_is_gone(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    reader.simulator.say(ScriptedPost("n", "nostr", "hana", (Version(-5.0, "Oops #oops"),)))
    (note,) = await reader.stored({"#t": ["oops"]})
    async with reader.session.ws_connect(reader.simulator.bases[0] + "/nostr") as socket:
        await socket.send_json(["REQ", "del", {"kinds": [5], "authors": [note["pubkey"]], "limit": 0}])
        await frame(socket)
        reader.simulator.delete("n")
        deletion = (await frame(socket))[2]
    assert ["e", note["id"]] in deletion["tags"]
    assert await reader.stored({"#t": ["oops"]}) == []


async def test_a_stranger_cannot_delete(simulate: Opener) -> None:
    reader = await simulate()
    reader.simulator.say(ScriptedPost("n", "nostr", "hana", (Version(-5.0, "Mine #mine"),)))
    (note,) = await reader.stored({"#t": ["mine"]})
    stranger = Key(9, "stranger").sign(5, note["created_at"] + 1, "", [["e", note["id"]]])
    assert (await publish(reader, stranger))[2] is True
    assert len(await reader.stored({"#t": ["mine"]})) == 1


async def publish(reader: Any, event: Any) -> Any:
    async with reader.session.ws_connect(reader.simulator.bases[0] + "/nostr") as socket:
        said = {name: getattr(event, name) for name in event.__struct_fields__}
        await socket.send_json(["EVENT", said])
        return await frame(socket)


async def test_a_published_event_is_accepted_once(simulate: Opener) -> None:
    reader = await simulate()
    event = Key(1, "reader").sign(1, 1_795_510_800, "Hello #pub", [["t", "pub"]])
    assert await publish(reader, event) == ["OK", event.id, True, ""]
    assert await publish(reader, event) == ["OK", event.id, False, "duplicate: exists"]
    assert [found["id"] for found in await reader.stored({"#t": ["pub"]})] == [event.id]


async def test_a_tampered_event_is_refused(simulate: Opener) -> None:
    reader = await simulate()
    event = Key(1, "reader").sign(1, 1_795_510_800, "Hello", [])
    forged = type(event)(event.id, event.created_at, event.pubkey, 1, event.sig, "Goodbye", [])
    assert await publish(reader, forged) == ["OK", "", False, "invalid: Bad signature"]


async def test_what_has_expired_is_not_given(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    event = Key(1, "x").sign(1, 1_795_510_800, "Soon", [["t", "soon"], ["expiration", "1795510860"]])
    await publish(reader, event)
    assert len(await reader.stored({"#t": ["soon"]})) == 1
    held.go(61)
    assert await reader.stored({"#t": ["soon"]}) == []


async def test_an_article_is_replaced_by_its_newer_version(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    said = next(said for said in reader.simulator.world.said(1e9) if said.key == "article")
    ids = set()
    for version in said.versions:
        held.go(version.at_s + 1)
        (article,) = await reader.stored({"kinds": [30023]})
        ids.add(article["id"])
    assert len(ids) == 2
    assert "Updated after lunch" in article["content"]


async def test_an_answer_marks_root_and_parent(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(3600)
    world = reader.simulator.world
    answers = [said for said in world.said(3600) if said.kind == "nostr" and said.answers]
    deep = next(said for said in answers if world.post(said.answers).answers)
    (event,) = await reader.stored({"ids": [world.ids[deep.key].removeprefix("nostr:")]})
    parent = world.post(deep.answers)
    marks = {tag[3]: tag[1] for tag in event["tags"] if tag[0] == "e"}
    ids = {key: world.ids[key].removeprefix("nostr:") for key in (parent.key, parent.answers)}
    assert marks == {"root": ids[parent.answers], "reply": ids[parent.key]}


async def test_everybody_has_a_profile(simulate: Opener) -> None:
    reader = await simulate()
    profiles = [json.loads(event["content"]) for event in await reader.stored({"kinds": [0]})]
    assert "Łukasz Wójcik" in {profile["display_name"] for profile in profiles}
    async with reader.session.get(profiles[0]["picture"]) as answer:
        assert answer.content_type == "image/png"


async def test_the_second_relay_has_most_but_not_all(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(9 * 3600)
    first, second = [{e["id"] for e in await reader.stored(TAGGED, relay=n)} for n in (0, 1)]
    assert second < first
    assert len(second) > len(first) / 2


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("[]", "NOTICE"),
        ("hello", "NOTICE"),
        ('["WHAT"]', "NOTICE"),
        ('["REQ", "x", {"kinds": "one"}]', "CLOSED"),
        ('["REQ", "x", 5]', "CLOSED"),
        ('["EVENT", {}]', "OK"),
    ],
)
async def test_nonsense_gets_an_answer_and_the_line_stays_open(
    simulate: Opener, sent: str, said: str
) -> None:
    reader = await simulate()
    async with reader.session.ws_connect(reader.simulator.bases[0] + "/nostr") as socket:
        await socket.send_str(sent)
        assert (await frame(socket))[0] == said
        await socket.send_json(["REQ", "y", {"limit": 0}])
        assert await frame(socket) == ["EOSE", "y"]


async def test_too_many_subscriptions_are_refused(simulate: Opener) -> None:
    reader = await simulate()
    async with reader.session.ws_connect(reader.simulator.bases[0] + "/nostr") as socket:
        for number in range(21):
            await socket.send_json(["REQ", str(number), {"limit": 0}])
        answers = [await frame(socket) for _ in range(21)]
    assert answers[-1][:2] == ["CLOSED", "20"]


def test_bech32_is_that_of_the_specification() -> None:
    """The example of NIP-19."""
    public = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e"
    assert bech32("npub", public) == "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg"
