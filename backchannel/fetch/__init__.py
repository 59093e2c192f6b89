"""The one way to the outside: every request of ours, and every websocket we open, goes through `Fetcher`."""

from backchannel.fetch.client import Fetcher, Response
from backchannel.fetch.errors import FetchError, Refused

__all__ = ["FetchError", "Fetcher", "Refused", "Response"]
