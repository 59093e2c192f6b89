"""Dates as networks and feeds write them, also those that other readers stumbled over."""

import pytest

from backchannel.model import DecodeError
from backchannel.wire.dates import parse_date, read_date, read_epoch, read_parts

NINE, MIDNIGHT = 1778058000.0, 1778025600.0  # on the 6th of May 2026
READ = {
    # RFC 3339 and ISO 8601
    "2026-05-06T09:00:00Z": NINE,
    "2026-05-06T11:00:00+02:00": NINE,
    "2026-05-06T11:00:00+0200": NINE,
    "2026-05-06t09:00:00z": NINE,
    "2026-05-06T09:00:00.123456789Z": NINE + 0.123456,  # Go and Rust have nanoseconds
    "2026-05-06T09:00:00": NINE,  # Lemmy before 0.19 has no zone
    "2026-05-06T09:00:00.5": NINE + 0.5,
    "2026-05-06 09:00:00 UTC": NINE,  # Ruby
    "2026-05-06 11:00:00 +02:00": NINE,
    "2026-05-06 11:00:00.364419679 +0200 CEST": NINE + 0.364419,  # Go's own way to print
    " 2026-05-06 ": MIDNIGHT,
    "20260506": MIDNIGHT,
    # RFC 822, with the names that it has and those that it has not
    "Wed, 06 May 2026 09:00:00 GMT": NINE,
    "06 May 26 09:00 UT": NINE,
    "Wed, 06 May 2026 11:00 +0200": NINE,
    "Wed, 06 May 2026 05:00:00 EDT": NINE,
    "Wed, 06 May 2026 04:00:00 EST": NINE,
    "Wed, 06 May 2026 11:00:00 CEST": NINE,
    "Wed, 06 May 2026 11:00:00 MESZ": NINE,
    "Wed, 06 May 2026 10:00:00 CET": NINE,
    "Wed, 06 May 2026 18:00:00 JST": NINE,
    "Wed, 06 May 2026 11:00:00 +0200 (CEST)": NINE,
    "Wed, 06 May 2026 09:00:00 XYZ": NINE,
    "Wed, 06 May 2026 09:00:00": NINE,
    "Wed, May 06 2026 09:00:00 +0000": NINE,  # day and month the other way round
    "Wednesday, 06-May-26 09:00:00 GMT": NINE,
    "Wed May  6 09:00:00 2026": NINE,
    # epochs
    "1778058000": NINE,
    "1778058000.25": NINE + 0.25,
    "1778058000250": NINE + 0.25,
    # how Go and .NET write that there is none: a date before any event, so that nothing old becomes new
    "0001-01-01T00:00:00Z": -62_135_596_800.0,
}


@pytest.mark.parametrize("said", READ)
def test_a_date_is_read_in_every_dialect(said: str) -> None:
    assert parse_date(said) == pytest.approx(READ[said], abs=1e-6)


@pytest.mark.parametrize(
    "said",
    [
        "", " ", "yesterday", "12", "06:00", "nan", "inf", "1e9", "-1778058000", "0x10", "2026-02-30",
        "2026-13-01T00:00:00Z", "Wed, 99 May 2026 09:00:00 GMT", "Wed, 06 May 2026 25:00:00 GMT",
        "9" * 16, "9" * 101,
        "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "Wed, 06 May 2026 09:00:00 +9999999999",
        "١٧٧٨٠٥٨٠٠٠", "\ud800", "2026-05-06T09:00:00" + " " * 99 + "x",
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused_in_one_way(said: str) -> None:
    with pytest.raises(DecodeError):
        parse_date(said)
    assert read_date(said) is None


@pytest.mark.parametrize(
    ("said", "at"),
    [
        (1778058000, 1778058000.0),
        (1778058000250, 1778058000.25),
        (0, 0.0),
        (1.5, 1.5),
        (99999999999, 99999999999.0),
    ],
)
def test_a_number_is_seconds_or_milliseconds(said: float, at: float) -> None:
    assert parse_date(said) == at


@pytest.mark.parametrize("said", [float("nan"), float("inf"), -1e300, 1 << 60, 10**400])
def test_a_number_that_is_no_time_is_refused(said: float) -> None:
    with pytest.raises(DecodeError):
        parse_date(said)


def test_digits_are_an_epoch_where_the_network_says_so() -> None:
    assert (read_epoch("20260506"), read_epoch("3000000"), read_epoch("soon")) == (20260506.0, 3e6, None)


def test_feedparsers_dates_are_read_where_a_calendar_has_them() -> None:
    assert read_parts((2026, 5, 6, 9, 0, 0, 2, 126, 0)) == 1778058000.0
    assert read_parts((2026, 13, 6, 9, 0, 0, 2, 126, 0)) is None
    assert read_parts((2026, 5, 10**9, 9, 0, 0, 2, 126, 0)) is None


def test_nothing_said_is_no_date() -> None:
    assert (read_date(None), read_date("")) == (None, None)
