"""What goes again."""

import asyncio
from pathlib import Path

import pytest

from backchannel.media import MediaStore
from tests.kit.pictures import BLUE, CLOCK, RED, always, files, picture
from tests.kit.raw_server import answering, hostile, reply


async def test_a_sweep_takes_what_no_post_names(store: MediaStore, tmp_path: Path) -> None:
    async with answering(
        lambda path, headers: reply(picture(colour=RED if path == "/r" else BLUE))
    ) as server:
        red, blue = await store.settle(f"{server.url}/r"), await store.settle(f"{server.url}/b")
        assert red is not None
        assert blue is not None
        (tmp_path / "media" / f"{'0' * 64}.1234abcd.tmp").write_bytes(b"left by a crash")
        for number in range(60):
            (tmp_path / "media" / f"{number:064x}.webp").write_bytes(b"of a run before this one")
        assert await store.sweep({red.hash}) == 62
        assert files(tmp_path) == [f"{red.hash}.webp"]
        assert store.open(blue.hash) is None


async def test_closing_ends_what_is_on_its_way(store: MediaStore) -> None:
    async with hostile() as server:
        waiting = asyncio.create_task(store.settle(f"{server.url}/silence"))
        await CLOCK.sleep(0)
        await store.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_what_was_swept_is_fetched_again_when_it_is_wanted_again(store: MediaStore) -> None:
    async with answering(always(picture())) as server:
        first = await store.settle(server.url)
        await store.sweep(set())
        again = await store.settle(server.url)
        assert first is not None
        assert first == again
        assert store.open(first.hash) is not None
        assert server.hits == 2


async def test_a_sweep_spares_what_is_settled_and_not_yet_in_the_log(store: MediaStore) -> None:
    async with answering(always(picture())) as server:
        async with store.settled(server.url) as settled:
            assert settled is not None
            assert await store.sweep(set()) == 0
            assert store.open(settled.hash) is not None
        assert await store.sweep(set()) == 1


async def test_a_sweep_under_way_spares_what_was_released_after_its_start(store: MediaStore) -> None:
    async with answering(always(picture())) as server:
        async with store.settled(server.url) as settled:
            sweeping = asyncio.create_task(store.sweep(set()))
            await CLOCK.sleep(0)
        await sweeping
        assert settled is not None
        assert store.open(settled.hash) is not None
