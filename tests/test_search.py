"""The index follows the board, may be thrown away, and finds what a reader would look for."""

from collections.abc import Sequence
from pathlib import Path

from backchannel.board import Item
from backchannel.log import LogUnavailable
from backchannel.model import Deleted, Post, Posted
from backchannel.search import Search, try_follow
from tests.kit.posts import hide, post, steps
from tests.kit.sequencers import Opened, Stepped, settle, taken_down


async def test_an_index_that_followed_equals_a_new_one(sequencer: Stepped, tmp_path: Path) -> None:
    old = Search(tmp_path / "search.db", sequencer.epoch)
    for step in steps(4, 60):
        if isinstance(step, Deleted):
            await taken_down(sequencer, step)
        else:
            await settle(sequencer, step)
        await old.follow(sequencer.board, sequencer.load)
    new = Search(tmp_path / "new.db", sequencer.epoch)
    await new.follow(sequencer.board, sequencer.load)
    for words in ("post", "take 1", "p", "A3", 'quo"te', "post 17", "* OR (", "\0"):
        assert await new.find(words, 999) == await old.find(words, 999)
    assert len(await new.find("post", 999)) == len(sequencer.board.line) + len(sequencer.board.folds) > 30
    for search in (old, new):
        await search.close()


async def test_it_catches_up_with_more_changes_than_the_board_lists(
    sequencer: Stepped, tmp_path: Path
) -> None:
    search = Search(tmp_path / "search.db", sequencer.epoch)
    await settle(sequencer, Posted(post("first", "sesame")), Posted(post("second", "sesame")))
    await search.follow(sequencer.board, sequencer.load)
    await taken_down(sequencer, hide("id:first"))
    await settle(sequencer, *(Posted(post(f"p{n}", "sesame", by=f"a{n}")) for n in range(400)))
    await search.follow(sequencer.board, sequencer.load)
    found = await search.find("sesame", 999)
    assert len(found) == 401
    assert sequencer.state.posts.by_id["id:first"].key not in found
    await search.close()
    again = Search(tmp_path / "search.db", sequencer.epoch)
    assert await again.find("sesame", 999) == found
    await again.close()


async def test_another_epoch_or_a_damaged_file_begin_anew(sequencer: Stepped, tmp_path: Path) -> None:
    await settle(sequencer, Posted(post(text="sesame")))
    search = Search(tmp_path / "search.db", "another epoch")
    await search.follow(sequencer.board, sequencer.load)
    await search.close()
    (tmp_path / "broken.db").write_bytes(b"these are no tables " * 500)
    for name in ("search.db", "broken.db"):
        search = Search(tmp_path / name, sequencer.epoch)
        assert search.seq == 0
        await search.follow(sequencer.board, sequencer.load)
        assert await search.find("sesame", 9) == [1]
        await search.close()


async def test_an_index_ahead_of_an_older_log_that_was_put_back_begins_anew(
    opened: Opened, tmp_path: Path
) -> None:
    sequencer = await opened()
    search = Search(tmp_path / "search.db", sequencer.epoch)
    await settle(sequencer, Posted(post("p1", "sesame")), Posted(post("p2", "sesame")))
    await search.follow(sequencer.board, sequencer.load)
    (tmp_path / "old").mkdir()
    older = await opened(tmp_path / "old")
    await settle(older, Posted(post("other", "barley")))
    await search.follow(older.board, older.load)
    assert (await search.find("sesame", 9), await search.find("barley", 9)) == ([], [1])
    for one in (sequencer, older, search):
        await one.close()


async def test_a_log_that_cannot_be_read_for_a_moment_ends_nothing(
    sequencer: Stepped, tmp_path: Path
) -> None:
    await settle(sequencer, Posted(post(text="sesame")))
    search = Search(tmp_path / "search.db", sequencer.epoch)

    async def fails(items: Sequence[Item]) -> dict[int, Post]:
        raise LogUnavailable("disk I/O error")

    assert not await try_follow(search, sequencer.board, fails)
    assert await try_follow(search, sequencer.board, sequencer.load)
    assert await search.find("sesame", 9) == [1]
    await search.close()


async def test_the_last_word_may_be_the_beginning_of_one_where_nothing_else_is_found(
    sequencer: Stepped, tmp_path: Path
) -> None:
    words = ("moderation", "mod squad", "nothing of it")
    await settle(sequencer, *(Posted(post(f"p{n}", text, by=f"a{n}")) for n, text in enumerate(words)))
    search = Search(tmp_path / "search.db", sequencer.epoch)
    await search.follow(sequencer.board, sequencer.load)
    assert await search.find("mod", 9) == [2]
    assert await search.find("modera", 9) == [1]
    assert await search.find("of not", 9) == [3]
    assert await search.find("", 9) == []
    await search.close()


async def test_it_is_read_page_by_page_with_the_newest_first(sequencer: Stepped, tmp_path: Path) -> None:
    await settle(sequencer, *(Posted(post(f"p{n}", "sesame", by=f"a{n}")) for n in range(7)))
    search = Search(tmp_path / "search.db", sequencer.epoch)
    await search.follow(sequencer.board, sequencer.load)
    assert await search.find("sesame", 3) == [7, 6, 5]
    assert await search.find("sesame", 3, before=5) == [4, 3, 2]
    await search.close()


async def test_author_and_quoted_words_are_found(sequencer: Stepped, tmp_path: Path) -> None:
    await settle(sequencer, Posted(post("p1", "look", by="grace", quote=post("q", "sesame", by="eve"))))
    search = Search(tmp_path / "search.db", sequencer.epoch)
    await search.follow(sequencer.board, sequencer.load)
    for words in ("grace", "sesame", "eve", "look sesame"):
        assert await search.find(words, 9) == [1], words
    await search.close()
