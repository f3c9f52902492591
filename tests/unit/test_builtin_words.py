"""Words as the built-in backend compares them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.inference.builtin.words import content_stems, lexicon, stem, words


@pytest.mark.parametrize(
    "forms",
    [
        "undo undoes undoing undone undid",
        "learn learns learned learning learnt",
        "delete deletes deleted deleting deletion",
        "method methods",
        "memory memories",
        "run runs running ran",
        "class classes",
        "index indexes indexed indexing indices",
        "forget forgets forgetting forgotten forgot",
    ],
)
def test_the_forms_of_a_word_have_one_stem(forms: str):
    assert len({stem(form) for form in forms.split()}) == 1


@pytest.mark.parametrize("pair", ["string str", "need ne", "thing th", "status statu", "this thi", "batos bato"])
def test_what_only_looks_like_an_ending_stays(pair: str):
    whole, cut = pair.split()
    assert stem(whole) != cut


def test_an_identifier_is_also_its_parts():
    assert list(words("shout_name")) == ["shout_name", "shout", "name"]
    assert list(words("KnowledgeCatalog")) == ["KnowledgeCatalog", "Knowledge", "Catalog"]


def test_stop_words_are_left_out_and_each_stem_comes_once_in_order():
    assert content_stems("How do I undo the undoing of a learned method?") == ("undo", "learn", "method")


def test_synonyms_hold_both_ways():
    synonyms = lexicon().synonyms
    assert all(stem_ in synonyms[other] for stem_, others in synonyms.items() for other in others)


@given(st.text())
def test_any_text_has_stems_and_each_is_a_lower_case_word(text: str):
    for found in content_stems(text):
        assert found
        assert found == found.lower()
