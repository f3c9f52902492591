"""The message kinds as Markdown documents for memory, and the form read back from such a document.

One document per kind, named `message/<kind>`: prose for people, then one fenced `toml` block for generators. The
workbench is built from what memory returns of these documents, never from the table itself, so that forgetting a
document takes its panel away and a new document brings a new panel.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batos.bridge.forms import Form, FormField, Result
from batos.bridge.kinds import KINDS, Kind
from batos.errors import BridgeError

TOML_BLOCK = re.compile(r"^```toml[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class MessageDocument:
    """What `index_document` is given. The metadata tells messages from other documents in a search."""

    document_id: str
    text: str
    metadata: dict[str, str] = field(default_factory=dict)


class MessageForm(BaseModel):
    """The `[message]` table of a document: a kind and the form for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    title: str
    purpose: str
    panel: bool
    result: Result
    submit: str
    field: tuple[FormField, ...] = ()


def message_documents() -> Iterator[MessageDocument]:
    """One document for every row of the table, in its order."""
    for name, kind in KINDS.items():
        metadata = {"kind": "message", "message": name, "title": kind.form.title}
        yield MessageDocument(f"message/{name}", write_document(message_form(name, kind), kind), metadata)


def message_form(name: str, kind: Kind) -> MessageForm:
    return MessageForm(kind=name, **kind.form.model_dump(), field=kind.fields)


def write_document(form: MessageForm, kind: Kind) -> str:
    """The Markdown for one kind. `read_form` gives the same `form` back."""
    return "\n\n".join(
        (
            f"# Message `{form.kind}`: {form.title}",
            f"{form.purpose} {kind.description}",
            _who_sends(kind),
            *_body_lines(kind),
            f"```toml\n{form_toml(form)}```\n",
        )
    )


def _who_sends(kind: Kind) -> str:
    roles = ", ".join(sorted(kind.roles))
    return f"Sent by clients with the role: {roles}." if kind.is_request else f"Sent by the daemon to: {roles}."


def _body_lines(kind: Kind) -> Iterator[str]:
    described = [(name, info) for name, info in kind.body.model_fields.items() if info.description]
    if described:
        yield "\n".join(
            f"- `{info.alias or name}`{'' if info.is_required() else ' (may be left out)'}: {info.description}"
            for name, info in described
        )


def form_toml(form: MessageForm) -> str:
    """The fenced block's content, readable by `tomllib`."""
    lines = ["[message]"]
    lines += _pairs(kind=form.kind, title=form.title, purpose=form.purpose, panel=form.panel)
    lines += _pairs(result=form.result, submit=form.submit)
    for entry in form.field:
        lines += ["", "[[message.field]]", *_pairs(**entry.model_dump(exclude_defaults=True))]
    return "\n".join(lines) + "\n"


def _pairs(**values: object) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in values.items()]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return f'"{"".join(_escaped(character) for character in str(value))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def read_form(text: str) -> MessageForm:
    """The form in a document's `toml` block.

    Raises BridgeError with the reason where there is no such block, it is no TOML, or it describes no form.
    """
    block = TOML_BLOCK.search(text)
    if block is None:
        raise BridgeError(reason="the document holds no toml block.")
    try:
        table = tomllib.loads(block.group(1))
        return MessageForm.model_validate(table.get("message"))
    except tomllib.TOMLDecodeError as error:
        raise BridgeError(reason=f"the document's toml block cannot be read: {error}.") from error
    except ValidationError as error:
        raise BridgeError(reason=f"the document describes no form: {error}.") from error


__all__ = ["Form", "MessageDocument", "MessageForm", "form_toml", "message_documents", "read_form", "write_document"]


def own_documents() -> Iterator[tuple[str, str, str]]:
    """(document id, text, kind) of every message, for the memory of the system."""
    for document in message_documents():
        yield document.document_id, document.text, document.metadata["kind"]
