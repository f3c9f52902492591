"""What memory says about messages and widgets, read back from the passages that it returned.

Passages come in any order, one document may lie in several of them, and what they say may be anything: a document
that cannot be read is left out and named with the reason; it never stops the others. Nothing here knows how a
workbench is made from what it returns.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batos.bridge.documents import TOML_BLOCK, MessageForm, read_form
from batos.errors import BridgeError
from batos.workbench.documents import PREFIX as WIDGET_PREFIX

MESSAGE_PREFIX = "message/"

Role = Literal["field", "action", "status", "result", "panel", "window"]


@dataclass(frozen=True, order=True)
class Passage:
    """The place of a text in memory: a document and the number of the chunk in it."""

    document_id: str
    chunk_index: int


class WidgetEntry(BaseModel):
    """The `[widget]` table of a document. `shows` is given for results, `accepts` for fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    class_name: Annotated[str, Field(alias="class", pattern=r"^[A-Z][A-Za-z0-9]{0,63}$")]
    role: Role
    purpose: Annotated[str, Field(max_length=300)]
    shows: Literal["hits", "rows", "text", "state"] | None = None
    accepts: tuple[str, ...] = ()
    emits: Literal["value", "submit"] | None = None


@dataclass(frozen=True)
class MessageFound:
    form: MessageForm
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class WidgetFound:
    entry: WidgetEntry
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Materials:
    """Messages and widgets by document id; `unread` are sentences about documents that were left out."""

    messages: tuple[MessageFound, ...]
    widgets: tuple[WidgetFound, ...]
    unread: tuple[str, ...]


class Unreadable(Exception):
    """A document that describes nothing; the text says why."""


def read_materials(chunks: Iterable[Mapping[str, Any]]) -> Materials:
    """What the chunks describe. A chunk has `document_id`, `chunk_index` and `text`; other things are passed over."""
    messages, widgets, unread = [], [], []
    for document_id, pieces in sorted(_by_document(chunks).items()):
        text = "".join(pieces[index] for index in sorted(pieces))
        passages = tuple(Passage(document_id, index) for index in sorted(pieces))
        try:
            if document_id.startswith(MESSAGE_PREFIX):
                messages.append(MessageFound(_read_message(document_id, text), passages))
            elif document_id.startswith(WIDGET_PREFIX):
                widgets.append(WidgetFound(_read_widget(document_id, text), passages))
        except Unreadable as error:
            unread.append(f"{document_id}: {error}")
    return Materials(tuple(messages), tuple(widgets), tuple(unread))


def _by_document(chunks: Iterable[Mapping[str, Any]]) -> dict[str, dict[int, str]]:
    """The texts of each document by their number. The pieces of a document, joined in order, are its text."""
    documents: dict[str, dict[int, str]] = defaultdict(dict)
    for chunk in chunks:
        document_id, index, text = (chunk.get(name) for name in ("document_id", "chunk_index", "text"))
        if isinstance(document_id, str) and isinstance(index, int) and isinstance(text, str):
            documents[document_id][index] = text
    return documents


def _read_message(document_id: str, text: str) -> MessageForm:
    try:
        form = read_form(text)
    except BridgeError as error:
        raise Unreadable(error.facts["reason"]) from error
    if document_id != MESSAGE_PREFIX + form.kind:
        raise Unreadable(f"it describes the message {form.kind!r}, which is not what it is called.")
    return form


def _read_widget(document_id: str, text: str) -> WidgetEntry:
    block = TOML_BLOCK.search(text)
    if block is None:
        raise Unreadable("it holds no toml block.")
    try:
        entry = WidgetEntry.model_validate(tomllib.loads(block.group(1)).get("widget"))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise Unreadable(f"its toml block describes no widget: {error}.") from error
    if document_id != WIDGET_PREFIX + entry.name:
        raise Unreadable(f"it describes the widget {entry.name!r}, which is not what it is called.")
    return entry
