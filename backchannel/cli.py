"""The `backchannel` command. Exit codes: 0, 2 for a user's mistake, 1 for ours; `check`: 1 for trouble."""

import asyncio
import errno
import json
import os
import socket
import sys
import traceback
from collections.abc import Coroutine
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer

from backchannel.config import Config, config_schema, load_config, secrets_of
from backchannel.control import ServerTrouble, say
from backchannel.errors import UserError
from backchannel.paths import sample_config
from backchannel.redaction import redacted
from backchannel.terminal import configure_logging, keep_secret
from backchannel.web.rulings import RulingRequest

# Shown locals could show secrets.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
config_app = typer.Typer(no_args_is_help=True, help="Look at the configuration.")
app.add_typer(config_app, name="config")

USER_ERRNOS = {errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM}
PORTS_TRIED = 100

ConfigPath = Annotated[Path, typer.Option("--config", help="The configuration file.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same conference.")]
Speed = Annotated[float, typer.Option(min=0.01, max=100_000, help="Conference seconds in a real second.")]
Subject = Annotated[str, typer.Argument(help="A post's permalink or key.")]
Why = Annotated[str, typer.Option(help="The reason, kept in the log.")]
ServerUrl = Annotated[str, typer.Option("--url", help="Where the server is, if not where the config says.")]

CONFIG = Path("config.yaml")
LOOPBACK = "127.0.0.1"


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"backchannel {version('backchannel')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which release this is."),
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    config: ConfigPath = CONFIG,
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of the config's.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port, instead of the config's.")] = None,
    clock_rate: Annotated[
        float, typer.Option(min=0.01, max=100_000, help="Run the conference faster than life.")
    ] = 1.0,
) -> None:
    """Gather, moderate and serve one event."""
    told = _load(config).server
    from backchannel import app as server

    work = server.serve(config, host=host, port=port, clock_rate=clock_rate)
    place = (told.port, "server.port") if port is None else (port, "--port")
    _run(work, host or told.host, *place)


@app.command()
def demo(port: Port = 8080, speed: Speed = 60.0, seed: Seed = 1) -> None:
    """Show an invented conference: simulator, server and wall in one; nothing else is needed."""
    from backchannel import app as server

    _run(server.demo(port=port, speed=speed, seed=seed), LOOPBACK, port)


@app.command()
def simulate(
    port: Port = 8090,
    seed: Seed = 1,
    speed: Speed = 60.0,
    only: Annotated[str, typer.Option(help="Networks to simulate, with commas between; else all.")] = "",
) -> None:
    """Be every network at once: an invented conference in their own wire formats, on loopback."""
    from backchannel import simulator

    kinds = tuple(filter(None, (kind.strip() for kind in only.split(","))))
    if unknown := set(kinds).difference(known := simulator.simulated_kinds()):
        raise UserError(f"--only: {', '.join(sorted(unknown))}; there is {', '.join(known)}")
    _run(simulator.run(port=port, seed=seed, speed=speed, only=kinds), LOOPBACK, port)


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of config.yaml."""
    typer.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))


@config_app.command()
def sample() -> None:
    """Print a config.yaml to begin with."""
    typer.echo(sample_config().read_text("utf-8"), nl=False)


@config_app.command("check")
def check_file(config: ConfigPath = CONFIG) -> None:
    """Read the configuration and say what is wrong with it."""
    found = _load(config)
    typer.echo(f"{config} is right: {found.event.name}, {_count(len(found.sources), 'source')}.")


@app.command()
def check(
    config: ConfigPath = CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="The same facts for a program.")] = False,
    deadline: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds that a lane may take.")] = 20.0,
) -> None:
    """Try every source once, read the QR code back and look at this machine's clock. Stores nothing."""
    found = _load(config)
    from backchannel import check as checking

    configure_logging(level="error")
    report = checking.check_now(found, config, deadline_s=deadline, is_quiet=as_json)
    if as_json:
        typer.echo(checking.to_json(report))
    else:
        checking.draw(report)
    raise typer.Exit(report.state == "trouble")


@app.command()
def hide(subject: Subject, config: ConfigPath = CONFIG, why: Why = "", url: ServerUrl = "") -> None:
    """Take a post off every screen."""
    _say(RulingRequest("hide", subject, why), config, url)


@app.command()
def show(subject: Subject, config: ConfigPath = CONFIG, why: Why = "", url: ServerUrl = "") -> None:
    """Let a post be shown as it is now."""
    _say(RulingRequest("show", subject, why), config, url)


@app.command()
def block(subject: Subject, config: ConfigPath = CONFIG, why: Why = "", url: ServerUrl = "") -> None:
    """Hide everything by the author of this post, also what comes later."""
    _say(RulingRequest("block", subject, why), config, url)


@app.command()
def erase(subject: Subject, config: ConfigPath = CONFIG, why: Why = "", url: ServerUrl = "") -> None:
    """Remove a post from every file, for good, and keep it from coming back."""
    _say(RulingRequest("erase", subject, why), config, url)


@app.command()
def undo(subject: Subject, config: ConfigPath = CONFIG, why: Why = "", url: ServerUrl = "") -> None:
    """Withdraw the latest decision on a post."""
    _say(RulingRequest("undo", subject, why), config, url)


@app.command()
def blank(state: Literal["on", "off"], config: ConfigPath = CONFIG, url: ServerUrl = "") -> None:
    """Make every screen show nothing, or go on."""
    _say(RulingRequest("blank", on=state == "on"), config, url)


def main() -> None:
    """Run the command that was typed."""
    configure_logging()
    try:
        _answer()
    except Exception as error:  # noqa: BLE001 - as Python would tell it, but without secrets
        _end("".join(traceback.format_exception(error)).rstrip(), 1)


def _answer() -> None:
    try:
        app(prog_name="backchannel")
    except UserError as error:
        _end(str(error), 2)
    except ServerTrouble as error:
        _end(str(error), 1)
    except OSError as error:
        if error.errno not in USER_ERRNOS:
            raise
        _end(str(error), 2)


def _end(message: str, code: int) -> None:
    typer.echo(redacted(message), err=True)
    sys.exit(code)


def _load(path: Path) -> Config:
    config = load_config(path, os.environ)
    keep_secret(secrets_of(config))
    return config


def _run(work: Coroutine[object, object, None], host: str, port: int, setting: str = "--port") -> None:
    """Run until it ends, or somebody ends it from the keyboard. UserError where the port is in use."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        typer.echo("Ended.", err=True)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        offer = f"; {free} is free: --port {free}" if (free := _free_after(host, port)) else ""
        raise UserError(f"{setting}: another program listens on port {port} of {host}{offer}") from None


def _free_after(host: str, port: int) -> int:
    """Return the next port of this host that nobody listens on; 0 where the next hundred are all in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in range(port + 1, min(port + 1 + PORTS_TRIED, 2**16)):
        with suppress(OSError), socket.create_server((host, number), family=family):
            return number
    return 0


def _say(word: RulingRequest, path: Path, url: str) -> None:
    answer = say(word, _load(path), url=url)
    typer.echo(answer.message if answer.saved else f"{answer.message} (shown, not yet saved)")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
