"""The play, as it is written down in play/*.txt, read into lines that `script.py` gives times to.

    == title | 1:10 | 95        a scene: hours and minutes from the start, mean seconds between two posts
    mira: words                 somebody writes; `mira/n` on Nostr, `mira/m` on Mastodon, else where they live
      {slide: Listen first}     what belongs to the line above, `;` between several
      jide: words               deeper: an answer to the line above it that stands less deep
    // remark

In words `¶` separates paragraphs. What braces may hold: `key` (a name to refer to), `cw`, `lang`, `title`,
`poll` and `card` (parts between ` / ` or ` | `), `slide`, `chart`, `photo` and their `alt`, `quote`, `also`
(the same words on another network), `delete 9m`, `edit 9m`, `untagged 9m`.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files

from msgspec import Struct

from backchannel.simulator.people import CAST

_SCENE = re.compile(r"== (?P<title>.+?) \| (?P<sign>-?)(?P<h>\d+):(?P<m>\d\d) \| (?P<every>\d+)$")
_LINE = re.compile(r"(?P<who>[a-z]+)(?:/(?P<place>[mn]))?: (?P<words>.+)$")
_TITLED = re.compile(r"(?P<who>[a-z]+)(?:/(?P<place>[mn]))?: (?P<marks>\{.+\})$")
_MARK = re.compile(r"(?P<name>[a-z]+)(?: (?P<minutes>\d+)m)?(?:: (?P<value>.*))?$")
_NAMES = ("key", "cw", "lang", "title", "poll", "card", "slide", "chart", "photo", "alt", "quote", "also",
          "delete", "edit", "untagged")  # fmt: skip
_NEXT = re.compile(rf"; (?=(?:{'|'.join(_NAMES)})\b)")


class Mark(Struct, frozen=True):
    """A thing in braces: its value, and after how many minutes it happens."""

    value: str = ""
    minutes: int = 0


class PlayLine(Struct):
    """A line of the play. `answers` is the index of the line it answers, `scene` that of its scene."""

    who: str
    words: str
    scene: int
    answers: int | None
    place: str = ""
    marks: dict[str, Mark] = {}


class Scene(Struct, frozen=True):
    """The start of a scene's lines, in seconds from the start, and how dense they are."""

    title: str
    start_s: float
    every_s: float


class PlayError(ValueError):
    """The play is written wrongly: names the line and why."""


def parse_play(text: str) -> tuple[list[Scene], list[PlayLine]]:
    """Scenes and lines in the order in which they are written. PlayError names the first bad line."""
    scenes: list[Scene] = []
    lines: list[PlayLine] = []
    above: list[tuple[int, int]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        stripped = raw.strip()
        if not stripped or stripped.startswith("//"):
            continue
        try:
            if stripped.startswith("=="):
                scenes.append(_parse_scene(stripped))
                above.clear()
                continue
            depth = len(raw) - len(raw.lstrip())
            if stripped.startswith("{"):
                lines[-1].marks.update(_parse_marks(stripped))
            elif depth and not lines[-1].words:
                lines[-1].words = stripped
            else:
                while above and above[-1][0] >= depth:
                    above.pop()
                lines.append(_parse_line(stripped, len(scenes) - 1, above[-1][1] if above else None))
                above.append((depth, len(lines) - 1))
        except (ValueError, IndexError) as error:
            raise PlayError(f"line {number}: {error}: {stripped[:60]!r}") from error
    return scenes, lines


def load_play() -> tuple[list[Scene], list[PlayLine]]:
    """Return the whole conference."""
    folder = files(__package__).joinpath("play")
    return parse_play("\n".join(folder.joinpath(f"day{n}.txt").read_text("utf-8") for n in range(4)))


def _parse_scene(text: str) -> Scene:
    match = _SCENE.match(text)
    if match is None:
        raise ValueError("a scene is `== title | h:mm | seconds`")
    start_s = int(match["h"]) * 3600 + int(match["m"]) * 60
    return Scene(match["title"], float(-start_s if match["sign"] else start_s), float(match["every"]))


def _parse_line(text: str, scene: int, answers: int | None) -> PlayLine:
    titled = _TITLED.match(text)
    if titled is not None:
        marks = dict(_parse_marks(titled["marks"]))
        line = PlayLine(titled["who"], "", scene, answers, titled["place"] or "", marks)
    else:
        match = _LINE.match(text)
        if match is None:
            raise ValueError("a line is `who: words`")
        line = PlayLine(match["who"], match["words"], scene, answers, match["place"] or "")
    if line.who not in CAST:
        raise ValueError(f"nobody is called {line.who}")
    return line


def _parse_marks(text: str) -> Mapping[str, Mark]:
    return dict(_each_mark(text.removeprefix("{").removesuffix("}")))


def _each_mark(text: str) -> Iterator[tuple[str, Mark]]:
    for part in _NEXT.split(text):
        match = _MARK.match(part.strip())
        if match is None or match["name"] not in _NAMES:
            raise ValueError(f"unknown mark {part.strip()!r}")
        yield match["name"], Mark((match["value"] or "").strip(), int(match["minutes"] or 0))
