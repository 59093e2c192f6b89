"""Measures our own clock by what others say of the time. Pure."""

from collections.abc import Mapping
from statistics import median

from backchannel.check.report import ClockFinding, State
from backchannel.retry import http_date

TOLERATED_S = 30.0
"""Posts are told by the minute; a header is in whole seconds, and an answer may be on its way for some."""

SEVERAL = 2
"""One host alone may be the one that is wrong."""

_WAY_OUT = (
    "let the machine set its clock by the network: timedatectl set-ntp true, then look at timedatectl (it "
    "needs UDP port 123, or a time server of the venue's). Until then posts show a wrong age, and good "
    "certificates may seem expired"
)


def skew_s(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that our clock is ahead of the host's; None where it does not tell.

    A cache repeats the date at which it was answered, and says in `Age` how long ago that was.
    """
    told = http_date(headers.get("Date", ""))
    age = headers.get("Age", "").strip()
    return None if told is None else now - told - (int(age) if age.isdecimal() and len(age) < 10 else 0)


def judge_clock(skews: Mapping[str, float]) -> ClockFinding:
    """Take the middle of what the hosts say, so that one that is wrong itself does not count."""
    if not skews:
        return ClockFinding()
    error_s, hosts = round(median(skews.values()), 1), len(skews)
    if abs(error_s) < TOLERATED_S:
        return ClockFinding(error_s=error_s, hosts=hosts)
    side = "ahead" if error_s > 0 else "behind"
    problem = f"this machine's clock is {duration(abs(error_s))} {side}, by the word of {hosts} hosts"
    if hosts < SEVERAL:
        problem = (
            f"{next(iter(skews))} and this machine's clock are {duration(abs(error_s))} apart: one is wrong"
        )
    state: State = "trouble" if hosts >= SEVERAL else "look"
    return ClockFinding(state=state, problem=problem, way_out=_WAY_OUT, error_s=error_s, hosts=hosts)


def duration(seconds: float) -> str:
    """Return a time in words, in its two largest units: `2 h 5 min`."""
    left, parts = round(seconds), []
    for name, size in (("days", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if left >= size:
            parts.append(f"{left // size} {name}")
            left %= size
    return " ".join(parts[:2]) or "0 s"
