"""Rounds: the needs of suspended missions, performed with no transaction open; and the threads that do all the work.

A thread works (it runs cycles) or performs (it does what one need asks for). So many may work at a time, and so many
needs be performed; the others stand in line, and a mission whose needs do costs a few kilobytes.

A worker that has suspended a mission begins with its needs itself, one after the other: what is answered at once wakes
nobody. What takes longer than a moment is noticed: the mission is written down as waiting, so that its target is free,
other threads take the rest of its needs, and one takes the worker's place. The worker stays with its need, and performs
from then on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from batos.errors import BatosError, BudgetExhausted
from batos.mind.needs import Need
from batos.runtime.briefs import Leased
from batos.runtime.budgets import purses_of
from batos.runtime.events import Events
from batos.runtime.journal import JournalEntry
from batos.runtime.performers import Workplace, perform
from batos.runtime.telling import Telling

log = logging.getLogger(__name__)

MOMENT = 0.002  # seconds for which a suspended mission may keep its worker and its target
PATIENCE = 100  # moments without any for which one goes on looking: to be woken for each costs more


class Relieved(Exception):
    """Another thread has taken this worker's place."""


@dataclass
class Round:
    """The needs that one mission was suspended for, and the entries of those that were performed."""

    leased: Leased
    waiting: deque[Need]
    left: int
    by_worker: bool  # a worker performs its needs, all of them so far
    entries: list[JournalEntry] = field(default_factory=list)
    relieved: bool = False  # that worker is none any longer
    exhausted: BudgetExhausted | None = None  # what its mission must wait for, where that is the policy


Task: TypeAlias = tuple[Round, Need] | Callable[[], Any] | None


class Rounds:
    """`start` with as many workers as there shall be, each of which runs `work`; `begin` a round from there.

    `answered` is called with a round that no worker stayed with, in the thread that performed its last need.
    """

    def __init__(
        self,
        place: Workplace,
        performers: int,
        events: Events,
        work: Callable[[], None],
        answered: Callable[[Round], None],
    ) -> None:
        self._place = place
        self._performers = performers
        self._events = events
        self._work = work
        self._answered = answered
        self._workers = 0
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._places: deque[None] = deque()  # of workers, to be taken before any task
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._performing = 0
        self._open: dict[str, Round] = {}  # by token: suspended, and not yet written down as waiting
        self._some_open = threading.Event()
        self._stopping = threading.Event()

    def start(self, workers: int) -> None:
        self._workers = workers
        self._spawn("batos-waiting", self._look_after)
        for _ in range(workers):
            self._offer_place()

    def stop(self) -> None:
        """Let the needs that are being performed end. Those that stand in line are left out of their rounds."""
        self._stopping.set()
        self._some_open.set()
        left_out = []
        while True:
            try:
                left_out.append(self._tasks.get_nowait())
            except Empty:
                break
        with self._lock:
            threads = tuple(self._threads)
        for _ in threads:
            self._tasks.put(None)
        for thread in threads:
            thread.join()
        for task in left_out:
            if isinstance(task, tuple) and self._count(task[0], None):
                self._answered(task[0])

    def begin(self, leased: Leased, needs: Sequence[Need]) -> Round | None:
        """Perform needs, to be called by a worker. The round if that ended it; None if others go on with it.

        Raises `Relieved` when the worker has lost its place meanwhile.
        """
        with self._lock:
            room = self._performing < self._performers and not self._stopping.is_set()
            self._performing += room
            begun = self._open[leased.token] = Round(leased, deque(needs), len(needs), room)
        if not self._some_open.is_set():
            self._some_open.set()
        if not room:
            self._share(begun)
            return None
        seen = leased.affordable_at
        ended, affordable = False, seen is not None and time.monotonic() - seen < MOMENT
        while not self._stopping.is_set() and (need := self._next_of(begun)) is not None:
            entry = self._performed(begun, need, affordable)
            ended = self._count(begun, entry)
            # Nothing is charged before the round is recorded, and after a moment others go on, who look again.
            affordable |= need.kind == "inference" and entry is not None and "error" not in entry.answer
        with self._lock:
            self._performing -= 1
            self._open.pop(leased.token, None)
            relieved = begun.relieved
        if relieved:
            if ended:
                self._answered(begun)
            raise Relieved
        while self._next_of(begun) is not None:
            self._count(begun, None)  # left out, because it stops
        return begun

    # Threads

    def _offer_place(self) -> None:
        self._places.append(None)
        self._put(self._take_place)

    def _take_place(self) -> None:
        try:
            self._places.pop()
        except IndexError:
            return  # somebody was faster
        if not self._stopping.is_set():
            self._work()

    def _put(self, task: Task) -> None:
        self._tasks.put(task)
        if self._idle.acquire(blocking=False):
            return
        with self._lock:
            if len(self._threads) <= self._performers + self._workers and not self._stopping.is_set():
                self._spawn(f"batos-{len(self._threads)}", self._serve)

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        """Do one task after the other, until there is None."""
        while (task := self._next()) is not None:
            if callable(task):
                task()
                continue
            begun, need = task
            with self._lock:
                self._performing += 1
            entry = self._performed(begun, need)
            with self._lock:
                self._performing -= 1
            if self._count(begun, entry):
                self._answered(begun)

    def _next(self) -> Task:
        if self._places:
            return self._take_place
        try:
            return self._tasks.get_nowait()
        except Empty:
            self._idle.release()
            return self._tasks.get()

    # Performing

    def _next_of(self, begun: Round) -> Need | None:
        try:
            return begun.waiting.popleft()
        except IndexError:
            return None

    def _share(self, begun: Round) -> None:
        """Let other threads perform what nobody has begun with."""
        while (need := self._next_of(begun)) is not None:
            self._put((begun, need))

    def _performed(self, begun: Round, need: Need, affordable: bool = False) -> JournalEntry | None:
        """Perform one need, and tell when it began and how it ended. None if it may not be paid for."""
        mission, brief, request = begun.leased.mission.id, begun.leased.mission.brief, need.request
        about = {"mission": mission, "need": need.kind, "name": need.name, "purpose": request.get("purpose")}
        about["step"] = (request.get("materials") or {}).get("facet")
        try:
            self._events.publish("need", phase="started", **about)
            telling = Telling(mission, self._events, self._place.store, self._place.clock, about)
            entry = perform(self._place, mission, need, telling, purses_of(brief), affordable)
            telling.rest()
            self._events.publish("need", phase="ended", seconds=entry.seconds, answer=entry.answer, **about)
        except BudgetExhausted as exhausted:
            begun.exhausted = exhausted
            return None
        except Exception:
            log.exception("performing %s %s met a bug", need.kind, need.name)
            return None
        return entry

    def _count(self, begun: Round, entry: JournalEntry | None) -> bool:
        """Whether that was the last need of the round."""
        with self._lock:
            if entry is not None:
                begun.entries.append(entry)
            begun.left -= 1
            if begun.left == 0:
                self._open.pop(begun.leased.token, None)
            return begun.left == 0

    # Waiting

    def _look_after(self) -> None:
        """See to it that what was suspended for a moment holds neither its worker nor its target any longer."""
        looks = 0  # in a row that found nothing
        while not self._stopping.is_set():
            with self._lock:
                seen = tuple(self._open.items())
                looks = 0 if seen else looks + 1
                if looks == PATIENCE:
                    self._some_open.clear()
            if looks == PATIENCE:
                self._some_open.wait()
                looks = 0
                continue
            time.sleep(MOMENT)
            due: list[str] = []
            for token, begun in seen:
                with self._lock:
                    if self._open.pop(token, None) is None:
                        continue
                    begun.relieved = begun.by_worker
                due.append(token)
                if begun.relieved:
                    self._offer_place()
                self._share(begun)
            if due:
                self._write_waiting(due)

    def _write_waiting(self, tokens: list[str]) -> None:
        try:
            self._place.store.wait_for_needs_of(tokens)
        except BatosError:
            log.warning("%d suspended missions keep their targets until their needs are performed", len(tokens))
