"""Decisions of people: a request such as "hide this permalink" becomes an event with an id of its own."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

from msgspec import Struct

from backchannel.log import Conflict, LogUnavailable
from backchannel.model import Blanked, Posted, Rank, Ruled, Verdict, digest
from backchannel.sequencer import Sequencer
from backchannel.state.post_state import PostState


class Outcome(Struct, frozen=True):
    """Says what became of a person's word. `saved`: it is in the log; else it holds and is not there yet."""

    message: str
    saved: bool = False


class Desk:
    """Finds what a person means, and says it to the sequencer.

    All methods raise LookupError, with a sentence for the person, where there is no such post, and
    LogUnavailable with the reason where nothing can be stored.
    """

    def __init__(
        self, sequencer: Sequencer, after_erasure: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        """`after_erasure` makes what follows the board catch up before an erasure is called done; False
        where it could not yet."""
        self._sequencer = sequencer
        self._after_erasure = after_erasure

    async def rule(
        self, verdict: str, subject: str, *, by: str, why: str = "", on: bool = True, ruling_id: str = ""
    ) -> Outcome:
        """`verdict`: hide, show, block, undo, erase or blank; `subject`: a permalink, an id or a key.

        The same word with the same `ruling_id` is one word, however often it is delivered.
        """
        # All of the word names it: somebody else who counts from 1, too, is heard.
        said = digest((ruling_id, verdict, subject, by, why, on)).hex() if ruling_id else uuid4()
        id_ = f"person:{said}"
        state = self._sequencer.state
        if (id_ in state.rulings.ids or id_ in state.blanks) and verdict != "show":
            return Outcome("said before, and saved", saved=True)
        if verdict == "blank":
            saved = await self._sequencer.take_down([Blanked(id_, on)])
            return self._answer(saved, "blank" if on else "no longer blank")
        seen = await self.find(subject)
        match verdict:
            case "hide":
                return await self._hide(Ruled(id_, seen.id, "hide", Rank.PERSON, by, why=why), "hidden")
            case "block":
                self._check_block(seen)
                return await self._hide(
                    Ruled(id_, seen.author, "hide", Rank.PERSON, by, why=why), "author blocked"
                )
            case "show":
                return await self._show(Ruled(id_, seen.id, "show", Rank.PERSON, by, seen.hash, why))
            case "undo":
                return await self._undo(id_, seen, by, why)
            case "erase":
                return await self._erase(seen)
        raise LookupError(f"{verdict!r} is nothing that can be done: hide, show, block, undo, erase, blank")

    async def find(self, subject: str) -> PostState:
        """Return the post of this key, id or permalink. Raises LookupError."""
        posts = self._sequencer.state.posts
        is_key = subject.isascii() and subject.isdigit()
        seen = posts.by_key.get(int(subject)) if is_key else posts.by_id.get(subject)
        if seen is None and "/" in subject:
            seen = self._by_permalink(subject) or await self._in_the_log(subject)
        if seen is None:
            raise LookupError(f"no post here has the key, id or permalink {subject!r}")
        return seen

    def _by_permalink(self, url: str) -> PostState | None:
        posts = self._sequencer.state.posts
        ids = dict.fromkeys(post.id for post in self._sequencer.faces.values() if post.face.url == url)
        found = [posts.by_id[post_id] for post_id in ids if post_id in posts.by_id]
        if len(found) > 1:
            keys = ", ".join(str(seen.key) for seen in found)
            raise LookupError(f"several posts claim this permalink; name one by its key: {keys}")
        return found[0] if found else None

    async def _in_the_log(self, url: str) -> PostState | None:
        async for entries in self._sequencer.log.after(0):
            for entry in entries:
                if isinstance(entry.event, Posted) and entry.event.post.face.url == url:
                    return self._sequencer.state.posts.by_id.get(entry.event.post.id)
        return None

    def _check_block(self, seen: PostState) -> None:
        """Refuse to block an author who speaks here for what somebody else says in their name."""
        others = self._sequencer.state.posts.of(seen.author)
        if not seen.is_origin and any(one.is_origin and one.author == seen.author for one in others):
            who = seen.via or seen.source
            raise LookupError(f"only {who} says that this author wrote it: hide it, or block by another post")

    async def _hide(self, ruled: Ruled, done: str) -> Outcome:
        return self._answer(await self._sequencer.take_down([ruled]), done)

    async def _show(self, ruled: Ruled) -> Outcome:
        await self._sequencer.submit([ruled])
        seen = self._sequencer.state.posts.by_id.get(ruled.subject)
        word = self._sequencer.state.rulings.top(ruled.subject)
        if seen is None or word is None or word.id != ruled.id or word.hash != seen.hash:
            return Outcome("changed: the post is not what it was, look again", saved=True)
        if self._sequencer.state.verdict(seen) == ("show", "approved"):
            return Outcome("shown", saved=True)
        return Outcome("approved, but something else hides it: a block, or its author", saved=True)

    async def _undo(self, id_: str, seen: PostState, by: str, why: str) -> Outcome:
        rulings = self._sequencer.state.rulings
        for subject in (seen.id, seen.author):
            if word := rulings.top(subject):
                await self._sequencer.submit([_undo_of(id_, subject, by, why, word.id)])
                left = rulings.top(subject)
                if any(other.id == word.id for other in rulings.words.get(subject, ())):
                    return Outcome("changed: somebody has spoken meanwhile, look again", saved=True)
                rest = f"; {_PAST[left.verdict]} before it stands again" if left else ""
                return Outcome(f"{_PAST[word.verdict]} is withdrawn{rest}", saved=True)
        if (rule := seen.rule) and seen.rule_id:
            await self._sequencer.submit([_undo_of(id_, seen.id, by, why, seen.rule_id)])
            return Outcome(f"what the rule {rule.by!r} said is withdrawn", saved=True)
        raise LookupError("nothing has been decided on this post that could be undone")

    async def _erase(self, seen: PostState) -> Outcome:
        try:
            is_whole = await self._sequencer.erase(seen.id)
        except Conflict as error:
            raise LogUnavailable("another node writes; ask it, or try again") from error
        if self._after_erasure:
            is_whole = await self._after_erasure() and is_whole
        if not is_whole:
            return Outcome("gone from every page; its last bytes leave the disk when there is room")
        return Outcome("erased, in every file; a backup made earlier still has it", saved=True)

    def _answer(self, saved: bool, done: str) -> Outcome:
        unsaved = f"{done} everywhere, but not yet saved: kept aside until it can be"
        return Outcome(done if saved else unsaved, saved=saved)


_PAST: dict[Verdict, str] = {"hide": "the hide", "show": "the approval", "hold": "the hold"}


def _undo_of(id_: str, subject: str, by: str, why: str, undoes: str) -> Ruled:
    return Ruled(id_, subject, "undo", Rank.PERSON, by, why=why, undoes=undoes)
