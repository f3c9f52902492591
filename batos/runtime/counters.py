"""What is counted: spending against budgets, calls of methods; and the few single values that the runtime remembers.

None of it stands in the image: there a counter would turn every read into a write, conflict on hot methods and fill the
history. Functions on a transaction that the caller opened.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from threading import Lock
from typing import Any, Literal, Protocol, TypeAlias

from batos.errors import BudgetExhausted
from batos.runtime.briefs import JSON, from_text, to_text
from batos.runtime.database import Transaction
from batos.runtime.journal import JournalEntry

Unit = Literal["tokens", "money"]
UNITS: tuple[Unit, ...] = ("tokens", "money")
Purse: TypeAlias = tuple[str, str]  # scope and key of a budget: ("mission", id), ("day", "2025-11-23")
EVERY = "*"  # the key under which a scope's limit stands for all keys without one of their own

DAY = 86_400  # seconds
FLUSH_SECONDS = 5.0
FLUSH_CALLS = 2000

CHARGE = """
    INSERT INTO budgets (scope, key, unit, spent) VALUES (:scope, :key, :unit, :spent)
    ON CONFLICT (scope, key, unit) DO UPDATE SET spent = budgets.spent + excluded.spent"""

BUDGET = "SELECT scope, key, unit, ceiling, spent FROM budgets"

SET_LIMIT = """
    INSERT INTO budgets (scope, key, unit, ceiling, spent) VALUES (:scope, :key, :unit, :ceiling, 0)
    ON CONFLICT (scope, key, unit) DO UPDATE SET ceiling = excluded.ceiling"""

COUNT = """
    INSERT INTO counters (oid, selector, version, calls, errors, micros)
    VALUES (:oid, :selector, :version, :calls, :errors, :micros)
    ON CONFLICT (oid, selector, version) DO UPDATE SET
        calls = counters.calls + excluded.calls, errors = counters.errors + excluded.errors,
        micros = counters.micros + excluded.micros"""

COUNTERS = """
    SELECT oid, selector, version, calls, errors, micros FROM counters
    WHERE oid = COALESCE(:oid, oid) AND selector = COALESCE(:selector, selector)
    ORDER BY oid, selector, version"""

FORGET = "DELETE FROM counters WHERE oid = :oid AND selector = :selector AND version = :version"

SET_META = "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
METAS = "SELECT key, value FROM meta WHERE substr(key, 1, :size) = :beginning ORDER BY key"
META = "SELECT value FROM meta WHERE key = :key"


class Reader(Protocol):
    """A transaction, or the database itself for a read outside one."""

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]: ...

    def row(self, statement: str, **values: Any) -> tuple[Any, ...] | None: ...


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent and what was. No limit is None. `scope` says what it is for, `unit` in what it is counted."""

    scope: str
    key: str
    unit: Unit
    limit: float | None
    spent: float

    @property
    def left(self) -> float | None:
        return None if self.limit is None else max(0.0, self.limit - self.spent)


@dataclass(frozen=True, slots=True)
class CallCount:
    """How one version of a method has done: calls, those that raised, and the time of all in microseconds."""

    oid: str
    selector: str
    version: int
    calls: int
    errors: int
    micros: int


def day_of(now: float) -> str:
    """The key of the day's budget, in UTC."""
    return _day(int(now // DAY))


@lru_cache(maxsize=4)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * DAY, UTC).date().isoformat()


def read_budgets(reader: Reader, purses: Sequence[Purse]) -> list[Budget]:
    """The budget of each purse in each unit."""
    return [Budget(*standing) for standing in _standing(reader, purses)]


def _standing(reader: Reader, purses: Sequence[Purse]) -> list[tuple[str, str, Unit, float | None, float]]:
    """A key without a limit of its own has the limit of its scope."""
    standing = []
    wanted = {
        f"{name}{number}": part for number, purse in enumerate(purses) for name, part in zip("sk", purse, strict=True)
    }
    rows = reader.rows(standing_of(len(purses)), **wanted)
    found = {(scope, key, unit): (ceiling, spent) for scope, key, unit, ceiling, spent in rows}
    for scope, key in purses:
        for unit in UNITS:
            ceiling, spent = found.get((scope, key, unit), (None, 0.0))
            if ceiling is None:
                ceiling, _ = found.get((scope, EVERY, unit), (None, 0.0))
            standing.append((scope, key, unit, ceiling, spent))
    return standing


@cache
def standing_of(purses: int) -> str:
    """One statement for all purses: they are read before every inference. Asked for two keys of a scope at once, SQLite
    would look through all of its keys."""
    wanted = ((number, key) for number in range(purses) for key in (f":k{number}", f"'{EVERY}'"))
    return " UNION ALL ".join(f"{BUDGET} WHERE scope = :s{number} AND key = {key}" for number, key in wanted)


def can_pay(reader: Reader, purses: Sequence[Purse]) -> bool:
    """Whether something is left of each."""
    return all(ceiling is None or spent < ceiling for *_, ceiling, spent in _standing(reader, purses))


def check_budgets(reader: Reader, purses: Sequence[Purse]) -> None:
    """Raises BudgetExhausted when nothing is left of one of them, in either unit."""
    for scope, key, unit, ceiling, spent in _standing(reader, purses):
        if ceiling is not None and spent >= ceiling:
            raise BudgetExhausted(scope=scope, key=key, spent=f"{spent:g}", limit=f"{ceiling:g}", unit=unit)


def charge(tx: Transaction, entries: Sequence[JournalEntry], purses: Iterable[Purse]) -> None:
    """Add what the entries cost to each budget. Paid is paid: also when another answer was recorded first."""
    tokens = sum(entry.prompt_tokens + entry.completion_tokens for entry in entries)
    money = sum(entry.cost for entry in entries)
    spent = [(unit, amount) for unit, amount in (("money", money), ("tokens", float(tokens))) if amount]
    if spent:  # in one order everywhere, so that two transactions never lock crosswise
        rows = [(scope, key, unit, amount) for scope, key in sorted(set(purses)) for unit, amount in spent]
        tx.run_each(CHARGE, [dict(zip(("scope", "key", "unit", "spent"), row, strict=True)) for row in rows])


class CallCounts:
    """Counts in memory until enough came together to be worth a write. Those since then are lost with the process."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], list[int]] = {}
        self._lock = Lock()
        self._calls = 0
        self._due = time.monotonic() + FLUSH_SECONDS

    def add(self, oid: str, selector: str, version: int, calls: int, errors: int, micros: int) -> None:
        with self._lock:
            count = self._counts.get((oid, selector, version))
            if count is None:
                count = self._counts[oid, selector, version] = [0, 0, 0]
            count[0] += calls
            count[1] += errors
            count[2] += micros
            self._calls += calls

    @property
    def empty(self) -> bool:
        return not self._calls

    @property
    def due(self) -> bool:
        return bool(self._calls) and (self._calls >= FLUSH_CALLS or time.monotonic() >= self._due)

    def flush(self, tx: Transaction) -> None:
        with self._lock:
            counts, self._counts, self._calls = self._counts, {}, 0
            self._due = time.monotonic() + FLUSH_SECONDS
        for (oid, selector, version), (calls, errors, micros) in sorted(counts.items()):
            tx.run(COUNT, oid=oid, selector=selector, version=version, calls=calls, errors=errors, micros=micros)


def set_meta(tx: Transaction, key: str, value: JSON) -> None:
    tx.run(SET_META, key=key, value=to_text(value))


def read_meta(reader: Reader, key: str, default: JSON = None) -> JSON:
    row = reader.row(META, key=key)
    return default if row is None else from_text(row[0])


def read_metas(reader: Reader, beginning: str) -> dict[str, JSON]:
    """Values by key, of the keys that begin so; those set to nothing are left out."""
    rows = reader.rows(METAS, size=len(beginning), beginning=beginning)
    found = {key: from_text(value) for key, value in rows}
    return {key: value for key, value in found.items() if value is not None}
