"""What becomes of a mistake of ours that foreign data found."""

import pytest
from structlog.testing import capture_logs

from backchannel.bugs import MAX_TOLD, Bugs


def trip(words: str) -> Exception:
    try:
        int(words)
    except ValueError as error:
        return error
    raise AssertionError("words are no number")


def test_a_bug_is_counted_and_its_traceback_logged_once() -> None:
    bugs = Bugs()
    with capture_logs() as lines:
        for number in range(3):
            bugs.caught("lane blog", trip(f"foreign {number}"))
    assert bugs.count == 3
    assert [line["where"] for line in lines] == ["lane blog"]
    assert isinstance(lines[0]["exc_info"], ValueError)


def test_a_bugs_words_name_the_place_and_repeat_nothing_foreign() -> None:
    bugs = Bugs()
    words = bugs.caught("a picture", trip("FOREIGN"))
    assert "ValueError at tests/test_bugs.py:" in words
    assert bugs.latest.startswith("a picture: ValueError at tests/test_bugs.py:")
    assert "FOREIGN" not in words + bugs.latest


def test_log_lines_about_bugs_are_bounded() -> None:
    bugs = Bugs()
    with capture_logs() as lines:
        for number in range(MAX_TOLD + 50):
            bugs.caught("x", type(f"Error{number}", (Exception,), {})())
    assert len(lines) == MAX_TOLD
    assert bugs.count == MAX_TOLD + 50


def test_what_nobody_expected_of_an_item_fails_as_the_item_does() -> None:
    bugs = Bugs()
    with pytest.raises(LookupError, match="a bug of ours"), bugs.contain("an item", LookupError):
        int("FOREIGN")
    assert bugs.latest.startswith("an item: ValueError at ")
    for expected in (LookupError("as agreed"), OSError("as agreed")):
        with pytest.raises(type(expected), match="as agreed"), bugs.contain("an item", LookupError, OSError):
            raise expected
    assert bugs.count == 1
