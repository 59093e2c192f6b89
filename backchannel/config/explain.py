"""Pydantic's errors → words by which a person can mend them: key path, value, what is accepted. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from backchannel.config.yaml_document import KeyPath

SECRETIVE = re.compile(r"key|pass|secret|token|credential", re.IGNORECASE)
_PYDANTICISMS = re.compile(
    r"^Value error, |^(Input|Tuple|List|Set|Dictionary|String) (?=should)| after validation"
)


def explain(
    error: ValidationError, model: type[BaseModel], raw: dict[str, Any], is_unsaid: Callable[[KeyPath], bool]
) -> Iterator[tuple[KeyPath, str]]:
    """Paths within `raw` and the words for them; where something within is wrong, nothing of what is around.

    A value is repeated only when it is short, not `is_unsaid`, and its field is no secret.
    """
    found = [
        (_real_path(details["loc"], raw, is_missing=details["type"] == "missing"), details)
        for details in error.errors(include_url=False)
        if details["type"] != "default_factory_not_called"  # that follows from another error
    ]
    paths = {path for path, _ in found}
    for path, details in found:
        if not any(len(other) > len(path) and other[: len(path)] == path for other in paths):
            yield path, _words(path, details, model, raw, is_unsaid)


def _words(
    path: KeyPath,
    details: ErrorDetails,
    model: type[BaseModel],
    raw: dict[str, Any],
    is_unsaid: Callable[[KeyPath], bool],
) -> str:
    owner, field = _field_at(model, path)
    if details["type"] == "extra_forbidden":
        known = list(owner.model_fields)
        return "unknown key" + (guess(path[-1], known) or f"; known here: {', '.join(known)}")
    accepted = f"; accepted: {field.description}" if field and field.description else ""
    if details["type"] == "missing":
        return f"missing{accepted}"
    shown = "" if is_unsaid(path) or _is_secret(path, field) else _shown(_value_at(raw, path))
    return f"{shown}{_PYDANTICISMS.sub('', details['msg'])}{accepted}"


def one_of(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def guess(word: object, known: Iterable[str]) -> str:
    """`, did you mean "servers"?`, or nothing where no known word is near."""
    near = get_close_matches(str(word).lower(), list(known), n=1, cutoff=0.6)
    return f', did you mean "{near[0]}"?' if near else ""


def _real_path(loc: tuple[int | str, ...], raw: Any, *, is_missing: bool) -> KeyPath:
    """Pydantic's location without the names it gives to members of unions."""
    path: KeyPath = ()
    for part in loc[:-1] if is_missing else loc:
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            continue
        path = (*path, part)
    return (*path, loc[-1]) if is_missing else path


def _value_at(raw: Any, path: KeyPath) -> Any:
    for part in path:
        raw = raw[part]
    return raw


def _field_at(model: type[BaseModel], path: KeyPath) -> tuple[type[BaseModel], FieldInfo | None]:
    """Return the innermost model on the way, and the field at the end of it."""
    field = None
    for part in path:
        if isinstance(part, int):
            continue
        if field and (inner := _model_in(field.annotation)):
            model = inner
        field = model.model_fields.get(part)
        if field is None:
            break
    return model, field


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _is_secret(path: KeyPath, field: FieldInfo | None) -> bool:
    named = any(isinstance(part, str) and SECRETIVE.search(part) for part in path)
    return named or (field is not None and "Secret" in str(field.annotation))


def _shown(value: object) -> str:
    if value is None:
        return "nothing: "
    if isinstance(value, dict | list | BaseModel):
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text if len(text) <= 60 else text[:57] + "..."}": '
