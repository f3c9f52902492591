"""The tokens of many texts at once are those that each word has by itself, which are SQLite's."""

import random
import string
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batos.memory.lexical import text_tokens, word_table
from batos.memory.lexical.text_tokens import TextTokens
from batos.memory.lexical.tokens import Tokens, number_of
from batos.memory.query import cut, irregular_forms, prepare, prepared_words

SCRAPS = [
    "went",
    "Children",
    "running",
    "camelCase",
    "getHTTPResponse2",
    "parseXmlFile",
    "a_b",
    "x",
    "0",
    "2023",
    "e3b0c44298fc1c149afbf4c8996fb924",
    "internationalisation",
    "counterrevolutionaries",
    "sixteensignslong",
    "seventeensignslon",
    "eight8ht",
    "ninesigns",
    "\0",
    "--",
    "\x7f",
    "café",
    "漢字",
    "ﬁne",
    "it’s",
    "went’s",
    "went2",
    "größer",
    "Donaudampfschifffahrtsgesellschaftskapitänsmütze",
    "日本語テキスト",
    "\n",
]
scraps = st.one_of(st.sampled_from(SCRAPS), st.text(max_size=6), st.text(string.ascii_letters + " ", max_size=20))
texts = st.lists(scraps, max_size=12).map(" ".join)


def one_by_one(known, given_texts):
    read = [known.of(prepared_words(text)) for text in given_texts]
    tokens = [token for some, _ in read for token in some]
    signs = [(place, sign) for place, (_, some) in enumerate(read) for sign in some]
    return tokens, [len(some) for some, _ in read], signs


def all_at_once(known, given_texts):
    told = known.of(given_texts)
    signs = list(zip(told.signed.tolist(), told.signs.tolist(), strict=True))
    return told.tokens.tolist(), told.sizes.tolist(), signs


@pytest.fixture(scope="module", autouse=True)
def at_once_however_few():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_tokens, "FEW", 0)
        yield


@pytest.fixture(scope="module")
def known():
    with closing(Tokens()) as tokens:
        yield tokens


@pytest.fixture(scope="module")
def at_once():
    tokens = TextTokens()
    yield tokens
    tokens.words.close()


@given(st.lists(texts, max_size=6))
@example([])
@example([""])
@example(["", "went", ""])
@example(["went saw went", "SAW"])
@example(["half \ud800 of\udfffcamelCase", "é\ud800é went\udc00"])
def test_texts_have_the_tokens_that_their_words_have(known, at_once, given_texts):
    assert all_at_once(at_once, given_texts) == one_by_one(known, given_texts)


@given(texts)
@example("<\u0338 =\u0338a a\u0301 \u1fef\u0301 went2 went’s 3\u0338")
@example("\u1112\u1161\u11ab \uff21\uff22 ㎏ … \u00a0\u2028 İ ß Children’s")
def test_words_prepared_one_by_one_have_the_tokens_of_the_prepared_text(known, text):
    assert known.of(prepared_words(text)) == known.of(cut(prepare(text)))


def test_a_few_texts_have_the_same_tokens(known, at_once, monkeypatch):
    given_texts = [" ".join(SCRAPS), "", "went"]
    monkeypatch.setattr(text_tokens, "FEW", 10_000)
    assert all_at_once(at_once, given_texts) == one_by_one(known, given_texts)


def test_tokens_stay_the_same_while_the_table_grows_and_is_begun_anew(known, monkeypatch):
    monkeypatch.setattr(word_table, "FEWEST", 4)
    monkeypatch.setattr(word_table, "MOST", 256)
    chance = random.Random(1)
    vocabulary = ["".join(chance.choices("abcdefgs", k=chance.randint(1, 16))) for _ in range(600)]
    tokens = TextTokens()
    with closing(tokens.words):
        for _ in range(60):
            given_texts = [" ".join(chance.choices(vocabulary, k=chance.randint(0, 60))) for _ in range(3)]
            assert all_at_once(tokens, given_texts) == one_by_one(known, given_texts)
        given_texts = [" ".join(vocabulary)]
        assert all_at_once(tokens, given_texts) == one_by_one(known, given_texts)


def test_words_that_lead_to_one_place_are_told_apart(known):
    tokens = TextTokens()
    tokens._table._factors[:] = 0
    words = [f"word{number}" for number in range(200)]
    with closing(tokens.words):
        for given_texts in ([" ".join(words[:150])], [" ".join(words)]):
            assert all_at_once(tokens, given_texts) == one_by_one(known, given_texts)


def test_words_of_ascii_asked_for_together_have_the_stems_that_each_has_by_itself(known):
    """Among them such as the stemmer is not asked for, since their ends are none that it changes."""
    chance = random.Random(2)
    rules = ["ational", "ization", "fulness", "iveness", "ing", "eed", "ies", "sses", "bli", "logi", "ll", "e", "y", ""]
    ends = [rule + sign for rule in rules for sign in ("", *string.ascii_lowercase, *string.digits)]
    words = {"".join(chance.choices("abeiouycdfgjklstxz09", k=chance.randint(1, 9))) for _ in range(6_000)}
    words = {word + chance.choice(ends) for word in words} | set(irregular_forms())
    words |= {*string.ascii_lowercase, *string.digits, "a" * 70, "ab" * 40 + "ing"}
    asked = sorted(words)
    assert known.numbers_of(asked) == [number_of(stem) for (stem,) in known._stems(asked)]
