"""What was recorded from a real relay, and the samples of the specifications, mean what they say."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backchannel.model import DecodeError, Emoji, Node, Post
from backchannel.sources.nostr.authors import parse_profile
from backchannel.sources.nostr.bech32 import render_npub, shorten
from backchannel.sources.nostr.post import parse_post
from backchannel.sources.nostr.wire import (
    POST_KINDS,
    RelayLimits,
    WireEvent,
    check_event,
    parse_event,
    parse_limits,
    parse_said,
)
from backchannel.text import plain_text
from tests.sources.nostr.kit import GRACE, Wire

NOW = 1_795_492_110.0
PUBKEY = "a22e9cf0fd2ab7ccc6e672c6f450a7eff24148c7bfb41c8fff5465b3ff6d033c"
FIRST = "54fee8ebc8a438cb563fc2471e4843b97871671372cab43595da917115ba6e0a"
ALICE = "nostr:" + PUBKEY


def event_of(wire: Wire) -> WireEvent:
    return parse_event(json.dumps(wire).encode())


def post_of(event: WireEvent, known: dict[str, WireEvent]) -> Post:
    profiles = {e.pubkey: parse_profile(e) for e in known.values() if e.kind == 0}
    return parse_post(
        event, source="r", web="https://w.example/{id}", profile_of=profiles.get, event_of=known.get, now=NOW
    )


@pytest.fixture(scope="module")
def frames(shared: Path) -> list[Any]:
    lines = (shared / "fixtures/nostr/relay_session.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def session(frames: list[Any]) -> dict[str, WireEvent]:
    """What the relay sent, verified, by id."""
    said = [
        parse_said(json.dumps(f["frame"])) for f in frames if f["dir"] == "in" and f["frame"][0] == "EVENT"
    ]
    events = [parse_event(each.value) for each in said]
    for event in events:
        check_event(event)
    return {event.id: event for event in events}


def test_every_recorded_frame_is_read_and_the_tampered_event_alone_fails(
    frames: list[Any], tell: Callable[[str], None]
) -> None:
    verbs: dict[str, int] = {}
    failed = []
    for line in frames:
        frame = line["frame"]
        if line["dir"] == "in":
            said = parse_said(json.dumps(frame))
            verbs[said.verb] = verbs.get(said.verb, 0) + 1
        elif frame[0] == "EVENT":
            event = event_of(frame[1])
            try:
                check_event(event)
            except DecodeError:
                failed.append(event.content)
    assert failed == ["tampered"]
    assert verbs == {"OK": 10, "EVENT": 7, "EOSE": 3}
    tell(f"nostr: {len(frames)} recorded frames, {sum(verbs.values())} of a relay read, 0 skipped")


def by_text(session: dict[str, WireEvent], beginning: str) -> Post:
    event = next(e for e in session.values() if e.kind in POST_KINDS and e.content.startswith(beginning))
    return post_of(event, session)


def test_the_recorded_first_post_means_what_it_says(session: dict[str, WireEvent]) -> None:
    post = by_text(session, "first")
    author = post.face.author
    assert (post.id, post.created_at, post.lang) == (f"nostr:{FIRST}", 1795492105.0, "en")
    assert (author.id, author.name, author.handle) == (ALICE, "Alice ⚡", shorten(render_npub(PUBKEY)))
    assert post.hashtags == ("backchannel",)
    assert post.face.body[:3] == ("first ", Node("hashtag", ("#BackChannel",)), " ")
    assert post.face.body[3] == Node("emoji", name="wave")
    mention = post.face.body[5]
    assert isinstance(mention, Node)
    assert mention.t == "mention"
    assert mention.href == "https://w.example/npub1sn0wdenkukak0d9dfczzeacvhkrgz92ak56egt7vdgzn8pv2wfqqhrjdv9"
    (media,) = post.face.media
    assert (media.kind, media.alt, post.pictures[media.picture or 0]) == (
        "image", "A picture", "https://example.com/pic.jpg",
    )  # fmt: skip
    assert post.face.emoji == (Emoji("wave", post.pictures.index("https://example.com/wave.png")),)
    assert post.pictures[author.avatar or 0] == "https://example.com/a.png"


def test_the_recorded_reply_answers_the_first_post(session: dict[str, WireEvent]) -> None:
    post = by_text(session, "reply")
    assert (post.reply_to, post.root) == (f"nostr:{FIRST}", f"nostr:{FIRST}")
    assert plain_text(post.face.body) == "reply #backchannel"


def test_the_recorded_warning_covers_its_post(session: dict[str, WireEvent]) -> None:
    post = by_text(session, "spoiler")
    assert (post.face.warning, post.sensitive, post.labels) == ("spoilers", True, ("sensitive",))


def test_the_recorded_quote_shows_the_first_post(session: dict[str, WireEvent]) -> None:
    post = by_text(session, "quote")
    assert post.face.quote is not None
    assert post.face.quote.id == f"nostr:{FIRST}"
    assert post.face.quote.author.name == "Alice ⚡"
    assert post.face.quote.media[0].alt == "A picture"
    assert plain_text(post.face.body) == "quote nostr:note1… #backchannel"


def test_the_recorded_expiration_ends_its_post(session: dict[str, WireEvent]) -> None:
    assert by_text(session, "expires").expires_at == 1795495706.0


def test_the_recorded_repost_is_no_post(frames: list[Any]) -> None:
    repost = next(
        f["frame"][1] for f in frames if f["frame"][0] == "EVENT" and f["frame"][1] and _kind(f) == 6
    )
    event = event_of(repost)
    check_event(event)
    with pytest.raises(DecodeError):
        post_of(event, {})


def _kind(line: Any) -> int:
    return next((part["kind"] for part in line["frame"] if isinstance(part, dict) and "kind" in part), -1)


def test_the_recorded_relay_says_nothing_of_its_limits(shared: Path) -> None:
    document = (shared / "fixtures/nostr/nip11_nostr-relay.json").read_bytes()
    assert parse_limits(document) == RelayLimits(name="python relay")


# --- samples of the specifications ------------------------------------------------------------------


def samples(shared: Path, name: str) -> Iterator[Any]:
    """Every JSON value in a file of samples, with what is only hinted at filled in.

    Comments go, `<a number>` outside quotes becomes one, `a | b` the first of both, missing commas come.
    """
    text = (shared / f"fixtures/nostr/{name}.samples.txt").read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"(^|[\s,\]}])//[^\n]*", r"\1", text)
    text = re.sub(r'(?<=[:\[,] )<[^>"\n]*>|(?<=[:\[])<[^>"\n]*>', "1000000", text)
    text = re.sub(r"(\d+) \| \d+", r"\1", text)
    text = re.sub(r"(\])(\s*\[)", r"\1,\2", text)
    text = re.sub(r'("[^"\n]*"|\])(\s*\n\s*[\["])', _with_comma, text)
    text = re.sub(r",(\s*[\]}])", r"\1", text)
    for start in re.finditer(r"(?m)^(?=[\[{])", text):
        try:
            value, _ = json.JSONDecoder().raw_decode(text[start.start() :])
        except ValueError:
            continue
        yield value


def _with_comma(match: re.Match[str]) -> str:
    return match[0] if match[1].endswith((",", "[")) else f"{match[1]},{match[2]}"


def event_like(sample: Wire) -> WireEvent:
    """A sample as an event: what it leaves out, or only describes, is signed by one of ours."""
    tags = [[str(word) for word in tag] for tag in sample.get("tags", [])]
    kind, content = sample["kind"], str(sample.get("content", ""))
    twin = GRACE.wire(content, *tags, kind=kind, at=sample.get("created_at", 1_000_000))
    if re.fullmatch("[0-9a-f]{64}", str(sample.get("pubkey", ""))):
        twin["pubkey"] = sample["pubkey"]
    return event_of(twin)


def parsed(shared: Path, name: str) -> list[Post]:
    """The samples of one specification that are of a kind we read, as posts."""
    found = [s for s in samples(shared, name) if isinstance(s, dict) and s.get("kind") in POST_KINDS]
    return [post_of(event_like(sample), {}) for sample in found]


ADDRESS = "30023:3c9849383bdea883b0bd16fece1ed36d37e37cdde3ce43b17ea4e9192ec11289:f9347ca7"
FILE = "nostr:768ac8720cdeb59227cf95e98b66560ef03d8bc9a90d721779e76e68fb42f5e6"
EPISODE = "podcast:item:guid:d98d189b-dc7b-45b1-8720-d4b98690f31f"
COMMENTS = [
    ("<comment>", "", ""),
    ("Great blog post!", f"nostr:{ADDRESS}", f"nostr:{ADDRESS}"),
    ("Great file!", FILE, FILE),
    ('This is a reply to "Great file!"',
     "nostr:5c83da77af1dec6d7289834998ad7aafbd9e2191396d75ec3cc27f5a77226f36", FILE),
    ("Nice article!", "https://abc.com/articles/1", "https://abc.com/articles/1"),
    ("This was a great episode!", EPISODE, EPISODE),
    ("I'm replying to the above comment.",
     "nostr:80c48d992a38f9c445b943a9c9f1010b396676013443765750431a9004bdac05", EPISODE),
]  # fmt: skip


def test_the_samples_of_comments_know_parent_and_root(shared: Path) -> None:
    found = [(plain_text(p.face.body), p.reply_to, p.root) for p in parsed(shared, "nip22")]
    assert found == COMMENTS


def test_the_samples_of_custom_emoji_are_drawn(shared: Path) -> None:
    (post,) = parsed(shared, "nip30")
    assert post.face.author.id.startswith("nostr:79c2cae1")
    assert [n.name for n in post.face.body if isinstance(n, Node)] == [
        "gleasonator",
        "ablobcatrainbow",
        "disputed",
    ]
    drawn = {emoji.name: post.pictures[emoji.picture] for emoji in post.face.emoji}
    assert drawn["disputed"] == "https://gleasonator.com/emoji/Fun/disputed.png"
    assert len(drawn) == 3
    profile = next(s for s in samples(shared, "nip30") if isinstance(s, dict) and s["kind"] == 0)
    assert parse_profile(event_like(profile)).emoji == (
        ("soapbox", "https://gleasonator.com/emoji/Gleasonator/soapbox.png"),
    )


def test_the_sample_of_a_content_warning_is_covered(shared: Path) -> None:
    (post,) = parsed(shared, "nip36")
    assert (post.face.warning, post.sensitive, post.hashtags) == ("<optional reason>", True, ("hastag",))


def test_the_sample_of_an_expiration_ends(shared: Path) -> None:
    (post,) = parsed(shared, "nip40")
    assert (post.created_at, post.expires_at) == (1e9, 1.6e9)


def test_the_sample_of_a_picture_post_has_both_pictures_and_their_descriptions(shared: Path) -> None:
    (post,) = parsed(shared, "nip68")
    assert plain_text(post.face.body) == "<short title of post>\n<description of post>"
    assert [(m.alt, post.pictures[m.picture or 0]) for m in post.face.media] == [
        ("A scenic photo overlooking the coast of Costa Rica", "https://nostr.build/i/my-image.jpg"),
        ("Another scenic photo overlooking the coast of Costa Rica", "https://nostr.build/i/my-image2.jpg"),
    ]
    assert (post.face.warning, post.lang) == ("<reason>", "en")


def test_the_sample_of_a_film_is_one_medium_with_its_poster(shared: Path) -> None:
    (post,) = parsed(shared, "nip71")
    (media,) = post.face.media
    assert (media.kind, media.alt) == ("video", "<description>")
    assert media.id == "3093509d1e0bc604ff60cb9286f4cd7c781553bc8991937befaacfdc28ec5cdc"
    assert post.pictures[media.picture or 0] == "https://myvideo.com/1080/12345.jpg"
    cuts = next(s for s in samples(shared, "nip71") if isinstance(s, list) and isinstance(s[0], list))
    assert len(cuts) == 4
    assert post_of(GRACE.event("x", *cuts, kind=21), {}).face.media[0].id == media.id


def test_the_sample_of_a_described_picture_leaves_the_text(shared: Path) -> None:
    (post,) = parsed(shared, "nip92")
    assert plain_text(post.face.body) == "More image metadata tests don’t mind me"
    assert post.face.media[0].alt == "A scenic photo overlooking the coast of Costa Rica"


def test_the_samples_of_relay_documents_give_their_limits(shared: Path) -> None:
    told = [parse_limits(json.dumps(s).encode()) for s in samples(shared, "nip11")]
    found = [(limits.max_limit, limits.max_subscriptions) for limits in told]
    assert (5000, 300) in found
    assert (1000, 50) in found
    assert (0, 200) in found
    assert any(limits.is_paid and limits.name for limits in told)


@pytest.mark.parametrize("name", ["nip53", "nipB0"])
def test_samples_of_other_kinds_are_read_and_are_no_posts(shared: Path, name: str) -> None:
    whole = [s for s in samples(shared, name) if isinstance(s, dict) and "sig" in s]
    assert whole
    for sample in whole:
        event = event_of(sample)
        assert event.content == sample["content"]
        with pytest.raises(DecodeError, match="no post"):
            post_of(event, {})


def test_every_sample_of_a_kind_we_read_is_a_post(shared: Path, tell: Callable[[str], None]) -> None:
    names = sorted(f.name.split(".")[0] for f in (shared / "fixtures/nostr").glob("*.samples.txt"))
    posts = {name: len(parsed(shared, name)) for name in names}
    assert {name: count for name, count in posts.items() if count} == {
        "nip22": 7, "nip30": 1, "nip36": 1, "nip40": 1, "nip68": 1, "nip71": 1, "nip92": 1,
    }  # fmt: skip
    tell(f"nostr: {sum(posts.values())} samples of {len(names)} specifications are posts, 0 skipped")
