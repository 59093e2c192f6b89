"""The door: every foreign text and list has a limit, and what is beyond it does what the table says."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from msgspec import Raw, Struct

from backchannel.model import DecodeError
from backchannel.wire import ELLIPSIS, LIMITS, MAX_PARTS, MAX_PARTS_OF_AN_ITEM, bound, decode, decode_items
from backchannel.wire.limits import limit_of

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "backchannel/sources"
MODULES = sorted(SOURCES.rglob("*.py"))


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


def needed(name: str, hint: Any) -> Iterator[str]:
    """Names under which a field has to stand in the table."""
    if hint is str:
        yield name
    elif hint in (int, float, bool, Raw, type(None)) or (isinstance(hint, type) and issubclass(hint, Struct)):
        return
    elif getattr(hint, "__origin__", None) in (list, tuple):
        yield name
        for inner in {arg for arg in get_args(hint) if arg is not ...}:
            yield from needed(f"{name}[]", inner)
    else:
        assert get_args(hint), f"{name}: {hint} is nothing the table knows"
        for inner in get_args(hint):
            yield from needed(name, inner)


def test_the_structs_of_every_network_are_looked_at() -> None:
    names = {kind.__name__ for kind in STRUCTS}
    assert {"WireStatus", "WireOption", "_Item", "_Link", "_JsonItem", "_Author", "WireEvent"} <= names


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_every_foreign_text_and_list_has_a_limit(kind: type[Struct]) -> None:
    hints = get_type_hints(kind)
    missing = [
        f"{kind.__name__}.{name}"
        for field, hint in hints.items()
        for name in needed(field, hint)
        if limit_of(kind.__name__, name) is None
    ]
    assert not missing, "it needs a line in wire/limits.py"


def test_the_table_names_nothing_that_is_not_taken_in() -> None:
    fields = {field for kind in STRUCTS for field in kind.__struct_fields__}
    apart = {"page", "about", "picture"}
    for name in LIMITS:
        bare = re.sub(r"\[.*", "", name).rpartition(".")[2]
        assert bare in fields | apart, name


def test_sources_take_json_in_by_no_other_door() -> None:
    """Cursors are our own words. Nostr's frames and events are bounded by their bytes before."""
    decoders = re.compile(r"msgspec\.json\.(?:decode\(|Decoder\()|json\.loads")
    found = {
        path.relative_to(SOURCES).as_posix(): len(decoders.findall(path.read_text("utf-8")))
        for path in MODULES
        if decoders.search(path.read_text("utf-8"))
    }
    apart = {"feed/worker.py": 1, "feed/cursor.py": 1, "mastodon/read.py": 1, "nostr/wire.py": 5}
    assert found == apart


class _Picture(Struct, frozen=True):
    url: str | None = None
    description: str = ""


class _Thing(Struct):
    id: str | int | None = None
    display_name: str = ""
    content: str = ""
    attachments: tuple[_Picture, ...] | None = None
    tags: tuple[str, ...] = ()
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


def test_a_field_without_a_limit_is_a_mistake_of_ours() -> None:
    class Stranger(Struct):
        nobody_knows_me: str = "x"

    with pytest.raises(KeyError, match="nobody_knows_me has no limit"):
        bound(Stranger())


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
    said = re.findall(r"^\| `([^`]+)` \| ([\d,]+) \| ([a-z ]+) \|", page, re.MULTILINE)
    expected = [(name, f"{limit.most:,}", limit.beyond) for name, limit in LIMITS.items()]
    assert said == expected, "\n".join(f"| `{n}` | {m} | {b} |" for n, m, b in expected)
