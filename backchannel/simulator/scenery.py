"""Photographs of the mill, in flat colours: each motif draws itself into width by height pixels."""

from collections.abc import Callable
from math import sin
from random import Random

from PIL import ImageDraw, ImageFont

Motif = Callable[[ImageDraw.ImageDraw, int, int], None]
_NOTES = ("#ffd75e", "#ff9fb2", "#8fd3ff", "#b9e28c")


def crowd_row(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw the backs of heads along the lower edge, and one raised telephone."""
    rng = Random("crowd")
    for row, shade in ((0.90, "#0c0f16"), (1.0, "#050709")):
        x = -60.0
        while x < width:
            radius = width * rng.uniform(0.032, 0.045)
            top = height * row - radius
            draw.ellipse((x, top - radius, x + 2 * radius, top + radius * 1.4), fill=shade)
            draw.ellipse((x - radius, top + radius * 0.7, x + 3 * radius, top + radius * 6), fill=shade)
            x += radius * rng.uniform(2.6, 3.6)
    draw.rounded_rectangle((width * 0.64, height * 0.72, width * 0.68, height * 0.84), 12, fill="#9cc7e8")


def _sky(draw: ImageDraw.ImageDraw, width: int, height: int, top: str, bottom: str) -> None:
    first, last = (tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5)) for colour in (top, bottom))
    for y in range(height):
        mixed = [a + (b - a) * y // height for a, b in zip(first, last, strict=True)]
        draw.line((0, y, width, y), fill=(mixed[0], mixed[1], mixed[2]))


def draw_mill(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw a brick front with lit windows, a chimney, an evening sky."""
    _sky(draw, width, height, "#2a2f5b", "#f0a35e")
    draw.rectangle((width * 0.78, height * 0.05, width * 0.83, height * 0.6), fill="#6d2f27")
    draw.rectangle((width * 0.08, height * 0.32, width * 0.92, height * 0.9), fill="#8a3d30")
    rng = Random("mill")
    for row in range(3):
        for column in range(9):
            x, y = width * (0.115 + column * 0.088), height * (0.40 + row * 0.16)
            lit = "#ffd98a" if rng.random() < 0.45 else "#3a2733"
            draw.rounded_rectangle((x, y, x + width * 0.05, y + height * 0.11), width * 0.022, fill=lit)
    draw.rectangle((0, height * 0.9, width, height), fill="#241c22")


def draw_room(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw a long hall with arches, rows of chairs, a stage at its end."""
    _sky(draw, width, height, "#5b3a2d", "#a8704c")
    for step in range(4):
        inset = step * width * 0.075
        box = (
            width * 0.06 + inset,
            height * 0.06 + inset * 0.7,
            width * 0.94 - inset,
            height * 1.3 - inset * 1.2,
        )
        draw.rounded_rectangle(
            box, width * 0.3 - inset, fill=("#6d4634", "#835643", "#9a6a50", "#f3d9a6")[step]
        )
    draw.rectangle((width * 0.33, height * 0.56, width * 0.67, height * 0.62), fill="#7d2c54")
    for row in range(6):
        y, spread = height * (0.66 + row * 0.062), 0.17 + row * 0.055
        for seat in range(11):
            x = width * (0.5 + spread * (seat - 5) / 2.6)
            draw.rounded_rectangle((x, y, x + width * 0.045, y + height * 0.05), 10, fill="#2b2a33")
    far = height * 0.62
    aisle = (width * 0.47, far, width * 0.53, far, width * 0.6, height, width * 0.4, height)
    draw.polygon(aisle, fill="#b98a63")


def draw_stage(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """People in a cone of light, the audience before them."""
    draw.rectangle((0, 0, width, height), fill="#0d1020")
    draw.polygon((width * 0.42, 0, width * 0.58, 0, width * 0.86, height * 0.8, width * 0.14, height * 0.8),
                 fill="#3a3550")  # fmt: skip
    draw.ellipse((width * 0.16, height * 0.68, width * 0.84, height * 0.86), fill="#f0d9a0")
    people = (("#b8432f", "#8a5a35"), ("#2e6db0", "#f0c7a0"), ("#3e7f5a", "#5b3623"))
    for number, (cloth, skin) in enumerate(people):
        x, foot = width * (0.36 + number * 0.14), height * 0.78
        draw.rounded_rectangle((x - 50, foot - 300, x + 50, foot), 46, fill=cloth)
        draw.ellipse((x - 42, foot - 385, x + 42, foot - 295), fill=skin)
    crowd_row(draw, width, height)


def draw_coffee(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw a cup on a window sill in slanting light."""
    _sky(draw, width, height, "#f6d9a8", "#c77f4f")
    for number in range(3):
        x = width * (0.1 + number * 0.28)
        draw.polygon(
            (x, 0, x + width * 0.12, 0, x - width * 0.1, height, x - width * 0.26, height), fill="#fbe6bf"
        )
    draw.rectangle((0, height * 0.78, width, height), fill="#7b4033")
    _draw_cup(draw, width * 0.5, height * 0.78, height * 0.34)


def _draw_cup(draw: ImageDraw.ImageDraw, x: float, floor: float, size: float) -> None:
    handle = (x + size * 0.25, floor - size * 0.75, x + size * 0.75, floor - size * 0.25)
    draw.ellipse(handle, outline="#fdfaf2", width=int(size * 0.09))
    draw.rounded_rectangle(
        (x - size / 2, floor - size * 0.9, x + size / 2, floor), size * 0.2, fill="#fdfaf2"
    )
    draw.ellipse((x - size / 2, floor - size, x + size / 2, floor - size * 0.78), fill="#4a2a1a")
    for shift in (-0.18, 0.06, 0.28):
        steam = [
            (x + size * (shift + 0.05 * (step % 2)), floor - size * (1.05 + step * 0.13)) for step in range(5)
        ]
        draw.line(steam, fill="#fffdf6", width=int(size * 0.04), joint="curve")


def draw_board(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw a whiteboard full of sticky notes."""
    draw.rectangle((0, 0, width, height), fill="#c9c4ba")
    draw.rounded_rectangle((width * 0.05, height * 0.07, width * 0.95, height * 0.93), 20, fill="#fbfbf9")
    rng = Random("board")
    for column in range(8):
        for row in range(4):
            if rng.random() < 0.2:
                continue
            x = width * (0.08 + column * 0.107) + rng.uniform(-14, 14)
            y = height * (0.13 + row * 0.195) + rng.uniform(-12, 12)
            side = width * 0.085
            draw.rectangle((x, y, x + side, y + side), fill=rng.choice(_NOTES))
            for line in range(rng.randint(1, 3)):
                top = y + side * (0.25 + line * 0.22)
                draw.line(
                    (x + side * 0.15, top, x + side * rng.uniform(0.5, 0.85), top), fill="#4a4a4a", width=5
                )


def draw_sketch(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw a notebook page: a river with small boats."""
    draw.rectangle((0, 0, width, height), fill="#e8dfcb")
    draw.rectangle((width * 0.08, height * 0.04, width * 0.92, height * 0.96), fill="#fffdf4")
    for bend in range(3):
        level = height * (0.38 + bend * 0.14)
        points = [(width * (0.1 + x / 250), level + height * 0.04 * sin(x / 9 + bend)) for x in range(201)]
        draw.line(points, fill="#4d8fb3", width=9, joint="curve")
    words = ("ask", "wait", "answer", "soup", "bench")
    for number, word in enumerate(words):
        x, y = width * (0.18 + number * 0.15), height * (0.36 + 0.11 * (number % 3))
        draw.polygon((x - 70, y, x + 70, y, x + 42, y + 42, x - 42, y + 42), outline="#33302a", width=7)
        draw.polygon((x, y - 120, x + 66, y - 12, x, y - 12), outline="#33302a", width=7)
        draw.text((x, y + 62), word, fill="#33302a", font=ImageFont.load_default(44), anchor="mt")


def draw_bench(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Benches under a tree in a yard."""
    _sky(draw, width, height, "#bfe0f2", "#f5ecd2")
    draw.rectangle((0, height * 0.68, width, height), fill="#8fae6b")
    draw.rectangle((width * 0.475, height * 0.36, width * 0.525, height * 0.72), fill="#6b4a32")
    for x, y, radius in ((0.42, 0.26, 0.14), (0.56, 0.22, 0.16), (0.5, 0.36, 0.13)):
        box = (
            width * (x - radius),
            height * y - width * radius,
            width * (x + radius),
            height * y + width * radius,
        )
        draw.ellipse(box, fill="#4f7d46")
    for left in (0.12, 0.62):
        x, seat = width * left, height * 0.78
        draw.rounded_rectangle((x, seat, x + width * 0.26, seat + 34), 12, fill="#8b5a2e")
        draw.rounded_rectangle((x, seat - 130, x + width * 0.26, seat - 70), 12, fill="#9a6636")
        for leg in (0.03, 0.22):
            draw.rectangle((x + width * leg, seat + 30, x + width * leg + 24, seat + 130), fill="#4f331a")


def draw_soup(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Bowls on a wooden table, seen from above."""
    draw.rectangle((0, 0, width, height), fill="#8c5a34")
    for plank in range(1, 6):
        draw.line((0, height * plank / 6, width, height * plank / 6), fill="#6f4425", width=8)
    for x, y, radius in ((0.28, 0.4, 0.2), (0.72, 0.34, 0.17), (0.58, 0.8, 0.18)):
        for grow, colour in ((1.0, "#f5f0e4"), (0.84, "#efe2bd"), (0.3, "#fffdf6"), (0.15, "#f2b632")):
            size = width * radius * grow * 0.75
            shift = width * radius * 0.2 if grow < 0.5 else 0
            x0, y0 = width * x + shift, height * y - shift
            draw.ellipse((x0 - size, y0 - size, x0 + size, y0 + size), fill=colour)
    draw.rounded_rectangle((width * 0.06, height * 0.74, width * 0.26, height * 0.92), 50, fill="#5a3418")


def draw_cat(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw a cat asleep on a keyboard."""
    draw.rectangle((0, 0, width, height), fill="#d9cdb8")
    draw.rectangle((width * 0.2, height * 0.06, width * 0.8, height * 0.46), fill="#22303c")
    draw.text(
        (width * 0.23, height * 0.12),
        "jjjjjjjjjjjjjjjj\njjjjjjjj",
        fill="#c7f0d8",
        font=ImageFont.load_default(90),
    )
    draw.rounded_rectangle((width * 0.14, height * 0.62, width * 0.86, height * 0.9), 30, fill="#f0efec")
    for row in range(3):
        for key in range(14):
            x, y = width * (0.165 + key * 0.049), height * (0.65 + row * 0.08)
            draw.rounded_rectangle((x, y, x + width * 0.038, y + height * 0.055), 10, fill="#cfcdc8")
    draw.ellipse((width * 0.3, height * 0.44, width * 0.74, height * 0.84), fill="#7d828a")
    draw.ellipse((width * 0.24, height * 0.46, width * 0.42, height * 0.72), fill="#8a9098")
    for ear in (0.27, 0.36):
        tip = (width * (ear + 0.02), height * 0.4)
        draw.polygon(
            ((width * ear, height * 0.52), tip, (width * (ear + 0.045), height * 0.5)), fill="#8a9098"
        )
    draw.arc((width * 0.28, height * 0.57, width * 0.32, height * 0.61), 0, 180, fill="#33363b", width=8)
    draw.arc((width * 0.35, height * 0.57, width * 0.39, height * 0.61), 0, 180, fill="#33363b", width=8)


def draw_train(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw a platform in the evening sun, a train coming in."""
    _sky(draw, width, height, "#ef9a5b", "#ffe3ae")
    draw.rounded_rectangle((width * 0.45, height * 0.3, width * 1.1, height * 0.72), 90, fill="#2f5d7c")
    for window in range(5):
        x = width * (0.53 + window * 0.1)
        draw.rounded_rectangle((x, height * 0.38, x + width * 0.075, height * 0.52), 20, fill="#ffe9b8")
    draw.rectangle((0, height * 0.72, width, height), fill="#6b5b53")
    draw.rectangle((0, height * 0.72, width, height * 0.74), fill="#f6d365")
    for number in range(7):
        x, foot = width * (0.07 + number * 0.08), height * (0.86 + 0.03 * (number % 2))
        draw.rounded_rectangle((x - 36, foot - 210, x + 36, foot), 34, fill="#33262b")
        draw.ellipse((x - 30, foot - 272, x + 30, foot - 208), fill="#33262b")
        draw.rectangle((x + 36, foot - 110, x + 86, foot - 40), fill="#e0773c")


def draw_note(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Something small in the middle of a wooden seat: a folded note and a pebble."""
    draw.rectangle((0, 0, width, height), fill="#a3723f")
    for plank in range(1, 4):
        draw.line((0, height * plank / 4, width, height * plank / 4), fill="#6b4723", width=18)
    corners = ((0.34, 0.3), (0.64, 0.26), (0.68, 0.66), (0.37, 0.7))
    draw.polygon([(width * x, height * y) for x, y in corners], fill="#fdf8ea")
    for line in range(5):
        y = height * (0.37 + line * 0.055)
        draw.line((width * 0.39, y + 10, width * (0.6 - 0.02 * line), y - 8), fill="#4a5a78", width=7)
    draw.ellipse((width * 0.56, height * 0.5, width * 0.68, height * 0.64), fill="#6d6f73")


def draw_bell(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw a ship's bell on a table."""
    _sky(draw, width, height, "#20364a", "#3f6076")
    draw.rectangle((0, height * 0.8, width, height), fill="#5a3a22")
    x, unit = width * 0.45, height * 0.1
    draw.pieslice((x - 2 * unit, unit, x + 2 * unit, 9 * unit), 180, 360, fill="#e0b04a")
    draw.rectangle((x - 2 * unit, 5 * unit, x + 2 * unit, 7 * unit), fill="#e0b04a")
    draw.rounded_rectangle((x - 2.6 * unit, 6.7 * unit, x + 2.6 * unit, 7.3 * unit), 30, fill="#c9972f")
    draw.ellipse((x - 0.5 * unit, 7.1 * unit, x + 0.5 * unit, 8.1 * unit), fill="#8a6a22")
    for card in range(5):
        top = height * 0.79 - card * 18
        draw.rectangle((width * 0.72, top, width * 0.9, top + 14), fill="#f4efe2" if card % 2 else "#d9d2c0")


def draw_sticker(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw a sheet of round yellow stickers with a banana each."""
    draw.rectangle((0, 0, width, height), fill="#e9e6df")
    for column in range(4):
        for row in range(3):
            x, y, size = width * (0.14 + column * 0.24), height * (0.18 + row * 0.32), height * 0.14
            draw.ellipse((x - size, y - size, x + size, y + size), fill="#ffd84d")
            box = (x - size * 0.6, y - size * 0.8, x + size * 0.6, y + size * 0.4)
            draw.arc(box, 20, 160, fill="#7a5b12", width=int(size * 0.22))
            font = ImageFont.load_default(size * 0.16)
            draw.text((x, y + size * 0.62), "Bananas of inclusion", fill="#4a3708", font=font, anchor="mm")


MOTIFS: dict[str, Motif] = {
    "mill": draw_mill, "room": draw_room, "stage": draw_stage, "coffee": draw_coffee, "board": draw_board,
    "sketch": draw_sketch, "bench": draw_bench, "soup": draw_soup, "cat": draw_cat, "train": draw_train,
    "note": draw_note, "bell": draw_bell, "sticker": draw_sticker,
}  # fmt: skip
"""Every motif by its name in the play."""
