"""Memory on every storage: what is indexed is found, what is not committed is not, and the index is never the truth."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest

import batos
from batos.errors import MemoryRefused, OwnDocument, UnknownObject
from batos.image import following
from batos.memory import catalog
from batos.memory.catalog import index_document, unindex_document
from batos.memory.ingesting import ingest_path
from batos.memory.reading import KINDS
from batos.memory.search import Searcher
from batos.memory.turns import Turn, written
from batos.settings import Settings
from contract.memory_tools import image, lose, skip_on_a_server

__all__ = ["image"]  # the fixture

TALK = {"document_id": "talk"}
OWLS = "# Owls\n\nOwls sleep by day.\n\n## Food\n\nThey eat mice.\n\n## Nests\n\nIn hollow trees.\n"


@pytest.fixture
def memory(image):
    searcher = Searcher(image)
    yield searcher
    searcher.close()


def remember(image, document_id, text, metadata=None, **more):
    return image.change("remember", lambda world: index_document(world, document_id, text, metadata, **more))


def forget(image, document_id):
    return image.change("forget", lambda world: unindex_document(world, document_id))


def changes(image):
    return [logged.tid for logged in image.transactions_since(b"\0" * 8)]


def places(hits):
    return [(hit.document_id, hit.chunk_index) for hit in hits]


def oids(image, document_id):
    with image.reading() as world:
        return [chunk._p_oid for chunk in catalog.find_document(world, document_id).chunks]


# Indexing and searching


def test_what_was_indexed_is_found_best_first(image, memory):
    remember(image, "owls", OWLS, {"source": "a book"}, media="markdown")
    remember(image, "cats", "Cats eat mice, and more mice, and mice again.")

    hits = memory.search("Who eats mice?")

    assert places(hits) == [("cats", 0), ("owls", 1)]
    assert hits[0].score > hits[1].score > 0
    assert hits[1].text == "## Food\n\nThey eat mice.\n\n"
    assert hits[1].metadata == {
        "source": "a book",
        "kind": "document",
        "media": "markdown",
        "tainted": True,
        "heading": ["Owls", "Food"],
    }


def test_a_hit_has_the_form_that_the_bridge_sends(image, memory):
    remember(image, "owls", "Owls hoot.")

    (hit,) = memory.search("owls")

    chunk = {"document_id": "owls", "chunk_index": 0, "text": "Owls hoot.", "metadata": hit.metadata}
    assert hit.as_dict() == {"chunk": chunk, "score": hit.score}


def test_equal_hits_come_in_the_order_of_their_documents(image, memory):
    for name in "dbca":
        remember(image, name, "The very same words.")

    assert places(memory.search("same words")) == [(name, 0) for name in "abcd"]


def test_nothing_is_found_in_an_empty_memory(image, memory):
    assert memory.search("owls") == []
    assert memory.search("?!") == []
    assert memory.search("owls", limit=0) == []


def test_a_chunk_is_an_object_that_delegates_to_its_document(image):
    remember(image, "owls", OWLS, {"source": "a book"}, media="markdown")

    with image.reading() as world:
        chunk = catalog.find_chunk(world, "owls", 1)
        assert (chunk.document_id, chunk.chunk_index, chunk.heading) == ("owls", 1, ("Owls", "Food"))
        assert (chunk.metadata["source"], chunk.kind, chunk.tainted) == ("a book", "document", True)
        assert catalog.text_of(catalog.find_document(world, "owls")) == OWLS


def test_documents_are_listed_by_their_ids(image):
    for name in ("message/b", "widget/c", "message/a"):
        remember(image, name, "text")
    forget(image, "message/b")

    with image.reading() as world:
        assert [document.document_id for document in catalog.documents(world)] == ["message/a", "widget/c"]
        assert [document.document_id for document in catalog.documents(world, "message/")] == ["message/a"]


# Filters


@pytest.mark.parametrize(
    "where, found",
    [
        ({}, ["a/1", "a/2", "b/1"]),
        ({"kind": "message"}, ["a/2"]),
        ({"kind": ["message", "document"]}, ["a/1", "a/2", "b/1"]),
        ({"document_id": "b/1"}, ["b/1"]),
        ({"under": "a/"}, ["a/1", "a/2"]),
        ({"speaker": "Ada"}, ["a/1"]),
        ({"tags": "night"}, ["b/1"]),
        ({"tainted": False}, ["a/2"]),
        ({"since": "2024-05"}, ["b/1"]),
        ({"until": "2024-05"}, ["a/1", "b/1"]),
        ({"until": "2024-04"}, ["a/1"]),
        ({"absent": 1}, []),
    ],
)
def test_where_keeps_hits_that_meet_every_condition(image, memory, where, found):
    remember(image, "a/1", "owl", {"speaker": "Ada", "date": "2024-03-01"})
    remember(image, "a/2", "owl", {"kind": "message"}, tainted=False)
    remember(image, "b/1", "owl", {"tags": ["night", "bird"], "date": "2024-05-02"})

    assert sorted(hit.document_id for hit in memory.search("owl", where=where)) == found


def test_a_narrow_filter_looks_further_than_the_first_matches(image, memory):
    def work(world):
        for number in range(60):
            index_document(world, f"owl {number}", "An owl, an owl, an owl.")
        index_document(world, "rare", "One owl among much other text about other things.", {"speaker": "Ada"})

    image.change("many", work)

    assert places(memory.search("owl", limit=1, where={"speaker": "Ada"})) == [("rare", 0)]


def test_a_turn_that_tells_what_is_expected_comes_before_one_that_only_has_the_words(image, memory):
    said = ("The owl sat on the barn roof.", "The owl sat on the barn yesterday.")
    remember(image, "talk", written(Turn("Ada", text) for text in said), media="chat")
    remember(image, "notes", "The owl came to the barn yesterday.", media="text")

    assert [hit.chunk_index for hit in memory.search("Was the owl on the barn?", where=TALK)] == [0, 1]
    when = {hit.text: hit.explanation.answer for hit in memory.search("When was the owl on the barn?")}
    assert sorted(when.values()) == [1.0, 1.0, 1.25]
    assert [hit.chunk_index for hit in memory.search("When was the owl on the barn?", where=TALK)] == [1, 0]


# Changing and forgetting


def test_the_same_text_again_changes_nothing(image):
    assert remember(image, "owls", OWLS, media="markdown").status == "added"
    before = changes(image)

    assert remember(image, "owls", OWLS, media="markdown").status == "unchanged"
    assert changes(image) == before


def test_an_edit_touches_only_the_chunks_it_changed(image, memory):
    remember(image, "owls", OWLS, media="markdown")
    before = oids(image, "owls")

    report = remember(image, "owls", OWLS.replace("mice", "voles"), media="markdown")

    after = oids(image, "owls")
    assert (report.status, report.added, report.kept, report.forgotten) == ("changed", 1, 2, 1)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]
    assert places(memory.search("voles")) == [("owls", 1)]
    assert memory.search("mice") == []


def test_chunks_that_only_moved_are_the_same_objects(image, memory):
    remember(image, "owls", OWLS, media="markdown")
    before = oids(image, "owls")

    remember(image, "owls", "An introduction.\n\n" + OWLS, media="markdown")

    assert oids(image, "owls")[1:] == before
    assert places(memory.search("mice")) == [("owls", 2)]


def test_metadata_can_change_without_the_text(image, memory):
    remember(image, "owls", OWLS, {"source": "a book"})
    before = oids(image, "owls")

    assert remember(image, "owls", OWLS, {"source": "a film"}).status == "changed"
    assert oids(image, "owls") == before
    assert memory.search("owls")[0].metadata["source"] == "a film"


def test_what_is_forgotten_is_not_found_and_can_be_learned_again(image, memory):
    remember(image, "owls", OWLS)
    assert memory.search("owls")

    assert forget(image, "owls") == 1
    assert memory.search("owls") == []
    assert memory.statistics().chunks == 0

    assert remember(image, "owls", OWLS).status == "added"
    assert places(memory.search("owls")) == [("owls", 0)]


def test_forgetting_what_is_not_there_names_what_is_close(image):
    remember(image, "docs/owls.md", OWLS)

    with pytest.raises(UnknownObject, match=r"Did you mean 'docs/owls\.md'"):
        forget(image, "docs/owl.md")


@pytest.mark.parametrize("metadata", [{"by": "\ud800"}, {"tags": ["a", {"\udfff": 1}]}])
def test_metadata_that_is_no_text_is_refused_as_the_text_would_be(image, metadata):
    with pytest.raises(MemoryRefused):
        image.change("remember", lambda world: index_document(world, "owls", "Owls hunt.", metadata))


@pytest.mark.parametrize("document_id, text", [("", "x"), ("a", ""), ("a", " \n"), ("a" * 2000, "x"), ("a", "\ud800")])
def test_what_is_no_document_is_refused_and_nothing_changes(image, document_id, text):
    before = changes(image)

    with pytest.raises(MemoryRefused):
        remember(image, document_id, text)
    assert changes(image) == before


# Transactions


def test_a_transaction_finds_its_own_uncommitted_documents_ranked_among_all_others(image, memory):
    remember(image, "cats", "Cats eat mice, and more mice, and mice again.")
    remember(image, "old", "Mice, as it was.")
    with image.transaction("work") as world:
        index_document(world, "owls", OWLS, media="markdown")
        index_document(world, "old", "No rodents any more.")
        within = memory.search("mice", world=world)
        elsewhere = in_another_thread(lambda: memory.search("mice"))
    afterwards = memory.search("mice")

    assert places(within) == places(afterwards) == [("cats", 0), ("owls", 1)]
    assert [hit.score for hit in within] == [hit.score for hit in afterwards]
    assert sorted(places(elsewhere)) == [("cats", 0), ("old", 0)]


def test_a_transaction_finds_every_passage_of_several_uncommitted_documents(image, memory):
    names = ["bats", "cats", "owls"]
    with image.transaction("three") as world:
        for name in names:
            text = "".join(f"# Part {number}\n\nMice fear {name}.\n\n" for number in range(4))
            index_document(world, name, text, media="markdown")

        hits = memory.search("mice", limit=20)
        assert sorted(places(hits)) == [(name, number) for name in names for number in range(4)]


def test_a_transaction_does_not_find_what_it_forgot(image, memory):
    remember(image, "owls", OWLS)
    with image.transaction("work") as world:
        unindex_document(world, "owls")
        assert memory.search("owls") == []


def test_an_aborted_transaction_leaves_nothing(image, memory):
    def work(world):
        index_document(world, "owls", OWLS)
        assert memory.search("owls")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        image.change("work", work)

    assert memory.search("owls") == []
    assert memory.statistics().chunks == 0


def test_what_a_savepoint_took_back_is_not_found(image, memory):
    with image.transaction("work") as world:
        savepoint = world.transaction.savepoint()
        index_document(world, "owls", OWLS)
        savepoint.rollback()
        assert memory.search("owls") == []


def test_a_reader_does_not_find_what_was_committed_after_it_began(image, memory):
    with image.reading() as world:
        in_another_thread(lambda: remember(image, "owls", OWLS))
        assert memory.search("owls", world=world) == []
    assert memory.search("owls")


def test_threads_index_and_search_at_the_same_time(image, memory):
    def work(number):
        remember(image, f"bird {number}", f"Owl number{number}.")
        return places(memory.search(f"number{number}"))

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(work, range(24)))

    assert found == [[(f"bird {number}", 0)] for number in range(24)]
    assert memory.statistics().documents == 24


def in_another_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(timeout=30)


# The index as a derived file


def test_a_deleted_index_file_is_rebuilt(image, memory):
    remember(image, "owls", OWLS)
    assert memory.search("owls")
    lose(memory.index)

    assert memory.search("owls")


@pytest.mark.parametrize("reopened", [True, False])
def test_a_damaged_index_file_is_rebuilt(image, memory, reopened, caplog):
    skip_on_a_server(image)
    for number in range(40):
        remember(image, f"bird {number}", OWLS)
    assert memory.search("owls")
    if reopened:
        memory.close()
    path = memory.index.place
    with path.open("r+b") as file:
        file.seek(0 if reopened else 4096)
        file.write(b"\xff" * (path.stat().st_size - file.tell()))
    if not reopened:
        memory.index._home.rows().execute("pragma wal_checkpoint(truncate)")

    assert len(memory.search("owls", limit=50)) == 40
    assert not reopened or "is begun anew" in caplog.text


def test_an_index_that_followed_another_history_is_rebuilt(image, memory):
    remember(image, "owls", OWLS)
    memory.catch_up()
    with memory.index.writing():
        memory.index.remove([int.from_bytes(oid, "big") for oid in oids(image, "owls")])
        memory.index.move_to(b"\x7f" + b"\0" * 7)

    assert memory.search("owls")


def test_only_what_is_new_is_read_from_the_log(image, memory):
    remember(image, "owls", OWLS, media="markdown")
    assert memory.catch_up() == 3
    assert memory.catch_up() == 0
    remember(image, "cats", "Cats eat mice.")
    assert memory.catch_up() == 1


def test_a_rebuild_goes_in_batches(image, memory, monkeypatch):
    monkeypatch.setattr(following, "BATCH", 2)
    for number in range(7):
        remember(image, f"bird {number}", "An owl.")

    assert memory.catch_up() == 7
    assert memory.statistics().chunks == 7


def test_searches_go_on_after_a_pack(image, memory):
    remember(image, "owls", OWLS)
    remember(image, "cats", "Cats eat mice.")
    memory.catch_up()
    forget(image, "cats")
    remember(image, "owls", OWLS.replace("mice", "voles"))
    image.db.pack()

    assert places(memory.search("voles mice")) == [("owls", 0)]
    remember(image, "bats", "Bats eat moths.")
    assert places(memory.search("moths")) == [("bats", 0)]


@pytest.mark.parametrize("image", ["sqlite"], indirect=True)
def test_a_second_process_finds_what_the_first_committed_and_the_other_way_round(image, memory):
    remember(image, "owls", OWLS)
    memory.search("owls")
    program = textwrap.dedent("""
        import sys
        from batos.image.image import Image
        from batos.memory.catalog import index_document
        from batos.memory.search import Searcher

        with Image.open(sys.argv[1]) as image:
            searcher = Searcher(image)
            print(len(searcher.search("owls")))
            image.change("remember", lambda world: index_document(world, "cats", "Cats purr."))
            print(len(searcher.search("purr")))
            searcher.close()
    """)
    printed = subprocess.run(
        [sys.executable, "-c", program, str(image.path)], capture_output=True, text=True, timeout=50, check=True
    ).stdout

    assert printed.split() == ["1", "1"]
    assert places(memory.search("purr")) == [("cats", 0)]


# Files


def test_a_folder_is_ingested_and_bad_files_are_skipped_and_reported(image, memory, tmp_path):
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "owls.md").write_text(OWLS)
    (folder / "deep" / "bird.py").write_text("def hoot():\n    return 'hoo'\n")
    (folder / "empty.txt").write_text("")
    (folder / "picture.png").write_bytes(b"\x89PNG\0\0\xff")
    (folder / "latin.txt").write_bytes("Käuze".encode("latin-1"))
    (folder / ".hidden").write_text("secret owl")
    (folder / "deep" / "circle").symlink_to(folder)
    steps = []

    report = ingest_path(image, folder, steps.append)

    assert [document.document_id for document in report.documents] == ["notes/deep/bird.py", "notes/owls.md"]
    assert [sentence.rpartition("was not ingested: ")[2] for sentence in report.refused] == [
        "it is empty.",
        "it is not UTF-8 text. Convert it to UTF-8 (`iconv` does that).",
        f"it is binary; what can be read is {KINDS}.",
    ]
    assert [(step.done, step.total) for step in steps] == [(number, 5) for number in range(1, 6)]
    assert memory.search("hoot")[0].metadata["heading"] == ["hoot"]
    assert {document.status for document in ingest_path(image, folder).documents} == {"unchanged"}


def test_a_file_keeps_its_id_however_it_is_named(image, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "owls.md").write_text(f"{OWLS} {name}")

    ids = [
        ingest_path(image, path).documents[0].document_id
        for path in (tmp_path / "one", tmp_path / "one" / "owls.md", tmp_path / "two" / "owls.md", tmp_path / "two")
    ]
    assert ids == ["one/owls.md", "one/owls.md", "owls.md", "owls.md"]

    (tmp_path / "three").mkdir()
    (tmp_path / "three" / "owls.md").write_text(OWLS)
    assert ingest_path(image, tmp_path / "three" / "owls.md").documents[0].document_id == "three/owls.md"


def test_what_came_with_batos_is_not_tainted_and_everything_else_is(image, tmp_path):
    (tmp_path / "owls.md").write_text(OWLS)

    shipped = ingest_path(image, files("batos") / "documents").documents
    assert shipped
    assert not any(document.tainted for document in shipped)
    assert ingest_path(image, tmp_path / "owls.md").documents[0].tainted


def test_a_path_that_is_not_there_is_refused(image, tmp_path):
    with pytest.raises(MemoryRefused, match="no such file"):
        ingest_path(image, tmp_path / "absent.md")


def test_a_client_of_the_bridge_cannot_touch_what_came_with_batos(tmp_path):
    with batos.open(tmp_path / "a.image", settings=Settings(heartbeat=False, embedding="none")) as uvm:
        uvm.ingest(files("batos") / "documents" / "image.md")
        own = uvm.ingest_text("owls", "Owls hunt.", own=False).document_id
        (shipped,) = {hit.document_id for hit in uvm.search("undo", limit=20)}
        for refused in (
            lambda: uvm.ingest_text(shipped, "Undo is forbidden.", own=False),
            lambda: uvm.forget(shipped, own=False),
        ):
            with pytest.raises(OwnDocument):
                refused()
        assert uvm.verify_memory().sound
        assert uvm.forget(own, own=False) == 1
        copy = (files("batos") / "documents" / "image.md").read_text("utf-8")
        assert uvm.ingest_text("a copy", copy, own=False).tainted
        assert uvm.forget("a copy", own=False) > 1
        assert uvm.forget(shipped) > 1
