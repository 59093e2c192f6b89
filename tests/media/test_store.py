"""What is kept."""

import asyncio
import gzip
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from backchannel.bugs import Bugs
from backchannel.fetch import Fetcher, Response
from backchannel.media import MediaStore
from backchannel.media.decoders import Decoders
from backchannel.media.places import Claim, Ticket
from backchannel.media.stages import SIDE
from tests.kit.clocks import until
from tests.kit.pictures import BLUE, CLOCK, RED, always, files, opened, peak_kb, picture
from tests.kit.raw_server import answering, hostile, reply, serving


async def test_a_picture_is_kept_under_the_hash_of_its_original_bytes(
    store: MediaStore, tmp_path: Path
) -> None:
    data = picture()
    async with answering(always(data)) as server:
        settled = await store.settle(server.url)
    assert settled is not None
    assert (settled.hash, settled.width, settled.height) == (sha256(data).hexdigest(), 40, 30)
    path = store.open(settled.hash)
    assert path is not None
    assert opened(path.read_bytes()).format == "WEBP"
    assert files(tmp_path) == [f"{settled.hash}.webp"]


async def test_the_header_of_an_answer_is_not_believed(store: MediaStore, tmp_path: Path) -> None:
    html = reply(b"<script>", headers="Content-Type: image/png\r\n")
    text = reply(picture(), headers="Content-Type: text/html\r\n")
    async with answering(lambda path, headers: html if path == "/x.png" else text) as server:
        assert await store.settle(f"{server.url}/x.png") is None
        assert await store.settle(f"{server.url}/y.html") is not None
    assert len(files(tmp_path)) == 1


async def test_what_a_server_gives_later_is_not_taken(store: MediaStore, tmp_path: Path) -> None:
    async with serving_in_turn(picture(colour=RED), picture(colour=BLUE)) as (url, served):
        first = await store.settle(url)
        again = await store.settle(url)
        assert first == again
        assert first is not None
        assert served() == 1
    path = store.open(first.hash)
    assert path is not None
    assert opened(path.read_bytes()).convert("RGB").getpixel((9, 9))[0] > 240  # type: ignore[index]


def serving_in_turn(*pictures: bytes) -> "_InTurn":
    return _InTurn(pictures)


class _InTurn:
    """A server that gives one picture after the other for the same address."""

    def __init__(self, pictures: Sequence[bytes]) -> None:
        self._left = list(pictures)
        self._served = 0
        self._server = answering(self._answer)

    def _answer(self, _path: str, _headers: Mapping[str, str]) -> bytes:
        self._served += 1
        return reply(self._left.pop(0))

    async def __aenter__(self) -> tuple[str, Callable[[], int]]:
        return (await self._server.__aenter__()).url, lambda: self._served

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__(None, None, None)


async def test_all_who_want_one_address_wait_for_one_request(store: MediaStore) -> None:
    async with answering(always(picture())) as server:
        got = await asyncio.gather(*(store.settle(server.url) for _ in range(10)))
        assert len(set(got)) == 1
        assert got[0] is not None
        assert server.hits == 1


async def test_one_who_gives_up_does_not_end_it_for_the_others(store: MediaStore) -> None:
    gate, here = asyncio.Event(), asyncio.Event()

    async def handle(_path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        here.set()
        await gate.wait()
        writer.write(reply(picture()))

    async with serving(handle) as server:
        hasty = asyncio.create_task(store.settle(server.url))
        patient = asyncio.create_task(store.settle(server.url))
        await here.wait()
        hasty.cancel()
        gate.set()
        assert await patient is not None
        assert server.hits == 1


@pytest.mark.parametrize("answer", [reply(picture(), status="404 Not Found"), reply(b"x" * 5000), reply(b"")])
async def test_a_picture_that_is_not_there_is_not_asked_for_with_every_post(
    answer: bytes, store: MediaStore
) -> None:
    async with answering(lambda path, headers: answer) as server:
        assert await store.settle(server.url) is None
        assert await store.settle(server.url) is None
        assert server.hits == 1


async def test_a_picture_above_the_cap_is_dropped(
    tmp_path: Path, fetcher: Fetcher, decoders: Decoders
) -> None:
    small = MediaStore(tmp_path / "media", fetcher, CLOCK, decoders=decoders, max_bytes=100)
    async with answering(always(picture("PNG", (400, 400)))) as server:
        assert await small.settle(server.url) is None
    await small.close()


async def test_a_picture_may_be_of_8_mib_and_no_larger(store: MediaStore) -> None:
    for longer, is_taken in ((0, True), (1, False)):
        data = picture() + bytes((8 << 20) - len(picture()) + longer)  # what follows a picture is passed over
        async with answering(always(data)) as server:
            assert bool(await store.settle(server.url)) is is_taken


@pytest.mark.parametrize("mode", ["silence", "slow_body", "endless_body", "gzip_bomb", "redirect_loop"])
async def test_a_hostile_server_costs_a_picture_its_deadline_and_no_more(
    mode: str, tmp_path: Path, fetcher: Fetcher, decoders: Decoders
) -> None:
    hurried = MediaStore(tmp_path / "media", fetcher, CLOCK, decoders=decoders, late_s=0.5)
    async with hostile() as server:
        assert await hurried.settle(f"{server.url}/{mode}") is None
    await hurried.close()
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "url", ["", "data:image/png;base64,AAAA", "file:///etc/passwd", "http://10.0.0.1/a.png"]
)
async def test_an_address_that_is_refused_is_a_dropped_picture(url: str, store: MediaStore) -> None:
    assert await store.settle(url) is None


@pytest.mark.parametrize("name", ["", "../log.db", "a" * 63, "A" * 64, "a" * 64, "a" * 64 + "\n"])
async def test_what_is_no_hash_we_hold_opens_nothing(name: str, store: MediaStore) -> None:
    assert store.open(name) is None


async def test_a_disk_that_comes_back_in_time_costs_no_picture(store: MediaStore, tmp_path: Path) -> None:
    (tmp_path / "media").rmdir()
    async with answering(always(picture())) as server:
        with capture_logs() as logs:
            settling = asyncio.create_task(store.settle(server.url))
            await until(lambda: any(line["event"] == "picture not stored" for line in logs))
        (tmp_path / "media").mkdir()
        assert await settling is not None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, full of one file."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a tmpfs here")
    yield disk
    subprocess.run(["umount", disk], check=True)


async def test_a_full_disk_drops_a_picture_and_voids_it_not_for_ever(
    small_disk: Path, fetcher: Fetcher, decoders: Decoders
) -> None:
    store = MediaStore(small_disk / "media", fetcher, CLOCK, decoders=decoders, late_s=5)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(1 << 20))
    await decoders.reencode(picture(), Ticket("", Claim()))
    async with answering(always(picture())) as server:
        with capture_logs() as logs:
            assert await store.settle(server.url) is None
        assert "picture not stored" in [line["event"] for line in logs]
        assert files(small_disk) == []
        filler.unlink()
        assert await store.settle(server.url) is not None
    await store.close()


async def test_a_mistake_of_ours_costs_one_picture_and_is_counted(tmp_path: Path, decoders: Decoders) -> None:
    class Mistaken(Fetcher):
        """A library below raises what nobody expected."""

        async def get(self, url: str, **options: object) -> Response:
            raise IndexError("a bug of ours")

    bugs = Bugs()
    fetcher = Mistaken(user_agent="test", clock=CLOCK)
    store = MediaStore(tmp_path / "media", fetcher, CLOCK, decoders=decoders, bugs=bugs)
    with capture_logs() as logs:
        assert await store.settle("http://a.example/") is None
        assert await store.settle("http://b.example/") is None
    assert bugs.count == 2
    assert "a bug of ours, contained" in [line["event"] for line in logs]
    await store.close()


async def test_a_slow_picture_that_made_room_for_others_is_not_taken_for_one_that_is_not_there(
    tmp_path: Path, fetcher: Fetcher, decoders: Decoders
) -> None:
    store = MediaStore(tmp_path / "media", fetcher, CLOCK, decoders=decoders, slow_s=0.01)
    gate = asyncio.Event()

    async def handle(_path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(reply(picture()))

    async with serving(handle) as server:
        claim = Claim("net", "eve")
        slow = [asyncio.create_task(store.settle(f"{server.url}/{n}", claim)) for n in range(SIDE[2] + 1)]
        await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
        gate.set()
        got = await asyncio.gather(*slow)
        assert [bool(one) for one in got].count(False) == 1
        cut = got.index(None)
        assert await store.settle(f"{server.url}/{cut}", claim) is not None
    await store.close()


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_many_large_pictures_at_once_are_not_all_in_memory(
    encoding: str, tmp_path: Path, fetcher: Fetcher, decoders: Decoders
) -> None:
    store = MediaStore(tmp_path / "media", fetcher, CLOCK, decoders=decoders, slow_s=120, late_s=120)
    data = picture() + bytes((8 << 20) - len(picture()))
    whole = reply(
        gzip.compress(data, 1) if encoding else data,
        headers=f"Content-Encoding: {encoding}\r\n" if encoding else "",
    )

    async def handle(_path: str, _headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        for at in range(0, len(whole), 65536):
            writer.write(memoryview(whole)[at : at + 65536])
            await writer.drain()

    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serving(handle)) for _ in range(6)]
        Path("/proc/self/clear_refs").write_text("5")
        before = peak_kb()
        wanted = (
            store.settle(f"{server.url}/{n}", Claim(f"net{n}", f"ada{m}"))
            for m, server in enumerate(servers)
            for n in range(8)
        )
        got = await asyncio.gather(*wanted)
    assert peak_kb() - before < 160 << 10, "48 of them are 400 MB"
    assert all(got)
    await store.close()
