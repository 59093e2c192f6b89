"""The fold of the log, a module per concern."""

from backchannel.state.state import State, fold

__all__ = ["State", "fold"]
