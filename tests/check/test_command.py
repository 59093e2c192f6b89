"""`backchannel check` as a person and a program meet it: a process, its table, its JSON and its exit code."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from backchannel.check import CheckReport
from tests.check.kit import PAGE, Certificates, answer, blogging, feed, rss
from tests.check.test_lanes import free_port
from tests.kit.program import config_text
from tests.sources.mastodon.kit import mastodon

TOKEN = "Hush-Hush-7f3k9w2m"
WRONG_S = -7200.0
"""Every host's clock is so far from ours, so it is ours that is wrong."""


class Done(NamedTuple):
    """How the command ended, and what it said."""

    code: int
    out: str
    err: str


async def backchannel(folder: Path, *words: str, **env: str) -> Done:
    """Run the command while this process serves what it tries."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backchannel", *words,
        cwd=folder, env={**os.environ, "NO_COLOR": "1", "TOKEN": TOKEN, **env},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


@pytest.fixture
async def troubled(tmp_path: Path, certificates: Certificates) -> AsyncIterator[Path]:
    """A folder whose config.yaml meets six kinds of trouble: five in its lanes, and our clock."""

    refuse = answer(json.dumps({"error": f"{TOKEN} \x1b[2J[bold] is invalid"}), 401, ahead_s=WRONG_S)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(mastodon())
        server.fail("/", refuse)
        page, empty = [
            await stack.enter_async_context(blogging(answer(text, ahead_s=WRONG_S))) for text in (PAGE, rss())
        ]
        expired = await stack.enter_async_context(blogging(answer(rss()), tls=certificates.tls(days=-1)))
        dead = f"http://127.0.0.1:{free_port()}/feed.xml"
        folder = tmp_path / "event"
        folder.mkdir()
        text = config_text(
            f"{{kind: mastodon, servers: ['{server.base}'], token: '${{TOKEN}}'}}",
            feed(dead, page, expired, empty),
        )
        (folder / "config.yaml").write_text(
            text.replace("feeds: [", "feeds: [\n    ").replace("', ", "',\n    ")
        )
        yield folder


async def test_six_kinds_of_trouble_have_a_line_and_a_way_out_each(troubled: Path) -> None:
    before = sorted(path.name for path in troubled.iterdir())
    done = await backchannel(troubled, "check", COLUMNS="300")
    assert done.code == 1, done
    for problem, way_out in (
        ("does not accept this `token` (401", "give it a `token` that it accepts, at config.yaml:4"),
        ("Connection refused", "nothing listens there: check host and port at config.yaml:6"),
        (
            "this is a web page, not a feed",
            "write the address of the feed or the server itself at config.yaml:7",
        ),
        ("certificate has expired", "it is this machine's clock that is wrong"),
        ("nothing was ever posted there", "post something with #conf there and check again"),
        ("clock is 2 h", "let the machine set its clock by the network: timedatectl set-ntp true"),
    ):
        assert problem in done.out
        assert way_out in done.out
    assert "ahead, by the word of 3 hosts" in done.out
    assert "HTTP://127.0.0.1:0 leads to http://127.0.0.1:0, for this machine" in done.out
    assert "6 of this need a person, 1 may be meant so." in done.out
    assert "Trying every lane: 5 of 5" in done.err
    assert sorted(path.name for path in troubled.iterdir()) == before, "a check stores nothing"


async def test_foreign_words_stay_words_and_no_secret_is_told(troubled: Path) -> None:
    for words in (("check",), ("check", "--json")):
        done = await backchannel(troubled, *words)
        assert TOKEN not in done.out + done.err
        assert "\x1b" not in done.out
        assert "[bold]" in done.out


async def test_the_same_facts_are_one_document_for_a_program(troubled: Path) -> None:
    done = await backchannel(troubled, "check", "--json")
    assert (done.code, done.err) == (1, "")
    report = msgspec.json.decode(done.out, type=CheckReport)
    assert report.state == "trouble"
    assert [(lane.state, lane.reached, lane.allowed) for lane in report.lanes] == [
        ("trouble", True, False),
        ("trouble", False, None),
        ("trouble", True, None),
        ("trouble", False, None),
        ("look", True, True),
    ]
    assert all(lane.problem and lane.way_out for lane in report.lanes)
    assert (report.clock.state, report.clock.hosts) == ("trouble", 3)
    assert (report.qr.state, report.qr.reach) == ("trouble", "this machine")


def keys(value: Any) -> set[str]:
    """Names of all keys, however deep."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {*(value if isinstance(value, dict) else ()), *(key for item in items for key in keys(item))}


async def test_every_key_of_the_document_is_told(tmp_path: Path, root: Path) -> None:
    told = answer(rss("one #conf"), X_RateLimit_Remaining="7", X_RateLimit_Reset="90")
    async with blogging(told) as address:
        text = config_text(feed(address), server=", public_url: 'https://9.9.9.9', host: 0.0.0.0")
        (tmp_path / "config.yaml").write_text(text)
        done = await backchannel(tmp_path, "check", "--json")
    assert (done.code, done.err) == (0, "")
    page = (root / "docs/operations.md").read_text("utf-8")
    assert {key for key in keys(json.loads(done.out)) if f"`{key}`" not in page} == set()


async def test_where_all_is_fine_it_says_so_in_one_line_more(tmp_path: Path) -> None:
    async with blogging(answer(rss("one #conf"))) as address:
        text = config_text(feed(address), server=", public_url: 'https://9.9.9.9', host: 0.0.0.0")
        (tmp_path / "config.yaml").write_text(text)
        done = await backchannel(tmp_path, "check")
    assert done.code == 0
    assert done.out.rstrip().endswith("All is fine.")
    assert "…" not in done.out, "nothing is cut where there is no terminal"


@pytest.mark.parametrize(
    ("server", "said"), [(", prot: 1", "unknown key"), (", tls: {cert: a.pem, key: b.pem}", "server.tls: ")]
)
async def test_a_config_that_the_server_would_refuse_is_refused(
    tmp_path: Path, server: str, said: str
) -> None:
    (tmp_path / "config.yaml").write_text(config_text(server=server))
    done = await backchannel(tmp_path, "check")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
