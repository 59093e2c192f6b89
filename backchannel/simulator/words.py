"""Small talk, the crowd and the spammer: posts by the dozen, of hand-written words and a little grammar."""

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from random import Random

from backchannel.simulator.people import CAST

_SLOT = re.compile(r"\{(\w+)\}")
_LISTS = ("place", "someone", "note")
_DAYS = ("day one", "day two", "day three")
_NO_TALKERS = {"openideas", "bell", "quiet", "wizard"}
TALKERS = tuple(key for key, who in CAST.items() if who.home != "feed" and key not in _NO_TALKERS)
"""Who can be drawn by lot: people with an account, and nobody who only rings bells or sells followers."""

_PITCH = (
    "{hi}! {verb} your {what} by {n}000% {when} 🚀 no work, no talking to anyone. Link in bio {tag}",
    "{hi} {tag} friends! We {verb} {what} by {n}000% {when} 🚀 no talking to anyone! Link in bio",
    "🚀 {hi}! {n}000% more {what} {when}? Yes! No work, no talking to anyone. Link in bio {tag}",
)
_PARTS = {
    "hi": ("Hello", "Dear", "Hey hey", "GM"),
    "verb": ("Grow", "Boost", "10x", "Explode"),
    "what": ("engagement", "followers", "reach", "audience"),
    "when": ("overnight", "by lunch", "in 3 clicks", "while you sleep"),
}


def crowd() -> list[str]:
    """Return what fifty people shout within ten seconds."""
    return _rows("burst.txt")


def small_talk() -> tuple[list[tuple[str, str]], dict[str, list[str]]]:
    """(words, answer or "") of every piece, with open slots; and what the slots may hold."""
    pieces: list[tuple[str, str]] = []
    lists: dict[str, list[str]] = {}
    for row in _rows("chatter.txt"):
        name, _, rest = row.partition(": ")
        if name in _LISTS:
            lists[name] = rest.split(" | ")
        elif row.startswith("  "):
            pieces[-1] = (pieces[-1][0], row.strip())
        else:
            pieces.append((row, ""))
    return pieces, lists


class SmallTalk:
    """Draws pieces and never the same words twice; when all are used, they come in other clothes."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._pieces, self._lists = small_talk()
        self._said: set[str] = set()
        self._order = self._shuffled()

    def draw(self, day: int) -> tuple[str, str]:
        """Words and an answer to them, or ""."""
        while True:
            words, answer = next(self._order)
            words, answer = self._fill(words, day), self._fill(answer, day)
            if words not in self._said:
                answer = "" if answer in self._said else answer
                self._said |= {words, answer}
                return words, answer

    def _shuffled(self) -> Iterator[tuple[str, str]]:
        first = self._rng.sample(self._pieces, len(self._pieces))
        yield from first
        slotted = [piece for piece in self._pieces if _SLOT.search(piece[0])]
        while True:
            yield self._rng.choice(slotted)

    def _fill(self, words: str, day: int) -> str:
        def pick(match: re.Match[str]) -> str:
            return _DAYS[day] if match[1] == "day" else self._rng.choice(self._lists[match[1]])

        return _SLOT.sub(pick, words)


def pitches(rng: Random, count: int, tag: str) -> Sequence[str]:
    """Near-identical offers of a spammer, all different by a word or two."""
    offers: dict[str, None] = {}
    while len(offers) < count:
        parts = {name: rng.choice(choices) for name, choices in _PARTS.items()}
        offers[rng.choice(_PITCH).format(n=rng.randint(2, 9), tag=tag, **parts)] = None
    return list(offers)


def _rows(name: str) -> list[str]:
    text = files(__package__).joinpath("play", name).read_text("utf-8")
    return [row for row in text.splitlines() if row.strip() and not row.startswith("//")]
