"""What each feed says, written down by hand after reading it: our own twins, and every recording."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from backchannel.model import Body, Node, Post
from backchannel.sources.feed.identity import identify
from backchannel.sources.feed.jsonfeed import looks_like_json, parse_json_feed
from backchannel.sources.feed.post import Origin, parse_entry
from backchannel.sources.feed.wire import WireDocument
from backchannel.sources.feed.workers import FeedWorker
from backchannel.sources.feed.xmlfeed import parse_answer
from backchannel.text import plain_text
from tests.conftest import Tell

URL = "https://feeds.example/in/feed.xml"
SEEN = 1_000.0  # when an entry without a date was first seen

OWN = Path(__file__).parents[2] / "data" / "feed"
FILLER = "Ropes are long and the tide takes its time, as everybody in this harbour will tell you. " * 60


@pytest.fixture(scope="module")
def worker() -> FeedWorker:
    return FeedWorker()


async def document(worker: FeedWorker, body: bytes, content_type: str = "application/xml") -> WireDocument:
    if looks_like_json(body, content_type):
        return parse_json_feed(body)
    return parse_answer(await worker.read(body, content_type, URL))


def posts_of(read: WireDocument, url: str = URL) -> list[Post]:
    origin = Origin("blogs", "Blog", url, url)
    return [
        parse_entry(known.entry, read.head, origin, id=known.id, first_seen=SEEN)
        for known in identify(read.entries, "guid", (), read.head.link)
    ]


async def own(worker: FeedWorker, name: str, url: str = URL) -> dict[str, Post]:
    """Posts of one of our own files, by their id within the feed."""
    body = (OWN / name).read_text("utf-8").replace("FILLER", FILLER).encode()
    read = await document(worker, body)
    return {post.id.removeprefix(f"feed:{url}#"): post for post in posts_of(read, url)}


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def nodes(body: Body, kind: str) -> list[Node]:
    found = []
    for part in body:
        if isinstance(part, Node):
            found += [part] * (part.t == kind) + nodes(part.c, kind)
    return found


def shown(post: Post) -> list[tuple[str, str, str]]:
    """Kind, alternative text and picture of each medium."""
    return [
        (medium.kind, medium.alt, "" if medium.picture is None else post.pictures[medium.picture])
        for medium in post.face.media
    ]


# RSS


async def test_an_rss_item_has_title_text_time_link_and_language(worker: FeedWorker) -> None:
    post = (await own(worker, "full.rss"))["quay-0017"]
    title, *_ = post.face.body
    assert title == Node("paragraph", (Node("strong", ("Cranes & kindness",)),))
    assert plain_text(post.face.body[1:]) == (
        "What the crane said at #HarbourConf: lift each other. More under #Kindness."
    )
    assert post.created_at == at("2026-11-25T09:30:00+00:00")
    assert post.face.url == "https://quay.example/2026/cranes"
    assert (post.lang, post.kind, post.source, post.face.network) == ("en-gb", "feed", "blogs", "Blog")
    assert post.revision == 0


async def test_several_authors_stand_together_and_without_their_addresses(worker: FeedWorker) -> None:
    author = (await own(worker, "full.rss"))["quay-0017"].face.author
    assert (author.name, author.handle) == ("Ada Lindqvist, Ben Okafor", "feeds.example")
    assert author.id == f"feed:by:{URL}#Ada Lindqvist, Ben Okafor"


async def test_categories_and_tags_in_the_text_are_hashtags(worker: FeedWorker) -> None:
    post = (await own(worker, "full.rss"))["quay-0017"]
    assert post.hashtags == ("harbourconf26", "cranes", "logistics", "harbourconf", "kindness")


async def test_content_is_preferred_over_the_description(worker: FeedWorker) -> None:
    assert "short word" not in plain_text((await own(worker, "full.rss"))["quay-0017"].face.body)


async def test_an_enclosure_takes_its_alternative_text_from_the_text(worker: FeedWorker) -> None:
    post = (await own(worker, "full.rss"))["quay-0017"]
    assert shown(post) == [("image", "A yellow crane at dawn", "https://quay.example/img/crane.jpg")]


async def test_the_feeds_picture_stands_for_the_author(worker: FeedWorker) -> None:
    post = (await own(worker, "full.rss"))["quay-0017"]
    assert post.face.author.avatar is not None
    assert post.pictures[post.face.author.avatar] == "https://quay.example/logo.png"


async def test_forms_of_one_film_are_one_film_with_its_poster(worker: FeedWorker) -> None:
    post = (await own(worker, "full.rss"))["quay-0018"]
    assert shown(post) == [("video", "", "https://quay.example/film.jpg")]
    assert plain_text(post.face.body) == "The same crane, filmed\nWatch it move :-)"
    assert post.face.author.name == "Notes from the Quay"


async def test_a_feed_says_when_it_wants_to_be_left_alone(worker: FeedWorker) -> None:
    head = (await document(worker, (OWN / "full.rss").read_bytes())).head
    assert (head.rest_s, head.skip_hours, head.skip_days) == (900.0, (2, 3), (6,))


# Atom


async def test_an_atom_entry_keeps_its_id_and_resolves_its_links(worker: FeedWorker) -> None:
    post = (await own(worker, "full.atom"))["42"]
    assert post.face.url == "https://kai.example/blog/drei-vortraege"
    assert [node.href for node in nodes(post.face.body, "link")] == ["https://kai.example/blog/good"]
    assert plain_text(post.face.body) == "Three good talks\nThey were good.\none\ntwo"
    assert post.face.author.name == "Çelik Öz, Mia Brandt"
    assert (post.lang, post.hashtags) == ("en", ("harbourconf",))


async def test_updated_is_the_revision_and_published_the_time(worker: FeedWorker) -> None:
    post = (await own(worker, "full.atom"))["42"]
    assert post.created_at == at("2026-11-25T08:00:00+00:00")
    assert post.revision == at("2026-11-25T09:15:30+00:00") * 1000


async def test_an_entry_without_author_and_language_takes_the_feeds(worker: FeedWorker) -> None:
    post = (await own(worker, "full.atom"))["urn:kai:43"]
    assert (post.face.author.name, post.lang) == ("Kai Redaktion", "de")
    assert post.face.url == "https://kai.example/blog/"


async def test_a_script_is_neither_run_nor_read(worker: FeedWorker) -> None:
    assert "steal" not in plain_text((await own(worker, "full.atom"))["42"].face.body)


async def test_tombstones_are_read(worker: FeedWorker) -> None:
    stones = (await document(worker, (OWN / "full.atom").read_bytes())).tombstones
    assert [(stone.ref, stone.at) for stone in stones] == [
        ("urn:kai:41", at("2026-11-25T08:00:00+00:00")),
        ("urn:kai:back", at("2026-11-25T08:30:00+00:00")),
    ]


async def test_a_feed_or_entry_that_is_not_to_be_indexed_says_so(worker: FeedWorker) -> None:
    posts = await own(worker, "private.atom")
    assert [post.labels for post in posts.values()] == [("noindex",), (), ("noindex",)]


# RDF


async def test_an_rdf_item_is_known_by_its_address(worker: FeedWorker) -> None:
    post = (await own(worker, "full.rdf"))["https://pier.example/7"]
    assert plain_text(post.face.body) == "Bollards, a history\nNobody asked. Here it is. #harbourconf"
    assert (post.face.author.name, post.face.author.handle) == ("Noor Haddad", "feeds.example")
    assert post.created_at == at("2026-11-25T07:45:00+00:00")
    assert post.hashtags == ("bollards", "harbourconf")


# JSON Feed


async def test_a_json_item_is_read_in_full(worker: FeedWorker) -> None:
    post = (await own(worker, "full.json", "https://tide.example/feed.json"))["17"]
    assert plain_text(post.face.body) == "High water\nAt noon, see map."
    assert [node.href for node in nodes(post.face.body, "link")] == ["https://tide.example/17/map"]
    assert (post.face.author.name, post.face.author.url) == ("Sanne de Wit", "https://tide.example/sanne")
    assert post.pictures == ("https://tide.example/sanne.jpg", "https://tide.example/17.jpg")
    assert shown(post) == [("audio", "", "https://tide.example/17.jpg")]
    assert post.created_at == at("2026-11-25T05:00:00+00:00")
    assert post.revision == at("2026-11-25T05:30:00+00:00") * 1000
    assert (post.lang, post.hashtags) == ("nl", ("harbourconf", "lowtide"))


async def test_a_json_item_without_title_and_date_is_a_post_of_first_sight(worker: FeedWorker) -> None:
    post = (await own(worker, "full.json"))["note"]
    assert plain_text(post.face.body) == "No title, two lines,\nand a #harbourconf tag."
    assert (post.created_at, post.lang, post.face.author.name) == (SEEN, "en", "Joris")


async def test_a_date_nobody_can_read_is_no_date(worker: FeedWorker) -> None:
    post = (await own(worker, "full.json"))["18"]
    assert (post.created_at, post.face.url) == (SEEN, "https://elsewhere.example/low")


async def test_a_bad_json_item_is_dropped_by_itself_and_named() -> None:
    read = parse_json_feed((OWN / "full.json").read_bytes())
    assert [entry.id for entry in read.entries] == ["17", "note", "18"]
    assert [reason.partition(":")[0] for reason in read.reasons] == ["item 3"]


# Feeds of other networks


async def test_a_mastodon_feed_keeps_each_pictures_own_alternative_text(worker: FeedWorker) -> None:
    post = (await own(worker, "mastodon.rss"))["https://social.example/@ines/1001"]
    assert plain_text(post.face.body) == "Two ships at #harbourconf"
    assert shown(post) == [
        ("image", "A red ship", "https://files.example/a/one.png"),
        ("image", "A blue ship", "https://files.example/a/two.png"),
    ]
    assert post.sensitive  # one of the two is rated adult


async def test_a_mastodon_feed_names_its_authors_in_the_permalinks(worker: FeedWorker) -> None:
    posts = await own(worker, "mastodon.rss", "https://social.example/tags/harbourconf.rss")
    author = posts["https://social.example/@ines/1001"].face.author
    assert (author.name, author.handle, author.url, author.avatar) == (
        "@ines", "@ines@social.example", "https://social.example/@ines", None,
    )  # fmt: skip


async def test_permalinks_on_another_host_name_neither_author_nor_home(worker: FeedWorker) -> None:
    post = (await own(worker, "mastodon.rss"))["https://social.example/@ines/1001"]
    author = post.face.author
    assert post.face.url == "https://social.example/@ines/1001"
    assert (author.name, author.handle, author.url) == (
        "Public posts tagged #harbourconf", "feeds.example", "",
    )  # fmt: skip


async def test_an_entry_and_an_author_of_one_name_have_two_ids(worker: FeedWorker) -> None:
    body = b"<rss version='2.0'><channel><item><guid>Ann</guid><author>Ann</author></item></channel></rss>"
    (post,) = posts_of(await document(worker, body))
    assert (post.id, post.face.author.id) == (f"feed:{URL}#Ann", f"feed:by:{URL}#Ann")


async def test_a_mastodon_warning_and_wish_are_honoured(worker: FeedWorker) -> None:
    post = (await own(worker, "mastodon.rss"))["https://social.example/@ines/1002"]
    assert (post.face.warning, post.sensitive, post.labels) == ("seasickness", True, ("nobot",))
    assert plain_text(post.face.body) == "I was not well. #nobot"


async def test_a_youtube_video_has_its_picture_and_description(worker: FeedWorker) -> None:
    post = (await own(worker, "youtube.xml"))["yt:video:AbCdEfGhIjK"]
    assert plain_text(post.face.body) == "Opening keynote\nRecorded in hall 1.\n#HarbourConf"
    assert shown(post) == [("video", "", "https://i1.ytimg.com/vi/AbCdEfGhIjK/hqdefault.jpg")]
    assert post.face.url == "https://www.youtube.com/watch?v=AbCdEfGhIjK"
    assert post.hashtags == ("harbourconf",)


async def test_a_reddit_post_is_free_of_the_sites_own_lines(worker: FeedWorker) -> None:
    posts = await own(worker, "reddit.atom")
    assert plain_text(posts["t3_1"].face.body) == "Pictures from #harbourconf"
    assert shown(posts["t3_1"]) == [("image", "", "https://preview.example/t.jpg")]
    assert plain_text(posts["t3_2"].face.body) == "Meet-up\nWho is there?"


# Long articles


async def test_a_long_article_is_its_summary_and_the_way_to_it(worker: FeedWorker) -> None:
    post = (await own(worker, "article.rss"))["https://long.example/1"]
    assert plain_text(post.face.body) == "With a summary\nWhat it is about, in a sentence."
    assert post.face.preview is not None
    assert (post.face.preview.url, post.face.preview.title) == ("https://long.example/1", "Long Reads")


async def test_a_hashtag_at_the_end_of_a_long_article_counts(worker: FeedWorker) -> None:
    assert (await own(worker, "article.rss"))["https://long.example/1"].hashtags == ("harbourconf",)


async def test_a_long_article_without_a_summary_is_its_first_whole_paragraphs(worker: FeedWorker) -> None:
    post = (await own(worker, "article.rss"))["https://long.example/2"]
    text = plain_text(post.face.body)
    assert text.startswith("Without one\nA first paragraph that is short.\nA second one, also short.\nRopes")
    assert [node.c for node in nodes(post.face.body, "strong")][1:] == [("also",)]
    assert len(text) < 540


async def test_an_endless_paragraph_ends_at_a_sentence(worker: FeedWorker) -> None:
    text = plain_text((await own(worker, "article.rss"))["https://long.example/3"].face.body)
    assert text.endswith("will tell you. …")
    assert 300 < len(text) < 540


async def test_a_post_without_a_title_is_not_cut_before_it_is_very_long(worker: FeedWorker) -> None:
    rss = (
        "<rss version='2.0'><channel><item><guid>1</guid><description>{}</description></item></channel></rss>"
    )
    words = ("one two three four. " * 140).strip()
    (post,) = posts_of(await document(worker, rss.format(words).encode()))
    assert plain_text(post.face.body) == words


async def test_a_title_that_repeats_the_text_is_not_said_twice(worker: FeedWorker) -> None:
    rss = b"""<rss version='2.0'><channel><item><title>Good morning from...</title>
        <description>Good morning from the pier, all of you</description></item></channel></rss>"""
    (post,) = posts_of(await document(worker, rss))
    assert plain_text(post.face.body) == "Good morning from the pier, all of you"


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-15", "windows-1252"])
async def test_a_feed_is_read_in_its_encoding(worker: FeedWorker, encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    rss = (
        f"<?xml version='1.0' encoding='{name}'?><rss version='2.0'><channel><item><title>Größe: 3 €</title>"
    )
    body = f"{rss}</item></channel></rss>".encode(encoding)
    (post,) = posts_of(await document(worker, body))
    assert plain_text(post.face.body) == "Größe: 3 €"


async def test_a_rare_encoding_is_known_though_nothing_can_be_loaded(worker: FeedWorker) -> None:
    rss = "<?xml version='1.0' encoding='big5'?><rss version='2.0'><channel><item><title>港口</title>"
    (post,) = posts_of(await document(worker, f"{rss}</item></channel></rss>".encode("big5")))
    assert plain_text(post.face.body) == "港口"


# The recordings


class Meaning(NamedTuple):
    """What a recorded entry says. Of a text its length, beginning and end; of pictures their file names."""

    id: str
    begins: str
    ends: str = ""
    author: str = "feeds.example"
    url: str = URL
    at: float = SEEN
    revision: int = 0
    lang: str = ""
    tags: tuple[str, ...] = ()
    media: tuple[tuple[str, str, str], ...] = ()
    labels: tuple[str, ...] = ()
    preview: str = ""


def _meaning(post: Post, wanted: Meaning) -> Meaning:
    text = plain_text(post.face.body)
    return Meaning(
        id=post.id.removeprefix(f"feed:{URL}#"),
        begins=text[: len(wanted.begins)] if wanted.ends else text,
        ends=text[-len(wanted.ends) :] if wanted.ends else "",
        author=post.face.author.name,
        url=post.face.url,
        at=post.created_at,
        revision=post.revision,
        lang=post.lang,
        tags=post.hashtags,
        media=tuple((kind, alt, url.rpartition("/")[2]) for kind, alt, url in shown(post)),
        labels=post.labels,
        preview=post.face.preview.title if post.face.preview else "",
    )


def _only_id(id: str, **more: object) -> Meaning:
    return Meaning(id, "", **more)  # type: ignore[arg-type]


_EMPTY = "hash:01ba4719c80b6fe911b091a7c05124b6"  # of no title, no date and no text
_ROBOTS = "Atom-Powered Robots Run Amok"
_JOHN = {"author": "John Doe", "url": "http://example.org/"}
_EDITOR = {"author": "Example editor", "url": "http://www.example.com/main.html"}

RECORDED: dict[str, list[Meaning]] = {
    "feedparser_encoding_big5.xml": [],
    "feedparser_encoding_bozo_invalid-bytes-with-bom.xml": [],
    "feedparser_encoding_double-encoded-html.xml": [Meaning("hash:8479db376196d74bf95c6199dd9a9f5b", "…")],
    "feedparser_encoding_http_text_xml_charset_overrides_encoding.xml": [],
    "feedparser_illformed_undeclared_namespace.xml": [],
    "feedparser_wellformed_atom10_relative_uri.xml": [],
    "feedparser_wellformed_media-rss_item_media_category_multiple.xml": [
        _only_id(_EMPTY, tags=("cat1", "cat2"))
    ],
    "feedparser_wellformed_media-rss_item_media_category_scheme1.xml": [_only_id(_EMPTY, tags=("cat1",))],
    "feedparser_wellformed_media-rss_item_media_category_term.xml": [_only_id(_EMPTY, tags=("cat1",))],
    "feedparser_wellformed_rss_item_enclosure_multiple.xml": [
        _only_id("http://example.com/", url="http://example.com/",
                 media=(("image", "", "1"), ("image", "", "2"))),
    ],
    "feedparser_wellformed_rss_item_enclosure_type.xml": [
        _only_id("http://example.com/", url="http://example.com/",
                 media=(("image", "", ""),)),
    ],
    "feedparser_wellformed_rss_item_guid_isPermaLink_ValueError.xml": [_only_id("http://example.c[o.test/")],
    "feedparser_wellformed_rss_item_guid_isPermaLink_conflict_link_not_guidislink.xml": [
        _only_id("http://guid.example.com/", url="http://link.example.com/"),
    ],
    "feedparser_wellformed_rss_item_guid_isPermaLink_guidislink.xml": [
        _only_id("http://guid.example.com/", url="http://guid.example.com/"),
    ],
    "feedparser_wellformed_rss_item_multiple_dc_creator.xml": [
        _only_id(_EMPTY, author="First Author, Second Author")
    ],
    "feedrs_atom_example_7.xml": [
        Meaning(
            "tag:blogger.com,1999:blog-6112936277054198647.post-1097972507907717676",
            "High resolution wheel scrolling in the desktop stack\nThis is a follow up from the kernel",
            "libinput, wayland, weston…",
            author="GNOME Sysadmin Team", url="https://planet.gnome.org/atom.xml",
            at=at("2020-04-04T04:00:00+00:00"), revision=1585972800000,
            tags=("libinput.wayland",), labels=("noindex",),
        ),
    ],
    "feedrs_atom_example_reddit.xml": [
        Meaning(
            "t3_glvkc5",
            "Hey Rustaceans! Got an easy question? Ask here (21/2020)!\nMystified about strings?",
            "very interested in question quality. …",
            author="/u/llogiq", at=at("2020-05-18T05:44:47+00:00"), revision=1589780687000, tags=("rust",),
            url="https://www.reddit.com/r/rust/comments/glvkc5/hey_rustaceans_got_an_easy_question_ask_here/",
            preview="The Rust Programming Language",
        ),
    ],
    "feedrs_atom_pub_spec_1.xml": [
        Meaning("urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a", f"{_ROBOTS}\nSome text.", author="John Doe",
                at=at("2003-12-13T18:30:02+00:00"), revision=1071340202000),
    ],
    "feedrs_atom_scattered.xml": [
        Meaning(
            "https://www.scattered-thoughts.net/log/0042/",
            "0042: consulting lessons, there are no strings on me, buttondown, focus goof, jsfuck, 1ml\n"
            "0042: consulting lessons, there are no strings on me",
            author="Jamie Brandon", url="https://www.scattered-thoughts.net/log/0042/", lang="en",
            at=at("2023-12-01T00:00:00+00:00"), revision=1701388800000,
        ),
    ],
    "feedrs_atom_xml_base.xml": [
        Meaning("https://numi.st/post/2022/travel-uke", "my cool entry title", author="Not Blank",
                url="https://numi.st/post/2022/travel-uke", at=at("2022-04-21T00:00:00+00:00"),
                revision=1650499200000, media=(("image", "", "IMG_1232.jpeg"),)),
    ],
    "feedrs_jsonfeed_spec_1.json": [
        Meaning(
            "https://jsonfeed.org/2017/05/17/announcing_json_feed",
            "Announcing JSON Feed\nWe — Manton Reece and Brent Simmons — have noticed",
            "our years of work reading and publishing feeds.\n...",
            author="Brent Simmons and Manton Reece", at=at("2017-05-17T15:02:12+00:00"),
            url="https://jsonfeed.org/2017/05/17/announcing_json_feed",
        ),
    ],
    "feedrs_rss_0.91_missing_id.xml": [
        Meaning(
            "hash:a57d4c19e43bb325966d1f96e79be0fc",
            "Oferta de Empleo Público // 3 PROFESOR/A TÉCNICO/A (INGENIE. TÉC. FORESTAL) 17/17\n"
            "Publicado el 14-05-2021 resultado de calificaciones 2º ej",
            "tablones de anuncios. Descárguelo aquí",
            author="Servicio de Personal - Ingreso - Diputación de valencia", lang="es-ES",
            url="http://www.dival.es/personal",
        ),
    ],
    "feedrs_rss_1.0_biorxiv.xml": [
        Meaning(
            "http://biorxiv.org/cgi/content/short/2023.12.16.571984v1?rss=1",
            "Complete genome of the Medicago anthracnose fungus, Colletotrichum destructivum, reveals",
            "using long-read (PacBio) technology. …",
            author="LAPALU, N., SIMON, A., Lu, A., Plaumann, P.-L., Amselem, J., Pigne, S., Auger, A., Koch, "
            "C., Dallery, J.-F., O'Connell, R. J.",
            url="http://biorxiv.org/cgi/content/short/2023.12.16.571984v1?rss=1",
            at=at("2023-12-16T00:00:00+00:00"), revision=1702684800000,
            preview="bioRxiv Subject Collection: Genomics",
        ),
    ],
    "feedrs_rss_1.0_iso8859.xml": [
        Meaning(
            "https://www.golem.de/news/digitalministerium-neue-glasfaserfoerderung-mit-schnellkasse-2301-171451.html",
            "Digitalministerium: Neue Glasfaserförderung mit Schnellkasse\nAb April soll es wieder Förderung",
            "besser machen. (Infrastruktur, Glasfaser)",
            author="Achim Sawall", at=at("2023-01-25T18:03:02+00:00"), revision=1674669782000,
            url="https://www.golem.de/news/digitalministerium-neue-glasfaserfoerderung-mit-schnellkasse-2301-171451.html",
            media=(("image", "", "171451-364223-364219_rc.jpg"),),
        ),
    ],
    "feedrs_rss_2.0_cloudflare.xml": [
        Meaning(
            "6166e7e065133e02a961145d",
            "Privacy-Preserving Compromised Credential Checking\nAnnouncing a public demo",
            "compromised credential checking service",
            author="Luke Valenta", at=at("2021-10-14T12:59:53+00:00"),
            tags=("research", "security", "productnews"),
            url="https://blog.cloudflare.com/privacy-preserving-compromised-credential-checking/",
            media=(("image", "Privacy-Preserving Compromised Credential Checking", "image6-15.png"),),
            preview="The Cloudflare Blog",
        ),
    ],
    "feedrs_rss_2.0_dbengines.xml": [
        Meaning(
            "https://db-engines.com/en/blog_post/103",
            "Snowflake is the DBMS of the Year 2022, defending the title from last year\nSnowflake is the",
            "as the\xa0DBMS of the Year 2022.",
            author="Matthias Gelbmann, Paul Andlinger", url="https://db-engines.com/en/blog_post/103",
            at=at("2023-01-03T15:00:00+00:00"), revision=1672758000000,
        ),
    ],
    "feedrs_rss_2.0_ghost_2.xml": [
        Meaning(
            "615376bf10e1d9004af82a8c",
            "Send emails without publishing\nYou can now choose whether or not to publish",
            "A survey to inform your upcoming content roadmap",
            author="Team Ghost", url="https://ghost.org/changelog/email-without-publishing/", tags=("new",),
            at=at("2021-10-11T18:11:15+00:00"), media=(("image", "", "email-without-publishing.png"),),
        ),
    ],
    "feedrs_rss_2.0_invalid_1.xml": [],
    "feedrs_rss_2.0_kdist.xml": [
        Meaning(
            "kernel.org,mainline,5.7-rc4,2020-05-03", "5.7-rc4: mainline\nVersion: 5.7-rc4 (mainline)",
            "Patch: full (incremental)",
            author="Latest Linux Kernel Versions", url="http://www.kernel.org/",
            at=at("2020-05-03T21:56:15+00:00"),
        ),
    ],
    "feedrs_rss_2.0_nightvale.xml": [
        Meaning(
            "prx_126_c6d43512-3eb0-41bc-9092-393412cae641",
            "221 - The Glow Cloud, Explained\nThe University of What It Is takes a special interest",
            "Logo: Rob Wilson",
            author="Night Vale Presents", url="https://beta.prx.org/stories/441886", lang="en",
            at=at("2023-02-01T05:00:00+00:00"), media=(("audio", "", "nightvalelogo_web4.jpg"),),
            preview="Welcome to Night Vale",
        ),
    ],
    "feedrs_rss_2.0_relurl_1.xml": [
        Meaning("https://insanity.industries/post/pareto-optimal-compression/",
                "Pareto-optimal compression\n...",
                author="Jonas Große Sundrup", url="https://insanity.industries/post/pareto-optimal-compression/",
                at=at("2021-03-02T22:39:15+00:00"), lang="en-US"),
        Meaning("https://insanity.industries/post/pacman-tracking-leftover-packages/",
                "Tracking leftover packages with pacman\nAutomatically resolving and installing dependencies",
                "and one of the most convenient)...",
                author="Jonas Große Sundrup", url="https://insanity.industries/post/pacman-tracking-leftover-packages/",
                at=at("2021-02-13T00:00:00+00:00"), lang="en-US"),
    ],
    "feedrs_rss_2.0_spiegel.xml": [
        Meaning(
            "c7e3cca2-665e-4bc4-bcac-acc6011b9fa2",
            "07.02. – die Wochenvorschau: Lockdown-Verlängerung, Kriegsverbrecher",
            "See omnystudio.com/listener for privacy information.",
            author="DER SPIEGEL", at=at("2021-02-06T23:01:00+00:00"), lang="de",
            url="https://omny.fm/shows/spiegel-update-die-nachrichten/07-02-die-wochenvorschau-lockdown-verl-ngerung-kri",
            media=(("audio", "", "image.jpg?t=1589902935&size=Large"),),
        ),
    ],
    "reader_full.atom": [
        Meaning("urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a", f"{_ROBOTS}\ncontent", author="John Doe",
                url="http://example.org/2003/12/13/atom03", at=at("2003-12-13T17:17:51+00:00"),
                revision=1071340202000, lang="en"),
        Meaning("urn:uuid:00000000-cfb8-4ebb-aaaa-00000000000", f"{_ROBOTS} Again", author="John Doe",
                url="http://example.org/", at=at("2003-12-13T00:00:00+00:00"), revision=1071273600000),
        _only_id("source:only-url", **_JOHN),
        _only_id("source:only-title", **_JOHN),
        _only_id("source:empty", **_JOHN),
    ],
    "reader_full.rss": [
        Meaning("7bd204c6-1655-4c27-aeee-53f933c5395f", "Example entry\nExample content",
                author="Example editor", url="http://www.example.com/blog/post/1",
                at=at("2009-09-06T16:20:00+00:00"),
                media=(("image", "", "enclosure-with-type"),)),
        Meaning("00000000-1655-4c27-aeee-00000000", "Example entry, again",
                at=at("2009-09-06T00:00:00+00:00"), **_EDITOR),  # type: ignore[arg-type]
        _only_id("source:only-url", **_EDITOR),
        _only_id("source:only-title", **_EDITOR),
        _only_id("source:empty", **_EDITOR),
    ],
    "reader_relative.atom": [
        Meaning("urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a", "content",
                url="https://feeds.example/in/entries/entry.html"),
    ],
}  # fmt: skip

_TYPES = {"feedparser_encoding_http_text_xml_charset_overrides_encoding.xml": "text/xml;charset = us-ascii"}


@pytest.mark.parametrize("name", sorted(RECORDED))
async def test_a_recorded_feed_says_what_its_text_says(worker: FeedWorker, shared: Path, name: str) -> None:
    body = (shared / "fixtures/feeds" / name).read_bytes()
    read = await document(worker, body, _TYPES.get(name, "application/xml"))
    wanted = RECORDED[name]
    posts = posts_of(read)
    assert read.reasons == ()
    assert len(posts) == len(wanted)
    assert [_meaning(post, meant) for post, meant in zip(posts, wanted, strict=True)] == wanted


async def test_no_recorded_feed_is_left_out(worker: FeedWorker, shared: Path, tell: Tell) -> None:
    recorded = {path.name: path.read_bytes() for path in (shared / "fixtures/feeds").iterdir()}
    assert set(recorded) == set(RECORDED)
    read = [await document(worker, body) for body in recorded.values()]
    entries, skipped = sum(len(one.entries) for one in read), sum(len(one.reasons) for one in read)
    tell(f"feeds: {len(read)} recordings parsed, {entries} entries, {skipped} skipped")
    assert (entries, skipped) == (sum(map(len, RECORDED.values())), 0)
