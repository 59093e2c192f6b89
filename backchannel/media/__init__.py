"""Pictures: fetched once, re-encoded in a child process, kept by the hash of their original bytes."""

from backchannel.media.follow import Wish, follow
from backchannel.media.store import MediaStore

__all__ = ["MediaStore", "Wish", "follow"]
