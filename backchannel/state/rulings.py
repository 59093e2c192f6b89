"""Rulings on posts and authors, and which of them counts.

The highest rank decides; within a rank the latest word on a subject stands, and a `hide` of the author, or
of what a post embeds, beats a `show` of the post.
"""

from collections.abc import Set as AbstractSet
from functools import lru_cache

from msgspec import Struct, field

from backchannel.model import Entry, Rank, Ruled, Verdict
from backchannel.state.post_state import PostState, RuleVerdict
from backchannel.state.posts import Posts


class StandingRuling(Struct, frozen=True):
    """A person's word that has not been withdrawn: its entry, and whose post with which profile a `show`
    approved."""

    seq: int
    id: str
    verdict: Verdict
    hash: str = ""
    profile: bytes = b""
    author: str = ""


class Rulings(Struct):
    """Persons' words by subject, latest last; their ids; the rules that a person has silenced. `approved`:
    author → posts of theirs on which a `show` was said, so that nobody has to look through all of them."""

    words: dict[str, list[StandingRuling]] = field(default_factory=dict)
    approved: dict[str, dict[str, int]] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)  # a person's ruling → its entry
    silent: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # post → (rule, hash)

    def is_news(self, event: Ruled, posts: Posts) -> bool:
        """Tell whether it is new: a person's word by its id, a rule's once for each time that a post
        waits."""
        if event.rank is Rank.PERSON:
            return event.id not in self.ids
        seen = posts.by_id.get(event.subject)
        return bool(seen and event.by not in seen.spoke and event.hash == seen.hash)

    def apply(self, entry: Entry, posts: Posts) -> None:
        """Let it stand, or only remember that it was said, where it does not fit what stands now."""
        ruled = entry.event
        if not isinstance(ruled, Ruled):
            return
        seen = posts.by_id.get(ruled.subject)
        if ruled.rank is Rank.RULE:
            if seen and ruled.hash == seen.hash:
                seen.rule, seen.rule_hash = _said(ruled.by, ruled.verdict, ruled.clearance), seen.hash
                seen.spoke = _with(seen.spoke, ruled.by)
            return
        self.ids[ruled.id] = entry.seq
        if ruled.verdict == "undo":
            self._undo(entry, ruled, seen)
        elif ruled.verdict != "show" or (seen and ruled.hash == seen.hash != ""):
            profile, author = (seen.profile, seen.author) if seen and ruled.verdict == "show" else (b"", "")
            word = StandingRuling(entry.seq, ruled.id, ruled.verdict, ruled.hash, profile, author)
            self.words.setdefault(ruled.subject, []).append(word)
            self._approve(ruled.subject, author, 1)

    def top(self, subject: str) -> StandingRuling | None:
        """Return the person's word that stands on this subject."""
        words = self.words.get(subject)
        return words[-1] if words else None

    def verdict(self, seen: PostState) -> tuple[Verdict, str] | None:
        """Return what the rulings say of this very content, and its clearance. None: nobody has ruled."""
        if self.words:
            if any(self._is_hidden(subject) for subject in (seen.id, seen.author, *seen.embeds)):
                return "hide", ""
            own = self.top(seen.id)
            if own and own.verdict == "hold":
                return "hold", ""
            if own and own.hash == seen.hash:
                return "show", "approved"
        if seen.rule and seen.rule_hash == seen.hash:
            return seen.rule.verdict, seen.rule.clearance
        return None

    def is_silent(self, seen: PostState, rule: str) -> bool:
        """Tell whether a person has undone this rule's word on this very content."""
        return (rule, seen.hash) in self.silent.get(seen.id, ())

    def is_trusted(self, seen: PostState, posts: Posts, count: int = 1) -> bool:
        """Tell whether a person approved so many earlier posts of this author with this very profile, and
        these approvals stand."""
        found = 0
        for post_id in self.approved.get(seen.author, ()):
            word, other = self.top(post_id), posts.by_id.get(post_id)
            found += bool(
                word and word.verdict == "show" and word.profile == seen.profile and word.seq < seen.key
                and other and other.author == seen.author
            )  # fmt: skip
            if found == count:
                return True
        return False

    def forget(self, seqs: AbstractSet[int]) -> None:
        """As if these entries had never been; they are all that was said of their subjects."""
        self.ids = {id_: seq for id_, seq in self.ids.items() if seq not in seqs}
        self.words = {
            subject: words for subject, words in self.words.items() if not any(w.seq in seqs for w in words)
        }
        self.approved.clear()
        for subject, words in self.words.items():
            for word in words:
                self._approve(subject, word.author, 1)

    def _is_hidden(self, subject: str) -> bool:
        word = self.top(subject)
        return word is not None and word.verdict == "hide"

    def _approve(self, post_id: str, author: str, more: int) -> None:
        if author:
            posts = self.approved.setdefault(author, {})
            posts[post_id] = posts.get(post_id, 0) + more
            if not posts[post_id]:
                del posts[post_id]
            if not posts:
                del self.approved[author]

    def _undo(self, entry: Entry, ruled: Ruled, seen: PostState | None) -> None:
        """Withdraw the word that is named, if it still stands; what was said before it stands again."""
        words = self.words.get(ruled.subject)
        if words and words[-1].id == ruled.undoes:
            self._approve(ruled.subject, words.pop().author, -1)
            if not words:
                del self.words[ruled.subject]
        elif seen and seen.rule and seen.rule_id == ruled.undoes:
            self.silent.setdefault(seen.id, []).append((seen.rule.by, seen.hash))
            seen.rule, seen.rule_hash = None, ""
            seen.waits_seq, seen.waits_at, seen.spoke = entry.seq, entry.at, ()


@lru_cache
def _said(by: str, verdict: Verdict, clearance: str) -> RuleVerdict:
    return RuleVerdict(by, verdict, clearance)


@lru_cache
def _with(spoke: tuple[str, ...], by: str) -> tuple[str, ...]:
    return (*spoke, by)
