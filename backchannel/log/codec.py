"""Events as they lie in the log: tagged JSON, one object an entry."""

from typing import get_args

import msgspec

from backchannel.log import LogBroken
from backchannel.model import Event, Unknown

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)
_KNOWN = {str(member.__struct_config__.tag) for member in get_args(Event)}


class _Tagged(msgspec.Struct):
    type: str


def encode(event: Event) -> str:
    """Return an event as text."""
    return _encoder.encode(event).decode()


def kind_of(event: Event) -> str:
    """Return the event's tag."""
    return str(event.__struct_config__.tag)


def decode(said: str) -> Event | Unknown:
    """Return the event, or Unknown where another release wrote it. Raises LogBroken for what nobody wrote."""
    try:
        event: Event = _decoder.decode(said)
    except msgspec.DecodeError as error:
        return _unknown(said, error)
    return event


def _unknown(said: str, error: msgspec.DecodeError) -> Unknown:
    try:
        tag = msgspec.json.decode(said, type=_Tagged).type
    except msgspec.DecodeError:
        tag = ""
    if not tag or tag in _KNOWN:
        raise LogBroken(f"an entry cannot be read: {error}") from error
    return Unknown(said)
