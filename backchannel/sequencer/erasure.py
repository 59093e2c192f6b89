"""The extent of an erasure: every entry of the erased author, and of whatever embedded one."""

from collections import defaultdict

from backchannel.log import Log
from backchannel.model import Deleted, Erased, Event, Left, Posted, Rank, Ruled, Settled, Unknown, mark
from backchannel.state import State
from backchannel.state.post_state import PostState


async def erasure(log: Log, state: State, key: bytes, subject: str) -> Erased:
    """Return the record of it. `subject` is a post's id, or an author's for all of theirs; `key` makes the
    marks.

    Posts that embedded it in any revision go as a whole, and may come back without the embed: their ids are
    not marked, unless they are taken down themselves. What was said of them goes, too; so what embedded one
    that was ever taken down goes with it, or it would come back to the board with the next start.
    """
    posts = state.posts
    embedding: defaultdict[str, set[str]] = defaultdict(set)  # subject → posts that ever embedded it
    taken_down: set[str] = set()
    async for entries in log.after(0):
        for entry in entries:
            match entry.event:
                case Posted(post) if quote := post.face.quote:
                    embedding[quote.id].add(post.id)
                    embedding[quote.author.id].add(post.id)
                case Deleted(other) | Ruled(_, other, "hide", Rank.PERSON):
                    taken_down.add(other)
    ids: set[str] = set()
    found = [subject, *(seen.id for seen in posts.of(subject)), *embedding[subject]]
    while found:
        if (post_id := found.pop()) not in ids:
            ids.add(post_id)
            found += embedding[post_id] if post_id in taken_down else ()
    seqs: list[int] = []
    async for entries in log.after(0):
        seqs += [entry.seq for entry in entries if subject_of(entry.event) in ids]
    gone = [posts.by_id[post_id] for post_id in ids if post_id in posts.by_id]
    below = {other.key for seen in gone for other in state.conversations.below(seen.id, posts)}
    keys = {seen.key for seen in gone}
    named = {subject, *(seen.id for seen in gone if seen.author == subject or _is_taken_down(state, seen))}
    return Erased(
        seqs=tuple(seqs),
        keys=tuple(sorted(keys)),
        marks=tuple(sorted(mark(key, name) for name in named)),
        replies=tuple(sorted(below - keys)),
    )


def subject_of(event: Event | Unknown) -> str:
    """Whom or what an event is about: an id, or empty where it is about nobody."""
    match event:
        case Posted(post):
            return post.id
        case Left(post) | Settled(post):
            return post
        case Deleted(subject) | Ruled(_, subject):
            return subject
        case _:
            return ""


def _is_taken_down(state: State, seen: PostState) -> bool:
    word = state.rulings.top(seen.id)
    return seen.id in state.posts.deleted or (word is not None and word.verdict == "hide")
