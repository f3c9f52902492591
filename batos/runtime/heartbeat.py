"""The heartbeat: ALFRED's periodic audit of what failed. It has the steward look, files missions, and changes nothing
itself.

An idle beat spends nothing. Every beat leaves a record. What a beat files is bounded per day, and has an id made from
the beat's number and what it is about, so a crash between filing and recording cannot file it twice.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from dataclasses import asdict, dataclass
from typing import Any

from batos.errors import UnknownObject
from batos.inference.port import AdapterHost
from batos.objects import lookup
from batos.objects.records import Method
from batos.objects.uvm_object import label
from batos.runtime import trainings
from batos.runtime.briefs import Brief
from batos.runtime.budgets import BEAT
from batos.runtime.contributions import contributions
from batos.runtime.counters import day_of
from batos.runtime.events import Events
from batos.runtime.missions import CallCount
from batos.runtime.performers import Workplace
from batos.runtime.steward import Steward
from batos.settings import Settings

log = logging.getLogger(__name__)

KIND = "systemic_self_improvement"
META = "heartbeat"
# A version is failing when at least three calls raised, and at least half of all, and the one before it did better.
FEWEST_ERRORS = 3
LEAST_RATE = 0.5
REFUSALS = 2
REMEMBERED = 20  # what the steward did, as `status` tells it


@dataclass(frozen=True)
class Beat:
    """What one beat saw and did. `mission` is what it filed."""

    at: float
    failed_cycles: int
    failing_methods: int
    mission: str | None
    reason: str


class Heartbeat:
    """`start` it in a daemon; `beat` is one beat."""

    def __init__(self, place: Workplace, settings: Settings, events: Events) -> None:
        self._place = place
        self._settings = settings
        self._events = events
        self._steward = Steward(place.image, place.sandbox, place.store, settings, events)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._settings.heartbeat:
            self._thread = threading.Thread(target=self._run, name="batos-heartbeat", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = self._settings.heartbeat_first
        while not self._place.clock.wait(self._stopping, pause):
            try:
                self.beat()
            except Exception:
                log.exception("a heartbeat met a bug")
            pause = self._settings.heartbeat_every

    def switch(self, on: bool) -> None:
        """Turn the heartbeat of this image on or off, for every process that serves it."""
        self._place.store.set_meta(META, {**self._memory(), "off": not on})

    def _memory(self) -> dict[str, Any]:
        return dict(self._place.store.meta(META, {}))

    def beat(self) -> Beat:
        """Look for what failed since the last beat, and file at most one mission about it."""
        memory = self._memory()
        now = self._place.clock.now()
        if memory.get("off"):
            return Beat(now, 0, 0, None, "the heartbeat is switched off")
        restored = self._steward.look()
        if restored:
            done_now = [{"at": now, "says": f"{done.regression.sentence} {done.reason}"} for done in restored]
            memory["steward"] = [*memory.get("steward", []), *done_now][-REMEMBERED:]
        failed = self._failed_cycles(memory.get("seen", 0.0))
        failing = self._failing_methods()
        mission, reason = self._file(memory, [*failing, *failed], now)
        told = [f"{done.regression.sentence} {done.reason}" for done in restored] + self._idle_facets(memory, now)
        told += self._trainings(memory)
        if told:
            rest = [] if mission is None and not failed else [reason]
            reason = " ".join([*told, *rest])
        beat = Beat(now, len(failed), len(failing), mission, reason)
        if mission is not None or not (failed or failing):
            memory["seen"] = now
        self._place.store.set_meta(META, {**memory, "beats": memory.get("beats", 0) + 1, "last": asdict(beat)})
        self._events.publish("heartbeat", **asdict(beat))
        return beat

    def _file(self, memory: dict[str, Any], failures: list[dict[str, Any]], now: float) -> tuple[str | None, str]:
        if not failures:
            return None, "nothing failed"
        if any(found.brief.type == KIND and not found.ended for found in self._place.store.list(limit=200)):
            return None, "the last audit's mission is still open"
        day = day_of(now)
        filed = memory.get("filed", {}).get(day, 0)
        if filed >= self._settings.heartbeat_missions:
            return None, f"the budget of {self._settings.heartbeat_missions} missions a day is used up"
        memory["filed"] = {day: filed + 1}
        about = json.dumps([memory.get("beats", 0), failures], sort_keys=True)
        identity = hashlib.sha256(about.encode()).hexdigest()[:32]
        with self._place.image.reading() as world:
            alfred = world.add(world["alfred"]).hex()
        paid_by = {BEAT: memory.get("beats", 0)}
        brief = Brief(KIND, alfred, "analyze_and_resolve_cycle_failures", (failures,), extra=paid_by)
        self._place.store.submit(brief, mission_id=identity)
        return identity, "failures were found"

    def _failed_cycles(self, since: float) -> list[dict[str, Any]]:
        """Missions that failed since the last beat; those of the heartbeat itself are not its business."""
        return [
            {
                "mission": found.id,
                "oid": found.brief.target,
                "selector": found.brief.selector,
                "reason": (found.outcome or {}).get("reason", ""),
            }
            for found in self._place.store.list("failed", limit=100)
            if found.changed_at > since and found.brief.type != KIND and not (found.outcome or {}).get("cancelled")
        ]

    def _idle_facets(self, memory: dict[str, Any], now: float) -> list[str]:
        """Record the facets that add nothing to answers, for as long as it is so; what there is to say of new ones.

        What is to become of such a facet a person decides. Looked at is only what was answered since the last look.
        """
        newest = [mission.id for mission in self._place.store.list("done", 1)]
        if newest == memory.get("facets_seen", []):
            return []
        memory["facets_seen"] = newest
        known = memory.get("idle_facets", {})
        idle = [each for each in contributions(self._place.image, self._place.store) if each.adds_nothing]
        since = {each.facet: known.get(each.facet, {}).get("at", now) for each in idle}
        memory["idle_facets"] = {each.facet: {"at": since[each.facet], "says": each.sentence} for each in idle}
        return [each.sentence for each in idle if each.facet not in known]

    def _trainings(self, memory: dict[str, Any]) -> list[str]:
        """Propose to train adapters where a model in this process uses them; what there is to say of new ones."""
        if not isinstance(self._place.backend, AdapterHost):
            return []
        counts = trainings.counted(self._place.image, self._place.store, memory.get("training_counts", {}))
        known, due = memory.get("trainings", {}), trainings.proposed(counts)
        memory["training_counts"], memory["trainings"] = counts, due
        return [says for name, says in due.items() if name not in known]

    def _failing_methods(self) -> list[dict[str, Any]]:
        counts = {(count.oid, count.selector, count.version): count for count in self._place.store.counters()}
        found = []
        with self._place.image.reading() as world:
            proposed = _proposed(world)
            for count in counts.values():
                if not _fails(count) or not _current(world, count):
                    continue
                earlier = counts.get((count.oid, count.selector, count.version - 1))
                better = earlier is None or earlier.errors * count.calls < count.errors * earlier.calls
                decisions = proposed.get((count.oid, count.selector, count.version), [])
                if better and "open" not in decisions and decisions.count("refused") < REFUSALS:
                    found.append({**asdict(count), "name": label(world.object(count.oid))})
        return found


def _fails(count: CallCount) -> bool:
    return count.errors >= FEWEST_ERRORS and count.errors >= LEAST_RATE * count.calls


def _current(world: Any, count: CallCount) -> bool:
    """Whether the counted version is the one in use, and there is an earlier one to go back to."""
    try:
        found = lookup.find(world.object(count.oid), count.selector)
    except UnknownObject:  # it was packed away
        return False
    if found is None or not isinstance(found.value, Method):
        return False
    return found.value.version == count.version and found.value.previous is not None


def _proposed(world: Any) -> dict[tuple[str, str, int], list[str]]:
    """(oid, selector, the version to be replaced) -> the states of proposals about it."""
    found: dict[tuple[str, str, int], list[str]] = {}
    for proposal in world.proposals.values():
        key = (proposal.target._p_oid.hex(), proposal.method.selector, proposal.method.version - 1)
        found.setdefault(key, []).append(proposal.state)
    return found
