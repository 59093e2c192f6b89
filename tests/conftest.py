"""What every test may use."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.kit.http_server", "tests.kit.sequencers", "tests.kit.sources"]
ROOT = Path(__file__).parent.parent

# Here chance looks for what nobody thought of; what must pass elsewhere is the same every time. No deadlines:
# a busy machine is no mistake.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


EVERY = bool(os.environ.get("EVERY"))
"""Try all of what `make test` tries a part of, as `make deep` does."""

Tell = Callable[[str], None]
NO_RECORDINGS = "no recordings"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Say a measured figure: it is printed at the end of the run, whoever ran the test."""
    return lambda figure: record_property("figure", figure)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where every test has to run, one that was skipped has failed: something was not installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and _left_out(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _left_out(reporter: pytest.TerminalReporter) -> list[str]:
    """What was skipped, and why; the recordings beside the project may be absent."""
    if not os.environ.get("NO_SKIPS"):
        return []
    skipped = [f"{report.nodeid}: {report.longrepr[2]}" for report in reporter.stats.get("skipped", [])]
    return [line for line in skipped if NO_RECORDINGS not in line]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests have measured."""
    reports = [report for name in ("passed", "failed") for report in terminalreporter.stats.get(name, [])]
    figures = [figure for report in reports for name, figure in report.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("figures")
    for figure in sorted(figures):
        terminalreporter.write_line(figure)
    if left_out := _left_out(terminalreporter):
        terminalreporter.section("skipped, where NO_SKIPS is set: these have failed")
    for line in left_out:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings beside the project; skips where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{NO_RECORDINGS} at {folder}")
    return folder
