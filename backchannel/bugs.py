"""Mistakes of ours that foreign data found: contained where it was read, told once, and counted.

A parser raises `DecodeError` for what it expects to go wrong. What nobody expected (a library that raises
ValueError for a redirect, say) is a bug of ours all the same, but no foreign byte may end the process. So
every edge where foreign data is read (a lane, a re-check, a picture, a request for a page) has one guard
that hands the exception to `Bugs.caught` and goes on as after any other failure of that lane or picture.
The core (log, fold, sequencer, board) has no such guard: there a bug stops the process.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

MAX_TOLD = 100
"""Different bugs whose traceback is logged. All of them are counted."""

log_line = structlog.get_logger(__name__)


class Bugs:
    """`count`: how often one was caught; `latest`: the newest in one line, empty while there is none."""

    def __init__(self) -> None:
        self.count = 0
        self.latest = ""
        self._told: set[tuple[str, str]] = set()

    def caught(self, where: str, error: BaseException) -> str:
        """Count it, and log its traceback where this place in our code is new. Returns words for a person.

        `where` names what was read ("lane blog/https://…"). The words name the exception's type and the line
        that raised it, and never its message: it may repeat what a network sent.
        """
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{_short(frames[-1].filename)}:{frames[-1].lineno}" if frames else "nowhere"
        self.count += 1
        self.latest = f"{where}: {type(error).__name__} at {place}"
        bug = (type(error).__name__, place)
        if bug not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(bug)
            log_line.error("a bug of ours, contained", where=where, exc_info=error)
        return f"a bug of ours ({type(error).__name__} at {place}); please report it with the log's traceback"

    @contextmanager
    def contain(self, where: str, fails_as: type[Exception], *expected: type[Exception]) -> Iterator[None]:
        """Within the block one foreign thing is read: what nobody `expected` becomes `fails_as`.

        So an item of a page that finds a mistake of ours costs itself, and not the page of everybody.
        """
        try:
            yield
        except (fails_as, *expected):
            raise
        except Exception as error:
            raise fails_as(self.caught(where, error)) from error


def _short(filename: str) -> str:
    """Return the last two parts of a path: enough to find the file, and nothing about the machine."""
    return "/".join(filename.rsplit("/", 2)[-2:])
