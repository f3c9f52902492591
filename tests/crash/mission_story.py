"""A small story that touches every kind of write to the mission database, and can be taken up again at any point.

A mission asks a model, waits for a learn, which waits for a person, and ends. What comes next is read from the database
alone, as a replayed cycle does. Run as a program it tells the story on the database named by its argument.
"""

import sys
from contextlib import suppress

from batos.clock import SystemClock
from batos.errors import MissionError
from batos.runtime.missions import Brief, JournalEntry, MissionStore

LEASE = 30.0
ASKED = "asked"
PLAN, LEARN = ("plan", 0), ("learn", 0)


def tell(store, clock):
    """Submit the mission unless it is there, and work until nothing is open. Returns how often the model was paid."""
    store.submit(Brief("ask", "a", "ask_"), mission_id=ASKED)
    paid = 0
    while True:
        if leased := store.lease("worker", clock.now(), LEASE):
            step = learn if leased.mission.brief.type == "learn" else ask
            paid += step(store, leased)
        elif pending := store.pending_below(ASKED):
            with suppress(MissionError):  # the other process may have been faster
                store.resume(pending.id, contract={"approved": True})
        else:
            return paid


def ask(store, leased):
    answers = store.answers(ASKED)
    if PLAN not in answers:
        store.wait_for_needs(leased.token)
        store.record_round(leased.token, [JournalEntry("inference", *PLAN, {}, "a plan", prompt_tokens=1)])
        return 1
    if LEARN not in answers:
        filed = store.submit_learn(Brief("learn", "b", "half_"), ASKED, leased.token, need=LEARN)
        store.wait_for_missions(leased.token, [filed.mission_id])
    else:
        store.finish(leased.token, "done", {"answer": 42})
    return 0


def learn(store, leased):
    if leased.mission.brief.contract is None:
        store.wait_for_person(leased.token, {"proposal": "p1"})
    else:
        store.finish(leased.token, "done", {"learned": "half_"})
    return 0


if __name__ == "__main__":
    store = MissionStore.open(sys.argv[1], SystemClock())
    tell(store, SystemClock())
    store.close()
