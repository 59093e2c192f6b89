"""Secrets out of words, however a peer spells them."""

import json
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backchannel.model import Author, Deleted, Face, Left, Node, Post, Posted
from backchannel.redaction import HIDDEN, Redactor, beginning, keep_secret
from tests.kit.posts import post
from tests.linear.measure import growth

SECRET = 'cAnary-Tok3n/+x_9Qw"z'

LETTERS = st.characters(exclude_categories=["Cs"])

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "lower case": str.lower,
    "upper case": str.upper,
    "percent": lambda s: quote(s, safe=""),
    "percent twice": lambda s: quote(quote(s, safe=""), safe=""),
    "percent, every letter": lambda s: "".join(f"%{ord(c):02x}" for c in s),
    "percent, some letters": lambda s: "".join(f"%{ord(c):02X}" if n % 3 else c for n, c in enumerate(s)),
    "JSON": lambda s: json.dumps(s)[1:-1],
    "JSON, every letter": lambda s: "".join(f"\\u{ord(c):04x}" for c in s),
    "HTML decimal": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "HTML hexadecimal": lambda s: "".join(f"&#x{ord(c):X};" for c in s),
    "repr of bytes": lambda s: repr(s.encode()),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "base64": lambda s: b64encode(s.encode()).decode(),
    "base64 of user and password": lambda s: b64encode(f"user:{s}".encode()).decode(),
    "base64 for addresses": lambda s: urlsafe_b64encode(f"to{s}ken".encode()).decode(),
    "base64 in lines": lambda s: encodebytes(f"{'x' * 50}{s}{'y' * 50}".encode()).decode(),
    "folded": lambda s: f"{s[:9]}\r\n {s[9:]}",
    "spaced": lambda s: " ".join(s),
    "with an escaped line break": lambda s: f"{s[:9]}\\n{s[9:]}",
    "with what is not drawn": lambda s: f"{s[:9]}\u200b{s[9:12]}\u00ad{s[12:]}",
    "full width": lambda s: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in s),
}


def redactor(*secrets: str) -> Redactor:
    made = Redactor()
    made.keep(secrets or [SECRET])
    return made


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "around", ["{}", "%{}", "\\x{}", "&#x{}", "answered 401: Bearer {}, sorry", '{{"error":"{}"}}']
)
def test_no_spelling_of_a_secret_is_left(spelling: str, around: str) -> None:
    said = around.format(SPELLINGS[spelling](SECRET))
    left = redactor().redacted(said)
    assert HIDDEN in left
    core = SPELLINGS[spelling](SECRET).strip()[4:-4]
    assert core not in left


def test_the_words_around_a_secret_stay() -> None:
    assert redactor().redacted(f"a.example answered 401: {SECRET}!") == f"a.example answered 401: {HIDDEN}!"


@given(st.text(max_size=200))
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    assert redactor().redacted(text) == text


@given(st.text(LETTERS, min_size=12, max_size=40), st.text(LETTERS, max_size=30))
def test_whatever_letters_a_secret_has(secret: str, around: str) -> None:
    assume("".join(secret.split()) and secret not in f"{around}{HIDDEN}{around}")
    assert secret not in redactor(secret).redacted(f"{around}{secret}{around}")


@pytest.mark.parametrize("before", range(0, 30, 3))
def test_no_part_of_it_is_left_where_a_text_is_cut(before: int) -> None:
    keep_secret(["hunter2-of-the-cut"])
    for spell in SPELLINGS.values():
        assert "hunter2" not in beginning(f"{'x' * before} {spell('hunter2-of-the-cut')}", 24).lower()


def test_of_a_secret_that_holds_another_no_rest_is_left() -> None:
    for secrets in (("hunter2-part", "hunter2-part-of-it"), ("hunter2-part-of-it", "hunter2-part")):
        assert redactor(*secrets).redacted("a hunter2-part-of-it b") == f"a {HIDDEN} b"
        assert redactor(*secrets).redacted_body(b"a hunter2-part-of-it b") == b"a [secret] b"


def test_a_short_word_is_no_secret_and_a_short_secret_may_stand_in_a_post() -> None:
    made = redactor("abc", "four5")
    assert made.redacted("abc four5") == f"abc {HIDDEN}"
    assert made.redacted_event(Deleted("four5")) == Deleted("four5")


def test_a_secret_of_an_address_is_spelled_as_the_configuration_has_it() -> None:
    made = Redactor()
    made.keep({"k3y-of-the-feed": "${KEY}"})
    assert made.redacted("https://a.example/feed?key=k3y-of-the-feed") == "https://a.example/feed?key=${KEY}"


def test_a_body_is_cleaned_and_nothing_else_in_it_changes() -> None:
    made = redactor()
    for spelling in ("plain", "percent", "hex", "base64", "lower case", "JSON"):
        body = b"\xff\x00 " + SPELLINGS[spelling](SECRET).encode() + b" \xfe"
        assert made.redacted_body(body) == b"\xff\x00 [secret] \xfe", spelling
    assert made.redacted_body(b"\xff" * 100_000 + SECRET.encode()) == b"\xff" * 100_000 + b"[secret]"
    for body in (b"", b"\xff\xfe\x00", b"x" * 100_000):
        assert made.redacted_body(body) == body


def test_no_text_of_an_event_holds_it_however_deep() -> None:
    author = Author(f"id:{SECRET}", SECRET, f"@{SECRET}", f"https://a.example/?{SECRET}")
    body = ("see ", Node("link", (SECRET,), href=f"https://a.example/{SPELLINGS['percent'](SECRET)}"))
    face = Face(author, "Net", f"https://a.example/{SECRET}", body, warning=SECRET, poll=(SECRET, "no"))
    said = Post(
        SECRET,
        "net",
        "net",
        1.0,
        face,
        ref=SECRET,
        hashtags=(SECRET.lower(),),
        pictures=(f"http://{SECRET}/",),
    )
    for event in (Posted(said), Left(SECRET, 1, SECRET), Deleted(SECRET)):
        assert "tok3n" not in str(redactor().redacted_event(event)).lower()


def test_no_body_holds_it_in_pieces() -> None:
    parts = tuple(Node("em", (letter,)) if n % 2 else letter for n, letter in enumerate(SECRET))
    said = Posted(Post("id", "net", "net", 1.0, Face(Author("a", "a", "a"), "Net", "", ("hello ", *parts))))
    cleaned = redactor().redacted_event(said)
    assert cleaned.post.face.body == (f"hello {HIDDEN}",)


def test_an_event_without_one_is_the_very_same() -> None:
    event = Posted(post(text="hello " * 50))
    assert redactor().redacted_event(event) is event
    assert Redactor().redacted_event(event) is event


@pytest.mark.parametrize(
    "unit",
    [
        "%41",
        "%25",
        "\\u0041",
        "\\x41",
        "&#65;",
        "&#x41;",
        "&#0",
        "&",
        "%",
        "\\",
        " ",
        "é",
        "c a n a r y ",
        "cAnary-Tok3n",
    ],
)
def test_time_grows_with_the_text_and_not_faster(unit: str) -> None:
    made = redactor(SECRET, "nsec1" + "q" * 58, "a1b2" * 16)
    grown = growth(unit, made.redacted, lambda size: unit * (size // len(unit)), 160_000)
    assert grown.is_linear, str(grown)
