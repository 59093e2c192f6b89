"""The errors of talking to a peer. Everything this package raises is a `FetchError`."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from backchannel.redaction import redacted

MAX_HOST = 120
MAX_WHY = 300
MAX_SAID = 64 << 10


class FetchError(Exception):
    """The network or the peer, not we. The message names the host and says why.

    `status` is the HTTP status where the peer answered with one instead of what was asked for
    (a refused websocket), else 0. Host and reason may repeat what a stranger sent, so they are made fit here
    for a log line, a page and the log: on one line, short, without secrets,
    controls and halves of characters.
    """

    def __init__(self, host: str, why: str, *, status: int = 0) -> None:
        self.host = _one_line(host, MAX_HOST)
        self.why = _one_line(why, MAX_WHY)
        self.status = status
        super().__init__(f"{self.host}: {self.why}")


class Refused(FetchError):
    """We do not go there: the address guard said no. Asking again will not help."""


@contextmanager
def foreign(host: str) -> Iterator[None]:
    """Within the block, whatever foreign bytes make a library raise becomes a `FetchError` that names it.

    Libraries document some exceptions and raise others: yarl looks at an address late, at any access, and
    raises ValueError, IndexError or UnicodeError there; `websockets` raises LookupError for a header that
    comes twice. A list of them is never complete, so there is none. A cancellation goes through.
    """
    try:
        yield
    except FetchError:
        raise
    except Exception as error:
        said = str(error)
        name = type(error).__name__
        raise FetchError(host, f"{name}: {said}" if said else name) from error


def _one_line(said: str, most: int) -> str:
    words = " ".join(redacted(said[:MAX_SAID])[: 4 * most].split())  # first, or half of a secret is left
    clean = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"


def connect_why(error: OSError) -> str:
    """Why there is no connection, in the system's words ("Connection refused")."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no secure connection: {error.reason or error}"
    if error.errno and error.errno > 0:  # a resolver's numbers are negative, and no `errno`
        return f"cannot connect: {os.strerror(error.errno)}"
    return f"cannot connect: {error.strerror or error}"
