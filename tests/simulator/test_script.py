import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest

from backchannel.simulator.people import CAST
from backchannel.simulator.scenery import MOTIFS
from backchannel.simulator.script import BURST_S, DAY_S, HOUR_S, QUIET_S, TAG, write_script

SAID = write_script(1).said
BY_KEY = {said.key: said for said in SAID}


def test_the_same_seed_gives_the_same_script() -> None:
    assert write_script(7) == write_script(7)


def test_the_same_seed_gives_the_same_script_in_another_process() -> None:
    program = "from backchannel.simulator.script import write_script; print(repr(write_script(7)))"
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_another_seed_gives_another_script() -> None:
    assert write_script(7).said != write_script(8).said


def test_posts_of_all_three_kinds_stand_before_the_doors_open() -> None:
    kinds = Counter(said.kind for said in SAID if said.at_s < 0)
    assert min(kinds[kind] for kind in ("mastodon", "feed", "nostr")) >= 4


def test_the_keynote_begins_within_ten_minutes() -> None:
    assert BY_KEY["k-open"].at_s <= 600


def test_something_is_said_every_few_minutes_until_coffee() -> None:
    times = [said.at_s for said in SAID if 0 <= said.at_s <= 1.2 * HOUR_S]
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    assert gaps[len(gaps) * 9 // 10] < 180
    assert gaps[-1] < 600


def test_a_day_has_as_many_posts_as_a_real_one() -> None:
    for day in (0, 1, 2):
        on_day = [said for said in SAID if day * DAY_S <= said.at_s < (day + 1) * DAY_S]
        made = [said for said in on_day if said.key.startswith(("crowd", "spam"))]
        assert 20 <= len(on_day) - len(made) <= 240


def test_fifty_posts_come_within_ten_seconds() -> None:
    burst = [said for said in SAID if said.key.startswith("crowd")]
    assert all(BURST_S <= said.at_s < BURST_S + 10.2 for said in burst)
    assert len(burst) == 50
    assert len({said.kind for said in burst}) == 2


def test_at_lunch_nobody_writes_for_an_hour() -> None:
    assert not [said.key for said in SAID if QUIET_S[0] <= said.at_s < QUIET_S[1]]


def test_hundreds_of_posts_are_all_different() -> None:
    said = (said.versions[0].text.lower() for said in SAID if not said.key.endswith("-twin"))
    texts = Counter(text.replace(f"#{TAG}", "").strip() for text in said)
    assert len(texts) > 450
    assert not [text for text, count in texts.items() if count > 1]


def test_an_answer_comes_after_what_it_answers_on_the_same_network() -> None:
    answers = [said for said in SAID if said.answers]
    assert len(answers) > 150
    for said in answers:
        asked = BY_KEY[said.answers]
        assert said.at_s > asked.at_s
        assert said.kind == asked.kind


def test_most_answers_come_from_somebody_else() -> None:
    others = [said for said in SAID if said.answers and BY_KEY[said.answers].who != said.who]
    assert len(others) > 0.9 * sum(bool(said.answers) for said in SAID)


def test_most_questions_are_answered() -> None:
    asked = [said for said in SAID if said.versions[0].text.partition(" #")[0].rstrip().endswith("?")]
    answered = {said.answers for said in SAID}
    assert sum(said.key in answered for said in asked) > len(asked) / 2


def test_the_same_words_come_on_mastodon_and_nostr() -> None:
    twins = [said for said in SAID if said.key.endswith("-twin")]
    assert len(twins) >= 5
    for twin in twins:
        first = BY_KEY[twin.key.removesuffix("-twin")]
        assert (first.kind, twin.kind) == ("mastodon", "nostr")
        assert twin.versions[0].text == first.versions[0].text


def test_some_are_edited_and_one_edit_takes_the_hashtag_away() -> None:
    edited = [said for said in SAID if len(said.versions) > 1]
    assert len(edited) >= 6
    posts = [said for said in edited if said.kind != "feed"]
    untagged = [said.key for said in posts if TAG not in said.versions[-1].text.lower()]
    assert untagged == ["untag"]


def test_some_are_deleted_on_every_network() -> None:
    assert {said.kind for said in SAID if said.deleted_s} == {"mastodon", "feed", "nostr"}


def test_only_what_a_network_can_is_asked_of_it() -> None:
    """Nostr has no edits but of articles and no polls; only Atom can say that an entry is gone."""
    for said in SAID:
        if said.kind == "nostr":
            assert not said.poll
            assert said.title or len(said.versions) == 1
        if said.kind == "feed" and said.deleted_s:
            assert said.place.endswith(".atom")


def test_many_languages_are_spoken() -> None:
    assert {said.lang for said in SAID} >= {"en", "pl", "ja", "ar", "pt"}


def test_all_kinds_of_content_occur() -> None:
    assert any(said.poll for said in SAID)
    assert any(said.card for said in SAID)
    assert any(said.quotes for said in SAID)
    assert any(said.versions[0].warning for said in SAID)
    assert any(":applause:" in said.versions[0].text for said in SAID)
    pictures = [picture for said in SAID for picture in said.pictures]
    assert {picture.kind for picture in pictures} == {"slide", "chart", "photo"}
    assert any(picture.alt for picture in pictures)


def test_every_photograph_has_a_motif() -> None:
    assert {p.words for said in SAID for p in said.pictures if p.kind == "photo"} <= set(MOTIFS)


def test_one_voice_sends_the_same_offer_two_dozen_times() -> None:
    spam = [said for said in SAID if said.who == "wizard"]
    assert len(spam) == 24
    assert {said.kind for said in spam} == {"mastodon", "nostr"}


@pytest.mark.parametrize("kind", ["mastodon", "feed", "nostr"])
def test_a_network_can_be_asked_for_alone(kind: str) -> None:
    said = write_script(1, (kind,)).said
    assert {post.kind for post in said} == {kind}


def test_nobody_writes_who_is_not_in_the_cast() -> None:
    assert {said.who for said in SAID} <= set(CAST)
