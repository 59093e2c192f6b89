"""What foreign pictures cost: bombs, damage, and children that hang or die."""

import random
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from PIL import Image

from backchannel.child_process import ChildDied
from backchannel.media.worker import WORK, DecodeTimeout, UnusablePicture, Worker, sniff
from tests.kit.pictures import peak_kb, picture, png

BOMBS = {
    "header claims 900 million pixels": png(30000, 30000, zlib.compress(b"\0")),
    "20 kB of PNG are 500 MB of RGB": png(13000, 13000, zlib.compress(bytes(13000 * 1626), 9)),
    "one pixel row of 20 million": png(20_000_001, 1, zlib.compress(b"\0")),
    "more data than pixels": png(8, 8, zlib.compress(bytes(50 << 20), 9)),
    "gif screen of 65535 x 65535": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
    "webp of 16384 x 16384": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\x3f\0\xff\x3f\0" + bytes(8),
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_does_not_go_off_here(bomb: str, worker: Worker) -> None:
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_kb()
    try:
        await worker.reencode(BOMBS[bomb])
    except UnusablePicture:
        pass
    else:
        assert bomb == "more data than pixels", "only this one holds a small picture"
    assert peak_kb() - before < 64 << 10
    assert (await worker.reencode(picture())).width == 40


async def test_the_largest_picture_allowed_fits_into_the_childs_memory(worker: Worker) -> None:
    assert (await worker.reencode(picture("PNG", (5000, 4000), (1, 2, 3, 128)))).width == 1600
    with pytest.raises(UnusablePicture, match=r"20004000"):
        await worker.reencode(picture("PNG", (5001, 4000)))


async def test_every_truncated_or_mutated_picture_is_made_or_refused_by_the_same_child(
    worker: Worker,
) -> None:
    seen = {True: 0, False: 0}
    for data in _damaged(random.Random(7)):
        if not sniff(data):
            continue
        try:
            await worker.reencode(data)
        except UnusablePicture:
            seen[False] += 1
        else:
            seen[True] += 1
    assert worker.started == 1
    assert min(seen.values()) > 20, seen


def _damaged(chance: random.Random) -> Iterator[bytes]:
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        whole = picture(kind, (9, 7), exif=Image.Exif())
        for end in range(12, len(whole), 3):
            yield whole[:end]
        for _ in range(100):
            copy = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                copy[chance.randrange(12, len(copy))] = chance.randrange(256)
            yield bytes(copy)


MOODY = f"""
import importlib.util, os, signal
spec = importlib.util.spec_from_file_location("child", {str(WORK)!r})
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
prepare, answer, real = child.prepare, child.answer, child.reencode
def reencode(data, kind, *most):
    made = real(data, kind, *most)
    if made[1] == 77: signal.pause()
    if made[1] == 99: os.kill(os.getpid(), signal.SIGSEGV)
    if made[1] == 55: bytearray(2 << 30)
    return made
child.reencode = reencode
"""
"""The real child, with tempers by the width of the picture, after its limits are in force."""


@pytest.fixture
async def moody(tmp_path: Path) -> AsyncIterator[Worker]:
    work = tmp_path / "moody.py"
    work.write_text(MOODY)
    made = Worker(work, job_s=8)
    yield made
    await made.close()


async def test_a_child_that_hangs_or_dies_is_replaced(moody: Worker) -> None:
    with pytest.raises(DecodeTimeout, match="not decoded within 8 s"):
        await moody.reencode(picture(size=(77, 9)))
    with pytest.raises(ChildDied):
        await moody.reencode(picture(size=(99, 9)))
    assert (await moody.reencode(picture())).width == 40
    assert moody.started == 3


async def test_a_decoder_that_takes_too_much_memory_costs_its_picture_alone(moody: Worker) -> None:
    with pytest.raises(UnusablePicture, match="MemoryError"):
        await moody.reencode(picture(size=(55, 9)))
    assert moody.started == 1
