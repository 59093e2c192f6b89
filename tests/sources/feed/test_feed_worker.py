"""The killable worker: nothing a document does reaches further than its own reading."""

import asyncio
from contextlib import suppress
from pathlib import Path

import feedparser.api
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backchannel.model import DecodeError, Post
from backchannel.sources.feed import child as feed_work
from backchannel.sources.feed.identity import identify
from backchannel.sources.feed.jsonfeed import looks_like_json, parse_json_feed
from backchannel.sources.feed.post import Origin, parse_entry
from backchannel.sources.feed.wire import WireDocument
from backchannel.sources.feed.workers import FeedWorker, Workers
from backchannel.sources.feed.xmlfeed import parse_answer
from backchannel.text import plain_text

URL = "https://feeds.example/feed"
OWN = Path(__file__).parents[2] / "data" / "feed"
RSS = b"<rss version='2.0'><channel><item><title>%s</title></item></channel></rss>"


@pytest.fixture(scope="module")
def worker() -> FeedWorker:
    return FeedWorker()


async def read(worker: FeedWorker, body: bytes) -> WireDocument:
    return parse_answer(await worker.read(body, "application/xml", URL))


def posts_of(document: WireDocument) -> list[Post]:
    origin = Origin("blogs", "Blog", URL, URL)
    return [
        parse_entry(known.entry, document.head, origin, id=known.id, first_seen=1.0)
        for known in identify(document.entries, "guid", (), document.head.link)
    ]


def says(document: WireDocument) -> str:
    return "\n".join(plain_text(post.face.body) for post in posts_of(document))


WAITS = """
import os, signal
def prepare(): pass
def answer(request):
    if request.endswith(b"slow"): signal.pause()
    if request.endswith(b"fatal"): os.abort()
    return b"ok"
"""


@pytest.fixture
def waits(tmp_path: Path) -> Path:
    """Work that never ends, or ends its process, where a document says so."""
    (tmp_path / "waits.py").write_text(WAITS)
    return tmp_path / "waits.py"


async def test_a_document_that_hangs_or_ends_the_worker_is_a_decode_error(waits: Path) -> None:
    worker = FeedWorker(waits, deadline_s=3.0)
    with pytest.raises(DecodeError, match=r"no end of it within 3 s"):
        await worker.read(b"slow", "", URL)
    with pytest.raises(DecodeError, match=r"ended the reader"):
        await worker.read(b"fatal", "", URL)
    assert await worker.read(b"calm", "", URL) == b"ok"
    await worker.close()


async def test_a_feed_that_takes_long_is_waited_for_once(waits: Path) -> None:
    workers = Workers(waits, quick_s=1.0)
    slow = asyncio.create_task(workers.read("slow", b"slow", "", URL))
    await asyncio.sleep(0)
    assert await workers.read("calm", b"calm", "", URL) == b"ok"
    assert not slow.done()
    again = asyncio.create_task(workers.read("slow", b"slow", "", URL))
    await asyncio.sleep(0)
    assert await workers.read("calm", b"calm", "", URL) == b"ok"
    assert (slow.done(), again.done()) == (False, False)
    slow.cancel()
    again.cancel()
    await asyncio.gather(slow, again, return_exceptions=True)
    await workers.close()


# What a document may try


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    planted = tmp_path / "planted.txt"
    planted.write_text("CANARY")
    return planted


async def test_a_documents_entities_read_no_file(worker: FeedWorker, canary: Path) -> None:
    body = f"""<?xml version="1.0"?>
        <!DOCTYPE rss [<!ENTITY x SYSTEM "file://{canary}"><!ENTITY % p SYSTEM "{canary}"> %p;]>
        <rss version="2.0"><channel><item><title>before &x; after</title></item></channel></rss>"""
    said = says(await read(worker, body.encode()))
    assert "before" in said
    assert "CANARY" not in said


async def test_a_document_that_is_a_file_name_reads_no_file(worker: FeedWorker, tmp_path: Path) -> None:
    planted = tmp_path / "planted.rss"
    planted.write_bytes(RSS % b"CANARY")
    with pytest.raises(DecodeError):
        await read(worker, str(planted).encode())


def _laughs(levels: int) -> bytes:
    entities = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, levels))
    return (
        f"<?xml version='1.0'?><!DOCTYPE rss [<!ENTITY l0 'ha'>{entities}]><rss version='2.0'><channel>"
        f"<item><title>x&l{levels - 1};</title></item></channel></rss>"
    ).encode()


BOMBS = {
    "a billion laughs": _laughs(10),
    "a quadratic blowup": b"<!DOCTYPE rss [<!ENTITY a '"
    + b"A" * 50_000
    + b"'>]><rss version='2.0'><channel><item>"
    b"<title>" + b"&a;" * 50_000 + b"</title></item></channel></rss>",
    "deep elements": b"<rss version='2.0'><channel>" + b"<item>" * 100_000,
    "deep markup": RSS % (b"&lt;div>" * 100_000),
    "many attributes": b"<rss " + b" ".join(b"a%d='x'" % n for n in range(100_000)) + b"><channel/></rss>",
    "many namespaces": b"<rss "
    + b" ".join(b"xmlns:n%d='u'" % n for n in range(20_000))
    + b"><channel/></rss>",
    "open brackets": b"<rss version='2.0'><channel><item><title>" + b"<" * 1_000_000,
    "open comments": b"<rss version='2.0'><channel>" + b"<!--" * 300_000,
    "open declarations": b"<rss version='2.0'>" + b"<![CDATA[" * 100_000,
    "ampersands": RSS % (b"&" * 1_000_000),
    "one long number": RSS % (b"&#" + b"9" * 1_000_000 + b";"),
    "zeros": b"\0" * (2 << 20),
    "utf-16 halves": "<rss version='2.0'><channel><item><title>".encode("utf-16") + b"\xd8\x00" * 500_000,
    "many empty items": b"<rss version='2.0'><channel>" + b"<item/>" * 200_000 + b"</channel></rss>",
    "a very long date": RSS.replace(b"<title>", b"<pubDate>" + b"1" * 1_000_000 + b"</pubDate><title>")
    % b"x",
    "a very long author": RSS.replace(b"<title>", b"<author>" + b"a@" * 500_000 + b"</author><title>") % b"x",
    "surrogates": RSS % (b"&#xD800;&#xDFFF;" * 1_000),
    "an unknown encoding": b"<?xml version='1.0' encoding='rot13'?>" + RSS % b"x",
    "a bombing encoding": b"<?xml version='1.0' encoding='bz2'?>" + RSS % b"x",
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_harms_nobody(name: str) -> None:
    worker = FeedWorker(deadline_s=6.0)
    with suppress(DecodeError):
        assert len(says(await read(worker, BOMBS[name]))) < 2_000_000
    assert says(await read(worker, RSS % b"still here")) == "still here"


@pytest.mark.parametrize(
    "body", [b'{"items":' + b"[" * 500_000, b'{"version":' + b"9" * 500_000, b"{", b'{"a":"\xff"}']
)
def test_a_json_bomb_is_a_decode_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_json_feed(body)


async def test_one_bad_item_of_forty_leaves_thirty_nine(worker: FeedWorker) -> None:
    items = [b"<item><guid>%d</guid><title>item %d</title></item>" % (n, n) for n in range(40)]
    items[17] = (
        b"<item><guid>17</guid><title>bad &bogus; \x01 <b> & </titel><link>https://x.example/17</item>"
    )
    document = await read(worker, b"<rss version='2.0'><channel>" + b"".join(items) + b"</channel></rss>")
    told = {entry.id: entry.title.value for entry in document.entries if entry.title}
    assert [told[str(n)] for n in range(40) if n != 17] == [f"item {n}" for n in range(40) if n != 17]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/xml; charset=idna", RSS % b"x"),
        ("text/xml; charset=undefined", RSS % b"x"),
        ("text/html; charset=punycode", RSS % b"x"),
        ("application/xml", b'<!DOCTYPE rss [\n<!ENTITY p "C:\\data">\n]>' + RSS % b"&p;"),
        ("application/xml", RSS % b"&#1114112;"),
    ],
)
async def test_what_feedparser_trips_over_ends_no_process(content_type: str, body: bytes) -> None:
    worker = FeedWorker()
    await read(worker, RSS % b"one")
    first = worker.pid
    with suppress(DecodeError):
        parse_answer(await worker.read(body, content_type, URL))
    assert worker.pid == first
    await worker.close()


async def test_an_item_with_a_common_slip_is_read_all_the_same(worker: FeedWorker) -> None:
    items = [b"<item><guid>%d</guid><title>item %d</title></item>" % (n, n) for n in range(5)]
    items[2] = b"<item><guid>2</guid><title>Fish & chips<br></title></item>"
    document = await read(worker, b"<rss version='2.0'><channel>" + b"".join(items) + b"</channel></rss>")
    assert [entry.id for entry in document.entries] == ["0", "1", "2", "3", "4"]
    assert "Fish & chips" in says(document)


async def test_an_item_that_trips_feedparser_is_dropped_by_itself(worker: FeedWorker) -> None:
    items = [b"<item><guid>%d</guid><title>item %d</title></item>" % (n, n) for n in range(5)]
    items[2] = b"<item><guid>2</guid><title>&#99999999999;</title></item>"  # OverflowError in feedparser 6
    document = await read(worker, b"<rss version='2.0'><channel>" + b"".join(items) + b"</channel></rss>")
    assert [entry.id for entry in document.entries] == ["0", "1", "3", "4"]
    assert len(document.reasons) == 1


@pytest.mark.parametrize(
    "name", ["authors", "links", "tags", "content", "image", "title_detail", "media_content"]
)
async def test_an_element_named_like_feedparsers_own_lists_harms_no_entry(
    worker: FeedWorker, name: str
) -> None:
    odd = f"<{name}>odd</{name}>"
    body = f"<rss version='2.0'><channel>{odd}<item><guid>1</guid>{odd}</item><item><guid>2</guid></item>"
    document = await read(worker, f"{body}</channel></rss>".encode())
    assert [entry.id for entry in document.entries] == ["1", "2"]


@pytest.fixture
def finer(monkeypatch: pytest.MonkeyPatch) -> None:
    """feedparser as the worker teaches it, in this process and for this test alone."""
    for name in ("StrictFeedParser", "LooseFeedParser"):
        monkeypatch.setattr(feedparser.api, name, getattr(feedparser.api, name))  # put back afterwards
    feed_work.finer_feedparser()


@pytest.mark.usefixtures("finer")
@pytest.mark.parametrize(
    "file", ["full.rss", "full.atom", "full.rdf", "mastodon.rss", "youtube.xml", "private.atom"]
)
async def test_the_confined_process_reads_as_a_free_one_does(worker: FeedWorker, file: str) -> None:
    body = (OWN / file).read_bytes()
    for broken in (
        body,
        body.replace(b"</title>", b"</titel>", 3),
        body[: len(body) // 2],
        body + b"&#99999999999;",
    ):
        free = feed_work.read_to_json(broken, "application/xml", URL)
        assert await worker.read(broken, "application/xml", URL) == free


def test_one_bad_json_item_of_forty_leaves_thirty_nine() -> None:
    items = [f'{{"id": {n}, "title": "item {n}"}}' for n in range(40)]
    items[17] = '{"id": 17, "title": {"not": "a title"}}'
    document = parse_json_feed(
        f'{{"version":"https://jsonfeed.org/version/1","items":[{",".join(items)}]}}'.encode()
    )
    assert (len(document.entries), len(document.reasons)) == (39, 1)


# Every broken variant of every file of ours

FILES = sorted(path for path in OWN.iterdir() if path.is_file())


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A file that was cut, or had bytes changed, doubled or swapped."""
    body = bytearray(draw(st.sampled_from(FILES)).read_bytes())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(body) - 1, 0)))
        length = draw(st.integers(0, 40))
        match draw(st.sampled_from(("cut", "drop", "double", "flip", "put"))):
            case "cut":
                del body[at:]
            case "drop":
                del body[at : at + length]
            case "double":
                body[at:at] = body[at : at + length]
            case "flip" if body:
                body[at] ^= 1 << draw(st.integers(0, 7))
            case _:
                body[at:at] = draw(
                    st.sampled_from((b"<", b"]]>", b"&", b'"', b"\xff", b"\0", b"{", b"<item>", b"9e999"))
                )
    return bytes(body)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=broken())
async def test_a_broken_feed_is_posts_or_a_decode_error(worker: FeedWorker, body: bytes) -> None:
    try:
        if looks_like_json(body, ""):
            document = parse_json_feed(body)
        else:
            document = await read(worker, body)
    except DecodeError:
        return
    for post in posts_of(document):
        assert post.id.startswith(f"feed:{URL}#")
        assert isinstance(post.created_at, float)
        assert all(
            medium.picture is None or medium.picture < len(post.pictures) for medium in post.face.media
        )
