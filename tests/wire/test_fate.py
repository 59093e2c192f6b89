"""What an answer means for its lane, whichever network gave it."""

import json
from typing import Any

import pytest

from backchannel.fetch import Response
from backchannel.wire.fate import PERMANENT, asked_pause_s, failure_of, parse_complaint

NOW = 1_778_058_000.0


def answer(status: int, body: str | bytes = b"", **headers: str) -> Response:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, said, body.encode() if isinstance(body, str) else body, "https://a.example/x")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"error": "This action is not allowed"}, "This action is not allowed"),  # Mastodon
        ({"error": "invalid_grant", "error_description": "No such code"}, "invalid_grant No such code"),
        ({"error": {"message": "Rate limited", "code": "RATE_LIMIT_EXCEEDED"}}, "Rate limited"),  # Misskey
        ({"error": "rate_limit_error"}, "rate_limit_error"),  # Lemmy
        ({"errcode": "M_FORBIDDEN", "error": "Guests may\n not"}, "Guests may not"),  # Matrix
        ({"error": "AuthMissing", "message": "Authentication Required"}, "AuthMissing"),  # Bluesky
        ({"errors": ["You need to log in", "now"], "error_type": "not_logged_in"}, "You need to log in now"),
        ({"title": "Bad Request", "detail": "Incorrect start", "status": 400}, "Bad Request Incorrect start"),
        ({"error": 5, "message": "e"}, "e"), ({"error": None}, ""), ({"errors": {"a": 1}}, ""),
        ({"message": 7}, ""), ([], ""), ("text", ""), ({"error": {"error": {"error": "deep"}}}, ""),
        ({"error": "x" * 900}, "x" * 160),
    ],
)  # fmt: skip
def test_a_complaint_is_read_in_every_dialect(said: Any, told: str) -> None:
    assert parse_complaint(json.dumps(said).encode()) == told


@pytest.mark.parametrize("body", [b"", b"<html>sorry</html>", b'{"error":"\xff"}', b"[" * 99_999])
def test_what_is_no_complaint_says_nothing(body: bytes) -> None:
    assert parse_complaint(body) == ""


@pytest.mark.parametrize(
    ("status", "is_permanent"),
    [(401, True), (403, True), (410, True), (422, True), (451, True), (400, False), (404, False),
     (408, False), (418, False), (429, False), (500, False), (502, False), (503, False), (204, False)],
)  # fmt: skip
def test_each_status_has_its_fate(status: int, is_permanent: bool) -> None:
    error = failure_of(answer(status), "a.example", NOW)
    assert (error.permanent, error.retry_after_s) == (is_permanent, 0.0)
    assert str(error).startswith("a.example ")
    assert f"{status}" in str(error)


def test_a_network_says_in_its_own_words_what_to_do_and_what_else_is_permanent() -> None:
    words = {404: "has no such room; check `rooms`"}
    error = failure_of(answer(404, '{"error":"none"}'), "a", NOW, words=words, permanent=PERMANENT | {404})
    assert (str(error), error.permanent) == ("a has no such room; check `rooms` (404: none)", True)


def test_a_web_page_is_named_where_nothing_else_is_known() -> None:
    assert str(failure_of(answer(502, "\n <html>"), "a", NOW)) == "a answered 502 with a web page"


@pytest.mark.parametrize(
    ("given", "pause_s"),
    [
        (answer(429, Retry_After="120"), 120.0),
        (answer(503, Retry_After="Wed, 06 May 2026 09:00:30 GMT"), 30.0),
        (answer(200, Retry_After="120"), 0.0),
        (answer(429, X_RateLimit_Remaining="0", X_RateLimit_Reset="2026-05-06T09:01:00Z"), 60.0),
        (answer(200, RateLimit_Remaining="0", RateLimit_Reset="20"), 20.0),
        (answer(500), 0.0),
    ],
)
def test_the_pause_is_what_the_host_asks_for(given: Response, pause_s: float) -> None:
    assert asked_pause_s(given, NOW) == pause_s


def test_a_pause_of_ours_counts_where_the_host_names_none() -> None:
    assert failure_of(answer(404), "a", NOW, pause_s=900.0).retry_after_s == 900.0
    assert failure_of(answer(404, Retry_After="5"), "a", NOW, pause_s=900.0).retry_after_s == 5.0
