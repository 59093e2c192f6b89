"""When to ask again: backoff, and what servers say about their limits. Pure: no clock, no randomness.

The headers of rate limits have a dialect per network: `X-RateLimit-Reset` as an ISO time (Mastodon),
`RateLimit-Reset` as POSIX seconds (Bluesky) or as seconds from now (IETF drafts), and a single
`RateLimit` field (later drafts). What cannot be read counts as not said.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from msgspec import Struct

MAX_PAUSE_S = 3600.0
"""No server makes us wait longer than this, whatever it says."""

_EPOCH = 1e9
_MOST = 1e9  # no server means more
_MAX_DOUBLINGS = 64
_PREFIXES = ("x-ratelimit-", "ratelimit-", "x-rate-limit-")
_COMBINED = ("ratelimit", "x-ratelimit")
_FIELD = re.compile(r"\b(limit|remaining|reset|r|t)\s*=\s*\"?(\d{1,15})")


class Budget(Struct, frozen=True):
    """Says how many requests are left to us, and in how many seconds there are new ones."""

    left: int
    renewed_in_s: float | None = None


def backoff_s(failures: int, *, chance: float, base_s: float = 1.0, cap_s: float = 600.0) -> float:
    """Seconds to wait after so many failures in a row: full jitter, below `base_s * 2^(failures-1)`.

    `chance` in [0, 1) is the caller's randomness. No failure, no wait.
    """
    if failures <= 0:
        return 0.0
    return float(chance * min(cap_s, base_s * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)))


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that Retry-After asks for (seconds or an HTTP date), at most an hour; None if it does not."""
    said = dict(_lowered(headers)).get("retry-after", "").strip()
    seconds = _number(said)
    if seconds is None:
        at = http_date(said)
        seconds = None if at is None else at - now
    elif seconds > _EPOCH:  # some servers send the moment instead of the pause
        seconds -= now
    return None if seconds is None else _clamped(seconds)


def rate_pause_s(headers: Mapping[str, str], now: float) -> float:
    """Seconds until the window starts anew, when at most one request is left in it; else 0."""
    pauses = [
        _clamped(reset)
        for remaining, reset in _windows(dict(_lowered(headers)), now)
        if remaining is not None and reset is not None and remaining <= 1
    ]
    return max(pauses, default=0.0)


def budget_of(headers: Mapping[str, str], now: float) -> Budget | None:
    """Return what is left of the window that has least; None where the server does not tell."""
    found = [
        Budget(int(min(max(remaining, 0.0), _MOST)), None if reset is None else _clamped(reset))
        for remaining, reset in _windows(dict(_lowered(headers)), now)
        if remaining is not None
    ]
    return min(found, key=lambda budget: budget.left, default=None)


def _windows(headers: Mapping[str, str], now: float) -> Iterator[tuple[float | None, float | None]]:
    """Yield how many requests are left and in how many seconds they are renewed, for each dialect present."""
    for prefix in _PREFIXES:
        remaining = _number(headers.get(prefix + "remaining", "").split(",")[0])
        yield remaining, _reset_s(headers.get(prefix + "reset", ""), now)
    for name in _COMBINED:
        for part in re.split(r",(?=\s*\")", headers.get(name, "")):
            said: dict[str, str] = dict(_FIELD.findall(part))
            left, reset = said.get("remaining", said.get("r", "")), said.get("reset", said.get("t", ""))
            yield _number(left), _reset_s(reset, now)


def _reset_s(said: str, now: float) -> float | None:
    """Seconds until a reset that is given as an ISO time, POSIX seconds, or seconds from now."""
    said = said.strip()
    number = _number(said.split(",")[0])
    if number is not None:
        return number - now if number > _EPOCH else number
    if not ("-" in said or "T" in said):
        return None
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return None
    return _posix(at) - now


def http_date(said: str) -> float | None:
    """Return POSIX seconds of a date as HTTP writes it; None where it is none."""
    try:
        return _posix(parsedate_to_datetime(said))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _posix(at: datetime) -> float:
    """POSIX seconds; a time without a zone is UTC. Arithmetic, since `timestamp` fails at the ends."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()


def _number(said: str) -> float | None:
    try:
        number = float(said)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _lowered(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name.lower(), value) for name, value in headers.items())


def _clamped(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_PAUSE_S)
