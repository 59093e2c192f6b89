"""Mastodon and its relatives, read by asking their servers again."""

from backchannel.sources.mastodon.settings import MastodonSettings as Settings
from backchannel.sources.mastodon.source import MastodonSource as Source

__all__ = ["Settings", "Source"]
