"""A server, a relay and a feed that lie about others: with and without them, the others' posts are the same.

Two Mastodon servers, two Nostr relays and two feeds, each pair of one that is honest and one that lies about
all the others: edits, deletions, authors, replies, quotations, before and after those have spoken, and after
a restart. The honest ones' posts, as `/api/v1/posts` gives them, are compared byte for byte with a run in
which the liar only speaks for itself.
"""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from html import escape
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from backchannel.app import Server
from tests.conftest import Tell
from tests.kit.clocks import HastyClock, until
from tests.kit.http_server import FakeHttp, saying
from tests.kit.program import config_text
from tests.kit.server import running
from tests.kit.websocket_server import FakeWebsocket, fake_websocket
from tests.sources.mastodon.kit import Mastodon, mastodon
from tests.sources.nostr.kit import ADA, GRACE, MALLORY, Wire, select

TAGGED: dict[str, Any] = {"tags": [{"name": "conf"}]}
TAG = ("t", "conf")
AT = 1_778_061_600
RATE = 480.0
"""Half a minute between two answers that a post is not found lasts a sixteenth of a second."""
LATER = "2026-05-07T10:00:00.000Z"


class AtomFeed(FakeHttp):
    """An Atom feed whose entries and tombstones the test writes."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    @property
    def feed(self) -> str:
        return self.url("/feed.xml")

    def write(
        self, id_: str, words: str, *, author: str = "Feed Writer", link: str = "", late: int = 0
    ) -> None:
        """An entry; `late` makes it an edit."""
        self.parts.append(
            f"<entry><id>{escape(id_)}</id><title>{escape(words)} #conf</title><author><name>{author}</name>"
            f"<uri>{escape(link)}</uri></author><link href='{escape(link)}'/>"
            f"<published>2026-05-06T09:00:00Z</published><updated>2026-05-06T09:0{late}:00Z</updated></entry>"
        )

    def bury(self, id_: str) -> None:
        """A tombstone."""
        self.parts.append(
            f"<at:deleted-entry xmlns:at='http://purl.org/atompub/tombstones/1.0' ref='{escape(id_)}'"
            " when='2026-11-07T09:00:00Z'/>"
        )

    async def respond(self, _: web.Request) -> web.StreamResponse:
        head = "<feed xmlns='http://www.w3.org/2005/Atom'><title>A feed</title>"
        return web.Response(text=f"{head}{''.join(self.parts)}</feed>", content_type="application/atom+xml")


@asynccontextmanager
async def atom_feed() -> AsyncIterator[AtomFeed]:
    made = AtomFeed()
    async with made.listen():
        yield made


class LyingWorld:
    """The honest three, who say the same in every run, and the three who may lie."""

    def __init__(self) -> None:
        self.home, self.evil_home = Mastodon(), Mastodon()
        self.events: list[Wire] = []
        self.forged: list[Wire] = []
        self.blog, self.evil_blog = AtomFeed(), AtomFeed()
        note = ADA.wire("words of ada", TAG, at=AT)
        self.note, self.answer = note, GRACE.wire("an answer", TAG, ("e", note["id"], "", "reply"), at=AT + 1)
        self.article = ADA.wire("an article", TAG, ("d", "one"), ("title", "One"), kind=30023, at=AT)
        self.profile = ADA.profile(at=AT, name="Ada")

    async def open(self, stack: AsyncExitStack) -> None:
        """Everybody listens."""
        self.home = await stack.enter_async_context(mastodon())
        self.evil_home = await stack.enter_async_context(mastodon())
        self.evil_home.instance["domain"] = "home.example"
        self.relay = await stack.enter_async_context(fake_websocket(self._store))
        self.evil_relay = await stack.enter_async_context(fake_websocket(self._forge))
        self.blog = await stack.enter_async_context(atom_feed())
        self.evil_blog = await stack.enter_async_context(atom_feed())

    def _store(self, _: FakeWebsocket, frame: list[Any]) -> list[object]:
        if frame[0] != "REQ":
            return []
        found = [event for asked in frame[2:] for event in select(asked, self.events)]
        return [*(["EVENT", frame[1], event] for event in found), ["EOSE", frame[1]]]

    def _forge(self, _: FakeWebsocket, frame: list[Any]) -> list[object]:
        """Whatever is asked: everything that is forged."""
        if frame[0] != "REQ":
            return []
        return [*(["EVENT", frame[1], event] for event in self.forged), ["EOSE", frame[1]]]

    def config(self) -> str:
        servers = json.dumps([self.evil_home.base, self.home.base])
        feeds = json.dumps([self.evil_blog.feed, self.blog.feed])
        return config_text(
            f"{{kind: mastodon, servers: {servers}, poll_s: 1, recheck_s: 1}}",
            f"{{kind: nostr, relays: {json.dumps([self.evil_relay.url, self.relay.url])}}}",
            f"{{kind: feed, feeds: {feeds}, poll_s: 1, floor_s: 1}}",
        )

    def reset(self) -> None:
        """Nobody has said anything."""
        for server in (self.home, self.evil_home):
            server.statuses.clear()
            server.failing.clear()
        self.events.clear()
        self.forged.clear()
        self.blog.parts.clear()
        self.evil_blog.parts.clear()

    async def speak(self) -> None:
        """The honest ones say what they have to say."""
        home = self.home
        first = home.post(1, "words of ann", **TAGGED)
        home.post(2, "a reply", in_reply_to_id="1", **TAGGED)
        home.post(3, "look", quote={"state": "accepted", "quoted_status": first}, **TAGGED)
        home.post(4, "by far", uri="https://far.example/users/eve/statuses/5", **TAGGED)
        self.events += [self.note, self.answer, self.article, self.profile]
        for event in (self.profile, self.note, self.answer, self.article):
            await self.relay.say(["EVENT", "wall", event])
        self.blog.write("e1", "words of a blog", link=f"{self.blog.feed}/1")
        self.blog.write("e2", "more words", link=f"{self.blog.feed}/2")

    @property
    def uris(self) -> list[str]:
        """The honest server's own ids."""
        return [f"{self.home.base}/users/ann/statuses/{number}" for number in (1, 2, 3)]

    @property
    def far(self) -> str:
        """What the honest server passes on, of one that we do not read."""
        return "https://far.example/users/eve/statuses/5"

    @property
    def entries(self) -> list[str]:
        """The honest feed's ids."""
        return [f"feed:{self.blog.feed}#{name}" for name in ("e1", "e2")]

    @property
    def signed(self) -> list[str]:
        """The honest writers' ids."""
        return [f"nostr:{self.note['id']}", f"nostr:{self.answer['id']}", f"nostr:30023:{ADA.pubkey}:one"]

    @property
    def victims(self) -> list[str]:
        return [*self.uris, *self.signed, *self.entries]


# Who lies. Each says something for itself, too: when that is on the board, so would be the lies.


class LyingServer:
    def __init__(self, world: LyingWorld) -> None:
        self._world, self._server, self._next = world, world.evil_home, 100

    async def speak(self, mark: str, *, lying: bool) -> None:
        if lying:
            self._lie()
        self._post(mark)

    async def withdraw(self) -> None:
        """It drops all but one, and says that it is gone for good."""
        dropped, self._server.statuses[:] = self._server.statuses[:], []
        for status in dropped:
            gone = saying({"error": "Gone"}, 410)
            self._server.fail(f"/api/v1/statuses/{status['id']}", gone)
        self._server.post(999, "still here", **TAGGED)

    def _post(self, text: str, **more: Any) -> dict[str, Any]:
        self._next += 1
        return self._server.post(self._next, text, **{**TAGGED, **more})

    def _lie(self) -> None:
        world, own = self._world, self._post("my own words")
        for uri in [*world.uris, world.far]:
            self._post("A LIE", uri=uri)
            self._post("A LIE", uri=uri, edited_at=LATER)
            self._post("A LIE", uri=uri, edited_at=LATER, visibility="private")
            self._post("A LIE", uri=uri, edited_at=LATER, in_reply_to_id=own["id"])
            self._post("A LIE", uri=uri, edited_at=LATER, pleroma={"expires_at": "2026-05-07T11:00:00Z"})
            host = uri.split("/")[2]
            for spelling in (f"you@{host}", host.upper(), f"{host}."):
                self._post("A LIE", uri=uri.replace(host, spelling), edited_at=LATER)
            lied = self._post("A LIE", uri=uri, edited_at=LATER)
            lied["account"]["uri"] = f"{self._server.base}/users/ann"
            told = self._post("A LIE")
            told["account"] |= {"uri": uri.partition("/statuses")[0], "acct": f"ann@{host}"}
            of_far = " of far" if uri == world.far else ""  # who has not spoken itself
            false = {**lied, "content": f"<p>A LIE{of_far}</p>", "account": {**own["account"], "uri": uri}}
            self._post("they said so", quote={"state": "accepted", "quoted_status": false})
            self._post("an answer", in_reply_to_id=lied["id"])
        for id_ in [*world.signed, *world.entries, *(entry[5:] for entry in world.entries)]:
            status = self._post("A LIE", edited_at=LATER)
            status["uri"] = status["account"]["uri"] = id_
            status = self._post("A LIE", edited_at=LATER)
            status["uri"] = id_


class LyingRelay:
    def __init__(self, world: LyingWorld) -> None:
        self._world, self._own = world, list[Wire]()

    async def speak(self, mark: str, *, lying: bool) -> None:
        own = MALLORY.wire(mark, TAG, at=AT + 10)
        self._own.append(own)
        await self._tell(*(self._lies() if lying else ()), own)

    async def withdraw(self) -> None:
        named = [("e", event["id"]) for event in [*self._own, self._world.note, self._world.answer]]
        await self._tell(MALLORY.wire("", *named, kind=5, at=AT + 20))

    async def _tell(self, *events: Wire) -> None:
        self._world.forged += events
        for event in events:
            for sub in ("wall", "gone"):
                await self._world.evil_relay.say(["EVENT", sub, event])

    def _lies(self) -> list[Wire]:
        world = self._world
        lies: list[Wire] = []
        for event in (world.note, world.answer, world.article):
            lies.append({**event, "content": "A LIE"})
            lies.append(
                {**MALLORY.wire("A LIE", *event["tags"], kind=event["kind"], at=AT + 5), "id": event["id"]}
            )
            lies.append(
                {**MALLORY.wire("A LIE", *event["tags"], kind=event["kind"], at=AT + 5), "pubkey": ADA.pubkey}
            )
            lies.append({**ADA.wire("", ("e", event["id"]), kind=5, at=AT + 5), "sig": "0" * 128})
            lies.append(MALLORY.wire("", ("e", event["id"]), kind=5, at=AT + 5))
        lies.append(MALLORY.wire("", ("a", f"30023:{ADA.pubkey}:one"), kind=5, at=AT + 5))
        lies.append({**MALLORY.wire("", ("relay", "ALL_RELAYS"), kind=62, at=AT + 5), "pubkey": ADA.pubkey})
        lies.append({**MALLORY.profile(at=AT + 5, name="A LIE"), "pubkey": ADA.pubkey})
        lies.append(MALLORY.wire("A LIE", TAG, ("d", "one"), ("title", "One"), kind=30023, at=AT + 5))
        lies.append(MALLORY.wire("they said so", TAG, ("q", world.note["id"]), at=AT + 5))
        for id_ in [*world.uris, *world.entries]:
            lies.append(MALLORY.wire("", ("e", id_), ("a", id_), kind=5, at=AT + 5))
            lies.append(MALLORY.wire("an answer", TAG, ("I", id_), ("i", id_), kind=1111, at=AT + 5))
        return lies


class LyingFeed:
    def __init__(self, world: LyingWorld) -> None:
        self._world, self._marks = world, list[str]()

    async def speak(self, mark: str, *, lying: bool) -> None:
        self._marks.append(mark)
        if lying:
            self._lie()
        self._world.evil_blog.write(mark, mark)

    async def withdraw(self) -> None:
        self._world.evil_blog.parts.clear()
        self._world.evil_blog.write("rest", "still here")
        for id_ in [*self._marks, *self._world.victims, *self._others()]:
            self._world.evil_blog.bury(id_)

    def _others(self) -> list[str]:
        bare = [entry[5:] for entry in self._world.entries]
        return [*bare, "e1", "e2", *self._world.entries, f"feed:by:{self._world.blog.feed}#Feed Writer"]

    def _lie(self) -> None:
        for late, id_ in enumerate([*self._world.victims, *self._others()]):
            link = self._world.uris[0]
            self._world.evil_blog.write(id_, "A LIE", author="Ann", link=link, late=late % 10)


Liar = LyingServer | LyingRelay | LyingFeed
LIARS: dict[str, type[Liar]] = {"server": LyingServer, "relay": LyingRelay, "feed": LyingFeed}


# What is compared.


class PostsReader:
    """What a reader of `/api/v1/posts` has, and may wait for."""

    def __init__(self, server: Server, url: str) -> None:
        self._server, self._url = server, url

    async def posts(self) -> dict[str, dict[str, Any]]:
        async with ClientSession() as http, http.get(f"{self._url}/api/v1/posts?limit=200") as answer:
            return {post["id"]: post for post in (await answer.json())["posts"]}

    async def until(self, is_so: Callable[[dict[str, dict[str, Any]]], object]) -> dict[str, dict[str, Any]]:
        posts: dict[str, dict[str, Any]] = {}

        async def is_as_wanted() -> object:
            nonlocal posts
            posts = await self.posts()
            return is_so(posts)

        await until(is_as_wanted)
        return posts

    async def of(self, ids: list[str]) -> dict[str, str]:
        """These posts as they are served. Numbers of the log are replaced by what they stand for."""
        posts = await self.posts()
        names = {seen.key: seen.id for seen in self._server.sequencer.state.posts.by_key.values()}

        def named(match: re.Match[str]) -> str:
            number = int(match[2])
            return f"{match[1]}{names.get(number, number)}"

        found = {}
        for id_ in ids:
            post = json.dumps(posts.get(id_), sort_keys=True)
            post = re.sub(r'("(?:order|seq)": )\d+', r"\1N", post)
            post = re.sub(r'(data-(?:order|seq)=\\")\d+', r"\1N", post)
            found[id_] = re.sub(
                r'("(?:key|parent|root)": |data-(?:key|parent|root)=\\"| id=\\"c)(\d+)', named, post
            )
        return found


def with_texts(*texts: str) -> Callable[[dict[str, dict[str, Any]]], bool]:
    return lambda posts: {*texts} <= {post["text"].removesuffix(" #conf") for post in posts.values()}


HONEST = (
    "words of ann",
    "a reply",
    "look",
    "by far",
    "words of ada",
    "an answer",
    "words of a blog",
    "more words",
)


async def played(
    world: LyingWorld, folder: Path, liar: Liar, *, lying: bool, is_first: bool
) -> list[dict[str, str]]:
    """The honest ones' posts at three moments: after all have spoken, after the liar has withdrawn all of its
    words, and in another life."""
    clock = HastyClock(rate=RATE)
    told: list[dict[str, str]] = []
    folder.mkdir()
    own = with_texts(*HONEST[:3], *HONEST[4:])  # while a liar was first, what far said is its word
    async with running(folder, world.config(), clock=clock) as (server, url):
        seen = PostsReader(server, url)
        if is_first:
            await liar.speak("first mark", lying=lying)
            await seen.until(with_texts("first mark"))
        await world.speak()
        await seen.until(own)
        await liar.speak("second mark", lying=lying)
        await seen.until(with_texts("second mark"))
        quoted = json.dumps([post["card"]["quote"] for post in (await seen.posts()).values()])
        assert "A LIE" not in quoted.replace("A LIE of far", "")
        told.append(await seen.of(world.victims if is_first else [*world.victims, world.far]))
        await liar.withdraw()
        await seen.until(lambda posts: not with_texts("second mark")(posts))
        await seen.until(with_texts(*HONEST))
        told.append(await seen.of([*world.victims, world.far]))
    asked = len(world.evil_home.asked), len(world.evil_blog.asked), len(world.evil_relay.heard)
    async with running(folder, world.config(), clock=HastyClock(rate=RATE)) as (server, url):
        seen = PostsReader(server, url)
        await seen.until(
            lambda _: (
                len(world.evil_home.asked) > asked[0] + 6
                and len(world.evil_blog.asked) > asked[1] + 2
                and len(world.evil_relay.heard) > asked[2]
            )
        )
        told.append(await seen.of([*world.victims, world.far]))
    return told


@pytest.mark.parametrize("is_first", [False, True], ids=["after they spoke", "before they spoke"])
@pytest.mark.parametrize("who", [*LIARS])
async def test_nothing_of_anothers_changes(tmp_path: Path, tell: Tell, who: str, is_first: bool) -> None:
    world = LyingWorld()
    async with AsyncExitStack() as stack:
        await world.open(stack)
        honest = await played(world, tmp_path / "honest", LIARS[who](world), lying=False, is_first=is_first)
        world.reset()
        lied = await played(world, tmp_path / "lied", LIARS[who](world), lying=True, is_first=is_first)
    for before, after in zip(honest, lied, strict=True):
        for id_, post in before.items():
            assert post != "null"
            assert after[id_] == post
    compared = sum(len(posts) for posts in honest)
    size = sum(len(post) for posts in honest for post in posts.values())
    tell(f"a {who} that lies {'before' if is_first else 'after'} the others speak: {compared} posts, "
         f"{size} bytes, the same as without it")  # fmt: skip
