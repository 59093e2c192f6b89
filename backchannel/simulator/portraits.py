"""Faces of the cast: a disc of colour, shoulders, a head and what makes it somebody's."""

from PIL import ImageDraw

from backchannel.simulator.people import Appearance

_DARK = "#14100a"


def draw_portrait(draw: ImageDraw.ImageDraw, look: Appearance, size: int) -> None:
    """Draw a square portrait of `size` pixels."""
    unit = size / 100
    draw.rectangle((0, 0, size, size), fill=look.ground)
    if not look.skin:
        _draw_sign(draw, look, unit)
        return
    if look.hair in ("scarf", "long"):
        _blob(draw, (22, 14, 78, 104), look.hair_colour, unit)
    if look.hair == "bun":
        _oval(draw, (40, 4, 60, 24), look.hair_colour, unit)
    _oval(draw, (14, 74, 86, 140), look.cloth, unit)
    draw.rounded_rectangle(_scaled((43, 58, 57, 82), unit), 6 * unit, fill=_shaded(look.skin))
    _draw_hair_behind(draw, look, unit)
    _oval(draw, (32, 24, 68, 70), look.skin, unit)
    _draw_hair(draw, look, unit)
    if look.extra == "beard":
        draw.pieslice(_scaled((32, 34, 68, 74), unit), 15, 165, fill=look.hair_colour)
        draw.rounded_rectangle(_scaled((43, 57, 57, 60), unit), unit, fill=_shaded(look.skin))
    if look.extra == "glasses":
        for left in (35, 52):
            draw.rounded_rectangle(
                _scaled((left, 42, left + 13, 53), unit), 4 * unit, outline=_DARK, width=int(2 * unit)
            )
        draw.line(_scaled((48, 46, 52, 46), unit), fill=_DARK, width=int(2 * unit))


def _draw_hair_behind(draw: ImageDraw.ImageDraw, look: Appearance, unit: float) -> None:
    if look.hair in ("short", "bun", "grey"):
        _oval(draw, (29, 17, 71, 60), look.hair_colour, unit)
    elif look.hair == "curly":
        for x, y in ((24, 24), (34, 14), (48, 10), (62, 15), (70, 26), (22, 38), (72, 40)):
            _oval(draw, (x - 6, y - 4, x + 12, y + 16), look.hair_colour, unit)


def _draw_hair(draw: ImageDraw.ImageDraw, look: Appearance, unit: float) -> None:
    if look.hair == "scarf":
        draw.arc(_scaled((28, 18, 72, 76), unit), 0, 360, fill=look.hair_colour, width=int(7 * unit))
    elif look.hair == "bald":
        draw.arc(_scaled((31, 26, 69, 70), unit), 150, 200, fill=look.hair_colour, width=int(4 * unit))
        draw.arc(_scaled((31, 26, 69, 70), unit), 340, 390, fill=look.hair_colour, width=int(4 * unit))
    else:
        draw.chord(_scaled((31, 20, 69, 58), unit), 190, 350, fill=look.hair_colour)


def _draw_sign(draw: ImageDraw.ImageDraw, look: Appearance, unit: float) -> None:
    """Accounts that are nobody: a ring, a bell, a rocket."""
    colour = look.hair_colour
    if look.hair == "bell":
        draw.pieslice(_scaled((28, 22, 72, 90), unit), 180, 360, fill=colour)
        draw.rectangle(_scaled((28, 55, 72, 68), unit), fill=colour)
        draw.rounded_rectangle(_scaled((20, 66, 80, 73), unit), 3 * unit, fill=colour)
        _oval(draw, (43, 72, 57, 84), colour, unit)
    elif look.hair == "rocket":
        draw.polygon([value * unit for value in (50, 12, 66, 46, 66, 74, 34, 74, 34, 46)], fill=colour)
        draw.polygon([value * unit for value in (38, 76, 62, 76, 50, 96)], fill="#ff7a59")
        _oval(draw, (43, 42, 57, 56), look.ground, unit)
    else:
        for step, radius in enumerate((34, 24, 14)):
            box = _scaled((50 - radius, 50 - radius, 50 + radius, 50 + radius), unit)
            draw.arc(box, 40 + step * 60, 320 + step * 60, fill=colour, width=int(6 * unit))


def _oval(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], fill: str, unit: float) -> None:
    draw.ellipse(_scaled(box, unit), fill=fill)


def _blob(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], fill: str, unit: float) -> None:
    draw.rounded_rectangle(_scaled(box, unit), 27 * unit, fill=fill)


def _scaled(box: tuple[float, float, float, float], unit: float) -> tuple[float, float, float, float]:
    return (box[0] * unit, box[1] * unit, box[2] * unit, box[3] * unit)


def _shaded(colour: str) -> str:
    parts = (int(colour[at : at + 2], 16) * 85 // 100 for at in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in parts)
