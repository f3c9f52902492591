"""Asking once more: the same request, with what was said and what is wrong with it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from string import Template

from batos.inference.port import Message, Request

LONGEST = 4000
"""Characters of an answer that are shown to its author again; what runs away is cut off here."""


@cache
def _template() -> Template:
    return Template(files("batos.inference").joinpath("prompts", "repair.md").read_text("utf-8").strip())


def repaired(request: Request, said: str, problem: str) -> Request:
    """`request` asked again. `problem` ends without a full stop; `said` may be empty where nothing usable was said."""
    schema = json.dumps(request.output_schema, ensure_ascii=False)
    asked = Message(role="user", content=_template().substitute(problem=problem, schema=schema))
    before = (Message(role="assistant", content=said[:LONGEST]),) if said else ()
    return request.model_copy(update={"messages": (*request.messages, *before, asked)})
