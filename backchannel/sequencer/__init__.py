"""The only writer of the log."""

from backchannel.sequencer.sequencer import Sequencer

__all__ = ["Sequencer"]
