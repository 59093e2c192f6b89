"""Log lines and progress."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog
from rich.console import Console

from backchannel.terminal import (
    FROM_ONE,
    SAME,
    WINDOW_S,
    RepeatFilter,
    configure_logging,
    keep_secret,
    progress,
)


@contextmanager
def logging_to(out: io.StringIO) -> Iterator[io.StringIO]:
    """What the log says; the settings of other tests are put back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(out)
    try:
        yield out
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.reset_defaults()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    with logging_to(io.StringIO()) as out:
        yield out


def test_a_known_secret_is_in_no_line_wherever_it_stands(lines: io.StringIO) -> None:
    keep_secret(["hunter2-of-the-test"])
    log = structlog.get_logger("test")
    log.info(
        "with hunter2-of-the-test",
        url="https://example.org/?k=hunter2-of-the-test",
        parts=["hunter2-of-the-test"],
    )
    logging.getLogger("library").warning("sent %s", "hunter2-of-the-test")
    try:
        float("hunter2-of-the-test")
    except ValueError:
        log.exception("failed")
    text = lines.getvalue()
    assert "hunter2-of-the-test" not in text
    assert text.count("[secret]") >= 5
    assert "ValueError" in text


def test_what_is_named_like_a_secret_is_hidden(lines: io.StringIO) -> None:
    structlog.get_logger("test").info(
        "asked", access_token="abc", Authorization="Bearer abc", server="example.org"
    )
    line = json.loads(lines.getvalue())
    assert (line["access_token"], line["Authorization"], line["server"]) == (
        "[secret]",
        "[secret]",
        "example.org",
    )


def test_lines_of_libraries_look_like_our_own(lines: io.StringIO) -> None:
    structlog.get_logger("ours").info("said")
    logging.getLogger("theirs").info("said %d", 2)
    ours, theirs = map(json.loads, lines.getvalue().splitlines())
    assert ours.keys() == theirs.keys()
    assert theirs["event"] == "said 2"


def fail(words: str) -> None:
    raise ValueError(words)


def test_no_line_is_longer_than_a_page(lines: io.StringIO) -> None:
    log = structlog.get_logger("test")
    log.info("e" * 10**6, words="w" * 10**6, parts=["p" * 10**6], **{f"k{n}": n for n in range(1000)})
    logging.getLogger("library").warning("got %s", "w" * 10**6)
    try:
        fail("v" * 10**6)
    except ValueError:
        log.exception("failed")
    said = lines.getvalue().splitlines()
    assert len(said) == 3
    assert max(map(len, said)) < 12_000
    assert "in test_no_line_is_longer_than_a_page" in said[2]
    assert "ValueError: v" in said[2]
    assert "more characters" in said[0]


def test_a_foreign_word_cannot_look_like_a_line_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    forged = "x\r\n12:00:00 [error] the log is broken\x1b[2J\u2028\u202e\udcff"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with logging_to(io.StringIO()) as out:
        structlog.get_logger("test").info(forged, words=forged, parts=[forged])
        logging.getLogger("library").warning("got %s", forged)
        try:
            fail(forged)
        except ValueError:
            structlog.get_logger("test").exception("failed")
    said = re.sub(r"\x1b\[\d+m", "", out.getvalue())
    assert said.count("the log is broken") >= 5
    assert not [line for line in said.splitlines() if line.startswith("12:00:00 [error] the log is broken")]
    assert not set(said) & set("\r\x1b\u2028\u202e\udcff")


def test_of_lines_without_number_few_are_written_and_the_rest_is_counted() -> None:
    now = 0.0
    repeats = RepeatFilter(lambda: now)

    def say(name: str, msg: object) -> logging.LogRecord | None:
        record = logging.LogRecord(name, logging.WARNING, "", 0, msg, (), None)
        return record if repeats.filter(record) else None

    assert sum(say("ours", {"event": "lost", "n": n}) is not None for n in range(5000)) == SAME
    assert sum(say("library", "got %s") is not None for _ in range(5000)) == SAME
    assert sum(say("wordy", f"got {n}") is not None for n in range(5000)) == FROM_ONE
    assert say("ours", {"event": "another"})
    now = WINDOW_S
    again = say("ours", {"event": "lost"})
    assert again
    assert again.msg["more"] == "and 4,980 more like this before it"  # type: ignore[index]
    more = say("ours", {"event": "lost"})
    assert more
    assert "more" not in more.msg


def test_our_own_lines_and_those_of_libraries_are_bounded_alike(lines: io.StringIO) -> None:
    for _ in range(SAME + 5):
        structlog.get_logger("test").info("lost")
        logging.getLogger("library").warning("got %s", "it")
    assert len(lines.getvalue().splitlines()) == 2 * SAME


def test_progress_elsewhere_than_on_a_terminal_is_a_line_each_tenth() -> None:
    out = io.StringIO()
    with progress("folding", 1000, console=Console(file=out)) as tell:
        for done in range(0, 1001, 10):
            tell(done)
    lines = out.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[-1] == "folding: 1000 of 1000"


def test_progress_on_a_terminal_is_a_bar() -> None:
    out = io.StringIO()
    with progress("folding", 10, console=Console(file=out, force_terminal=True)) as tell:
        tell(10)
    assert "10/10" in out.getvalue()
