"""Before and after everything else: the folder's lock, the certificate, the folded log, the friendly end.

Whatever is wrong here, a user can mend: it is a UserError that names the thing and the way out.
"""

import asyncio
import fcntl
import hmac
import os
import resource
import signal
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from backchannel.clock import Clock
from backchannel.config import Config
from backchannel.errors import UserError
from backchannel.hub.door import Capacity, capacity_of
from backchannel.hub.gate import tls_context
from backchannel.judge import Rules
from backchannel.log import LogBroken, LogUnavailable
from backchannel.log.spool import Spool
from backchannel.log.sqlite import SqliteLog
from backchannel.sequencer import Sequencer
from backchannel.terminal import progress

LONG = 50_000
"""Entries from which on reading the log takes long enough to be shown."""
MOST_DESCRIPTORS = 2**20
"""More are of no use to one process, and some systems name a limit that is no real one."""
FEW_CONNECTIONS = 2000
"""Fewer than this are worth a word at the start."""

log_line = structlog.get_logger(__name__)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone. UserError when another uses it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UserError(f"{folder}: the data folder cannot be used: {error.strerror}") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UserError(f"{folder}: another process serves this folder; end it first") from None
    finally:
        os.close(held)


def raise_descriptors() -> Capacity:
    """Take as many descriptors as the system lets this process have, and say so where they are few.

    Gives the connections that the port may hold then: everything else needs descriptors, too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if limit > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (OSError, ValueError):
            limit = soft
    size = capacity_of(max(limit, soft))
    if size.places < FEW_CONNECTIONS:
        log_line.warning(
            "few connections at a time: raise the limit of open files (ulimit -Hn, LimitNOFILE=)",
            limit=max(limit, soft),
            connections=size.places,
        )
    return size


def tls_of(config: Config, folder: Path) -> ssl.SSLContext | None:
    """Return the certificate that `server.tls` names, relative to the folder; None without one."""
    tls = config.server.tls
    if tls is None:
        return None
    try:
        return tls_context(folder / tls.cert, folder / tls.key)
    except (OSError, ssl.SSLError) as error:
        raise UserError(f"server.tls: {tls.cert} and {tls.key} cannot be used: {error}") from None


def rules_of(config: Config) -> Rules:
    """Return the judge's rules, from the configuration."""
    return Rules(config.wall.policy, config.wall.delay_s)


async def open_sequencer(
    folder: Path, mark_key: bytes, rules: Rules, rate: float, clock: Clock | None
) -> tuple[Sequencer, Clock]:
    """Return the folded log, and the clock that goes on from where it stopped. UserError where it cannot be
    read."""
    try:
        log = SqliteLog(folder / "log.db", key_check=key_check(mark_key), created_at=Clock().real())
        last = await log.read([await log.head()])
        floor = max((entry.at for entry in last.values()), default=0.0)
        clock = clock or Clock(rate=rate, origin=log.created_at, floor=floor)
        sequencer = Sequencer(log, Spool(folder / "takedowns"), rules, clock, mark_key)
        with _reading(await log.head()) as tell:
            await sequencer.open(tell)
    except (LogBroken, LogUnavailable) as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror or error}") from None
    return sequencer, clock


def key_check(mark_key: bytes) -> str:
    """Return the check value by which a log refuses another mark key."""
    return hmac.digest(mark_key, b"backchannel log", "sha256").hex()


@contextmanager
def _reading(head: int) -> Iterator[Callable[[int], None]]:
    """Progress where there is much to read, silence where there is not."""
    if head < LONG:
        yield lambda seq: None
        return
    with progress("Reading the log", head) as tell:
        yield tell


def told_to_stop() -> asyncio.Event:
    """Set when somebody ends the process in a friendly way, from this call on."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
