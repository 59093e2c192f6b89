"""The way in as a QR code: a short address in as few, as large modules as it can be had."""

from urllib.parse import urlsplit

import segno

QUIET_ZONE = 4
"""Modules of plain ground around the code; fewer, and phones fail at a distance."""

DARK, LIGHT = "#14100a", "#ffb84a"
"""Ink on amber: the colours of the block the code stands in."""


def qr_text(url: str) -> str:
    """Return the text under the code. In capitals it fits the alphanumeric mode, whose modules are a third
    larger.

    Scheme and host mean the same in capitals; a path need not. Where it is short it is taken to be a way in
    that was made to be typed, and is said in capitals too; a longer one keeps its letters.
    """
    parts = urlsplit(url if "://" in url else f"https://{url}")
    path = parts.path if parts.path != "/" else ""
    query = f"?{parts.query}" if parts.query else ""
    start = f"{parts.scheme}://{parts.netloc}".upper()
    is_short = len(path) <= len("/join") and not query
    return start + (path.upper() if is_short else path + query)


def qr_svg(text: str) -> str:
    """Return the code as an SVG document of one path, with its quiet zone, crisp at every size."""
    code = segno.make(text, error="m", boost_error=True, micro=False)
    size = len(code.matrix) + 2 * QUIET_ZONE
    runs: list[str] = []
    for y, row in enumerate(code.matrix, QUIET_ZONE):
        start = None
        for x, dark in enumerate((*row, 0), QUIET_ZONE):
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                runs.append(f"M{start} {y}h{x - start}v1h{start - x}z")
                start = None
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path fill="{LIGHT}" d="M0 0h{size}v{size}H0z"/><path fill="{DARK}" d="{"".join(runs)}"/></svg>'
    )
