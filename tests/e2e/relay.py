"""A real Nostr relay for tests: PyPI's `nostr-relay`, in a virtual environment of its own (`.venv-relay`).

One process, SQLite in the folder it is given, bound to loopback on a free port, ended by its process id.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

START_S = 60.0


class RealRelay:
    """A relay that can be started, stopped, killed and frozen; its events stay in `folder`."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "relay.yaml"
        self._config.write_text(yaml.safe_dump(_config(self.port, folder)))

    def start(self) -> None:
        """Returns when it takes connections."""
        with (self._folder / "relay.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", self._config, "serve", "--use-uvicorn"],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_S
        while not self._is_listening():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "relay.log").read_text()[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in order, as an operator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Keep its connections open and say nothing more."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(number)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def find_relay(root: Path) -> Path:
    """The relay's program; skips the test where it is not installed."""
    program = root / ".venv-relay" / "bin" / "nostr-relay"
    if not program.exists():
        pytest.skip(f"no Nostr relay: install requirements-relay.in into {program.parent.parent}")
    return program


@contextmanager
def running_relay(root: Path, folder: Path) -> Iterator[RealRelay]:
    """A relay for the length of a block."""
    relay = RealRelay(find_relay(root), folder)
    relay.start()
    try:
        yield relay
    finally:
        relay.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _config(port: int, folder: Path) -> dict[str, object]:
    return {
        "DEBUG": False,
        "relay_name": "a relay for tests",
        "storage": {
            "sqlalchemy.url": f"sqlite+aiosqlite:///{folder / 'relay.sqlite3'}",
            "num_concurrent_reqs": 10,
            "num_concurrent_adds": 2,
            "validators": [
                "nostr_relay.validators.is_not_too_large",
                "nostr_relay.validators.is_signed",
                "nostr_relay.validators.is_recent",
            ],
        },
        "verification": {"nip05_verification": "disabled"},
        "gunicorn": {"bind": f"127.0.0.1:{port}", "loglevel": "warning"},
        "authentication": {"enabled": False},
        "message_timeout": 1800,
        "subscription_limit": 32,
        "max_limit": 500,
        "hellthread_limit": 100,
    }
