"""The running program and the operator's own network: what a stranger writes never leads into it."""

import ast
from collections.abc import Callable, Mapping
from email.utils import formatdate
from pathlib import Path

import backchannel
from backchannel.clock import Clock
from backchannel.config import parse_config
from backchannel.exempt import Exemptions
from tests.kit.pictures import picture
from tests.kit.program import config_text
from tests.kit.program import serving as serve
from tests.kit.raw_server import RawServer, answering, reply

PNG = picture()


def feed(*pictures: str) -> bytes:
    """An entry for each picture, named after its number."""
    at = formatdate(Clock().now())
    items = "".join(
        f"<item><guid isPermaLink='false'>{n}</guid><category>conf</category><pubDate>{at}</pubDate>"
        f"<description>entry {n}</description><enclosure url='{url}' type='image/png' length='9'/></item>"
        for n, url in enumerate(pictures)
    )
    head = "<title>Blog</title><link>https://blog.example</link>"
    return f"<rss version='2.0'><channel>{head}{items}</channel></rss>".encode()


def paths(server: RawServer) -> list[str]:
    return sorted({path for path, _ in server.requests})


def source(name: str, server: RawServer) -> str:
    return f"{{kind: feed, name: {name}, feeds: ['{server.url}/feed'], poll_s: 1, floor_s: 1}}"


async def test_pictures_come_from_the_posts_own_source_and_from_nowhere_else_within(tmp_path: Path) -> None:
    pictures: list[str] = []

    def told(own: Callable[[], bytes]) -> Callable[[str, Mapping[str, str]], bytes]:
        def answer(path: str, _: Mapping[str, str]) -> bytes:
            if path == "/feed":
                return reply(own(), headers="Content-Type: application/rss+xml\r\n")
            if path == "/away.png":
                return reply(status="302 Found", headers=f"Location: {camera.url}/redirected\r\n")
            return reply(PNG, headers="Content-Type: image/png\r\n")

        return answer

    async with (
        answering(told(lambda: feed(*pictures))) as first,
        answering(told(lambda: feed(f"{second.url}/theirs.png"))) as second,
        answering(told(bytes)) as gallery,
        answering(told(bytes)) as camera,
    ):
        pictures += [
            f"{first.url}/own.png",
            f"{gallery.url}/listed.png",
            f"{camera.url}/cam/1.png",
            f"{second.url}/of-another-source.png",
            f"http://localhost:{first.port}/other-name.png",
            f"{first.url}/away.png",
        ]
        config = config_text(
            source("first", first),
            source("second", second),
            server=f", allow_pictures: ['127.0.0.1:{gallery.port}']",
        )
        async with serve(tmp_path, config=config) as server:
            posts = (await server.until(lambda answer: len(answer["posts"]) == 7))["posts"]
        assert camera.hits == 0
        assert paths(second) == ["/feed", "/theirs.png"]
        assert paths(first) == ["/away.png", "/feed", "/own.png"]
        assert paths(gallery) == ["/listed.png"]
        pictured = sorted((post["source"], post["text"]) for post in posts if "/media/" in post["html"])
        assert pictured == [("first", "entry 0"), ("first", "entry 1"), ("second", "entry 0")]


async def test_a_feed_does_not_move_to_another_host_within(tmp_path: Path) -> None:
    async with answering(lambda path, _: reply(feed())) as inner:
        moved = reply(status="301 Moved Permanently", headers=f"Location: {inner.url}/moved\r\n")
        async with (
            answering(lambda path, _: moved) as outer,
            serve(tmp_path, config=config_text(source("blog", outer), source("inner", inner))) as server,
        ):
            health = await server.until(lambda said: said["sources"]["blog"]["error"], "/healthz")
        assert "127.0.0.1 is not a public address" in health["sources"]["blog"]["error"]
        assert "/moved" not in paths(inner)


def test_an_exemption_is_the_sources_own_and_changes_with_the_configuration() -> None:
    nostr = "{kind: nostr, relays: ['ws://10.0.0.7:7000/x', 'wss://relay.example']}"
    feeds = "{kind: feed, feeds: ['http://10.0.0.8/a', {url: 'http://Blog.intern:81/b'}]}"
    config = parse_config(config_text(nostr, feeds), {}, read=str)
    exempt = Exemptions(config)
    assert exempt.of("nostr") == {("10.0.0.7", 7000), ("relay.example", 443)}
    assert exempt.of("feed") == {("10.0.0.8", 80), ("blog.intern", 81)}
    assert exempt.is_own_picture("nostr", "http://10.0.0.7:7000/any.png")
    assert not exempt.is_own_picture("feed", "http://10.0.0.7:7000/any.png")
    assert not exempt.is_own_picture("nostr", "http://10.0.0.7/any.png")
    assert not exempt.is_own_picture("nobody", "http://10.0.0.8/a")
    assert not exempt.is_own_picture("nostr", "//::")
    assert ("10.0.0.7", 7000) in exempt
    mastodon = "{kind: mastodon, servers: ['http://10.0.0.9:3000']}"
    exempt.take_up(parse_config(config_text(mastodon), {}, read=str))
    assert exempt.of("mastodon") == {("10.0.0.9", 3000)}
    assert not exempt.of("nostr")
    assert ("10.0.0.7", 7000) not in exempt


def test_every_fetcher_of_the_program_knows_which_hosts_the_operator_wrote_down() -> None:
    """Without `own` the exemption would hold for everybody's addresses: that is for tests."""
    trees = [ast.parse(path.read_text("utf-8")) for path in Path(backchannel.__file__).parent.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Fetcher"]
    assert made
    assert all("own" in {word.arg for word in call.keywords} for call in made)
