"""Marks are bounded whatever stands between them, honest writing is left alone, blank is known as blank."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel.text import MarkLimiter, bound_marks, cut, draws_nothing

INVISIBLE = (
    "\u200b\u200c\u200d\u2060\u2061\u2064\u00ad\u034f\ufe0f\ufe00\U000e0100\U000e0041\U000e007f\u061c\u200e\u200f"
    "\u202a\u202e\u2066\u2069\u115f\u1160\u3164\uffa0\u17b4\u17b5\u180b\u180e\u206a\ufeff\ufff9\U0001d173"
)
MARKS = "\u0301\u0316\u0489\u20dd\u20e3\u0e47\u0f90\u0363\u1dc0\u064b\u05b0\u093c\u0951\U0001d167"

HONEST = [
    "בְּרֵאשִׁ֖ית בָּרָ֣א אֱלֹהִ֑ים אֵ֥ת הַשָּׁמַ֖יִם וְאֵ֥ת הָאָֽרֶץ׃",
    "שָּׁ֑",
    "بِسْمِ ٱللَّهِ ٱلرَّحْمَٰنِ ٱلرَّحِيمِ",
    "ٱلْعَٰلَمِينَّ",
    "ที่นี่มีน้ำ ไม่ใช่หรือ ป้ำ ๆ ฎีกุ๊",
    "र्त्स्न्य कार्त्स्न्य क्ष्म्य ज़ुँ॒ हाााााा",
    "ক্ষ্ম্য আঁ কৌ",
    "കൊണ്ടുവരൂ ന്‍റെ ക്ഷ്മ",
    "தமிழ் கௌ",
    "བསྒྲུབས་ རྒྱུད་ ཧཱུྃ་ ཨོཾ་",
    "ខ្ញុំស្រ្តី កម្ពុជា",
    "ᬅᬓ᭄ᬱᬭ ᬩᬮᬶ",
    "မြန်မာ ကျွန်ုပ် ဣန္ဒြိယ",
    "Tiếng Việt rất khó".encode().decode(),
    unicodedata.normalize("NFD", "Tiếng Việt ở đây, ẹ̀kọ́ Yorùbá, Ǻ ṩ ǭ"),
    "ẹ̀kọ́ ọ̀rọ̀ n̄ m̀ gb̀",
    "[ˈt͡ʃʰɔ̃ˑə̯̆] d̪̃ʱ ɾ̝̊",
    unicodedata.normalize("NFD", "한국어 각각 값"),
    "ᄒᆞᆫ글",
    "👩‍👩‍👧‍👦 👩🏽‍❤️‍💋‍👨🏻 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🇸🇨 1️⃣ #️⃣ 🏳️‍🌈 👨🏿‍🦰 ❤️‍🔥",
    "می‌خواهم کتاب‌ها ه‍",
    "ශ්‍රී ලංකාව ක්‍ෂ්‍ය",
    "日本語が゛ ｶﾞ 葛󠄀",
    "x̄ ± σ̂, ∀⃗ 1⃝",
    "tones: 🏻🏼🏽🏾🏿",
]


def marks_on_a_sign(text: str) -> int:
    """The most marks that one sign carries, counted by the Unicode database alone."""
    most = run = 0
    for char in text:
        category = unicodedata.category(char)
        if char in INVISIBLE or category == "Cf":
            continue
        run = run + 1 if category in ("Mn", "Me") else 0
        most = max(most, run)
    return most


@pytest.mark.parametrize("text", HONEST)
def test_honest_writing_is_drawn_as_it_was_written(text: str) -> None:
    assert bound_marks(text) == text


@given(st.text(alphabet="a\u0301\u0300\u0489é"))
def test_no_base_is_drawn_with_more_than_three_marks(text: str) -> None:
    assert marks_on_a_sign(bound_marks(text)) <= 3


@pytest.mark.parametrize("between", INVISIBLE, ids=lambda char: f"U+{ord(char):04X}")
def test_what_draws_nothing_begins_no_new_run_of_marks(between: str) -> None:
    heap = "a" + f"\u0301\u0316\u0489{between}" * 200
    assert marks_on_a_sign(bound_marks(heap)) == 3
    assert len(bound_marks(heap)) <= 1 + 3 + 16


@given(st.text(alphabet=f"ae {INVISIBLE}{MARKS}", max_size=200))
def test_no_sign_carries_more_than_three_marks_whatever_stands_between(text: str) -> None:
    assert marks_on_a_sign(bound_marks(text)) <= 3


@given(st.lists(st.text(alphabet=f"a{INVISIBLE}{MARKS}", max_size=12), max_size=12))
def test_a_run_of_marks_goes_on_over_the_ends_of_elements(pieces: list[str]) -> None:
    bound = MarkLimiter()
    assert "".join(bound.take(piece) for piece in pieces) == bound_marks("".join(pieces))


@given(st.text())
def test_what_is_bound_once_is_bound(text: str) -> None:
    assert bound_marks(bound_marks(text)) == bound_marks(text)


@given(st.text())
def test_bounding_leaves_signs_alone(text: str) -> None:
    def signs(value: str) -> str:
        return "".join(
            char
            for char in value
            if unicodedata.category(char)[0] in "NPZ" or unicodedata.category(char) == "Lu"
        )

    assert signs(bound_marks(text)) == signs(text)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("क" + "ा" * 500, 9),
        ("क्" * 500, 1004),
        ("👩\u200d" * 500, 1004),
        ("ก" + "ำ" * 500, 9),
        ("ก" + "็" * 500, 4),
        ("\u1100" * 500, 6),
        ("가" + "\u1161" * 500, 7),
        ("👍" + "🏽" * 500, 6),
        ("\u06dd" * 500, 8),
        ("༄" + "\u0f90" * 500, 4),
        ("a" + "\u3164" * 500, 17),
    ],
)
def test_no_unbreakable_piece_grows_without_end(text: str, most: int) -> None:
    assert len(bound_marks(text)) <= most


@pytest.mark.parametrize("join", ["्", "\u17d2", "\u1a60", "\u1039", "\u1b44", "\u200d", "\u200d\ufe0f"])
def test_at_most_five_signs_are_joined_into_one(join: str) -> None:
    drawn = bound_marks(f"क{join}" * 100)
    assert f"क{join}" * 4 in drawn
    assert f"क{join}" * 5 not in drawn
    assert drawn.count("क") == 100


BLANK = [
    "", " ", "\n\t ", "\u00a0\u2003\u3000", "\u2800", "\u2800" * 40, "\u3164", "\uffa0", "\u115f\u1160",
    "\u200b", "\u200d\u200c", "\u2060\ufeff", "\u00ad", "\u034f", "\ufe0f", "\U000e0041\U000e007f",
    "\u202e\u2066\u2069", "\u0301", " \u0301\u0302", "\u20dd", "\u2028", "\u180e", "\u17b4\u17b5", "\ufffc",
    "\U0001d159", "\u1680", "\u061c", "\u3164 \u2800\u200b",
]  # fmt: skip


@pytest.mark.parametrize("text", BLANK, ids=ascii)
def test_blank_is_what_nobody_can_read(text: str) -> None:
    assert draws_nothing(text)


@pytest.mark.parametrize(
    "text", [*HONEST, "a", ".", "…", "?", "0", "🙂", "ﷺ", "\u2801", "ᄒᆞᆫ", "\ufffd", "\u3164x"], ids=ascii
)
def test_whatever_can_be_read_is_not_blank(text: str) -> None:
    assert not draws_nothing(text)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("ab cd", 4, "ab…"),
        ("abe\u0301\u0301z", 5, "ab…"),
        ("ab👩\u200d👩x", 5, "ab…"),
        ("abक्कx", 5, "ab…"),
        ("", 3, ""),
    ],
)
def test_a_cut_parts_no_sign_from_its_marks(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


@given(st.text(), st.integers(2, 30))
def test_a_cut_text_is_within_its_limit_and_says_that_there_was_more(text: str, limit: int) -> None:
    shown = cut(text, limit)
    assert len(shown) <= limit
    assert shown == text or shown.endswith("…")
