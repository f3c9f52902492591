"""Methods whose selector says what they do: naming conventions and facets, both read from `conventions.toml`.

A convention applies only on an exact match of selector, slot name and slot type; two conventions that would give
different sources cancel each other. Nothing is guessed here.
"""

from __future__ import annotations

import keyword
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from pydantic import BaseModel, ConfigDict

from batos.methods.synthesis.brief import Brief, refused
from batos.methods.synthesis.values import LISTS, type_of

WIDTH = 100
"""Longest line of a literal in the source, in characters."""


class Convention(BaseModel):
    """One row of the table; the meaning of the fields is written at its head."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str
    holds: tuple[str, ...]
    takes: str = "any"
    says: str
    source: str

    @property
    def arity(self) -> int:
        return 1 if self.pattern.endswith("_") else 0


class Facet(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str


class Conventions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    convention: tuple[Convention, ...]
    facet: Facet


@cache
def table() -> Conventions:
    text = files(__package__).joinpath("conventions.toml").read_text(encoding="utf-8")
    return Conventions.model_validate(tomllib.loads(text))


def by_convention(brief: Brief) -> tuple[str, Convention] | None:
    """The source that the selector's name asks for and the convention it follows, or None."""
    found = {source: convention for convention, source in _matches(brief)}
    return next(iter(found.items())) if len(found) == 1 else None


def _matches(brief: Brief) -> Iterator[tuple[Convention, str]]:
    argument = brief.cases[0] if brief.cases else brief.message
    for convention in table().convention:
        if argument is not None and (brief.keywords or len(argument.inputs) != convention.arity):
            continue
        if argument is not None and convention.arity and not _is(convention.takes, argument.inputs[0]):
            continue
        for slot, item in _slots(convention, brief):
            filled = Template(convention.source.strip() + "\n").substitute(
                selector=brief.selector, slot=slot, item=item, described=_described(brief)
            )
            yield convention, filled


def _slots(convention: Convention, brief: Brief) -> Iterator[tuple[str, str]]:
    """The slots that the selector names by this convention, each with a name for the argument."""
    if not convention.holds:
        if convention.pattern == brief.selector and _described(brief):
            yield "", "value"
        return
    for slot, value in brief.slots.items():
        if not any(_is(kind, value) for kind in convention.holds):
            continue
        item = singular(slot)
        pattern = convention.pattern.replace("SLOT", slot)
        if "ITEM" in pattern and item != slot:
            pattern = pattern.replace("ITEM", item)
        if pattern == brief.selector:
            yield slot, item if item not in (slot, "self") and not keyword.iskeyword(item) else "value"
    for slot in brief.opaque:
        if "any" in convention.holds and convention.pattern.replace("SLOT", slot) == brief.selector:
            yield slot, "value"


def _is(kind: str, value: Any) -> bool:
    if kind == "any":
        return True
    if kind == "set":
        return isinstance(value, (set, frozenset))
    found = type_of(value)
    return found == kind or (found in LISTS and kind == "list") or (found == "items" and kind in LISTS)


def _described(brief: Brief) -> str:
    shown = [slot for slot, value in brief.slots.items() if type_of(value) in ("text", "number", "flag")]
    return ", ".join(f"{slot}: {{self.{slot}}}" for slot in shown)


def singular(name: str) -> str:
    """`tags` -> `tag`, `entries` -> `entry`; a name without a plural ending stays as it is."""
    if name.endswith("ies") and len(name) > 4:
        return name[:-3] + "y"
    if name.endswith(("sses", "xes", "ches", "shes")):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") and len(name) > 2 else name


def facet(brief: Brief) -> str:
    """The source of a facet: it sends `infer_` once, with the query and a system prompt that holds the intent.

    The intent stands in the source as a literal. Raises BackendRefused if there is no intent to hold.
    """
    if not brief.intent.strip():
        raise refused(
            f"The facet {brief.selector!r} of {brief.owner} has no intent to build a system prompt from. "
            "Put an intent, one sentence, into the slot of that name."
        )
    prompt = Template(table().facet.prompt.strip()).substitute(owner=brief.owner, intent=brief.intent.strip())
    lines = "\n".join(f"        {piece}" for piece in _literal(prompt))
    return (
        f"def {brief.selector}(self, query):\n"
        f"    system_prompt = (\n{lines}\n    )\n"
        "    return self.infer_(query, system_prompt=system_prompt)\n"
    )


def _literal(text: str) -> Iterator[str]:
    """`text` as adjacent string literals, none longer than a line."""
    for line in text.splitlines(keepends=True):
        start = 0
        while start < len(line):
            end = start + WIDTH if len(line) - start > WIDTH else len(line)
            if end < len(line) and (space := line.rfind(" ", start, end)) > start:
                end = space + 1
            yield repr(line[start:end])
            start = end
