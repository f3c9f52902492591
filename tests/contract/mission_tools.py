"""Short words for the mission suites: briefs to file, and a worker that takes what it is expected to take."""

from batos.runtime.missions import Brief, JournalEntry

LEASE = 30.0
A, B, C = "00000000000000aa", "00000000000000bb", "00000000000000cc"


def ask(target=A, selector="greet"):
    return Brief("unhandled_message", target, selector, args=({"$tuple": [1, 2]},), kwargs={"loud": True})


def learn(target=A, selector="half_", contract=None):
    return Brief("learn", target, selector, contract=contract)


def lease(store, clock):
    return store.lease("worker", clock.now(), LEASE)


def submit_and_lease(store, clock, brief):
    """File a mission before all others and take it."""
    mission = store.submit(brief, priority=9)
    leased = lease(store, clock)
    assert leased.mission.id == mission
    return leased


def answer(text, key="h", occurrence=0, **spending):
    return JournalEntry("inference", key, occurrence, {"purpose": "plan"}, {"text": text}, **spending)
