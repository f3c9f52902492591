"""Chunking: nothing of a text is lost, no piece is over the budget, and cuts fall where the author cut."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batos.memory.chunking import count_tokens, split

MEDIA = ["markdown", "text", "python"]

lines = st.one_of(
    st.sampled_from(
        [
            "# Title", "## Part ##", "Part", "====", "----", "```", "~~~~", "", "   ", "\t", "- item", "| a | b |",
            "def f(x):", "    return x", "class C:", "    def m(self): pass", "@wraps", "# note", "x = '''", "'''",
            "async def g():", "\x0c", "\x00", "a" * 300, "日本語" * 40, "e\u0301" * 60, "👩‍👩‍👧" * 9, "((((((", "\\",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)  # fmt: skip
texts = st.lists(lines, max_size=30).flatmap(
    lambda drawn: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(drawn))
)


@pytest.mark.parametrize("media", MEDIA)
@given(text=texts, budget=st.integers(1, 60))
@example(text="# only a heading", budget=1)
@example(text=" " * 400, budget=4)
def test_pieces_joined_are_the_text_and_none_is_over_the_budget(media, text, budget):
    pieces = split(text, media, budget)

    assert "".join(piece.text for piece in pieces) == text
    assert all(count_tokens(piece.text) == piece.tokens <= budget for piece in pieces)
    assert all(piece.text for piece in pieces)


@given(text=st.lists(st.sampled_from([*"aZ0_.#-\t\n\r\x0c\x1c\x1f\x7f\0 ", "a" * 7, "b9" * 8, " " * 15])).map("".join))
def test_tokens_of_ascii_are_counted_as_those_of_any_text(text):
    assert count_tokens(text) == count_tokens(f"{text}…") - 1


def test_an_empty_text_has_no_pieces():
    assert split("", "markdown") == []


def test_a_markdown_piece_knows_the_headings_it_stands_under():
    text = "Before.\n\n# A\n\nOne.\n\n## B ##\n\nTwo.\n\nC\n-\n\nD\n---\n\nThree.\n\n# E\n\nFour.\n"

    assert [(piece.heading, piece.text.split()[-1]) for piece in split(text, "markdown")] == [
        ((), "Before."),
        (("A",), "One."),
        (("A", "B"), "-"),
        (("A", "D"), "Three."),
        (("E",), "Four."),
    ]


def test_a_hash_in_a_code_fence_is_no_heading():
    text = "# A\n\n```sh\n# a comment\n```\n\n~~~\n# another\n```\n~~~\n\n# B\n\nText.\n"

    assert [piece.heading for piece in split(text, "markdown")] == [("A",), ("B",)]


def test_a_heading_without_a_body_goes_with_the_next():
    pieces = split("# A\n\n## B\n\nText.\n\n# C\n", "markdown")

    assert [(piece.heading, piece.text) for piece in pieces] == [
        (("A", "B"), "# A\n\n## B\n\nText.\n\n"),
        (("C",), "# C\n"),
    ]


def test_python_is_cut_at_its_definitions_comments_and_decorators_included():
    text = "import os\n\n# Says hello.\n@cache\ndef hello():\n    '''def no(): '''\n\nY = 2\n\nasync def wait(): ...\n"

    assert [(piece.heading, piece.text.splitlines()[0]) for piece in split(text, "python")] == [
        ((), "import os"),
        (("hello",), "# Says hello."),
        ((), "Y = 2"),
        (("wait",), "async def wait(): ..."),
    ]


def test_a_class_is_cut_at_its_methods_only_when_it_is_over_the_budget():
    text = "class Robin:\n    size = 'small'\n\n    def sing(self):\n        return 'tweet'\n\n    def fly(self): ...\n"

    assert [piece.heading for piece in split(text, "python")] == [("Robin",)]
    assert [piece.heading for piece in split(text, "python", budget=20)] == [
        ("Robin",),
        ("Robin", "sing"),
        ("Robin", "fly"),
    ]


def test_python_that_does_not_parse_is_cut_like_text():
    assert [piece.heading for piece in split("def f(:\n  '''", "python")] == [()]


@pytest.mark.parametrize("media", MEDIA)
@pytest.mark.parametrize("text", ["#\n" * 30_000, "|" * 100_000, "# " + "a " * 20_000, "> " * 20_000])
def test_a_text_made_to_be_slow_or_to_grow_is_cut_like_any_other(media, text):
    pieces = split(text, media)

    assert "".join(piece.text for piece in pieces) == text
    assert sum(len("".join(piece.heading)) for piece in pieces) <= len(text)


def test_an_edit_leaves_the_pieces_of_other_sections_as_they_were():
    before = "".join(f"# Part {number}\n\n{'Some words to fill it. ' * 40}\n\n" for number in range(8))
    after = before.replace("# Part 3\n\nSome", "# Part 3\n\nNew and quite different words, then some", 1)

    untouched = set(split(before, "markdown")) & set(split(after, "markdown"))
    assert {piece.heading for piece in untouched} >= {(f"Part {number}",) for number in (0, 1, 2, 4, 5, 6, 7)}


@pytest.mark.parametrize(
    "text, tokens", [("", 0), ("It is.", 3), ("extraordinary", 2), ("snake_case", 3), ("日本語", 3), (" " * 40, 2)]
)
def test_tokens_are_counted_by_a_rule_that_needs_no_files(text, tokens):
    assert count_tokens(text) == tokens


@given(st.text(st.characters(codec="ascii") | st.sampled_from("a_ \n"), max_size=60))
def test_ascii_is_counted_as_any_other_text(text):
    assert count_tokens(text) + 1 == count_tokens(f"{text}“")
