"""Pictures: fetched once, re-encoded in a child process, kept by the hash of their original bytes."""

from backchannel.media.follow import follow
from backchannel.media.stages import PER_HOST
from backchannel.media.store import MediaStore

__all__ = ["PER_HOST", "MediaStore", "follow"]
