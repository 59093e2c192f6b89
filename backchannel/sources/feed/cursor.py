"""The memory of a feed between two readings, and how long it wants to be left alone. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec
from msgspec import Struct

from backchannel.clock import to_utc
from backchannel.sources.feed.identity import By, Row
from backchannel.sources.feed.wire import Head

MAX_ROWS = 500
"""Entries remembered, those of the last answer first. A list that is longer is a dump, not a feed."""

MAX_SKIP_S = 3600.0
"""Hours a feed wants to be skipped are skipped one at a time: it may change its mind."""

_VALIDATOR = 1000


class Memory(Struct, frozen=True, omit_defaults=True):
    """The cursor of a feed, bounded; JSON in the log.

    `etag` and `modified` are sent back verbatim. `moved` is the address the feed moved to for good. `body`:
    a digest of the last answer. `scope`: a digest of the settings that decide what is wanted; when it
    differs, everything is read anew. `due`: when an entry dated ahead is to be looked at again.
    """

    scope: str = ""
    etag: str = ""
    modified: str = ""
    moved: str = ""
    body: str = ""
    by: By = "guid"
    due: float = 0.0
    rest_s: float = 0.0
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    is_over: bool = False
    rows: tuple[Row, ...] = ()


_memory = msgspec.json.Decoder(Memory)


def load_memory(cursor: str | None, scope: str) -> Memory:
    """Read the cursor. One that cannot be read, or none, is a first reading."""
    try:
        memory = _memory.decode(cursor) if cursor else Memory()
    except (msgspec.MsgspecError, ValueError):
        memory = Memory()
    if memory.scope != scope:
        # Ids and first sights stay; that something was handed on, and that nothing changed, do not.
        rows = tuple(msgspec.structs.replace(row, raw="", said="") for row in memory.rows)
        memory = msgspec.structs.replace(memory, scope=scope, etag="", modified="", body="", rows=rows)
    return memory


def save_memory(memory: Memory) -> str:
    return msgspec.json.encode(memory).decode()


def conditions(memory: Memory, now: float) -> dict[str, str]:
    """Headers of a conditional request: both validators, as they came. None when an entry is due."""
    if 0 < memory.due <= now:
        return {}
    headers = {}
    if memory.etag:
        headers["If-None-Match"] = memory.etag
    if memory.modified:
        headers["If-Modified-Since"] = memory.modified
    return headers


def validators(headers: Mapping[str, str]) -> tuple[str, str]:
    """ETag and Last-Modified; one that is absurdly long is not kept."""
    etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    return etag if len(etag) <= _VALIDATOR else "", modified if len(modified) <= _VALIDATOR else ""


def with_rest(memory: Memory, head: Head) -> Memory:
    """Remember the feed's own wishes: an answer of 304 does not repeat them."""
    return msgspec.structs.replace(
        memory,
        rest_s=head.rest_s,
        skip_hours=head.skip_hours[:24],
        skip_days=head.skip_days[:7],
        is_over=head.is_over,
    )


def bounded_rows(current: Sequence[Row], earlier: Sequence[Row]) -> tuple[Row, ...]:
    """Rows of the last answer, then of what fell off the list, newest first."""
    present = {row.key for row in current}
    return (*current, *(row for row in earlier if row.key not in present))[:MAX_ROWS]


def pause_s(memory: Memory, headers: Mapping[str, str], real_now: float, cap_s: float) -> float:
    """Seconds to leave the feed alone: the longest of what it and its server ask for, up to `cap_s`.

    Skipped hours and days (GMT) count beyond the cap, up to an hour.
    """
    rest = min(max(memory.rest_s, max_age_s(headers)), cap_s)
    after = to_utc(real_now + rest)
    if after.hour in memory.skip_hours or after.weekday() in memory.skip_days:
        on_the_hour = after.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        rest += min((on_the_hour - after).total_seconds(), MAX_SKIP_S)
    return rest


def max_age_s(headers: Mapping[str, str]) -> float:
    """Return how long the answer stays fresh by Cache-Control, less the time it has spent in caches."""
    said = headers.get("Cache-Control", "").lower()
    found = re.search(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", said)
    if not found or re.search(r"no-cache|no-store", said):
        return 0.0
    age = headers.get("Age", "").strip()
    return max(0.0, float(found[1]) - (float(age) if re.fullmatch(r"\d{1,9}", age) else 0.0))
