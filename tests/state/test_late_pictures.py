"""A picture that was dropped and comes after all."""

import pytest

from backchannel.model import Event, Posted, Settled
from backchannel.sequencer import Sequencer
from backchannel.state import State
from tests.kit.posts import person, pictured
from tests.kit.sequencers import Opened, refold, settle

URL = "https://net.example/a.png"
HASH = "a" * 64
DROP, LATE = Settled("id:p1", URL), Settled("id:p1", URL, HASH, 3, 4)


async def dropped(opened: Opened, policy: str, *more: Event, delay_s: float = 0.0) -> Sequencer:
    """A post whose picture was dropped, and what was said then."""
    sequencer: Sequencer = await opened(policy=policy, delay_s=delay_s)
    await settle(sequencer, Posted(pictured("p1", URL)))
    await settle(sequencer, DROP)
    for event in more:
        await settle(sequencer, event)
    return sequencer


def seen(state: State) -> tuple[str, tuple[str, ...]]:
    post = state.posts.by_id["id:p1"]
    return post.hash, tuple(picture.hash if picture else "" for picture in post.pictures)


async def test_a_post_that_is_held_for_a_person_gets_its_late_picture_and_is_judged_anew(
    opened: Opened,
) -> None:
    sequencer = await dropped(opened, "first-time")
    without, _ = seen(sequencer.state)
    assert sequencer.state.is_news(LATE)
    await settle(sequencer, LATE)
    hash_, pictures = seen(sequencer.state)
    assert hash_ != without
    assert pictures == (HASH,)
    assert [*sequencer.state.held] == [sequencer.state.posts.by_id["id:p1"].key]
    assert sequencer.state.posts.by_id["id:p1"].rule_hash == hash_
    assert not sequencer.state.is_news(LATE)
    again = await refold(sequencer)
    assert (again.posts, again.held, again.waiting) == (
        sequencer.state.posts,
        sequencer.state.held,
        sequencer.state.waiting,
    )


async def test_a_late_picture_changes_nothing_that_is_shown(opened: Opened) -> None:
    sequencer = await dropped(opened, "open")
    assert sequencer.board.line
    assert not sequencer.state.is_news(LATE)


async def test_a_late_picture_makes_no_post_wait_once_more(opened: Opened) -> None:
    sequencer = await dropped(opened, "open", delay_s=20.0)
    assert sequencer.state.waiting
    assert not sequencer.state.is_news(LATE)


@pytest.mark.parametrize("verdict", ["show", "hide", "hold"])
async def test_a_late_picture_voids_no_persons_word(opened: Opened, verdict: str) -> None:
    sequencer = await dropped(opened, "first-time")
    hash_, _ = seen(sequencer.state)
    said = person("id:p1", verdict, hash_=hash_ if verdict == "show" else "")  # type: ignore[arg-type]
    await settle(sequencer, said)
    assert not sequencer.state.is_news(LATE)
    assert seen(sequencer.state)[0] == hash_


async def test_a_word_and_a_late_picture_in_one_append_leave_the_word_standing(opened: Opened) -> None:
    sequencer = await dropped(opened, "first-time")
    hash_, _ = seen(sequencer.state)
    await settle(sequencer, person("id:p1", "show", hash_=hash_), LATE)
    assert seen(sequencer.state) == (hash_, ("",))
    assert sequencer.board.line
    assert (await refold(sequencer)).board == sequencer.board


async def test_what_was_dropped_may_still_come_after_an_edit(opened: Opened) -> None:
    edit = Posted(pictured("p1", URL, text="another word", revision=1))
    sequencer = await dropped(opened, "first-time", edit)
    assert sequencer.state.held
    await settle(sequencer, LATE)
    assert seen(sequencer.state)[1] == (HASH,)


async def test_a_drop_is_no_news_twice(opened: Opened) -> None:
    sequencer = await dropped(opened, "first-time")
    assert not sequencer.state.is_news(DROP)
