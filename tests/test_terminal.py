"""Log lines and progress."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from rich.console import Console

from backchannel.terminal import configure_logging, keep_secret, progress


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the log says; the settings of other tests are put back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    out = io.StringIO()
    handler.setStream(out)
    yield out
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


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
