"""The message kinds as documents: what the table says can be read back from them, and from nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.bridge.documents import MessageForm, form_toml, message_documents, message_form, read_form
from batos.bridge.forms import FormField
from batos.bridge.kinds import KINDS
from batos.errors import BridgeError

DOCUMENTS = {document.document_id: document for document in message_documents()}

texts = st.text(max_size=40)
fields = st.builds(
    FormField,
    name=texts,
    label=texts,
    type=st.sampled_from(["text", "integer", "choice", "json"]),
    required=st.booleans(),
    choices=st.lists(texts, max_size=3).map(tuple),
)
forms = st.builds(
    MessageForm,
    kind=st.from_regex(r"\A[a-z][a-z0-9_]{0,20}\Z"),
    title=texts,
    purpose=texts,
    panel=st.booleans(),
    result=st.sampled_from(["hits", "rows", "text", "state"]),
    submit=texts,
    field=st.lists(fields, max_size=3).map(tuple),
)


def test_there_is_one_document_per_kind():
    assert set(DOCUMENTS) == {f"message/{name}" for name in KINDS}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_form_in_a_document_is_the_one_in_the_table(kind):
    document = DOCUMENTS[f"message/{kind}"]

    assert read_form(document.text) == message_form(kind, KINDS[kind])
    assert document.metadata == {"kind": "message", "message": kind, "title": KINDS[kind].form.title}
    assert KINDS[kind].description in document.text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_form_asks_for_fields_of_the_body_only(kind):
    described = KINDS[kind].body.model_fields

    for field in KINDS[kind].fields:
        assert field.required == described[field.name].is_required()
        assert bool(field.choices) == (field.type == "choice")


def test_the_panels_of_today():
    panels = {name: kind for name, kind in KINDS.items() if kind.form.panel}

    assert {name: (kind.form.result, [field.name for field in kind.fields]) for name, kind in panels.items()} == {
        "search_memory": ("hits", ["query", "limit"]),
        "get_full_state": ("state", []),
        "list_missions": ("rows", ["state"]),
        "inspect_object": ("state", ["name"]),
        "ask": ("text", ["question"]),
        "index_document": ("text", ["document_id", "text"]),
        "forget_document": ("text", ["document_id"]),
        "verify_memory": ("text", []),
    }


def test_a_panel_can_be_filled_in_completely():
    for name, kind in KINDS.items():
        if kind.form.panel:
            needed = {field for field, info in kind.body.model_fields.items() if info.is_required()}
            assert needed <= {field.name for field in kind.fields}, name


def test_what_the_search_document_looks_like():
    assert DOCUMENTS["message/search_memory"].text.endswith(
        """```toml
[message]
kind = "search_memory"
title = "Search memory"
purpose = "Finds passages in everything the system has read."
panel = true
result = "hits"
submit = "Search"

[[message.field]]
name = "query"
label = "Search for"
type = "text"
required = true

[[message.field]]
name = "limit"
label = "How many"
type = "integer"
required = false
```
"""
    )


@given(forms)
def test_any_form_is_read_back_as_it_was_written(form):
    assert read_form(f"# Something\n\n```toml\n{form_toml(form)}```\n") == form


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Only prose", "no toml block"),
        ("```toml\nnot toml\n```", "cannot be read"),
        ('```toml\n[widget]\nname = "row"\n```', "describes no form"),
        ('```toml\n[message]\nkind = "../etc"\n```', "describes no form"),
    ],
)
def test_another_document_is_no_form(text, words):
    with pytest.raises(BridgeError, match=words):
        read_form(text)
