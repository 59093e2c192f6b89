"""The one way to the outside: every request of ours, and every websocket we open, goes through `Fetcher`."""

from backchannel.fetch.client import Fetcher, Heard, Response
from backchannel.fetch.errors import FetchError, Refused
from backchannel.fetch.guard import Origin, origin_of

__all__ = ["FetchError", "Fetcher", "Heard", "Origin", "Refused", "Response", "origin_of"]
