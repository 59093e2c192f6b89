"""The command line as a person meets it: a process, its words and its exit code."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from backchannel import cli
from backchannel.redaction import keep_secret
from backchannel.secret_files import SecretStore
from backchannel.terminal import redact

CONFIG = """\
event: {name: Test, hashtags: [test], timezone: UTC, start: 2026-11-24, end: 2026-11-25}
server: {port: PORT}
"""


def backchannel(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command in this folder."""
    return subprocess.run(
        [sys.executable, "-m", "backchannel", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_says_which_release_it_is(tmp_path: Path) -> None:
    done = backchannel(tmp_path, "--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"backchannel {version('backchannel')}")


class Operator(HTTPServer):
    """A stand-in for the running server: takes words, gives the answer it was told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.words: list[tuple[str, str, Any]] = []
        self.answer: tuple[int, bytes] = 200, b'{"saved": true, "message": "Done."}'


class _Desk(BaseHTTPRequestHandler):
    server: Operator

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.words.append((self.path, self.headers["Authorization"], body))
        status, answer = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def operator() -> Iterator[Operator]:
    """A running stand-in."""
    with Operator() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path, operator: Operator) -> Path:
    """A folder with a config that names the stand-in's port, and the secrets of a server that ran here."""
    (tmp_path / "config.yaml").write_text(CONFIG.replace("PORT", str(operator.server_port)))
    SecretStore.open(tmp_path / "data")
    return tmp_path


@pytest.mark.parametrize("command", ["hide", "show", "block", "erase", "undo"])
def test_a_word_reaches_the_server_with_the_token_of_the_data_folder(
    folder: Path, operator: Operator, command: str
) -> None:
    done = backchannel(folder, command, "https://a.example/1", "--why", "spam")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Done.\n", "")
    token = SecretStore.read(folder / "data").control_token
    word = {"verdict": command, "subject": "https://a.example/1", "why": "spam", "on": True}
    said = [("/api/v1/rulings", f"Bearer {token}", {**word, "by": "operator", "id": ""})]
    assert operator.words == said


@pytest.mark.parametrize(("state", "on"), [("on", True), ("off", False)])
def test_blank_is_said_with_on_and_off(folder: Path, operator: Operator, state: str, on: bool) -> None:
    assert backchannel(folder, "blank", state).returncode == 0
    assert [(word["verdict"], word["on"]) for _, _, word in operator.words] == [("blank", on)]


def test_what_counts_but_is_not_on_the_disk_is_said_so(folder: Path, operator: Operator) -> None:
    operator.answer = 200, b'{"saved": false, "message": "Hidden."}'
    done = backchannel(folder, "hide", "7")
    assert (done.returncode, done.stdout) == (0, "Hidden. (shown, not yet saved)\n")


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (404, b'{"saved": false, "message": "no such post"}', 2, "no such post"),
        (401, b'{"saved": false, "message": "no"}', 2, "does not take the token of"),
        (503, b'{"saved": false, "message": "the disk is full"}', 1, "the disk is full"),
        (502, b"<html>bad gateway</html>", 1, "the server answered 502"),
    ],
)
def test_a_refusal_is_told_and_has_its_exit_code(
    folder: Path, operator: Operator, status: int, body: bytes, code: int, said: str
) -> None:
    operator.answer = status, body
    done = backchannel(folder, "show", "7")
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_servers_address_may_be_given(folder: Path, operator: Operator) -> None:
    (folder / "config.yaml").write_text(CONFIG.replace("PORT", "1"))
    done = backchannel(folder, "hide", "7", "--url", f"http://127.0.0.1:{operator.server_port}")
    assert done.returncode == 0
    assert len(operator.words) == 1


def test_the_servers_own_certificate_is_trusted_and_another_is_not(folder: Path, operator: Operator) -> None:
    for name in ("own", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", "/CN=wall.example"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem", folder / "own.key")
    operator.socket = context.wrap_socket(operator.socket, server_side=True)
    config = (folder / "config.yaml").read_text()
    done = {}
    for name in ("own", "other"):
        tls = f"tls: {{cert: {name}.pem, key: {name}.key}}"
        (folder / "config.yaml").write_text(config.replace("port:", f"{tls}, port:"))
        done[name] = backchannel(folder, "hide", "7")
    assert (done["own"].returncode, done["own"].stdout) == (0, "Done.\n")
    assert done["other"].returncode == 2
    assert "CERTIFICATE_VERIFY_FAILED" in done["other"].stderr
    assert len(operator.words) == 1


def test_a_certificate_that_is_none_is_named(folder: Path) -> None:
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("port:", "tls: {cert: config.yaml, key: k}, port:"))
    done = backchannel(folder, "hide", "7")
    assert done.returncode == 2
    assert done.stderr.startswith(f"server.tls.cert {folder / 'config.yaml'}: ")


def test_without_a_server_the_user_is_told_how_to_start_one(folder: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers, and nobody else can
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        done = backchannel(folder, "hide", "7", "--url", url)
    assert done.returncode == 2
    assert done.stderr.startswith(f"no server answers at {url}")
    assert done.stderr.endswith("backchannel serve\n")


def test_a_data_folder_in_which_no_server_ran_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.replace("PORT", "1"))
    done = backchannel(tmp_path, "hide", "7")
    assert done.returncode == 2
    assert str(tmp_path / "data" / "secrets.json") in done.stderr


def test_five_mistakes_in_the_config_are_five_lines_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "event: {name: T, hashtags: [], timezone: Mars/Olympus, start: 2026-11-24, end: 2026-11-25}\n"
        "server: {port: 99999}\nlog: {kid: sqlite}\nsources:\n- kind: gopher\n"
    )
    done = backchannel(tmp_path, "serve")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == ["1", "1", "2", "3", "5"]


def test_a_missing_secret_is_exit_code_2_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        CONFIG.replace("PORT", "0")
        + "sources: [{kind: mastodon, servers: [a.example], token: '${BC_TOKEN}'}]\n"
    )
    done = backchannel(tmp_path, "serve")
    assert done.returncode == 2
    assert "config.yaml:3: sources[0].token: the environment has no variable BC_TOKEN" in done.stderr


def test_a_config_that_is_not_there_is_exit_code_2(tmp_path: Path) -> None:
    done = backchannel(tmp_path, "serve", "--config", "nowhere.yaml")
    assert (done.returncode, done.stderr) == (2, "nowhere.yaml: cannot be read: No such file or directory\n")


def test_check_says_what_it_found(folder: Path) -> None:
    done = backchannel(folder, "config", "check")
    assert (done.returncode, done.stdout) == (0, "config.yaml is right: Test, 0 sources.\n")


def test_the_printed_sample_is_a_config_that_is_right(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(backchannel(tmp_path, "config", "sample").stdout)
    assert backchannel(tmp_path, "config", "check").returncode == 0


def test_the_schema_is_json(tmp_path: Path) -> None:
    schema = json.loads(backchannel(tmp_path, "config", "schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "--only", "gopher"],
        ["serve", "--port", "http"],
        ["blank", "maybe"],
        ["hide"],
        ["dance"],
        ["serve", "--clock-rate", "0"],
    ],
    ids=" ".join,
)
def test_a_command_that_cannot_be_understood_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    done = backchannel(tmp_path, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "simulate", "demo", "config", "hide", "blank"])
def test_each_command_explains_itself(tmp_path: Path, command: str) -> None:
    done = backchannel(tmp_path, command, "--help")
    assert done.returncode == 0
    assert "Usage: backchannel" in done.stdout


def test_a_secret_of_the_config_is_in_no_log_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "sources: [{kind: mastodon, servers: [a.example], token: '${TOKEN}'}]"
    (tmp_path / "config.yaml").write_text(CONFIG.replace("PORT", "0") + source + "\n")
    monkeypatch.setenv("TOKEN", "hunter2-of-the-config")
    cli._load(tmp_path / "config.yaml")
    assert redact(None, "", {"event": "says hunter2-of-the-config"})["event"] == "says [secret]"


def test_a_crash_tells_its_traceback_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash() -> None:
        keep_secret(["hunter2-of-the-crash"])
        raise ZeroDivisionError("divided by hunter2-of-the-crash")

    monkeypatch.setattr(cli.app, "registered_commands", [*cli.app.registered_commands])
    cli.app.command("crash")(crash)
    monkeypatch.setattr(sys, "argv", ["backchannel", "crash"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "in crash" in said
    assert "ZeroDivisionError: divided by [secret]" in said


def test_the_simulator_serves_the_networks_it_was_told_to(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "backchannel",
        "simulate",
        "--port",
        "0",
        "--seed",
        "3",
        "--only",
        "feed",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            said = [line for line in iter(process.stdout.readline, "wall:\n") if line.startswith("  - {")]
            (source,) = (json.loads(line.removeprefix("  - ")) for line in said)
            with urlopen(source["feeds"][0]) as answer:  # noqa: S310 - loopback
                assert b"<item>" in answer.read()
        finally:
            process.terminate()
    assert source["kind"] == "feed"
