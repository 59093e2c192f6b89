"""Draws the report for a person: a line for each lane, and below it what to do, where."""

import os
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backchannel.check.own_clock import duration
from backchannel.check.report import CheckReport, Finding, LaneFinding, State
from backchannel.terminal import on_one_line

MARKS: dict[State, tuple[str, str]] = {
    "fine": ("ok", "green"),
    "look": ("look", "yellow"),
    "trouble": ("!!", "red"),
}
"""A word each, since colours alone are lost on some terminals and on some people."""

WIDTH = 140
"""Where there is no terminal to ask: wide enough that nothing is broken in a mail or a file."""


def draw(report: CheckReport, console: Console | None = None) -> None:
    """Print everything that was tried, then everything that somebody should do."""
    console = console or Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH
    table = Table(title=_text(f"{report.event}: {report.config}"), title_justify="left", box=SIMPLE_HEAD)
    for name in ("", "lane", "reached", "allowed", "would show", "budget left", "newest"):
        table.add_column(name, overflow="fold")
    for lane in report.lanes:
        table.add_row(*_cells(lane))
    console.print(table)
    for line in _beside(report):
        console.print(line)
    for name, finding in report.findings():
        if finding.problem:
            grid = Table.grid(padding=(0, 1))
            grid.add_row(_mark(finding.state), _text(f"{_place(finding)}{name}", "bold"))
            grid.add_row("", _text(_without(name, finding.problem)))
            grid.add_row("  →", _text(finding.way_out))
            console.print(grid)
    console.print(Text.assemble("\n", _summary(report)))


def _cells(lane: LaneFinding) -> Iterator[Text]:
    yield _mark(lane.state)
    yield _text(f"{lane.source}: {lane.lane}" + (f"\n{lane.what}" if lane.what else ""))
    yield _text("yes" if lane.reached else "no")
    yield _text({True: "yes", False: "no", None: "?"}[lane.allowed])
    yield _text(f"{lane.wanted} of {lane.items}" if lane.allowed else "-")
    left = lane.budget
    renewed = f", new in {duration(left.renewed_in_s)}" if left and left.renewed_in_s else ""
    yield _text(f"{left.left}{renewed}" if left else "not told")
    yield _text("-" if lane.newest_age_s is None else f"{duration(max(0.0, lane.newest_age_s))} ago")


def _beside(report: CheckReport) -> Iterator[Text]:
    qr, clock = report.qr, report.clock
    yield Text.assemble(_mark(qr.state), _text(f" QR code: {qr.text} leads to {qr.leads_to}, for {qr.reach}"))
    error_s = clock.error_s
    told = "no host told the time" if error_s is None else f"{error_s:+.1f} s against {clock.hosts} hosts"
    mark = Text("?   ") if error_s is None else _mark(clock.state)
    yield Text.assemble(mark, _text(f" our clock: {told}"))


def _summary(report: CheckReport) -> Text:
    states = [finding.state for _, finding in report.findings()]
    troubles, looks = states.count("trouble"), states.count("look")
    if troubles:
        return _text(f"{troubles} of this need a person, {looks} may be meant so.", "bold red")
    return _text(
        f"Nothing needs a person; {looks} may be meant so." if looks else "All is fine.", "bold green"
    )


def _mark(state: State) -> Text:
    word, style = MARKS[state]
    return Text(f"{word:<4}", style)


def _place(finding: Finding) -> str:
    return f"{finding.place} " if isinstance(finding, LaneFinding) else ""


def _without(name: str, problem: str) -> str:
    """Return the message without the lane's name, which stands above it."""
    return problem.removeprefix(name).lstrip(": ")


def _text(said: str, style: str = "") -> Text:
    """Take foreign words as words: no markup, and no control of the terminal."""
    return Text("\n".join(map(on_one_line, said.split("\n"))), style)
