import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from backchannel.board import Card
from backchannel.judge import Rules
from backchannel.log import Conflict
from backchannel.model import Blanked, Deleted, Left, Posted, Rank, Ruled, Settled
from backchannel.sequencer.desk import Desk
from tests.kit.clocks import ManualClock
from tests.kit.posts import hide, person, pictured, post, steps
from tests.kit.sequencers import Opened, Stepped, events, refold, settle, taken_down, texts, turns


def current(sequencer: Any, name: Any = "p1") -> Any:
    return sequencer.state.posts.by_id[f"id:{name}"]


def approve(sequencer: Any, name: Any = "p1") -> Any:
    return person(f"id:{name}", "show", hash_=current(sequencer, name).hash)


async def test_a_post_is_shown_when_its_delay_is_over_and_not_before(opened: Opened) -> None:
    clock = ManualClock()
    sequencer = await opened(delay_s=20.0, clock=clock)
    await settle(sequencer, Posted(post()))
    clock.time += 19.9
    assert await sequencer.turn() == 1020.0
    assert await texts(sequencer) == {}
    clock.time += 0.1
    await turns(sequencer)
    assert await texts(sequencer) == {"p1": "hello"}


async def test_first_time_holds_at_once_and_trusts_only_what_comes_after_an_approval(opened: Opened) -> None:
    clock = ManualClock()
    sequencer = await opened(policy="first-time", delay_s=20.0, clock=clock)
    await settle(sequencer, Posted(post()), Posted(post("p2")), Posted(post("p3", by="bob")))
    assert [*sequencer.state.held] == [1, 2, 3]
    await settle(sequencer, approve(sequencer))
    assert await texts(sequencer) == {"p1": "hello"}
    await settle(sequencer, Posted(post("p4")), Posted(post("p5", by="bob")))
    clock.time += 20
    await turns(sequencer)
    assert [*await texts(sequencer)] == ["p1", "p4"]


async def test_new_rules_are_asked_about_what_is_held(opened: Opened) -> None:

    sequencer = await opened(policy="first-time")
    await settle(sequencer, Posted(post()))
    sequencer.judge_by(Rules("open", 0.0))
    await turns(sequencer)
    assert await texts(sequencer) == {"p1": "hello"}


async def test_hide_then_undo_in_one_batch_ends_shown(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    word = hide("id:p1")
    await settle(sequencer, word, person("id:p1", "undo", undoes=word.id))
    assert await texts(sequencer) == {"p1": "hello"}


async def test_undo_then_hide_before_the_disk_answers_ends_hidden(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    word = hide("id:p1")
    await taken_down(sequencer, word)
    undo = asyncio.ensure_future(sequencer.submit([person("id:p1", "undo", undoes=word.id)]))
    await asyncio.sleep(0)
    await taken_down(sequencer, hide("id:p1"))
    await undo
    assert await texts(sequencer) == {}


async def test_a_hide_of_the_edited_post_outlives_a_late_show_of_its_old_hash(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    old = approve(sequencer)
    await settle(sequencer, Posted(post(text="edited", revision=1)))
    await taken_down(sequencer, hide("id:p1"))
    await settle(sequencer, old)
    assert await texts(sequencer) == {}
    assert old in await events(sequencer), "kept for the audit"


async def test_a_rule_that_a_person_has_undone_is_silent_on_that_hash(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    await settle(sequencer, person("id:p1", "undo", undoes=current(sequencer).rule_id))
    assert await texts(sequencer) == {}
    await settle(sequencer, Posted(post(text="edited", revision=1)))
    assert await texts(sequencer) == {"p1": "edited"}


async def test_the_same_word_twice_is_one_event(sequencer: Stepped) -> None:
    word = hide("id:p1")
    await settle(sequencer, Posted(post()), Posted(post()))
    await settle(sequencer, Posted(post()), word, word)
    await settle(sequencer, word)
    assert [type(event).__name__ for event in await events(sequencer)] == ["Posted", "Ruled", "Ruled"]


async def test_an_edit_that_its_rule_allows_does_not_wait_again_and_keeps_its_place(opened: Opened) -> None:
    clock = ManualClock()
    sequencer = await opened(delay_s=20.0, clock=clock)
    await settle(sequencer, Posted(post()), Posted(post("p2")))
    clock.time += 20
    await turns(sequencer)
    order = current(sequencer).order
    await settle(sequencer, Posted(post(text="edited", revision=1)))
    assert await texts(sequencer) == {"p1": "edited", "p2": "hello"}
    assert current(sequencer).order == order


async def test_back_to_the_first_words_is_an_edit_like_any_other(sequencer: Stepped) -> None:
    for revision, words in enumerate(["A", "B", "A"]):
        await settle(sequencer, Posted(post(text=words, revision=revision)))
        assert await texts(sequencer) == {"p1": words}
    for words in ("B", "A", "B"):  # a network without revisions
        await settle(sequencer, Posted(post("p2", words)))
    assert (await texts(sequencer))["p2"] == "B"


async def test_two_servers_copies_with_other_pictures_make_no_entry(sequencer: Stepped) -> None:
    one = pictured("p1", "https://one.example/a.png", is_origin=True)
    two = pictured("p1", "https://two.example/b.png", is_origin=False)
    await settle(sequencer, Posted(two))
    await settle(sequencer, Settled("id:p1", "https://two.example/b.png", "b" * 64, 1, 1))
    await settle(sequencer, Posted(one))
    before = len(await events(sequencer))
    for _ in range(50):
        await settle(sequencer, Posted(one), Posted(two))
        await settle(sequencer, Posted(two))
    assert len(await events(sequencer)) == before


async def test_the_origins_copy_replaces_another_while_nobody_has_ruled(opened: Opened) -> None:
    clock = ManualClock()
    sequencer = await opened(delay_s=20.0, clock=clock)
    await settle(sequencer, Posted(post(text="seen afar", is_origin=False)))
    await settle(sequencer, Posted(post(text="seen at home", is_origin=True)))
    await settle(sequencer, Posted(post(text="seen afar", is_origin=False)))
    clock.time += 20
    await turns(sequencer)
    assert await texts(sequencer) == {"p1": "seen at home"}


async def test_deletion_of_the_quoted_hides_the_quoting_card_until_it_comes_without(
    sequencer: Stepped,
) -> None:
    quoted = post("q", "the quoted", by="eve")
    await settle(sequencer, Posted(post("p1", "look", quote=quoted)))
    assert await texts(sequencer) == {"p1": "look"}
    await taken_down(sequencer, Deleted("id:q"))
    assert await texts(sequencer) == {}
    await settle(sequencer, Posted(post("p1", "look", revision=1)))
    assert await texts(sequencer) == {"p1": "look"}


async def test_a_hashtag_edited_away_hides_until_it_comes_back(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    await taken_down(sequencer, Left("id:p1", 1, "it does not carry the event's hashtag"))
    await settle(sequencer, Posted(post()))
    assert await texts(sequencer) == {}
    await settle(sequencer, Posted(post(text="back", revision=2)))
    assert await texts(sequencer) == {"p1": "back"}


async def test_a_deletion_that_lies_behind_its_post_in_the_inbox_still_deletes(sequencer: Stepped) -> None:
    posting = asyncio.ensure_future(sequencer.submit([Posted(post())]))
    await asyncio.sleep(0)
    await taken_down(sequencer, Deleted("id:p1"))
    await posting
    await settle(sequencer, Posted(post(text="again", revision=5)))
    assert await texts(sequencer) == {}


async def test_a_block_hides_what_is_there_and_what_comes(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    await settle(sequencer, approve(sequencer))
    await taken_down(sequencer, hide("https://net.example/ada"))
    await settle(sequencer, Posted(post("p2")), Posted(post("p3", by="bob")))
    assert await texts(sequencer) == {"p3": "hello"}


async def test_a_takedown_covers_before_anything_waits_for_a_disk(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()), Posted(post("p2")))
    heard: list[bool] = []
    sequencer.subscribe(heard.append)
    task = asyncio.ensure_future(sequencer.take_down([hide("id:p1")]))
    await asyncio.sleep(0)
    frame = sequencer.since(sequencer.state.board.seq)
    assert (frame.prev, frame.gone, heard) == (frame.seq, [1], [True])
    assert await texts(sequencer) == {"p2": "hello"}
    await turns(sequencer)
    assert await task is True


async def test_a_new_post_of_a_blocked_author_is_under_the_veil_too(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    posting = asyncio.ensure_future(sequencer.submit([Posted(post("p2"))]))
    await asyncio.sleep(0)
    task = asyncio.ensure_future(sequencer.take_down([hide("https://net.example/ada")]))
    seen: list[list[int]] = []
    sequencer.subscribe(lambda _: seen.append(sorted(i.key for i in sequencer.since(0).put)))
    await turns(sequencer)
    await asyncio.gather(posting, task)
    assert not any(seen)


async def test_blank_is_on_the_board_at_once_and_off_again(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    task = asyncio.ensure_future(sequencer.take_down([Blanked("b1", True)]))
    await asyncio.sleep(0)
    assert 0 in [item.key for item in sequencer.since(0).put]
    await turns(sequencer)
    await task
    assert 0 in [item.key for item in sequencer.since(0).put]
    await taken_down(sequencer, Blanked("b2", False))
    assert [item.key for item in sequencer.since(0).put] == [1]


async def test_a_picture_is_settled_before_anybody_judges(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(pictured("p1", "https://a.example/1", "https://a.example/2")))
    await settle(sequencer, Settled("id:p1", "https://a.example/1", "1" * 64, 10, 20))
    assert await texts(sequencer) == {}
    await settle(sequencer, Settled("id:p1", "https://a.example/2"))
    assert await texts(sequencer) == {"p1": "hello"}
    card = sequencer.since(0).put[0].value
    assert isinstance(card, Card)
    pictures = card.pictures
    assert [p and (p.hash[0], p.width, p.height) for p in pictures] == [("1", 10, 20), None]


async def test_what_expires_is_deleted_when_its_time_has_come(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post(expires_at=1060.0)))
    assert await texts(sequencer) == {"p1": "hello"}
    assert await sequencer.turn() == 1060.0
    sequencer.clock.time = 1060.0
    await turns(sequencer)
    assert await texts(sequencer) == {}


async def test_a_thousand_events_at_once_take_more_than_one_append(sequencer: Stepped) -> None:
    await settle(sequencer, *(Posted(post(f"p{n}", by=f"a{n}")) for n in range(2000)))
    assert len(sequencer.state.board.line) == 2000


async def test_a_cursor_is_stored_with_the_last_of_its_events(sequencer: Stepped) -> None:
    told = [Posted(post("p1")), Posted(post("p1", "b", source="other", revision=1)), Posted(post("p2"))]
    task = asyncio.ensure_future(sequencer.submit(told, {("net", "lane"): "3"}))
    await asyncio.sleep(0)
    await sequencer.turn()
    assert await sequencer.log.cursors() == {}
    await turns(sequencer)
    await task
    assert await sequencer.log.cursors() == {("net", "lane"): "3"}


async def test_of_many_edits_at_once_the_last_one_is_taken(sequencer: Stepped) -> None:
    edits = [Posted(post("p1", f"take {n}", revision=n)) for n in (3, 0, 900, *range(500), 900, 7)]
    await settle(sequencer, *edits, Posted(post("p2")))
    assert await texts(sequencer) == {"p1": "take 900", "p2": "hello"}
    assert sum(isinstance(event, Posted) for event in await events(sequencer)) == 2


async def test_nobody_waits_for_the_turns_that_somebody_elses_repetitions_take(opened: Opened) -> None:
    """1,000 edits of one post at once held up everybody's posts, and a moderator's word, for 13 s."""
    sequencer = await opened()
    edits = [Posted(post("p1", f"take {n}", source=f"s{n}", revision=n)) for n in range(9)]
    first = asyncio.ensure_future(sequencer.submit(edits))
    await asyncio.sleep(0)
    other = asyncio.ensure_future(sequencer.submit([Posted(post("p2")), Posted(post("p3"))]))
    later = asyncio.ensure_future(sequencer.submit([Posted(post("p1", "take 9", revision=9))]))
    await asyncio.sleep(0)
    await sequencer.turn()
    await asyncio.sleep(0)
    assert [task.done() for task in (first, other, later)] == [False, True, False]
    await turns(sequencer)
    await asyncio.gather(first, other, later)
    assert await texts(sequencer) == {"p2": "hello", "p3": "hello", "p1": "take 9"}
    said = [
        e.post.revision for e in await events(sequencer) if isinstance(e, Posted) and e.post.id == "id:p1"
    ]
    assert said == [*range(10)], "what depends on another keeps its order"


async def test_a_second_writer_is_refused_and_reads_on(sequencer: Stepped) -> None:
    with pytest.raises(Conflict):
        await sequencer.log.append([Posted(post())], at=1.0, expected=7)
    await sequencer.log.append([Posted(post())], at=1.0, expected=0)
    await settle(sequencer, Posted(post("p2")))
    assert [*await texts(sequencer)] == ["p1", "p2"]


async def test_a_caller_that_gives_up_does_not_stop_the_loop(sequencer: Stepped) -> None:
    task = asyncio.ensure_future(sequencer.submit([Posted(post())]))
    await asyncio.sleep(0)
    task.cancel()
    await turns(sequencer)
    assert await texts(sequencer) == {"p1": "hello"}


async def test_live_state_and_refold_are_equal_over_a_random_conference(sequencer: Stepped) -> None:
    for number, step in enumerate(steps(3, 120)):
        if isinstance(step, Deleted):
            await taken_down(sequencer, step)
        else:
            await settle(sequencer, step)
        if number % 9 == 0 and sequencer.state.board.line:
            subject = sequencer.state.posts.by_key[sequencer.state.board.line[-1]].id
            await taken_down(sequencer, hide(subject))
    assert await refold(sequencer) == sequencer.state


async def test_the_desk_finds_a_post_by_key_id_or_permalink_and_says_what_became(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    desk, loop = Desk(sequencer), asyncio.create_task(sequencer.run())
    assert (await desk.rule("hide", "https://net.example/p1", by="grace")).message == "hidden"
    assert (await desk.rule("undo", "1", by="grace")).message == "the hide is withdrawn"
    assert (await desk.rule("undo", "1", by="grace")).message == "what the rule 'open' said is withdrawn"
    with pytest.raises(LookupError, match="nothing has been decided"):
        await desk.rule("undo", "1", by="grace")
    assert (await desk.rule("block", "id:p1", by="grace")).message == "author blocked"
    assert "something else hides it" in (await desk.rule("show", "1", by="grace")).message
    with pytest.raises(LookupError, match="nothing-like-it"):
        await desk.rule("hide", "https://nothing-like-it.example", by="grace")
    loop.cancel()


@pytest.mark.parametrize("verdict", ["hide", "block", "undo", "blank"])
async def test_a_word_whose_answer_was_lost_may_be_repeated(sequencer: Stepped, verdict: str) -> None:
    await settle(sequencer, Posted(post()))
    desk, loop = Desk(sequencer), asyncio.create_task(sequencer.run())
    await desk.rule("show", "1", by="grace")
    await desk.rule("hide", "1", by="grace")
    await desk.rule(verdict, "1", by="grace", ruling_id="mine")
    head, board = sequencer.state.seq, sequencer.board.seq
    assert (await desk.rule(verdict, "1", by="grace", ruling_id="mine")).message == "said before, and saved"
    assert (sequencer.state.seq, sequencer.board.seq) == (head, board)
    loop.cancel()


async def test_an_id_that_somebody_else_has_used_loses_no_word(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()), Posted(post("p2")))
    desk, loop = Desk(sequencer), asyncio.create_task(sequencer.run())
    for by, subject in (("grace", "1"), ("linus", "2")):
        assert (await desk.rule("hide", subject, by=by, ruling_id="1")).message == "hidden"
    assert await texts(sequencer) == {}
    loop.cancel()


async def test_a_repeated_show_is_answered_by_what_stands_now(opened: Opened) -> None:
    sequencer = await opened(policy="first-time")
    await settle(sequencer, Posted(post()))
    desk, loop = Desk(sequencer), asyncio.create_task(sequencer.run())
    for _ in range(2):
        assert (await desk.rule("show", "1", by="grace", ruling_id="1")).message == "shown"
    await sequencer.submit([Posted(post(text="edited", revision=1))])
    head = sequencer.state.seq
    assert (await desk.rule("show", "1", by="grace", ruling_id="1")).message.startswith("changed")
    assert sequencer.state.seq == head
    loop.cancel()


async def test_a_show_of_what_has_changed_is_answered_changed(opened: Opened) -> None:
    sequencer = await opened(policy="first-time")
    await settle(sequencer, Posted(post()))
    desk = Desk(sequencer)
    told = asyncio.ensure_future(sequencer.submit([Posted(post(text="edited", revision=1))]))
    await asyncio.sleep(0)
    answer = asyncio.ensure_future(desk.rule("show", "1", by="grace"))
    await asyncio.sleep(0)
    await turns(sequencer)
    await told
    assert (await answer).message.startswith("changed")
    assert await texts(sequencer) == {}


async def test_a_rules_word_holds_for_one_hash_and_a_persons_hide_for_whatever_comes(opened: Opened) -> None:
    sequencer = await opened(policy="first-time")
    await settle(sequencer, Posted(post()))
    ruled = Ruled("r:1", "id:p1", "hide", Rank.RULE, "words", current(sequencer).hash)
    await settle(sequencer, ruled)
    assert [*sequencer.state.held] == []
    await settle(sequencer, Posted(post(text="edited", revision=1)))
    assert [*sequencer.state.held] == [1]


async def test_a_withdrawn_quote_is_news_though_no_revision_says_so(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post("p1", "look", quote=post("q", "the quoted", by="eve"))))
    await settle(sequencer, Posted(post("p1", "look")))
    assert sequencer.state.posts.by_id["id:p1"].embeds == ()
    assert await texts(sequencer) == {"p1": "look"}


@pytest.mark.parametrize("subject", ["id:q", "https://net.example/eve"])
async def test_a_hide_of_the_quoted_or_its_author_hides_what_quotes(sequencer: Stepped, subject: str) -> None:
    await settle(sequencer, Posted(post("p1", "look", quote=post("q", "the quoted", by="eve"))))
    await taken_down(sequencer, hide(subject))
    assert await texts(sequencer) == {}
    await settle(sequencer, approve(sequencer))
    assert await texts(sequencer) == {}, "what is embedded stays hidden, whatever is said of the card"


@pytest.mark.parametrize("subject", ["id:p1", "https://net.example/ada"])
async def test_what_is_deleted_is_never_logged_again(sequencer: Stepped, subject: str) -> None:
    await settle(sequencer, Posted(post()))
    await taken_down(sequencer, Deleted(subject))
    before = await events(sequencer)
    await settle(sequencer, Posted(post(text="back again", revision=7)))
    assert await events(sequencer) == before


async def test_trust_in_a_voice_holds_for_the_profile_that_was_approved(opened: Opened) -> None:
    sequencer = await opened(policy="first-time")
    await settle(sequencer, Posted(post()))
    await settle(sequencer, approve(sequencer))
    plain = post("p2")
    renamed = replace(plain.face.author, name="Somebody Famous")
    await settle(sequencer, Posted(replace(plain, face=replace(plain.face, author=renamed))))
    await settle(sequencer, Posted(post("p3")))
    assert [*await texts(sequencer)] == ["p1", "p3"]


async def test_an_approval_releases_no_edit_of_what_came_before_it(opened: Opened) -> None:
    sequencer = await opened(policy="first-time")
    await settle(sequencer, Posted(post()), Posted(post("p2")))
    await settle(sequencer, approve(sequencer))
    await settle(sequencer, Posted(post("p2", "edited", revision=1)))
    assert [*await texts(sequencer)] == ["p1"]


async def test_new_rules_are_asked_about_more_than_one_append_takes(opened: Opened) -> None:
    sequencer = await opened(policy="first-time")
    await settle(sequencer, *(Posted(post(f"p{n}", by=f"a{n}")) for n in range(2100)))
    assert len(sequencer.state.held) == 2100
    sequencer.judge_by(Rules("open", 0.0))
    await turns(sequencer)
    assert len(sequencer.board.line) == 2100


async def test_an_edit_of_an_approved_post_waits_again(opened: Opened) -> None:
    sequencer = await opened(policy="first-time")
    await settle(sequencer, Posted(post()))
    await settle(sequencer, person("id:p1", "show", hash_=current(sequencer).hash))
    assert await texts(sequencer) == {"p1": "hello"}
    await settle(sequencer, Posted(post(text="something ugly", revision=1)))
    assert await texts(sequencer) == {}


async def test_the_origins_copy_replaces_another_also_where_somebody_has_ruled(opened: Opened) -> None:
    sequencer = await opened(policy="first-time")
    await settle(sequencer, Posted(replace(post(), is_origin=False, via="relay.example")))
    await settle(sequencer, person("id:p1", "show", hash_=current(sequencer).hash))
    assert await texts(sequencer) == {"p1": "hello"}
    await settle(sequencer, Posted(replace(post(text="hello!"), source="other", is_origin=True)))
    assert await texts(sequencer) == {}  # other words than were approved
    await settle(sequencer, person("id:p1", "show", hash_=current(sequencer).hash))
    assert await texts(sequencer) == {"p1": "hello!"}


async def test_what_expires_is_published_as_a_takedown(opened: Opened) -> None:
    clock, told = ManualClock(), list[bool]()
    sequencer = await opened(clock=clock)
    await settle(sequencer, Posted(post(expires_at=1100.0)))
    sequencer.subscribe(told.append)
    clock.time = 1200.0
    await turns(sequencer)
    assert await texts(sequencer) == {}
    assert told == [True]


async def test_a_rules_word_says_which_rules_were_in_force(sequencer: Stepped) -> None:
    await settle(sequencer, Posted(post()))
    (ruled,) = [event for event in await events(sequencer) if isinstance(event, Ruled)]
    assert ruled.settings == Rules("open", 0.0).settings != ""


@pytest.mark.parametrize("policy", ["open", "first-time"])
async def test_what_is_stuffed_with_hashtags_is_left_to_a_person(opened: Opened, policy: str) -> None:
    sequencer = await opened(policy=policy)
    await settle(sequencer, Posted(post(labels=("tag-stuffed",))))
    (ruled,) = [event for event in await events(sequencer) if isinstance(event, Ruled)]
    assert (ruled.verdict, ruled.why) == ("hold", "carries more hashtags than anybody reads")
    assert await texts(sequencer) == {}


async def test_who_speaks_here_is_not_blocked_for_what_another_says_in_its_name(sequencer: Stepped) -> None:
    desk = Desk(sequencer)
    forged = post("p2", "a lie", is_origin=False, via="liar.example")
    told = post("p3", "of far", by="far", is_origin=False, via="relay.example")
    await settle(sequencer, Posted(post()), Posted(forged), Posted(told))
    with pytest.raises(LookupError, match=r"only liar\.example says"):
        await desk.rule("block", "id:p2", by="grace")
    blocking = asyncio.ensure_future(desk.rule("block", "id:p3", by="grace"))
    await asyncio.sleep(0)
    await turns(sequencer)
    assert (await blocking).message == "author blocked"
    assert {*await texts(sequencer)} == {"p1", "p2"}


async def test_a_permalink_that_several_claim_names_none_of_them(sequencer: Stepped) -> None:
    lie = post("p2", "a lie")
    lie = replace(lie, face=replace(lie.face, url="https://net.example/p1"))
    await settle(sequencer, Posted(post()), Posted(lie))
    with pytest.raises(LookupError, match="by its key: "):
        await Desk(sequencer).find("https://net.example/p1")
    assert (await Desk(sequencer).find("id:p1")).id == "id:p1"


async def test_what_another_claims_of_a_post_is_not_drawn_once_its_origin_says_otherwise(
    sequencer: Stepped,
) -> None:
    quoting = replace(post("q", "look", by="bob", quote=post(text="a lie")), is_hearsay=True)
    await settle(sequencer, Posted(quoting))
    (item,) = sequencer.since(0).put
    assert (await sequencer.load([item]))[item.key].face.quote
    await settle(sequencer, Posted(post(text="true")))
    items = sequencer.since(0).put
    assert [found.face.quote for found in (await sequencer.load(items)).values()] == [None, None]
    assert all(found and found.face.quote is None for found in map(sequencer.post, items))
