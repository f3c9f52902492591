"""The First Conversation as a mission: the system reads its documents and writes its window from what memory holds.

What memory does not hold the window does not show, and what is added to memory it shows. Every window here is run for
real: under confinement, offscreen, with a search that goes over the bridge.
"""

from __future__ import annotations

import pytest

import batos
from batos.clock import SystemClock
from batos.image.loading import admitted
from batos.inference.builtin.backend import BuiltinBackend
from batos.memory.catalog import index_document
from batos.runtime.own_documents import own_documents
from batos.settings import Settings
from batos.testing import ScriptedBackend, temporary_image
from batos.workbench.generator import write_workbench

pytestmark = pytest.mark.timeout(120)

NOTES = """
# Message `notes`

Shows what was noted.

```toml
[message]
kind = "notes"
title = "Notes of the night"
purpose = "Shows what was noted."
panel = true
result = "rows"
submit = "Show"
```
"""


def display(image):
    return image["genesis"].ingest_and_display_yourself()


def panels(image):
    return display(image)["report"]["panels"]


@pytest.fixture(scope="module")
def told():
    """An image that has held its First Conversation."""
    with temporary_image() as image:
        image.report = display(image)
        yield image


def test_the_window_was_searched_in_and_its_hits_came_over_the_bridge(told):
    report = told.report["report"]
    assert report["count"] == len(report["hits"]) > 0
    assert set(report["hits"][0]) >= {"document", "chunk", "score", "text"}
    assert report["states"] == ["idle", "busy", "done", "busy", "error"]


def test_source_and_picture_are_installed_on_genesis(told):
    workbench = told["genesis"].workbench
    assert workbench.written_by == "builtin"
    assert "class MemoryInspector(Panel)" in workbench.source
    assert workbench.picture.startswith(b"\x89PNG")


def test_why_lists_the_chunks_it_was_made_from(told):
    why = told.why("genesis", "workbench")
    documents = {document for document, _ in why.chunks}
    assert {"message/search_memory", "widget/hits_list"} <= documents
    assert [entry["state"] for entry in why.trace] == ["IDLE", "DECOMPOSING", "DELEGATING", "SYNTHESIZING", "COMPLETE"]
    assert ("program", "workbench") in [(asked["kind"], asked["name"]) for asked in why.asked]


def test_facets_were_asked_what_it_should_show(told):
    trace = told.mission(told.why("genesis", "workbench").mission["id"])["trace"]
    assert trace[2]["facets"]


def test_every_own_document_is_remembered_untainted(told):
    hits = told.search("batos", limit=200)
    assert {document for document, _, _ in own_documents()} >= {hit.document_id for hit in hits}
    assert not any(hit.metadata["tainted"] for hit in hits)


def test_a_forgotten_message_has_no_panel_and_an_added_one_has(told):
    """Two ablations in one regeneration: a document taken out of memory, and one put in."""
    assert "Ask" in told.report["report"]["panels"]
    told.forget("message/ask")
    with told.transaction("describe another message") as world:
        index_document(world, "message/notes", NOTES, {"kind": "message"}, "markdown", tainted=False)
    shown = panels(told)
    assert "Ask" not in shown
    assert "Notes of the night" in shown


def test_without_documents_of_messages_it_fails_with_a_sentence():
    with temporary_image() as image:
        for document_id, text, kind in own_documents():
            with image.transaction("remember and forget") as world:
                index_document(world, document_id, text, {"kind": kind}, "markdown", tainted=False)
            if kind == "message":
                image.forget(document_id)
        with pytest.raises(batos.MissionFailed, match="memory holds no message documents"):
            display(image)
        assert "workbench" not in [slot["name"] for slot in image.inspect("genesis")["slots"]]


def test_after_enough_refusals_the_built_in_backend_writes_it_and_says_so():
    def model(request):
        if request.purpose == "workbench":
            return "import os\nos.system('true')\n"
        if request.purpose == "plan":
            return {
                "archetype": "technical",
                "strategy": "ask one",
                "lead": "brick",
                "relevant_pillars": ["literal_facet_"],
                "sub_queries": {},
            }
        if request.purpose == "method":
            intent = request.materials["contract"]["intent"]
            return f"def literal_facet_(self, query):\n    return self.infer_(query, system_prompt={intent!r})\n"
        return "Show what was found [1]."

    backend = ScriptedBackend(model)
    with temporary_image(model=backend, settings=Settings(repair_rounds=2)) as image:
        assert display(image)["written_by"] == "builtin"
        trace = image.mission(image.why("genesis", "workbench").mission["id"])["trace"]
        refused = trace[3]["refused"]
    assert [entry["writer"] for entry in refused] == ["scripted", "scripted"]
    assert "os" in refused[0]["reason"]
    assert len([request for request in backend.requests if request.purpose == "workbench"]) == 2


@pytest.mark.parametrize("wrapped", ["{}", "Here it is:\n\n```python\n{}\n```\n"])
def test_a_model_writes_it_from_the_same_chunks_under_the_same_acceptance(wrapped):
    def model(request):
        if request.purpose == "workbench":
            return wrapped.replace("{}", write_workbench(request).text)
        return BuiltinBackend("", SystemClock()).generate(request)

    with temporary_image(model=ScriptedBackend(model)) as image:
        assert display(image)["written_by"] == "scripted"
        assert image["genesis"].workbench.written_by == "scripted"


def test_nothing_of_memory_needs_a_class_that_images_may_not_hold(told):
    with told.image.reading():
        for logged in told.image.transactions_since(b"\0" * 8):
            for record in logged.records:
                assert admitted(*record.kind)
