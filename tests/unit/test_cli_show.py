"""What is printed cannot act on the terminal, and comes in columns."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.cli import show


@pytest.fixture(autouse=True)
def fresh_consoles():
    show.console.cache_clear()
    yield
    show.console.cache_clear()


@given(st.text())
def test_no_control_character_is_left(text):
    left = {letter for letter in show.clean(text) if unicodedata.category(letter) in ("Cc", "Cf", "Cs")}
    assert left <= {"\n", "\t"}


@pytest.mark.parametrize(
    "text, shown",
    [
        ("\x1b[2Jgone", "\\u001b[2Jgone"),
        ("a\u202eb", "a\\u202eb"),
        ("one\r\ntwo\ttabbed", "one\ntwo\ttabbed"),
        ("Grüße, 世界 🦇", "Grüße, 世界 🦇"),
        ("\U000e0001", "\\udb40\\udc01"),
    ],
)
def test_what_would_act_or_hide_is_shown_by_its_code(text, shown):
    assert show.clean(text) == shown


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_a_json_document_is_read_back_as_it_was(document):
    with pytest.MonkeyPatch.context() as patch:
        printed = []
        patch.setattr("builtins.print", printed.append)
        show.deliver(True, document, lambda: None)
    assert json.loads(printed[0]) == document


def test_columns_are_aligned_and_numbers_stand_to_the_right(capsys):
    show.table([("a", 5, "first"), ("bcd", 10, "")], ("name", "count", "what"))

    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "name  count  what",
        "a         5  first",
        "bcd      10",
    ]


def test_markup_in_a_text_is_text(capsys):
    show.say("[bold]not bold[/bold] :smile:")

    assert capsys.readouterr().out == "[bold]not bold[/bold] :smile:\n"


def test_a_diff_shows_what_changes():
    assert show.diff("def f(self):\n    return 1", "def f(self):\n    return 2").plain.splitlines()[3:] == [
        "   def f(self):",
        "  -    return 1",
        "  +    return 2",
    ]
