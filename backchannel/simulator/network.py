"""The contract of a network's part in the simulator, and which parts there are.

A part is `simulator/<kind>.py`, or a package of that name, and exports a class `Network`. Nothing lists the
parts: a module here that bears the name of one in `sources/` is one.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple

from aiohttp import web

from backchannel import simulator, sources
from backchannel.clock import Clock
from backchannel.simulator.faults import Mode
from backchannel.simulator.people import KINDS, Kind
from backchannel.simulator.pictures import Gallery
from backchannel.simulator.script import ScriptedPost
from backchannel.simulator.world import World


class Conference(NamedTuple):
    """Holds what a part is made with. `bases` are the addresses of the two servers; `speed` is conference
    seconds in a real second; `rate_limit` and `tokens` are as `Simulator` takes them."""

    world: World
    clock: Clock
    gallery: Gallery
    bases: tuple[str, ...]
    speed: float
    rate_limit: int
    tokens: Mapping[str, str]

    def moment(self) -> float:
        """Return the seconds of the conference since its start."""
        return self.world.moment(self.clock.now())


class SimulatedNetwork(ABC):
    """Speaks one network's protocol. `prefixes`: its paths begin so; of two that fit, the longer one counts.

    Made with the `Conference`, it calls `world.listen` to hear of all posts, also of those that are added or
    changed later; of those of its own kind it puts the global id into `world.ids`.
    """

    prefixes: tuple[str, ...] = ()
    outage: Mode = "status"

    def __init__(self, conference: Conference) -> None:
        self.conference = conference

    @abstractmethod
    def source(self) -> Mapping[str, object]:
        """Return the entry of `sources:` that reads it."""

    @abstractmethod
    def routes(self, number: int) -> Iterable[web.RouteDef]:
        """Give what the server of this number answers, 0 or 1."""

    def own_posts(self) -> Iterable[ScriptedPost]:
        """Give posts that the play does not have: it is spoken on the networks of `people.KINDS` alone."""
        return ()

    def place(self, path: str, number: int) -> str:
        """Return the place of the network, as faults name it, that a path belongs to."""
        return str(number)

    def pass_time(self) -> None:  # noqa: B027 - most networks have nothing of the kind
        """Let happen what is due by itself, asked or not."""

    def next_s(self) -> float | None:
        """Return the moment at which something happens by itself."""
        return None

    def cut(self, place: str = "") -> None:  # noqa: B027 - nor this
        """Cut what is connected to this place, or to all."""


def simulated_kinds() -> tuple[Kind, ...]:
    """Return the networks that are simulated: those that the play is spoken on, then the others."""
    here, known = ({module.name for module in iter_modules(p.__path__)} for p in (simulator, sources))
    return (*KINDS, *sorted((here & known).difference(KINDS)))


def open_network(kind: Kind, conference: Conference) -> SimulatedNetwork:
    """Make the part of this name."""
    made: SimulatedNetwork = import_module(f"{simulator.__name__}.{kind}").Network(conference)
    return made
