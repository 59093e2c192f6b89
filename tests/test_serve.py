"""The program as people start it: its config, its signals, its refusals."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from backchannel.config import parse_config
from backchannel.model import ABSENT, Left, Posted
from backchannel.terminal import redact
from tests.kit.http_server import blog
from tests.kit.posts import hide, post
from tests.kit.program import ROOT, NotServing, config_text, serving
from tests.kit.server import running

COMMAND_ENV = {**os.environ, "PYTHONPATH": str(ROOT)}


def feed(source: Any, **more: Any) -> str:
    options = "".join(f", {name}: {value}" for name, value in more.items())
    return f"{{kind: feed, feeds: ['{source.feed}'], poll_s: 1, floor_s: 1{options}}}"


async def refused(folder: Any, *options: str, config: str = "") -> str:
    """Start it where it must not start. Gives what it said: no traceback, exit code 2."""
    with pytest.raises(NotServing) as found:
        async with serving(folder, *options, config=config):
            pass
    code, said = found.value.args
    assert code == 2
    assert "Traceback" not in said
    return str(said)


async def test_a_change_of_the_config_is_taken_up_while_it_runs(tmp_path: Path) -> None:
    async with blog() as one, blog() as two:
        one.write("a", "words of one")
        two.write("b", "words of two")
        async with serving(tmp_path, config=config_text(feed(one))) as server:
            await server.until_texts("words of one")
            (tmp_path / "config.yaml").write_text(config_text(feed(one, name="one"), feed(two, name="two")))
            await server.until_texts("words of one", "words of two")
            assert "two" in (await server.get("/healthz"))["sources"]
            assert any("`server` and `log` count from the next start" in line for line in server.lines)


async def test_a_bad_change_is_refused_whole_and_the_old_config_stays(tmp_path: Path) -> None:
    async with blog() as one:
        one.write("a", "words of one")
        async with serving(tmp_path, config=config_text(feed(one))) as server:
            await server.until_texts("words of one")
            bad = (
                config_text(feed(one))
                .replace("policy: open", "policy: opne")
                .replace("Test Conference", "Other")
            )
            (tmp_path / "config.yaml").write_text(bad)
            await server.until_said("refused", "opne")
            assert "Test Conference" in await server.page("/wall")
            one.write("b", "more words of one")
            await server.until_texts("words of one", "more words of one")


async def test_it_serves_over_tls(tmp_path: Path) -> None:
    openssl = shutil.which("openssl") or pytest.skip("no openssl to make a certificate")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
         "-days", "3", "-subj", "/CN=localhost"], cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    async with blog() as one:
        one.write("a", "words of one")
        config = config_text(feed(one), server=", tls: {cert: cert.pem, key: key.pem}")
        async with serving(tmp_path, config=config) as server:
            assert server.url.startswith("https://")
            await server.until_texts("words of one")
            async with server.http.ws_connect(
                server.url.replace("https", "wss") + "/live", ssl=False
            ) as live:
                assert (await live.receive_json())["protocol"] == 1
                frame = await live.receive_json()
            assert (frame["prev"], len(frame["put"])) == (0, 1)
            assert (await server.say("hide", one.permalink("a")))[1] == {"message": "hidden", "saved": True}


async def test_where_no_source_can_be_reached_it_says_so_in_one_line_and_serves(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"{{kind: feed, feeds: ['http://127.0.0.1:{nobody.getsockname()[1]}/feed.xml']}}"
        async with serving(tmp_path, config=config_text(gone)) as server:
            await server.until_said("make demo")
            assert sum("make demo" in line for line in server.lines) == 1
            assert "Test Conference" in await server.page("/wall")
            health = (await server.get("/healthz"))["sources"]["feed"]
            assert health["state"] == "backoff"
            assert health["error"]


async def test_a_term_signal_ends_it_in_order(tmp_path: Path) -> None:
    async with serving(tmp_path, config=config_text()) as server:
        server.process.terminate()
        assert await server.process.wait() == 0


async def test_a_second_process_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, config=config_text()):
        assert "another process serves this folder" in await refused(tmp_path)


@pytest.mark.parametrize("setting", ["server.port", "--port"])
async def test_a_port_in_use_is_named_and_a_free_one_offered(tmp_path: Path, setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config, options = config_text(), ["--port", str(port)]
        if setting == "server.port":
            config, options = config.replace("port: 0", f"port: {port}"), []
        said = await refused(tmp_path, *options, config=config)
    head = f"{setting}: another program listens on port {port} of 127.0.0.1; "
    free = said.removeprefix(head).split()[0]
    assert said == f"{head}{free} is free: --port {free}"
    async with serving(tmp_path, "--port", free) as server:
        assert server.url.endswith(f":{free}")


async def test_a_database_that_is_none_is_named_and_kept(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "log.db").write_bytes(b"these are no tables " * 1000)
    assert "log.db" in await refused(tmp_path, config=config_text())
    assert (tmp_path / "data" / "log.db").read_bytes().startswith(b"these are no tables")


async def test_a_log_of_another_mark_key_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, config=config_text()):
        pass
    (tmp_path / "data" / "secrets.json").unlink()
    assert "another mark key" in await refused(tmp_path)


async def test_names_rules_and_secrets_of_a_new_config_count_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, config_text()) as (server, url), ClientSession(url) as web:
        source = "{kind: mastodon, servers: [a.example], token: {a.example: '${TOKEN}'}}"
        changed = config_text(source, policy="first-time").replace("Test Conference", "Another Name")
        server._take_up(parse_config(changed, {"TOKEN": "hunter2-reloaded"}, read=lambda _: ""))
        async with web.get("/wall") as answer:
            assert "Another Name" in await answer.text()
        assert redact(None, "", {"event": "x hunter2-reloaded"})["event"] == "x [secret]"
        await server.sequencer.submit([Posted(post())])
        assert [*server.sequencer.state.held]


async def test_a_source_watches_what_waits_and_not_what_is_taken_down(tmp_path: Path) -> None:
    async with running(tmp_path, config_text(policy="first-time")) as (server, _):
        await server.sequencer.submit([Posted(post()), Posted(post("p2"))])
        assert [one.id for one in server.known.watched("net")] == ["id:p2", "id:p1"]
        assert [*server.known.watched("other")] == []
        told = asyncio.ensure_future(server.sequencer.take_down([hide("id:p1")]))
        await asyncio.sleep(0)
        assert [one.id for one in server.known.watched("net")] == ["id:p2"]
        await told


async def test_a_source_looks_after_folded_posts_too(tmp_path: Path) -> None:
    async with running(tmp_path, config_text()) as (server, _):
        await server.sequencer.submit([Posted(post(f"p{n}")) for n in range(7)])
        folded = [server.sequencer.state.posts.by_key[key].id for key in server.sequencer.board.folds]
        assert len(folded) == 2
        assert {one.id for one in server.known.watched("net")} == {f"id:p{n}" for n in range(7)}
        assert [one.id for one in server.known.watched("net")][-2:] == [*reversed(folded)]


async def test_a_source_watches_what_is_absent_and_knows_that_it_is(tmp_path: Path) -> None:
    async with running(tmp_path, config_text()) as (server, _):
        await server.sequencer.submit([Posted(post()), Posted(post("p2"))])
        await server.sequencer.take_down([Left("id:p2", 0, ABSENT)])
        assert [(one.id, one.labels) for one in server.known.watched("net")] == [
            ("id:p1", ()),
            ("id:p2", (ABSENT,)),
        ]
    async with running(tmp_path, config_text()) as (server, _):  # in another life, too
        assert [(one.id, one.labels) for one in server.known.watched("net")] == [
            ("id:p1", ()),
            ("id:p2", (ABSENT,)),
        ]


async def test_what_is_held_is_shown_by_the_command_and_its_author_trusted_from_then_on(
    tmp_path: Path,
) -> None:
    async with blog() as one:
        one.write("a", "first words")
        async with serving(tmp_path, config=config_text(feed(one), policy="first-time")) as server:
            await server.until(lambda health: "live" in str(health), "/healthz")
            assert await server.texts() == []
            command = [sys.executable, "-m", "backchannel", "show", one.permalink("a"), "--url", server.url]
            async with asyncio.timeout(60):
                while await server.texts() != ["first words"]:
                    done = await asyncio.create_subprocess_exec(
                        *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, env=COMMAND_ENV
                    )
                    said, _ = await done.communicate()
            assert said == b"shown\n"
            one.write("b", "more words")
            await server.until_texts("first words", "more words")


async def test_a_code_that_nobody_can_follow_is_told_at_the_start(tmp_path: Path) -> None:
    async with serving(tmp_path, config=config_text(server=", host: 0.0.0.0")) as server:
        await server.until_said("nobody can follow the QR code")
        assert any("http://0.0.0.0:" in line for line in server.lines)
