"""An open mission database, apart from the missions: how it is written, who is woken, and what is counted in it.

`MissionStore` adds the missions. The kinds of write below are all there are; each names its two fault points, and says
whether it is on the disk when it returns and whether it may let another mission run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from batos.clock import Clock
from batos.faults import fault
from batos.objects.tallying import Book, told
from batos.runtime import counters, journal
from batos.runtime.briefs import JSON, from_text
from batos.runtime.changes import Changes, Settlements
from batos.runtime.counters import Budget, CallCount, Purse, Unit
from batos.runtime.database import Database, Transaction
from batos.runtime.journal import Attempt

MAX_LEASES_LOST = 5
ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Write:
    name: str
    durable: bool = False
    frees: int = 1  # how many workers may find something to do that they did not before, ALL: nobody counts
    settles: bool = False  # a mission may have ended, or wait for a person: who waits for its answer looks
    logs: bool = True  # attempts are written with it, and do not wait for the next write

    @property
    def before(self) -> str:
        return f"missions.before_{self.name}"

    @property
    def after(self) -> str:
        return f"missions.after_{self.name}"


SUBMIT = Write("submit", durable=True)
HAND_OVER = Write("submit", durable=True, frees=0)
LEARN = Write("learn", durable=True)
JOURNAL = Write("journal", durable=True)
GO_ON = Write("journal", durable=True, frees=0, logs=False)
ASK_AND_RECORD = Write("journal", durable=True, settles=True)
CHARGE = Write("journal", durable=True, frees=0)
DECISION = Write("decision", durable=True, frees=ALL, settles=True)
LEASE = Write("lease", frees=0)
WAIT = Write("wait")
WAIT_FOR_MISSIONS = Write("wait", settles=True)  # one of them may wait for a person already
ASK = Write("wait", settles=True)
GIVE_BACK = Write("ack")
ACK = Write("ack", frees=0, settles=True)


class Bookkeeping:
    """Transactions, wake-ups, budgets, counters and single values over a `Database`."""

    def __init__(self, database: Database, clock: Clock, max_leases_lost: int = MAX_LEASES_LOST) -> None:
        self._db = database
        self._clock = clock
        self._max_leases_lost = max_leases_lost
        self._attempts = journal.AttemptLog()
        self._calls = counters.CallCounts()
        self._changes = Changes(self._look_elsewhere)
        self._work = Changes(self._look_elsewhere)
        self._settlements = Settlements(self._look_elsewhere)

    @classmethod
    def open(cls, url_or_path: str | Path, clock: Clock, max_leases_lost: int = MAX_LEASES_LOST) -> Self:
        """Open a path, `sqlite:PATH`, `postgresql:DSN` or `postgresql://...`; create or migrate it if needed."""
        return cls(Database(url_or_path, clock.now()), clock, max_leases_lost)

    def close(self) -> None:
        """Write what is still in memory, let waiting threads go, close all connections. May be called twice."""
        self._changes.close()
        self._work.close()
        self._settlements.close()
        if self._db.closed:
            return
        try:
            self.flush()
        finally:
            self._db.close()

    # Waiting for change

    def changes(self) -> int:
        """A count to hand to `wait_changed`, read before looking at what it is about."""
        return self._changes.count()

    def wait_changed(self, timeout: float, since: int | None = None) -> bool:
        """Wait until any mission may have changed: here at once, elsewhere within a tenth of a second."""
        return self._changes.wait(since, timeout)

    def settlement_of(self, mission_id: str) -> AbstractContextManager[Changes]:
        """Within the block, a count that changes when the mission may have ended, or have come to a question for a
        person. The end of another mission does not change it, unless it ended elsewhere."""
        return self._settlements.of(mission_id)

    def openings(self) -> int:
        """A count to hand to `wait_work`, read before `lease`."""
        return self._work.count()

    def wait_work(self, timeout: float, since: int | None = None) -> bool:
        """Wait until a lease may succeed that did not: something was queued, or a target was freed."""
        return self._work.wait(since, timeout)

    def wake(self, threads: int | None = None) -> None:
        """Have that many threads of this process that are in `wait_work` look again, None: all."""
        self._work.notify(threads)

    # Counting

    def log_attempt(
        self, mission: str, result: str, needs: JSON, started: float, ended: float, states: JSON = ()
    ) -> None:
        """Note one run of a cycle. Written with the next write."""
        self._attempts.add(Attempt(mission, result, needs, states, started, ended))

    def attempts(self, mission_id: str) -> tuple[Attempt, ...]:
        self.flush()
        rows = self._db.rows(journal.ATTEMPTS, mission=mission_id)
        return tuple(
            Attempt(mission, result, from_text(needs), from_text(states) or [], *times)
            for mission, result, needs, states, *times in rows
        )

    def count_call(self, oid: str, selector: str, version: int, ok: bool, micros: int) -> None:
        """Count one call of a method. Written in batches."""
        self._calls.add(oid, selector, version, 1, not ok, micros)

    def count_calls(self, book: Book) -> None:
        """Count the calls of trusted methods that a book tells of. Written in batches."""
        for call in told(book):
            self._calls.add(*call)

    def counters(self, oid: str | None = None, selector: str | None = None) -> tuple[CallCount, ...]:
        """All versions' counts, of one object and selector or of all."""
        self.flush()
        return tuple(CallCount(*row) for row in self._db.rows(counters.COUNTERS, oid=oid, selector=selector))

    def forget_calls(self, oid: str, selector: str, version: int) -> None:
        """Begin a version's counts anew: the number is that of a version which an undo took away."""
        self.flush()
        with self._db.write(durable=False) as tx:
            tx.run(counters.FORGET, oid=oid, selector=selector, version=version)

    def flush(self) -> None:
        """Write attempts and counts that are still in memory."""
        if self._attempts.empty and self._calls.empty:
            return
        with self._db.write(durable=False) as tx:
            self._attempts.flush(tx)
            self._calls.flush(tx)

    def budget(self, scope: str, key: str, unit: Unit = "tokens") -> Budget:
        return next(found for found in counters.read_budgets(self._db, [(scope, key)]) if found.unit == unit)

    def set_limit(self, scope: str, key: str, limit: float | None, unit: Unit = "tokens") -> None:
        """Limit what may be spent, None: no limit. The key "*" stands for all keys without a limit of their own."""
        with self._write(DECISION) as tx:
            tx.run(counters.SET_LIMIT, scope=scope, key=key, unit=unit, ceiling=limit)

    def check_budgets(self, mission_id: str, purses: Iterable[Purse] = ()) -> None:
        """To be called before spending. Raises BudgetExhausted if mission, day or one of `purses` has nothing left."""
        counters.check_budgets(self._db, self._purses(mission_id, purses))

    def meta(self, key: str, default: JSON = None) -> JSON:
        return counters.read_meta(self._db, key, default)

    def metas(self, beginning: str) -> dict[str, JSON]:
        """The remembered values whose keys begin so."""
        return counters.read_metas(self._db, beginning)

    def set_meta(self, key: str, value: JSON) -> None:
        """Remember a single JSON value, synced."""
        with self._write(DECISION) as tx:
            counters.set_meta(tx, key, value)

    # Within

    def _purses(self, mission: str, others: Iterable[Purse]) -> list[Purse]:
        """Who pays for a mission."""
        return [("mission", mission), ("day", counters.day_of(self._clock.now())), *others]

    @contextmanager
    def _write(self, kind: Write, settles: str | None = None) -> Iterator[Transaction]:
        """`settles` names the mission that may be settled, where no other one can."""
        with self._db.write(durable=kind.durable) as tx:
            yield tx
            if kind.logs:
                self._attempts.flush(tx)
            if self._calls.due:
                self._calls.flush(tx)
            fault(kind.before)
        fault(kind.after)
        self._changes.notify()
        if kind.frees:
            self._work.notify(kind.frees)
        if kind.settles:
            self._settlements.notify(settles)

    def _look_elsewhere(self) -> None:
        if self._db.changed_elsewhere():
            self._changes.notify()
            self._work.notify()
            self._settlements.notify()
