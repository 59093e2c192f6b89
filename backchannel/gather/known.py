"""The part of the state that sources and their gatherers are told."""

from collections.abc import Sequence

from msgspec.structs import replace

from backchannel.gather.context import StandingCopy
from backchannel.model import ABSENT, Post
from backchannel.sequencer import Sequencer

WATCHED = 200
"""Cards, and as many posts that wait, whose edits and deletions are looked for."""
WATCHED_FOLDED = 100


class KnownPosts:
    """Answers from the state as it stands now."""

    def __init__(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer

    def watched(self, source: str) -> Sequence[Post]:
        """Return this source's posts that are on the wall, or may soon be, newest first.

        After these come the newest folded ones, and last what is absent, with a label that says so: it may be
        found again. This is the one way from the state back to a source.
        """
        state, covered = self._sequencer.state, self._sequencer.covered
        absent = [*state.absent][-WATCHED:]
        folded = state.board.folds[-WATCHED_FOLDED:]
        keys = absent + folded + [*state.waiting, *state.held][-WATCHED:] + state.board.line[-WATCHED:]
        found: list[Post] = []
        for key in reversed(keys):
            post = self._sequencer.faces.get(state.posts.by_key[key].post)
            if post and post.source == source and key not in covered:
                labels = (*post.labels, ABSENT) if key in state.absent else post.labels
                found.append(replace(post, labels=labels))
        return found

    def standing(self, post_id: str) -> StandingCopy | None:
        """Return which copy of this post stands; None where it is not known."""
        seen = self._sequencer.state.posts.by_id.get(post_id)
        if seen is None:
            return None
        return StandingCopy(seen.source, seen.revision, seen.is_origin, seen.via, seen.kind, seen.lane)
