"""What can go wrong with a peer. Everything this package raises is a `FetchError`."""

import os
import ssl


class FetchError(Exception):
    """The network or the peer, not we. The message names the host and says why.

    `status` is the HTTP status where the peer answered with one instead of what was asked for
    (a refused websocket), else 0.
    """

    def __init__(self, host: str, why: str, *, status: int = 0) -> None:
        super().__init__(f"{host}: {why}")
        self.host = host
        self.why = why
        self.status = status


class Refused(FetchError):
    """We do not go there: the address guard said no. Asking again will not help."""


def connect_why(error: OSError) -> str:
    """Why there is no connection, in the system's words ("Connection refused")."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no secure connection: {error.reason or error}"
    if error.errno and error.errno > 0:  # a resolver's numbers are negative, and no `errno`
        return f"cannot connect: {os.strerror(error.errno)}"
    return f"cannot connect: {error.strerror or error}"
