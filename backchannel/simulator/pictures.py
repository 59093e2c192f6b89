"""The conference's pictures, drawn from nothing: slides, charts, photographs, portraits, emoji.

Deterministic: the same picture has the same bytes on every run. Everything is drawn at twice its size and
scaled down, which is all the smoothing it needs.
"""

import asyncio
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO

from aiohttp import web
from PIL import Image, ImageDraw, ImageFont

from backchannel.simulator.people import CAST
from backchannel.simulator.portraits import draw_portrait
from backchannel.simulator.scenery import MOTIFS, crowd_row
from backchannel.simulator.script import PictureKind, ScriptedPost, Sketch

SIZES: dict[PictureKind, tuple[int, int]] = {
    "slide": (1200, 675), "chart": (1200, 675), "photo": (1200, 800), "portrait": (400, 400),
    "emoji": (128, 128), "card": (1200, 630),
}  # fmt: skip
_SCALE = 2


class Gallery:
    """The pictures that anybody may ask for, by the name in the address."""

    def __init__(self) -> None:
        self._pictures: dict[str, Sketch] = {}
        self.offer(Sketch("portrait", key) for key in CAST)
        self.offer(Sketch("emoji", name) for name in ("openideas", "applause"))

    def hear(self, said: ScriptedPost) -> None:
        """Offer what a post shows."""
        self.offer(said.pictures)
        if said.card:
            self.offer([Sketch("card", said.card.title)])

    def offer(self, pictures: Iterable[Sketch]) -> None:
        """Make these known."""
        self._pictures |= {picture.name: picture for picture in pictures}

    def find(self, name: str) -> Sketch | None:
        """Return the picture of that name."""
        return self._pictures.get(name)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer with the picture that a route's `{name}` stands for."""
        picture = self.find(request.match_info["name"])
        if picture is None:
            raise web.HTTPNotFound
        content = await asyncio.to_thread(png, picture)
        headers = {"Content-Type": "image/png", "Cache-Control": "max-age=315569952, immutable"}
        return web.Response(body=content, headers=headers)


@lru_cache(maxsize=256)
def png(picture: Sketch) -> bytes:
    """Return the picture as a PNG file. Some tens of milliseconds: not for an event loop."""
    width, height = SIZES[picture.kind]
    mode, ground = ("RGBA", "#0000") if picture.kind == "emoji" else ("RGB", "#10141c")
    image = Image.new(mode, (width * _SCALE, height * _SCALE), ground)
    draw = ImageDraw.Draw(image)
    if picture.kind == "portrait":
        draw_portrait(draw, CAST[picture.words].look, width * _SCALE)
    elif picture.kind == "emoji":
        _draw_emoji(draw, picture.words, width * _SCALE)
    elif picture.kind == "photo":
        MOTIFS.get(picture.words, MOTIFS["room"])(draw, image.width, image.height)
    elif picture.kind == "chart":
        _draw_chart(draw, picture.words, image.width, image.height)
    else:
        _draw_slide(draw, picture, image.width, image.height)
    out = BytesIO()
    image.resize((width, height), Image.Resampling.LANCZOS).save(out, "PNG", optimize=False, compress_level=6)
    return out.getvalue()


def _draw_slide(draw: ImageDraw.ImageDraw, picture: Sketch, width: int, height: int) -> None:
    """Draw a bright screen in a dark hall; a `card` is the screen alone."""
    is_slide = picture.kind == "slide"
    if is_slide:
        left, top, right, bottom = width * 0.24, height * 0.10, width * 0.80, height * 0.62
        for step in range(8, 0, -1):
            grow, shade = step * width * 0.010, 24 + (8 - step) * 5
            box = (left - grow, top - grow, right + grow, bottom + grow)
            draw.rounded_rectangle(box, grow, fill=(shade // 2, shade - 4, shade + 12))
    else:
        left, top, right, bottom = 0, 0, width, height
    draw.rectangle((left, top, right, bottom), fill="#dfeaec")
    lines = picture.words.split(" / ")
    room = (right - left) * 0.8
    size = min((bottom - top) * 0.26, room / max(map(len, lines)) * 2.0)
    for number, line in enumerate(lines):
        font = ImageFont.load_default(size * (1 if number == 0 else 0.6))
        y = (top + bottom) / 2 + (number - (len(lines) - 1) / 2) * size * 1.3
        draw.text(((left + right) / 2, y), line, fill="#1d3440", font=font, anchor="mm")
    under = (left + right) / 2 - room * 0.2
    draw.rectangle(
        (under, bottom - height * 0.08, under + room * 0.4, bottom - height * 0.065), fill="#e0773c"
    )
    if is_slide:
        _draw_speaker(draw, width, height)
        crowd_row(draw, width, height)


def _draw_speaker(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    x, floor = width * 0.87, height * 0.78
    draw.rectangle((0, floor, width, height), fill="#1a1f2b")
    draw.rounded_rectangle((x - 45, floor - 230, x + 45, floor + 20), 44, fill="#c4453c")
    draw.line((x - 30, floor - 190, x - 150, floor - 250), fill="#c4453c", width=30)
    draw.ellipse((x - 38, floor - 315, x + 38, floor - 235), fill="#d9a075")
    draw.pieslice((x - 42, floor - 322, x + 42, floor - 240), 180, 360, fill="#2a1712")


def _draw_chart(draw: ImageDraw.ImageDraw, words: str, width: int, height: int) -> None:
    title, *values = words.split(" / ")
    draw.rectangle((0, 0, width, height), fill="#f4f1ea")
    draw.text(
        (width * 0.08, height * 0.1), title, fill="#1d3440", font=ImageFont.load_default(height * 0.075)
    )
    bars = [float(value) for value in values]
    slot = width * 0.84 / len(bars)
    for number, bar in enumerate(bars):
        x, top = width * 0.08 + number * slot, height * (0.88 - 0.58 * bar / max(bars))
        colour = "#e0773c" if number == len(bars) - 1 else "#8fb3bd"
        draw.rounded_rectangle((x + slot * 0.12, top, x + slot * 0.88, height * 0.88), 16, fill=colour)
        font = ImageFont.load_default(height * 0.06)
        draw.text((x + slot / 2, top - height * 0.05), f"{bar:g} %", fill="#1d3440", font=font, anchor="mm")
    draw.line((width * 0.06, height * 0.88, width * 0.94, height * 0.88), fill="#1d3440", width=6)


def _draw_emoji(draw: ImageDraw.ImageDraw, name: str, size: int) -> None:
    draw.ellipse((0, 0, size - 1, size - 1), fill="#ffb84a")
    if name == "applause":
        for shift in (-0.11, 0.11):
            x = size * (0.5 + shift)
            draw.rounded_rectangle((x - 26, size * 0.26, x + 26, size * 0.76), 24, fill="#7d2c54")
        return
    for step, radius in enumerate((0.34, 0.24, 0.14)):
        box = [size * (0.5 - radius)] * 2 + [size * (0.5 + radius)] * 2
        draw.arc(box, 40 + step * 60, 320 + step * 60, fill="#14100a", width=size // 16)
