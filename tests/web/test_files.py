"""The front end and the pictures, over loopback."""

import asyncio
import hashlib
import os

import pytest
from aiohttp import ClientSession

from tests.kit.front import Front, get_text

HASH = hashlib.sha256(b"picture").hexdigest()


async def test_the_front_end_is_served_with_its_types(served: Front, web: ClientSession) -> None:
    (served.folder / "static" / "fonts").mkdir()
    for name, kind in (
        ("wall.js", "text/javascript"),
        ("wall.css", "text/css"),
        ("fonts/a.woff2", "font/woff2"),
    ):
        (served.folder / "static" / name).write_bytes(b"content")
        async with web.get(f"/static/{name}") as response:
            assert (response.status, response.content_type) == (200, kind)
            assert await response.read() == b"content"


async def test_the_worker_stands_at_the_root(served: Front, web: ClientSession) -> None:
    (served.folder / "static" / "sw.js").write_bytes(b"worker")
    async with web.get("/sw.js") as response:
        assert (response.status, response.content_type) == (200, "text/javascript")
        assert response.headers["Cache-Control"] == "no-cache"


async def test_what_has_not_changed_is_not_sent_again(served: Front, web: ClientSession) -> None:
    (served.folder / "static" / "wall.js").write_text("export {}")
    async with web.get("/static/wall.js") as response:
        tag = response.headers["ETag"]
    async with web.get("/static/wall.js", headers={"If-None-Match": tag}) as response:
        assert response.status == 304
    (served.folder / "static" / "wall.js").write_text("export {}; // changed")
    async with web.get("/static/wall.js", headers={"If-None-Match": tag}) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/fonts",
        "/static/fonts/",
        "/static/.secret.js",
        "/static/%2e%2e/secret.js",
        "/static/..%2fsecret.js",
        "/static//etc/passwd",
        "/static/link.js",
        "/static/notes.md",
        "/static/a%00.js",
    ],
)
async def test_nothing_else_is_served(served: Front, web: ClientSession, path: str) -> None:
    static = served.folder / "static"
    (static / "fonts").mkdir()
    for file in (static / ".secret.js", served.folder / "secret.js", static / "notes.md"):
        file.write_text("secret")
    (static / "link.js").symlink_to(served.folder / "secret.js")
    reader, writer = await asyncio.open_connection("127.0.0.1", served.number)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"secret" not in answer
    writer.close()


@pytest.fixture
async def picture(served: Front) -> int:
    """A card with a picture that we hold."""
    (served.folder / "media" / f"{HASH}.webp").write_bytes(b"RIFF")
    return served.stage.say("look", pictures=[HASH])


async def test_a_picture_of_a_card_is_served_as_nothing_but_a_picture(
    picture: int, web: ClientSession
) -> None:
    async with web.get(f"/media/{HASH}.webp") as response:
        assert (response.status, response.content_type) == (200, "image/webp")
        assert response.headers["Content-Security-Policy"] == "sandbox"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in response.headers["Cache-Control"]
        assert await response.read() == b"RIFF"


async def test_a_picture_goes_with_the_veil_at_once_and_with_the_log(
    served: Front, web: ClientSession, picture: int
) -> None:
    path = f"/media/{HASH}.webp"
    await get_text(web, path, 200)
    served.stage.veil(picture)
    await get_text(web, path, 404)
    served.stage.store(picture)
    await get_text(web, path, 404)


async def test_a_picture_stays_while_another_card_uses_it(
    served: Front, web: ClientSession, picture: int
) -> None:
    other = served.stage.say("look again", pictures=[HASH])
    served.stage.veil(picture)
    await get_text(web, f"/media/{HASH}.webp", 200)
    served.stage.say("another picture now", key=other)
    await get_text(web, f"/media/{HASH}.webp", 404)


async def test_a_file_that_no_card_uses_is_not_served(served: Front, web: ClientSession) -> None:
    (served.folder / "media" / f"{HASH}.webp").write_bytes(b"RIFF")
    await get_text(web, f"/media/{HASH}.webp", 404)
    await get_text(web, "/media/../secret.webp", 404)


async def test_a_picture_whose_file_is_gone_is_not_found(
    served: Front, web: ClientSession, picture: int
) -> None:
    os.unlink(served.folder / "media" / f"{HASH}.webp")
    await get_text(web, f"/media/{HASH}.webp", 404)
