"""When to ask again, as servers say it in their dialects."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel.clock import to_utc
from backchannel.retry import MAX_PAUSE_S, Budget, backoff_s, budget_of, rate_pause_s, retry_after_s

NOW = 1_784_300_000.0
chances = st.floats(0, 1, exclude_max=True)


@given(st.integers(-5, 10_000), chances)
def test_a_backoff_never_passes_its_cap(failures: int, chance: float) -> None:
    assert 0 <= backoff_s(failures, chance=chance, cap_s=600) <= 600


@given(st.integers(1, 200), chances)
def test_the_same_luck_waits_no_shorter_after_more_failures(failures: int, chance: float) -> None:
    assert backoff_s(failures, chance=chance) <= backoff_s(failures + 1, chance=chance)


def test_the_jitter_is_full() -> None:
    assert backoff_s(4, chance=0.0) == 0.0
    assert backoff_s(4, chance=0.5, base_s=1) == 4.0


def test_no_failure_is_no_wait() -> None:
    assert backoff_s(0, chance=0.9) == 0.0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("-5", 0.0),
        ("86400", MAX_PAUSE_S),
        (str(int(NOW) + 30), 30.0),
        (formatdate(NOW + 45, usegmt=True), 45.0),
        (formatdate(NOW - 45, usegmt=True), 0.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("Fri, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(said: str, expected: float | None) -> None:
    assert retry_after_s({"Retry-After": said}, NOW) == expected


def test_a_name_of_a_header_is_read_in_any_case() -> None:
    assert retry_after_s({"RETRY-AFTER": "9"}, NOW) == 9.0


def test_no_header_asks_for_nothing() -> None:
    assert retry_after_s({}, NOW) is None
    assert rate_pause_s({}, NOW) == 0.0


@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": to_utc(NOW + 90).isoformat()},
        {
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": to_utc(NOW + 90).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        },
        {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(NOW) + 90), "RateLimit-Policy": "3000;w=300"},
        {"RateLimit-Remaining": "0", "RateLimit-Reset": "90"},
        {"RateLimit-Remaining": "1", "RateLimit-Reset": "90"},
        {"RateLimit-Remaining": "0, 0;w=300", "RateLimit-Reset": "90, 90"},
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(NOW) + 90)},
        {"RateLimit": "limit=100, remaining=0, reset=90"},
        {"RateLimit": '"default";r=0;t=90'},
        {"RateLimit": '"hour";r=40;t=3000, "burst";r=0;t=90'},
        {
            "X-RateLimit-Remaining": "200",
            "X-RateLimit-Reset": "10",
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": "90",
        },
    ],
)
def test_an_empty_window_waits_for_its_reset_in_every_dialect(headers: dict[str, str]) -> None:
    assert rate_pause_s(headers, NOW) == pytest.approx(90.0)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Remaining": "299", "X-RateLimit-Reset": to_utc(NOW + 90).isoformat()},
        {"RateLimit": '"default";r=5;t=90'},
        {"RateLimit-Remaining": "0"},
        {"RateLimit-Remaining": "0", "RateLimit-Reset": "T-minus-ten"},
        {"RateLimit-Remaining": "none", "RateLimit-Reset": "90"},
        {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(NOW) - 90)},
    ],
)
def test_no_pause_without_need_or_without_a_readable_reset(headers: dict[str, str]) -> None:
    assert rate_pause_s(headers, NOW) == 0.0


@pytest.mark.parametrize(
    ("headers", "budget"),
    [
        ({}, None),
        ({"X-RateLimit-Remaining": "297"}, Budget(297)),
        ({"x-ratelimit-remaining": "297", "x-ratelimit-reset": "60"}, Budget(297, 60.0)),
        ({"RateLimit": '"hour";r=9;t=600, "day";r=40;t=9000'}, Budget(9, 600.0)),
        ({"RateLimit-Remaining": "-3"}, Budget(0)),
    ],
)
def test_what_is_left_is_that_of_the_tightest_window(headers: dict[str, str], budget: Budget | None) -> None:
    assert budget_of(headers, NOW) == budget


names = st.sampled_from(
    [
        "Retry-After",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "RateLimit",
    ]
)
words = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"-?\d{1,25}(\.\d*)?", fullmatch=True),
    st.datetimes().map(lambda at: at.isoformat()),
    st.sampled_from(
        ["0", "inf", "1e400", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "r=0;t=9"]
    ),
)


@given(st.dictionaries(names, words), st.floats(0, 1e11))
def test_whatever_a_server_says_the_pause_is_bounded(headers: dict[str, str], now: float) -> None:
    asked = retry_after_s(headers, now)
    assert asked is None or 0 <= asked <= MAX_PAUSE_S
    assert 0 <= rate_pause_s(headers, now) <= MAX_PAUSE_S
    budget = budget_of(headers, now)
    assert budget is None or 0 <= budget.left <= 1e9
