"""A network in trouble: its state is said, the others go on, and what it said meanwhile is not lost.

The networks are the simulator's; the trouble is in front of them, one kind at a time.
"""

from pathlib import Path

import pytest

from backchannel.app import Server
from backchannel.simulator import Fault, ScriptedPost, Simulator, Version
from tests.kit.clocks import HastyClock, until
from tests.kit.server import running

FAULTS = {
    "429 with Retry-After": Fault("status", 429, retry_after_s=2),
    "an HTML 502": Fault("status", 502),
    "silence": Fault("silence"),
    "a lost host": Fault("refuse"),
}
KINDS = ("mastodon", "feed", "nostr")


def said(simulator: Simulator, kind: str, number: int) -> ScriptedPost:
    """A new post on this network, now, by somebody who is at home there."""
    speaker = next(s for s in simulator.world.said(simulator.moment()) if s.kind == kind and not s.answers)
    version = Version(simulator.moment(), f"said in trouble, number {number} #openideas26")
    return ScriptedPost(
        f"trouble-{kind}", speaker.kind, speaker.who, (version,), speaker.place, title=speaker.title
    )


def texts(server: Server) -> str:
    return " ".join(str(post.face.body) for post in server.sequencer.faces.values())


def health(server: Server, kind: str) -> tuple[str, str]:
    found = {source.kind: source for source in server.health()}
    return (found[kind].state, found[kind].error) if kind in found else ("", "")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("trouble", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
async def test_its_state_is_said_the_others_go_on_and_the_gap_is_filled(
    tmp_path: Path, kind: str, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backchannel.fetch.client.TOTAL_S", 2.0)
    clock = HastyClock()
    async with Simulator(speed=60, clock=clock, rate_limit=10**6, outages=False) as simulator:
        config = simulator.config_yaml(port=0).replace("delay_s: 5", "delay_s: 0")
        config = config.replace('"poll_s": 2', '"poll_s": 1').replace('"poll_s": 3', '"poll_s": 1')
        async with running(tmp_path, config, clock=clock) as (server, _):
            others = [other for other in KINDS if other != kind]
            await until(lambda: all(health(server, k)[0] == "live" for k in KINDS))
            simulator.fault(kind, FAULTS[trouble])
            await until(lambda: health(server, kind)[0] in {"backoff", "blocked"})
            assert health(server, kind)[1]
            for number, name in enumerate([kind, *others]):
                simulator.say(said(simulator, name, number))
            for number in (1, 2):
                await until(lambda number=number: f"number {number} " in texts(server))  # type: ignore[misc]
            assert all(health(server, other)[0] == "live" for other in others)
            assert "number 0 " not in texts(server)
            simulator.fault(kind, None)
            await until(lambda: "number 0 " in texts(server) or _announced(server))
            await until(lambda: health(server, kind) == ("live", ""))


def _announced(server: Server) -> bool:
    return bool(server.sequencer.state.missed)
