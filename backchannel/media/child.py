"""The work of the child process that decodes foreign pictures (see `child_process/inside.py`).

Whatever a decoder is talked into, it can here only use up this process. Never imported by the server.

    request  ">4sI"  format, most work;       then the picture's bytes
    answer   ">BII"  outcome, width, height;  then WebP, or the reason in UTF-8

Work is pixels, times the scans in which a progressive JPEG brings them.
"""

import os
import struct
import warnings
from io import BytesIO

from PIL import Image, ImageCms, ImageOps

REQUEST = struct.Struct(">4sI")
ANSWER = struct.Struct(">BII")
UNREADABLE, MADE, TOO_MUCH = range(3)

MAX_PIXELS = 20_000_000
MAX_WORK = 20 * MAX_PIXELS
MAX_SIDE = 1600
QUALITY = 85
METHOD = 1
"""Of WebP's encoder: half the time of the usual 4, for files that are hardly larger."""

# What a decoder says about a picture it cannot read. Anything else is a crash, and means no as well.
_UNREADABLE = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, MemoryError,
    struct.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


class TooMuch(Exception):
    """A picture that takes more work than was granted for it now."""


def reencode(data: bytes, kind: str, most: int = MAX_WORK) -> tuple[bytes, int, int]:
    """WebP of the picture's first frame, upright, in sRGB, without metadata, and its width and height.

    Of a moving picture no frame but the first is decoded, so the number of frames costs nothing. Raises
    TooMuch where its header says that it takes more than `most` work.
    """
    with Image.open(BytesIO(data), formats=[kind]) as opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width} x {height} pixels are more than {MAX_PIXELS}")
        work = width * height * _scans(opened, data)
        if work > MAX_WORK:
            raise ValueError(f"{width} x {height} pixels in {work // (width * height)} scans are too many")
        if work > most:
            raise TooMuch
        if opened.format == "JPEG":
            opened.draft(None, (MAX_SIDE, MAX_SIDE))
        opened.load()
        picture = _upright(opened)
    picture = _in_srgb(picture)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    made = BytesIO()
    picture.save(made, "WEBP", quality=QUALITY, method=METHOD, icc_profile=b"", exif=b"", xmp=b"")
    return made.getvalue(), picture.width, picture.height


def _scans(opened: Image.Image, data: bytes) -> int:
    """Return how often the decoder goes over the whole picture.

    38 kB can hold a thousand scans of 14 million pixels. No byte of a scan looks like its beginning, so
    there are never more than are counted.
    """
    return max(1, data.count(b"\xff\xda")) if opened.info.get("progressive") else 1


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF says; broken EXIF turns nothing."""
    try:
        return ImageOps.exif_transpose(picture)
    except _UNREADABLE:
        return picture.copy()


def _in_srgb(picture: Image.Image) -> Image.Image:
    """RGB, or RGBA where something is transparent. Colours follow the profile, as far as it is readable."""
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    profile = picture.info.get("icc_profile")
    if profile and picture.mode in ("RGB", "RGBA", "CMYK"):
        try:
            converted = ImageCms.profileToProfile(
                picture,
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGBA" if picture.mode == "RGBA" else "RGB",
            )
        except (ImageCms.PyCMSError, *_UNREADABLE):
            converted = None
        picture = converted or picture
    if picture.mode.startswith("I;16"):
        picture = picture.point(lambda level: level / 256).convert("L")
    return picture if picture.mode == mode else picture.convert(mode)


def answer(request: bytes) -> bytes:
    """Make one picture."""
    kind, most = REQUEST.unpack_from(request)
    try:
        made, width, height = reencode(request[REQUEST.size :], kind.decode("ascii").strip(), most)
        return ANSWER.pack(MADE, width, height) + made
    except TooMuch:
        return ANSWER.pack(TOO_MUCH, 0, 0)
    except _UNREADABLE as error:
        return ANSWER.pack(UNREADABLE, 0, 0) + f"{type(error).__name__}: {error}"[:200].encode()


def prepare() -> None:
    """Load every module that the work needs: later no file can be opened."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    os.nice(5)  # a picture is in less of a hurry than a page
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        sample = BytesIO()
        Image.new("P", (2, 2)).convert("RGB" if kind in ("JPEG", "WEBP") else "P").save(sample, kind)
        reencode(sample.getvalue(), kind)
