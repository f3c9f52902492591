"""The shapes that a model must answer in: strict, bounded, and small, because a model runs away in loose ones.

Every bound is here for a reason found by measuring: open-ended strings and lists, floats and extra keys are where
constrained generation is cut off. Where a request knows which names there are, its schema admits no others.
"""

from __future__ import annotations

import copy
from functools import cache, lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Archetype = Literal["technical", "emotional", "factual", "self_improvement"]
Name = Annotated[str, Field(min_length=1, max_length=60)]
MOST_STEPS = 6


class Plan(BaseModel):
    """`relevant_pillars` are the steps: facets by their slots, personas by their names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    archetype: Archetype
    strategy: str = Field(max_length=300)
    lead: Name
    relevant_pillars: tuple[Name, ...] = Field(min_length=1, max_length=MOST_STEPS)
    sub_queries: dict[Name, Annotated[str, Field(max_length=600)]] = Field(max_length=16)


class Citation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    document_id: str = Field(max_length=300)
    chunk_index: int = Field(ge=0, le=1_000_000)


class Weave(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: str = Field(min_length=1, max_length=6000)
    citations: tuple[Citation, ...] = Field(max_length=24)
    known: bool


class Verdict(BaseModel):
    """Whether an answer addresses its question, and whether its passages support it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    addresses: bool
    supported: bool
    reason: str = Field(max_length=300)


@cache
def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of `model`, made once; it is not to be changed."""
    return model.model_json_schema()


@lru_cache(maxsize=64)
def plan_schema(steps: tuple[str, ...], leads: tuple[str, ...]) -> dict[str, Any]:
    """The schema of a `Plan` that can name nothing but these steps and leads; it is not to be changed."""
    made = copy.deepcopy(schema(Plan))
    fields = made["properties"]
    fields["lead"] = {"enum": list(leads)}
    fields["relevant_pillars"]["items"] = {"enum": list(steps)}
    query = fields["sub_queries"].pop("additionalProperties")
    fields["sub_queries"] |= {"properties": dict.fromkeys(steps, query), "additionalProperties": False}
    del fields["sub_queries"]["maxProperties"]
    return made


@lru_cache(maxsize=256)
def weave_schema(documents: tuple[str, ...]) -> dict[str, Any]:
    """The schema of a `Weave` that can cite nothing but these documents; it is not to be changed."""
    made = copy.deepcopy(schema(Weave))
    if documents:
        made["$defs"]["Citation"]["properties"]["document_id"] = {"enum": list(documents)}
    else:
        made["properties"]["citations"] = {"type": "array", "items": False, "maxItems": 0}
    return made
