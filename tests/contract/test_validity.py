"""What holds no longer, not yet, or was superseded is found only when it is asked for."""

import pytest

import batos
from batos.errors import MemoryRefused, UnknownDocument
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


def test_a_view_of_the_past_and_an_undo_find_it_again(uvm):
    before = uvm.image.newest().hex()
    uvm.supersede("old", "new")
    change = uvm.image.newest().hex()

    with uvm.at(before) as view:
        assert sorted(hit.document_id for hit in view.search("museum")) == ["new", "old"]
    uvm.undo(change)
    assert found(uvm) == ["new", "old"]


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
    with pytest.raises(MemoryRefused):
        uvm.limit_validity("new", "soon")
    with pytest.raises(UnknownDocument):
        uvm.supersede("older", "new")
