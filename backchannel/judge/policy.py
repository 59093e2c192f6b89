"""Policies: may this post be shown without a person's look?"""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from backchannel.model import DOUBTS, Post
from backchannel.state import State
from backchannel.state.post_state import PostState


class Opinion(Struct, frozen=True):
    """A policy's answer on a post: what, why, and what a `show` is worth to screens."""

    verdict: Literal["show", "hold", "hide"]
    why: str
    clearance: str = ""


Policy = Callable[[State, PostState, Post], Opinion]


def _open(state: State, seen: PostState, post: Post) -> Opinion:
    return Opinion("show", "open to all", "open")


def _first_time(state: State, seen: PostState, post: Post) -> Opinion:
    if state.rulings.is_trusted(seen, state.posts):
        return Opinion("show", "this author was approved before", "trusted")
    return Opinion("hold", "nothing of this author has been approved yet")


def _doubting(policy: Policy) -> Policy:
    def opinion(state: State, seen: PostState, post: Post) -> Opinion:
        doubt = next((DOUBTS[label] for label in post.labels if label in DOUBTS), "")
        return Opinion("hold", doubt) if doubt else policy(state, seen, post)

    return opinion


POLICIES: dict[str, Policy] = {"open": _doubting(_open), "first-time": _doubting(_first_time)}
