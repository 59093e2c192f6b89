import pytest

from backchannel.simulator.screenplay import Mark, PlayError, load_play, parse_play

SCENE = "== opening | 1:30 | 60\n"


def test_a_line_is_somebody_and_their_words() -> None:
    _, lines = parse_play(SCENE + "mira: Good morning!")
    assert (lines[0].who, lines[0].words, lines[0].answers) == ("mira", "Good morning!", None)


def test_a_scene_has_a_time_and_a_pace() -> None:
    scenes, _ = parse_play("== eve | -20:30 | 90\n")
    assert (scenes[0].start_s, scenes[0].every_s) == (-73800.0, 90.0)


def test_a_deeper_line_answers_the_line_above_that_stands_less_deep() -> None:
    _, lines = parse_play(SCENE + "mira: A?\n  bas: B\n    noor: C\n  elif: D\nmira: E\n")
    assert [line.answers for line in lines] == [None, 0, 1, 0, None]


def test_braces_belong_to_the_line_above() -> None:
    _, lines = parse_play(SCENE + "mira: Look\n  {slide: Two; words; alt: A slide: two words; delete 9m}\n")
    marks = lines[0].marks
    assert marks["slide"] == Mark("Two; words")
    assert marks["alt"] == Mark("A slide: two words")
    assert marks["delete"] == Mark("", 9)


def test_an_article_has_its_marks_first_and_its_words_below() -> None:
    _, lines = parse_play(SCENE + "marta: {title: On mills}\n  They turn.\n")
    assert (lines[0].marks["title"].value, lines[0].words) == ("On mills", "They turn.")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nobody: Hello", "nobody is called nobody"),
        ("mira says hello", "a line is"),
        ("mira: x\n  {nonsense: 1}", "mark"),
    ],
)
def test_a_bad_line_is_named(text: str, why: str) -> None:
    with pytest.raises(PlayError, match=why) as caught:
        parse_play(SCENE + text)
    assert "line " in str(caught.value)


def test_every_line_of_the_play_can_be_said() -> None:
    _, lines = load_play()
    assert len(lines) > 300
    assert all(line.words for line in lines)
