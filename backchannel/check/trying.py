"""Runs a check from beginning to end: the lanes, what they have in common, the QR code, and our clock."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from rich.console import Console

from backchannel.check.config_lines import ConfigLines
from backchannel.check.lanes import Trial, hosts
from backchannel.check.own_clock import judge_clock
from backchannel.check.reach import is_named, judge_qr
from backchannel.check.report import CheckReport, Finding, LaneFinding, QrFinding, worst
from backchannel.clock import Clock, to_utc
from backchannel.config import Config
from backchannel.fetch.resolve import Resolve, ThreadedResolve
from backchannel.redaction import redacted_event
from backchannel.start import tls_of
from backchannel.terminal import progress

DEADLINE_S = 20.0
"""For one lane: as long as somebody waits who sees that something goes on."""


def check_now(
    config: Config, path: Path, *, deadline_s: float = DEADLINE_S, is_quiet: bool = False
) -> CheckReport:
    """Try everything that this file says. UserError where the server could not start with it either."""
    tls_of(config, path.parent)
    lines = ConfigLines(str(path), path.read_text("utf-8"))
    lanes = sum(len(source.addresses()) for source in config.sources)
    with progress("Trying every lane", lanes, console=Console(stderr=True, quiet=is_quiet)) as tell:
        return asyncio.run(try_all(config, lines, clock=Clock(), tell=tell, deadline_s=deadline_s))


def to_json(report: CheckReport) -> str:
    """Return one document, whose keys stay."""
    return msgspec.json.format(msgspec.json.encode(report)).decode()


async def try_all(
    config: Config,
    lines: ConfigLines,
    *,
    clock: Clock,
    tell: Callable[[int], None],
    deadline_s: float = DEADLINE_S,
    resolve: Resolve | None = None,
    env: Mapping[str, str] = os.environ,
) -> CheckReport:
    """Try it once and return the facts, with no secret in them. Nothing is stored."""
    tried = await Trial(config, lines, clock, deadline_s, tell).run()
    lanes = tuple(one.finding for one in tried)
    network = judge_network(lanes, env)
    qr = await read_qr(config, resolve or ThreadedResolve())
    own_clock = judge_clock(hosts(tried))
    report = CheckReport(
        state=worst(*lanes, network, qr, own_clock),
        event=config.event.name,
        config=lines.file,
        checked_at=to_utc(clock.real()).isoformat(timespec="seconds"),
        lanes=lanes,
        network=network,
        qr=qr,
        clock=own_clock,
    )
    return redacted_event(report)


def judge_network(lanes: Sequence[LaneFinding], env: Mapping[str, str]) -> Finding:
    """Say what no lane can say alone: that the trouble is on this side."""
    if not lanes:
        return Finding(
            state="look",
            problem="config.yaml names no source",
            way_out="list under `sources` where people write; the comments there show how",
        )
    if any(lane.reached for lane in lanes):
        return Finding()
    way_out = (
        "open any page in a browser on this machine: a login page of the venue's Wi-Fi, a cable, or a "
        "firewall may stand between"
    )
    if any(
        name.lower() in ("http_proxy", "https_proxy", "all_proxy") and value for name, value in env.items()
    ):
        way_out += "; the environment names a proxy, and Backchannel uses none: it needs a direct way out"
    return Finding(
        state="trouble", problem="no lane answers: look for it on this side first", way_out=way_out
    )


async def read_qr(config: Config, resolve: Resolve) -> QrFinding:
    """Read the code back, and look up the name in it."""
    parts = urlsplit(config.join_url)
    host = parts.hostname or ""
    if not is_named(host):
        return judge_qr(config, None)
    try:
        found = await resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
    except OSError:
        return judge_qr(config, ())
    return judge_qr(config, [str(info[4][0]) for info in found])
