"""The words that are wanted often, by the number of their entry; all others are read from the log."""

from collections.abc import Iterable

from backchannel.log import Log
from backchannel.model import Entry, Post, Posted
from backchannel.state import State

NEWEST = 200
FOLDED = 100
QUEUED = 2000
SLACK = 2000


class Faces:
    """Posts of the newest 200 cards, of the newest 100 folded ones and those that lend a line its name, and
    of what waits, is held, absent or not settled, at most 2,000 of these."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._posts: dict[int, Post] = {}

    def take(self, entry: Entry) -> None:
        """Remember what an entry brings."""
        if isinstance(entry.event, Posted):
            self._posts[entry.seq] = entry.event.post

    def get(self, seq: int) -> Post | None:
        """Return the post of that entry, if it is in memory."""
        return self._posts.get(seq)

    def values(self) -> Iterable[Post]:
        """Return the faces that are in memory."""
        return self._posts.values()

    async def load(self, seqs: Iterable[int]) -> dict[int, Post]:
        """Return the posts of these entries, from memory or the log; what is erased is left out."""
        wanted = [*seqs]
        found = {seq: post for seq in wanted if (post := self._posts.get(seq))}
        if missing := [seq for seq in wanted if seq not in found]:
            entries = await self._log.read(missing)
            found |= {seq: e.event.post for seq, e in entries.items() if isinstance(e.event, Posted)}
        return found

    def prune(self, state: State, *, slack: int = SLACK) -> None:
        """Keep what is wanted, when more than `slack` beyond that has gathered."""
        if len(self._posts) <= NEWEST + slack:
            return
        by_key = state.posts.by_key
        queued = [*state.posts.unsettled, *state.absent, *state.held, *state.waiting]
        folds = [places[0][1] for _, places in state.crowd.newest_folds()] + state.board.folds[-FOLDED:]
        wanted = state.board.line[-NEWEST:] + folds + queued[-QUEUED:]
        kept = {by_key[key].post for key in wanted}
        self._posts = {seq: post for seq, post in self._posts.items() if seq in kept}

    def forget(self, seqs: Iterable[int]) -> None:
        """Forget the faces of erased posts."""
        for seq in seqs:
            self._posts.pop(seq, None)
