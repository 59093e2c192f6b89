"""What these tests start is measured where it is tested; to measure it here too would take twice the time."""

import pytest


@pytest.fixture(autouse=True)
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no coverage in a child."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
