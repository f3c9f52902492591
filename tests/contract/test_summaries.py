"""Summaries stand above chunks, follow what changes, lead a search to chunks, and are never the truth nor a hit."""

import pytest

import batos
from batos.errors import MissionFailed
from batos.image.undo import undo
from batos.memory import catalog
from batos.memory.catalog import index_document, unindex_document
from batos.memory.chunking import count_tokens
from batos.memory.records import ContextualSummary, MemoryChunk
from batos.memory.search import Searcher
from batos.memory.summaries import BUDGET, WIDTH, refresh, rewrite, root_of, summaries_above, walk
from batos.memory.summarizing import summarize
from batos.memory.turns import Turn, written
from batos.memory.verifying import verify
from batos.settings import Settings
from batos.testing import HashedEmbedder, ScriptedBackend
from contract.memory_tools import image

__all__ = ["image"]  # the fixture


@pytest.fixture
def memory(image):
    searcher = Searcher(image, HashedEmbedder())
    yield searcher
    searcher.close()


def talk(*lines):
    return written(Turn(("Ada", "Alan")[number % 2], line) for number, line in enumerate(lines))


def numbered(count, but=()):
    replaced = dict(but)
    return [replaced.get(number, f"We spoke of owl {number} and the barn.") for number in range(count)]


def remember(image, text, document_id="talk", media="chat"):
    return image.change("remember", lambda world: index_document(world, document_id, text, media=media))


def shape(image, document_id="talk"):
    """(level, first, last, text, object id) of every summary of a document."""
    with image.reading() as world:
        root = root_of(world, document_id)
        found = list(walk(root)) if root is not None else []
        return [(one.level, one.first, one.last, one.text, one._p_oid) for one in found]


# Levels


def test_levels_are_built_until_one_summary_is_on_top(image, memory):
    remember(image, talk(*numbered(50)))

    assert summarize(image, memory.sections) == 9 + 2 + 1
    found = shape(image)

    assert [(level, first, last) for level, first, last, _, _ in found if level > 1] == [
        (3, 0, 49),
        (2, 0, 35),
        (2, 36, 49),
    ]
    ends = [(first, last) for level, first, last, _, _ in found if level == 1]
    assert ends == [(start, min(start + WIDTH, 50) - 1) for start in range(0, 50, WIDTH)]
    assert all(text for *_, text, _ in found)


def test_a_summary_says_what_its_chunks_say_and_a_chunk_knows_the_one_above_it(image, memory):
    remember(image, talk(*numbered(14)))
    summarize(image, memory.sections)

    with image.reading() as world:
        chunks = catalog.find_document(world, "talk").chunks
        above, top = summaries_above(world, "talk", 8)
        assert (top.level, top.first, top.last) == (2, 0, 13)
        said = "".join(chunk.text for chunk in chunks[6:12])
        assert (above.level, above.first, above.last) == (1, 6, 11)
        assert all(line.partition(": ")[2] in said for line in above.text.split("\n"))


def test_a_document_of_two_chunks_has_no_summary(image, memory):
    remember(image, talk("An owl.", "A barn."))

    assert summarize(image, memory.sections) == 0
    assert shape(image) == []


# Following changes


def test_only_what_is_above_a_change_is_written_anew(image, memory):
    remember(image, talk(*numbered(50)))
    summarize(image, memory.sections)
    former = {oid for *_, oid in shape(image)}

    remember(image, talk(*numbered(50, {20: "The lighthouse was dark."})))
    assert shape(image) == []  # not level: nobody uses it

    assert summarize(image, memory.sections) == 3
    assert len({oid for *_, oid in shape(image)} & former) == 9
    assert verify(image, memory).sound


def test_a_chunk_put_in_front_moves_the_summaries_and_leaves_their_words(image, memory):
    remember(image, talk(*numbered(36)))
    summarize(image, memory.sections)

    remember(image, written([Turn("Zoe", "Good morning.")]) + talk(*numbered(36)))
    summarize(image, memory.sections)

    lowest = [(first, last) for level, first, last, _, _ in shape(image) if level == 1]
    assert lowest == [(0, 0), *((start, start + 5) for start in range(1, 37, 6))]
    assert verify(image, memory).sound


def test_a_conversation_that_goes_on_gets_new_summaries_at_its_end_only(image, memory):
    remember(image, talk(*numbered(12)))
    summarize(image, memory.sections)
    for length in (13, 15, 19, 31):
        remember(image, talk(*numbered(length)))
        summarize(image, memory.sections)
        lowest = [(first, last) for level, first, last, _, _ in shape(image) if level == 1]
        assert lowest[0] == (0, 5)
        assert [place for first, last in lowest for place in range(first, last + 1)] == list(range(length))
    assert summarize(image, memory.sections) == 0


def test_undoing_forgetting_and_restoring_are_followed(image, memory):
    remember(image, talk(*numbered(12)))
    summarize(image, memory.sections)
    before = shape(image)
    remember(image, talk(*numbered(12, {3: "The lighthouse was dark."})))
    changed = image.newest().hex()
    summarize(image, memory.sections)

    undo(image, changed)
    summarize(image, memory.sections)
    assert [one[:4] for one in shape(image)] == [one[:4] for one in before]

    image.change("forget", lambda world: unindex_document(world, "talk"))
    summarize(image, memory.sections)
    assert shape(image) == []
    assert memory.sections.index.count() == 0
    assert verify(image, memory).sound


def test_an_aborted_refresh_leaves_nothing(image, memory):
    class Away(Exception):
        pass

    remember(image, talk(*numbered(12)))
    with pytest.raises(Away), image.transaction("summarize") as world:  # noqa: PT012
        refresh(world, "talk")
        raise Away
    assert shape(image) == []
    assert memory.sections.index.count() == 0
    assert summarize(image, memory.sections) == 3


def test_words_of_a_model_stay_as_long_as_what_they_summarise(image, memory):
    remember(image, talk(*numbered(12)))
    summarize(image, memory.sections)

    def write(world):
        for number, one in enumerate(walk(root_of(world, "talk"))):
            rewrite(one, f"Summary {number}, by a model.", "mission-1")

    image.change("have it written", write)
    remember(image, talk(*numbered(12, {0: "The lighthouse was dark."})))
    summarize(image, memory.sections)

    with image.reading() as world:
        by = {(one.level, one.first): one.written_by for one in walk(root_of(world, "talk"))}
    assert by == {(2, 0): "extract", (1, 0): "extract", (1, 6): "mission-1"}


# Searching


def test_half_of_a_surrogate_pair_in_the_words_of_a_model_stops_no_search(image, memory):
    remember(image, talk(*numbered(10)))
    summarize(image, memory.sections)
    image.change("rewrite", lambda world: rewrite(root_of(world, "talk"), "Owls \ud83d in the barn.", "a mission"))

    assert memory.search("owls in the barn")
    with image.reading() as world:
        assert summaries_above(world, "talk", 0)[-1].text.encode()
    assert verify(image, memory).sound


def test_a_search_is_led_to_chunks_that_say_nothing_of_the_question(image, memory):
    lines = numbered(30, {13: "The lighthouse keeper was ill.", 15: "His daughter took the oars."})
    remember(image, talk(*lines))

    before = memory.search("lighthouse keeper", 30)
    summarize(image, memory.sections)
    after = memory.search("lighthouse keeper", 30)

    assert all(hit.explanation.section == 0 for hit in before)
    by_number = {hit.chunk_index: hit for hit in after}
    assert by_number[13] is after[0]
    assert {12, 13, 14, 15, 16, 17} <= {number for number, hit in by_number.items() if hit.explanation.section > 0.3}
    assert "section" in by_number[15].explanation.told


@pytest.mark.parametrize("model", [None, HashedEmbedder()])
def test_hits_are_chunks_and_never_summaries(image, model):
    remember(image, talk(*numbered(30)))
    searcher = Searcher(image, model)
    summarize(image, searcher.sections)
    with image.reading() as world:
        texts = {chunk.text for chunk in catalog.find_document(world, "talk").chunks}

    hits = searcher.search("owl barn spoke", 100)

    assert len(hits) == 30
    assert {hit.text for hit in hits} <= texts
    searcher.close()


def test_summaries_that_are_not_level_are_not_used(image, memory):
    remember(image, talk(*numbered(12, {3: "The lighthouse was dark."})))
    summarize(image, memory.sections)
    remember(image, talk(*numbered(12)))

    assert all(hit.explanation.section == 0 for hit in memory.search("lighthouse owl", 12))


def test_a_lost_index_of_summaries_is_made_again(image, memory):
    remember(image, talk(*numbered(12)))
    summarize(image, memory.sections)
    memory.search("owl")
    memory.close()
    for path in (image.path / "index").glob("summaries*.sqlite3"):
        path.write_bytes(b"\0" * 4096)

    with_new = Searcher(image, HashedEmbedder())
    assert any(hit.explanation.section > 0 for hit in with_new.search("owl barn", 12))
    assert verify(image, with_new).sound
    assert with_new.statistics().summaries == 3
    with_new.close()


def test_a_long_document_is_summarised_within_the_budget(image, memory):
    sections = "".join(f"## Part {n}\n\n{'Owls hunt mice in barns at night. ' * 20}\n\n" for n in range(20))
    remember(image, sections, "owls.md", "markdown")
    summarize(image, memory.sections)

    with image.reading() as world:
        root = root_of(world, "owls.md")
        assert isinstance(root, ContextualSummary)
        lowest = [one for one in walk(root) if one.level == 1]
        assert all(isinstance(child, MemoryChunk) for one in lowest for child in one.children)
        assert all(0 < count_tokens(one.text) <= BUDGET for one in walk(root))


def test_a_short_document_does_not_lose_against_one_that_has_summaries(image, memory):
    remember(image, talk(*numbered(30)))
    remember(image, "The lighthouse keeper was ill.", "note", "text")
    summarize(image, memory.sections)

    hits = memory.search("lighthouse keeper", 40)

    assert hits[0].document_id == "note"
    assert hits[0].explanation.section == pytest.approx(0.5)


# Written by a model


def test_a_model_writes_them_level_by_level_in_a_mission(tmp_path):
    backend = ScriptedBackend(lambda request: f"Of {len(request.materials['passages'])} parts.")
    with batos.open(f"sqlite:{tmp_path}/a.image", model=backend, settings=Settings(heartbeat=False)) as uvm:
        remember(uvm.image, talk(*numbered(14)))
        mission = uvm.summarize_by_model("talk")
        assert mission.result(20) == {"written": 4}

        with uvm.image.reading() as world:
            found = [(one.level, one.text, one.written_by) for one in walk(root_of(world, "talk"))]
        assert [(level, text) for level, text, _ in found] == [
            (2, "Of 3 parts."),
            (1, "Of 6 parts."),
            (1, "Of 6 parts."),
            (1, "Of 2 parts."),
        ]
        assert {by for *_, by in found} == {mission.id}
        assert all(request.purpose == "summary" for request in backend.requests)
        top = backend.requests[-1].materials["passages"]
        assert all(text.startswith("Of ") for text in top)
        assert len(uvm.store.journal(mission.id)) == len(found)

        asked = len(backend.requests)
        assert uvm.summarize_by_model("talk").result(20) == {"written": 0}
        assert len(backend.requests) == asked


def test_a_model_that_fails_leaves_no_summary_half_written(tmp_path):
    replies = iter(["One.", "Two.", "Three.", ""])
    backend = ScriptedBackend(lambda request: next(replies))
    with batos.open(f"sqlite:{tmp_path}/a.image", model=backend, settings=Settings(heartbeat=False)) as uvm:
        remember(uvm.image, talk(*numbered(14)))
        with pytest.raises(MissionFailed):
            uvm.summarize_by_model("talk").result(20)
        assert shape(uvm.image) == []
