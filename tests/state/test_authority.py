"""Whose word it is: what the fold takes from whom, for every order of what was said."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backchannel.board import Card
from backchannel.model import ABSENT, Deleted, Entry, Event, Left, Post, Posted, Rank, Ruled, Settled
from backchannel.state import State, fold
from tests.kit.posts import person, pictured, post

RELAYS = ("one.example", "two.example")
WORDS = {"": "mine", "one.example": "as one has it", "two.example": "as two has it"}


def copy(via: str, revision: int = 0, text: str = "", **more: object) -> Post:
    """A copy of p1: the origin's own (""), or that of a relay."""
    said = text or f"{WORDS[via]} {revision}"
    return replace(post("p1", said, revision=revision, is_origin=not via, **more), via=via)  # type: ignore[arg-type]


def told(*events: Event) -> State:
    """The state after all of these that are news."""
    return fold(logged(events))


def logged(events: Sequence[Event]) -> list[Entry]:
    state, log = State(), list[Entry]()
    for event in events:
        if state.is_news(event):
            log.append(Entry(len(log) + 1, float(len(log) + 1), event))
            state.apply(log[-1])
    return log


def stands(*events: Event) -> str:
    """The text that may be shown of p1; nothing where it is hidden."""
    log = logged(events)
    state = fold(log)
    seen = state.posts.by_id["id:p1"]
    event = next(entry.event for entry in log if entry.seq == seen.post)
    assert isinstance(event, Posted)
    return "" if state.verdict(seen) == ("hide", "") else str(event.post.face.body[0])


def test_the_origins_copy_replaces_a_relays_of_whatever_revision() -> None:
    assert stands(Posted(copy("one.example", 10**15)), Posted(copy(""))) == "mine 0"


@pytest.mark.parametrize("revision", [0, 1, 10**15])
def test_a_relay_does_not_edit_what_the_origin_has_said(revision: int) -> None:
    assert stands(Posted(copy("")), Posted(copy("one.example", revision))) == "mine 0"


@pytest.mark.parametrize("revision", [0, 1, 10**15])
def test_a_relay_does_not_edit_what_another_relay_gave(revision: int) -> None:
    said = (Posted(copy("one.example")), Posted(copy("two.example", revision)))
    assert stands(*said) == "as one has it 0"


def test_a_relay_edits_its_own_copy() -> None:
    assert stands(Posted(copy("one.example")), Posted(copy("one.example", 1))) == "as one has it 1"


@pytest.mark.parametrize("why", ["no hashtag", ABSENT])
@pytest.mark.parametrize("standing", ["", "two.example"])
def test_a_relay_withdraws_nothing_but_its_own_copy(standing: str, why: str) -> None:
    assert stands(Posted(copy(standing)), Left("id:p1", 10**15, why, "one.example"))


def test_a_relay_withdraws_its_own_copy_and_anothers_stands_then() -> None:
    said: list[Event] = [Posted(copy("one.example")), Left("id:p1", 0, ABSENT, "one.example")]
    assert stands(*said) == ""
    assert stands(*said, Posted(copy("two.example"))) == "as two has it 0"


def test_what_is_absent_comes_back_in_any_revision_by_its_origin_alone() -> None:
    said: list[Event] = [Posted(copy("", 5)), Left("id:p1", 5, ABSENT)]
    assert stands(*said, Posted(copy("one.example", 9))) == ""
    assert stands(*said, Posted(copy("", 3))) == "mine 3"


def test_the_origins_word_on_consent_hides_a_relays_copy_of_whatever_revision() -> None:
    said: list[Event] = [Posted(copy("one.example", 10**15)), Left("id:p1", 2, "nobot")]
    assert stands(*said) == ""
    assert stands(*said, Posted(copy("one.example", 10**16))) == ""
    assert stands(*said, Posted(copy("", 3))) == "mine 3"


def test_what_the_origin_does_not_have_comes_back_by_no_relay() -> None:
    said: list[Event] = [Posted(copy("one.example", 10**15)), Left("id:p1", 0, ABSENT)]
    assert stands(*said, Posted(copy("one.example", 10**16)), Posted(copy("two.example"))) == ""


def test_a_relay_lets_nothing_expire() -> None:
    assert not told(Posted(copy("one.example", expires_at=1.0))).posts.expiring
    assert told(Posted(copy("", expires_at=1.0))).posts.expiring


@pytest.mark.parametrize("is_origin", [True, False])
def test_a_post_of_another_network_takes_no_id(is_origin: bool) -> None:
    other = replace(copy("", 9), kind="other", is_origin=is_origin, via="" if is_origin else "one.example")
    assert stands(Posted(copy("")), Posted(other)) == "mine 0"
    assert stands(Posted(copy("one.example")), Posted(other)) == "as one has it 0"


def test_trust_in_an_author_reaches_no_copy_that_a_relay_gave() -> None:
    state = told(Posted(post("p0", is_origin=True)))
    approved = person("id:p0", "show", hash_=state.posts.by_id["id:p0"].hash)
    state = told(
        Posted(post("p0")), approved, Posted(replace(copy("one.example"), id="id:p2")), Posted(copy(""))
    )
    trusted = {
        name: state.rulings.is_trusted(state.posts.by_id[name], state.posts) for name in ("id:p1", "id:p2")
    }
    assert trusted == {"id:p1": True, "id:p2": False}


def test_a_relays_picture_goes_with_its_copy() -> None:
    one = replace(pictured("p1", "https://one.example/lie.png"), is_origin=False, via="one.example")
    lie = Settled("id:p1", "https://one.example/lie.png", "a" * 64, 1, 1)
    state = told(Posted(one), lie, Posted(pictured("p1", "https://net.example/true.png")))
    assert state.posts.by_id["id:p1"].pictures == (None,)
    assert state.posts.by_id["id:p1"].hash == ""


# Replies and quotations.


def shown(*events: Event) -> State:
    """All of it, each post shown as soon as it is said."""
    said = list[Event]()
    for event in events:
        said.append(event)
        if isinstance(event, Posted) and (seen := told(*said).posts.by_id.get(event.post.id)):
            said.append(Ruled("", seen.id, "show", Rank.RULE, "open", seen.hash))
    return told(*said)


def card(state: State, name: str) -> Card:
    value = state.board.items[state.posts.by_id[f"id:{name}"].key].value
    assert isinstance(value, Card)
    return value


def test_nobody_moves_anothers_post_into_a_conversation() -> None:
    lies = Posted(replace(post("p2", reply_to="id:lies"), is_origin=False, via="one.example"))
    state = shown(Posted(post("lies")), lies, Posted(post("p1", reply_to="id:p2")))
    keys = {name: state.posts.by_id[f"id:{name}"].key for name in ("lies", "p2")}
    assert (card(state, "p1").parent, card(state, "p1").root) == (keys["p2"], keys["p2"])
    fellow = Posted(replace(post("p4", reply_to="id:p2"), is_origin=False, via="one.example"))
    assert card(shown(Posted(post("lies")), lies, fellow), "p4").root == keys["lies"]


def test_a_reply_to_an_id_of_another_network_is_a_post_of_its_own() -> None:
    state = shown(Posted(post("p1")), Posted(replace(post("p2", reply_to="id:p1"), kind="other")))
    assert (card(state, "p2").parent, card(state, "p2").root) == (0, 0)


def quoting(quoted: Post, **more: object) -> Posted:
    return Posted(replace(post("q", "look", by="bob", quote=quoted), is_hearsay=True, **more))


def test_a_quotation_that_its_origin_does_not_confirm_is_not_drawn() -> None:
    true, lie = post("p1", "true"), post("p1", "a lie")
    assert not card(shown(Posted(true), quoting(true)), "q").is_unquoted
    assert card(shown(Posted(true), quoting(lie)), "q").is_unquoted
    assert card(shown(quoting(lie), Posted(true)), "q").is_unquoted
    assert not card(shown(quoting(lie)), "q").is_unquoted  # while the origin has not spoken
    assert card(shown(Posted(true), quoting(post("p1", "true", by="eve"))), "q").is_unquoted


def test_an_edit_of_the_quoted_lets_the_quotation_go_until_it_is_told_anew() -> None:
    old, new = post("p1", "old"), post("p1", "new", revision=1)
    state = shown(Posted(old), quoting(old), Posted(new))
    assert card(state, "q").is_unquoted
    state = shown(Posted(old), quoting(old), Posted(new), quoting(new, revision=1))
    assert not card(state, "q").is_unquoted


def test_a_relays_copy_contradicts_no_quotation() -> None:
    relayed = replace(post("p1", "a lie"), is_origin=False, via="one.example")
    assert not card(shown(Posted(relayed), quoting(post("p1", "true"))), "q").is_unquoted


# In every order.

revisions = st.integers(0, 3)
origins = st.builds(lambda revision: Posted(copy("", revision)), revisions)
relayed = st.builds(
    lambda via, revision: Posted(copy(via, revision)), st.sampled_from(RELAYS), st.integers(0, 10**15)
)
farewells = st.builds(
    lambda via, revision, why: Left("id:p1", revision, why, via),
    st.sampled_from(RELAYS),
    st.integers(0, 10**15),
    st.sampled_from(["no hashtag", ABSENT]),
)
lies = st.lists(st.one_of(relayed, farewells), max_size=6)


@given(st.lists(origins, min_size=1, max_size=5), lies, st.randoms(use_true_random=False))
def test_the_origins_last_word_stands_in_every_order(
    own: list[Posted], lied: list[Event], chance: object
) -> None:
    last = max(event.post.revision for event in own)
    mixed: list[Event] = [*own, *lied]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert stands(*mixed) == f"mine {last}"


@given(st.lists(origins, min_size=1, max_size=5), lies, st.randoms(use_true_random=False))
def test_what_its_origin_deleted_stays_so_whatever_others_say(
    own: list[Posted], lied: list[Event], chance: object
) -> None:
    mixed: list[Event] = [*own, *lied, Deleted("id:p1")]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert stands(Posted(copy("one.example")), *mixed) == ""


@given(
    st.lists(origins, min_size=1, max_size=4),
    st.lists(st.builds(lambda revision: Left("id:p1", revision, "no hashtag"), revisions), max_size=3),
    lies,
    st.randoms(use_true_random=False),
)
def test_liars_change_nothing_of_what_the_origin_says(
    own: list[Posted], left: list[Left], lied: list[Event], chance: object
) -> None:
    """With the liar and without: the same text stands, or none."""
    mixed: list[Event] = [own[0], *own, *left, *lied]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    honest = [event for event in mixed if event not in lied]
    assert stands(own[0], *mixed) == stands(own[0], *honest)
