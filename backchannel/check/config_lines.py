"""Finds the line of config.yaml in which a thing stands, so that a person sees what to change. Pure."""

from collections.abc import Iterator
from typing import Any

from backchannel.config.yaml_document import KeyPath, parse_document


class ConfigLines:
    """Knows the lines of a file of that name, which holds that text."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        document = parse_document(text)
        self._lines = document.lines
        self._texts = dict(_texts(document.value, ()))

    def of(self, *path: str | int) -> str:
        """Return `config.yaml:12`, the line of a key or of the nearest thing around it."""
        line = next((self._lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self._lines), 0)
        return f"{self.file}:{line}" if line else self.file

    def of_lane(self, index: int, lane: str) -> str:
        """Return the line of this lane, which may be written in another way than it is called."""
        wanted = lane.casefold()
        inside = {path: said for path, said in self._texts.items() if path[:2] == ("sources", index)}
        for is_it in (wanted.__eq__, lambda said: wanted in said, wanted.__contains__):
            for path, said in inside.items():
                if is_it(said.casefold().strip().rstrip("/")):
                    return self.of(*path)
        return self.of("sources", index)


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str) and path[-1] not in ("kind", "name"):
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _texts(item, (*path, key))
