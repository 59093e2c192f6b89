"""Nostr: several relays, read over a websocket each."""

from backchannel.sources.nostr.settings import NostrSettings as Settings
from backchannel.sources.nostr.source import NostrSource as Source

__all__ = ["Settings", "Source"]
