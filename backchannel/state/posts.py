"""Folds what is said of posts: which copy of each stands, who waits for pictures, what is deleted."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from sys import intern

from msgspec import Struct, field
from msgspec.structs import replace

from backchannel.board import Picture
from backchannel.model import (
    ABSENT,
    Deleted,
    Entry,
    Left,
    Post,
    Posted,
    Settled,
    digest,
    face_digest,
    face_hash,
    subjects,
    words_digest,
)
from backchannel.state.post_state import PostState, UnsettledCopy, hearsay_of, voice_of


class Posts(Struct):
    """Ids, authors and embeds → posts; who waits, who is held, what is not settled, what is deleted."""

    by_key: dict[int, PostState] = field(default_factory=dict)
    by_id: dict[str, PostState] = field(default_factory=dict)
    concerned: dict[str, list[int]] = field(default_factory=dict)  # author, quoted post, its author → keys
    unsettled: dict[int, UnsettledCopy] = field(default_factory=dict)
    late: dict[int, UnsettledCopy] = field(
        default_factory=dict
    )  # complete without what was dropped, and not ruled on
    deleted: dict[str, int] = field(default_factory=dict)  # subject → the entry that said so
    expiring: list[tuple[float, int]] = field(default_factory=list)  # (time, key), earliest first

    def is_news(self, event: Posted | Left | Deleted | Settled) -> bool:
        """Tell whether it says anything that is not known. What is no news is not appended."""
        match event:
            case Posted(post):
                return self._is_new_copy(post)
            case Left():
                return self._is_farewell(event)
            case Deleted(subject):
                return subject not in self.deleted and (subject in self.by_id or subject in self.concerned)
            case Settled(post_id, url):
                seen = self.by_id.get(post_id)
                return bool(seen and seen.key in self.unsettled and url in self.unsettled[seen.key].missing)

    def is_late(self, settled: Settled) -> bool:
        """Tell whether it is a picture that was dropped, and has come after all."""
        seen = self.by_id.get(settled.post)
        late = seen and self.late.get(seen.key)
        return bool(late and settled.hash and settled.url in late.dropped)

    def _is_new_copy(self, post: Post) -> bool:
        """Tell whether this copy may replace the one that stands.

        The id says who may speak for it (its origin); a great revision proves nothing, since anybody can
        claim one. The origin's copy replaces any other. A copy of somebody else stands until the origin
        speaks, and only the one who gave that copy may change it.
        """
        if any(subject in self.deleted for subject in (post.id, post.face.author.id)):
            return False
        seen = self.by_id.get(post.id)
        if seen is None:
            return True
        if post.kind != seen.kind:
            return False
        if post.is_origin != seen.is_origin:
            return post.is_origin
        if seen.is_absent:
            return post.revision >= seen.left
        if post.via != seen.via:
            return False
        if post.revision != max(seen.revision, seen.left):
            return post.revision > max(seen.revision, seen.left)
        return seen.left == post.revision or (post.source == seen.source and words_digest(post) != seen.words)

    def _is_farewell(self, left: Left) -> bool:
        seen = self.by_id.get(left.post)
        if seen is None or self.is_gone(seen):
            return False
        if left.via and (seen.is_origin or left.via != seen.via):
            return False
        if left.why == ABSENT:
            return not seen.is_absent
        if not left.via and not seen.is_origin:
            return True
        return left.revision >= seen.revision and left.revision > seen.left

    def apply(self, entry: Entry) -> Iterable[PostState]:
        """Take it in. Gives the posts whose place may have changed."""
        match entry.event:
            case Posted(post):
                return (self._take(entry.seq, entry.at, post),)
            case Left():
                return (self._leave(entry.event),)
            case Deleted(subject):
                self.deleted[subject] = entry.seq
                return self.of(subject)
            case Settled(post_id):
                return (self._settle(entry.seq, entry.at, post_id, entry.event),)
            case _:
                return ()

    def of(self, subject: str) -> Iterator[PostState]:
        """Yield the posts that a decision on this subject concerns."""
        if seen := self.by_id.get(subject):
            yield seen
        for key in self.concerned.get(subject, ()):
            yield self.by_key[key]

    def is_gone(self, seen: PostState) -> bool:
        """Tell whether its author, or its network, took it or something in it away."""
        deleted = self.deleted
        return bool(deleted) and (
            seen.id in deleted or seen.author in deleted or any(embed in deleted for embed in seen.embeds)
        )

    def is_misquoting(self, seen: PostState) -> bool:
        """Tell whether it claims of a post, which its origin has told us, words that are not the standing
        ones."""
        said = seen.hearsay
        quoted = self.by_id.get(said.post) if said else None
        if said is None or quoted is None or not quoted.is_origin:
            return False
        return (said.author, said.words) != (quoted.author, quoted.words[: len(said.words)])

    def is_over(self, seen: PostState) -> bool:
        """Tell whether it is deleted itself, or its author, which is final."""
        return seen.id in self.deleted or seen.author in self.deleted

    def forget(self, seen: PostState) -> None:
        """Remove every trace of it."""
        self._unlink(seen)
        del self.by_key[seen.key], self.by_id[seen.id]
        self.unsettled.pop(seen.key, None)
        self.late.pop(seen.key, None)

    def _take(self, seq: int, at: float, post: Post) -> PostState:
        old = self.by_id.get(post.id)
        had = self._settled_of(old) if old else {}
        author = post.face.author.id
        seen = PostState(
            key=old.key if old else seq,
            id=old.id if old else post.id,
            author=author,
            voice=intern(voice_of(post)) if post.via else author,
            taken_at=old.taken_at if old else at,
            post=seq,
            kind=intern(post.kind),
            source=intern(post.source),
            lane=intern(post.lane),
            via=intern(post.via),
            revision=post.revision,
            is_origin=post.is_origin,
            words=words_digest(post),
            addresses=post.pictures,
            pictures=tuple(had.get(address) for address in post.pictures),
            embeds=tuple(subject for subject in [*subjects(post)][2:] if subject not in (post.id, author)),
            reply_to=post.reply_to,
            # Whoever passes on a copy may not end it: what expires is deleted for good.
            expires_at=post.expires_at if post.is_origin else None,
            hearsay=hearsay_of(post),
        )
        seen.at = min(post.created_at, seen.taken_at)
        if old:
            self._unlink(old)
        if old and (old.voice == seen.voice or not old.is_folded):  # else it was another's flood
            seen.rule, seen.rule_hash = old.rule, old.rule_hash
        if old and old.voice == seen.voice:  # else it has somebody else's place
            seen.order, seen.is_folded, seen.is_counted = old.order, old.is_folded, old.is_counted
            seen.at = old.at if old.order else seen.at
            seen.lane = old.lane
        self.by_key[seen.key] = self.by_id[seen.id] = seen
        self._link(seen)
        self._open(seen, post, had, at)
        self._complete(seen, self.unsettled[seen.key], seq, at)
        return seen

    def _leave(self, left: Left) -> PostState:
        seen = self.by_id[left.post]
        if left.why == ABSENT:
            seen.is_absent = True
        if not left.via and not seen.is_origin:  # its first word: from here on nobody else's counts
            seen.is_origin, seen.via, seen.revision = True, "", left.revision
        if left.why != ABSENT:
            seen.left = left.revision
        return seen

    def _settled_of(self, seen: PostState) -> dict[str, Picture | None]:
        missing = self.unsettled[seen.key].missing if seen.key in self.unsettled else {}
        both = zip(seen.addresses, seen.pictures, strict=True)
        return {address: picture for address, picture in both if address not in missing}

    def _open(self, seen: PostState, post: Post, had: Mapping[str, Picture | None], at: float) -> None:
        numbered = {address: n for n, address in enumerate(post.pictures) if address}
        missing = {address: n for address, n in numbered.items() if address not in had}
        dropped = {address: n for address, n in numbered.items() if address in had and had[address] is None}
        author = digest(replace(post.face.author, avatar=None))
        avatar = post.face.author.avatar
        self.late.pop(seen.key, None)
        self.unsettled[seen.key] = UnsettledCopy(face_digest(post.face), author, avatar, missing, at, dropped)

    def _settle(self, seq: int, at: float, post_id: str, settled: Settled) -> PostState:
        seen = self.by_id[post_id]
        opened = self.unsettled.get(seen.key) or self.late[seen.key]
        missing = opened.missing if settled.url in opened.missing else opened.dropped
        index = missing.pop(settled.url)
        if settled.hash:
            pictures = [*seen.pictures]
            pictures[index] = Picture(settled.hash, settled.width, settled.height)
            seen.pictures = tuple(pictures)
        else:
            opened.dropped[settled.url] = index
        self._complete(seen, opened, seq, at)
        return seen

    def _complete(self, seen: PostState, opened: UnsettledCopy, seq: int, at: float) -> None:
        """Compute the hash of a post whose last picture is settled or dropped."""
        if opened.missing:
            return
        self.unsettled.pop(seen.key, None)
        self.late.pop(seen.key, None)
        if opened.dropped:
            self.late[seen.key] = opened
        hashes = [picture.hash if picture else "" for picture in seen.pictures]
        seen.hash = face_hash(opened.face, hashes)
        avatar = "" if opened.avatar is None else hashes[opened.avatar]
        # Trust in a voice is trust in who brought it: another's copy is not that author's own.
        seen.profile = digest((opened.author, avatar, seen.via) if seen.via else (opened.author, avatar))
        seen.waits_seq, seen.waits_at, seen.spoke = seq, at, ()
        self._share(seen)

    def _share(self, seen: PostState) -> None:
        """Share one object for what is equal in an author's posts: it is most of what memory would hold."""
        keys = self.concerned[seen.author]
        other = self.by_key[keys[-1] if keys[-1] != seen.key or len(keys) == 1 else keys[-2]]
        for name in ("author", "voice", "profile", "pictures", "addresses"):
            if getattr(other, name) == getattr(seen, name):
                setattr(seen, name, getattr(other, name))

    def _link(self, seen: PostState) -> None:
        for subject in {seen.author, *seen.embeds}:
            insort(self.concerned.setdefault(subject, []), seen.key)
        if seen.expires_at is not None:
            insort(self.expiring, (seen.expires_at, seen.key))

    def _unlink(self, seen: PostState) -> None:
        for subject in {seen.author, *seen.embeds}:
            keys = self.concerned[subject]
            del keys[bisect_left(keys, seen.key)]
            if not keys:
                del self.concerned[subject]
        if seen.expires_at is not None:
            self.expiring.remove((seen.expires_at, seen.key))
