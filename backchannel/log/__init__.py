"""The log: its contract, which SQLite fulfils, and the spool of takedowns."""

from backchannel.log.contract import MAX_BATCH, Conflict, Lane, Log, LogBroken, LogUnavailable

__all__ = ["MAX_BATCH", "Conflict", "Lane", "Log", "LogBroken", "LogUnavailable"]
