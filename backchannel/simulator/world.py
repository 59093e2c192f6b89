"""The conference in time: the script laid on a clock, what is added by hand, and the truth to compare with.

A post's *stamp* is the POSIX time that its network claims for it. On a clock that runs at the simulator's
speed (as `demo`'s does) stamps are conference time; on a clock of real seconds they are real times, so that a
collector that lives in real time is not handed posts from its future. What was said in the days before keeps
its distance either way.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from backchannel.simulator.people import CAST, Kind
from backchannel.simulator.script import TAG, Script, ScriptedPost, Version

Listener = Callable[[ScriptedPost], None]


class Spoken(Struct, frozen=True):
    """The truth about a post for a reader of the networks: its latest words, and whether it still stands.

    `id` is the network's own global one: the `uri`, `nostr:<event id>`, `<feed address>#<entry id>`.
    `revision_at` is the stamp of the last change of words, 0 where there was none.
    """

    id: str
    kind: Kind
    key: str
    author: str
    created_at: float
    text: str
    warning: str
    title: str
    lang: str
    answers: str
    revision_at: float
    is_tagged: bool
    is_gone: bool


class Truth(Struct, frozen=True):
    """Everything said by a time, by id."""

    posts: Mapping[str, Spoken]

    @property
    def standing(self) -> set[str]:
        """Ids of what carries the hashtag and was not taken back."""
        return {post.id for post in self.posts.values() if post.is_tagged and not post.is_gone}

    @property
    def gone(self) -> set[str]:
        """Ids of what its author took back."""
        return {post.id for post in self.posts.values() if post.is_gone}


class World:
    """The conference in time: what was and will be said. `stretch` is stamp seconds for a second of the
    conference."""

    def __init__(self, seed: int, script: Script, start: float, stretch: float = 1.0) -> None:
        self.seed = seed
        self.start = start
        self.outages = script.outages
        self._stretch = stretch
        self._said = {said.key: said for said in script.said}
        self._listeners: list[Listener] = []
        self.ids: dict[str, str] = {}
        """Key → the post's global id; filled by the networks as they mint them."""

    def stamp(self, at_s: float) -> float:
        """POSIX time of a moment of the conference."""
        return self.start + (at_s * self._stretch if at_s > 0 else at_s)

    def moment(self, stamp: float) -> float:
        """Seconds of the conference at a POSIX time."""
        since = stamp - self.start
        return since / self._stretch if since > 0 else since

    def listen(self, listener: Listener) -> None:
        """Call for every post there is, and for each that is added or changed later."""
        self._listeners.append(listener)
        for said in self._said.values():
            listener(said)

    def add(self, said: ScriptedPost) -> None:
        """Somebody says something that is not in the script, or it changes."""
        self._said[said.key] = said
        for listener in self._listeners:
            listener(said)

    def edit(self, key: str, text: str, at_s: float) -> None:
        """New words for a post."""
        said = self._said[key]
        warning = said.versions[-1].warning
        self.add(replace(said, versions=(*said.versions, Version(at_s, text, warning))))

    def delete(self, key: str, at_s: float) -> None:
        """Delete a post for its author."""
        self.add(replace(self._said[key], deleted_s=at_s))

    def post(self, key: str) -> ScriptedPost:
        """Return the post of that name. KeyError."""
        return self._said[key]

    def said(self, at_s: float) -> Iterator[ScriptedPost]:
        """Return what was said by then, taken back or not."""
        return (said for said in self._said.values() if said.at_s <= at_s)

    def truth(self, stamp: float) -> Truth:
        """Return what has been said by a POSIX time, from the script alone and not from what is on the
        wire."""
        at_s = self.moment(stamp)
        spoken = (self._spoken(said, at_s) for said in self.said(at_s))
        return Truth({post.id: post for post in spoken})

    def _spoken(self, said: ScriptedPost, at_s: float) -> Spoken:
        version = said.version(at_s) or said.versions[0]
        is_edited = version is not said.versions[0]
        return Spoken(
            id=self.ids[said.key], kind=said.kind, key=said.key, author=CAST[said.who].handle,
            created_at=self.stamp(said.at_s), text=version.text, warning=version.warning, title=said.title,
            lang=said.lang, answers=self.ids.get(said.answers, ""),
            revision_at=self.stamp(version.at_s) if is_edited else 0.0,
            is_tagged=said.kind == "feed" or f"#{TAG}" in version.text.casefold(), is_gone=said.is_gone(at_s),
        )  # fmt: skip


def iso(stamp: float, *, seconds: bool = False) -> str:
    """`2026-11-24T09:00:00.000Z`, without milliseconds where `seconds`."""
    moment = datetime.fromtimestamp(stamp, UTC).isoformat(timespec="seconds" if seconds else "milliseconds")
    return moment.replace("+00:00", "Z")
