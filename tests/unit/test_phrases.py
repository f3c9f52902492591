"""What is to be erased is found as words, whatever stands between them, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.objects.records import Intent
from batos.objects.values import texts_in
from batos.runtime.phrases import ERASED, QUOTE, Phrases, masked, masked_contract

ADA = Phrases.of("Ada  Lovelace")
WORDS = st.text("abcd", min_size=1, max_size=3)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Ada Lovelace", "[erased]"),
        ("by ada\n  lovelace, 1843", "by [erased], 1843"),
        ("ADA LOVELACE's notes", "[erased]'s notes"),
        ("Ada-Lovelace@example.org", "[erased]@example.org"),
        ("Ada Lovelace Ada Lovelace", "[erased] [erased]"),
        ("Ada King", "Ada King"),
        ("adapter lovelace", "adapter lovelace"),
        ("the slot ada_lovelace", "the slot ada_lovelace"),
        ("", ""),
    ],
)
def test_whole_words_are_masked_in_any_case(text, left):
    assert ADA.masked(text) == left


def test_signs_without_spaces_are_words_of_their_own():
    assert Phrases.of("東京タワー").masked("私は東京タワーに行く") == "私は[erased]に行く"


def test_a_quotation_is_a_run_that_is_long_enough():
    text = "one two three four five six seven eight nine ten"
    quoting = Phrases.quoting([text])

    assert quoting.masked(f"He said: {text.upper()}!") == "He said: [erased]!"
    assert quoting.masked("two three four five six seven eight nine") == ERASED
    assert quoting.masked("two three four five six seven eight") == "two three four five six seven eight"


def test_a_short_text_is_quoted_as_a_whole_and_a_word_or_two_are_no_quotation():
    assert Phrases.quoting(["owls sleep by day"]).masked("Owls sleep by day, always.") == "[erased], always."
    assert not Phrases.quoting(["# Owls", "so be"])


def test_every_text_of_a_plain_value_is_looked_at():
    value = {"Ada Lovelace": [("x", {"Ada Lovelace"}), b"Ada Lovelace"], "n": 3}

    assert list(texts_in(value)).count("Ada Lovelace") == 3
    assert masked(value, ADA) == {ERASED: [("x", {ERASED}), ERASED.encode()], "n": 3}
    assert masked(Intent("for Ada Lovelace"), ADA) == Intent("for [erased]")


def test_an_example_that_holds_it_goes():
    kept, gone = {"args": ["alan"], "result": 1}, {"args": ["ada lovelace"], "result": 2}
    contract = {"intent": "about Ada Lovelace", "examples": [gone, kept]}

    assert masked_contract(contract, ADA) == {"intent": "about [erased]", "examples": [kept]}
    assert masked(Intent("", (gone, kept)), ADA).examples == (kept,)


@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(WORDS, max_size=12))
def test_after_masking_nothing_is_found(sought, text):
    phrases = Phrases.of(" ".join(sought))
    left = phrases.masked(" ".join(text))

    assert phrases.spans(left) == []


@given(st.lists(WORDS, min_size=QUOTE, max_size=30), st.data())
def test_every_long_enough_part_of_a_text_is_found(text, data):
    start = data.draw(st.integers(0, len(text) - QUOTE))
    end = data.draw(st.integers(start + QUOTE, len(text)))

    assert Phrases.quoting([" ".join(text)]).masked(" ".join(text[start:end])) == ERASED
