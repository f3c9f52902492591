"""Undoing what changed memory: the text is forgotten or remembered again, and a search agrees at once."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import pytest

from batos.errors import UndoRefused, UnknownObject
from batos.image.history import history, undo
from batos.memory import catalog
from batos.memory.catalog import index_document, unindex_document
from batos.memory.search import Searcher
from contract.images import image, storage, uri

OWLS = "# Owls\n\nOwls sleep by day.\n\n## Food\n\nThey eat mice.\n"
OWLS_AGAIN = "# Owls\n\nOwls sleep by day.\n\n## Food\n\nThey eat voles.\n"


@pytest.fixture
def memory(image):
    image.change("lay the catalog", catalog.lay_catalog)
    searcher = Searcher(image)
    yield searcher
    searcher.close()


def remember(image, document_id, text, media="markdown"):
    return changed(image, lambda world: index_document(world, document_id, text, media=media))


def forget(image, document_id):
    return changed(image, lambda world: unindex_document(world, document_id))


def changed(image, work):
    told = []
    image.after_commit.append(told.append)
    image.change("change memory", work)
    image.after_commit.remove(told.append)
    return told[0].id


def found(memory, query):
    return [(hit.document_id, hit.chunk_index) for hit in memory.search(query)]


def text(image, document_id):
    with image.reading() as world:
        return catalog.text_of(catalog.find_document(world, document_id))


def last_change(image):
    *_, last = image.transactions_since(b"\0" * 8)
    return last.tid.hex()


def test_undoing_an_ingest_makes_search_forget_the_document(image, memory):
    remember(image, "cats", "Cats eat mice.")
    owls = remember(image, "owls", OWLS)
    assert found(memory, "mice") == [("cats", 0), ("owls", 1)]

    undo(image, owls)

    assert found(memory, "mice") == [("cats", 0)]
    with pytest.raises(UnknownObject):
        text(image, "owls")


def test_undoing_that_remembers_it_again(image, memory):
    undo(image, remember(image, "owls", OWLS))
    undo(image, last_change(image))

    assert found(memory, "mice") == [("owls", 1)]
    assert text(image, "owls") == OWLS


def test_undoing_a_forget_brings_the_document_back(image, memory):
    remember(image, "owls", OWLS)
    forgotten = forget(image, "owls")
    assert found(memory, "mice") == []

    undo(image, forgotten)

    assert found(memory, "mice") == [("owls", 1)]


def test_undoing_a_new_version_brings_back_the_old_one(image, memory):
    remember(image, "owls", OWLS)
    again = remember(image, "owls", OWLS_AGAIN)
    assert (found(memory, "mice"), found(memory, "voles")) == ([], [("owls", 1)])

    undo(image, again)

    assert (found(memory, "mice"), found(memory, "voles")) == ([("owls", 1)], [])
    assert text(image, "owls") == OWLS


def test_an_ingest_under_a_newer_version_refuses_and_names_the_document(image, memory):
    owls = remember(image, "owls", OWLS)
    remember(image, "owls", OWLS_AGAIN)

    with pytest.raises(UndoRefused, match="of document owls was changed again since"):
        undo(image, owls)
    assert found(memory, "voles") == [("owls", 1)]


def test_an_ingest_that_was_forgotten_since_has_nothing_left_to_undo(image, memory):
    owls = remember(image, "owls", OWLS)
    forgotten = forget(image, "owls")

    with pytest.raises(UndoRefused, match="nothing of it is left"):
        undo(image, owls)
    undo(image, forgotten)
    undo(image, owls)
    assert found(memory, "mice") == []


def test_many_other_documents_since_do_not_matter(image, memory):
    owls = remember(image, "owls", OWLS)
    for number in range(40):
        remember(image, f"cat {number:02}", f"Cat number {number} eats fish.")

    undo(image, owls)

    assert found(memory, "mice") == []
    assert len(memory.search("fish", limit=50)) == 40


def test_what_was_undone_can_be_ingested_again(image, memory):
    undo(image, remember(image, "owls", OWLS))
    remember(image, "owls", OWLS)

    assert found(memory, "mice") == [("owls", 1)]


def test_within_an_open_transaction_a_search_agrees_already(image, memory):
    owls = remember(image, "owls", OWLS)

    with image.transaction("undo it here"):
        undo(image, owls)
        assert found(memory, "mice") == []
    assert found(memory, "mice") == []


def test_memory_and_slots_of_one_change_go_together(image, memory):
    def work(world):
        index_document(world, "owls", OWLS, media="markdown")
        world.create("owl", {"food": "mice"})

    undo(image, changed(image, work))

    assert found(memory, "mice") == []
    with image.reading() as world:
        assert "owl" not in world


def test_a_document_has_a_history_like_any_object(image, memory):
    remember(image, "owls", OWLS)
    remember(image, "owls", OWLS_AGAIN)
    forget(image, "owls")
    with image.reading() as world:
        document = world["knowledge_catalog"].metadata_index["owls"]._p_oid

    slots = [entry.slots for entry in history(image, document)]

    assert [set(written) for written in slots[:2]] == [{"forgotten_at"}, {"content_hash", "chunks"}]
    assert "chunks" in slots[2]
