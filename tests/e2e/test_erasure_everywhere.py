"""Erasure on the running program: no canary in any file, also when the network serves the post again."""

import hashlib
import io
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect

from backchannel.clock import Clock
from backchannel.sources.nostr.wire import sign_event
from tests.e2e.relay import running_relay
from tests.kit.http_server import listening
from tests.kit.program import RunningProgram, config_text, serving

CANARIES = ("canarytext", "canaryhandle", "canaryalt", "canaryreason")


def drawn(seed: int) -> bytes:
    """A picture that is like no other."""
    noise = random.Random(seed).randbytes(64 * 64 * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (64, 64), noise).save(file, "PNG")
    return file.getvalue()


@asynccontextmanager
async def gallery(pictures: dict[str, bytes]) -> AsyncIterator[str]:
    """These pictures over HTTP; gives the address before their names."""

    async def serve(request: web.Request) -> web.Response:
        return web.Response(body=pictures[request.match_info["name"]], content_type="image/png")

    app = web.Application()
    app.router.add_get("/{name}.png", serve)
    async with listening(app) as address:
        yield address


async def publish(relay: ClientConnection, author: str, kind: int, content: str, *tags: list[str]) -> str:
    """A signed event, taken by the relay. Gives its id."""
    key = hashlib.sha256(author.encode()).digest()
    event = sign_event(key, created_at=int(Clock().real()), kind=kind, tags=tags, content=content)
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    await relay.send(json.dumps(["EVENT", fields]))
    while (answer := json.loads(await relay.recv()))[0] != "OK":
        continue
    assert answer[2], answer
    return event.id


def held(folder: Path) -> dict[str, bytes]:
    """Every file of the data folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def found(folder: Path, *canaries: bytes) -> set[tuple[str, bytes]]:
    """Which canary is in which file, its name included."""
    return {
        (name, canary)
        for name, data in held(folder).items()
        for canary in canaries
        if canary in data or canary.decode("latin-1") in name
    }


async def names(server: RunningProgram) -> list[str]:
    return sorted(post["text"].split()[0] for post in (await server.get("/api/v1/posts"))["posts"])


@pytest.mark.e2e
@pytest.mark.timeout(180)
async def test_what_is_erased_is_in_no_file_and_stays_out(tmp_path: Path, root: Path) -> None:
    pictures = {"secret": drawn(1), "other": drawn(2)}
    secret = hashlib.sha256(pictures["secret"]).hexdigest().encode()
    data = tmp_path / "data"
    with running_relay(root, tmp_path / "relay") as relay:
        async with gallery(pictures) as at, connect(relay.url) as speaker:
            await publish(
                speaker, "victim", 0, json.dumps({"name": "canaryhandle", "picture": f"{at}/secret.png"})
            )
            victim = await publish(
                speaker, "victim", 1, f"canarytext #conf {at}/secret.png", ["t", "conf"],
                ["imeta", f"url {at}/secret.png", "m image/png", "alt canaryalt"],
            )  # fmt: skip
            await publish(speaker, "quoter", 1, "quoting #conf", ["t", "conf"], ["q", victim])
            await publish(speaker, "stranger", 1, f"stranger #conf {at}/other.png", ["t", "conf"])
            config = config_text(
                f"{{kind: nostr, relays: ['{relay.url}']}}",
                server=f", allow_pictures: ['{at.removeprefix('http://')}']",
            )
            async with serving(tmp_path, config=config) as server:
                posts = await server.until(lambda answer: len(answer["posts"]) == 3)
                assert {"canaryalt"} == {m["alt"] for p in posts["posts"] for m in p["media"] if m.get("alt")}
                key = next(str(p["key"]) for p in posts["posts"] if p["text"].startswith("canarytext"))
                quoting = next(p for p in posts["posts"] if p["text"].startswith("quoting"))
                assert "canarytext" in quoting["html"]
                async with server.http.get(f"{server.url}/media/{secret.decode()}.webp") as picture:
                    canaries = [
                        *(canary.encode() for canary in CANARIES),
                        secret,
                        (await picture.read())[-64:],
                    ]
                assert (await server.say("hide", key, why="canaryreason"))[0] == 200
                assert (await server.say("undo", key, why="canaryreason"))[0] == 200
                there = {canary for _, canary in found(data, *canaries)}
                assert there == {*canaries}, "the canaries were there"
                status, answer = await server.say("erase", key)
                assert (status, answer["saved"]) == (200, True)
                assert found(data, *canaries) == set()
                assert await names(server) == ["stranger"]
            async with serving(tmp_path) as server:  # which reads what the relay has kept once more
                await server.until(lambda answer: len(answer["posts"]) == 2)
                assert await names(server) == ["quoting", "stranger"]
                assert "canarytext" not in await server.page("/wall")
                assert found(data, *canaries) == set()
                assert (await server.get("/api/v1/posts?q=canarytext"))["posts"] == []
            assert found(data, *canaries) == set()
            assert any(hashlib.sha256(pictures["other"]).hexdigest() in name for name in held(data))
