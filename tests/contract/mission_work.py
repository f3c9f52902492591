"""A worker of the races: takes missions until none is left. Run as a program, it prints the ids that it finished."""

import sys
from collections import Counter
from threading import Lock

from batos.clock import SystemClock
from batos.runtime.missions import JournalEntry, MissionStore

LEASE = 60.0
PATIENCE = 20.0  # seconds until a wait that should have ended is given up; never reached when all is well


class Watch:
    """Who runs for which target, as the workers themselves see it."""

    def __init__(self):
        self.running, self.most, self.finished, self._lock = Counter(), 0, [], Lock()

    def begin(self, leased):
        with self._lock:
            self.running[leased.mission.brief.target] += 1
            self.most = max(self.most, *self.running.values())

    def leave(self, leased):
        with self._lock:
            self.running[leased.mission.brief.target] -= 1


def work(store, watch, name):
    """Take missions until none is left: one round of needs for each, then its end."""
    clock = SystemClock()
    while True:
        seen = store.openings()
        leased = store.lease(name, clock.now(), LEASE)
        if leased is None:
            if not any(store.counts()[state] for state in ("queued", "running", "waiting")):
                return
            store.wait_work(PATIENCE, since=seen)
            continue
        watch.begin(leased)
        if store.answers(leased.mission.id):
            watch.leave(leased)
            watch.finished.append(leased.mission.id)
            store.finish(leased.token, "done", {"by": name})
        else:
            watch.leave(leased)
            store.wait_for_needs(leased.token)
            store.record_round(leased.token, [JournalEntry("inference", "h", 0, {}, name, prompt_tokens=1)])


if __name__ == "__main__":
    place, name = sys.argv[1:]
    store, watch = MissionStore.open(place, SystemClock()), Watch()
    work(store, watch, name)
    store.close()
    sys.stdout.write("\n".join(watch.finished))
