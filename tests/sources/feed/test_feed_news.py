"""Which entry is which, and what of a reading is news. Pure: documents in, events out."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backchannel.bugs import Bugs
from backchannel.model import Deleted, Event, Posted
from backchannel.sources.feed.cursor import (
    MAX_ROWS,
    Memory,
    conditions,
    load_memory,
    max_age_s,
    pause_s,
    save_memory,
    with_rest,
)
from backchannel.sources.feed.identity import canonical
from backchannel.sources.feed.post import Origin
from backchannel.sources.feed.read import FIRST_UNDATED, Window, read_news
from backchannel.sources.feed.wire import Head, Text, Tombstone, WireDocument, WireEntry
from backchannel.text import plain_text

URL = "https://feeds.example/feed"
ORIGIN = Origin("blogs", "Blog", URL, URL)
NOW = 10_000.0


def entry(
    id: str = "",
    title: str = "title",
    *,
    link: str = "",
    at: float | None = 9_000.0,
    updated: float | None = None,
    tags: tuple[str, ...] = (),
) -> WireEntry:
    return WireEntry(id=id, link=link, title=Text(title), published=at, updated=updated, tags=tags)


class RereadFeed:
    """A feed that is read again and again, through a cursor as the log keeps it."""

    def __init__(self, *, since: float = 5_000.0) -> None:
        self.since = since
        self.cursor: str | None = None

    def read(
        self, *entries: WireEntry, now: float = NOW, stones: tuple[Tombstone, ...] = (), home: str = ""
    ) -> Sequence[Event]:
        memory = load_memory(self.cursor, "scope")
        window = Window(self.since, now, is_first=self.cursor is None)
        events, memory = read_news(
            WireDocument(Head(link=home), entries, stones), memory, ORIGIN, window, Bugs()
        )
        self.cursor = save_memory(memory)
        return events

    def ids(self, *entries: WireEntry, now: float = NOW) -> list[str]:
        return [said.removeprefix(f"feed:{URL}#") for said in _ids(self.read(*entries, now=now))]


def _ids(events: Sequence[Event]) -> list[str]:
    return [event.post.id for event in events if isinstance(event, Posted)]


# Ids


def test_an_entry_is_known_by_its_guid() -> None:
    assert RereadFeed().ids(entry("a", link="https://x.example/1")) == ["a"]


def test_an_entry_without_a_guid_is_known_by_its_link() -> None:
    assert RereadFeed().ids(entry(link="https://x.example/1")) == ["https://x.example/1"]


def test_an_entry_without_guid_and_link_is_known_by_title_and_date() -> None:
    feed = RereadFeed()
    (first,) = feed.ids(entry(title="one"))
    assert feed.ids(entry(title="one"), entry(title="two"))[0] != first
    assert RereadFeed().ids(entry(title="one", at=9_500.0)) != [first]


def test_entries_of_nothing_but_text_are_told_apart() -> None:
    texts = [WireEntry(summary=Text(text), published=None) for text in ("one", "two")]
    assert len(set(RereadFeed().ids(*texts))) == 2


def test_an_absurdly_long_id_is_bounded() -> None:
    (said,) = RereadFeed().ids(entry("x" * 5_000))
    assert len(said) < 100


def test_the_same_guid_on_every_entry_tells_nothing() -> None:
    feed = RereadFeed()
    said = feed.ids(entry("same", link="https://x.example/1"), entry("same", link="https://x.example/2"))
    assert sorted(said) == ["same https://x.example/1", "same https://x.example/2"]


def test_a_feed_that_repeated_its_guids_once_is_never_trusted_again() -> None:
    feed = RereadFeed()
    feed.ids(entry("same", link="https://x.example/1"), entry("same", link="https://x.example/2"))
    assert feed.ids(entry("same", link="https://x.example/2")) == []
    assert feed.ids(entry("same", link="https://x.example/3")) == ["same https://x.example/3"]


def test_repeated_guids_without_links_are_told_apart_by_title_and_date() -> None:
    assert len(RereadFeed().ids(entry("same", "one"), entry("same", "two"))) == 2


def test_an_id_once_given_stays_when_the_guids_begin_to_repeat() -> None:
    feed = RereadFeed()
    assert feed.ids(entry("a", link="https://x.example/1")) == ["a"]
    edited = entry("a", "edited", link="https://x.example/1")
    assert sorted(feed.ids(edited, entry("a", link="https://x.example/2"))) == ["a", "a https://x.example/2"]


def test_the_same_entry_twice_in_a_list_is_one_entry() -> None:
    twice = entry("a", "old", link="https://x.example/1", updated=9_000.0)
    newer = entry("a", "new", link="https://x.example/1", updated=9_100.0)
    (event,) = RereadFeed().read(twice, newer)
    assert isinstance(event, Posted)
    assert plain_text(event.post.face.body) == "new"


@pytest.mark.parametrize(
    "spelling",
    [
        "http://x.example/post",
        "https://x.example/post/",
        "https://x.example/post?utm_source=rss&utm_medium=feed",
        "https://x.example:443/post",
        "HTTPS://X.example/post#",
    ],
)
def test_another_spelling_of_an_address_is_no_new_entry(spelling: str) -> None:
    feed = RereadFeed()
    feed.ids(entry("https://x.example/post"))
    assert feed.ids(entry(spelling)) == []


@pytest.mark.parametrize("spelling", ["http://x.example/post", "https://x.example/post?utm_source=rss"])
def test_an_edit_under_another_spelling_keeps_the_id(spelling: str) -> None:
    feed = RereadFeed()
    feed.ids(entry("https://x.example/post"))
    assert feed.ids(entry(spelling, "edited")) == ["https://x.example/post"]


def test_addresses_that_differ_in_what_counts_are_two() -> None:
    addresses = [
        "https://x.example/?p=1",
        "https://x.example/?p=2",
        "https://x.example/#c1",
        "https://y.example/",
    ]
    assert len({canonical(address) for address in addresses}) == 4


def test_a_new_guid_for_the_same_link_and_time_is_no_new_entry() -> None:
    feed = RereadFeed()
    feed.ids(entry("old-1", link="https://x.example/1"))
    assert feed.ids(entry("new-1", link="http://x.example/1")) == []


def test_a_link_that_all_entries_share_tells_nothing() -> None:
    feed = RereadFeed()
    assert len(feed.ids(entry("a", link="https://x.example/"), entry("b", link="https://x.example/"))) == 2
    assert feed.ids(entry("c", link="https://x.example/"), entry("a", link="https://x.example/")) == ["c"]


def test_the_feeds_own_page_as_a_link_tells_nothing() -> None:
    feed = RereadFeed()
    assert len(feed.read(entry("v1", link="https://x.example"), home="https://x.example/")) == 1
    assert len(feed.read(entry("v2", link="https://x.example"), home="https://x.example/")) == 1


# News


def test_a_second_reading_of_the_same_list_says_nothing() -> None:
    feed = RereadFeed()
    feed.ids(entry("a"), entry("b", at=None))
    assert feed.ids(entry("a"), entry("b", at=None)) == []


def test_entries_come_oldest_first() -> None:
    assert RereadFeed().ids(entry("c", at=9_003.0), entry("a", at=9_001.0), entry("b", at=9_002.0)) == [
        "a",
        "b",
        "c",
    ]


def test_entries_of_one_time_come_in_the_reverse_of_the_list() -> None:
    assert RereadFeed().ids(entry("newest"), entry("older"), entry("oldest")) == ["oldest", "older", "newest"]


def test_an_edit_is_the_same_id_with_a_newer_revision() -> None:
    feed = RereadFeed()
    feed.read(entry("a", updated=9_100.0))
    (event,) = feed.read(entry("a", "edited", updated=9_200.0))
    assert isinstance(event, Posted)
    assert (event.post.id, event.post.revision) == (f"feed:{URL}#a", 9_200_000)


def test_an_edit_without_a_date_of_change_has_revision_zero() -> None:
    feed = RereadFeed()
    feed.read(entry("a"))
    (event,) = feed.read(entry("a", "edited"))
    assert isinstance(event, Posted)
    assert event.post.revision == 0


def test_an_edit_back_is_said_again() -> None:
    feed = RereadFeed()
    said = [len(feed.read(entry("a", words))) for words in ("one", "two", "one", "one")]
    assert said == [1, 1, 1, 0]


def test_a_date_of_change_without_a_change_is_not_said() -> None:
    feed = RereadFeed()
    feed.read(entry("a", updated=9_100.0))
    assert feed.read(entry("a", updated=9_900.0)) == ()


def test_an_entry_that_fell_off_the_list_is_neither_deleted_nor_new_when_it_returns() -> None:
    feed = RereadFeed()
    feed.read(entry("a"))
    assert feed.read(entry("b")) != ()
    assert feed.read(entry("a"), entry("b")) == ()


def test_a_tombstone_deletes() -> None:
    assert RereadFeed().read(stones=(Tombstone("a", NOW),)) == (Deleted(f"feed:{URL}#a"),)


def test_a_tombstone_outweighs_an_older_copy_in_the_same_list() -> None:
    events = RereadFeed().read(entry("a", updated=9_000.0), stones=(Tombstone("a", 9_500.0),))
    assert events == (Deleted(f"feed:{URL}#a"),)


def test_a_copy_that_was_changed_after_its_tombstone_lives() -> None:
    assert _ids(RereadFeed().read(entry("a", updated=9_800.0), stones=(Tombstone("a", 9_500.0),))) == [
        f"feed:{URL}#a"
    ]


# Time


def test_what_was_written_before_the_window_is_left_alone() -> None:
    assert RereadFeed(since=5_000.0).ids(entry("old", at=4_999.0), entry("new", at=5_000.0)) == ["new"]


def test_a_first_reading_takes_few_entries_without_a_date() -> None:
    undated = [entry(f"{n}", at=None) for n in range(20)]
    assert RereadFeed().ids(*undated) == [f"{n}" for n in reversed(range(FIRST_UNDATED))]


def test_what_a_first_reading_left_alone_stays_so() -> None:
    feed = RereadFeed()
    undated = [entry(f"{n}", at=None) for n in range(20)]
    feed.read(*undated)
    edited = [entry(f"{n}", "edited", at=None) for n in range(FIRST_UNDATED, 20)]
    assert feed.ids(*edited) == []


def test_an_entry_without_a_date_that_appears_later_is_new() -> None:
    feed = RereadFeed()
    feed.read(*[entry(f"{n}", at=None) for n in range(20)])
    assert feed.ids(entry("x", at=None), entry("0", at=None), now=NOW + 60) == ["x"]


def test_an_entry_without_a_date_keeps_the_time_of_first_sight() -> None:
    feed = RereadFeed()
    feed.read(entry("a", at=None), now=NOW)
    (event,) = feed.read(entry("a", "edited", at=None), now=NOW + 500)
    assert isinstance(event, Posted)
    assert event.post.created_at == NOW


def test_an_entry_dated_ahead_comes_when_its_time_has_come() -> None:
    feed = RereadFeed()
    ahead = entry("a", at=NOW + 7_200)
    assert feed.read(ahead) == ()
    memory = load_memory(feed.cursor, "scope")
    assert conditions(replace(memory, etag='"x"'), NOW + 60) == {"If-None-Match": '"x"'}
    assert conditions(replace(memory, etag='"x"'), NOW + 7_200) == {}
    assert feed.ids(ahead, now=NOW + 7_200) == ["a"]


def test_a_claimed_time_a_little_ahead_is_kept_as_claimed() -> None:
    (event,) = RereadFeed().read(entry("a", at=NOW + 600))
    assert isinstance(event, Posted)
    assert event.post.created_at == NOW + 600


# What is wanted


def test_an_entry_that_says_nothing_is_no_post() -> None:
    assert RereadFeed().read(WireEntry(id="a", published=9_000.0, tags=("conf",))) == ()


# The cursor


def test_other_hashtags_in_the_settings_read_everything_anew_with_the_same_ids_and_times() -> None:
    feed = RereadFeed()
    feed.read(entry("a", at=None))
    memory = load_memory(feed.cursor, "another scope")
    events, _ = read_news(
        WireDocument(Head(), (entry("a", at=None),)), memory, ORIGIN, Window(0.0, NOW + 900, False), Bugs()
    )
    (event,) = events
    assert isinstance(event, Posted)
    assert (event.post.id, event.post.created_at) == (f"feed:{URL}#a", NOW)


def test_a_cursor_holds_no_word_of_an_entry() -> None:
    feed = RereadFeed()
    feed.read(entry("canary-id", "canary title", link="https://canary.example/"))
    assert feed.cursor is not None
    assert "canary" not in feed.cursor


def test_a_cursor_is_bounded() -> None:
    feed = RereadFeed()
    for part in range(4):
        feed.read(*[entry(f"{part}-{n}") for n in range(400)])
    assert len(load_memory(feed.cursor, "scope").rows) == MAX_ROWS
    assert len(feed.cursor or "") < 80 * MAX_ROWS


@given(st.text() | st.sampled_from(['{"rows":7}', "[]", '{"by":"colour"}', "null"]))
def test_a_cursor_nobody_can_read_is_a_first_reading(cursor: str) -> None:
    assert load_memory(cursor, "s").rows == ()


# Pauses


@pytest.mark.parametrize(
    ("said", "age", "wanted"),
    [
        ("max-age=600", "", 600.0),
        ("public, Max-Age=600", "100", 500.0),
        ("max-age=60", "100", 0.0),
        ("no-cache, max-age=600", "", 0.0),
        ("s-maxage=600", "", 0.0),
        ("max-age=soon", "", 0.0),
        ("", "", 0.0),
    ],
)
def test_max_age_is_how_long_an_answer_stays_fresh(said: str, age: str, wanted: float) -> None:
    assert max_age_s({"Cache-Control": said, "Age": age}) == wanted


def test_the_longest_wish_counts_up_to_the_cap() -> None:
    memory = with_rest(Memory(), Head(rest_s=300.0))
    assert pause_s(memory, {"Cache-Control": "max-age=200"}, 0.0, 900.0) == 300.0
    assert pause_s(memory, {"Cache-Control": "max-age=86400"}, 0.0, 900.0) == 900.0


def test_a_skipped_hour_is_left_at_its_end() -> None:
    memory = with_rest(Memory(), Head(skip_hours=(2,)))
    assert pause_s(memory, {}, 2 * 3600 + 600.0, 900.0) == 3_000.0
    assert pause_s(memory, {}, 3 * 3600.0, 900.0) == 0.0


def test_a_skipped_day_is_skipped_an_hour_at_a_time() -> None:
    thursday = 0.0  # 1970-01-01
    assert pause_s(with_rest(Memory(), Head(skip_days=(3,))), {}, thursday, 900.0) == 3_600.0


class StumblingOrigin(Origin):
    """Stands for a mistake of ours that one entry sets off."""

    def post_id(self, ref: str) -> str:
        if ref == "bad":
            raise IndexError(ref)
        return super().post_id(ref)


def test_an_entry_that_finds_a_mistake_of_ours_costs_itself_alone() -> None:
    bugs = Bugs()
    document = WireDocument(Head(), (entry("a"), entry("bad"), entry("b")))
    window = Window(0.0, NOW, is_first=True)
    events, _ = read_news(document, load_memory(None, "scope"), StumblingOrigin(*ORIGIN), window, bugs)
    assert {said.removeprefix(f"feed:{URL}#") for said in _ids(events)} == {"a", "b"}
    assert (bugs.count, bugs.latest.startswith(f"an entry of {URL}: IndexError at")) == (1, True)
