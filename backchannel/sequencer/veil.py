"""The veil: takedowns that already count everywhere and are not in the log yet.

Why it exists: a moderator who hides a post must not wait for a disk that is slow, full or gone. The takedown
lies in the inbox like every other event; until the log has it, the veil hides its posts from every reader of
the board. It changes no number, so readers are told by the list of covered keys in each frame. When the log
does not take it, it is kept in the spool, a small file whose space was reserved at the start.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from msgspec.structs import replace

from backchannel.board import BLANK_KEY, FOLDED_KEY, Blank, Frame, Item
from backchannel.log.spool import Spool, SpoolFull
from backchannel.model import Blanked
from backchannel.sequencer.erasure import subject_of
from backchannel.sequencer.inbox import Inbox, Wish
from backchannel.state import State

log_line = structlog.get_logger(__name__)


class Veil:
    """The subjects that are taken down, and `covered`: the keys of the posts that they hide now.

    It keeps subjects and not keys, and finds the keys again after every fold, since a blocked author's next
    post has to be covered, too. A takedown that the state knows already (it came twice, or the log took it
    although its answer was lost) covers nothing: a later word may have shown the post again.
    """

    def __init__(self, state: State, inbox: Inbox, spool: Spool) -> None:
        self.covered: frozenset[int] = frozenset()
        self._state, self._inbox, self._spool = state, inbox, spool
        self._erasing: list[str] = []

    def take_up(self) -> None:
        """Put what an earlier life could not store into the inbox again."""
        for takedown in self._spool.load():
            wish = Wish([takedown], is_takedown=True)
            wish.is_spooled = True
            self._inbox.append(wish)
        self.lay()

    def lay(self) -> None:
        """Find what it covers, as the state is now."""
        news = [event for event in self._inbox.takedowns() if self._state.is_news(event)]
        subjects = {*self._erasing, *map(subject_of, news)}
        of = self._state.posts.of
        self.covered = frozenset(seen.key for subject in subjects for seen in of(subject))

    @contextmanager
    def over(self, subject: str) -> Iterator[None]:
        """Cover it for the length of a block, besides what is taken down."""
        self._erasing.append(subject)
        self.lay()
        try:
            yield
        finally:
            self._erasing.remove(subject)
            self.lay()

    def on(self, frame: Frame) -> Frame:
        """Return a frame of the board with the blank that is not in the log yet, without covered authors'
        lines."""
        board, veiled = self._state.board, dict[int, Item]()
        if self._is_blank():
            veiled[BLANK_KEY] = Item(BLANK_KEY, frame.seq, 0, Blank())
        if FOLDED_KEY in board.items and (seen := board.folds_seen(self.covered)) != board.folds_seen(
            frozenset()
        ):
            veiled[FOLDED_KEY] = Item(FOLDED_KEY, frame.seq, 0, seen)
        if not veiled:
            return frame
        others = [item for item in frame.put if item.key not in veiled]
        gone = [key for key in frame.gone if key not in veiled]
        return replace(frame, put=[*veiled.values(), *others], gone=gone)

    async def keep(self, wish: Wish) -> None:
        """Spool a takedown that the log does not take, once. Where that fails too, it holds in this life."""
        if wish.is_spooled:
            return
        try:
            for takedown in [*wish.takedowns()]:
                await asyncio.to_thread(self._spool.add, takedown)
            wish.is_spooled = True
        except (OSError, SpoolFull) as error:
            log_line.warning("a takedown holds in memory only", reason=str(error))

    async def tidy(self) -> None:
        """Empty the spool when the log has all takedowns."""
        if next(self._inbox.takedowns(), None) is None:
            try:
                await asyncio.to_thread(self._spool.clear)
            except OSError as error:
                log_line.warning("the spool cannot be cleared", reason=str(error))

    def close(self) -> None:
        """Give the spool back."""
        self._spool.close()

    def _is_blank(self) -> bool:
        news = [e for e in self._inbox.takedowns() if isinstance(e, Blanked) and self._state.is_news(e)]
        return bool(news) and news[-1].on
