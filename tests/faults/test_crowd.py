"""A crowd from the moderator's own address, at 1,024 descriptors: a word is heard, and walls go on."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import ClientSession

from tests.conftest import Tell
from tests.kit.http_server import blog
from tests.kit.program import RunningProgram, config_text, serving

SILENT, BUSY = 1500, 600
WORDS = 10
PATH = "/api/v1/posts?limit=200"


class Crowd:
    """A crowd in a process of its own; at its end `got` holds what it got."""

    def __init__(self, said: asyncio.StreamReader) -> None:
        self._said = said
        self.got: dict[str, int] = {}

    async def until(self, word: bytes) -> None:
        """Wait until it has come so far once more."""
        async with asyncio.timeout(60):
            while (line := await self._said.readline()) != word + b"\n":
                assert line, "the crowd is gone"


@asynccontextmanager
async def crowd(url: str) -> AsyncIterator[Crowd]:
    """All of it has tried to come in."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).parent / "crowd.py"),
        str(urlsplit(url).port), str(SILENT), str(BUSY), PATH, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    there = Crowd(process.stdout)
    try:
        await there.until(b"tries")
        yield there
    finally:
        process.terminate()
        said, _ = await process.communicate()
        there.got = json.loads(said.splitlines()[-1])


async def watch(server: RunningProgram, gaps: list[float], ready: asyncio.Event) -> None:
    """A wall: how long it heard nothing, each time."""
    async with ClientSession() as web, web.ws_connect(f"{server.url}/live", max_msg_size=0) as live:
        await live.receive_json()
        before = time.monotonic()
        async for _ in live:
            now = time.monotonic()
            gaps.append(now - before)
            before = now
            ready.set()


def status_of(server: RunningProgram, name: str) -> int:
    """A figure of the process, in KiB."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


async def say_alone(server: RunningProgram, verdict: str, subject: str) -> float:
    """A word over a connection of its own, as the command says it. Gives the seconds it took."""
    async with ClientSession() as web:
        began, server.http = time.monotonic(), web
        async with asyncio.timeout(60):
            status, answer = await server.say(verdict, subject)
        assert (status, answer["saved"]) == (200, True), answer
        return time.monotonic() - began


async def test_in_a_crowd_a_moderators_word_is_heard_and_walls_go_on(tmp_path: Path, tell: Tell) -> None:
    async with blog() as one:
        for number in range(200):
            one.write(f"old-{number}", f"post {number} {'with words of an ordinary length ' * 6}")
        source = f"{{kind: feed, feeds: ['{one.feed}'], poll_s: 1, floor_s: 1}}"
        async with serving(tmp_path, config=config_text(source), descriptors=1024) as server:
            await server.until(lambda said: len(said["posts"]) >= 20)
            gaps: list[float] = []
            ready = asyncio.Event()
            wall = asyncio.create_task(watch(server, gaps, ready))
            await ready.wait()
            before = status_of(server, "VmRSS")
            session, took = server.http, []
            async with crowd(server.url) as there:
                for number in range(WORDS):
                    one.entries.update({f"flood-{number}-{n}": f"flood {number} {n}" for n in range(20)})
                    took.append(await say_alone(server, "hide", one.permalink(f"old-{number}")))
                    took.append(await say_alone(server, "blank", ""))
                    await there.until(b"answers")
            server.http = session
            peak = status_of(server, "VmHWM")
            assert not wall.done(), "the wall was sent away"
            wall.cancel()
            await server.until(lambda said: said["posts"])
    took.sort()
    tell(
        f"a crowd of {SILENT} silent sockets and {BUSY} busy pages from one address, 1,024 descriptors\n"
        f"  they got {there.got}\n"
        f"  {len(took)} words of a moderator: median {took[len(took) // 2]:.3f} s, longest {took[-1]:.3f} s\n"
        f"  longest a wall heard nothing: {max(gaps):.1f} s; "
        f"RSS before {before // 1024} MB, at its peak {peak // 1024} MB; log lines: {len(server.lines)}"
    )
    assert len(server.lines) < 100, server.lines[-20:]
    assert there.got["answers"] > 0
    assert peak - before < 300 * 1024
    assert max(gaps) < 10, "a wall would have gone dark"
