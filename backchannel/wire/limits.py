"""The door: how much of each foreign field is taken in, and what happens with the rest. Pure.

Each text and each list of a wire struct says its limit in its type, by a name of this module or by an
`Annotated[…, Limit(…)]` of its own; every wire struct passes `bound` before any expression, parser or loop
sees it. A test fails where a text or a list of any network has no limit.

What happens beyond a limit: `cut`: the beginning counts, and `…` says so. `left out`: the value counts as
not said; so it is with addresses, which mean something else when they are cut. `drop`: the whole item is
dropped and counted, as anything that cannot be read; so it is with ids, where a beginning, or nothing, would
be another's. `first`: of a list, the first so many count.
"""

from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import Raw, Struct

from backchannel.model import DecodeError
from backchannel.text import MAX_HTML, MAX_URL

ELLIPSIS = "…"
MAX_NAME = 200
MAX_ALT = 1500
MAX_PLAIN = 20_000
MAX_ID = 2048


class Limit(NamedTuple):
    """`most`: characters of a text, or items of a list."""

    most: int
    beyond: Literal["cut", "left out", "drop", "first"]


Id = Annotated[str, Limit(MAX_ID, "drop")]
Url = Annotated[str, Limit(MAX_URL, "left out")]
Word = Annotated[str, Limit(100, "left out")]
Lang = Annotated[str, Limit(35, "left out")]
Name = Annotated[str, Limit(MAX_NAME, "cut")]
Line = Annotated[str, Limit(500, "cut")]
Words = Annotated[str, Limit(1000, "cut")]
Alt = Annotated[str, Limit(MAX_ALT, "cut")]
Plain = Annotated[str, Limit(MAX_PLAIN, "cut")]
Html = Annotated[str, Limit(MAX_HTML, "cut")]

_T = TypeVar("_T")


class Bounds(NamedTuple):
    """Holds the limits of one value: of it as a text, of it as a list, and of the items of that list."""

    text: Limit | None = None
    items: Limit | None = None
    item: "Bounds | None" = None


def bound_text(text: str, limit: Limit, field: str = "text") -> str:
    """Return the text within its limit. DecodeError where it is beyond and the item is to be dropped."""
    if len(text) <= limit.most:
        return text
    if limit.beyond == "drop":
        raise DecodeError(f"{field} is longer than {limit.most} characters")
    return text[: limit.most] + ELLIPSIS if limit.beyond == "cut" else ""


@cache
def bounds_of(kind: type[Struct]) -> dict[str, Bounds]:
    """Return the limits of a struct's fields. TypeError where a text or a list has none: our own mistake."""
    return {
        field: _bounds_of(hint, f"{kind.__name__}.{field}")
        for field, hint in get_type_hints(kind, include_extras=True).items()
    }


def _bounds_of(hint: Any, where: str, limit: Limit | None = None) -> Bounds:
    origin = get_origin(hint)
    if origin is Annotated:
        own = next((mark for mark in hint.__metadata__ if isinstance(mark, Limit)), limit)
        return _bounds_of(hint.__origin__, where, own)
    if hint is str or origin in (list, tuple):
        if limit is None:
            raise TypeError(f"{where}: a text or a list without a limit")
        if hint is str:
            return Bounds(text=limit)
        return Bounds(items=limit, item=_either(get_args(hint), f"{where}[]", None))
    if origin in (Union, UnionType):
        return _either(get_args(hint), where, limit)
    if hint in _BOUNDED or (isinstance(hint, type) and issubclass(hint, Struct)):
        return Bounds()
    raise TypeError(f"{where}: {hint} is nothing that has a limit")


def _either(hints: tuple[Any, ...], where: str, limit: Limit | None) -> Bounds:
    every = [_bounds_of(hint, where, limit) for hint in hints if hint is not ...]
    return Bounds(*(next(filter(None, parts), None) for parts in zip(*every, strict=True)))


_BOUNDED = (int, float, bool, NoneType, Raw)


def bound(value: _T) -> _T:
    """Return a decoded wire struct with every text and list within its limit, to the end. DecodeError."""
    return cast(_T, _bound_struct(value)) if isinstance(value, Struct) else value


def _bound_struct(value: Struct) -> Struct:
    changed: dict[str, Any] = {}
    for field, bounds in bounds_of(type(value)).items():
        old = getattr(value, field)
        new = _bound_value(old, bounds, field)
        if new is not old:
            changed[field] = new
    return msgspec.structs.replace(value, **changed) if changed else value


def _bound_value(value: Any, bounds: Bounds | None, field: str) -> Any:
    if isinstance(value, Struct):
        return _bound_struct(value)
    if isinstance(value, str) and bounds and bounds.text:
        return bound_text(value, bounds.text, field)
    if isinstance(value, list | tuple) and bounds and bounds.items:
        return _bound_items(value, bounds.items.most, bounds.item, field)
    return value


def _bound_items(items: Any, most: int, bounds: Bounds | None, field: str) -> Any:
    kept = items if len(items) <= most else items[:most]
    bounded = [_bound_value(item, bounds, field) for item in kept]
    is_same = len(kept) == len(items) and all(new is old for new, old in zip(bounded, items, strict=True))
    return items if is_same else type(items)(bounded)
