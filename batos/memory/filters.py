"""Filters: which hits meet the conditions of a search's `where`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def satisfies(metadata: Mapping[str, Any], document_id: str, where: Mapping[str, Any]) -> bool:
    """Whether a chunk with this metadata meets every condition of `where`, as `Searcher.search` describes them."""
    facts = {**metadata, "document_id": document_id}
    return all(_meets(facts, key, wanted) for key, wanted in where.items())


def _meets(facts: Mapping[str, Any], key: str, wanted: Any) -> bool:
    if key == "valid":  # `validity` sees to it
        return True
    if key == "under":
        return str(facts["document_id"]).startswith(str(wanted))
    if key in ("since", "until"):
        date = str(facts.get("date", ""))
        return bool(date) and (date >= str(wanted) if key == "since" else date[: len(str(wanted))] <= str(wanted))
    fact = facts.get(key)
    if isinstance(wanted, Collection) and not isinstance(wanted, str | bytes | Mapping):
        return any(_equals(fact, one) for one in wanted)
    return _equals(fact, wanted)


def _equals(fact: Any, wanted: Any) -> bool:
    if isinstance(fact, list):
        return wanted == fact or wanted in fact
    return bool(fact == wanted)
