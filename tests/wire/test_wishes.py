"""Words by which people stay out."""

import pytest

from backchannel.model import REFUSALS
from backchannel.wire.wishes import WISHES, wishes_in_hashtags, wishes_in_words


@pytest.mark.parametrize(
    ("about", "found"),
    [
        ("I say #NoBot, please. #noindex #nobot", ["nobot", "noindex"]),
        ("#nobots", ["nobot"]), ("＃nowall", ["nowall"]), ("#ｎｏｂｏｔ", ["nobot"]), ("x#nobot", ["nobot"]),
        ("#nobottom", []), ("#nobot_x", []), ("nobot", []), ("no #bot", []), ("", []),
    ],
)  # fmt: skip
def test_a_wish_is_found_however_it_is_written(about: str, found: list[str]) -> None:
    assert wishes_in_words(about) == found


def test_a_posts_own_hashtags_are_a_wish_too() -> None:
    assert wishes_in_hashtags(("conf", "nowall", "nobot")) == ["nobot", "nowall"]


def test_every_wish_keeps_a_post_out() -> None:
    assert set(WISHES) <= REFUSALS
