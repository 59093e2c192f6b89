"""The posts with their times: the play, the small talk between, the crowd, the spammer and the outages.

Pure: the same seed gives the same script. Times are seconds of the conference from its start; what was said
in the days before has negative ones. The script knows networks and people, and no ids or addresses.
"""

import hashlib
from bisect import insort
from random import Random
from typing import Literal, NamedTuple

from msgspec import Struct

from backchannel.simulator.people import CAST, KINDS, Kind
from backchannel.simulator.screenplay import Mark, PlayLine, Scene, load_play
from backchannel.simulator.words import TALKERS, SmallTalk, crowd, pitches

TAG = "openideas26"
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
BURST_S = 2.36 * HOUR_S
"""Fifty posts within ten seconds begin here, when the debate is voted on."""
QUIET_S = (4.5 * HOUR_S, 5.5 * HOUR_S)
"""Lunch of day one: nobody writes anything."""
OUTAGE_S = 30.0

PictureKind = Literal["slide", "chart", "photo", "portrait", "emoji", "card"]


class Sketch(Struct, frozen=True):
    """A picture to draw: `words` are the slide's text, the photo's motif or the portrait's owner."""

    kind: PictureKind
    words: str
    alt: str = ""

    @property
    def name(self) -> str:
        """Sixteen hex digits that stand for it in addresses."""
        return hashlib.sha256(f"{self.kind}:{self.words}".encode()).hexdigest()[:16]


class LinkPreview(NamedTuple):
    """A page that a post links to, and what the network shows of it."""

    url: str
    title: str
    description: str


class Version(Struct, frozen=True):
    """The words as they stand from `at_s` on."""

    at_s: float
    text: str
    warning: str = ""


class ScriptedPost(Struct, frozen=True):
    """A post on one network, with everything that will happen to it.

    `key` is its name in the script; `answers` and `quotes` are keys. `place` is the index of the Mastodon
    server, or the feed's file name. `late_s` is how long the second server needs to hear of it. `visibility`
    is Mastodon's; the script's own posts are public.
    """

    key: str
    kind: Kind
    who: str
    versions: tuple[Version, ...]
    place: str = ""
    deleted_s: float | None = None
    answers: str = ""
    quotes: str = ""
    lang: str = "en"
    title: str = ""
    pictures: tuple[Sketch, ...] = ()
    poll: tuple[str, ...] = ()
    card: LinkPreview | None = None
    late_s: float = 6.0
    visibility: str = "public"
    is_quote_revoked: bool = False

    @property
    def at_s(self) -> float:
        """When it was first said."""
        return self.versions[0].at_s

    def version(self, at_s: float) -> Version | None:
        """Return the words as they stand at that time, None before the first."""
        return next((version for version in reversed(self.versions) if version.at_s <= at_s), None)

    def is_gone(self, at_s: float) -> bool:
        """Tell whether its author has taken it back by then."""
        return self.deleted_s is not None and self.deleted_s <= at_s


class Outage(NamedTuple):
    """A network does not answer for a while. `place` as in the fault switches."""

    kind: Kind
    place: str
    at_s: float


class Script(NamedTuple):
    """Everything that will be said, oldest first, and when networks fail."""

    said: tuple[ScriptedPost, ...]
    outages: tuple[Outage, ...]


def write_script(seed: int, kinds: tuple[Kind, ...] = KINDS) -> Script:
    """Return the whole conference for a seed; `kinds` leaves out the other networks' posts."""
    writer = _Writer(Random(f"script {seed}"))
    scenes, lines = load_play()
    writer.play(scenes, lines)
    writer.small_talk()
    writer.crowd()
    writer.spam()
    said = sorted(
        (post for post in writer.said.values() if post.kind in kinds), key=lambda p: (p.at_s, p.key)
    )
    outages = (
        Outage("nostr", "0", 3.9 * HOUR_S),
        Outage("mastodon", "1", 6.2 * HOUR_S),
        Outage("feed", "", DAY_S + 2 * HOUR_S),
    )
    return Script(tuple(said), tuple(outage for outage in outages if outage.kind in kinds))


class _Writer:
    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.said: dict[str, ScriptedPost] = {}
        self._taken: list[float] = []

    def play(self, scenes: list[Scene], lines: list[PlayLine]) -> None:
        """Times for every line: posts follow their scene's pace, answers their question."""
        clocks = [scene.start_s for scene in scenes]
        keys: dict[int, str] = {}
        for index, line in enumerate(lines):
            every = scenes[line.scene].every_s
            parent = self.said[keys[line.answers]] if line.answers is not None else None
            if parent is None:
                at_s = clocks[line.scene]
                clocks[line.scene] += every * self.rng.uniform(0.6, 1.4)
            else:
                at_s = parent.at_s + min(max(every, 60) * self.rng.uniform(0.25, 1.1), 420)
            key = keys[index] = line.marks["key"].value if "key" in line.marks else f"line-{index}"
            self._add_line(key, line, self._free(at_s), parent)

    def _add_line(self, key: str, line: PlayLine, at_s: float, parent: ScriptedPost | None) -> None:
        marks, person = line.marks, CAST[line.who]
        home = {"m": "mastodon", "n": "nostr"}.get(line.place, person.home)
        kind: Kind = parent.kind if parent else "nostr" if home == "nostr" else person.home
        if home == "mastodon" and parent is None:
            kind = "mastodon"
        quoted = self.said.get(marks["quote"].value) if "quote" in marks else None
        said = ScriptedPost(
            key=key, kind=kind, who=line.who, versions=self._versions(line, at_s, parent),
            place=_place(kind, line.who),
            deleted_s=at_s + marks["delete"].minutes * 60 if "delete" in marks else None,
            answers=parent.key if parent else "", quotes=quoted.key if quoted else "",
            lang=marks["lang"].value if "lang" in marks else person.lang,
            title=marks["title"].value if "title" in marks else "", pictures=_pictures(marks),
            poll=tuple(marks["poll"].value.split(" / ")) if "poll" in marks else (),
            card=LinkPreview(*marks["card"].value.split(" | ")) if "card" in marks else None,
            late_s=2400.0 if key == "shorter" else self.rng.uniform(2, 40),
        )  # fmt: skip
        self.said[key] = said
        if "also" in marks:
            self._add_twin(said)

    def _add_twin(self, said: ScriptedPost) -> None:
        """Add the same words of the same person on Nostr, half a minute later."""
        lag_s = self.rng.uniform(15, 60)
        versions = tuple(Version(v.at_s + lag_s, v.text, v.warning) for v in said.versions[:1])
        self.said[f"{said.key}-twin"] = ScriptedPost(
            key=f"{said.key}-twin", kind="nostr", who=said.who, versions=versions, lang=said.lang,
            pictures=said.pictures, card=said.card,
        )  # fmt: skip

    def _versions(self, line: PlayLine, at_s: float, parent: ScriptedPost | None) -> tuple[Version, ...]:
        marks = line.marks
        warning = marks["cw"].value if "cw" in marks else ""
        link = f"\n\n{marks['card'].value.split(' | ')[0]}" if "card" in marks else ""
        ending = "" if parent and self.rng.random() < 0.15 else self._ending(line.words)
        versions = [Version(at_s, _paragraphs(line.words) + link + ending, warning)]
        if edit := marks.get("edit"):
            versions.append(
                Version(at_s + edit.minutes * 60, _paragraphs(edit.value) + link + ending, warning)
            )
        if untagged := marks.get("untagged"):
            versions.append(Version(at_s + untagged.minutes * 60, _paragraphs(line.words) + link, warning))
        return tuple(versions)

    def _ending(self, words: str) -> str:
        if f"#{TAG}" in words:
            return ""
        shown = self.rng.choice((TAG, TAG, TAG, "OpenIdeas26"))
        return f"\n\n#{shown}" if len(words) > 70 or self.rng.random() < 0.3 else f" #{shown}"

    def small_talk(self) -> None:
        """Add the talk in the corridors: a dozen on day one, most of it on the days after."""
        talk = SmallTalk(self.rng)
        hours = ((0, 3.75, 4.3, 5), (0, 5.55, 10.0, 16), (1, 24.1, 33.5, 52), (2, 48.1, 54.0, 34))
        for day, first, last, count in hours:
            for number in range(count):
                at_s = (first + (last - first) * (number + self.rng.random()) / count) * HOUR_S
                who, other = self.rng.sample(TALKERS, 2)
                words, answer = talk.draw(day)
                asked = self._say(f"talk-{first}-{number}", who, words, at_s)
                if answer:
                    lag_s = self.rng.uniform(70, 400)
                    self._say(f"talk-{first}-{number}-answer", other, answer, at_s + lag_s, asked)

    def crowd(self) -> None:
        """Fifty posts in ten seconds."""
        words = crowd()
        for number, text in enumerate(words):
            at_s = BURST_S + 10 * number / len(words) + self.rng.uniform(0, 0.15)
            who = self.rng.choice(TALKERS)
            self.said[f"crowd-{number}"] = self._made(f"crowd-{number}", who, f"{text} #{TAG}", at_s, None)

    def spam(self) -> None:
        """Add the posts of a voice that says the same thing two dozen times."""
        for number, text in enumerate(pitches(self.rng, 24, f"#{TAG}")):
            at_s = 3.43 * HOUR_S + 45 * number + self.rng.uniform(0, 20)
            key = f"spam-{number}"
            kind: Kind = "mastodon" if number % 3 == 0 else "nostr"
            self.said[key] = ScriptedPost(
                key=key,
                kind=kind,
                who="wizard",
                versions=(Version(at_s, text),),
                place=_place(kind, "wizard"),
            )

    def _say(
        self, key: str, who: str, words: str, at_s: float, parent: ScriptedPost | None = None
    ) -> ScriptedPost:
        said = self._made(key, who, words + self._ending(words), self._free(at_s), parent)
        self.said[key] = said
        return said

    def _made(self, key: str, who: str, text: str, at_s: float, parent: ScriptedPost | None) -> ScriptedPost:
        kind = parent.kind if parent else CAST[who].home
        return ScriptedPost(
            key=key, kind=kind, who=who, versions=(Version(at_s, text),), place=_place(kind, who),
            answers=parent.key if parent else "", late_s=self.rng.uniform(2, 40),
        )  # fmt: skip

    def _free(self, at_s: float) -> float:
        """Return the next time at which nobody else is just writing: people do not post in unison."""
        while any(abs(at_s - taken) < 4 for taken in self._taken):
            at_s += self.rng.uniform(4, 12)
        insort(self._taken, at_s)
        return round(at_s, 3)


def _place(kind: Kind, who: str) -> str:
    return {"mastodon": str(CAST[who].server), "feed": CAST[who].feed, "nostr": ""}[kind]


def _paragraphs(words: str) -> str:
    return words.replace(" ¶ ", "\n\n")


def _pictures(marks: dict[str, Mark]) -> tuple[Sketch, ...]:
    kinds: tuple[Literal["slide", "chart", "photo"], ...] = ("slide", "chart", "photo")
    alt = marks["alt"].value if "alt" in marks else ""
    return tuple(Sketch(kind, marks[kind].value, alt) for kind in kinds if kind in marks)
