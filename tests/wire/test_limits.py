"""The door: every foreign text and list has a limit, and what is beyond it does what the table says."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from msgspec import Raw, Struct

from backchannel.model import DecodeError
from backchannel.wire import (
    ELLIPSIS,
    MAX_PARTS,
    MAX_PARTS_OF_AN_ITEM,
    Html,
    Id,
    Limit,
    Name,
    Url,
    Words,
    bound,
    decode,
    decode_items,
    limits,
)
from backchannel.wire.limits import bounds_of

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "backchannel/sources"
MODULES = sorted([*SOURCES.rglob("*.py"), ROOT / "backchannel/wire/fate.py"])


def taken_in() -> Iterator[type[Struct]]:
    """Every struct that a source decodes foreign JSON into, by the calls that do it."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("decode", "decode_object"):
                module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
                kind = getattr(module, ast.unparse(node.args[1]), None)
                if isinstance(kind, type) and issubclass(kind, Struct):
                    yield kind
    yield import_module("backchannel.sources.nostr.wire").WireEvent


def parts(annotation: Any) -> Iterator[Any]:
    """The annotation and everything in it."""
    yield annotation
    for inner in get_args(annotation):
        yield from parts(inner)


def all_structs() -> list[type[Struct]]:
    found: dict[type[Struct], None] = {}
    waiting = list(taken_in())
    while waiting:
        kind = waiting.pop()
        if kind in found:
            continue
        found[kind] = None
        for hint in get_type_hints(kind).values():
            waiting += [part for part in parts(hint) if isinstance(part, type) and issubclass(part, Struct)]
    return list(found)


STRUCTS = all_structs()


def test_the_structs_of_every_network_are_looked_at() -> None:
    names = {kind.__name__ for kind in STRUCTS}
    assert {"WireStatus", "WireOption", "_Item", "_Link", "_JsonItem", "_Author", "WireEvent"} <= names


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_every_foreign_text_and_list_has_a_limit(kind: type[Struct]) -> None:
    assert bounds_of(kind).keys() == get_type_hints(kind).keys()


def test_sources_take_json_in_by_no_other_door() -> None:
    """Cursors are our own words. Nostr's frames and events are bounded by their bytes before."""
    decoders = re.compile(r"msgspec\.json\.(?:decode\(|Decoder\()|json\.loads")
    found = {
        path.relative_to(SOURCES).as_posix(): len(decoders.findall(path.read_text("utf-8")))
        for path in SOURCES.rglob("*.py")
        if decoders.search(path.read_text("utf-8"))
    }
    apart = {"feed/child.py": 1, "feed/cursor.py": 1, "mastodon/read.py": 1, "nostr/wire.py": 5}
    assert found == apart


class _Picture(Struct, frozen=True):
    url: Url | None = None
    description: Words = ""


class _Thing(Struct):
    id: Id | int | None = None
    display_name: Name = ""
    content: Html = ""
    attachments: Annotated[tuple[_Picture, ...] | None, Limit(64, "first")] = None
    tags: Annotated[tuple[Annotated[str, Limit(3, "left out")], ...], Limit(2, "first")] = ()
    more: Raw = Raw(b"null")


def test_what_is_within_its_limits_is_handed_on_as_it_is() -> None:
    thing = _Thing(7, "Ines", "<p>Hello</p>", (_Picture("https://a.example/"),), (), Raw(b"{}"))
    assert bound(thing) is thing


def test_a_text_beyond_its_limit_is_cut_with_a_sign() -> None:
    thing = bound(_Thing(display_name="n" * 201, content="c" * 40_001))
    assert (thing.display_name, thing.content) == ("n" * 200 + ELLIPSIS, "c" * 40_000 + ELLIPSIS)


def test_an_address_beyond_its_limit_counts_as_not_said() -> None:
    thing = bound(_Thing(attachments=(_Picture("u" * 2048), _Picture("u" * 2049, "d" * 2000))))
    assert [medium.url for medium in thing.attachments or ()] == ["u" * 2048, ""]
    assert (thing.attachments or ())[1].description == "d" * 1000 + ELLIPSIS


def test_an_id_beyond_its_limit_drops_the_item() -> None:
    with pytest.raises(DecodeError, match="id is longer than 2048"):
        bound(_Thing(id="i" * 2049))


def test_of_a_list_the_first_count() -> None:
    thing = bound(_Thing(attachments=tuple(_Picture(f"{at}") for at in range(100))))
    assert [medium.url for medium in thing.attachments or ()] == [f"{at}" for at in range(64)]


def test_the_items_of_a_list_have_a_limit_of_their_own() -> None:
    assert bound(_Thing(tags=("a", "long", "c"))).tags == ("a", "")


@pytest.mark.parametrize("hint", [str, str | None, list[Name], Annotated[list[str], Limit(2, "first")]])
def test_a_field_without_a_limit_is_a_mistake_of_ours(hint: Any) -> None:
    with pytest.raises(TypeError, match=r"Stranger\.unbound.*: a text or a list without a limit"):
        bounds_of(msgspec.defstruct("Stranger", [("unbound", hint)]))


def test_the_cut_is_the_same_every_time() -> None:
    """What is said twice is one revision."""
    said = msgspec.json.encode({"content": "é" * 50_000})
    assert decode(said, _Thing) == decode(said, _Thing)


def test_what_holds_too_many_values_is_not_decoded() -> None:
    crowd = b'{"attachments":[' + b",".join([b"{}"] * (MAX_PARTS_OF_AN_ITEM + 2)) + b"]}"
    with pytest.raises(DecodeError, match="values"):
        decode(crowd, _Thing)
    with pytest.raises(DecodeError, match="values"):
        decode_items(b"[" + b",".join([b"1"] * (MAX_PARTS + 2)) + b"]", 40)


def test_a_list_that_is_too_long_gives_its_first_items_and_counts_the_others() -> None:
    items, surplus = decode_items(b"[1,2,3,4,5]", 3)
    assert ([bytes(item) for item in items], surplus) == ([b"1", b"2", b"3"], 2)


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]", b'{"id":' + b"1" * 5000 + b"}", b'"\xff"', b'{"id":"\\ud800"}', b"[" * 99_999]
)
def test_bad_json_raises_exactly_one_thing(said: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(said, _Thing)


def test_the_documentation_has_the_table_as_it_is() -> None:
    page = (ROOT / "docs/limits.md").read_text("utf-8")
    said = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([a-z ]+) \|", page, re.MULTILINE)
    named = {name: get_args(value) for name, value in vars(limits).items() if get_origin(value) is Annotated}
    assert said == [(name, f"{limit.most:,}", limit.beyond) for name, (_, limit) in named.items()]
