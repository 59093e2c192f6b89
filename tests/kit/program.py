"""The real program as a process of its own, and a blog that it reads: for tests that kill and fill disks."""

import asyncio
import json
import os
import re
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import ClientPayloadError, ClientSession

from backchannel.secret_files import SecretStore
from tests.kit.clocks import until

ROOT = Path(__file__).parents[2]
PATIENCE_S = 100.0


def config_text(
    *sources: str, policy: str = "open", delay_s: float = 0, server: str = "", event: str = ""
) -> str:
    """A config.yaml for a test; `sources` are YAML flow maps."""
    listed = "".join(f"\n  - {source}" for source in sources) or " []"
    return (
        "event: {name: Test Conference, hashtags: [conf], timezone: Europe/Berlin, start: 2026-11-20,"
        f" end: 2036-11-28, collect_from: 2000-01-01{event}}}\n"
        f"server: {{port: 0, data: data, allow_addresses: [127.0.0.0/8]{server}}}\n"
        f"sources:{listed}\n"
        f"wall: {{policy: {policy}, delay_s: {delay_s}}}\n"
    )


class NotServing(Exception):
    """It ended instead: its exit code, and what it said."""


class RunningProgram:
    """The running program. `lines` is what it has said so far."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process, http: ClientSession) -> None:
        self.folder, self.process, self.http = folder, process, http
        self.url = ""
        self.lines: list[str] = []
        self._reader = asyncio.ensure_future(self._read())
        self._up = asyncio.Event()

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())
            if found := re.search(r"(https?://[^/]+)/wall is for the screen", self.lines[-1]):
                self.url = found[1]
                self._up.set()

    async def is_up(self) -> None:
        """Wait for its address."""
        ended = asyncio.ensure_future(self.process.wait())
        up = asyncio.ensure_future(self._up.wait())
        await asyncio.wait((ended, up), timeout=PATIENCE_S, return_when="FIRST_COMPLETED")
        ended.cancel()
        up.cancel()
        if not self.url:
            await self.process.wait()
            await self._reader
            raise NotServing(self.process.returncode, "\n".join(self.lines))

    async def get(self, path: str) -> Any:
        """JSON of this path."""
        return json.loads(await self.page(path))

    async def page(self, path: str) -> str:
        """The words of this path. An answer is cut off when something in it is taken down: ask again."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(ClientPayloadError):
                    async with self.http.get(self.url + path, ssl=False) as answer:
                        return await answer.text()

    async def say(self, verdict: str, subject: str = "", **more: object) -> tuple[int, dict[str, Any]]:
        """A person's word, with the token of the data folder."""
        token = SecretStore.read(self.folder / "data").control_token
        body = {"verdict": verdict, "subject": subject, **more}
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.post(
            self.url + "/api/v1/rulings", json=body, headers=headers, ssl=False
        ) as answer:
            return answer.status, await answer.json()

    async def texts(self) -> list[str]:
        """Words of the newest 200, newest first."""
        return [post["text"] for post in (await self.get("/api/v1/posts?limit=200"))["posts"]]

    async def until(self, is_so: Callable[[Any], bool], path: str = "/api/v1/posts?limit=200") -> Any:
        """Ask until the answer is as wanted."""
        answer = None

        async def is_as_wanted() -> bool:
            nonlocal answer
            answer = await self.get(path)
            return is_so(answer)

        await until(is_as_wanted, patience_s=PATIENCE_S)
        return answer

    async def until_said(self, *words: str) -> None:
        """Wait for a line with these words in it."""
        await until(lambda: any(all(word in line for word in words) for line in self.lines))

    async def until_texts(self, *wanted: str) -> None:
        """Ask until exactly these are on the board."""

        async def is_there() -> bool:
            return sorted(await self.texts()) == sorted(wanted)

        await until(is_there, patience_s=PATIENCE_S)

    async def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        await self._reader


@asynccontextmanager
async def serving(
    folder: Path, *options: str, config: str = "", descriptors: int = 0
) -> AsyncIterator[RunningProgram]:
    """`backchannel serve` on this folder's config.yaml, which is written first where it is given.

    `descriptors`: as many files and sockets it may have open, where that is not left to the system.
    """

    def limit() -> None:
        if descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    if config:
        (folder / "config.yaml").write_text(config, "utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backchannel", "serve", "--config", str(folder / "config.yaml"), *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=limit,
    )  # fmt: skip
    async with ClientSession() as http:
        served = RunningProgram(folder, process, http)
        try:
            await served.is_up()
            yield served
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 60)
                except TimeoutError:
                    process.kill()
                    await process.wait()
            await served._reader
