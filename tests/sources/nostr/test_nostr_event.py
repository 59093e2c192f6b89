"""Events on the wire: form, identity, signature, filters, and what a relay says."""

import json
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel.model import DecodeError
from backchannel.sources.nostr.bech32 import parse_pointer, render_naddr, render_nevent, render_npub, shorten
from backchannel.sources.nostr.wire import (
    MAX_EVENT_BYTES,
    RelayLimits,
    WireFilter,
    check_answer,
    check_event,
    check_time,
    check_work,
    expires_at,
    parse_event,
    parse_limits,
    parse_said,
    render_req,
    serialise,
    sign_event,
)
from tests.sources.nostr.kit import ADA, GRACE, Wire

HEX = "0123456789abcdef" * 4
TEXTS = ["plain", "ö ☕ \U0001f469\u200d\U0001f4bb", 'quo"te \\ slash / \n\r\t\b\f', "\u2028 \u00ad \x7f", ""]


def read(wire: Wire) -> Any:
    return parse_event(json.dumps(wire).encode())


def reason_of(parse: Callable[[], object]) -> str | None:
    """What a DecodeError says; None when there is none. Anything else that is raised fails the test."""
    try:
        parse()
    except DecodeError as error:
        return str(error)
    return None


# --- identity and signature -----------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_an_event_signed_elsewhere_passes(text: str) -> None:
    check_event(ADA.event(text, ("t", text or "x"), ("alt", text)))


def test_only_the_seven_escapes_of_the_specification_are_used() -> None:
    data = serialise("a" * 64, 1, 1, [["t", "\n"]], '\n"\\\r\t\b\f\x01\x7f/ö')
    assert data.decode() == f'[0,"{"a" * 64}",1,1,[["t","\\n"]],"\\n\\"\\\\\\r\\t\\b\\f\x01\x7f/ö"]'


CHANGES: dict[str, Any] = {
    "id": "0" * 64,
    "pubkey": GRACE.pubkey,
    "created_at": 1_000_001,
    "kind": 20,
    "tags": [["t", "other"]],
    "content": "other words",
    "sig": "0" * 128,
}


@pytest.mark.parametrize("field", CHANGES)
def test_an_event_changed_in_any_field_fails(field: str) -> None:
    changed = read({**ADA.wire("words", ("t", "x")), field: CHANGES[field]})
    with pytest.raises(DecodeError):
        check_event(changed)


def test_an_event_signed_by_another_key_fails() -> None:
    honest, other = ADA.wire("words"), GRACE.wire("words")
    with pytest.raises(DecodeError, match="signature"):
        check_event(read({**honest, "sig": other["sig"]}))


def test_a_public_key_off_the_curve_fails() -> None:
    pubkey = "f" * 64
    with pytest.raises(DecodeError):
        check_event(read({**ADA.wire("words"), "pubkey": pubkey}))


def test_a_key_off_the_curve_with_a_fitting_id_fails() -> None:
    wire = {**ADA.wire("words"), "pubkey": "f" * 64}
    digest = sha256(serialise("f" * 64, wire["created_at"], 1, [], "words")).hexdigest()
    with pytest.raises(DecodeError, match="no point of the curve"):
        check_event(read({**wire, "id": digest}))


def test_what_we_sign_is_what_others_would_verify() -> None:
    event = sign_event(ADA.secret, created_at=5, kind=22242, tags=[["challenge", "ö"]], content="")
    twin = ADA.event("", ("challenge", "ö"), kind=22242, at=5)
    assert (event.id, event.pubkey) == (twin.id, twin.pubkey)
    check_event(event)


# --- form -----------------------------------------------------------------------------------------

BAD_FIELDS: list[tuple[str, Any]] = [
    ("id", "A" * 64), ("id", "a" * 63), ("id", None), ("pubkey", 7), ("sig", "a" * 127), ("created_at", -1),
    ("created_at", "1"), ("created_at", 1.5), ("created_at", 1 << 60), ("kind", 70000), ("kind", "1"),
    ("tags", None), ("tags", [[1]]), ("tags", ["t"]), ("tags", [[]] * 2001), ("content", None),
    ("content", 5),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=lambda v: repr(v)[:20])
def test_a_field_of_the_wrong_form_is_refused(field: str, value: Any) -> None:
    with pytest.raises(DecodeError):
        read({**ADA.wire("x"), field: value})


@pytest.mark.parametrize("field", ["id", "pubkey", "created_at", "kind", "tags", "content", "sig"])
def test_a_missing_field_is_refused(field: str) -> None:
    wire = ADA.wire("x")
    del wire[field]
    with pytest.raises(DecodeError):
        read(wire)


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{", b"\xff\xfe", b'"x"', b"[" * 100_000])
def test_what_is_no_event_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_event(data)


def test_an_oversize_event_is_refused() -> None:
    with pytest.raises(DecodeError, match="bytes"):
        read(ADA.wire("x" * MAX_EVENT_BYTES))


def test_a_half_surrogate_is_refused() -> None:
    text = json.dumps(ADA.wire("x")).replace('"content": "x"', '"content": "\\ud800"')
    with pytest.raises(DecodeError):
        check_event(parse_event(text.encode()))


def test_unknown_fields_are_ignored() -> None:
    assert read({**ADA.wire("x"), "seen_on": ["a"]}).content == "x"


def test_an_addressable_event_with_a_boundless_name_is_refused() -> None:
    with pytest.raises(DecodeError, match="d tag"):
        read(ADA.wire("x", ("d", "n" * 256), kind=30023))


# --- time and work --------------------------------------------------------------------------------


@pytest.mark.parametrize(("ahead_s", "is_fine"), [(0, True), (899, True), (901, False), (86400, False)])
def test_an_event_from_the_future_is_refused(ahead_s: int, is_fine: bool) -> None:
    event = ADA.event("x", at=10_000 + ahead_s)
    if is_fine:
        check_time(event, 10_000.0)
    else:
        with pytest.raises(DecodeError, match="ahead of time"):
            check_time(event, 10_000.0)


@pytest.mark.parametrize(
    ("said", "at"),
    [("1600000000", 1.6e9), ("", None), ("soon", None), ("-5", None), ("1e9", None), ("٣", None)],
)
def test_an_expiration_is_read_when_it_is_a_number(said: str, at: float | None) -> None:
    assert expires_at(ADA.event("x", ("expiration", said))) == at


def test_work_counts_the_leading_zero_bits_that_were_meant() -> None:
    nonce = next(n for n in range(10_000) if ADA.wire("x", ("nonce", str(n), "8"))["id"].startswith("00"))
    worked = ADA.event("x", ("nonce", str(nonce), "8"))
    check_work(worked, 8)
    with pytest.raises(DecodeError, match="bits of work"):
        check_work(worked, 30)


def test_luck_is_no_work() -> None:
    lucky = next(e for n in range(10_000) if (e := ADA.event(f"x{n}")).id.startswith("0"))
    check_work(lucky, 0)
    with pytest.raises(DecodeError, match="commit"):
        check_work(lucky, 1)


# --- filters --------------------------------------------------------------------------------------

EVENT = ADA.event("x", ("d", "name"), kind=30023, at=500)
FITS = [
    WireFilter(), WireFilter(kinds=(1, 30023)), WireFilter(ids=(EVENT.id,)),
    WireFilter(authors=(ADA.pubkey,)),
    WireFilter(names=("name",)), WireFilter(since=500), WireFilter(until=500),
]  # fmt: skip
FITS_NOT = [
    WireFilter(kinds=(1,)), WireFilter(ids=(HEX,)), WireFilter(authors=(GRACE.pubkey,)),
    WireFilter(names=("other",)),
    WireFilter(since=501), WireFilter(until=499),
]  # fmt: skip


@pytest.mark.parametrize("asked", FITS, ids=repr)
def test_an_event_that_was_asked_for_passes(asked: WireFilter) -> None:
    check_answer(EVENT, asked)


@pytest.mark.parametrize("asked", FITS_NOT, ids=repr)
def test_an_event_that_was_not_asked_for_is_refused(asked: WireFilter) -> None:
    with pytest.raises(DecodeError):
        check_answer(EVENT, asked)


def test_a_request_looks_as_the_specification_says() -> None:
    asked = WireFilter(kinds=(1,), hashtags=("a", "A"), since=5, limit=10)
    assert json.loads(render_req("wall", [asked])) == [
        "REQ", "wall", {"kinds": [1], "#t": ["a", "A"], "since": 5, "limit": 10}
    ]  # fmt: skip


# --- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "verb", "sub", "text"),
    [
        ('["EVENT","wall",{"a":1}]', "EVENT", "wall", '{"a":1}'),
        ('["EOSE","wall"]', "EOSE", "wall", ""),
        ('["CLOSED","wall","auth-required: who are you"]', "CLOSED", "wall", "auth-required: who are you"),
        ('["CLOSED","wall"]', "CLOSED", "wall", ""),
        ('["NOTICE","hello"]', "NOTICE", "", "hello"),
        ('["AUTH","abc"]', "AUTH", "", "abc"),
        ('["OK","id",false,"blocked: no"]', "OK", "id", "blocked: no"),
        ('["OK","id",true]', "OK", "id", ""),
    ],
)
def test_a_relays_message_is_read(frame: str, verb: str, sub: str, text: str) -> None:
    said = parse_said(frame)
    assert (said.verb, said.sub, said.text) == (verb, sub, text)


@pytest.mark.parametrize(
    "frame",
    ["", "garbage", "{}", "[]", "[1]", '["EVENT"]', '["EVENT","a"]', '["EVENT",1,{}]', '["REQ","a",{}]',
     '["NOTICE",5]', '["OK","id","yes"]', '["COUNT","a",{"count":5}]', "[" * 100_000, b"\xff\xfe",
     '["AUTH",null]'],
    ids=lambda frame: repr(frame)[:20],
)  # fmt: skip
def test_garbage_is_no_message(frame: str | bytes) -> None:
    with pytest.raises(DecodeError):
        parse_said(frame)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_frame_raises_anything_else(frame: bytes | str) -> None:
    assert reason_of(lambda: parse_said(frame)) != ""


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=10))
def test_no_json_raises_anything_else(value: object) -> None:
    data = json.dumps(value).encode()
    for parse in (parse_said, parse_event, parse_limits):
        assert reason_of(partial(parse, data)) != ""


@pytest.mark.parametrize(
    ("document", "limits"),
    [
        ({}, RelayLimits()),
        ({"limitation": None}, RelayLimits()),
        ({"limitation": {"max_limit": 500, "max_subscriptions": 20}}, RelayLimits(500, 20)),
        ({"limitation": {"max_limit": "500", "max_subscriptions": -1}}, RelayLimits()),
        ([], RelayLimits()),
        ({"name": "a\nrelay"}, RelayLimits(name="a relay")),
        (
            {"name": 7, "limitation": {"payment_required": 1, "auth_required": True}},
            RelayLimits(asks_who=True),
        ),
    ],
)
def test_a_relays_document_is_read_for_its_limits(document: object, limits: RelayLimits) -> None:
    assert parse_limits(json.dumps(document).encode()) == limits


def test_a_page_of_html_is_no_document() -> None:
    with pytest.raises(DecodeError):
        parse_limits(b"<!doctype html>")


# --- NIP-19 ---------------------------------------------------------------------------------------

KEY = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d"
NPUB = "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6"
NPROFILE = (
    "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6nz"
    "v9ejuumpv34kytnrdaksjlyr9p"
)


def test_the_specifications_public_key_is_read_and_written() -> None:
    assert parse_pointer(NPUB).pubkey == KEY
    assert render_npub(KEY) == NPUB


def test_the_specifications_profile_is_read_without_its_relays() -> None:
    pointer = parse_pointer(NPROFILE)
    assert (pointer.prefix, pointer.pubkey) == ("nprofile", KEY)


def test_the_specifications_secret_key_is_read() -> None:
    pointer = parse_pointer("nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5")
    assert pointer.key == "67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa"


@pytest.mark.parametrize("kind", [None, 1, 30023])
def test_an_event_pointer_comes_back(kind: int | None) -> None:
    pointer = parse_pointer(render_nevent(HEX, KEY, kind))
    assert (pointer.event, pointer.pubkey, pointer.kind) == (HEX, KEY, kind)


@given(st.text(max_size=60), st.integers(0, 65535))
def test_an_address_comes_back(name: str, kind: int) -> None:
    pointer = parse_pointer(render_naddr(kind, KEY, name))
    assert (pointer.prefix, pointer.kind, pointer.pubkey, pointer.name) == ("naddr", kind, KEY, name)


@pytest.mark.parametrize(
    "word",
    ["", "npub1", NPUB[:-1], NPUB[:-1] + "7", NPUB.replace("npub", "Npub"), "note1…", "npub1ö", "1qqqqqqq",
     "xpub1" + NPUB[5:], NPUB.replace("n", "b", 1), "nevent1qqqqqqqqqqq"],
)  # fmt: skip
def test_a_broken_word_is_refused(word: str) -> None:
    with pytest.raises(DecodeError):
        parse_pointer(word)


@given(st.integers(0, len(NPROFILE) - 1), st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l"))
def test_one_wrong_letter_is_always_noticed(at: int, letter: str) -> None:
    changed = NPROFILE[:at] + letter + NPROFILE[at + 1 :]
    if changed == NPROFILE:
        assert parse_pointer(changed).pubkey == KEY
    else:
        with pytest.raises(DecodeError):
            parse_pointer(changed)


def test_a_long_word_is_shown_by_its_ends() -> None:
    assert shorten(NPUB) == "npub180cvv07…yjh6w6"
