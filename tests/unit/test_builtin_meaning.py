"""Where an embedding model is at hand, the built-in backend compares by meaning as well as by words."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from batos.errors import EmbedderFailed
from batos.inference.builtin.backend import BuiltinBackend
from batos.inference.builtin.meaning import READ, REMEMBERED, Meaning
from batos.inference.builtin.routing import classify, examples
from batos.inference.builtin.sentences import offered_chunks, passages
from batos.inference.port import Request
from batos.memory.encoders import minilm
from batos.testing import HashedEmbedder

NAP = "The team takes a nap."
PLAN = "The bridge was built of stone by the people of the valley."
CHUNKS = [
    {"document_id": name, "chunk_index": 0, "text": text, "metadata": {}, "score": 1.0}
    for name, text in (("rest.md", NAP), ("bridge.md", PLAN))
]


def request(purpose: str, query: str, **materials: object) -> Request:
    return Request(purpose=purpose, materials={"query": query, "chunks": CHUNKS, **materials})


class Spelled(HashedEmbedder):
    """Knows of some words that they mean the same, as a model does."""

    def passages(self, texts):
        return super().passages([text.lower().replace("sleep", "nap").replace("colleagues", "team") for text in texts])


def test_what_says_the_same_in_other_words_is_found():
    question = "Colleagues sleep?"
    backend = BuiltinBackend()
    assert backend.generate(request("facet", question, facet="literal_facet_")).text == ""

    backend.use_embedder(Spelled())

    assert backend.generate(request("facet", question, facet="literal_facet_")).text == f"{NAP[:-1]} [1]."


def test_every_passage_of_the_best_chunks_has_its_nearness_and_others_have_none():
    chunks = [{**CHUNKS[0], "document_id": f"{number}.md"} for number in range(READ + 1)]
    told = Meaning(HashedEmbedder()).told(request("weave", "a nap", chunks=chunks))

    read = passages(offered_chunks(told.materials))
    assert [passage.near is None for passage in read] == [False] * READ + [True]
    assert all(-1 <= passage.near <= 1 for passage in read[:READ])


def test_sentences_that_every_facet_reads_are_embedded_once():
    embedder = HashedEmbedder()
    meaning = Meaning(embedder)
    for _ in range(3):
        meaning.told(request("facet", "a nap", facet="literal_facet_"))

    assert embedder.seen.count(NAP) == 1
    assert len(meaning._vectors) <= REMEMBERED


def test_a_model_that_fails_leaves_the_words(caplog):
    embedder = HashedEmbedder()
    embedder.fails = EmbedderFailed(model="hashed", reason="it is away.")
    asked = request("facet", "Who takes a nap?", facet="literal_facet_")
    plain = BuiltinBackend().generate(asked)
    backend = BuiltinBackend()
    backend.use_embedder(embedder)

    with caplog.at_level(logging.WARNING):
        answer = backend.generate(asked)

    assert (answer.text, answer.data) == (plain.text, plain.data)
    assert "by words alone" in caplog.text


def test_a_request_of_another_purpose_or_without_a_question_is_left_as_it_is():
    meaning = Meaning(HashedEmbedder())
    for asked in (request("method", "a nap"), request("facet", " ")):
        assert meaning.told(asked) is asked


def test_the_examples_of_an_archetype_speak_for_it():
    for archetype, texts in examples().items():
        alike = Meaning(HashedEmbedder()).told(request("plan", texts[0])).materials["alike"]
        assert max(alike, key=alike.get) == archetype
    assert len({text for texts in examples().values() for text in texts}) == sum(map(len, examples().values()))


def test_the_examples_are_embedded_once_for_all_processes(tmp_path):
    asked = request("plan", "the house is quiet")
    first, second, other = HashedEmbedder(), HashedEmbedder(), HashedEmbedder(model_id="another")

    alike = [Meaning(embedder, tmp_path / "models").told(asked).materials["alike"] for embedder in (first, second)]
    Meaning(other, tmp_path / "models").told(asked)

    assert alike[0] == alike[1]
    assert (len(second.seen), len(first.seen)) == (1, len(other.seen))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_damaged_vectors_of_the_examples_are_made_again(tmp_path, content):
    asked = request("plan", "the house is quiet")
    alike = Meaning(HashedEmbedder(), tmp_path).told(asked).materials["alike"]
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(content)

    assert Meaning(HashedEmbedder(), tmp_path).told(asked).materials["alike"] == alike
    assert kept.stat().st_size > len(content)


def test_likeness_decides_where_no_rule_does_and_is_told_as_a_reason():
    alike = {"emotional": 0.5, "technical": 0.1, "factual": 0.1, "self_improvement": 0.1}
    name, scores, reasons = classify("the house is quiet", alike=alike)

    assert name == "emotional"
    assert scores["technical"] == 0
    assert reasons == ["emotional +2.00: like its examples (cosine 0.50)"]


@pytest.mark.skipif(not (minilm.is_set_up() and minilm.can_run()), reason="`batos memory setup` has not run here")
def test_the_default_model_knows_what_words_do_not():
    meaning = Meaning(minilm.open_minilm())
    near = meaning.told(request("facet", "When do colleagues sleep?")).materials["chunks"]
    assert near[0]["nearness"][0] > near[1]["nearness"][0] + 0.1

    alike = meaning.told(request("plan", "my grandfather no longer knows who I am")).materials["alike"]
    assert max(alike, key=alike.get) == "emotional"
    assert np.isfinite(list(alike.values())).all()
