"""YAML text → plain values, and the line of each of them. Pure.

The rules: one document, at most 256 KiB, 20 levels, 50 aliases and 10,000 values (aliases counted as often
as they are used); no tag of its own; no key twice in a mapping. A value is text unless it is `true`,
`false`, `null`, or a number in plain digits: a hashtag `on`, a language `no` and a time `12:30` stay what
they look like.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_ALIASES = 50
MAX_VALUES = 10_000

KeyPath = tuple[str | int, ...]


class Problem(NamedTuple):
    """A mistake in the file: the line (from 1, 0 where none can be named), the key path, and what is
    wrong."""

    line: int
    path: KeyPath
    message: str


class YamlDocument(NamedTuple):
    """`value` is made of dict, list, str, int, float, bool and None; `lines` has a line for each path."""

    value: Any
    lines: dict[KeyPath, int]
    problems: list[Problem]


class _Loader(yaml.SafeLoader):
    """A safe loader that guesses less."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as PyYAML's


for _tag, _pattern, _first in (
    ("null", r"null|~|", ["n", "~", ""]),
    ("bool", r"true|false", list("tf")),
    ("int", r"0|[-+]?[1-9][0-9]{0,17}", list("-+0123456789")),
    ("float", r"[-+]?[0-9]{1,17}\.[0-9]{1,17}", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)

_SCALARS: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:null": lambda text: None,
    "tag:yaml.org,2002:bool": lambda text: text == "true",
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
}


def parse_document(text: str) -> YamlDocument:
    """Read it whole. Never raises: what is wrong is in `problems`, and `value` is the rest."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        return YamlDocument(None, {}, [Problem(0, (), f"larger than {MAX_BYTES // 1024} KiB")])
    try:
        if problem := _excess(text):
            return YamlDocument(None, {}, [problem])
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, (error.context, error.problem)))
        return YamlDocument(None, {}, [Problem(mark.line + 1 if mark else 0, (), f"not YAML: {what}")])
    except yaml.YAMLError as error:
        return YamlDocument(None, {}, [Problem(0, (), f"not YAML: {str(error).splitlines()[0]}")])
    builder = _ValueBuilder()
    value = builder.build(node, ()) if node else None
    return YamlDocument(value, builder.lines, builder.problems)


def show_path(path: KeyPath) -> str:
    """`sources[0].servers` for ("sources", 0, "servers")."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _excess(text: str) -> Problem | None:
    """Depth and aliases, before anything is built of them."""
    depth = aliases = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        if depth > MAX_DEPTH:
            return Problem(_line(event), (), f"nested more than {MAX_DEPTH} levels deep")
        if aliases > MAX_ALIASES:
            return Problem(_line(event), (), f"more than {MAX_ALIASES} aliases")
    return None


def _line(thing: yaml.Event | yaml.Node) -> int:
    return thing.start_mark.line + 1 if thing.start_mark else 0


class _ValueBuilder:
    """Builds values of nodes, minding what aliases multiply."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._left = MAX_VALUES

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        """Return the value of a node; None where it cannot be had, with a problem that says why."""
        self.lines.setdefault(path, _line(node))
        self._left -= 1
        if self._left < 0 or len(path) > MAX_DEPTH:
            if self._left >= -1:
                self._complain(node, path, f"more than {MAX_VALUES} values, or an alias within itself")
                self._left = -2
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        try:
            return _SCALARS[node.tag](node.value)
        except (KeyError, ValueError):
            self._complain(node, path, f"tags are not taken here: {node.tag}")
            return None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key, item in self._pairs(node, path):
            if key in value:
                first = self.lines[(*path, key)]
                self._complain(item, (*path, key), f"given twice, first on line {first}")
                continue
            value[key] = self.build(item, (*path, key))
        return value

    def _pairs(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, yaml.Node]]:
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._complain(key, path, "a key must be plain text")
                continue
            if (*path, key.value) not in self.lines:
                self.lines[(*path, key.value)] = _line(key)
            yield key.value, item

    def _complain(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(_line(node), path, message))
