"""The conference's Mastodon servers."""

from backchannel.simulator.mastodon.network import MastodonNetwork as Network

__all__ = ["Network"]
