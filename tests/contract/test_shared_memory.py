"""Memory of an image on a server: one index for all machines, ranked as a file is, and made again when it is lost."""

from contextlib import closing, contextmanager

import pytest

from batos.errors import ImageUnavailable
from batos.image.derived import Derived, place_of, places_of
from batos.image.image import Image
from batos.memory.catalog import index_document, lay_catalog, unindex_document
from batos.memory.search import Searcher
from batos.memory.summarizing import summarize
from batos.memory.turns import Turn, written
from batos.memory.vectors import index_name
from batos.memory.verifying import verify
from batos.testing import HashedEmbedder
from contract.memory_tools import lose, uri_of
from postgresql_server import missing
from storages import new_place

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

TALK = [Turn("Ada", "I saw an owl."), Turn("Alan", "Where was the owl?"), Turn("Ada", "In the barn, asleep.")] * 4
TEXTS = {
    "owls": "# Owls\n\nHunters in the dark.\n\n## Nests\n\nIn hollow trees, near an owl's hunting ground.",
    "bread": "Flour and water, 漢字 and more.",
    "null": "A byte of \0 nothing, and dark water.",
}


@contextmanager
def laid(storage, folder, server):
    with new_place(storage, folder, lambda: server) as place, Image.open(place) as image:
        image.change("lay the catalog", lay_catalog)
        yield image


@pytest.fixture
def image(postgresql, tmp_path):
    with laid("postgresql", tmp_path, postgresql) as opened:
        yield opened


@pytest.fixture
def memory(image):
    with closing(Searcher(image, HashedEmbedder())) as searcher:
        yield searcher


def remember(image, document_id, text, media="markdown"):
    image.change("remember", lambda world: index_document(world, document_id, text, media=media))


def fill(image):
    for document_id, text in TEXTS.items():
        remember(image, document_id, text)
    remember(image, "talk", written(TALK), "chat")
    image.change("forget", lambda world: unindex_document(world, "bread"))
    remember(image, "bread", TEXTS["bread"] + " Also salt.")


def ids(hits):
    return [hit.document_id for hit in hits]


def scores(searcher, question):
    return {(hit.document_id, hit.chunk_index): hit.score for hit in searcher.search(question, limit=50)}


def near(expected):
    """Questions are compared in 16 or 32 bits, and sums are taken in another order."""
    return pytest.approx(expected, abs=0.002)


QUESTIONS = ["hunting owl dark", "Where did Ada see the owl?", '"hollow trees"', "漢", "water salt", "nothing"]


def test_the_ranking_is_that_of_a_file(image, memory, postgresql, tmp_path):
    with (
        laid("sqlite", tmp_path / "beside", postgresql) as other,
        closing(Searcher(other, HashedEmbedder())) as beside,
    ):
        for one, searcher in ((image, memory), (other, beside)):
            fill(one)
            summarize(one, searcher.sections)
            searcher.embed()
        for question in QUESTIONS:
            assert scores(memory, question) == near(scores(beside, question)), question
            assert scores(memory, question)
    assert verify(image, memory).sound


def test_what_one_machine_embedded_no_other_embeds_again(image, memory, tmp_path, monkeypatch):
    fill(image)
    summarize(image, memory.sections)
    memory.embed()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
    model = HashedEmbedder()
    with Image.open(uri_of(image)) as other, closing(Searcher(other, model)) as searcher:
        assert other.path != image.path
        assert scores(searcher, "hunting") == near(scores(memory, "hunting"))
        assert set(model.seen) == {"hunting"}, "only the question was to be embedded"
        remember(other, "bats", "Hunters of moths.")
        assert "bats" in ids(searcher.search("hunting"))
    assert "bats" in ids(memory.search("hunting"))
    assert not list((image.path / "index").glob("*.sqlite3"))


def test_an_open_transaction_sees_its_own_and_others_go_on(image, memory):
    fill(image)
    memory.embed()

    with closing(Searcher(image, HashedEmbedder())) as other, image.transaction("read on") as world:
        index_document(world, "bats", "Hunters of moths.")
        unindex_document(world, "owls")
        assert ids(memory.search("moths hunting"))[0] == "bats"
        assert "owls" not in ids(memory.search("hunting"))
        assert other.index.documents() == 4
    assert ids(memory.search("moths"))[0] == "bats"


def test_an_index_that_is_gone_is_made_again_for_all(image, memory):
    fill(image)
    expected = near(scores(memory, "hunting dark"))
    with closing(Searcher(image, HashedEmbedder())) as other:
        assert scores(other, "hunting dark") == expected
        for index in (memory.index, memory.vectors, memory.sections.index):
            lose(index)
            assert scores(memory, "hunting dark") == expected
            assert scores(other, "hunting dark") == expected
        remember(image, "bats", "Hunters of moths.")
        assert ids(memory.search("moths"))[0] == ids(other.search("moths"))[0] == "bats"
    assert verify(image, memory).sound


def test_a_damaged_index_costs_itself_only(image, memory):
    fill(image)
    expected = near(scores(memory, "hunting dark"))
    with memory.index.writing(), memory.index._using() as database:
        database.execute("update page set postings = ?", (b"harmed",))
    memory.close()
    memory.vectors.embedder.seen.clear()

    assert scores(memory, "hunting dark") == expected
    assert set(memory.vectors.embedder.seen) == {"hunting dark"}, "its vectors were made again too"


def test_a_connection_that_broke_is_told_and_opened_again(image, memory, postgresql):
    fill(image)
    memory.search("owl")
    pid = memory.index._home.rows()._connection.info.backend_pid
    postgresql.run("SELECT pg_terminate_backend(%s, 5000)", pid)

    with pytest.raises(ImageUnavailable, match="server"):
        memory.search("owl")
    assert memory.search("owl")


def test_models_whose_names_begin_alike_do_not_share_an_index(image):
    names = [index_name(f"{'a-very-long-model-name-' * 4}{number}") for number in range(2)]
    schemas = [place_of(image.where, name).name for name in names]

    assert len(set(schemas)) == 2
    assert all(len(schema) <= 63 for schema in schemas)


def test_what_is_discarded_is_gone_from_the_server(image, memory, postgresql):
    fill(image)
    memory.search("owl")
    places = places_of(image.where)
    assert place_of(image.where, "text") in places

    memory.close()
    for place in places:
        Derived(place, image.id).discard()
    assert places_of(image.where) == []
    assert memory.search("owl")


# pgvector


@pytest.fixture
def extended(image, postgresql):
    """The image's database with the extension."""
    database = image.db.storage._adapter.connmanager._dsn.partition("dbname=")[2].split()[0]
    if not postgresql.run("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"):
        pytest.skip("the server has no pgvector (postgresql-15-pgvector, or built from its source)")
    yield lambda: postgresql.run("CREATE EXTENSION IF NOT EXISTS vector", database=database)
    postgresql.run("DROP EXTENSION IF EXISTS vector CASCADE", database=database)


def test_the_server_compares_vectors_where_it_can(image, extended):
    with closing(Searcher(image, HashedEmbedder())) as memory:
        fill(image)
        expected = near(scores(memory, "hunting dark"))

    extended()
    with closing(Searcher(image, HashedEmbedder())) as memory:
        assert scores(memory, "hunting dark") == expected
        assert not memory.vectors._matrices, "it was compared here"
        with memory.vectors.comparing() as compared:
            assert len(compared) == memory.vectors.count()
        before = image.newest()
        image.change("forget", lambda world: unindex_document(world, "owls"))
        remember(image, "bats", "Hunters of moths.")
        assert "bats" in ids(memory.search("hunting"))
        assert "owls" not in ids(memory.search("hunting"))
        assert len(memory.search("hunting", limit=1_000)) == memory.statistics().chunks
        with image.reading_at(before) as world:
            found = ids(memory.search("hunting", limit=1_000, world=world))
        assert "owls" in found
        assert "bats" not in found
        assert verify(image, memory).sound
