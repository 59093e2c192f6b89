"""What has to go when somebody is erased: every entry of theirs, and of what ever embedded them."""

from backchannel.log import Log
from backchannel.model import Deleted, Erased, Event, Left, Post, Posted, Ruled, Settled, Unknown, mark
from backchannel.state import State


async def erasure(log: Log, state: State, key: bytes, subject: str) -> Erased:
    """The record of it. `subject` is a post's id, or an author's for all of theirs; `key` makes the marks.

    Posts that embedded it in any revision go as a whole, and may come back without the embed: their ids are
    not marked.
    """
    posts = state.posts
    ids = {subject, *(seen.id for seen in posts.of(subject))}
    async for entries in log.after(0):
        ids.update(
            entry.event.post.id
            for entry in entries
            if isinstance(entry.event, Posted) and _embeds(entry.event.post, subject)
        )
    seqs: list[int] = []
    async for entries in log.after(0):
        seqs += [entry.seq for entry in entries if subject_of(entry.event) in ids]
    gone = [posts.by_id[post_id] for post_id in ids if post_id in posts.by_id]
    below = {other.key for seen in gone for other in state.conversations.below(seen.id, posts)}
    keys = {seen.key for seen in gone}
    named = {subject, *(seen.id for seen in gone if seen.author == subject)}
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


def _embeds(post: Post, subject: str) -> bool:
    quote = post.face.quote
    return bool(quote and subject in (quote.id, quote.author.id))
