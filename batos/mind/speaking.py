"""How a persona speaks: its identity, its facets, and the request that is made when it asks its model.

Personas are data (`personas/*.toml`). Awakening puts them into the image, and from then on the image holds the truth: a
persona's `identity`, `adapter` and facets are slots that can be read and changed there.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from batos.inference.citations import numbered
from batos.inference.port import Request
from batos.mind import prompts
from batos.objects import lookup
from batos.objects.uvm_object import UvmObject, label

PERSONAS = ("robin", "brick", "babs", "alfred")
# The objects that awakening makes. They are batos's own: only a person teaches or changes them.
WORLD = ("traits", "pllm", "genesis", "memory_manager", "knowledge_catalog", "psm", "orchestrator", *PERSONAS)
FACET = r"^[a-z][a-z0-9_]*_facet_$"
_FACET = re.compile(FACET)


def is_facet(selector: object) -> bool:
    return isinstance(selector, str) and _FACET.fullmatch(selector) is not None


class Facet(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    slot: str = Field(pattern=FACET)
    intent: str = Field(min_length=20, max_length=600)


class Persona(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z]+$")
    mandate: str = Field(min_length=20, max_length=400)
    identity: str = Field(min_length=40, max_length=2000)
    facet: tuple[Facet, ...] = Field(min_length=1)


@cache
def personas() -> tuple[Persona, ...]:
    """The personas that awakening puts into an image. Raises pydantic's `ValidationError` for a bad file."""
    folder = files("batos.mind") / "personas"
    return tuple(Persona(**tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))) for name in PERSONAS)


@dataclass
class Step:
    """One step of a plan while it is performed: whose facet is asked, and the passages it may draw on.

    A step whose `facet` is the persona itself is an inner cycle, which leaves its `trace` and the passages it `found`.
    """

    persona: str
    facet: str
    intent: str
    chunks: list[dict[str, Any]]
    citations: list[Any] = field(default_factory=list)
    found: list[dict[str, Any]] = field(default_factory=list)
    trace: list[dict[str, Any]] = field(default_factory=list)


def request(receiver: UvmObject, query: str, system_prompt: str | None, step: Step | None) -> Request:
    """The request that `receiver` makes of its model when it is sent `infer_`."""
    identity, persona = _slot(receiver, "identity") or "", label(receiver)
    chunks = step.chunks if step else []
    system, user = prompts.render(
        "facet",
        identity=identity,
        system_prompt=system_prompt or "Answer plainly.",
        query=query,
        passages=numbered(chunks) or "none",
    )
    materials: dict[str, Any] = {
        "query": query,
        "persona": persona,
        "facet": step.facet if step else "",
        "intent": step.intent if step else "",
        "system_prompt": system_prompt or "",
        "chunks": chunks,
    }
    return Request(
        purpose="facet",
        messages=(system, user),
        materials=materials,
        persona=persona,
        adapter=_slot(receiver, "adapter"),
    )


def _slot(receiver: UvmObject, name: str) -> str | None:
    found = lookup.find(receiver, name)
    return found.value if found is not None and isinstance(found.value, str) else None
