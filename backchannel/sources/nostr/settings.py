"""The settings of a Nostr source in config.yaml."""

from collections.abc import Sequence
from typing import Annotated, Literal

from coincurve import PrivateKey
from pydantic import AfterValidator, ConfigDict, Field, SecretStr, field_validator

from backchannel.contract import SourceSettings
from backchannel.sources.nostr.bech32 import parse_pointer
from backchannel.sources.nostr.wire import is_hex64
from backchannel.wire.addresses import websocket_address

MAX_RELAYS = 12
MAX_HASHTAGS_ASKED = 20


def _template(web: str) -> str:
    if not web.startswith(("https://", "http://")) or "{id}" not in web:
        raise ValueError(f"{web!r} is no template: expected https://…{{id}}…")
    return web


class NostrSettings(SourceSettings):
    """A Nostr source: which relays to read, and how to link to what was said there."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: Literal["nostr"] = "nostr"
    relays: tuple[Annotated[str, AfterValidator(websocket_address)], ...] = Field(
        json_schema_extra={"minItems": 1, "maxItems": MAX_RELAYS, "uniqueItems": True},
        description="Relays to read, wss://host or ws://host; three to six, the conference's own first.",
    )
    spellings: tuple[str, ...] = Field(
        default=(),
        max_length=MAX_HASHTAGS_ASKED,
        description="Other ways people capitalise the hashtags, e.g. BackChannel: relays compare exactly.",
    )
    web: Annotated[str, AfterValidator(_template)] = Field(
        default="https://njump.me/{id}",
        description="Where links to posts and people lead; {id} becomes the nevent, naddr or npub.",
    )
    limit: int = Field(default=200, ge=20, le=1000, description="Stored events to ask for in one page.")
    min_pow: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Bits of proof of work (NIP-13) a post must show; 0 asks for none.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Key (nsec or hex) that tells relays who reads, for those that ask (NIP-42).",
    )

    def addresses(self) -> Sequence[str]:
        """Return the relays."""
        return self.relays

    @field_validator("relays")
    @classmethod
    def _are_few_and_different(cls, relays: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(relays)) < len(relays):
            raise ValueError("the same relay stands there twice")
        if not 1 <= len(relays) <= MAX_RELAYS:
            raise ValueError(f"{len(relays)} relays; expected 1 to {MAX_RELAYS}")
        return relays

    @field_validator("secret_key")
    @classmethod
    def _is_key(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            read_key(secret)
        return secret


def read_key(secret: SecretStr) -> bytes:
    """Return the 32 bytes of a secret key. ValueError, which does not repeat the secret, when it is none."""
    word = secret.get_secret_value().strip()
    try:
        key = bytes.fromhex(word if is_hex64(word) else parse_pointer(word).key)
        PrivateKey(key)
    except ValueError:
        raise ValueError("no secret key: expected nsec1… or 64 hexadecimal digits") from None
    return key
