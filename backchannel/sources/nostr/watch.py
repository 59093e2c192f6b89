"""The standing request for what authors on the wall take back (kind 5, 62) or change (kind 0). Sans-I/O."""

from collections.abc import Callable, Iterable, Sequence

from backchannel.model import Deleted, Post
from backchannel.sources.nostr.deletion import Watched, find_taken, find_watched
from backchannel.sources.nostr.directory import Directory
from backchannel.sources.nostr.subs import GONE, Subs
from backchannel.sources.nostr.wire import DELETION, PROFILE, VANISH, WireEvent, WireFilter

REFRESH_S = 60.0
PAUSE_S = 1.0
"""A burst of new authors is one new request a second, not one each."""

LIMIT = 1000


class Watching:
    """Follows the posts on the wall and the authors that came by. `relays` are ours, for NIP-62."""

    def __init__(
        self,
        subs: Subs,
        directory: Directory,
        watch: Callable[[], Sequence[Post]],
        *,
        relays: Sequence[str],
        limit: int,
    ) -> None:
        self.due_at = 0.0
        self._subs = subs
        self._directory = directory
        self._watch = watch
        self._relays = relays
        self._limit = min(LIMIT, limit or LIMIT)
        self._watched = Watched((), 0, {}, {})
        self._asked_at = float("-inf")
        self._told: set[str] = set()
        self._is_refused = False

    def note(self) -> None:
        """Watch the author of a post that was handed on."""
        self.due_at = min(self.due_at, self._asked_at + PAUSE_S)

    def refused(self, now_s: float) -> None:
        """Ask again in a minute, since the relay ended the request."""
        self._is_refused = True
        self.due_at = now_s + REFRESH_S

    def tick(self, now_s: float) -> list[Deleted]:
        """Ask anew when the authors have changed; tells what reached the wall although it was taken back."""
        if now_s < self.due_at:
            return []
        self.due_at = now_s + REFRESH_S
        posts = self._watch()
        before = set(self._watched.authors)
        self._watched = find_watched(posts, self._directory.authors())
        if self._is_refused or set(self._watched.authors) - before:
            self._asked_at, self._is_refused = now_s, False
            asked = WireFilter(
                kinds=(PROFILE, DELETION, VANISH),
                authors=self._watched.authors,
                since=self._watched.since,
                limit=self._limit,
            )
            self._subs.open(GONE, [asked])
        return self._tell(post.id for post in posts if self._directory.is_taken(post))

    def take(self, event: WireEvent) -> list[Deleted]:
        """Return what a verified deletion takes down."""
        takens = find_taken(
            event,
            watched=self._watched,
            owner_of=self._directory.owner,
            revision_of=self._directory.revision,
            relays=self._relays,
        )
        gone: list[str] = []
        for taken in takens:
            self._directory.delete(event.pubkey, taken.reference, event.created_at)
            gone += taken.subjects
        return self._tell(gone)

    def _tell(self, subjects: Iterable[str]) -> list[Deleted]:
        fresh = [subject for subject in dict.fromkeys(subjects) if subject not in self._told]
        self._told.update(fresh)
        return [Deleted(subject) for subject in fresh]
