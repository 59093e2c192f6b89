"""Dates in all the ways in which networks write them → POSIX seconds (UTC). Pure.

ISO 8601 and RFC 3339 with or without a zone, RFC 822 with zone names, and epochs in seconds or milliseconds.
A date without a zone is UTC, as Lemmy and many feeds mean it. What counts where there is none is the caller's
business: `parse_date` raises DecodeError, `read_date` gives None.
"""

import re
from calendar import timegm
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

from backchannel.model import DecodeError
from backchannel.redaction import beginning

MAX_DATE = 100
"""Characters; the longest that is known has sixty."""

FIRST, LAST = -62_135_596_800.0, 253_402_300_799.0
"""The years 1 to 9999: nothing else can be drawn, so it is no date. Year 1 is how Go writes "none". It counts
as a date, long before any event: without one an old entry would be new, and come on the screens."""

MILLISECONDS = 1e11
"""An epoch from here on is in milliseconds: as seconds it would lie beyond the year 5138."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,9})?")
_DAY = re.compile(r"[0-9]{1,8}")  # 20260506 is a day, and no second of the year 1970
_OFFSET = re.compile(r"([+-]\d\d:?\d\d) [A-Z]{2,5}")  # "+0200 CEST", as Go prints a time
_ZONES = {
    "WET": "+0000", "WEST": "+0100", "BST": "+0100", "CET": "+0100", "MEZ": "+0100", "CEST": "+0200",
    "MESZ": "+0200", "SAST": "+0200", "EET": "+0200", "EEST": "+0300", "MSK": "+0300", "IST": "+0530",
    "SGT": "+0800", "AWST": "+0800", "JST": "+0900", "KST": "+0900", "AEST": "+1000", "AEDT": "+1100",
    "NZST": "+1200", "NZDT": "+1300", "BRT": "-0300", "AKST": "-0900", "AKDT": "-0800", "HST": "-1000",
    "UT": "+0000", "UTC": "+0000", "GMT": "+0000", "Z": "+0000",
}  # fmt: skip
"""Names that RFC 822 does not have and feeds use; North America's are known to `email`. Where a name stands
for several zones the one with more people counts; any other name counts as UTC."""


def parse_date(said: str | float) -> float:
    """Return a date in any dialect as POSIX seconds. DecodeError where it is none."""
    if isinstance(said, int | float):
        return parse_epoch(said)
    text = said.strip()
    if len(text) <= MAX_DATE:
        if _DIGITS.fullmatch(text) and not _DAY.fullmatch(text):
            return parse_epoch(text)
        for parse in (_iso, _rfc822):
            try:
                return _plausible((parse(text) - _EPOCH).total_seconds())
            except (ValueError, TypeError, IndexError, OverflowError):  # as `datetime` and `email` fail
                continue
    raise DecodeError(f"no time: {beginning(said, 40)!r}")


def read_date(said: str | float | None) -> float | None:
    """Return the date, or None: a date that nobody can read is no date."""
    try:
        return None if said is None or said == "" else parse_date(said)
    except DecodeError:
        return None


def parse_epoch(said: str | float) -> float:
    """Return seconds or milliseconds since 1970, as a number or in digits, as seconds. DecodeError."""
    if isinstance(said, str) and not _DIGITS.fullmatch(said):
        raise DecodeError(f"no time: {beginning(said, 40)!r}")
    at = float(said) if isinstance(said, str) else said
    is_milliseconds = MILLISECONDS <= abs(at) <= LAST * 1000
    return _plausible(at / 1000 if is_milliseconds else at)


def read_epoch(said: str | float) -> float | None:
    """Return seconds since 1970, or None."""
    try:
        return parse_epoch(said)
    except DecodeError:
        return None


def read_parts(date: Sequence[int]) -> float | None:
    """Return the seconds for a `struct_time` in UTC, as feedparser gives it; None where it is no date."""
    try:
        return _plausible(timegm(tuple(date)))
    except (ValueError, OverflowError):
        return None


def _plausible(at: float) -> float:
    """DecodeError (a ValueError) where no calendar has the time: infinity and NaN are such times, too."""
    if not FIRST <= at <= LAST:
        raise DecodeError("no time: it lies in no year from 1 to 9999")
    return float(at)


def _iso(text: str) -> datetime:
    """ValueError. Also with a space before the zone, a name behind it, or a name alone."""
    text = _OFFSET.sub(r"\1", _numbered(text.upper())).replace(" +", "+").replace(" -", "-")
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _rfc822(text: str) -> datetime:
    """ValueError, and what `email` raises."""
    found = parsedate_tz(_numbered(text))
    if found is None:
        raise ValueError(text)
    return datetime(*found[:6], tzinfo=UTC) - timedelta(seconds=found[9] or 0)


def _numbered(text: str) -> str:
    """Return the text with a number for the zone's name that it ends in."""
    head, _, name = text.rpartition(" ")
    offset = _ZONES.get(name.strip("()").upper())
    return f"{head} {offset}" if offset and not _OFFSET.search(text) else text
