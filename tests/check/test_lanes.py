"""Every lane is tried once, and each trouble is told with its way out. Against real servers on loopback."""

import asyncio
import socket
from pathlib import Path

import pytest
from aiohttp import web

from backchannel.check.lanes import AT_ONCE
from tests.check.kit import PAGE, Certificates, answer, blogging, check, check_one, feed, rss
from tests.kit.http_server import Answer, listening, saying
from tests.kit.program import config_text
from tests.kit.raw_server import hostile
from tests.kit.websocket_server import fake_websocket
from tests.sources.mastodon.kit import mastodon
from tests.sources.nostr.kit import ADA, storing


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return int(nobody.getsockname()[1])


async def test_a_lane_that_is_fine_says_what_it_would_bring() -> None:
    told = answer(rss("one #conf", "two"), X_RateLimit_Remaining="7", X_RateLimit_Reset="90")
    async with blogging(told) as address:
        report = await check(feed(address))
    (lane,) = report.lanes
    assert (lane.state, lane.problem, lane.way_out) == ("fine", "", "")
    assert (lane.source, lane.kind, lane.lane, lane.place) == ("feed", "feed", address, "config.yaml:4")
    assert (lane.reached, lane.allowed, lane.what) == (True, True, "Notes")
    assert (lane.items, lane.wanted, lane.skipped) == (2, 1, 0)
    assert lane.newest_age_s == pytest.approx(3600, abs=120)
    assert lane.budget
    assert (lane.budget.left, lane.budget.renewed_in_s) == (7, 90)
    assert report.network.state == "fine"


async def test_a_lane_that_tells_no_budget_has_none() -> None:
    async with blogging(answer(rss("one #conf"))) as address:
        assert (await check_one(feed(address))).budget is None


@pytest.mark.parametrize(
    ("told", "problem", "way_out"),
    [
        (answer(rss()), "nothing was ever posted there", "post something with #conf there"),
        (answer(rss("one", "two")), "none of 2 would be shown: it does not carry", "event.hashtags"),
        (answer(rss("one #conf #nobot")), "kept out by its author", "event.hashtags"),
        (answer(status=429, Retry_After="90"), "is asked too often", "wait 90 s and check again"),
        (answer(status=503, Retry_After="9"), "answered 503", "wait 9 s and check again"),
    ],
)
async def test_what_may_be_meant_so_is_said_and_is_no_trouble(
    told: Answer, problem: str, way_out: str
) -> None:
    async with blogging(told) as address:
        lane = await check_one(feed(address))
    assert lane.state == "look"
    assert problem in lane.problem
    assert way_out in lane.way_out


async def test_posts_from_before_the_window_are_told_with_their_age() -> None:
    text = config_text(feed("ADDRESS")).replace("2000-01-01", "2026-11-10")
    async with blogging(answer(rss("one #conf", ago_s=9e8))) as address:
        (lane,) = (await check(text=text.replace("ADDRESS", address))).lanes
    assert (lane.state, lane.wanted) == ("look", 0)
    assert lane.newest_age_s == pytest.approx(9e8, abs=120)
    assert "older than event.collect_from, 2026-11-10" in lane.problem


@pytest.mark.parametrize(
    ("told", "problem", "way_out", "allowed"),
    [
        (
            answer(status=401),
            "does not show this feed to everybody (401)",
            "ask whoever runs localhost",
            False,
        ),
        (
            answer(status=403),
            "does not show this feed to everybody (403)",
            "take the line out at config.yaml:4",
            False,
        ),
        (answer(status=404), "has no feed at this address", "check the address at config.yaml:4", None),
        (answer(status=410), "gone for good", "take the line out", None),
        (answer(status=502), "answered 502", "check again later, or ask whoever runs localhost", None),
        (answer(PAGE), "this is a web page, not a feed", "write the address of the feed", None),
        (answer("words"), "", "do as the message says, at config.yaml:4 (docs/sources/feed.md", None),
    ],
)
async def test_an_answer_that_is_no_feed_needs_a_person(
    told: Answer, problem: str, way_out: str, allowed: bool | None
) -> None:
    async with blogging(told) as address:
        lane = await check_one(feed(address))
    assert (lane.state, lane.reached, lane.allowed) == ("trouble", True, allowed)
    assert problem in lane.problem
    assert way_out in lane.way_out


async def test_a_host_that_is_dead_is_not_reached() -> None:
    report = await check(feed(f"http://127.0.0.1:{free_port()}/feed.xml"))
    (lane,) = report.lanes
    assert (lane.state, lane.reached, lane.allowed) == ("trouble", False, None)
    assert "Connection refused" in lane.problem
    assert lane.way_out.startswith("nothing listens there: check host and port at config.yaml:4")
    assert report.network.problem.startswith("no lane answers")


async def test_a_name_that_nobody_knows_is_told_apart_from_a_dead_host() -> None:
    lane = await check_one(feed("http://nobody.invalid/feed.xml"))
    assert not lane.reached
    assert "check the spelling of the name at config.yaml:4" in lane.way_out


async def test_a_host_that_does_not_answer_ends_at_the_deadline_and_holds_up_nobody() -> None:
    async with hostile() as silent, blogging(answer(rss("one #conf"))) as address:
        slow, good = (await check(feed(f"{silent.url}/silence", address), deadline_s=1.5)).lanes
    assert (slow.state, slow.reached, good.state) == ("trouble", False, "fine")
    assert "not done within 1.5 s" in slow.problem
    assert "it is very slow, or something between" in slow.way_out


async def test_an_answer_that_leads_into_a_private_network_may_be_a_login_page() -> None:
    async with blogging(answer(PAGE)) as portal, blogging(answer(status=302, Location=portal)) as address:
        lane = await check_one(feed(address))
    assert (lane.state, lane.reached, lane.allowed) == ("trouble", True, False)
    assert "is not a public address" in lane.problem
    assert "login page of this network" in lane.way_out


async def test_behind_a_login_page_every_lane_says_so() -> None:
    async with blogging(answer(PAGE)) as address, mastodon() as server:
        server.fail("/", saying(PAGE))
        lanes = (await check(feed(address), f"{{kind: mastodon, servers: ['{server.base}']}}")).lanes
    assert all("login page of this network" in lane.way_out for lane in lanes)
    assert [lane.state for lane in lanes] == ["trouble", "trouble"]


async def test_an_address_of_the_own_network_names_the_setting_that_opens_it() -> None:
    async with blogging(answer(rss("one #conf"))) as address:
        text = config_text(feed(address)).replace(", allow_addresses: [127.0.0.0/8]", "")
        (lane,) = (await check(text=text)).lanes
    assert (lane.state, lane.reached, lane.allowed) == ("trouble", False, False)
    assert "server.allow_addresses" in lane.way_out


@pytest.mark.parametrize(
    ("fate", "problem", "way_out"),
    [
        ({"days": -1}, "certificate has expired", "whoever runs localhost has to renew it"),
        (
            {"name": "other.example"},
            "Hostname mismatch",
            "write the name in the certificate at config.yaml:4",
        ),
        ({"is_trusted": False}, "self-signed certificate", "certificate of a public authority"),
    ],
)
async def test_a_certificate_that_is_not_good_says_who_mends_it(
    fate: dict[str, object], problem: str, way_out: str, certificates: Certificates
) -> None:
    async with blogging(answer(rss("one #conf")), tls=certificates.tls(**fate)) as address:  # type: ignore[arg-type]
        lane = await check_one(feed(address))
    assert (lane.state, lane.reached) == ("trouble", False)
    assert problem.lower() in lane.problem.lower().replace("self signed", "self-signed")
    assert way_out in lane.way_out


async def test_a_good_certificate_is_good(certificates: Certificates) -> None:
    async with blogging(answer(rss("one #conf")), tls=certificates.tls()) as address:
        assert (await check_one(feed(address))).state == "fine"


async def test_a_port_that_speaks_no_https_is_told() -> None:
    async with blogging(answer(rss("one #conf"))) as address:
        lane = await check_one(feed(address.replace("http://", "https://")))
    assert "nothing speaks https there: check scheme and port at config.yaml:4" in lane.way_out


async def test_a_servers_refusal_names_the_setting_and_the_page() -> None:
    async with mastodon() as server:
        server.fail("/api/v1/apps", saying({"error": "The access token is invalid"}, 401))
        source = f"{{kind: mastodon, servers: ['{server.base}'], token: '${{TOKEN}}'}}"
        lane = await check_one(source, env={"TOKEN": "Hush-Hush-123"})
    assert (lane.state, lane.allowed, lane.place) == ("trouble", False, "config.yaml:4")
    assert "does not accept this `token`" in lane.problem
    assert "give it a `token` that it accepts, at config.yaml:4 (docs/sources/mastodon.md" in lane.way_out


async def test_a_relay_that_asks_who_reads_names_its_key_whatever_http_said() -> None:
    def refuse(_: object, frame: list[object]) -> list[object]:
        return [["CLOSED", frame[1], "auth-required: members only"]] if frame[0] == "REQ" else []

    async with fake_websocket(refuse) as relay:
        lane = await check_one(f"{{kind: nostr, relays: ['{relay.url}']}}")
    assert (lane.state, lane.reached, lane.allowed) == ("trouble", True, False)
    assert "give it a `secret_key` that it accepts" in lane.way_out


async def test_a_dead_relay_is_told_like_any_dead_host() -> None:
    lane = await check_one(f"{{kind: nostr, relays: ['ws://127.0.0.1:{free_port()}']}}")
    assert (lane.reached, lane.allowed) == (False, None)
    assert "nothing listens there" in lane.way_out


async def test_each_network_is_tried_in_its_own_way() -> None:
    written = ADA.wire("one", ("t", "conf"), at=1_700_000_000)
    async with (
        mastodon() as server,
        fake_websocket(storing(written)) as relay,
        blogging(answer(rss("one #conf"))) as blog,
    ):
        server.post(1, tags=[{"name": "conf"}])
        report = await check(
            f"{{kind: mastodon, servers: ['{server.base}']}}",
            f"{{kind: nostr, relays: ['{relay.url}']}}",
            feed(blog),
        )
    assert [(lane.kind, lane.state, lane.wanted) for lane in report.lanes] == [
        ("mastodon", "fine", 1),
        ("nostr", "fine", 1),
        ("feed", "fine", 1),
    ]


async def test_lanes_are_tried_side_by_side_but_not_all_at_once() -> None:
    here, most, full = 0, 0, asyncio.Event()

    async def count(_: web.Request) -> web.StreamResponse:
        nonlocal here, most
        here += 1
        most = max(most, here)
        if here == AT_ONCE:
            full.set()
        await full.wait()
        here -= 1
        return web.Response(text=rss("one #conf"), content_type="application/xml")

    app = web.Application()
    app.router.add_get("/feed.xml", count)
    async with listening(app, host="0.0.0.0") as address:
        port = address.rpartition(":")[2]
        report = await check(feed(*(f"http://127.0.0.{n}:{port}/feed.xml" for n in range(1, AT_ONCE + 4))))
    assert [lane.state for lane in report.lanes] == ["fine"] * (AT_ONCE + 3)
    assert most == AT_ONCE


BROKEN = """\
from backchannel.contract import SourceSettings

class Settings(SourceSettings):
    kind: str = "KIND"

class Source:
    poll_s = 5.0
    chosen = ()

    def __init__(self, settings, context):
        pass

    def lanes(self):
        return ("first", "second")

    async def batches(self, lane, cursor):
        yield
"""


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two networks that somebody installed: `mute` has no check, `broken` has a mistake in it."""
    about = tmp_path / "third_party-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: third-party\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[backchannel.sources]\nmute=tp_mute\nbroken=tp_broken\n")
    (tmp_path / "tp_mute.py").write_text(BROKEN.replace("KIND", "mute"))
    mistake = "\n    async def check(self, lane):\n        return {}[lane]\n"
    (tmp_path / "tp_broken.py").write_text(BROKEN.replace("KIND", "broken") + mistake)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("third_party")
async def test_a_mistake_in_one_network_costs_its_own_lane() -> None:
    async with blogging(answer(rss("one #conf"))) as address:
        *broken, good = (await check("{kind: broken}", feed(address))).lanes
    assert [lane.lane for lane in broken] == ["first", "second"]
    assert all("a bug of ours (KeyError at" in lane.problem for lane in broken)
    assert good.state == "fine"


@pytest.mark.usefixtures("third_party")
async def test_a_network_without_a_check_says_so() -> None:
    lane, _ = (await check("{kind: mute}")).lanes
    assert lane.state == "look"
    assert "cannot be tried" in lane.problem


async def test_a_config_without_sources_says_what_to_write() -> None:
    report = await check()
    assert (report.state, report.network.state) == ("trouble", "look")
    assert "list under `sources`" in report.network.way_out


async def test_a_proxy_in_the_environment_is_named_where_nothing_answers() -> None:
    dead = feed(f"http://127.0.0.1:{free_port()}/feed.xml")
    report = await check(dead, env={"https_proxy": "http://proxy.example:3128"})
    assert "the environment names a proxy" in report.network.way_out
