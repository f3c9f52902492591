"""A schema made so narrow that no model can run away in it, or name what is not there.

What a request was given as materials says more than its schema: which facets exist, which passages were found. What is
made here allows a part of what the schema allows, never more, so an answer is still checked against the schema itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from batos.inference.port import Request

Schema = dict[str, Any]

LONGEST_TEXT = 1200
LONGEST_LIST = 16
LONGEST_SUB_QUERY = 160
FEWEST_FACETS, MOST_FACETS = 2, 4
MOST_CITATIONS = 6


def tightened(request: Request, longest: int = LONGEST_TEXT) -> Schema:
    """The schema for the answer to `request`, which must have one; no text in it has more letters than `longest`."""
    schema: Schema = request.output_schema or {}
    narrow = {"plan": _plan, "weave": _weave}.get(request.purpose)
    made = narrow(schema, request.materials) if narrow is not None else None
    narrowed: Schema = bounded(made if made is not None else schema, longest)
    return narrowed


def bounded(schema: Any, longest: int = LONGEST_TEXT) -> Any:
    """`schema` with limits where it has none, for texts, lists and whole numbers, and no keys that it does not name."""
    if not isinstance(schema, dict):
        return schema
    made = {key: _bounded_member(key, value, longest) for key, value in schema.items()}
    kind = made.get("type")
    if kind == "string" and not made.keys() & {"enum", "const", "pattern", "format"}:
        made["maxLength"] = max(min(made.get("maxLength", longest), longest), made.get("minLength", 0))
    elif kind == "array":
        made["maxItems"] = min(made.get("maxItems", LONGEST_LIST), max(LONGEST_LIST, made.get("minItems", 0)))
    elif kind == "integer":
        made.setdefault("minimum", -(10**9))
        made.setdefault("maximum", 10**9)
    elif kind == "object" and "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


def _bounded_member(key: str, value: Any, longest: int) -> Any:
    if key in ("properties", "$defs", "definitions"):
        return {name: bounded(member, longest) for name, member in value.items()}
    if key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        return [bounded(member, longest) for member in value]
    if key in ("items", "additionalProperties"):
        return bounded(value, longest)
    return value


def settled(request: Request, data: Any) -> Any:
    """The answer's data without what no grammar can rule out: a plan that names a facet twice asks it once."""
    if request.purpose == "plan" and isinstance(data, dict) and isinstance(data.get("relevant_pillars"), list):
        return {**data, "relevant_pillars": list(dict.fromkeys(data["relevant_pillars"]))}
    return data


def _text(least: int, most: int) -> Schema:
    return {"type": "string", "minLength": least, "maxLength": most}


def _plan(schema: Schema, materials: dict[str, Any]) -> Schema | None:
    """Facets that were offered, each at most once, each with its question; the lead is one of their personas."""
    facets: Any = materials.get("facets")
    wanted = {"archetype", "strategy", "lead", "relevant_pillars", "sub_queries"}
    if schema.get("properties", {}).keys() != wanted or not isinstance(facets, list) or not facets:
        return None
    slots = list(dict.fromkeys(str(facet["slot"]) for facet in facets))
    leads = list(dict.fromkeys(str(facet["persona"]) for facet in facets))
    limits = schema["properties"]
    question = _text(1, LONGEST_SUB_QUERY)
    chosen = {
        "archetype": limits["archetype"],
        "strategy": _text(1, limits["strategy"].get("maxLength", LONGEST_TEXT)),
        "lead": {"enum": leads},
        "relevant_pillars": {
            "type": "array",
            "items": {"enum": slots},
            "minItems": min(FEWEST_FACETS, len(slots)),
            "maxItems": min(MOST_FACETS, len(slots)),
        },
        "sub_queries": _closed(dict.fromkeys(slots, question), required=()),
    }
    return _closed(chosen, required=chosen)


def _weave(schema: Schema, materials: dict[str, Any]) -> Schema | None:
    """Either it is known, and passages that were found are cited, or it is not, and none are."""
    chunks: Any = materials.get("chunks")
    if schema.get("properties", {}).keys() != {"answer", "citations", "known"} or not isinstance(chunks, list):
        return None
    answer = _text(1, LONGEST_TEXT)
    none = {"citations": {"type": "array", "maxItems": 0}, "answer": answer, "known": {"const": False}}
    if not chunks:
        return _closed(none)
    cited = [
        _closed({"document_id": {"const": chunk["document_id"]}, "chunk_index": {"const": chunk["chunk_index"]}})
        for chunk in chunks
    ]
    most = min(MOST_CITATIONS, len(chunks))
    some = {
        "citations": {"type": "array", "items": {"anyOf": cited}, "minItems": 1, "maxItems": most},
        "answer": answer,
        "known": {"const": True},
    }
    return {"anyOf": [_closed(some), _closed(none)]}


def _closed(properties: Schema, required: Iterable[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [*(properties if required is None else required)],
        "additionalProperties": False,
    }
