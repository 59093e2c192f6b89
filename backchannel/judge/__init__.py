"""Decides what is due, and says why."""

from backchannel.judge.judge import Rules, asked, due

__all__ = ["Rules", "asked", "due"]
