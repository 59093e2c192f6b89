"""Every expression over foreign text takes linear time, on what it looks for and on what others fell for."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import EVERY, Tell
from tests.linear.hostile import UNITS, of_pattern, repeated
from tests.linear.measure import Growth, growth, table

PACKAGE = Path(__file__).parents[2] / "backchannel"
PARTS = ("text", "sources", "wire", "web", "hub", "fetch", "media", "retry.py", "search.py", "gather")
MOST = 40_000 if EVERY else 20_000

_USES = re.compile(r"\b(_?[A-Z][A-Z_]+)(?:\[\w+\])?\.(match|fullmatch|search|finditer|findall|sub|split)\(")


class Expression(NamedTuple):
    """A compiled expression of a module, and the ways in which the module uses it."""

    name: str
    pattern: re.Pattern[Any]
    uses: tuple[str, ...]

    def run(self, text: str) -> None:
        """In every way in which it is used."""
        given: Any = text if isinstance(self.pattern.pattern, str) else text.encode("utf-8", "replace")
        for use in self.uses:
            if use in ("match", "fullmatch", "search"):
                getattr(self.pattern, use)(given)
            else:
                for _ in self.pattern.finditer(given):
                    pass


def sources() -> Iterator[Path]:
    for part in PARTS:
        path = PACKAGE / part
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def expressions() -> list[Expression]:
    found: dict[tuple[str, int], Expression] = {}
    for path in sources():
        place = path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".")
        module = import_module(place.removesuffix(".__init__"))
        uses: dict[str, set[str]] = {}
        for name, use in _USES.findall(path.read_text("utf-8")):
            uses.setdefault(name, set()).add(use)
        for name, value in vars(module).items():
            values = list(value.values())[:2] if isinstance(value, dict) else [value]
            for pattern in values:
                if isinstance(pattern, re.Pattern) and name in uses:
                    one = Expression(f"{place.partition('.')[2]}.{name}", pattern, tuple(sorted(uses[name])))
                    found[one.name, id(pattern)] = one
        for one in within_calls(path):
            found[one.name, 0] = one
    return list(found.values())


def within_calls(path: Path) -> Iterator[Expression]:
    """Expressions that are written into a call, such as `re.sub("a+", ...)`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args):
            continue
        first, use = node.args[0], ast.unparse(node.func).removeprefix("re.")
        if isinstance(first, ast.Constant) and use not in ("compile", "escape"):
            yield Expression(f"{path.stem}:{node.lineno}", re.compile(first.value), (use,))


EXPRESSIONS = expressions()


def grown(one: Expression, most: int = MOST) -> Iterator[Growth]:
    own = [*of_pattern(one.pattern)]
    others = [(repr(unit), repeated(unit)) for unit in (UNITS if EVERY else UNITS[::8])]
    for what, make in dict([*own, *others]).items():
        yield growth(f"{one.name} on {what}", one.run, make, most)


def test_every_expression_that_sees_foreign_text_is_measured() -> None:
    names = {one.name for one in EXPRESSIONS}
    compiled = {
        f"{path.relative_to(PACKAGE).with_suffix('').as_posix().replace('/', '.')}.{name}"
        for path in sources()
        for name in re.findall(
            r"^(_?[A-Z][A-Z_]+)(?:: [^=]+)? = re\.compile\(", path.read_text("utf-8"), re.M
        )
    }
    assert len(compiled) > 40
    assert compiled <= names


def test_every_expression_takes_linear_time(tell: Tell) -> None:
    every = [one for expression in EXPRESSIONS for one in grown(expression)]
    tell(table(f"growth of {len(EXPRESSIONS)} expressions, to {MOST:,} characters", every))
    assert not [str(one) for one in every if not one.is_linear]


@pytest.mark.parametrize(
    "bad",
    [
        r"[^\s@<>()]+@[^\s@<>()]+",
        r"submitted by.*?\[link\]</a>.*?\[comments\]</a>",
        r"!\[[^\]\n]*\]\([^)\n]*\)",
        r"<img\b[^<>]*\balt=[\"']([^\w\s\"'<>&]{1,8})[\"'][^<>]*>",
        r"(?P<code>`+)(?P<coded>[^\n]+?)(?P=code)",
    ],
)
def test_an_expression_that_is_worse_is_found(bad: str) -> None:
    """These were ours once."""
    one = Expression("bad", re.compile(bad, re.DOTALL), ("search", "sub"))
    assert not all(measured.is_linear for measured in grown(one, 8_000))
