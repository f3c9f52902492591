"""Facets quote and cite; weaving makes one answer of it, or says that there is none."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.clock import SystemClock
from batos.errors import BackendRefused
from batos.inference.builtin import facet, weave
from batos.inference.builtin.backend import BuiltinBackend
from batos.inference.builtin.facets import facet_rules, select, sub_query
from batos.inference.builtin.scoring import Question
from batos.inference.builtin.sentences import offered_chunks, passages, squeezed
from batos.inference.citations import cited, cited_chunks, numbered, without_marks
from batos.inference.port import Request
from batos.mind.speaking import personas

PAGES = {
    "undo.md": "# Undo\n\nTo undo a learned method, call `image.undo(change)` with a change that `history` lists. "
    "Undo is a new change that puts back what the old one wrote. It refuses when something depends on the change.",
    "heartbeat.md": "# Heartbeat\n\nThe heartbeat starts after 30 s and beats every 300 s. Idle beats spend nothing.",
    "mirror.md": "A mirror is the object used to talk about an object. The object itself is for talking to.",
}
CHUNKS = [
    {"document_id": name, "chunk_index": index, "text": text, "metadata": {}, "score": 1.0}
    for index, (name, text) in enumerate(PAGES.items())
]
SLOTS = sorted(set(facet_rules()) - {"default"})


def said_by(slot: str, query: str, chunks: list[dict[str, Any]] = CHUNKS) -> Any:
    materials = {"query": sub_query(slot, query), "facet": slot, "chunks": chunks}
    return facet(Request(purpose="facet", materials=materials))


def woven(query: str, partials: dict[str, Any], chunks: list[dict[str, Any]] = CHUNKS) -> Any:
    return weave(Request(purpose="weave", materials={"query": query, "partial_responses": partials, "chunks": chunks}))


def asked(query: str, chunks: list[dict[str, Any]] = CHUNKS) -> Any:
    """The whole way of a question: every facet, then the weaving."""
    answers = {slot: said_by(slot, query, chunks) for slot in SLOTS}
    partials = {slot: {"text": said.text, "citations": said.data["citations"]} for slot, said in answers.items()}
    return woven(query, partials, chunks)


# Facets


def test_a_facet_quotes_what_answers_and_cites_it():
    answer = said_by("literal_facet_", "How do I undo a learned method?")
    first = answer.text.splitlines()[0]
    assert first == "To undo a learned method, call `image.undo(change)` with a change that `history` lists [1]."
    assert answer.data["citations"][0] == {"document_id": "undo.md", "chunk_index": 0}


def test_a_facet_has_nothing_to_say_about_what_no_chunk_mentions():
    answer = said_by("literal_facet_", "What is the capital of France?")
    assert (answer.text, answer.data) == ("", {"citations": []})


def test_a_section_whose_heading_asks_the_question_answers_it_first():
    texts = [
        "# Safety\n\nThe value of a secret is never stored in the image. Documents are data.",
        "# Images\n\n## Where is my data stored?\n\nEverything lies in one directory. It may be copied.",
    ]
    chunks = [{**CHUNKS[0], "document_id": f"{n}.md", "text": text} for n, text in enumerate(texts)]

    answer = asked("Where is my data stored?", chunks)
    assert answer.text.startswith("Everything lies in one directory [1].")
    assert [cited["document_id"] for cited in answer.data["citations"]] == ["1.md"]


def test_facets_differ_in_what_they_choose():
    sentences = [
        "Undo is a new change that puts back what the old one wrote.",
        "Run `batos undo CHANGE` to undo a change that `batos history` lists.",
        "Undo never touches receipts, and it fails when another method depends on the change.",
        "You can trust undo with anything that people wrote, because nothing is erased.",
        "Although databases have an undo of their own, ours takes 3 ms and asks nobody.",
        "First undo the newest change, then look again, and only afterwards undo the next.",
    ]
    chunk = {"document_id": "undo.md", "chunk_index": 0, "text": " ".join(sentences)}
    chosen = {slot: said_by(slot, "undo", [chunk]).text for slot in SLOTS}
    assert len(set(chosen.values())) >= 6
    assert "`batos undo CHANGE`" in chosen["gadgeteer_facet_"].splitlines()[0]
    assert "it fails when" in chosen["disruptor_facet_"]
    assert "You can trust" in chosen["simple_heart_facet_"]
    assert "3 ms" in chosen["guide_facet_"]
    assert "First undo" in chosen["iceman_facet_"]


def test_every_facet_of_every_persona_has_a_rule_of_its_own():
    rules = {facet.slot: facet_rules()[facet.slot] for persona in personas() for facet in persona.facet}
    assert set(rules) == set(SLOTS)
    for one, other in combinations(rules.values(), 2):
        assert one.angle != other.angle
        assert one.expansion != other.expansion
        assert (one.prefers, one.looks_for, one.beyond) != (other.prefers, other.looks_for, other.beyond)


PLAIN, TIMED, OTHER = "An undo puts back a change.", "An undo takes 3 seconds.", "Receipts have no undo."


def chosen_by(**changed):
    rule = facet_rules()["default"].model_copy(update={"minimum": 0.1, "sentences": 3, **changed})
    chunk = {**CHUNKS[0], "text": f"{PLAIN} {TIMED} {OTHER}"}
    offered = passages(offered_chunks({"chunks": [chunk]}))
    return {passage.text for passage in select(Question("Which change does an undo put back?"), offered, rule)}


def test_what_a_facet_is_not_about_it_leaves_to_the_others():
    assert chosen_by() == {PLAIN, TIMED, OTHER}
    assert chosen_by(looks_for=frozenset({"number"})) == {TIMED}
    assert chosen_by(looks_for=frozenset({"person"})) == set()


def test_a_facet_that_is_asked_the_bare_question_leaves_nothing_to_others():
    chunk = {**CHUNKS[0], "text": "A bee stores honey in combs of wax."}
    for slot in SLOTS:
        materials = {"query": "Where do bees store honey?", "facet": slot, "chunks": [chunk]}
        assert facet(Request(purpose="facet", materials=materials)).text


def test_a_facet_that_looks_beyond_leaves_what_the_question_alone_would_choose():
    assert chosen_by(sentences=1) == {PLAIN}
    assert chosen_by(beyond=1) == {TIMED, OTHER}
    assert chosen_by(beyond=3) == set()


def test_a_sentence_that_leans_on_the_one_before_brings_it_along_or_stays_away():
    text = "The bridge is a socket. It speaks typed messages to every window."
    chunk = {"document_id": "bridge.md", "chunk_index": 0, "text": text}
    for slot in SLOTS:
        said = without_marks(said_by(slot, "typed messages window", [chunk]).text)
        assert "It speaks" not in said or "The bridge is a socket." in said


def test_a_facet_that_batos_does_not_know_goes_by_the_default_rule():
    assert "mirror" in said_by("herald_facet_", "What is a mirror?").text


# Weaving


def test_an_answer_is_made_of_cited_sentences():
    answer = asked("How do I undo a learned method?")
    assert answer.data["known"] is True
    assert answer.data["answer"].startswith("To undo a learned method, call `image.undo(change)`")
    assert answer.data["citations"][0] == {"document_id": "undo.md", "chunk_index": 0}
    assert "heartbeat" not in answer.data["answer"]


@pytest.mark.parametrize(
    "query", ["What is the capital of France?", "How do I train a dog?", "Who won the cup in 1998?"]
)
def test_what_no_chunk_answers_is_not_known_and_cites_nothing(query: str):
    answer = asked(query)
    assert answer.data["known"] is False
    assert answer.data["citations"] == []
    assert answer.data["answer"].startswith("I do not know")


def test_a_question_that_is_covered_in_part_names_what_is_missing():
    answer = asked("What is the heartbeat of the emperor of Byzantium?")
    assert answer.data["known"] is False
    assert "“emperor” or “Byzantium”" in answer.data["answer"]


def test_without_any_passage_the_advice_is_to_ingest():
    assert "Ingest a document" in asked("What is a mirror?", chunks=[]).data["answer"]


def test_a_question_without_words_is_told_so():
    assert asked("who are you?").data["answer"].startswith("I cannot tell what is asked")


def test_what_a_facet_says_without_a_chunk_that_holds_it_is_left_out():
    invented = {"sage_facet_": {"text": "A mirror is made of silvered glass [1].", "citations": []}}
    answer = woven("What is a mirror?", invented)
    assert answer.data["known"] is False
    assert "glass" not in answer.data["answer"]


def test_a_sentence_that_several_facets_chose_is_said_once():
    text = "A mirror is the object used to talk about an object [3]."
    answer = woven("What is a mirror?", {"tech_facet_": {"text": text}, "guide_facet_": {"text": text}})
    assert answer.data["answer"] == "A mirror is the object used to talk about an object [1]."
    assert answer.data["citations"] == [{"document_id": "mirror.md", "chunk_index": 2}]


def test_the_order_of_facets_does_not_matter():
    answers = {slot: {"text": said_by(slot, "How do I undo a method?").text} for slot in SLOTS}
    backwards = dict(reversed(answers.items()))
    assert woven("How do I undo a method?", answers) == woven("How do I undo a method?", backwards)


# Rules

NOUNS = ["image", "mirror", "object", "method", "mission", "heartbeat", "bridge", "slot"]
SENTENCES = st.builds(
    "{} {} the {} of a {}.".format,
    st.sampled_from(["The image", "A mirror", "It", "Undo", "`send`"]),
    st.sampled_from(["holds", "undoes", "learns", "is", "never keeps"]),
    st.sampled_from(NOUNS),
    st.sampled_from(NOUNS),
)
TEXTS = st.lists(SENTENCES, min_size=1, max_size=5).map("\n".join)
OFFERED = st.lists(TEXTS, max_size=4).map(
    lambda texts: [{"document_id": f"d{n % 2}", "chunk_index": n, "text": text} for n, text in enumerate(texts)]
)
QUERIES = st.lists(st.sampled_from([*NOUNS, "undo", "what is", "how do i", "France"]), min_size=1, max_size=4).map(
    " ".join
)


@given(QUERIES, OFFERED, st.sampled_from(SLOTS))
def test_a_facet_says_only_what_stands_in_the_chunk_it_cites(query: str, chunks: list[dict[str, Any]], slot: str):
    answer = said_by(slot, query, chunks)
    for line in answer.text.splitlines():
        (reference,) = cited_chunks(line, chunks)
        assert reference in answer.data["citations"]
        held = next(chunk["text"] for chunk in chunks if chunk["chunk_index"] == reference["chunk_index"])
        assert without_marks(line) in squeezed(held)


@given(QUERIES, OFFERED)
def test_an_answer_cites_offered_chunks_only_and_every_sentence_stands_in_the_chunk_it_cites(
    query: str, chunks: list[dict[str, Any]]
):
    data = asked(query, chunks).data
    offered = [{"document_id": chunk["document_id"], "chunk_index": chunk["chunk_index"]} for chunk in chunks]
    assert all(reference in offered for reference in data["citations"])
    assert data["known"] == bool(data["citations"])
    if data["known"]:
        for sentence, number in re.findall(r"(\S[^\[\]]*?) \[(\d+)\]\.", data["answer"]):
            reference = data["citations"][int(number) - 1]
            held = chunks[offered.index(reference)]["text"]
            assert sentence in squeezed(held)


@given(SENTENCES, st.integers(1, 999))
def test_a_mark_can_be_taken_off_again(sentence: str, number: int):
    assert without_marks(cited(sentence, number)) == sentence


# Marks and the backend


def test_marks_are_read_in_the_forms_that_models_write():
    chunks = [{"document_id": "a", "chunk_index": n, "text": ""} for n in range(3)]
    found = cited_chunks("One [1][3]. Two [2, 3]. None [9], nor items[0] nor [1](link).", chunks)
    assert [reference["chunk_index"] for reference in found] == [0, 2, 1]


def test_chunks_are_numbered_for_a_model_as_marks_count_them():
    assert numbered(CHUNKS[:2]).startswith("[1] undo.md, part 0\n# Undo")
    assert "\n\n[2] heartbeat.md, part 1\n" in numbered(CHUNKS[:2])


def test_a_purpose_without_a_skill_is_refused_with_the_backend_to_configure():
    with pytest.raises(BackendRefused, match=r"no skill for 'summary'.*openai:URL#MODEL"):
        BuiltinBackend().generate(Request(purpose="summary"))


def test_materials_of_another_shape_are_refused_with_their_place():
    backend = BuiltinBackend("", SystemClock(), skills={"facet": facet})
    with pytest.raises(BackendRefused, match=r"facet request cannot be read: chunk_index"):
        backend.generate(
            Request(purpose="facet", materials={"query": "x", "chunks": [{"document_id": "a", "text": ""}]})
        )


GARDEN = [
    {**CHUNKS[0], "document_id": "garden.md", "text": "Tomatoes are watered every second day. Beans need a trellis."},
]


def test_how_often_is_asked_of_the_thing_and_not_of_the_word_often():
    assert asked("How often are tomatoes watered?", GARDEN).data["known"]
    assert not asked("How often are roses watered?", GARDEN).data["known"]


def test_how_many_is_not_answered_without_a_number():
    assert not asked("How many beans are there?", GARDEN).data["known"]


def test_a_question_that_goes_on_needs_the_words_of_its_topic_less_than_its_own():
    known = asked("And what do beans need? (after: How often are tomatoes watered?)", GARDEN)
    assert "trellis" in known.text
    assert not asked("And what do roses need? (after: How often are tomatoes watered?)", GARDEN).data["known"]
