"""YAML → values with lines: strict, bounded, never raising."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel.config.yaml_document import MAX_BYTES, parse_document, show_path


def test_a_key_has_its_own_line_also_within_lists() -> None:
    lines = parse_document("a: 1\nb:\n  - c: 2\n\n    d: 3\n").lines
    assert (lines["a",], lines["b", 0], lines["b", 0, "d"]) == (1, 3, 5)


@pytest.mark.parametrize(
    "word", ["on", "off", "yes", "no", "NO", "12:30", "0x10", "007", "1e3", "2026-11-24", "1_000"]
)
def test_what_yaml_would_guess_stays_text(word: str) -> None:
    assert parse_document(f"a: {word}").value == {"a": word}


@pytest.mark.parametrize(
    ("said", "meant"),
    [("8080", 8080), ("-1", -1), ("0.5", 0.5), ("true", True), ("null", None), ('"1"', "1"), ("", None)],
)
def test_numbers_and_truth_are_read_as_such(said: str, meant: object) -> None:
    assert parse_document(f"a: {said}").value == {"a": meant}


def test_a_key_given_twice_is_a_problem_on_its_second_line() -> None:
    document = parse_document("a: 1\nb: 2\na: 3\n")
    assert [(p.line, p.path, p.message) for p in document.problems] == [
        (3, ("a",), "given twice, first on line 1")
    ]
    assert document.value == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: [1", "not YAML"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ("a: \0", "not YAML"),
        ("a: !!python/name:os.system x", "tags are not taken"),
        ("a: !!int x", "tags are not taken"),
        ("? [a]\n: 1", "a key must be plain text"),
        ("[" * 100_000, "levels deep"),
        ("a: &a [*a]", "an alias within itself"),
        ("a: &a x\nb: [" + "*a," * 51 + "]", "aliases"),
        ("# " + "x" * MAX_BYTES, "larger than"),
    ],
    ids=lambda value: value[:12],
)
def test_what_is_not_taken_is_one_problem(text: str, what: str) -> None:
    problems = parse_document(text).problems
    assert len(problems) == 1
    assert what in problems[0].message


def test_an_alias_bomb_is_stopped_by_the_number_of_values() -> None:
    layers = [
        "a0: &a0 [x,x,x,x,x,x,x,x,x]",
        *(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 6)),
    ]
    problems = parse_document("\n".join(layers)).problems
    assert ["more than 10000 values" in problem.message for problem in problems] == [True]


@given(st.text() | st.text(alphabet="ab:-[]{}&*!?|> \n\t'\"#,"))
def test_no_text_makes_it_raise(text: str) -> None:
    document = parse_document(text)
    assert document.problems or document.lines or document.value is None


def test_a_path_is_shown_as_people_write_it() -> None:
    assert show_path(("sources", 0, "servers", 1)) == "sources[0].servers[1]"
