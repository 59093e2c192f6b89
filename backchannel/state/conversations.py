"""Links between posts and their replies, also where the reply came before its parent."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from msgspec import Struct, field

from backchannel.state.post_state import PostState
from backchannel.state.posts import Posts

DEEP = 64
"""How far a chain of answers is followed."""


class Conversations(Struct):
    """Post id → keys of the posts that answer it, whether we know it or not."""

    answers: dict[str, list[int]] = field(default_factory=dict)

    def link(self, seen: PostState) -> None:
        """Remember what it answers, as its standing copy says."""
        if seen.reply_to:
            keys = self.answers.setdefault(seen.reply_to, [])
            if seen.key not in keys:
                insort(keys, seen.key)

    def forget(self, seen: PostState) -> None:
        """Forget what it answers; those who answer it keep their link."""
        keys = self.answers.get(seen.reply_to, [])
        if seen.key in keys:
            del keys[bisect_left(keys, seen.key)]
            if not keys:
                del self.answers[seen.reply_to]

    def place(self, seen: PostState, posts: Posts) -> tuple[int, int]:
        """(key of what it answers, key of what the conversation began with); 0 where we do not know.

        What a post answers is its own word. Where a relay says it for somebody else, that counts for the
        relay's copies alone: nobody moves another's post into a conversation.
        """
        parent = _above(seen, posts)
        root = parent
        for _ in range(DEEP):
            above = _above(root, posts) if root and (root.is_origin or root.via == seen.via) else None
            if above is None or above is seen:
                break
            root = above
        return parent.key if parent else 0, root.key if root else 0

    def below(self, post_id: str, posts: Posts) -> Iterator[PostState]:
        """Yield its replies, and the replies to them."""
        ids, known = [post_id], set[int]()
        for above in ids:
            for key in self.answers.get(above, ()):
                if key not in known:
                    known.add(key)
                    ids.append(posts.by_key[key].id)
                    yield posts.by_key[key]


def _above(seen: PostState, posts: Posts) -> PostState | None:
    """Return the post that it answers, on its own network."""
    parent = posts.by_id.get(seen.reply_to) if seen.reply_to else None
    return parent if parent and parent.kind == seen.kind else None
