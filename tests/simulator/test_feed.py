"""The four blogs, read with feedparser and by hand."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import feedparser
import pytest

from backchannel.simulator import ScriptedPost, Version

Opener = Callable[..., Awaitable[Any]]
FILES = ["blog.xml", "marginalia.atom", "readingroom.rdf"]


@pytest.mark.parametrize("file", FILES)
async def test_an_xml_feed_is_well_formed_and_says_what_was_written(
    simulate: Opener, held: Any, file: str
) -> None:
    reader = await simulate()
    held.go(60 * 3600)
    parsed = feedparser.parse(await reader.feed(file), response_headers={"content-type": "application/xml"})
    assert not parsed.bozo
    written = [said for said in reader.simulator.world.said(60 * 3600) if said.place == file]
    standing = [said for said in written if not said.deleted_s]
    assert [entry.title for entry in parsed.entries] == [said.title for said in reversed(standing)]
    assert all(entry.author and entry.link and entry.id for entry in parsed.entries)
    assert all("openideas26" in {tag.term for tag in entry.tags} for entry in parsed.entries)


async def test_the_json_feed_has_its_items(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(60 * 3600)
    feed = json.loads(await reader.feed("fieldnotes.json"))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["items"][-1]["title"].startswith("What I am taking")
    assert {"Gwen Achterberg"} == {author["name"] for item in feed["items"] for author in item["authors"]}


async def test_an_unchanged_feed_is_not_sent_again(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    url = reader.simulator.bases[0] + "/feeds/blog.xml"
    async with reader.session.get(url) as answer:
        etag, modified = answer.headers["ETag"], answer.headers["Last-Modified"]
    for headers in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
        async with reader.session.get(url, headers=headers) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
    held.go(30 * 3600)
    for headers in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
        async with reader.session.get(url, headers=headers) as answer:
            assert answer.status == 200


async def test_an_edited_entry_keeps_its_id_and_has_new_words(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    said = next(said for said in reader.simulator.world.said(1e9) if said.key == "theo-keynote")
    entries = []
    for at_s in (said.at_s + 1, said.versions[1].at_s + 1):
        held.go(at_s)
        parsed = feedparser.parse(await reader.feed("marginalia.atom"))
        entries.append(next(entry for entry in parsed.entries if entry.title == said.title))
    before, after = entries
    assert before.id == after.id
    assert before.updated < after.updated
    assert "Corrected" in after.content[0].value
    assert "Corrected" not in before.content[0].value


async def test_atom_leaves_a_tombstone_for_what_was_taken_back(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    said = next(said for said in reader.simulator.world.said(1e9) if said.key == "theo-walk")
    assert said.deleted_s is not None
    held.go(said.deleted_s + 1)
    text = await reader.feed("marginalia.atom")
    ref = reader.simulator.world.ids["theo-walk"].partition("#")[2]
    assert f'<at:deleted-entry ref="{ref}"' in text
    assert said.title not in text


async def test_a_picture_of_an_entry_is_served(simulate: Opener, held: Any) -> None:
    reader = await simulate()
    held.go(24 * 3600)
    parsed = feedparser.parse(await reader.feed("marginalia.atom"))
    content = next(e.content[0].value for e in parsed.entries if "<img" in e.content[0].value)
    url = content.partition('src="')[2].partition('"')[0]
    async with reader.session.get(url) as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")


async def test_a_new_entry_is_in_the_feed_at_once(simulate: Opener) -> None:
    reader = await simulate()
    article = ScriptedPost(
        "new", "feed", "marta", (Version(-1.0, "Fresh & <bold>"),), "blog.xml", title="News <1>"
    )
    reader.simulator.say(article)
    parsed = feedparser.parse(await reader.feed("blog.xml"))
    assert parsed.entries[0].title == "News <1>"
    assert "&lt;bold&gt;" in parsed.entries[0].content[0].value
