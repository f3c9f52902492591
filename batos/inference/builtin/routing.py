"""Purpose `plan`: the archetype of a question, who leads, and which facets are asked what.

The rules are data, in `routing.toml`; every rule that matched is told in the answer's notes. Only offered facets are
planned: a persona that the user made gets a place when its intent shares words with the question. A question in several
parts gets further minds: for each part after the first, a persona that is offered thinks it through by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from batos.inference.builtin.facets import sub_query
from batos.inference.builtin.words import content_stems, read_table
from batos.inference.port import Answer, Request


class _Archetype(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    lead: str
    assists: tuple[str, ...]
    facets: tuple[str, ...]
    strategy: str


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    archetype: str
    weight: float = Field(gt=0)
    pattern: re.Pattern[str]
    reason: str


class _Limits(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    facets: int = Field(ge=1)
    minds: int = Field(ge=0)
    joint: re.Pattern[str]
    part_words: int = Field(ge=1)
    minimum: float
    fallback: str
    meaning: float = Field(ge=0)


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    limits: _Limits
    archetypes: dict[str, _Archetype]
    rules: tuple[_Rule, ...]

    @model_validator(mode="after")
    def _rules_name_archetypes(self) -> _Table:
        named = {rule.archetype for rule in self.rules} | {self.limits.fallback}
        if strays := named - set(self.archetypes):
            raise ValueError(f"Rules name archetypes that the table lacks: {sorted(strays)}.")
        return self


class OfferedFacet(BaseModel):
    """A facet that the plan may use: whose it is, its slot, what it is for. A persona itself has its name as slot."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    persona: str
    slot: str
    intent: str = ""

    @property
    def is_persona(self) -> bool:
        return self.slot == self.persona


@lru_cache(maxsize=1)
def _table() -> _Table:
    return _Table.model_validate(read_table("routing.toml"))


@lru_cache(maxsize=1)
def examples() -> dict[str, tuple[str, ...]]:
    """Questions by the archetype they belong to, for comparison by meaning."""
    table: Any = read_table("routing_examples.toml")
    return {name: tuple(texts) for name, texts in table.items()}


def plan(request: Request) -> Answer:
    """A plan for the question in the materials: query, facets offered, and optionally the archetypes to choose from,
    and how much the question is like each archetype's examples (`alike`)."""
    query = str(request.materials.get("query", ""))
    offered = _offered(request.materials.get("facets"))
    alike: Any = request.materials.get("alike") or {}
    name, scores, reasons = classify(query, among=_names(request.materials.get("archetypes")), alike=alike)
    archetype = _table().archetypes[name]
    steps = _chosen(archetype, offered, query)
    lead = _lead(archetype, offered)
    first, *rest = parts(query)
    considered = _considered(rest, archetype, offered)
    facets = steps[: _table().limits.facets + 1 - len(considered)]
    queries = {facet.slot: sub_query(facet.slot, first) for facet in facets} | considered
    if facets and _is_alone(offered):
        queries[facets[0].slot] = first  # without its angle: nobody else states what is plain
    reasons += [f"{slot} thinks a part of its own through: {part!r}" for slot, part in considered.items()]
    data: dict[str, JsonValue] = {
        "archetype": name,
        "strategy": archetype.strategy,
        "relevant_pillars": list(queries),
        "sub_queries": dict(queries),
        "lead": lead,
    }
    notes: dict[str, JsonValue] = {"reasons": list(reasons), "scores": dict(scores)}
    return Answer(text=json.dumps(data, ensure_ascii=False), data=data, notes=notes, model="builtin")


def classify(
    query: str, among: Iterable[str] = (), alike: Mapping[str, float] = MappingProxyType({})
) -> tuple[str, dict[str, float], list[str]]:
    """The archetype of a question, the score of every archetype, and the reason of every rule that matched.

    `alike` is the cosine of the question and each archetype's nearest examples, where a model measured it: what an
    archetype has beyond the least one counts.
    """
    table, lowered = _table(), query.lower()
    allowed = [name for name in table.archetypes if name in set(among)] or list(table.archetypes)
    scores = dict.fromkeys(allowed, 0.0)
    reasons = []
    for rule in table.rules:
        if rule.archetype in scores and (match := rule.pattern.search(lowered)):
            scores[rule.archetype] += rule.weight
            reasons.append(f"{rule.archetype} +{rule.weight:g}: {rule.reason} ({match.group().strip()!r})")
    least = min((alike[name] for name in scores if name in alike), default=0.0)
    for name in scores:
        if name in alike and alike[name] > least:
            scores[name] += (added := table.limits.meaning * (alike[name] - least))
            reasons.append(f"{name} +{added:.2f}: like its examples (cosine {alike[name]:.2f})")
    best = max(scores, key=lambda name: scores[name])
    if scores[best] < table.limits.minimum:
        best = table.limits.fallback if table.limits.fallback in scores else allowed[0]
        reasons.append(f"{best}: no rule was strong enough")
    return best, scores, reasons


def _offered(facets: Any) -> tuple[OfferedFacet, ...]:
    return tuple(OfferedFacet.model_validate(facet) for facet in facets or ())


def _names(archetypes: Any) -> tuple[str, ...]:
    """Archetype names, given as a list or as the keys of a map; empty means all."""
    return tuple(name for name in archetypes or () if isinstance(name, str))


def _chosen(archetype: _Archetype, offered: tuple[OfferedFacet, ...], query: str) -> tuple[OfferedFacet, ...]:
    """The archetype's facets as far as they are offered, then those whose intent touches the question. A persona that
    thinks by itself asks all of its own."""
    by_slot = {facet.slot: facet for facet in reversed(offered)}
    preferred = [by_slot[slot] for slot in archetype.facets if slot in by_slot]
    known = {slot for other in _table().archetypes.values() for slot in other.facets}
    asked = set(content_stems(query))
    others = [facet for facet in offered if facet.slot not in known and not facet.is_persona]
    own = [facet for facet in others if asked & set(content_stems(facet.intent))]
    if _is_alone(offered):
        own = [facet for facet in offered if not facet.is_persona]
    if not preferred and not own:
        facets = [facet for facet in offered if not facet.is_persona]
        own = [facet for facet in facets if facet.persona.upper() == archetype.lead] or facets
    return tuple(dict.fromkeys(preferred + own))[: _table().limits.facets]


def _is_alone(offered: tuple[OfferedFacet, ...]) -> bool:
    """Whether one persona thinks by itself."""
    return len({facet.persona for facet in offered}) == 1


def parts(query: str) -> list[str]:
    """The questions of which one is put together; of a single one, itself."""
    limits = _table().limits
    for joint in limits.joint.finditer(query):
        first, rest = query[: joint.start()].strip(" ,;"), query[joint.end() :].strip()
        if min(len(content_stems(first)), len(content_stems(rest))) >= limits.part_words:
            return [first, *parts(rest)]
    return [query]


def _considered(rest: Sequence[str], archetype: _Archetype, offered: tuple[OfferedFacet, ...]) -> dict[str, str]:
    """Which persona thinks through which further part: those who assist, then the others but the lead. Where there are
    more parts than personas, the last takes what is left."""
    personas = {facet.slot.upper(): facet.slot for facet in offered if facet.is_persona}
    others = [name for name in personas if name not in (*archetype.assists, archetype.lead)]
    slots = [personas[name] for name in (*archetype.assists, *others) if name in personas][: _table().limits.minds]
    if not slots:
        return {}
    last = len(slots) - 1
    shared = [*rest[:last], ", and ".join(rest[last:])] if len(rest) > len(slots) else rest
    return dict(zip(slots, shared, strict=False))


def _lead(archetype: _Archetype, offered: tuple[OfferedFacet, ...]) -> str:
    """The archetype's lead, as the offer spells it; if it is not offered, the first assistant that is."""
    spelled = {facet.persona.upper(): facet.persona for facet in reversed(offered)}
    for persona in (archetype.lead, *archetype.assists):
        if persona in spelled:
            return spelled[persona]
    return offered[0].persona if offered else archetype.lead
