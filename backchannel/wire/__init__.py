"""Shared by all networks on the wire: how JSON is taken in, and how much of each field is. Pure."""

from backchannel.wire.decoding import MAX_PARTS, MAX_PARTS_OF_AN_ITEM, decode, decode_items
from backchannel.wire.limits import ELLIPSIS, LIMITS, Limit, bound, bound_text

__all__ = [
    "ELLIPSIS",
    "LIMITS",
    "MAX_PARTS",
    "MAX_PARTS_OF_AN_ITEM",
    "Limit",
    "bound",
    "bound_text",
    "decode",
    "decode_items",
]
