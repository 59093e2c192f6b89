"""The conference's blogs."""

from backchannel.simulator.feed.network import FeedNetwork as Network

__all__ = ["Network"]
