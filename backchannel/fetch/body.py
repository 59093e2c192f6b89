"""A response's body: undone from its compression, and never longer than agreed. No I/O.

A bomb is small on the wire, so what counts is what comes out; members that decompress to nothing cost time
instead of space, so what goes in is counted, too.
"""

import zlib

from backchannel.redaction import beginning

MAX_MEMBERS = 64


class BodyError(Exception):
    """The body breaks its own encoding, or our limits. The message says which."""


class Body:
    """Feed what comes from the wire, then `finish`. `encoding` is the Content-Encoding header."""

    def __init__(self, encoding: str, max_bytes: int) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BodyError(f"unknown Content-Encoding {beginning(encoding, 40)!r}")
        self._max = max_bytes
        self._taken = 0
        self._members = 0
        self._inflate: zlib._Decompress | None = None
        self._parts = bytearray()

    @property
    def is_encoded(self) -> bool:
        """Whether more may come out than goes in."""
        return self._encoding not in ("", "identity")

    @property
    def length(self) -> int:
        """Return what has come out so far."""
        return len(self._parts)

    def feed(self, data: bytes) -> None:
        """Take some bytes of the wire. Raises BodyError as soon as a limit is passed."""
        self._taken += len(data)
        if self._taken > self._max:
            raise BodyError(f"answer is longer than {self._max} bytes")
        if self._encoding in ("", "identity"):
            self._parts += data
            return
        while data:
            data = self._inflated(data)

    def _inflated(self, data: bytes) -> bytes:
        """Decompress up to the end of this member; what is left belongs to the next."""
        if self._inflate is None:
            self._inflate = self._begin(data)
        try:
            self._parts += self._inflate.decompress(data, self._max - len(self._parts) + 1)
        except zlib.error as error:
            raise BodyError(f"broken {self._encoding} body: {error}") from error
        if len(self._parts) > self._max:
            raise BodyError(f"answer is longer than {self._max} bytes when decompressed")
        if not self._inflate.eof:
            return b""
        rest = self._inflate.unused_data
        self._inflate = None
        return rest

    def _begin(self, data: bytes) -> "zlib._Decompress":
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise BodyError(f"more than {MAX_MEMBERS} compressed members")
        if self._encoding == "deflate":
            # Half the world sends a zlib stream under this name, the other half a bare one.
            return zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        return zlib.decompressobj(zlib.MAX_WBITS | 16)

    def finish(self) -> bytes:
        """Return the whole body. Raises BodyError where the compressed stream is cut off."""
        if self._inflate is not None:
            raise BodyError(f"{self._encoding} body ends in the middle")
        return bytes(self._parts)
