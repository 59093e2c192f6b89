"""Output for the person who started the program: log lines without secrets, and progress."""

import logging
import re
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from backchannel.clock import Clock
from backchannel.redaction import HIDDEN, redacted
from backchannel.redaction import keep_secret as keep_secret

MAX_VALUE, MAX_TRACE, MAX_VALUES = 1000, 8000, 40
"""Characters of one value of a line, and of a traceback; values of a line."""
WINDOW_S, SAME, FROM_ONE = 10.0, 20, 100
"""In so many seconds, so many lines of one event are written, and so many of one logger that words its
lines anew each time."""
MAX_EVENTS = 1000
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SECRETIVE = ("authorization", "cookie", "password", "secret", "token", "nsec")


def configure_logging(*, level: str = "info") -> None:
    """Our own events and the libraries' lines alike: in colour on a terminal, as JSON lines elsewhere."""
    on_terminal = sys.stderr.isatty()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if on_terminal else "iso", utc=not on_terminal),
        structlog.processors.format_exc_info,
        redact,
        bound_line,
    ]
    last = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if on_terminal
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RepeatFilter(Clock().monotonic))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("aiohttp.access", "websockets.server", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def redact(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Nothing under a secretive name, and no known secret anywhere."""
    for key, value in line.items():
        if key.startswith("_"):
            continue
        is_secretive = any(word in key.lower() for word in _SECRETIVE)
        line[key] = HIDDEN if is_secretive and value else _without_secrets(value)
    return line


def _without_secrets(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return redacted(value if isinstance(value, str) else repr(value))


def bound_line(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """No line is longer than a page, and no foreign word in it looks like a line of ours."""
    for key in [key for key in line if not key.startswith("_")][MAX_VALUES:]:
        del line[key]
    for key, value in line.items():
        if not isinstance(value, str) or key.startswith("_"):
            continue
        if key in {"exception", "stack"}:
            rows = _cut(value, MAX_TRACE).splitlines()
            line[key] = "\n".join(f"  {_BREAKS.sub(_escaped, row)}" for row in rows)
        else:
            line[key] = on_one_line(_cut(value, MAX_VALUE))
    return line


def _cut(text: str, limit: int) -> str:
    """Return the beginning and the end of what is too long: a traceback says where at its beginning, why at
    its end."""
    if len(text) <= limit:
        return text
    end = limit // 4
    return f"{text[: limit - end]} [{len(text) - limit:,} more characters] {text[-end:]}"


def on_one_line(text: str) -> str:
    """Return foreign words so that a terminal shows them, and is not controlled by them."""
    return _BREAKS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


class _Tally:
    """Counts how often something was said in this window, and left out since it was last said."""

    __slots__ = ("count", "left_out", "since")

    def __init__(self, since: float) -> None:
        self.since, self.count, self.left_out = since, 0, 0

    def has_room(self, now: float, most: int) -> bool:
        """Tell whether one more may be said, in a new window where the last one is over."""
        if now - self.since >= WINDOW_S:
            self.since, self.count = now, 0
        return self.count < most


class RepeatFilter(logging.Filter):
    """Lets so many lines of one event through in a while; how many were left out is said with the next one.

    A library's line is known by its words before anything is put into them. Where they are new in each line,
    its logger as a whole is bounded.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._events: dict[tuple[str, str], _Tally] = {}
        self._loggers: dict[str, _Tally] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether this line is written."""
        said, now = (
            (record.msg.get("event", "") if isinstance(record.msg, dict) else record.msg),
            self._monotonic(),
        )
        key = record.name, str(said)[:200]
        logger = self._loggers.setdefault(record.name, _Tally(now))
        event = self._events.pop(key, None)
        has_room = logger.has_room(now, FROM_ONE)
        if event is None and not has_room:
            logger.left_out += 1  # a new event needs no tally of its own then, or others would lose theirs
            return False
        event = self._events[key] = event or _Tally(now)
        while len(self._events) > MAX_EVENTS:
            del self._events[next(iter(self._events))]
        if not event.has_room(now, SAME) or not has_room:
            event.left_out += 1
            return False
        event.count, logger.count = event.count + 1, logger.count + 1
        if left_out := event.left_out + logger.left_out:
            event.left_out = logger.left_out = 0
            _add(record, f"and {left_out:,} more like this before it")
        return True


def _add(record: logging.LogRecord, more: str) -> None:
    if isinstance(record.msg, dict):
        record.msg["more"] = more
    else:
        record.more = more


def say(text: str) -> None:
    """Tell the person who started it, on standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def progress(what: str, total: int, *, console: Console | None = None) -> Iterator[Callable[[int], None]]:
    """Hands out a function that is told how many are done: a bar on a terminal, else a line each tenth."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield _lines(console, what, total)
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda done: bars.update(task, completed=done)


def _lines(console: Console, what: str, total: int) -> Callable[[int], None]:
    told = -1

    def tell(done: int) -> None:
        nonlocal told
        tenth = 10 if done >= total else done * 10 // total
        if tenth != told:
            told = tenth
            console.print(f"{what}: {done} of {total}", highlight=False)

    return tell
