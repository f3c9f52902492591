"""Reading the mission database: how missions stand, what they were asked and answered. Nothing here changes it."""

from __future__ import annotations

from batos.errors import UnknownMission
from batos.runtime import journal
from batos.runtime.bookkeeping import Bookkeeping
from batos.runtime.briefs import COLUMNS, JSON, Mission, NeedKey, State, from_text, mission_of
from batos.runtime.journal import JournalEntry
from batos.runtime.schema import ENDED, OPEN, STATES

# A state as the partial index has it that serves it; without these words SQLite would read the whole past.
IN_STATE = {state: f"state = '{state}'" for state in OPEN} | {
    state: f"state IN ('done', 'failed', 'dead') AND state = '{state}'" for state in ENDED
}
COUNTS = " UNION ALL ".join(f"SELECT '{state}', count(*) FROM missions WHERE {IN_STATE[state]}" for state in STATES)

# The nearest mission that a person is to decide on: the mission itself, or one that it waits for.
PENDING_BELOW = f"""
    WITH RECURSIVE below(awaited) AS (
        SELECT CAST(:mission AS TEXT)
        UNION
        SELECT waits.awaited FROM waits JOIN below ON waits.mission = below.awaited)
    SELECT {COLUMNS} FROM missions WHERE id IN (SELECT awaited FROM below) AND waiting_for = 'person'
    ORDER BY seq LIMIT 1"""


class Reading(Bookkeeping):
    """What any thread may ask at any time. All raise ImageUnavailable or one of its kinds when the database is lost."""

    def standing(self, mission_id: str) -> tuple[State, JSON]:
        """State and outcome alone: for who looks again and again. Raises UnknownMission."""
        row = self._db.row("SELECT state, outcome FROM missions WHERE id = :id", id=mission_id)
        if row is None:
            raise UnknownMission(mission=mission_id)
        return row[0], from_text(row[1])

    def get(self, mission_id: str) -> Mission:
        row = self._db.row(f"SELECT {COLUMNS} FROM missions WHERE id = :id", id=mission_id)
        if row is None:
            raise UnknownMission(mission=mission_id)
        return mission_of(row)

    def list(self, state: State | None = None, limit: int = 100, parent: str | None = None) -> tuple[Mission, ...]:
        """The newest missions first."""
        conditions = [] if state is None else [IN_STATE[state]]
        conditions += [] if parent is None else ["parent = :parent"]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._db.rows(
            f"SELECT {COLUMNS} FROM missions {where} ORDER BY seq DESC LIMIT :limit", parent=parent, limit=limit
        )
        return tuple(map(mission_of, rows))

    def waiting_for_person(self) -> tuple[Mission, ...]:
        """The missions that a person is asked about, oldest first."""
        rows = self._db.rows(
            f"SELECT {COLUMNS} FROM missions WHERE state = 'waiting' AND waiting_for = 'person' ORDER BY seq"
        )
        return tuple(map(mission_of, rows))

    def pending_below(self, mission_id: str) -> Mission | None:
        """What a person must decide for the mission to go on: itself, or one that it waits for at any remove."""
        row = self._db.row(PENDING_BELOW, mission=mission_id)
        return mission_of(row) if row else None

    def counts(self) -> dict[str, int]:
        """How many missions stand in each state."""
        return dict(self._db.rows(COUNTS))

    def journal(self, mission_id: str) -> dict[NeedKey, JournalEntry]:
        entries = journal.entries_in(self._db.rows(journal.ENTRIES, mission=mission_id))
        return {entry.key: entry for entry in entries}

    def answers(self, mission_id: str) -> dict[NeedKey, JSON]:
        """The journal's answers alone: all that a replay needs, and a fraction of the bytes."""
        return {key: from_text(answer) for key, answer in self.written_answers(mission_id).items()}

    def written_answers(self, mission_id: str) -> dict[NeedKey, str]:
        """`answers` as they were recorded."""
        return journal.answers_in(self._db.rows(journal.ANSWERS, mission=mission_id))
