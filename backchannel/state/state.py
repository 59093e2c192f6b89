"""The fold: what the log has made of the world. No clock, no settings, no I/O, no chance.

A module per concern; this one hands every entry to those it concerns and puts on the board what may be
seen. `fold(log)` in any life, on any node, gives the same state.
"""

from collections.abc import Iterable

from msgspec import Struct, field

from backchannel.board import BLANK_KEY, FOLDED_KEY, Blank, Board, Card, Folded, Line
from backchannel.model import (
    Blanked,
    Deleted,
    Entry,
    Erased,
    Event,
    Left,
    Missed,
    Post,
    Posted,
    Rank,
    Ruled,
    Settled,
)
from backchannel.state.conversations import Conversations
from backchannel.state.crowd import Crowd
from backchannel.state.post_state import PostState, voice_of
from backchannel.state.posts import Posts
from backchannel.state.rulings import Rulings


class State(Struct):
    """The folds together. `waiting`: key → since when, of posts nobody has ruled on, in order of time;
    `held`: keys of those that a rule left to a person; `absent`: keys of those that are not found any more;
    `missed`: gaps that could not be filled; `marks`: what is kept of erased ids."""

    seq: int = 0
    at: float = 0.0
    posts: Posts = field(default_factory=Posts)
    rulings: Rulings = field(default_factory=Rulings)
    conversations: Conversations = field(default_factory=Conversations)
    crowd: Crowd = field(default_factory=Crowd)
    waiting: dict[int, float] = field(default_factory=dict)
    held: dict[int, None] = field(default_factory=dict)
    absent: dict[int, None] = field(default_factory=dict)
    blanks: dict[str, bool] = field(default_factory=dict)
    missed: list[Missed] = field(default_factory=list)
    marks: dict[str, None] = field(default_factory=dict)
    board: Board = field(default_factory=Board)

    def is_news(self, event: Event) -> bool:
        """Tell whether appending it would tell anybody anything."""
        match event:
            case Settled():
                return self.posts.is_news(event) or self._is_welcome(event)
            case Posted() | Left() | Deleted():
                return self.posts.is_news(event)
            case Ruled():
                return self.rulings.is_news(event, self.posts)
            case Blanked(id_):
                return id_ not in self.blanks
            case _:
                return True

    def apply(self, entry: Entry) -> None:
        """Fold one entry. Entries come in order of their numbers, and each is news."""
        self.seq, self.at = entry.seq, entry.at
        self.crowd.pass_time(entry.at)
        match entry.event:
            case Posted(post):
                self._take(entry, post)
            case Settled() if not self.is_news(entry.event):
                pass  # it was late, and a word came before it in the same append
            case Left() | Deleted() | Settled():
                self._place_all(self.posts.apply(entry))
            case Ruled():
                self._rule(entry, entry.event)
            case Blanked(id_, on):
                self.blanks[id_] = on
                if on:
                    self.board.put(entry.seq, BLANK_KEY, Blank())
                else:
                    self.board.take(entry.seq, BLANK_KEY)
            case Missed():
                self.missed.append(entry.event)
            case Erased():
                self._erase(entry.event)

    def _is_welcome(self, settled: Settled) -> bool:
        """Tell whether a picture that comes late is taken, which is where a rule has left the post to a
        person who has not spoken.

        Elsewhere it would change what is shown, void an approval, or make the post wait once more.
        """
        seen = self.posts.by_id.get(settled.post)
        is_open = seen is not None and seen.key in self.held and self.rulings.top(seen.id) is None
        return is_open and self.posts.is_late(settled)

    def verdict(self, seen: PostState) -> tuple[str, str] | None:
        """(what holds for this content now, its clearance), or None: it waits."""
        if seen.is_absent or seen.left >= seen.revision or self.posts.is_gone(seen):
            return "hide", ""
        return self.rulings.verdict(seen)

    def _rule(self, entry: Entry, ruled: Ruled) -> None:
        """Place one post after a rule's word; not those that embed it, or each edit would cost that."""
        self.rulings.apply(entry, self.posts)
        own = self.posts.by_id.get(ruled.subject)
        self._place_all(self.posts.of(ruled.subject) if ruled.rank is Rank.PERSON else [own] if own else [])

    def _take(self, entry: Entry, post: Post) -> None:
        old = self.posts.by_id.get(post.id)
        is_moved = old is None or (old.reply_to, old.via) != (post.reply_to, post.via)
        if old:
            self.conversations.forget(old)
            if old.voice != voice_of(post):
                self._withdraw(old)
        for seen in self.posts.apply(entry):
            self.conversations.link(seen)
            self._place(seen)
        if is_moved and post.id in self.conversations.answers:
            self._place_below(post.id)
        self._requote(post.id)

    def _requote(self, post_id: str) -> None:
        """Cards that quote it are drawn without the quotation while that is not what its origin says."""
        for seen in [*self.posts.of(post_id)]:
            item = self.board.items.get(seen.key) if seen.hearsay else None
            card = item.value if item else None
            if isinstance(card, Card) and card.is_unquoted != self.posts.is_misquoting(seen):
                self._place(seen)

    def _place_below(self, post_id: str) -> None:
        """Count the conversation below a post as changed: it hangs elsewhere now.

        Were it only what differs, the numbers would tell what stood above before it was erased.
        """
        below = [*self.conversations.below(post_id, self.posts)]
        self._place_all(below)
        for seen in below:
            self.board.touch(self.seq, seen.key)

    def _place_all(self, posts: Iterable[PostState]) -> None:
        for seen in [*posts]:
            self._place(seen)

    def _place(self, seen: PostState) -> None:
        """Put a post where the rulings want it: waiting, held, on the board, or none of these."""
        self._unqueue(seen)
        if seen.is_absent and not self.posts.is_gone(seen):
            self.absent[seen.key] = None
        verdict = self.verdict(seen)
        if verdict and verdict[0] != "hold":
            self.posts.late.pop(seen.key, None)
        if seen.hash and verdict is None:
            self._wait(seen)
        elif seen.hash and verdict and verdict[0] == "hold":
            self.held[seen.key] = None
        if verdict and verdict[0] == "show":
            self._show(seen, verdict[1])
        else:
            self._take_off(seen)

    def _show(self, seen: PostState, clearance: str) -> None:
        """On the board: folded, or for screens. What a person lifts takes its place as if it were new."""
        is_folded = clearance == "folded"
        if (old := self.board.items.get(seen.key)) and old.is_folded:
            self.crowd.unfold(seen.voice, (old.order, seen.key))
        if seen.is_folded and not is_folded:
            seen.order = 0
        seen.order, seen.is_folded = seen.order or self.seq, is_folded
        parent, root = self.conversations.place(seen, self.posts)
        is_unquoted = self.posts.is_misquoting(seen)
        card = Card(seen.post, seen.hash, seen.taken_at, seen.pictures, parent, root, clearance, is_unquoted)
        if seen.order != self.seq and not (
            old and isinstance(old.value, Card) and old.value.post == seen.post
        ):
            self.crowd.returns.append((self.at, seen.key))
        self.board.put(self.seq, seen.key, card, seen.order)
        if is_folded:
            self.crowd.uncount(seen)
            self.crowd.fold(seen.voice, (seen.order, seen.key))
        elif clearance != "approved":
            self.crowd.count(seen, self.at)
        if is_folded or (old and old.is_folded):
            self._sum_up_folds()

    def _take_off(self, seen: PostState) -> None:
        if (old := self.board.items.get(seen.key)) and old.is_folded:
            self.crowd.unfold(seen.voice, (old.order, seen.key))
        self.board.take(self.seq, seen.key)
        if seen.is_counted and self.posts.is_over(seen):
            self.crowd.leave(seen)
        if old and old.is_folded:
            self._sum_up_folds()

    def _withdraw(self, seen: PostState) -> None:
        """Take it out everywhere: it is erased, or somebody else's from here on."""
        self._take_off(seen)
        self.crowd.forget(seen)

    def _sum_up_folds(self) -> None:
        """Put the one item on the board that stands for all folded cards."""
        lines = tuple(
            Line(places[0][1], places[-1][0], len(places), self.posts.by_key[places[0][1]].taken_at)
            for _, places in self.crowd.newest_folds()
        )
        if lines:
            rest = self.crowd.folded - sum(line.count for line in lines)
            folded = Folded(lines, rest, len(self.crowd.fronts) - len(lines))
            self.board.put(self.seq, FOLDED_KEY, folded)
        else:
            self.board.take(self.seq, FOLDED_KEY)

    def _wait(self, seen: PostState) -> None:
        out_of_order = self.waiting and next(reversed(self.waiting.values())) > seen.waits_at
        self.waiting[seen.key] = seen.waits_at
        if out_of_order:  # only after an undo of something older
            self.waiting = dict(sorted(self.waiting.items(), key=lambda item: (item[1], item[0])))

    def _unqueue(self, seen: PostState) -> None:
        self.held.pop(seen.key, None)
        self.absent.pop(seen.key, None)
        self.waiting.pop(seen.key, None)

    def _erase(self, erased: Erased) -> None:
        self.marks.update(dict.fromkeys(erased.marks))
        seqs = frozenset(erased.seqs)
        self.rulings.forget(seqs)
        self.posts.deleted = {s: seq for s, seq in self.posts.deleted.items() if seq not in seqs}
        for key in erased.keys:
            if seen := self.posts.by_key.get(key):
                self._unqueue(seen)
                self._withdraw(seen)
                self.posts.forget(seen)
                self.rulings.silent.pop(seen.id, None)
                self.conversations.forget(seen)
                self._place_all(self.conversations.below(seen.id, self.posts))
            self.board.forget(self.seq, key)
        for key in erased.replies:
            self.board.touch(self.seq, key)
        self.board.forget(self.seq, FOLDED_KEY)
        self._sum_up_folds()


def fold(entries: Iterable[Entry]) -> State:
    """Return the state that these entries make."""
    state = State()
    for entry in entries:
        state.apply(entry)
    return state
