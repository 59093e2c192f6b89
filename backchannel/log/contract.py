"""The log's contract: one ordered, durable list of what was said and what was decided.

`append` is all or nothing and conditional on the head; numbers start at 1 and may have holes. Everything
else in the house is a fold of it.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

from backchannel.model import Entry, Event

MAX_BATCH = 900
"""Events in one append."""

Lane = tuple[str, str]
"""(source, lane): what a cursor belongs to."""


class Conflict(Exception):
    """Somebody else has written: catch up, drop what is no longer news, try again."""


class LogUnavailable(Exception):
    """It is not known to be stored. The text says why, for whoever wanted it stored."""


class LogBroken(Exception):
    """Our own data cannot be trusted. The process stops, loudly, and touches nothing."""


class Log(Protocol):
    """The log's contract: one implementation for each storage, one suite of tests for all. Methods never
    block the loop."""

    epoch: str

    async def append(
        self, events: Sequence[Event], *, at: float, expected: int, cursors: Mapping[Lane, str] | None = None
    ) -> int:
        """Store all, with the cursors, or nothing. Returns the new head.

        Raises Conflict when the head is not `expected`, LogUnavailable when the outcome is unknown.
        """
        ...

    def after(self, seq: int) -> AsyncIterator[list[Entry]]:
        """Entries above `seq` in order, a bounded list at a time. Raises LogBroken, LogUnavailable."""
        ...

    async def read(self, seqs: Collection[int]) -> dict[int, Entry]:
        """Return the entries of these numbers, as far as they exist."""
        ...

    async def cursors(self) -> dict[Lane, str]:
        """Return the cursor that each lane has stored last."""
        ...

    async def head(self) -> int:
        """Return the greatest number there is, 0 for an empty log."""
        ...

    async def purge(self, seqs: Collection[int]) -> bool:
        """Remove entries that an `Erased` names, so that no byte of them is left in any file.

        False: there is no room for that now; it is made up for as soon as there is.
        """
        ...

    async def close(self) -> None:
        """Give the storage back."""
        ...
