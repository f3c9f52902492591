"""The shapes that a model must answer in: strict, bounded, and small, because a model runs away in loose ones.

Every bound is here for a reason found by measuring: open-ended strings and lists, floats and extra keys are where
constrained generation is cut off.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Archetype = Literal["technical", "emotional", "factual", "self_improvement"]


class Plan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    archetype: Archetype
    strategy: str = Field(max_length=300)
    lead: str = Field(max_length=40)
    relevant_pillars: tuple[str, ...] = Field(min_length=1, max_length=6)
    sub_queries: dict[str, str] = Field(max_length=6)


class Citation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    document_id: str = Field(max_length=300)
    chunk_index: int = Field(ge=0, le=1_000_000)


class Weave(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: str = Field(min_length=1, max_length=6000)
    citations: tuple[Citation, ...] = Field(max_length=24)
    known: bool


def schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()
