"""Runs the sources and hands their candidates to the sequencer, with cursors, pace, patience and health."""

from backchannel.gather.candidates import is_in_window, unwanted
from backchannel.gather.context import GatherContext, LogWriter, StandingCopy
from backchannel.gather.gatherer import Gatherer
from backchannel.gather.health import LaneHealth, SourceHealth
from backchannel.gather.known import KnownPosts

__all__ = [
    "GatherContext",
    "Gatherer",
    "KnownPosts",
    "LaneHealth",
    "LogWriter",
    "SourceHealth",
    "StandingCopy",
    "is_in_window",
    "unwanted",
]
