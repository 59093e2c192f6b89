"""Every recorded exchange, put to the simulator again: status, header names, keys and types must be equal.

What differs stands in DIFFERENCES and NOT_SERVED, word for word as in docs/simulator.md.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

Opener = Callable[..., Awaitable[Any]]

RECORDINGS = Path(__file__).parents[3] / "shared" / "fixtures"
CASSETTES = sorted((RECORDINGS / "mastodon" / "cassettes").glob("*.json"))
PEOPLE = {"mastodonpy_test": "noor", "mastodonpy_test_2": "mira", "admin": "tomasz"}
TOKENS = {f"token-of-{who}": who for who in PEOPLE.values()}
DIFFERENCES = {
    f"`{field}` is null on one side"
    for field in (
        "application", "discoverable", "edited_at", "hide_collections", "in_reply_to_account_id",
        "in_reply_to_id", "language", "poll",
    )
}  # fmt: skip
NOT_SERVED = {
    "GET /api/v1/streaming/user": "streaming needs a signed-in user and comes later",
    "POST /api/v1/statuses/{id}/reblog": "nobody reposts here; hashtag timelines have no reposts",
}


def exchanges() -> list[Any]:
    """Each cassette; one that skips where there is none."""
    if not CASSETTES:
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no recordings at {RECORDINGS}"))]
    return [pytest.param(json.loads(path.read_text()), id=path.stem) for path in CASSETTES]


def shape(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, type) of everything in a JSON value; items of a list count as one."""
    if isinstance(value, dict):
        yield path, "object"
        for key, inner in value.items():
            yield from shape(inner, f"{path}.{key}")
    elif isinstance(value, list):
        yield path, "list"
        for inner in value:
            yield from shape(inner, f"{path}[]")
    else:
        yield path, {bool: "bool", int: "number", float: "number", str: "string"}.get(type(value), "null")


def shape_differences(recorded: Any, said: Any) -> set[str]:
    """What only one side has, or has with another type. An empty list says nothing about its items."""
    there, here = _by_path(recorded), _by_path(said)
    found = set()
    for path in there.keys() | here.keys():
        if any(_is_below(path, other, there, here) for other in there.keys() & here.keys()):
            continue
        one, other = there.get(path, set()), here.get(path, set())
        if one == other:
            continue
        if one - {"null"} == other - {"null"} or {"null"} in (one, other):
            found.add(f"`{path.rpartition('.')[2]}` is null on one side")
        else:
            found.add(f"{path or '.'}: {_said(one)} was recorded, {_said(other)} is said")
    return found


def _by_path(value: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path, kind in shape(value):
        found.setdefault(path, set()).add(kind)
    return found


def _is_below(path: str, above: str, there: dict[str, set[str]], here: dict[str, set[str]]) -> bool:
    """Whether the path lies within a list that is empty, or an object that is null, on one of the sides."""
    if not path.startswith((f"{above}[]", f"{above}.")):
        return False
    return any({"list", "null"} >= side[above] and not _goes_on(above, side) for side in (there, here))


def _goes_on(path: str, side: dict[str, set[str]]) -> bool:
    return any(other.startswith((f"{path}[]", f"{path}.")) for other in side)


def _said(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds)) or "nothing"


class Replay:
    """Puts a recorded conversation to a server again, with its ids in the place of the recorded ones."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.ids: dict[str, str] = {}

    async def ask(self, recorded: Any) -> tuple[int, set[str], Any]:
        """Status, header names in lower case, and body."""
        request, said = recorded["request"], recorded["response"]
        path = re.sub(r"^https?://[^/]+", "", request["uri"])
        url, headers = self._mapped(path), self._token(recorded)
        base = self.reader.simulator.bases[0]
        told: dict[str, Any] = {"headers": headers}
        if path == "/api/v2/media":
            told["data"] = aiohttp.FormData({"description": said["body"]["description"]})
        elif request["body"]:
            told["data"] = self._mapped(request["body"])
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        async with self.reader.session.request(request["method"], base + url, **told) as answer:
            text = await answer.text()
            body = json.loads(text) if "json" in answer.content_type else text
            self._learn(said["body"], body)
            return answer.status, {name.lower() for name in answer.headers}, body

    def _mapped(self, text: str) -> str:
        return re.sub(r"\d{15,}", lambda match: self.ids.get(match[0], match[0]), text)

    def _learn(self, recorded: Any, said: Any) -> None:
        if isinstance(recorded, dict) and isinstance(said, dict) and "id" in recorded and "id" in said:
            self.ids[recorded["id"]] = said["id"]
            self._learn(recorded.get("account"), said.get("account"))

    def _token(self, recorded: Any) -> dict[str, str]:
        """Who asked, as the answer betrays: only users get private answers, only owners see `pinned`."""
        request, said = recorded["request"], recorded["response"]
        is_private = "private" in "".join(said["headers"].get("cache-control", ()))
        if said["status"]["code"] != 200 or (request["method"] == "GET" and not is_private):
            return {}
        body = said["body"][0] if isinstance(said["body"], list) and said["body"] else said["body"]
        owner = PEOPLE.get(str((body.get("account") or body).get("acct") if body else None), "noor")
        is_owner = "pinned" in body or "favourited" not in body
        who = owner if is_owner else next(other for other in PEOPLE.values() if other != owner)
        return {"Authorization": f"Bearer token-of-{who}"}


async def differences(simulate: Opener, held: Any, recorded: Any) -> set[str]:
    """Whatever is not as it was recorded in one conversation."""
    replay, found = Replay(await simulate(tokens=TOKENS)), set()
    for number, exchange in enumerate(recorded, 1):
        held.go(number)
        request, said = exchange["request"], exchange["response"]
        path = re.sub(r"\d{15,}", "{id}", re.sub(r"^https?://[^/]+", "", request["uri"])).partition("?")[0]
        line = f"{request['method']} {path}"
        if line in NOT_SERVED:
            continue
        status, headers, body = await replay.ask(exchange)
        expected = {header.lower() for header in said["headers"]}
        if status != said["status"]["code"]:
            found.add(f"{line}: {said['status']['code']} was recorded, {status} is said")
        found |= {f"{line}: header {header}" for header in expected ^ headers}
        found |= shape_differences(said["body"], body)
    return found


@pytest.mark.parametrize("recorded", exchanges())
async def test_a_recorded_conversation_goes_the_same_way(simulate: Opener, held: Any, recorded: Any) -> None:
    found = await differences(simulate, held, recorded)
    assert found <= DIFFERENCES, sorted(found - DIFFERENCES)


async def test_every_listed_difference_is_one(simulate: Opener, held: Any, shared: Path) -> None:
    found: set[str] = set()
    for path in (shared / "fixtures" / "mastodon" / "cassettes").glob("*.json"):
        found |= await differences(simulate, held, json.loads(path.read_text()))
    assert found == DIFFERENCES


def test_every_difference_is_documented(root: Path) -> None:
    page = (root / "docs" / "simulator.md").read_text("utf-8")
    assert [line for line in [*DIFFERENCES, *NOT_SERVED] if line not in page] == []


@pytest.mark.parametrize(
    ("recorded", "said", "found"),
    [
        ({"a": 1}, {"a": 2.5}, set()),
        ({"a": 1}, {"a": "1"}, {".a: number was recorded, string is said"}),
        ({"a": 1}, {}, {".a: number was recorded, nothing is said"}),
        ([{"a": True}], [], set()),
        (
            [{"a": True}],
            [{"b": True}],
            {"[].a: bool was recorded, nothing is said", "[].b: nothing was recorded, bool is said"},
        ),
        ({"a": None}, {"a": {"b": 1}}, {"`a` is null on one side"}),
    ],
)
def test_a_difference_of_shape_is_seen(recorded: Any, said: Any, found: set[str]) -> None:
    assert shape_differences(recorded, said) == found


async def test_a_recorded_relay_session_goes_the_same_way(simulate: Opener, shared: Path) -> None:
    """The events are real ones with real signatures, so every frame must come back as it was recorded."""
    reader = await simulate()
    lines = (shared / "fixtures" / "nostr" / "relay_session.jsonl").read_text().splitlines()
    sockets = {}
    for line in map(json.loads, lines):
        if line["conn"] not in sockets:
            sockets[line["conn"]] = await reader.session.ws_connect(reader.simulator.bases[0] + "/nostr")
        socket = sockets[line["conn"]]
        if line["dir"] == "out":
            await socket.send_json(line["frame"])
        else:
            assert json.loads(await socket.receive_str()) == line["frame"]
    assert len(lines) == 34
    for socket in sockets.values():
        await socket.close()


async def test_the_recorded_nip_11_document_has_the_same_keys(simulate: Opener, shared: Path) -> None:
    reader = await simulate()
    recorded = json.loads((shared / "fixtures" / "nostr" / "nip11_nostr-relay.json").read_text())
    url = reader.simulator.bases[0] + "/nostr"
    async with reader.session.get(url, headers={"Accept": "application/nostr+json"}) as answer:
        assert shape_differences(recorded, await answer.json(content_type=None)) == set()
