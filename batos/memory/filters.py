"""Filters: which hits meet the conditions of a search's `where`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from batos.errors import FilterRefused
from batos.objects.values import as_text

ANY = "any"  # of `valid`: whether a chunk holds does not matter
_MOMENT = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d)?)?)?)?)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def check(where: Mapping[str, Any]) -> None:
    """Raises `FilterRefused` for a condition that no chunk could be meant by."""
    for key, wanted in where.items():
        if key == "valid" and wanted != ANY and not is_day(wanted):
            raise FilterRefused(name=key, value=wanted, reason="it is neither a day like 2024-05-31 nor `any`.")
        if key in ("since", "until") and not (isinstance(wanted, str) and _MOMENT.fullmatch(wanted)):
            raise FilterRefused(name=key, value=wanted, reason="write it like 2024, 2024-05, 2024-05-31 or longer.")
        if key == "under" and not isinstance(wanted, str):
            raise FilterRefused(name=key, value=wanted, reason="it is the beginning of a document's id.")
        if key in ("under", "document_id") and isinstance(wanted, str) and as_text(wanted) != wanted:
            raise FilterRefused(name=key, value=wanted, reason="no document's id holds half of a surrogate pair.")


def is_day(wanted: Any) -> bool:
    """Whether it is a day as days are compared, sign by sign: ISO has other forms of it, too."""
    try:
        date.fromisoformat(wanted)
    except (TypeError, ValueError):
        return False
    return _DAY.fullmatch(wanted) is not None


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
        date, moment = str(facts.get("date", "")), str(wanted).replace(" ", "T")
        if key == "until":
            return bool(date) and date[: len(moment)] <= moment
        return bool(date) and (date >= moment or moment.startswith(date))  # the date may be the less exact one
    fact = facts.get(key)
    if isinstance(wanted, Collection) and not isinstance(wanted, str | bytes | Mapping):
        return any(_equals(fact, one) for one in wanted)
    return _equals(fact, wanted)


def _equals(fact: Any, wanted: Any) -> bool:
    if isinstance(fact, list):
        return wanted == fact or wanted in fact
    return bool(fact == wanted)
