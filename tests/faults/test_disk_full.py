"""A real full disk: a small tmpfs, filled to the last byte while the program runs on it."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.kit.http_server import blog
from tests.kit.program import config_text, serving


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A tmpfs of 6 MB; it takes root to make one."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(folder: Path) -> Path:
    """Not one byte is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    assert os.statvfs(folder).f_bavail == 0
    return filler


async def test_wall_and_hide_go_on_on_a_full_disk_over_a_kill_and_all_recovers_by_itself(
    small_disk: Any,
) -> None:
    async with blog() as source:
        for name in ("one", "two", "three"):
            source.write(name, f"words of {name}")
        config = config_text(f"{{kind: feed, feeds: ['{source.feed}'], poll_s: 1, floor_s: 1}}")
        async with serving(small_disk, config=config) as server:
            await server.until_texts("words of one", "words of two", "words of three")
            filler = fill(small_disk)
            status, answer = await server.say("hide", source.permalink("one"), why="not on our wall")
            assert (status, answer["saved"]) == (200, False)
            assert sorted(await server.texts()) == ["words of three", "words of two"]
            assert "words of one" not in await server.page("/wall")
            status, answer = await server.say("show", source.permalink("two"))
            assert status == 503
            assert "full" in answer["message"]
            source.write("four", "words of four")
            health = await server.until(lambda answer: answer["trouble"], "/healthz")
            assert health["status"] != "ok"
            assert health["unsaved"] == 1
            await server.kill()

        async with serving(small_disk) as server:
            assert sorted(await server.texts()) == ["words of three", "words of two"]
            assert (await server.get("/healthz"))["unsaved"] == 1
            status, answer = await server.say("hide", source.permalink("two"))
            assert (status, answer["saved"]) == (200, False)
            assert await server.texts() == ["words of three"]
            filler.unlink()
            await server.until(lambda answer: answer["unsaved"] == 0 and not answer["trouble"], "/healthz")
            await server.until_texts("words of three", "words of four")
            await server.kill()

        async with serving(small_disk) as server:
            await server.until_texts("words of three", "words of four")
            assert (await server.get("/healthz"))["unsaved"] == 0
