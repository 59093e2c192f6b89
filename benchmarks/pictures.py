"""The cost of strangers' pictures for everybody else: how long honest posts wait for their avatars.

    python -m benchmarks.pictures [SCENE ...]

Each scene runs `backchannel serve` as a process of its own, with three feeds and real servers of pictures on
loopback. In one feed stand the posts that the scene is named for, in two others honest posts come, each by
another author with an avatar of its own. Printed is how long each of these stood in the log before it was
shown, beyond the configured delay (none). The scene `names` needs a resolver that never answers, and makes
one in namespaces of its own.
"""

import argparse
import asyncio
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import NamedTuple

from aiohttp import web
from PIL import Image

from backchannel.clock import Clock, to_utc
from backchannel.log.sqlite import SqliteLog
from backchannel.model import Posted, Ruled, Settled
from backchannel.secret_files import SecretStore
from backchannel.start import key_check
from backchannel.terminal import say
from tests.kit.program import RunningProgram, serving

CLOCK = Clock()
HONEST = 12
EVERY_S = 1.0
SHORT = 4
PATIENCE_S = 240.0
IN_A_READING = 200

Handler = Callable[[web.Request], "asyncio.Future[web.StreamResponse]"]


def avatar(size: int = 400) -> bytes:
    """Return a JPEG that costs about as much as a photograph of a face."""
    grain = Image.effect_noise((size // 4, size // 4), 60).convert("RGB")
    made = BytesIO()
    grain.resize((size, size), Image.Resampling.BICUBIC).save(made, "JPEG", quality=85)
    return made.getvalue()


def laborious() -> bytes:
    """Return a JPEG that takes its decoder seconds, within all limits."""
    made = BytesIO()
    Image.effect_noise((4400, 4400), 80).convert("RGB").save(made, "JPEG", progressive=True, quality=70)
    whole = made.getvalue()
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * 9 + whole[-2:]


class Feed:
    """A JSON feed in which every item has its own author."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: list[dict[str, object]] = []

    def write(self, words: str, *, by: str, avatar: str = "", pictures: Iterable[str] = ()) -> None:
        number = len(self.items)
        self.items.append(
            {
                "id": f"{self.name}-{number}",
                "url": f"https://{self.name}.example/{number}",
                "content_text": words,
                "tags": ["conf"],
                "date_published": to_utc(CLOCK.now()).isoformat(),
                "authors": [{"name": by, "avatar": avatar or None}],
                "attachments": [{"url": url, "mime_type": "image/jpeg"} for url in pictures],
            }
        )

    async def serve(self, _: web.Request) -> web.Response:
        newest = self.items[-IN_A_READING:]
        return web.json_response(
            {"version": "https://jsonfeed.org/version/1.1", "title": self.name, "items": newest[::-1]}
        )


class PictureServers:
    """Servers of pictures. Every path is another picture: bytes after its end make another hash."""

    def __init__(self) -> None:
        self.ordinary, self.slow = avatar(), laborious()

    async def quick(self, request: web.Request) -> web.Response:
        return web.Response(body=self.ordinary + request.path.encode(), content_type="image/jpeg")

    async def heavy(self, request: web.Request) -> web.Response:
        return web.Response(body=self.slow + request.path.encode(), content_type="image/jpeg")

    async def silent(self, _: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody wakes it")

    async def dribbling(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100000"})
        with suppress(ConnectionError):
            await answer.prepare(request)
            while True:
                await answer.write(b"\xff")
                await CLOCK.sleep(0.9)
        return answer


class Testbed(NamedTuple):
    """The servers on which a scene is played. `quick`, …: addresses of servers, without a path."""

    crowd: Feed
    others: tuple[Feed, Feed]
    quick: str
    heavy: str
    silent: str
    dribbling: str


def silent(stage: Testbed) -> None:
    """12 posts with 16 pictures each that never come, or a byte in 0.9 s."""
    for n in range(12):
        host = stage.silent if n % 2 else stage.dribbling
        stage.crowd.write(f"silent {n}", by="Eve", pictures=[f"{host}/{n}/{m}" for m in range(16)])


def many_authors(stage: Testbed) -> None:
    """Flood with the same by 150 authors on one host, as fast as they are read."""
    for n in range(150):
        stage.crowd.write(
            f"silent {n}", by=f"Eve {n}", pictures=[f"{stage.silent}/{n}/{m}" for m in range(4)]
        )


def slow(stage: Testbed) -> None:
    """32 posts with a JPEG each that takes the decoder seconds."""
    for n in range(32):
        stage.crowd.write(f"slow {n}", by="Eve", pictures=[f"{stage.heavy}/{n}"])


def names(stage: Testbed) -> None:
    """32 posts with pictures on hosts whose names are never answered."""
    for n in range(32):
        stage.crowd.write(f"name {n}", by="Eve", pictures=[f"http://host{n}.example/{n}.jpg"])


def flood(stage: Testbed) -> None:
    """83 posts a second, each with an ordinary avatar of its own."""


SCENES = {one.__name__: one for one in (silent, slow, names, flood, many_authors)}


class RunReport(NamedTuple):
    """The log's account of a run: seconds that each post waited, honest ones apart; and how it went on."""

    honest: list[float]
    crowd: list[float]
    avatars: int
    shown_before_the_crowd: int


async def read(folder: Path, honest: frozenset[str]) -> RunReport:
    """Read what a run has left in its log."""
    data = folder / "data"
    log = SqliteLog(data / "log.db", key_check=key_check(SecretStore.read(data).mark_key))
    taken: dict[str, float] = {}
    shown: dict[str, float] = {}
    with_avatar: set[str] = set()
    order: list[tuple[str, bool]] = []
    async for entries in log.after(0):
        for entry in entries:
            match entry.event:
                case Posted(post):
                    taken[post.id] = entry.at
                case Settled(post_id, _, hash_):
                    order.append((post_id, False))
                    if hash_:
                        with_avatar.add(post_id)
                case Ruled(_, post_id, "show"):
                    order.append((post_id, True))
                    shown.setdefault(post_id, entry.at)
                case _:
                    pass
    await log.close()
    waits = {post_id: at - taken[post_id] for post_id, at in shown.items()}
    is_honest = {post_id: any(name in post_id for name in honest) for post_id in taken}
    lasts = [n for n, (post_id, is_show) in enumerate(order) if not is_honest[post_id] and not is_show]
    if any(not is_honest[post_id] and post_id not in shown for post_id in taken):
        lasts = []  # it is not done yet
    before = sum(is_show and is_honest[post_id] for post_id, is_show in order[: lasts[-1] if lasts else None])
    return RunReport(
        [wait for post_id, wait in waits.items() if is_honest[post_id]],
        [wait for post_id, wait in waits.items() if not is_honest[post_id]],
        sum(is_honest[post_id] for post_id in with_avatar),
        before,
    )


@asynccontextmanager
async def site(host: str, **handlers: Callable[[web.Request], object]) -> AsyncIterator[str]:
    """Serve at a free port of this address: a name's path, or everything by `all`."""
    app = web.Application()
    for name, handler in handlers.items():
        app.router.add_get("/{path:.*}" if name == "all" else f"/{name}.json", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, 0).start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


def configuration(feeds: str, pictures: Iterable[str]) -> str:
    listed = "".join(
        f"\n  - {{kind: feed, name: {name}, feeds: ['{feeds}/{name}.json'], poll_s: 1, floor_s: 0.5}}"
        for name in ("crowd", "one", "two")
    )
    hosts = ", ".join(f'"{url.partition("//")[2]}"' for url in pictures)
    return (
        "event: {name: Pictures, hashtags: [conf], timezone: Europe/Berlin, start: 2026-11-20,"
        " end: 2036-11-28, collect_from: 2000-01-01}\n"
        f"server: {{port: 0, data: data, allow_addresses: [127.0.0.0/8], allow_pictures: [{hosts}]}}\n"
        f"sources:{listed}\nwall: {{policy: open, delay_s: 0}}\n"
    )


async def play(name: str, folder: Path, *, honest: int = HONEST, every_s: float = EVERY_S) -> RunReport:
    """Run a scene until every honest post is on the board, and its flood to the end."""
    pictures = PictureServers()
    crowd, one, two = Feed("crowd"), Feed("one"), Feed("two")
    async with AsyncExitStack() as stack:
        feeds = await stack.enter_async_context(
            site("127.0.0.1", crowd=crowd.serve, one=one.serve, two=two.serve)
        )
        urls = [
            await stack.enter_async_context(site(f"127.0.0.{n}", all=handler))
            for n, handler in enumerate(
                (pictures.quick, pictures.heavy, pictures.silent, pictures.dribbling), start=2
            )
        ]
        stage = Testbed(crowd, (one, two), *urls)
        SCENES[name](stage)
        config = configuration(feeds, urls)
        served = await stack.enter_async_context(serving(folder, config=config))
        flood_s = 0 if name != "flood" else 20 if honest == HONEST else 3
        await _honestly(stage, served, honest, every_s, flood_s=flood_s)
    return await read(folder, frozenset({"one-", "two-"}))


async def _honestly(
    stage: Testbed, served: RunningProgram, count: int, every_s: float, *, flood_s: int
) -> None:
    """Let honest posts come, and wait until all of them are seen."""
    for n in range(max(count, flood_s * 2)):
        if n < count:
            for feed in stage.others:
                feed.write(f"honest {feed.name} {n}", by=f"Ada {n}", avatar=f"{stage.quick}/{feed.name}/{n}")
        for m in range(42 if n < flood_s * 2 else 0):
            stage.crowd.write(f"flood {n} {m}", by=f"Guest {n} {m}", avatar=f"{stage.quick}/f/{n}/{m}")
        await CLOCK.sleep(0.5 if flood_s else every_s)
    wanted = {f"honest {feed.name} {n}" for feed in stage.others for n in range(count)}
    if flood_s:  # these have pushed all others off the newest 200 by then
        wanted = {str(item["content_text"]) for item in stage.crowd.items[-20:]}
    async with asyncio.timeout(PATIENCE_S):
        while not wanted <= {*await served.texts()}:
            await CLOCK.sleep(0.2)


def command(name: str, *options: str) -> list[str]:
    """Runs this scene; `names` in namespaces of its own, where nobody answers what a name is asked."""
    here = [sys.executable, "-m", "benchmarks.pictures", *options, name]
    return ["unshare", "-Urnm", *here, "--inside"] if name == "names" else here


def never_resolve(folder: Path) -> socket.socket:
    """Inside: loopback up, and a silent name server on it. The socket is to be kept."""
    control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    request = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
    fcntl.ioctl(control, 0x8914, request)  # SIOCSIFFLAGS
    control.bind(("127.0.0.53", 53))
    (folder / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    there = os.path.realpath("/etc/resolv.conf")
    subprocess.run(["mount", "--bind", str(folder / "resolv.conf"), there], check=True)
    return control


def told(name: str, run: RunReport) -> None:
    """Print it."""
    asked = (SCENES[name].__doc__ or "").strip()
    say(f"{name}: {asked}")
    for who, waits in (("honest", run.honest), ("the scene's own", run.crowd)):
        if waits:
            say(f"  {who}: {len(waits)} shown, median {median(waits):.2f} s, longest {max(waits):.2f} s")
    say(f"  honest avatars: {run.avatars}; honest posts shown before the crowd was done: "
        f"{run.shown_before_the_crowd}")  # fmt: skip


def main() -> None:
    """Entry of the command."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("scenes", nargs="*", metavar="SCENE", help=", ".join(SCENES), default=[*SCENES])
    asks.add_argument("--short", action="store_true", help="a few honest posts only")
    asks.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = asks.parse_args()
    options = ["--short"] if asked.short else []
    for name in asked.scenes:
        if name == "names" and not asked.inside:
            if subprocess.run(command(name, *options), check=False).returncode:
                sys.exit(f"{name}: it needs namespaces of its own (`unshare -Urnm`)")
            continue
        with tempfile.TemporaryDirectory(prefix="backchannel-") as folder:
            kept = never_resolve(Path(folder)) if asked.inside else None
            several, every_s = (SHORT, 0.5) if asked.short else (HONEST, EVERY_S)
            told(name, asyncio.run(play(name, Path(folder), honest=several, every_s=every_s)))
            if kept:
                kept.close()


if __name__ == "__main__":
    main()
