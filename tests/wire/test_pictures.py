"""How the pictures of a post get their numbers."""

from backchannel.model import Emoji
from backchannel.wire.pictures import PictureIndex

A, B = "https://a.example/a.png", "https://a.example/b.png"


def test_pictures_are_numbered_in_the_order_of_their_first_use() -> None:
    pictures = PictureIndex("https://a.example/")
    assert [pictures.add(url) for url in (A, "/b.png", A, "", None, "ftp://a.example/c.png")] == [
        0, 1, 0, None, None, None,
    ]  # fmt: skip
    assert pictures.all() == (A, B)


def test_emoji_that_are_used_come_last_and_by_name_whoever_names_them_first() -> None:
    pictures = PictureIndex()
    pictures.know([("wave", B), ("a:b", A), ("", A), ("none", "javascript:1"), ("unused", A)])
    pictures.know([("wave", A), ("cat", A)])
    assert pictures.names == {"wave", "ab", "unused", "cat"}
    assert pictures.used([":wave: and :cat:", "it is 10:30:45"]) == (Emoji("cat", 0), Emoji("wave", 1))
    assert pictures.all() == (A, B)
