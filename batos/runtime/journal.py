"""The journal: every performed need with its answer, first wins; and the log of attempts.

Functions on a transaction that the caller opened. A mission's answers are all that its cycle needs to run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from batos.runtime.briefs import JSON, NeedKey, from_text, to_text
from batos.runtime.database import Transaction
from batos.runtime.passages import Texts, cut_answer, cut_request, whole_answer, whole_request

FIELDS = (
    "kind, hash, occurrence, request, answer, model, adapter, prompt_tokens, completion_tokens, cost, seconds, made_at"
)

INSERT = f"""
    INSERT INTO journal (mission, {FIELDS})
    VALUES (:mission, :kind, :hash, :occurrence, :request, :answer, :model, :adapter, :prompt_tokens,
        :completion_tokens, :cost, :seconds, :made_at)
    ON CONFLICT DO NOTHING"""

INSERT_PASSAGE = """
    INSERT INTO passages (mission, hash, text) VALUES (:mission, :hash, :text) ON CONFLICT DO NOTHING"""

# One statement each, so that no passage is taken out between an entry and it.
PASSAGE = -1  # in the place of an occurrence
READ_BACK = f"""
    SELECT hash, occurrence, answer FROM journal WHERE mission = :mission AND hash = :hash AND occurrence = :occurrence
    UNION ALL SELECT hash, {PASSAGE}, text FROM passages WHERE mission = :mission"""
ANSWERS = f"""
    SELECT hash, occurrence, answer FROM journal WHERE mission = :mission
    UNION ALL SELECT hash, {PASSAGE}, text FROM passages WHERE mission = :mission"""
ENTRIES = f"""
    SELECT {FIELDS} FROM journal WHERE mission = :mission
    UNION ALL SELECT 'passage', hash, {PASSAGE}, text, '', NULL, NULL, 0, 0, 0, 0, 0 FROM passages
    WHERE mission = :mission ORDER BY made_at, hash, occurrence"""

# What a mission that ended long ago was asked and answered; it is told apart by its receipt, which stays.
PRUNE = """
    DELETE FROM {table} WHERE mission IN (
        SELECT id FROM missions WHERE state IN ('done', 'failed', 'dead') AND changed_at < :before)"""

LOG = """
    INSERT INTO attempts (mission, result, needs, states, started, ended)
    VALUES (:mission, :result, :needs, :states, :started, :ended)"""

ATTEMPTS = "SELECT mission, result, needs, states, started, ended FROM attempts WHERE mission = :mission ORDER BY seq"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One performed need. `hash` is the request's; `occurrence` counts equal requests of the same mission from 0.

    `cost` is in the unit of money that the budgets use, `seconds` how long it took, `made_at` Unix seconds.
    """

    kind: str
    hash: str
    occurrence: int
    request: JSON
    answer: JSON
    model: str | None = None
    adapter: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    made_at: float = 0.0

    @property
    def key(self) -> NeedKey:
        return self.hash, self.occurrence

    @staticmethod
    def read(row: tuple[Any, ...], texts: Texts) -> JournalEntry:
        kind, hash_, occurrence, request, answer, *spending = row
        asked = whole_request(from_text(request), texts)
        return JournalEntry(kind, hash_, occurrence, asked, from_text(whole_answer(answer, texts)), *spending)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a mission's cycle: how it ended, and which needs it raised. Times are Unix seconds.

    `states` lists (state, depth, seconds since `started`) as they were entered; depth 1 is a cycle within the cycle.
    """

    mission: str
    result: str
    needs: JSON
    states: JSON
    started: float
    ended: float


def _row(mission: str, entry: JournalEntry, answer: str, passages: dict[str, str]) -> dict[str, Any]:
    """The entry as it is stored; what it leaves to `passages` is added there."""
    request = entry.request
    if entry.kind == "inference":
        request = cut_request(request, passages)
    elif entry.kind == "observe":
        answer = to_text(cut_answer(entry.answer, passages))
    return {
        "mission": mission, "kind": entry.kind, "hash": entry.hash, "occurrence": entry.occurrence,
        "request": to_text(request), "answer": answer, "model": entry.model, "adapter": entry.adapter,
        "prompt_tokens": entry.prompt_tokens, "completion_tokens": entry.completion_tokens, "cost": entry.cost,
        "seconds": entry.seconds, "made_at": entry.made_at,
    }  # fmt: skip


def insert(tx: Transaction, mission: str, entries: Sequence[JournalEntry]) -> dict[NeedKey, str]:
    """Record what is not recorded yet. Returns the answers as the text that is stored: an earlier one stays.

    They are read from that text even when it is ours, so that this run sees what a replay would see.
    """
    answers = {entry.key: to_text(entry.answer) for entry in entries}
    passages: dict[str, str] = {}
    rows = [_row(mission, entry, answers[entry.key], passages) for entry in entries]
    inserted = tx.run_each(INSERT, rows)
    if passages:
        kept = [{"mission": mission, "hash": hash_, "text": text} for hash_, text in passages.items()]
        tx.run_each(INSERT_PASSAGE, kept)
    if inserted < len(rows):
        for hash_, occurrence in tuple(answers):
            answers.update(answers_in(tx.rows(READ_BACK, mission=mission, hash=hash_, occurrence=occurrence)))
    return answers


def answers_in(rows: Sequence[tuple[Any, ...]]) -> dict[NeedKey, str]:
    """The answers of `ANSWERS`, whole."""
    texts = {hash_: text for hash_, occurrence, text in rows if occurrence == PASSAGE}
    return {
        (hash_, occurrence): whole_answer(answer, texts) for hash_, occurrence, answer in rows if occurrence != PASSAGE
    }


def entries_in(rows: Sequence[tuple[Any, ...]]) -> list[JournalEntry]:
    """The entries of `ENTRIES`, whole."""
    texts = {row[1]: row[3] for row in rows if row[2] == PASSAGE}
    return [JournalEntry.read(row, texts) for row in rows if row[2] != PASSAGE]


class AttemptLog:
    """Attempts on their way to the database. They ride along with the next write, for an own one would cost more than
    they are worth; those since the last write are lost with the process."""

    def __init__(self) -> None:
        self._waiting: list[dict[str, Any]] = []
        self._lock = Lock()

    def add(self, attempt: Attempt) -> None:
        with self._lock:
            self._waiting.append(
                {"mission": attempt.mission, "result": attempt.result, "needs": to_text(attempt.needs),
                 "states": to_text(attempt.states), "started": attempt.started, "ended": attempt.ended}
            )  # fmt: skip

    @property
    def empty(self) -> bool:
        return not self._waiting

    def flush(self, tx: Transaction) -> None:
        if self._waiting:
            with self._lock:
                rows, self._waiting = self._waiting, []
            tx.run_each(LOG, rows)
