"""A network of strangers on loopback, each of whom answers oddly at one place, and honest ones beside them.

Whose request it is shows the address it came to: 127.<kind>.0.<number>. Each stranger has its own randomness,
so a seed repeats what it says, whatever the order in which all of them are asked.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from backchannel.clock import Clock, to_utc
from tests.faults.odd import Honest, Odd, odd_answer, odd_handshake, text_frame, upgraded, with_headers
from tests.sources.nostr.kit import ADA

STAGES = {
    "instance": 1, "page": 2, "recheck": 3, "feed": 4, "picture": 5, "picture after a redirect": 6,
    "relay information": 7, "relay handshake": 8,
}  # fmt: skip
"""Where an answer is odd, and the second number of the addresses that answer so."""

HONEST_SERVER, HONEST_FEED, HONEST_RELAY = "127.9.0.1", "127.9.0.2", "127.9.0.3"
LINGER_S = 0.02
_NOTE = ADA.wire("an honest note", ["t", "conf"], at=1_790_000_000)
_PROFILE = ADA.profile(name="Ada", at=1_790_000_000)
Make = Callable[[Random, Honest], Odd]


class OddNet:
    """`served`: odd answers by stage; `kinds`: by what was odd. `told` is called with each of them."""

    def __init__(self, seed: int, *, make: Make | None = None) -> None:
        self.seed, self.port = seed, 0
        self.served: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.round = 0
        self.words: list[str] = []
        self._make = make
        self._chance: dict[tuple[str, str], Random] = {}
        self._clock = Clock()
        self._at = self._clock.real()

    def hosts(self, stage: str, count: int) -> list[str]:
        """Addresses of so many who are odd there."""
        return [f"127.{STAGES[stage]}.0.{number + 1}:{self.port}" for number in range(count)]

    def say(self, words: str) -> None:
        """Let the honest ones publish this."""
        self.words.append(words)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one answer."""
        try:
            host = writer.get_extra_info("sockname")[0]
            path, headers = _request(await reader.readuntil(b"\r\n\r\n"))
            if host == HONEST_RELAY:
                await _relay(reader, writer, headers)
                return
            writer.write(self._answer(host, path, headers))
            await writer.drain()
            writer.write_eof()
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), LINGER_S)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def _answer(self, host: str, path: str, headers: dict[str, str]) -> bytes:
        stage = next((name for name, kind in STAGES.items() if kind == int(host.split(".")[1])), "")
        key = headers.get("sec-websocket-key", "").encode()
        if stage in ("instance", "page", "recheck", ""):
            honest, at = self._mastodon(host, path) if stage or host == HONEST_SERVER else self._feed(host)
        elif stage.startswith("relay"):
            honest, at = Honest(b"{}", b"application/nostr+json", key), stage
            at = "relay handshake" if key else "relay information"
        else:
            honest, at = self._picture(stage, host, path)
        if stage and at == stage:
            return self._odd(stage, host, honest)
        if key:
            return upgraded(key, text_frame(b'["NOTICE","hello"]'))
        if at == "redirect":
            return with_headers(b"", b"Location: " + honest.body, status=b"HTTP/1.1 302 Found")
        return with_headers(honest.body, b"Content-Type: " + honest.content_type)

    def _odd(self, stage: str, host: str, honest: Honest) -> bytes:
        chance = self._chance.setdefault((stage, host), Random(f"{self.seed} {stage} {host}"))
        make = self._make or (odd_handshake if stage == "relay handshake" else odd_answer)
        odd = make(chance, honest)
        self.served[stage] += 1
        self.kinds[odd.kind.partition(" ")[0].strip(",")] += 1
        return odd.data

    def _mastodon(self, host: str, path: str) -> tuple[Honest, str]:
        """A server of that API, and at which stage this request of it is."""
        parts = urlsplit(path)
        if parts.path.endswith("/instance"):
            return Honest(_json({"domain": f"{host}:{self.port}", "version": "4.6.4"})), "instance"
        if "/timelines/tag/" in parts.path:
            last = int(parse_qs(parts.query).get("min_id", ["0"])[0])
            numbers = range(1, len(self.words) + 1) if host == HONEST_SERVER else (self.round + 1,)
            return Honest(_json([self._status(host, n) for n in numbers if n > last][:40])), "page"
        if parts.path.startswith("/api/v1/statuses"):
            asked = [int(number) for number in parse_qs(parts.query).get("id[]", []) if number.isdigit()]
            single = parts.path.rpartition("/")[2]
            found = (
                self._status(host, int(single))
                if single.isdigit()
                else [self._status(host, n) for n in asked]
            )
            return Honest(_json(found)), "recheck"
        return Honest(_json({"error": "Record not found"})), ""

    def _status(self, host: str, number: int) -> dict[str, Any]:
        said = self.words[number - 1] if host == HONEST_SERVER else "odd"
        base = f"http://{host}:{self.port}/users/ann"
        at = to_utc(self._at + number).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        account = {
            "id": "1",
            "username": "ann",
            "acct": "ann",
            "display_name": "Ann",
            "url": base,
            "uri": base,
        }
        return {
            "id": str(number), "uri": f"{base}/statuses/{number}", "url": f"{base}/statuses/{number}",
            "created_at": at, "edited_at": None, "account": {**account, "avatar_static": "", "note": ""},
            "content": f"<p>{said} {host} {number}</p>", "spoiler_text": "", "visibility": "public",
            "tags": [{"name": "conf"}], "media_attachments": [], "in_reply_to_id": None,
        }  # fmt: skip

    def _feed(self, host: str) -> tuple[Honest, str]:
        return Honest(_rss(host, self.words[-20:], self._at), b"application/rss+xml"), "feed"

    def _picture(self, stage: str, host: str, path: str) -> tuple[Honest, str]:
        """A feed, the picture of each of its entries, and where that picture leads."""
        if path.endswith(".xml"):
            entries = [f"{host} {self.round} {number}" for number in range(8 if "picture" in stage else 1)]
            base = (
                f"http://{host}:{self.port}/first"
                if "redirect" in stage
                else f"http://{host}:{self.port}/odd"
            )
            body = _rss(host, entries, self._at, picture=base if "picture" in stage else "")
            return Honest(body, b"application/rss+xml"), "feed"
        if path.startswith("/first"):
            return Honest(path.replace("first", "odd").encode()), "redirect"
        return Honest(b"\x89PNG\r\n\x1a\n" + b"x" * 50, b"image/png"), stage


@asynccontextmanager
async def odd_net(seed: int, *, make: Make | None = None) -> AsyncIterator[OddNet]:
    """All of them, on one port."""
    net = OddNet(seed, make=make)
    server = await asyncio.start_server(net.serve, "0.0.0.0", 0, limit=1 << 20)
    net.port = server.sockets[0].getsockname()[1]
    try:
        yield net
    finally:
        server.close()


def sources(net: OddNet, count: int, *, stages: Sequence[str] = (*STAGES,), poll_s: float = 1.0) -> list[str]:
    """What config.yaml says of them, `count` for each stage, with an honest lane in each source.

    The honest ones have a source of their own each, too.
    """
    slow, quick = f"poll_s: {poll_s}, recheck_s: 1", f"poll_s: {min(poll_s, 0.5)}, floor_s: 0.1, match: all"
    servers = [
        host
        for stage in ("instance", "page", "recheck")
        if stage in stages
        for host in net.hosts(stage, count)
    ]
    feeds = [host for stage in STAGES if "feed" in stage or "picture" in stage if stage in stages
             for host in net.hosts(stage, count)]  # fmt: skip
    relays = [
        host for stage in STAGES if "relay" in stage if stage in stages for host in net.hosts(stage, count)
    ]
    honest_server, honest_feed = (
        f"http://{HONEST_SERVER}:{net.port}",
        f"http://{HONEST_FEED}:{net.port}/feed.xml",
    )
    listed = [f"{{kind: feed, name: honest, feeds: ['{honest_feed}'], {quick}}}"]
    if servers:
        urls = ", ".join(f"'{url}'" for url in [honest_server, *(f"http://{host}" for host in servers)])
        listed.append(f"{{kind: mastodon, name: servers, servers: [{urls}], {slow}}}")
    if feeds:
        urls = ", ".join(
            f"'{url}'" for url in [honest_feed + "?2", *(f"http://{host}/feed.xml" for host in feeds)]
        )
        listed.append(f"{{kind: feed, name: feeds, feeds: [{urls}], {quick}}}")
    for at in range(0, len(relays), 11):
        urls = ", ".join(f"'ws://{host}'" for host in [f"{HONEST_RELAY}:{net.port}", *relays[at : at + 11]])
        listed.append(f"{{kind: nostr, name: relays{at}, relays: [{urls}]}}")
    return listed


def _rss(host: str, entries: Sequence[str], at: float, *, picture: str = "") -> bytes:
    items = "".join(
        f"<item><guid isPermaLink='false'>{said}</guid><link>http://{host}/{said.replace(' ', '-')}</link>"
        f"<author>ada@blog.example (Ada)</author><category>conf</category><pubDate>{formatdate(at)}</pubDate>"
        f"<description>{said}</description>"
        + (
            f"<enclosure url='{picture}/{said.replace(' ', '-')}.png' type='image/png' length='9'/>"
            if picture
            else ""
        )
        + "</item>"
        for said in entries
    )
    return (
        f"<rss version='2.0'><channel><title>{host}</title><link>http://{host}</link>{items}</channel></rss>"
    ).encode()


def _json(data: object) -> bytes:
    return json.dumps(data).encode()


def _request(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: dict[str, str]) -> None:
    """An honest relay with one post, and the profile of who wrote it."""
    key = headers.get("sec-websocket-key", "").encode()
    if not key:
        writer.write(with_headers(b"{}", b"Content-Type: application/nostr+json"))
        await writer.drain()
        return
    writer.write(upgraded(key))
    while True:
        head = await reader.readexactly(2)
        size = head[1] & 0x7F
        size = int.from_bytes(await reader.readexactly({126: 2, 127: 8}[size])) if size > 125 else size
        mask, masked = await reader.readexactly(4), await reader.readexactly(size)
        said = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
        if head[0] & 0x0F == 9:
            writer.write(b"\x8a" + bytes([len(said)]) + said)
        elif head[0] & 0x0F == 8:
            writer.write(b"\x88\x00")
            return
        elif said.startswith(b'["REQ"'):
            name = json.loads(said)[1]
            stored = {"wall": _NOTE}.get(name, _PROFILE if name.startswith("look") else None)
            writer.write(text_frame(_json(["EVENT", name, stored])) if stored else b"")
            writer.write(text_frame(_json(["EOSE", name])))
        await writer.drain()
