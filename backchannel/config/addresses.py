"""Secrets that config.yaml puts into addresses: which they are, and how it spells them. Pure.

A feed with a key (`https://blog.example/feed?key=${KEY}`) is read at its whole address and called by the one
in the file. What a variable or a file puts into the query is taken for a secret, and what it puts into the
path where it is long enough to be one (`/2026/` is none); the host is what every page shows anyway. Of an
address that comes as a whole (`${FEED}`) the parts of path and query that are long enough are.
"""

import re
from collections.abc import Mapping

from pydantic import BaseModel

from backchannel.config.explain import SECRETIVE
from backchannel.config.yaml_document import KeyPath
from backchannel.redaction import HIDDEN

LEAST = 8
_HOST = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)
_MARKS = re.compile(r"[/?#&=;]")


class Addresses:
    """`note` what is filled in, then ask for the `secrets`. What stands under a name like `password` is one:
    not every kind of source says so by the type of its field."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def note(self, path: KeyPath, filled: str, parts: Mapping[str, str]) -> None:
        """Note a text of the file, filled; `parts` are the values that were put in, each with its
        spelling."""
        if path[:1] != ("sources",):
            return
        if any(isinstance(part, str) and SECRETIVE.search(part) for part in path):
            self._found.update(dict.fromkeys(parts, HIDDEN))
        host = _HOST.match(filled)
        if not host:
            return
        behind = filled[host.end() :]
        query = behind.partition("?")[2]
        for value, spelling in parts.items():
            if value in query or (value in behind and len(value) >= LEAST):
                self._found.setdefault(value, spelling)
            for part in _MARKS.split(_HOST.sub("", value, count=1)):
                if len(part) >= LEAST and part in behind:
                    self._found.setdefault(part, spelling)

    def secrets(self, event: BaseModel) -> dict[str, str]:
        """Each secret with its spelling. What the event calls itself in public is none."""
        public = str(event.model_dump()).lower()
        return {value: spelling for value, spelling in self._found.items() if value.lower() not in public}
