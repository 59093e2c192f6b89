"""Names the way out of each failure: what an organiser changes, and where. Pure.

What went wrong is told by the exception's causes and by the last answer, never by the network's name: so it
is decided here once for all kinds. What is special to a network stands in the message of its `SourceError`.
"""

import errno
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from backchannel.contract import SourceError
from backchannel.fetch import FetchError, Refused, Response

CLOSED = frozenset({401, 403, 407, 451})
"""Statuses of a host that will not have us."""

_EXPIRED, _NOT_YET, _WRONG_NAME, _WRONG_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_…
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
_LOGIN = "the login page of this network: open any page in a browser on this machine, and sign in"

_E = TypeVar("_E", bound=BaseException)


class Failure(NamedTuple):
    """Holds why a lane could not be read.

    `heard` are the answers that came before, `secrets` the settings of its source that hold a key or a token,
    `page` its documentation, `place` its line in config.yaml.
    """

    error: Exception
    lane: str
    place: str
    heard: Sequence[Response] = ()
    secrets: Sequence[str] = ()
    page: str = ""

    @property
    def status(self) -> int:
        """Return the status that is to blame, 0 for none. Of a relay HTTP tells only that it is there."""
        if refused := self.cause(FetchError):
            return refused.status
        return self.heard[-1].status if self.heard and not self.lane.startswith("ws") else 0

    @property
    def is_page(self) -> bool:
        """Whether the last answer was a web page."""
        start = self.heard[-1].body[:200].lstrip().lower() if self.heard else b""
        return start.startswith((b"<!doctype html", b"<html"))

    @property
    def pause_s(self) -> float:
        """Return the seconds for which the lane wants to be left alone."""
        return self.error.retry_after_s if isinstance(self.error, SourceError) else 0.0

    @property
    def keeper(self) -> str:
        """Name whom to ask."""
        host = urlsplit(self.lane).hostname if "://" in self.lane else self.lane.partition(":")[0]
        return f"whoever runs {host or self.lane}"

    def cause(self, kind: type[_E]) -> _E | None:
        """Return the first cause of this kind, from which the others came."""
        found = [cause for cause in _causes(self.error) if isinstance(cause, kind)]
        return found[-1] if found else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def is_reached(failure: Failure) -> bool:
    """Tell whether the host answered at all, whatever it said."""
    return bool(failure.heard) or not (failure.cause(OSError) or failure.cause(Refused))


def is_closed(failure: Failure) -> bool:
    """Tell whether we may not read there, by the host's word or by our own guard's."""
    if failure.cause(Refused) or failure.status in CLOSED:
        return True
    error = failure.error
    return isinstance(error, SourceError) and error.permanent and failure.status in (0, 200)


def way_out(failure: Failure) -> str:
    """Say what to change, and where. A cause that lies deeper tells more than the answers before it."""
    if failure.cause(Refused):
        return _of_guard(failure)
    if certificate := failure.cause(ssl.SSLCertVerificationError):
        return _of_certificate(certificate.verify_code, failure)
    if connection := failure.cause(OSError):
        return _of_connection(connection, failure)
    return _of_answer(failure)


def _of_guard(failure: Failure) -> str:
    if failure.heard:  # it answered, and sent us on
        return (
            f"its answer leads into a private network, often to {_LOGIN}. Else write the final address at "
            f"{failure.place}"
        )
    return (
        "it lies in a private network or on an unusual port, which is closed as a rule: if it is yours, list "
        f"its network under server.allow_addresses, else correct the address at {failure.place}"
    )


def _of_certificate(code: int, failure: Failure) -> str:
    if code in (_EXPIRED, _NOT_YET):
        return (
            f"{failure.keeper} has to renew it; where browsers elsewhere take it, it is this machine's clock "
            "that is wrong"
        )
    if code in (_WRONG_NAME, _WRONG_ADDRESS):
        return f"write the name in the certificate at {failure.place}; where it is right, it is {_LOGIN}"
    return (
        f"{failure.keeper} has to serve a certificate of a public authority with its whole "
        "chain (fullchain.pem), which browsers complete by themselves and we do not; where all lanes say "
        "so: apt-get install ca-certificates"
    )


def _of_connection(error: OSError, failure: Failure) -> str:
    if isinstance(error, TimeoutError):
        return (
            "it is very slow, or something between swallows what we send, such as a firewall: try again; if "
            f"it stays so, take the line out at {failure.place}"
        )
    if isinstance(error, ssl.SSLError):
        return (
            f"nothing speaks https there: check scheme and port at {failure.place}, or ask {failure.keeper}"
        )
    if isinstance(error, socket.gaierror):
        return f"check the spelling of the name at {failure.place}; if it is right, this machine has no DNS"
    if error.errno in _NO_WAY:
        return "this machine has no way there: look at its cable or Wi-Fi, and at the venue's firewall"
    return (
        f"nothing listens there: check host and port at {failure.place}; if they are right the server is "
        f"down: ask {failure.keeper}, or take the line out"
    )


def _of_answer(failure: Failure) -> str:
    status, place, keeper = failure.status, failure.place, failure.keeper
    if status in (429, 503) and failure.pause_s:
        return f"wait {failure.pause_s:.0f} s and check again; the server will wait by itself"
    if failure.secrets and (status in CLOSED or is_closed(failure)):
        names = " or ".join(f"`{name}`" for name in failure.secrets)
        return f"give it a {names} that it accepts, at {place} ({failure.page} says how), or ask {keeper}"
    if status in CLOSED:
        return f"ask {keeper} for an address that is public, or take the line out at {place}"
    if status in (404, 410):
        return f"check the address at {place}; if it is right, what was there is gone: take the line out"
    if failure.is_page:
        return (
            f"write the address of the feed or the server itself at {place}, not that of a page about it; "
            f"where all lanes say so, it is {_LOGIN}"
        )
    if status >= 500:
        return f"it has trouble of its own: check again later, or ask {keeper}"
    return f"do as the message says, at {place} ({failure.page} has every setting), or ask {keeper}"
