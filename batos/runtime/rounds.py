"""Rounds: the needs of suspended missions, performed by threads of their own with no transaction open.

As many needs are performed at a time as there are performers; the others stand in line, and a mission whose needs do
costs a few kilobytes. A round whose needs take a moment holds its target no longer: its mission is then written down as
waiting, together with all others of that moment. One that is answered at once spares that transaction.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TypeAlias

from batos.errors import BatosError
from batos.mind.needs import Need
from batos.runtime.briefs import Leased
from batos.runtime.events import Events
from batos.runtime.journal import JournalEntry
from batos.runtime.performers import Workplace, perform
from batos.runtime.telling import Telling

log = logging.getLogger(__name__)

MOMENT = 0.002  # seconds for which a suspended mission may keep its target


@dataclass
class Round:
    """The needs that one mission was suspended for, and the entries of those that were performed."""

    leased: Leased
    needs: tuple[Need, ...]
    entries: list[JournalEntry] = field(default_factory=list)
    left: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, entry: JournalEntry | None) -> bool:
        """Whether that was the last need of the round."""
        with self.lock:
            if entry is not None:
                self.entries.append(entry)
            self.left -= 1
            return self.left == 0


Task: TypeAlias = tuple[Round, Need] | None


class Rounds:
    """`begin` a round; `ended` is called with it when all its needs are performed, in the thread of the last one."""

    def __init__(self, place: Workplace, performers: int, events: Events, ended: Callable[[Round], None]) -> None:
        self._place = place
        self._most = performers
        self._events = events
        self._ended = ended
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._open: dict[str, Round] = {}  # by token: suspended, and not yet written down as waiting
        self._some_open = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        self._spawn("batos-waiting", self._write_down)

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
            if task is not None:
                self._count(task[0], None)

    def begin(self, leased: Leased, needs: Sequence[Need]) -> None:
        begun = Round(leased, tuple(needs), left=len(needs))
        with self._lock:
            self._open[leased.token] = begun
        self._some_open.set()
        for need in needs:
            self._tasks.put((begun, need))
            if not self._idle.acquire(blocking=False):
                self._one_more()

    # Performing

    def _one_more(self) -> None:
        with self._lock:
            if len(self._threads) <= self._most and not self._stopping.is_set():
                self._spawn(f"batos-performer-{len(self._threads)}", self._perform)

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _perform(self) -> None:
        while (task := self._next()) is not None:
            begun, need = task
            entry = None
            try:
                entry = self._performed(begun.leased.mission.id, need)
            except Exception:
                log.exception("performing %s %s met a bug", need.kind, need.name)
            self._count(begun, entry)

    def _next(self) -> Task:
        try:
            return self._tasks.get_nowait()
        except Empty:
            self._idle.release()
            return self._tasks.get()

    def _performed(self, mission: str, need: Need) -> JournalEntry:
        """Perform one need, and tell when it began and how it ended."""
        about = {"mission": mission, "need": need.kind, "name": need.name, "purpose": need.request.get("purpose")}
        self._events.publish("need", phase="started", **about)
        telling = Telling(mission, self._events, self._place.store, self._place.clock, about)
        entry = perform(self._place, mission, need, telling)
        self._events.publish("need", phase="ended", seconds=entry.seconds, answer=entry.answer, **about)
        return entry

    def _count(self, begun: Round, entry: JournalEntry | None) -> None:
        if begun.take(entry):
            with self._lock:
                self._open.pop(begun.leased.token, None)
            self._ended(begun)

    # Waiting

    def _write_down(self) -> None:
        """Write down as waiting what has been suspended for a moment."""
        while not self._stopping.is_set():
            self._some_open.wait()
            with self._lock:
                seen = tuple(self._open)
                if not seen:
                    self._some_open.clear()
                    continue
            if self._stopping.wait(MOMENT):
                return
            with self._lock:
                due = [token for token in seen if self._open.pop(token, None) is not None]
            if due:
                self._write_waiting(due)

    def _write_waiting(self, tokens: list[str]) -> None:
        try:
            self._place.store.wait_for_needs_of(tokens)
        except BatosError:
            log.warning("%d suspended missions keep their targets until their needs are performed", len(tokens))
