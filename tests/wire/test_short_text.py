"""Names, titles and the like, and where a title stands."""

import pytest

from backchannel.model import Body, Node
from backchannel.wire.short_text import line, passage, repeats, titled


def test_a_name_is_one_line_and_bounded_between_signs() -> None:
    assert line(" Ada\r\n\x00 Love\tlace ", 200) == "Ada Love lace"
    assert line("é" * 5, 3) == "éé…"
    assert line("abe\u0301f", 4) == "ab…"
    assert line(None, 9) == ""


def test_a_passage_keeps_its_lines() -> None:
    assert passage(" a\r\nb\x07 \n") == "a\nb"
    assert (passage("abcdef", 3), passage(None)) == ("ab…", "")


@pytest.mark.parametrize(
    ("title", "body", "is_same"),
    [
        ("Hello", ("Hello wall",), True), ("Hello  wall…", ("Hello\nwall, and more",), True),
        ("Hello wall.", (Node("paragraph", ("Hello ", Node("em", ("wall",)))),), True), ("", ("x",), True),
        ("Hello", ("Well, hello",), False), ("Hello", (), False),
    ],
)  # fmt: skip
def test_a_title_that_the_text_begins_with_is_told_from_others(title: str, body: Body, is_same: bool) -> None:
    assert repeats(title, body) is is_same


def test_a_title_is_a_paragraph_of_its_own() -> None:
    assert titled("T", ("x",)) == (Node("paragraph", (Node("strong", ("T",)),)), "x")
