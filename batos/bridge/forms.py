"""How a message can be filled in by a person: the described form that a workbench panel is generated from.

Nothing here knows a particular message or a widget. The fields of a form are read off the message's body model: a
field with a title is asked for, a field without one is left to programs.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.fields import FieldInfo

FieldType = Literal["text", "lines", "integer", "choice", "json"]
LINES: dict[str, JsonValue] = {"lines": True}
"""The `json_schema_extra` of a text field that takes several lines."""

Result = Literal["hits", "rows", "text", "state"]
"""Where the answer is found in a reply and what it looks like.

`hits`: `results` is a list of `{chunk, score}`. `rows`: `results` is a list of flat maps. `text`: `details` is the
answer itself. `state`: the first of `results` is one nested map.
"""


class FormField(BaseModel):
    """One field that a person fills in. `choices` is given for the type `choice` only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    label: str
    type: FieldType
    required: bool
    choices: tuple[str, ...] = ()


class Form(BaseModel):
    """What a panel for one message says. `panel`: whether the workbench offers it as a panel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    purpose: str
    panel: bool = False
    result: Result = "text"
    submit: str = "Send"


def form_fields(body: type[BaseModel]) -> tuple[FormField, ...]:
    """The fields of `body` that have a title, in the order of the model."""
    return tuple(_form_field(name, info) for name, info in body.model_fields.items() if info.title is not None)


def _form_field(name: str, info: FieldInfo) -> FormField:
    field_type: FieldType
    field_type, choices = ("lines", ()) if info.json_schema_extra == LINES else _field_type(info.annotation)
    return FormField(name=name, label=info.title or name, type=field_type, required=info.is_required(), choices=choices)


def _field_type(annotation: Any) -> tuple[FieldType, tuple[str, ...]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _field_type(arguments[0])
    if origin in (Union, UnionType):
        remaining = [argument for argument in arguments if argument is not NoneType]
        return _field_type(remaining[0]) if len(remaining) == 1 else ("json", ())
    if origin is Literal:
        return "choice", arguments
    if annotation is str:
        return "text", ()
    if annotation is int:
        return "integer", ()
    return "json", ()
