"""What the system did, as documents: each mission's receipt, each failure, each version of a method.

They are not copied into the catalog. The text index reads them off the log where they are, and a hit is read from the
image like any other. A search finds them only when its filter asks for their kind, so they never stand among the
passages that answer a question.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from batos.objects.values import as_text

RECEIPT = ("batos.image.receipts", "Receipt")
METHOD = ("batos.objects.records", "Method")
KINDS = frozenset({"receipt", "failure", "method"})

LONGEST = 4_000  # characters of the text of one


@dataclass(frozen=True)
class Told:
    """One of them as a document. `metadata` links to the mission that made it and to what it supersedes."""

    document_id: str
    kind: str
    text: str
    metadata: dict[str, Any]


def asked_kinds(where: Mapping[str, Any]) -> frozenset[str]:
    """The kinds of own history that a filter asks for; none unless it asks for nothing else."""
    wanted = where.get("kind")
    kinds = [wanted] if isinstance(wanted, str) else list(wanted) if isinstance(wanted, Collection) else []
    return frozenset(kinds) if all(isinstance(kind, str) and kind in KINDS for kind in kinds) else frozenset()


def told_of(record: tuple[str, str], slots: Mapping[str, Any]) -> Told | None:
    """The document that a record with these slots is; None for a primitive, which has no text."""
    found = _receipt(slots) if record == RECEIPT else _method(slots)
    # What a model answered may hold half of a surrogate pair, which no reader of a document can take.
    return found and replace(found, text=as_text(found.text))


def _receipt(slots: Mapping[str, Any]) -> Told:
    brief = slots["brief"]
    failed = slots["outcome"] == "failed"
    asked = f"{brief.get('type', 'mission')}: `{brief.get('selector', '')}`"
    lines = [
        f"Mission {slots['mission']}, {asked} {slots['outcome']}.",
        _shown(brief.get("args")),
        str(slots["reason"]),
        _shown(slots["answer"]),
    ]
    metadata = {
        "kind": "failure" if failed else "receipt",
        "mission": slots["mission"],
        "outcome": slots["outcome"],
        "selector": brief.get("selector", ""),
        "made_by": slots["mission"],
        "date": _date(slots["made_at"]),
        "tainted": True,
    }
    text = "\n".join(line for line in lines if line)[:LONGEST]
    return Told(f"mission/{slots['mission']}", metadata["kind"], text, metadata)


def _method(slots: Mapping[str, Any]) -> Told | None:
    if slots["source"] is None and slots["intent"] is None:
        return None
    provenance, contract = slots["provenance"], slots["contract"]
    intent = slots["intent"] or contract.get("intent") or ""
    head = f"Method `{slots['selector']}`, version {slots['version']}, {slots['trust']}. {intent}".strip()
    metadata = {
        "kind": "method",
        "selector": slots["selector"],
        "version": slots["version"],
        "trust": slots["trust"],
        "made_by": provenance.get("mission"),
        "supersedes": slots["version"] - 1 or None,
        "date": _date(provenance.get("made_at")),
        "tainted": True,
    }
    text = f"{head}\n\n{slots['source'] or ''}".strip()[:LONGEST]
    return Told(f"method/{slots['selector']}/{slots['version']}", "method", text, metadata)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("answer"), str):
        return str(value["answer"])
    return "" if value in (None, [], (), {}) else json.dumps(value, ensure_ascii=False, default=str)


def _date(moment: Any) -> str | None:
    if not isinstance(moment, int | float) or not moment:
        return None
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M")
