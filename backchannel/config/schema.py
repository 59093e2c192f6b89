"""The JSON Schema of config.yaml: what an editor completes and explains."""

from typing import Any

from pydantic import BaseModel

from backchannel import kinds
from backchannel.config.settings import Config


def config_schema() -> dict[str, Any]:
    """Draft 2020-12; each source is told apart by its `kind`."""
    schema = Config.model_json_schema(mode="validation")
    definitions = schema["$defs"]
    del definitions["SourceSettings"]
    definitions["secret-file"] = {
        "type": "object",
        "properties": {"file": {"type": "string", "description": "a file that holds nothing but the secret"}},
        "required": ["file"],
        "additionalProperties": False,
    }
    known = kinds.names()
    for kind in known:
        definitions.update(_definitions(kind, kinds.load(kind).Settings))
    schema["properties"]["sources"]["items"] = {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": known, "description": "the network"}},
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/$defs/source-{kind}"},
            }
            for kind in known
        ],
    }
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Backchannel"}
    return {key: _with_secret_files(value) for key, value in named.items()}


def _definitions(kind: str, settings: type[BaseModel]) -> dict[str, Any]:
    """Return the kind's own models under names that no other kind uses."""
    schema = settings.model_json_schema(mode="validation", ref_template=f"#/$defs/{kind}-{{model}}")
    inner = {f"{kind}-{name}": value for name, value in schema.pop("$defs", {}).items()}
    schema["properties"]["kind"] = {"const": kind, "description": "the network"}
    return {**inner, f"source-{kind}": schema}


def _with_secret_files(value: Any) -> Any:
    """Return the same, where a secret may also be `{file: <path>}`."""
    if isinstance(value, list):
        return [_with_secret_files(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("format") == "password":
        words = {key: value[key] for key in ("title", "description", "default") if key in value}
        return {**words, "anyOf": [{"type": "string"}, {"$ref": "#/$defs/secret-file"}]}
    return {key: _with_secret_files(item) for key, item in value.items()}
