"""The fate of a lane whose answer is not what was asked for: parked, a pause, or another try. Pure."""

from collections.abc import Collection, Mapping

from msgspec import Raw, Struct

from backchannel.contract import SourceError
from backchannel.fetch import Response
from backchannel.model import DecodeError
from backchannel.redaction import beginning
from backchannel.retry import rate_pause_s, retry_after_s
from backchannel.wire.decoding import decode
from backchannel.wire.limits import Line

PERMANENT = frozenset({401, 403, 410, 422, 451})
"""Statuses that no other try changes: a person has to. A network may have more of them."""

MAX_COMPLAINT = 160

_NOTHING = Raw(b"null")
_WORDS: Mapping[int, str] = {
    401: "asks who reads",
    403: "refuses us",
    404: "has nothing at this address",
    410: "is gone for good",
    422: "refuses the request",
    429: "asks for a pause",
    451: "may not answer us for legal reasons",
}


class WireError(Struct, frozen=True):
    """An error in JSON, in the dialects of Mastodon and OAuth, Misskey (`error` is an object), Lemmy,
    Matrix, Bluesky, Discourse (`errors` is a list) and RFC 7807 (PeerTube)."""

    error: Raw = _NOTHING
    error_description: Line | None = None
    message: Line | None = None
    detail: Line | None = None
    title: Line | None = None
    errors: Raw = _NOTHING


def parse_complaint(body: bytes) -> str:
    """Return what a server says in an error, in one short line; empty when it is no JSON of a known form."""
    try:
        wire = decode(body, WireError)
        if bytes(wire.error).startswith(b"{"):
            wire = decode(wire.error, WireError)
        said = [decode(wire.error, str)] if bytes(wire.error).startswith(b'"') else []
        if bytes(wire.errors).startswith(b'["'):
            said += decode(wire.errors, list[str])[:3]
    except DecodeError:
        return ""
    said = said or [wire.message or wire.title or ""]
    told = [*said, wire.error_description or wire.detail or ""]
    return beginning(" ".join(" ".join(told).split()), MAX_COMPLAINT)


def is_web_page(answer: Response) -> bool:
    """Tell whether the answer is markup, as from a proxy, a portal or a shield against robots."""
    return answer.body.lstrip()[:1] == b"<"


def asked_pause_s(answer: Response, now: float) -> float:
    """Return the real seconds that the host's limits ask for, or that it asks for where it did not answer."""
    asked_s = None if answer.status in (200, 304) else retry_after_s(answer.headers, now)
    return max(asked_s or 0.0, rate_pause_s(answer.headers, now))


def failure_of(
    answer: Response,
    host: str,
    now: float,
    *,
    words: Mapping[int, str] | None = None,
    permanent: Collection[int] = PERMANENT,
    pause_s: float = 0.0,
) -> SourceError:
    """Return the SourceError for an answer with another status than was hoped for.

    `words` say by status what it means on this network, and what to do about it, as after "this host".
    `pause_s`: how long to wait where the host does not say. `now` is real time (POSIX s).
    """
    status, said = answer.status, parse_complaint(answer.body)
    told = f"{status}: {said}" if said else f"{status}"
    why = (words or {}).get(status) or _WORDS.get(status)
    page = " with a web page" if is_web_page(answer) else ""
    message = f"{host} {why} ({told})" if why else f"{host} answered {told}{page}"
    pause_s = asked_pause_s(answer, now) or pause_s
    return SourceError(message, permanent=status in permanent, retry_after_s=pause_s)
