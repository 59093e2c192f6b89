"""An invented conference, spoken in every network's own protocol on loopback.

A collector cannot tell it from the networks: docs/simulator.md says what is spoken, and what is not.
"""

from backchannel.simulator.command import run
from backchannel.simulator.faults import Fault
from backchannel.simulator.network import simulated_kinds
from backchannel.simulator.script import ScriptedPost, Sketch, Version
from backchannel.simulator.server import Simulator
from backchannel.simulator.world import Spoken, Truth

__all__ = [
    "Fault",
    "ScriptedPost",
    "Simulator",
    "Sketch",
    "Spoken",
    "Truth",
    "Version",
    "run",
    "simulated_kinds",
]
