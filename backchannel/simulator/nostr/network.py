"""Nostr's part: two relays, and the events that reach them at their times."""

import heapq
from collections.abc import Iterable, Mapping

from aiohttp import web

from backchannel.simulator.faults import Mode
from backchannel.simulator.network import Conference, SimulatedNetwork
from backchannel.simulator.nostr.events import Event, EventWriter
from backchannel.simulator.nostr.server import Relay
from backchannel.simulator.people import CAST, RELAYS
from backchannel.simulator.script import ScriptedPost

_PROFILES_S = -70 * 3600.0


class NostrNetwork(SimulatedNetwork):
    """Turns posts into signed events, and hands each relay what is published there."""

    prefixes = ("/nostr", "/blossom/")
    outage: Mode = "refuse"

    def __init__(self, conference: Conference) -> None:
        super().__init__(conference)
        self._world = conference.world
        self._relays = [Relay(number, name) for number, name in enumerate(RELAYS)]
        self._writer = EventWriter(self._world, f"{conference.bases[0]}/blossom")
        self._coming: list[tuple[float, int, Event]] = []
        self._known: set[str] = set()
        for who in CAST:
            self._queue(_PROFILES_S, self._writer.profile(who, int(self._world.stamp(_PROFILES_S))))
        self._world.listen(self._publish)

    def source(self) -> Mapping[str, object]:
        relays = [f"{base.replace('http', 'ws', 1)}/nostr" for base in self.conference.bases]
        return {"kind": "nostr", "relays": relays, "spellings": ["OpenIdeas26"]}

    def routes(self, number: int) -> Iterable[web.RouteDef]:
        yield web.get("/nostr", self._relays[number].answer)
        yield web.get("/blossom/{name}.png", self.conference.gallery.answer)

    def pass_time(self) -> None:
        """Events reach relays."""
        now = self.conference.moment()
        while self._coming and self._coming[0][0] <= now:
            event = heapq.heappop(self._coming)[2]
            for relay in self._relays:
                if relay.offers(event):
                    relay.take(event)
        for relay in self._relays:
            relay.tick(self.conference.clock.now())

    def next_s(self) -> float | None:
        return self._coming[0][0] if self._coming else None

    def cut(self, place: str = "") -> None:
        for relay in self._relays:
            if place in ("", str(relay.number)):
                relay.drop_all()

    def _publish(self, said: ScriptedPost) -> None:
        """Everything that will become of a post, as events at their times."""
        if said.kind != "nostr":
            return
        for version in said.versions:
            self._queue(version.at_s, self._writer.event(said, version))
        self._world.ids[said.key] = self._writer.global_id(said)
        if said.deleted_s is not None:
            self._queue(said.deleted_s, self._writer.deletion(said, said.deleted_s))

    def _queue(self, at_s: float, event: Event) -> None:
        if event.id not in self._known:
            self._known.add(event.id)
            heapq.heappush(self._coming, (at_s, len(self._known), event))
