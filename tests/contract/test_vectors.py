"""The vector index follows the log as the text index does; its model may fail or change, and it is never the truth."""

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import batos
from batos.errors import EmbedderFailed
from batos.image.undo import undo
from batos.memory import matrix
from batos.memory.catalog import find_document, index_document, unindex_document
from batos.memory.matrix import Matrix
from batos.memory.search import MOST_EMBEDDED, Searcher
from batos.memory.turns import Turn, written
from batos.memory.verifying import verify
from batos.runtime import uvm
from batos.settings import Settings
from batos.testing import HashedEmbedder
from contract.memory_tools import image, lose, skip_on_a_server, uri_of

__all__ = ["image"]  # the fixture


@pytest.fixture
def model():
    return HashedEmbedder()


@pytest.fixture
def memory(image, model):
    searcher = Searcher(image, model)
    yield searcher
    searcher.close()


def remember(image, document_id, text, media="text"):
    return image.change("remember", lambda world: index_document(world, document_id, text, media=media))


def forget(image, document_id):
    return image.change("forget", lambda world: unindex_document(world, document_id))


def chunk_oids(image, document_id):
    with image.reading() as world:
        return [chunk._p_oid for chunk in find_document(world, document_id).chunks]


def ids(hits):
    return [hit.document_id for hit in hits]


# Finding by meaning


def test_half_of_a_surrogate_pair_in_a_question_does_not_reach_the_model(image, memory, model, monkeypatch):
    remember(image, "owls", "Owls hunt at night.")
    asked = []
    monkeypatch.setattr(model, "query", lambda text, query=model.query: asked.append(text.encode()) or query(text))

    assert ids(memory.search("do owls \ud800 hunt")) == ["owls"]
    assert asked


def test_what_shares_no_word_with_the_question_is_found_by_its_meaning(image, memory):
    remember(image, "owls", "Hunters in the dark.")
    remember(image, "bread", "Flour and water.")

    (hit, *_) = memory.search("hunting")

    assert hit.document_id == "owls"
    assert hit.explanation.bm25 is None
    assert hit.explanation.meaning > 0


def test_the_parts_of_a_score_add_up_to_it(image, memory):
    talk = [Turn("Ada", "I saw an owl."), Turn("Alan", "Where was the owl?"), Turn("Ada", "In the barn.")]
    remember(image, "talk", written(talk), "chat")

    hits = memory.search("Where did Ada see the owl?")

    assert {hit.explanation.speaker for hit in hits} == {1.0, 1.4}
    assert {hit.explanation.answer for hit in hits} == {1.0, 0.75}  # one of them only asks
    assert any(hit.explanation.neighbours > 0 for hit in hits)
    for hit in hits:
        found = hit.explanation
        factors = found.speaker * found.span * found.answer
        assert hit.score == pytest.approx((found.words + found.meaning + found.neighbours) * factors)
        assert found.told.startswith("words ")


def test_a_transaction_finds_its_own_documents_by_meaning_too(image, memory):
    remember(image, "bread", "Flour and water.")

    with image.transaction("read on") as world:
        index_document(world, "owls", "Hunters in the dark.")
        unindex_document(world, "bread")
        assert ids(memory.search("hunting darkness")) == ["owls"]
    assert ids(memory.search("hunting darkness")) == ["owls"]


def test_filters_narrow_what_is_found_by_meaning(image, memory):
    for name in ("a/1", "a/2", "b/1"):
        remember(image, name, f"Hunters in the dark, part {name}.")

    assert sorted(ids(memory.search("hunting", where={"under": "a/"}))) == ["a/1", "a/2"]
    assert ids(memory.search("hunting", where={"document_id": "b/1"})) == ["b/1"]


# Following the log


def test_vectors_follow_what_is_changed_forgotten_and_undone(image, memory):
    remember(image, "owls", "Hunters in the dark.")
    memory.embed()
    remember(image, "owls", "Bakers at dawn.")
    assert ids(memory.search("bakeries"))[:1] == ["owls"]
    assert verify(image, memory).sound

    forget(image, "owls")
    assert memory.search("bakeries") == []
    assert verify(image, memory).sound
    assert memory.vectors.count() == 0


def test_an_aborted_transaction_leaves_no_vector(image, memory):
    class Away(Exception):
        pass

    def work(world):
        index_document(world, "owls", "Hunters in the dark.")
        raise Away

    with pytest.raises(Away):
        image.change("read", work)

    assert memory.search("hunting") == []
    assert memory.vectors.count() == 0


def test_a_text_that_is_known_is_not_embedded_again(image, memory, model):
    remember(image, "owls", "Hunters in the dark.")
    memory.embed()
    remember(image, "copy", "Hunters in the dark.")
    memory.embed()

    assert model.seen == ["Hunters in the dark."]
    assert memory.statistics().waiting == 0


def test_while_many_chunks_wait_a_search_goes_by_words(image, memory, model):
    for number in range(MOST_EMBEDDED + 1):
        remember(image, f"note {number}", f"Hunters {number} in the dark.")

    assert ids(memory.search("hunters 7"))[:1] == ["note 7"]
    assert model.seen == []
    assert memory.statistics().waiting == MOST_EMBEDDED + 1

    assert memory.embed() == MOST_EMBEDDED + 1
    assert len(memory.search("hunting", limit=100)) == MOST_EMBEDDED + 1


def test_a_view_of_the_past_finds_what_was_forgotten_since(image, memory):
    remember(image, "owls", "Hunters in the dark.")
    moment = image.newest()
    forget(image, "owls")
    remember(image, "bread", "Hunters of bread.")

    with image.reading_at(moment) as world:
        assert ids(memory.search("hunters", world=world)) == ["owls"]
    assert ids(memory.search("hunters")) == ["bread"]


def test_the_past_is_searched_by_meaning_as_it_was(image, memory, model):
    remember(image, "owls", "Hunters in the dark.")
    remember(image, "bread", "Flour and water.")
    memory.embed()
    moment = image.newest()
    forget(image, "owls")
    remember(image, "bread", "Salt and yeast.")
    remember(image, "bats", "Hunters of moths.")
    memory.embed()

    with image.reading_at(moment) as world:
        found = memory.search("hunting", world=world)
        assert ids(found)[0] == "owls"
        assert found[0].explanation.cosine is not None
        assert set(ids(found)) <= {"owls", "bread"}
        assert ids(memory.search("hunting", where={"document_id": "owls"}, world=world)) == ["owls"]
        assert ids(memory.search("hunting", where={"under": "ow"}, world=world)) == ["owls"]
    assert ids(memory.search("hunting"))[0] == "bats"
    assert model.seen.count("Hunters in the dark.") == 1  # nothing was embedded again

    lose(memory.vectors)
    with image.reading_at(moment) as world:
        assert memory.search("hunting", world=world) == found
    assert ids(memory.search("hunting"))[0] == "bats"


@pytest.mark.parametrize("model", [None, HashedEmbedder()])
def test_the_best_hit_of_then_is_found_below_many_that_came_and_went(image, model):
    remember(image, "other", "Owls are mentioned among many other things here.")
    remember(image, "owls", "Owls hunt owls.")
    moment = image.newest()
    for number in range(150):
        remember(image, "owls", f"Owls owls owls {number}.")
    with closing(Searcher(image, model)) as memory:
        memory.embed()
        with image.reading_at(moment) as world:
            assert [hit.text for hit in memory.search("owls", limit=1, world=world)] == ["Owls hunt owls."]


def test_a_view_of_the_system_is_searched_by_meaning(tmp_path, monkeypatch):
    monkeypatch.setattr(uvm, "open_embedder", lambda spec: HashedEmbedder())
    with batos.open(tmp_path / "a.image", settings=Settings(heartbeat=False)) as system:
        system.ingest_text("owls", "Hunters in the dark.")
        moment = system.image.newest().hex()
        system.forget("owls")
        with system.at(moment) as view:
            (hit,) = view.search("hunting")
        assert hit.explanation.cosine is not None
        assert system.search("hunting") == []


def test_the_turns_beside_a_turn_are_those_of_that_time(image, memory):
    asked, answered, other = (
        Turn("Ada", "Where do you hunt?"),
        Turn("Alan", "In the dark."),
        Turn("Ada", "Good bread."),
    )
    remember(image, "talk", written([asked, answered, other]), "chat")
    memory.embed()
    moment = image.newest()
    before = memory.search("Where do you hunt?", limit=3)
    remember(image, "talk", written([answered, other, asked]), "chat")

    with image.reading_at(moment) as world:
        assert memory.search("Where do you hunt?", limit=3, world=world) == before
    assert memory.search("Where do you hunt?", limit=3) != before


def test_a_chunk_that_only_moved_is_not_embedded_again(image, memory, model):
    remember(image, "owls", "# One\n\nHunters.\n\n# Two\n\nBread.", "markdown")
    memory.embed()
    remember(image, "owls", "# New\n\nMoths.\n\n# One\n\nHunters.\n\n# Two\n\nBread.", "markdown")
    seen = len(model.seen)
    assert memory.embed() == len(model.seen) - seen == 1


def test_vectors_go_on_after_a_pack_and_an_undo_brings_them_back(image, memory, model):
    remember(image, "owls", "Hunters in the dark.")
    remember(image, "bread", "Flour and water.")
    memory.embed()
    forget(image, "owls")
    forgotten = image.newest().hex()
    memory.embed()
    assert memory.search("hunting", where={"document_id": "owls"}) == []

    undo(image, forgotten)
    assert ids(memory.search("hunting"))[:1] == ["owls"]
    remember(image, "bread", "Salt and yeast.")
    memory.catch_up()
    image.db.pack()
    remember(image, "bats", "Hunters of moths.")
    assert set(ids(memory.search("hunting"))[:2]) == {"owls", "bats"}
    assert verify(image, memory).sound


# The index as a derived file


def test_a_lost_index_is_made_again(image, memory):
    remember(image, "owls", "Hunters in the dark.")
    memory.embed()
    lose(memory.vectors)
    assert ids(memory.search("hunting")) == ["owls"]
    assert verify(image, memory).sound


def test_a_damaged_file_is_made_again(image, memory):
    skip_on_a_server(image)
    remember(image, "owls", "Hunters in the dark.")
    memory.embed()
    memory.close()
    memory.vectors.place.write_bytes(b"no database" * 1_000)
    assert ids(memory.search("hunting")) == ["owls"]
    assert verify(image, memory).sound


def test_verifying_tells_of_vectors_that_are_missing_and_a_doctor_may_discard_them(image, memory):
    remember(image, "owls", "Hunters in the dark.")
    memory.embed()
    with memory.vectors.writing():
        memory.vectors.remove([int.from_bytes(oid, "big") for oid in chunk_oids(image, "owls")])
    assert verify(image, memory).vectors_differ == 1

    memory.discard("it was seen to lack one.")
    assert verify(image, memory).sound


def test_another_model_has_another_index_beside(image, memory):
    remember(image, "owls", "Hunters in the dark.")
    memory.embed()

    other = Searcher(image, HashedEmbedder("other", dimension=32))
    try:
        assert ids(other.search("hunting")) == ["owls"]
        assert other.vectors.place != memory.vectors.place
        assert memory.vectors.count() == 1
    finally:
        other.close()
    assert ids(memory.search("hunting")) == ["owls"]


CHILD = """
    import sys
    from batos.image.image import Image
    from batos.memory.catalog import index_document
    from batos.memory.search import Searcher
    from batos.testing import HashedEmbedder

    class Dying(HashedEmbedder):
        def passages(self, texts):
            if len(self.seen) >= 300:
                sys.stdout.flush()
                import os
                os._exit(9)
            return super().passages(texts)

    with Image.open(sys.argv[1]) as image:
        searcher = Searcher(image, Dying())
        def work(world):
            for number in range(600):
                index_document(world, f"note {number}", f"Hunters number {number} in the dark.")
        image.change("remember", work)
        searcher.embed()
"""


def test_an_embedding_that_was_killed_goes_on_where_it_was(image, memory, model):
    if image.where.scheme == "file":
        pytest.skip("a file image has one process")
    command = [sys.executable, "-c", textwrap.dedent(CHILD), uri_of(image)]
    died = subprocess.run(command, timeout=55, check=False, env={**os.environ})
    assert died.returncode == 9

    waiting = memory.statistics().waiting
    assert 0 < waiting < 600
    assert memory.embed() == waiting == len(model.seen)
    assert verify(image, memory).sound


# A model that fails


def test_a_failing_model_leaves_search_by_words(image, memory, model, caplog):
    remember(image, "owls", "Hunters in the dark.")
    model.fails = EmbedderFailed(model="hashed", reason="the server is away.")

    assert ids(memory.search("hunters")) == ["owls"]
    assert "goes by words alone" in caplog.text
    with pytest.raises(EmbedderFailed):
        memory.embed()

    model.fails = None
    assert ids(memory.search("hunting")) == ["owls"]


def test_vectors_of_a_wrong_size_are_refused(image, memory, model, monkeypatch):
    remember(image, "owls", "Hunters in the dark.")
    monkeypatch.setattr(model, "passages", lambda texts: np.zeros((len(texts), 3), np.float32))

    with pytest.raises(EmbedderFailed, match="shape"):
        memory.embed()


def test_threads_search_while_others_remember_and_forget(image, memory):
    for number in range(8):
        remember(image, f"note {number}", f"Hunters {number} in the dark.")

    def change(number):
        remember(image, f"more {number}", f"Bakers {number} at dawn.")
        return forget(image, f"more {number}")

    with ThreadPoolExecutor(4) as threads:
        changes = [threads.submit(change, number) for number in range(6)]
        searches = [threads.submit(memory.search, "hunting", 8, {"under": "note"}) for _ in range(24)]
        assert all(done.result() == 1 for done in changes)
        assert all(len(done.result()) == 8 for done in searches)
    assert verify(image, memory).sound


# The matrix


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=60))
def test_the_matrix_holds_what_was_added_and_not_removed(steps):
    rows = np.random.default_rng(7).standard_normal((31, 70)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    held, kept = Matrix(70), set()
    for adding, id_ in steps:
        if adding:
            held.add([id_], rows[id_].astype(np.float16).tobytes())
            kept.add(id_)
        else:
            held.remove(id_)
            kept.discard(id_)

    found = held.nearest(rows[0], 100)

    assert {id_ for id_, _ in found} == kept
    assert all(abs(cosine - float(rows[id_] @ rows[0])) < 0.01 for id_, cosine in found)


def test_sketches_find_nearly_all_that_a_full_comparison_finds(monkeypatch):
    generator = np.random.default_rng(11)
    rows = generator.standard_normal((3_000, 128)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    held = Matrix(128)
    held.add(range(3_000), rows.astype(np.float16).tobytes())
    asked = rows[:20] + 0.05 * generator.standard_normal((20, 128)).astype(np.float32)
    full = [held.nearest(one, 10) for one in asked]

    monkeypatch.setattr(matrix, "EXACT", 0)
    by_sketches = [held.nearest(one, 10) for one in asked]

    shared = sum(len({*map(first, one)} & {*map(first, two)}) for one, two in zip(full, by_sketches, strict=True))
    assert shared >= 160
    assert all(one[0][0] == two[0][0] for one, two in zip(full, by_sketches, strict=True))


def first(pair):
    return pair[0]
