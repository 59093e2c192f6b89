"""A child process for foreign bytes: it can be killed, and it can reach nothing of ours."""

from backchannel.child_process.parent import ChildDied, ChildHung, ChildProcess

__all__ = ["ChildDied", "ChildHung", "ChildProcess"]
