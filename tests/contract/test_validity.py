"""What holds no longer, not yet, or was superseded is found only when it is asked for."""

import pytest

import batos
from batos.errors import FilterRefused, MemoryRefused, UnknownDocument, UnknownObject
from batos.memory.catalog import index_document
from batos.memory.summaries import summaries
from batos.memory.validity import supersede
from batos.settings import Settings


@pytest.fixture(params=["sqlite", "file"])
def uvm(request, tmp_path):
    settings = Settings(heartbeat=False, embedding="none")
    with batos.open(f"{request.param}:{tmp_path}/a.image", settings=settings) as opened:
        opened.ingest_text("old", "The museum opens at nine.")
        opened.ingest_text("new", "The museum opens at ten.")
        yield opened


def found(uvm, **where):
    return sorted(hit.document_id for hit in uvm.search("when does the museum open", where=where))


def test_what_was_superseded_is_found_only_when_asked_for(uvm):
    uvm.supersede("old", "new")

    assert found(uvm) == ["new"]
    assert found(uvm, valid="any") == ["new", "old"]
    assert found(uvm, superseded_by="new") == ["old"]
    assert found(uvm, valid="1999-01-01") == ["new", "old"]
    (hit,) = uvm.search("museum", where={"superseded_by": "new"})
    assert hit.metadata["superseded_by"] == "new"
    assert hit.metadata["until"]


def test_a_document_holds_between_its_days(uvm):
    uvm.limit_validity("old", "2001-01-01", "2001-12-31")
    uvm.limit_validity("new", since="2002-01-01")

    assert found(uvm) == ["new"]
    assert found(uvm, valid="2001-12-31") == ["old"]
    assert found(uvm, valid="2000-05-05") == []


def test_a_chunk_may_have_days_of_its_own(uvm):
    text = "# Hours\n\nIn winter the museum opens at eleven.\n\n# Tea\n\nThe museum opens a tea room."
    with uvm.transaction("hours") as world:
        index_document(world, "hours", text, media="markdown")
    uvm.limit_validity("hours", "2001-01-01")
    uvm.limit_validity("hours", until="2010-03-01", chunk_index=0)

    assert [hit.chunk_index for hit in uvm.search("museum", where={"document_id": "hours"})] == [1]
    assert facts(uvm, valid="2005-06-06") == {0: ("2001-01-01", "2010-03-01"), 1: ("2001-01-01", None)}
    assert facts(uvm, valid="2000-06-06") == {}
    uvm.undo(uvm.image.newest().hex())
    assert len(uvm.search("museum", where={"document_id": "hours"})) == 2


def test_a_document_may_take_the_place_of_one_chunk(uvm):
    text = "# Hours\n\nThe museum opens at eight.\n\n# Tea\n\nThe museum opens a tea room."
    with uvm.transaction("hours") as world:
        index_document(world, "hours", text, media="markdown")
    uvm.supersede("hours", "new", chunk_index=0)

    assert [hit.chunk_index for hit in uvm.search("museum", where={"document_id": "hours"})] == [1]
    (hit,) = uvm.search("museum", where={"superseded_by": "new"})
    assert (hit.document_id, hit.chunk_index) == ("hours", 0)
    with pytest.raises(MemoryRefused):
        uvm.supersede("hours", "hours", chunk_index=1)
    with pytest.raises(UnknownObject):
        uvm.supersede("hours", "new", chunk_index=2)


def test_a_summary_holds_as_long_as_its_document(uvm):
    text = "".join(f"# Room {number}\n\nThe museum shows room {number}.\n\n" for number in range(7))
    with uvm.transaction("rooms") as world:
        index_document(world, "rooms", text, media="markdown")
    uvm.summarize()
    uvm.limit_validity("rooms", "2001-01-01", "2001-12-31")
    with uvm.image.reading() as world:
        assert {(summary.since, summary.until) for summary in summaries(world)} == {("2001-01-01", "2001-12-31")}


def facts(uvm, **where):
    hits = uvm.search("museum", where={"document_id": "hours", **where})
    return {hit.chunk_index: (hit.metadata.get("since"), hit.metadata.get("until")) for hit in hits}


def test_days_are_undone_with_the_document_that_came_with_them(uvm, tmp_path):
    (tmp_path / "notice.md").write_text("The museum opens at noon.")
    (report,) = uvm.ingest(tmp_path / "notice.md", since="2001-01-01", until="2001-12-31").documents
    change = uvm.image.newest().hex()
    assert report.document_id in found(uvm, valid="2001-06-01")
    assert report.document_id not in found(uvm)

    uvm.undo(change)
    assert report.document_id not in found(uvm, valid="any")
    with pytest.raises(MemoryRefused, match="no day"):
        uvm.ingest(tmp_path / "notice.md", since="soon")
    assert report.document_id not in found(uvm, valid="any")


def test_a_view_of_the_past_and_an_undo_find_it_again(uvm):
    before = uvm.image.newest().hex()
    uvm.supersede("old", "new")
    change = uvm.image.newest().hex()

    with uvm.at(before) as view:
        assert sorted(hit.document_id for hit in view.search("museum")) == ["new", "old"]
    uvm.undo(change)
    assert found(uvm) == ["new", "old"]


def test_a_circle_that_undoing_made_holds_nobody_up(uvm):
    uvm.ingest_text("newest", "The museum opens at eleven.")
    uvm.supersede("old", "new")
    uvm.undo(uvm.image.newest().hex())
    undone = uvm.image.newest().hex()
    uvm.supersede("new", "old")
    uvm.undo(undone)

    uvm.supersede("newest", "new")

    assert found(uvm) == []
    assert found(uvm, valid="any") == ["new", "newest", "old"]


def test_the_own_transaction_sees_what_it_superseded(uvm):
    with uvm.transaction("supersede") as world:
        supersede(world, "old", "new")
        assert found(uvm) == ["new"]


def test_what_makes_no_sense_is_refused(uvm):
    uvm.supersede("old", "new")
    with pytest.raises(MemoryRefused):
        uvm.supersede("new", "old")
    with pytest.raises(MemoryRefused):
        uvm.supersede("new", "new")
    with pytest.raises(MemoryRefused):
        uvm.limit_validity("new", "2002-01-01", "2001-01-01")
    for day in ("soon", "20240531", "2024-W22-5"):
        with pytest.raises(MemoryRefused):
            uvm.limit_validity("new", day)
    with pytest.raises(UnknownDocument):
        uvm.supersede("older", "new")
    refused = [{"valid": day} for day in ("soon", 3, "20240531", "2024-W22-5", ["2024-05-31"])]
    for where in (*refused, {"since": "13"}, {"since": "２０２４"}, {"until": None}, {"under": 1}):
        with pytest.raises(FilterRefused):
            uvm.search("museum", where=where)
    with pytest.raises(UnknownObject):
        uvm.limit_validity("new", "2001-01-01", chunk_index=1)
