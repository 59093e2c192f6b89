"""Pictures: fetched once, re-encoded in a child process, kept by the hash of their original bytes."""

from backchannel.media.follow import follow
from backchannel.media.store import PER_HOST, MediaStore

__all__ = ["PER_HOST", "MediaStore", "follow"]
