"""The workbench is what memory says: each panel comes from a document, and goes with it."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.bridge.documents import message_documents
from batos.bridge.kinds import REQUESTS
from batos.errors import BackendRefused
from batos.inference.port import Request
from batos.workbench.audit import audit, kit_names
from batos.workbench.documents import widget_documents
from batos.workbench.generator import write_workbench
from batos.workbench.materials import read_materials
from ui.library import chunks_of, materials

PANELS = [
    "Memory Inspector",
    "Ask",
    "Forget a document",
    "Remember a text",
    "Verify memory",
    "Missions",
    "Inspect an object",
    "System state",
]

WEATHER = """# Message `weather`: Weather

```toml
[message]
kind = "weather"
title = "Weather"
purpose = "Tells the weather of a place."
panel = true
result = "rows"
submit = "Look"

[[message.field]]
name = "place"
label = "Place"
type = "text"
required = true
```
"""


def written(chunks):
    return write_workbench(Request(purpose="workbench", materials={"chunks": chunks}))


def message(title, label='"Place"', type_="text", result="rows", kind="weather"):
    text = WEATHER.replace('title = "Weather"', f"title = {title}").replace('label = "Place"', f"label = {label}")
    text = text.replace('type = "text"', f'type = "{type_}"').replace('result = "rows"', f'result = "{result}"')
    return text.replace('kind = "weather"', f'kind = "{kind}"')


def classes(source):
    return {node.name: ast.unparse(node) for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def test_every_message_that_asks_for_one_has_a_panel_and_the_search_comes_first():
    answer = written(materials())

    assert answer.data["panels"] == PANELS
    assert sum(kind.form.panel for kind in REQUESTS.values()) == len(PANELS)
    audit(answer.text)


def test_a_panel_has_the_fields_and_the_words_of_its_message():
    inspector = classes(written(materials()).text)["MemoryInspector"]

    assert "self.ask_for(TextField(name='query', label='Search for', required=True))" in inspector
    assert "self.ask_for(IntegerField(name='limit', label='How many'))" in inspector
    assert "SubmitButton(text='Search')" in inspector
    assert "self.show(HitsList())" in inspector
    assert "self.link.request('search_memory', asked)" in inspector


@pytest.mark.parametrize("kind, title", [("search_memory", "Memory Inspector"), ("list_missions", "Missions")])
def test_a_forgotten_message_takes_its_panel_along(kind, title):
    answer = written(materials(without=[f"message/{kind}"]))

    assert answer.data["panels"] == [panel for panel in PANELS if panel != title]
    assert kind not in answer.text
    assert [f"message/{kind}", 0] not in answer.data["used"]


def test_a_message_that_is_described_gets_a_panel_without_any_code_for_it():
    answer = written(materials(extra=[("message/weather", WEATHER)]))

    assert "Weather" in answer.data["panels"]
    assert "self.ask_for(TextField(name='place', label='Place', required=True))" in classes(answer.text)["Weather"]
    assert ["message/weather", 0] in answer.data["used"]
    audit(answer.text)


def test_a_message_whose_result_no_widget_shows_is_left_out_with_the_reason():
    answer = written(materials(without=["widget/rows_table"]))

    assert "Missions" not in answer.data["panels"]
    assert answer.notes["left_out"] == ["message/list_missions: no widget shows rows."]


def test_an_optional_field_that_no_widget_takes_is_left_out_but_not_a_required_one():
    without_numbers = written(materials(without=["widget/integer_field"]))
    without_words = written(materials(without=["widget/text_field"]))

    assert "limit" not in classes(without_numbers.text)["MemoryInspector"]
    assert "Memory Inspector" not in without_words.data["panels"]


@pytest.mark.parametrize(
    "chunks, lacking",
    [
        ([], "no document of a message"),
        (materials(without=[document_id for document_id, _, _ in widget_documents()]), "no document of a widget"),
        (materials(without=[document.document_id for document in message_documents()]), "no document of a message"),
        (materials(without=["widget/panel"]), "the role 'panel'"),
        (materials(without=["widget/submit_button"]), "the role 'action'"),
    ],
    ids=["nothing", "no widgets", "no messages", "no panel", "no button"],
)
def test_a_memory_that_lacks_what_a_workbench_needs_is_refused_with_a_sentence(chunks, lacking):
    with pytest.raises(BackendRefused, match=lacking):
        written(chunks)


def test_chunks_that_come_in_another_order_or_twice_give_the_same_program():
    chunks = materials()

    assert written([*reversed(chunks), *chunks[:5]]).text == written(chunks).text


def test_a_block_that_lies_in_several_chunks_is_read_as_one():
    document_id, text = "message/weather", WEATHER
    pieces = [text[start : start + 40] for start in range(0, len(text), 40)]
    chunks = [{"document_id": document_id, "chunk_index": n, "text": piece} for n, piece in enumerate(pieces)]

    assert [found.form.title for found in read_materials(chunks).messages] == ["Weather"]
    assert read_materials([chunk for chunk in chunks if chunk["chunk_index"] != 3]).messages == ()


def test_a_document_that_describes_another_kind_than_it_is_called_is_left_out():
    answer = written(materials(extra=[("message/wether", WEATHER), ("message/odd", "# Nothing here\n")]))

    assert "Weather" not in answer.data["panels"]
    assert len(answer.notes["left_out"]) == 2


def test_a_widget_that_the_kit_lacks_is_not_used():
    hostile = (
        '```toml\n[widget]\nname = "a_list"\nclass = "System"\nrole = "result"\npurpose = ""\nshows = "hits"\n```\n'
    )

    assert (
        "System" not in written(materials(extra=[("widget/a_list", hostile)])).text.split('"""', 2)[2].split("class")[0]
    )


def test_the_catalogue_describes_what_the_kit_exports():
    described = {found.entry.class_name for found in read_materials(materials()).widgets}

    assert described <= kit_names()
    assert kit_names() - described == {"BridgeLink", "LinkReply"}


@given(title=st.text(max_size=60), label=st.text(max_size=60))
def test_whatever_a_document_says_stays_a_literal(title, label):
    text = message(quoted(title), quoted(label))
    answer = written(materials(extra=[("message/weather", text)]))

    weather = classes(answer.text)["Weather"]
    assert f"title = {title!r}" in weather
    assert f"label={label!r}" in weather
    audit(answer.text)


def quoted(text):
    """A TOML string."""
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


@pytest.mark.parametrize("kind", ["panel", "bridge_link", "search__memory", "memory_inspector", "x" * 64])
def test_a_kind_that_would_make_an_odd_class_name_still_gives_a_program(kind):
    answer = written(materials(extra=[(f"message/{kind}", message('"Weather"', kind=kind))]))

    names = list(classes(answer.text))
    assert len(names) == len(set(names)) == len(PANELS) + 2
    audit(answer.text)


def test_a_documents_chunks_are_named_above_the_panel_that_was_made_from_it():
    count = len(chunks_of("message/search_memory", dict_of_messages()["message/search_memory"]))
    numbers = ", ".join(map(str, range(count)))

    assert f"# Made from message/search_memory, chunks {numbers}." in written(materials()).text


def dict_of_messages():
    return {document.document_id: document.text for document in message_documents()}
