"""What the program says to the person who started it: log lines without secrets, and progress."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

HIDDEN = "[secret]"
_SECRETIVE = ("authorization", "cookie", "password", "secret", "token", "nsec")
_known: set[str] = set()


def keep_secret(values: Iterable[str]) -> None:
    """From now on no log line shows these. Words shorter than four letters could be anything, and stay."""
    _known.update(value for value in values if len(value) >= 4)


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
    ]
    last = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if on_terminal
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
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
    text = value if isinstance(value, str) else repr(value)
    for secret in _known:
        text = text.replace(secret, HIDDEN)
    return text


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
