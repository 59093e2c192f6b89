"""The conference's Nostr relay."""

from backchannel.simulator.nostr.network import NostrNetwork as Network

__all__ = ["Network"]
