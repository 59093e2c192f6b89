"""Pictures made for tests, and small views of what became of them."""

import os
import struct
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

from PIL import Image

from backchannel.clock import Clock
from tests.kit.raw_server import reply

RED, BLUE = (255, 0, 0), (0, 0, 255)
CLOCK = Clock()


def picture(
    kind: str = "PNG", size: tuple[int, int] = (40, 30), colour: object = RED, **options: object
) -> bytes:
    """The bytes of a picture in one colour."""
    made = BytesIO()
    mode = "RGBA" if isinstance(colour, tuple) and len(colour) == 4 else "RGB"
    Image.new(mode, size, colour).save(made, kind, **options)  # type: ignore[arg-type]
    return made.getvalue()


def png(width: int, height: int, raw: bytes, bits: int = 1) -> bytes:
    """A greyscale PNG that says whatever it is told to say."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", raw) + chunk(b"IEND", b"")


def opened(data: bytes) -> Image.Image:
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image


def files(store_folder: Path) -> list[str]:
    return sorted(os.listdir(store_folder / "media"))


def always(data: bytes) -> Callable[[str, Mapping[str, str]], bytes]:
    return lambda path, headers: reply(data)


def many_scans(more: int) -> bytes:
    """A progressive JPEG of 16 million pixels that ends in so many more scans of its last coefficients.

    Each says in a few bytes that a run of blocks has nothing to add, and is looked through all the same.
    """
    made = BytesIO()
    Image.new("L", (4000, 4000), 128).save(made, "JPEG", progressive=True)
    whole = made.getvalue()
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * (more + 1) + whole[-2:]


def peak_kb() -> int:
    """The most memory this process ever held, since it was last reset."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
