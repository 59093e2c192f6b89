"""A Mastodon status becomes a post: our own samples, recorded payloads, and what chance makes of them."""

import html
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backchannel.model import Body, DecodeError, Node, Post, face_digest
from backchannel.sources.mastodon.origin import origin_of, parse_uri
from backchannel.sources.mastodon.post import View, build_post
from backchannel.sources.mastodon.wire import (
    Instance,
    id_order,
    parse_instance,
    parse_list,
    parse_status,
)
from backchannel.text import fold_tag, plain_text
from backchannel.wire.fate import parse_complaint
from tests.conftest import Tell

ROOT = Path(__file__).parents[3]
TWINS = sorted((ROOT / "tests/data/mastodon").glob("*.json"))
FIXTURES = ROOT.parent / "shared/fixtures"
RECORDED = [*sorted((FIXTURES / "mastodon/cassettes").glob("*.json"))]
COMPATIBLE = [*sorted((FIXTURES / "mastodon-compatible").glob("*.json"))]
VIEW = View(
    "fedi",
    "https://one.example",
    "one.example",
    parents={"100": "https://other.example/users/bob/statuses/5"},
)

needs_fixtures = pytest.mark.skipif(not FIXTURES.exists(), reason="the recorded payloads are not here")


def parse(status: object, view: View = VIEW) -> Post | None:
    return build_post(parse_status(json.dumps(status).encode()), view)


def differences(expected: Any, found: Any, path: str = "post") -> Iterator[str]:
    """Where what was found is not what is expected; None stands for a default that is left out."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            yield from differences(value, found.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for at, (want, have) in enumerate(zip(expected, found, strict=True)):
            yield from differences(want, have, f"{path}[{at}]")
    elif found != expected and (expected or found):
        yield f"{path}: {found!r}, not {expected!r}"


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.stem)
def test_every_sample_means_what_is_written_beside_it(path: Path) -> None:
    sample = json.loads(path.read_text())
    post = parse(sample["status"])
    if sample["post"] is None:
        assert post is None
    else:
        found = json.loads(msgspec.json.encode(post))
        assert list(differences(sample["post"], found)) == [], sample["says"]


def test_the_samples_are_all_there() -> None:
    assert len(TWINS) > 40


# Recorded payloads, against a second reading of the JSON that shares no code with the parser.


def statuses_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every status in a payload, those inside others included."""
    if isinstance(value, dict):
        if {"account", "content", "visibility"} <= value.keys():
            yield value
        for inner in value.values():
            yield from statuses_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from statuses_in(inner)
    elif isinstance(value, str) and value.startswith("{") and '"content"' in value:
        yield from statuses_in(json.loads(value))
    elif isinstance(value, str) and "\ndata: {" in value:
        for line in re.findall(r"^data: (\{.*)$", value, re.M):
            yield from statuses_in(json.loads(line))


def squeezed(text: str) -> str:
    """Letters and digits alone, without the scheme of addresses: what two readings must share."""
    return re.sub(r"\W", "", re.sub(r"https?://(www\.)?", "", text))


def words_of(content: str) -> str:
    return squeezed(html.unescape(re.sub(r"<[^>]*>", "", content)))


def addresses_of(content: str) -> list[str]:
    anchors = re.findall(r"<a ([^>]*)>(?:<[^>]*>)*([^<]*)", content)
    return [
        html.unescape(found.group(1))
        for attributes, text in anchors
        if (found := re.search(r'href="([^"]*)"', attributes)) and not re.match(r"[@#]", text)
    ]


def links_in(body: Body) -> Iterator[str]:
    for part in body:
        if isinstance(part, Node):
            if part.t == "link":
                yield part.href
            yield from links_in(part.c)


def visible_quote(status: dict[str, Any]) -> dict[str, Any] | None:
    quote = status.get("quote") or (status.get("pleroma") or {}).get("quote") or {}
    if "state" in quote:
        quote = (quote.get("quoted_status") or {}) if quote["state"] == "accepted" else {}
    return quote if quote.get("visibility") == "public" else None


def picture_of(media: dict[str, Any]) -> str | None:
    found = media["url"] if media["type"] == "image" else media["preview_url"]
    assert found is None or isinstance(found, str)
    return found


def assert_means(post: Post, status: dict[str, Any]) -> None:
    account, face = status["account"], post.face
    edited, card = status.get("edited_at"), status.get("card") or {}
    assert post.id == status["uri"]
    assert post.ref.endswith("/" + status["id"])
    assert post.created_at == datetime.fromisoformat(status["created_at"]).timestamp()
    assert post.revision == (round(datetime.fromisoformat(edited).timestamp() * 1000) if edited else 0)
    assert face.url == (status["url"] or status["uri"])
    assert face.author.name == (account["display_name"] or account["username"])
    assert face.author.handle.startswith("@" + account["acct"])
    assert face.author.url == account["url"]
    own_id = (account.get("pleroma") or {}).get("ap_id") or status["uri"].split("/statuses/")[0]
    assert face.author.id == account.get("uri", own_id)
    content, quoted = status["content"], visible_quote(status)
    if quoted:
        content = re.sub(r'<p class="quote-inline">.*?</p>', "", content)
    assert squeezed(plain_text(face.body)) == words_of(content)
    assert list(links_in(face.body)) == addresses_of(content)
    assert face.warning == status["spoiler_text"]
    assert post.sensitive == status["sensitive"]
    assert post.lang == (status["language"] or "" if "language" in status else "")
    assert post.hashtags == tuple(fold_tag(tag["name"]) for tag in status["tags"])
    assert [(m.id, m.alt) for m in face.media] == [
        (media["id"], media["description"] or "") for media in status["media_attachments"]
    ]
    shown = [post.pictures[m.picture] for m in face.media if m.picture is not None]
    assert shown == [picture for media in status["media_attachments"] if (picture := picture_of(media))]
    assert list(face.poll) == [option["title"] for option in (status.get("poll") or {}).get("options", [])]
    assert (face.preview.url if face.preview else "") in (card.get("url") or "", "")
    assert ("not-public" in post.labels) == (status["visibility"] != "public")
    assert ("bot" in post.labels) == account["bot"]
    assert (face.quote.id if face.quote else None) == (quoted["uri"] if quoted else None)


@needs_fixtures
def test_every_recorded_status_parses_to_what_it_says(tell: Tell) -> None:
    parsed = boosts = 0
    view = View("fedi", "http://localhost:3000", "localhost:3000", "localhost:3000")
    for path in [*RECORDED, *COMPATIBLE]:
        for status in statuses_in(json.loads(path.read_text())):
            post = parse(status, view)
            if status.get("reblog"):
                assert post is None
                boosts += 1
            else:
                assert post is not None
                assert_means(post, status)
                parsed += 1
    tell(f"Mastodon and relatives: {parsed} statuses parsed, {boosts} boosts left out, 0 skipped")
    assert parsed >= 80
    assert boosts == 2


@needs_fixtures
def test_a_shared_part_of_a_payload_is_read_where_it_belongs() -> None:
    """The fixtures of an account and of a card, which stand alone there, within a status."""
    status = json.loads((ROOT / "tests/data/mastodon/plain.json").read_text())["status"]
    folder = FIXTURES / "mastodon-compatible"
    account = json.loads((folder / "tootsdk_account_pixelfed.json").read_text())
    card = json.loads((folder / "tootsdk_card_string_size.json").read_text())
    quote = json.loads((folder / "tootsdk_quote.json").read_text())
    shallow = json.loads((folder / "tootsdk_shallow_quote.json").read_text())
    tag = json.loads((folder / "tootsdk_tag.json").read_text())
    post = parse(status | {"account": account, "card": card, "quote": quote, "tags": [tag]})
    assert post
    assert post.face.author.name == "Technicat"
    assert post.face.preview
    assert (post.face.preview.url, post.face.preview.title) == ("https://example.com/example", "Example")
    assert post.face.quote
    assert post.face.quote.id == "https://example.com/users/testperson/statuses/103270115826048975"
    assert post.hashtags == ("tootsdk",)
    without = parse(status | {"quote": shallow})
    assert without
    assert without.face.quote is None


@needs_fixtures
@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("instance_akkoma", ("social.thisworksonmycomputer.local", "", "", True)),
        ("instance_pixelfed", ("pixelfed.social", "", "", False)),
        ("instance_sharkey_contact_removed", ("plasmatrap.com", "", "", True)),
        ("instancev2_gotosocial", ("social.browser.org", "", "", False)),
        ("instancev2_mastodon_4.5", ("mastodon.social", "public", "public", True)),
        ("instancev2_pleroma", ("fgc.network", "", "", True)),
        ("mastodon", ("social.davidgarywood.com", "", "", True)),
        ("pixelfed", ("pixelfed.social", "", "", False)),
        ("pleroma", ("m.iamkonstantin.eu", "", "", True)),
    ],
)
def test_every_recorded_instance_says_what_it_takes(name: str, known: tuple[str, str, str, bool]) -> None:
    body = (FIXTURES / f"mastodon-compatible/tootsdk_{name}.json").read_bytes()
    found = parse_instance(body)
    assert found.version == json.loads(body)["version"]
    assert (found.domain, found.local, found.remote, found.takes_any) == known


@needs_fixtures
def test_recorded_lists_and_errors_are_told_apart() -> None:
    lists = errors = 0
    for path in RECORDED:
        for exchange in json.loads(path.read_text()):
            body = json.dumps(exchange["response"]["body"]).encode()
            if exchange["response"]["status"]["code"] >= 400:
                assert parse_complaint(body) == exchange["response"]["body"]["error"]
                errors += 1
            elif body.startswith(b"["):
                assert len(parse_list(body).items) == len(exchange["response"]["body"])
                lists += 1
            else:
                with pytest.raises(DecodeError):
                    parse_list(body)
    assert (errors, lists) == (2, 12)


# What chance makes of it.

SAMPLES = [json.loads(path.read_text())["status"] for path in TWINS]
JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["javascript:x", "\ud800", "\x00", "https://[", "0001-01-01T00:00:00+14:00", "<a"]),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.sampled_from(["id", "state", "url", "text/plain"]), st.text(max_size=3), max_size=2),
)  # fmt: skip


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths_of(inner, (*path, key))


@st.composite
def mutants(draw: st.DrawFn) -> Any:
    """A sample with something in it taken away or exchanged."""
    status = json.loads(json.dumps(draw(st.sampled_from(SAMPLES))))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in paths_of(status) if path]))
        owner = status
        for key in path[:-1]:
            owner = owner[key]
        if draw(st.booleans()):
            owner[path[-1]] = draw(JUNK)
        else:
            del owner[path[-1]]
    return status


def assert_valid_or_refused(data: bytes) -> None:
    try:
        post = build_post(parse_status(data), VIEW)
    except DecodeError:
        return
    if post:
        again = msgspec.json.decode(msgspec.json.encode(post), type=Post)
        assert again == post
        assert face_digest(again.face) == face_digest(post.face)
        emoji = [each.picture for each in post.face.emoji]
        used = [post.face.author.avatar, *emoji, *(each.picture for each in post.face.media)]
        assert all(at is None or 0 <= at < len(post.pictures) for at in used)


@settings(max_examples=400)
@given(mutants())
def test_a_mutated_status_is_a_valid_post_or_a_decode_error(status: Any) -> None:
    assert_valid_or_refused(json.dumps(status).encode())


@settings(max_examples=300)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_damaged_status_is_a_valid_post_or_a_decode_error(status: Any, data: st.DataObject) -> None:
    raw = bytearray(json.dumps(status).encode())
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw) - 1)) :]
    else:
        for _ in range(3):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert_valid_or_refused(bytes(raw))


@given(st.recursive(JUNK, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner)))
def test_any_json_is_a_valid_post_or_a_decode_error(value: Any) -> None:
    assert_valid_or_refused(json.dumps(value).encode())


def test_depth_is_refused_and_not_followed() -> None:
    for bomb in (
        b"[" * 100_000,
        b'{"card":' * 100_000,
        b'{"quote":{"state":"accepted","quoted_status":' * 20_000,
    ):
        with pytest.raises(DecodeError):
            parse_status(bomb)


def test_opting_out_of_discovery_is_what_the_organiser_makes_of_it() -> None:
    status = json.loads((ROOT / "tests/data/mastodon/undiscoverable.json").read_text())["status"]
    hidden = parse(status, msgspec.structs.replace(VIEW, opt_outs="hide"))
    shown = parse(status, msgspec.structs.replace(VIEW, opt_outs="show"))
    assert hidden
    assert hidden.labels == ("noindex",)
    assert shown
    assert shown.labels == ()


@pytest.mark.parametrize(
    ("base", "acct", "domain", "handle"),
    [
        ("https://one.example", "ann", "", "@ann@one.example"),
        ("https://social.one.example", "ann", "one.example", "@ann@one.example"),
        ("https://social.one.example", "ann", "ONE.example", "@ann@ONE.example"),
        ("https://one.example", "ann", "victim.example", "@ann@one.example"),
        ("https://one.example", "ann", "eone.example", "@ann@one.example"),
        ("https://one.example", "ann", "example", "@ann@one.example"),
        ("https://one.example", "ann@victim.example", "", "@ann@one.example"),
        ("https://one.example", "ann@victim.example@one.example", "", "@ann@one.example"),
        ("https://one.example", "ann＠victim.example", "", "@annvictim.example@one.example"),
        ("https://one.example", "ann@victim.example/one.example", "", "@ann@one.example"),
        ("http://127.0.0.1:8080", "ann", "0.0.1", "@ann@127.0.0.1:8080"),
        ("http://127.0.0.1:8080", "ann@127.0.0.1:9090", "", "@ann@127.0.0.1:8080"),
    ],
)
def test_a_handles_domain_is_that_of_the_host_or_above_it(
    base: str, acct: str, domain: str, handle: str
) -> None:
    status = sample(base)
    status["account"]["acct"] = acct
    post = parse(status, View("fedi", base, base.partition("//")[2], domain))
    assert post
    assert post.face.author.handle == handle


def sample(base: str) -> dict[str, Any]:
    """A plain status as if it were from there."""
    text = (ROOT / "tests/data/mastodon/plain.json").read_text().replace("https://one.example", base)
    status: dict[str, Any] = json.loads(text)["status"]
    return status


def test_the_domain_that_the_operator_names_stands_in_every_servers_copies() -> None:
    view = View("fedi", "https://relay.example", "relay.example", handles={"one.example": "ann.example"})
    post = parse(sample("https://one.example") | {"id": "9"}, view)
    assert post
    assert (post.face.author.handle, post.via) == ("@ann@ann.example", "relay.example")


@pytest.mark.parametrize(
    "uri",
    [
        "https://victim.example/users/ann",
        "https://one.example@victim.example/users/ann",
        "https://victim.example\\@one.example/users/ann",
        "https://one.example:8443/users/ann",
        "nostr:79c2cae114ea28a981e7559b4fe7854a473521a8d22a66bbab9fa248eb820ff6",
        "feed:https://one.example/feed#Ann",
        "https://one.example.victim.example/users/ann",
    ],
)
def test_an_account_of_another_host_is_no_author(uri: str) -> None:
    status = sample("https://one.example")
    status["account"]["uri"] = uri
    with pytest.raises(DecodeError):
        parse(status)


@pytest.mark.parametrize(
    "uri",
    [
        "nostr:79c2cae114ea28a981e7559b4fe7854a473521a8d22a66bbab9fa248eb820ff6",
        "feed:https://blog.example/feed#1",
        "id:p1",
        "urn:uuid:5",
        "at://did:plc:x/app.bsky.feed.post/1",
        "https:/victim.example/1",
        "https:///victim.example/1",
        "tag:ann@victim.example,2017:1",
        "tag:,2017:1",
        "https://" + "x" * 2048,
    ],
)
def test_an_id_of_no_host_is_refused(uri: str) -> None:
    with pytest.raises(DecodeError):
        parse(sample("https://one.example") | {"uri": uri})


@pytest.mark.parametrize(
    "uri",
    [
        "https://ONE.example/users/ann/statuses/101",
        "https://one.example:443/users/ann/statuses/101",
        "HTTPS://one.example:0443/users/ann/statuses/101",
        "https://victim@one.example/users/ann/statuses/101",
        "https://one.example./users/ann/statuses/101",
        "https://ｏne.example/users/ann/statuses/101",
        "https://one。example/users/ann/statuses/101",
        "https:\\\\one.example/users/ann/statuses/101",
        " https://one.example/users/ann/statuses/101\n",
        "https://one.exa\x00mple/users/ann/statuses/101",
    ],
)
def test_every_spelling_of_a_host_is_one_id(uri: str) -> None:
    assert parse_uri(uri) == "https://one.example/users/ann/statuses/101"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://one.example/@ann/101", "https://one.example/@ann/101"),
        ("https://victim.example/@ann/101", "https://one.example/users/ann/statuses/101"),
        ("https://one.example@victim.example/", "https://one.example/users/ann/statuses/101"),
        ("javascript:x", "https://one.example/users/ann/statuses/101"),
    ],
)
def test_a_permalink_leads_to_the_host_of_the_id(url: str, shown: str) -> None:
    post = parse(sample("https://one.example") | {"url": url})
    assert post
    assert post.face.url == shown


def test_an_author_link_to_another_host_is_none() -> None:
    status = sample("https://one.example")
    status["account"]["url"] = "https://victim.example/@ann"
    post = parse(status)
    assert post
    assert post.face.author.url == ""


@pytest.mark.parametrize("lie", ["uri", "account"])
def test_a_quotation_in_the_name_of_another_host_is_left_out(lie: str) -> None:
    quoted = sample("https://other.example")
    if lie == "uri":
        quoted["uri"] = "nostr:79c2cae114ea28a981e7559b4fe7854a473521a8d22a66bbab9fa248eb820ff6"
    else:
        quoted["account"]["uri"] = "https://victim.example/users/ann"
    post = parse(sample("https://one.example") | {"quote": {"state": "accepted", "quoted_status": quoted}})
    assert post
    assert (post.face.quote, post.is_hearsay) == (None, False)


def test_a_quotation_of_another_hosts_post_is_hearsay() -> None:
    quote = {"state": "accepted", "quoted_status": sample("https://other.example")}
    post = parse(sample("https://one.example") | {"quote": quote})
    assert post
    assert post.face.quote
    assert post.is_hearsay
    own = parse(
        sample("https://one.example") | {"quote": quote | {"quoted_status": sample("https://one.example")}}
    )
    assert own
    assert not own.is_hearsay


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("https://One.example/users/a", "one.example"),
        ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
        ("tag:one.example,2017-01-01:objectId=1", "one.example"),
        ("https://user@one.example/x", "one.example"),
        ("https://[x", ""),
        ("nothing", ""),
    ],
)
def test_an_id_names_the_host_that_minted_it(uri: str, host: str) -> None:
    assert origin_of(uri) == host


def test_ids_are_ordered_by_length_then_text() -> None:
    assert sorted(["99", "100", "Al2", "9"], key=id_order) == ["9", "99", "100", "Al2"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"domain":"x"}', b'{"version":3}'])
def test_what_is_no_instance_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_instance(body)


def test_an_instance_says_which_part_of_its_timelines_is_open() -> None:
    access = {"hashtag_feeds": {"local": "public", "remote": "authenticated"}}
    body = {"domain": "one.example", "version": "4.6.4", "configuration": {"timelines_access": access}}
    assert parse_instance(json.dumps(body).encode()) == Instance(
        "one.example", "4.6.4", "public", "authenticated"
    )
