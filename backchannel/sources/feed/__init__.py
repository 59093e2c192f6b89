"""Feeds: RSS, Atom, RDF and JSON Feed, read by polling."""

from backchannel.sources.feed.settings import FeedSettings as Settings
from backchannel.sources.feed.source import FeedSource as Source

__all__ = ["Settings", "Source"]
