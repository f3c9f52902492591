"""The mission database against a model of it in plain Python, through random histories."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batos.errors import LeaseLost
from batos.runtime.missions import Brief, JournalEntry, MissionStore
from batos.testing import MovableClock
from contract.databases import new_database

LEASE = 30.0
MAX_LEASES_LOST = 2
TARGETS = ("aa", "bb", "cc")


class Modelled:
    """One mission as the model knows it."""

    def __init__(self, kind, target, state="queued"):
        self.kind, self.target, self.state = kind, target, state
        self.token, self.waiting_for, self.waits, self.answers, self.lost = None, None, set(), {}, 0

    @property
    def open(self):
        return self.state in ("queued", "running", "waiting")

    def become(self, state, waiting_for=None, token=None):
        self.state, self.waiting_for, self.token = state, waiting_for, token


class History:
    """Does the same to the store and to the model. `number` chooses among the missions that qualify."""

    def __init__(self, store, clock):
        self.store, self.clock = store, clock
        self.missions = {}  # by id, in the order of submission

    # What the model answers

    def having(self, condition):
        return [identity for identity, mission in self.missions.items() if condition(mission)]

    def choose(self, number, condition):
        """The id of a mission that qualifies, or None."""
        found = self.having(condition)
        return found[number % len(found)] if found else None

    def open_learn(self, target):
        return next(iter(self.having(lambda each: each.kind == "learn" and each.target == target and each.open)), None)

    def reaches(self, start, goal):
        return start == goal or any(self.reaches(child, goal) for child in self.missions[start].waits)

    def end(self, identity, state, outcome):
        self.missions[identity].become(state)
        self.missions[identity].waits = set()
        for waiter in self.missions.values():
            if identity in waiter.waits:
                waiter.waits.remove(identity)
                waiter.answers.setdefault(("learn", 0), {"mission": identity, "state": state, "outcome": outcome})
                if waiter.waiting_for == "missions" and not waiter.waits:
                    waiter.become("queued")

    # What may happen

    def submit(self, number, where):
        kind = "learn" if number % 2 else "ask"
        shared = self.open_learn(where) if kind == "learn" else None
        identity = self.store.submit(Brief(kind, where, "half_"))
        assert shared in (None, identity)
        self.missions.setdefault(identity, Modelled(kind, where))

    def lease(self, _number, _where):
        busy = {mission.target for mission in self.missions.values() if mission.state == "running"}
        expected = self.having(lambda mission: mission.state == "queued" and mission.target not in busy)[:1]
        leased = self.store.lease("worker", self.clock.now(), LEASE)
        assert ([leased.mission.id] if leased else []) == expected
        if leased:
            self.missions[leased.mission.id].become("running", token=leased.token)
            self.missions[leased.mission.id].waits = set()

    def wait_for_needs(self, identity, _number, _where):
        mission = self.missions[identity]
        self.store.wait_for_needs(mission.token)
        mission.become("waiting", "needs", mission.token)

    def record_round(self, identity, number, _where):
        mission = self.missions[identity]
        stored = self.store.record_round(mission.token, [JournalEntry("inference", "plan", 0, {}, number)])
        assert stored["plan", 0] == mission.answers.setdefault(("plan", 0), number)
        mission.lost = 0
        mission.become("queued")

    def learn(self, identity, _number, where):
        learn = self.open_learn(where)
        closes_circle = learn is not None and self.reaches(learn, identity)
        filed = self.store.submit_learn(
            Brief("learn", where, "half_"), identity, self.missions[identity].token, need=("learn", 0)
        )
        assert learn in (None, filed.mission_id)
        assert bool(filed.circle) == closes_circle
        if closes_circle:
            assert filed.circle[0] == identity
            steps = pairwise((*filed.circle[1:], identity))
            assert all(after in self.missions[before].waits for before, after in steps)
        else:
            self.missions.setdefault(filed.mission_id, Modelled("learn", where))
            self.missions[identity].waits.add(filed.mission_id)

    def wait_for_missions(self, identity, number, where):
        mission = self.missions[identity]
        self.learn(identity, number, where)
        self.store.wait_for_missions(mission.token, sorted(mission.waits))
        mission.become(*(("waiting", "missions") if mission.waits else ("queued",)))

    def wait_for_person(self, identity, _number, _where):
        self.store.wait_for_person(self.missions[identity].token, {"question": 1})
        self.missions[identity].become("waiting", "person")

    def finish(self, identity, number, _where):
        state = "failed" if number % 2 else "done"
        self.store.finish(self.missions[identity].token, state, "outcome")
        self.end(identity, state, "outcome")

    def workers_die(self, identity, _number, _where):
        """All leases but one run out; whoever asks for work next gives their missions back."""
        kept = self.missions[identity]
        self.clock.move(LEASE)
        assert self.store.renew([kept.token], self.clock.now(), LEASE) == frozenset()
        for lost in self.having(lambda mission: mission.token and mission is not kept):
            mission = self.missions[lost]
            mission.become("queued")
            mission.lost += 1
            if mission.lost > MAX_LEASES_LOST:
                self.end(lost, "dead", {"reason": f"{mission.lost} workers took it and were not heard of again"})
        self.lease(0, None)

    def resume(self, identity, _number, _where):
        self.store.resume(identity)
        self.missions[identity].become("queued")

    def refuse(self, identity, _number, _where):
        self.store.finish_waiting(identity, "failed", "refused")
        self.end(identity, "failed", "refused")

    def cancel(self, identity, _number, _where):
        token, was_open = self.missions[identity].token, self.missions[identity].open
        assert self.store.cancel(identity) == was_open
        if was_open:
            self.end(identity, "failed", {"cancelled": True})
        if token:
            with pytest.raises(LeaseLost):
                self.store.record_round(token, [JournalEntry("inference", "late", 0, {}, "")])

    # What always holds

    def check(self):
        stored = {mission.id: (mission.state, mission.waiting_for) for mission in self.store.list()}
        assert stored == {each: (mission.state, mission.waiting_for) for each, mission in self.missions.items()}
        running = [mission.target for mission in self.missions.values() if mission.state == "running"]
        assert len(running) == len(set(running))
        assert sum(self.store.counts().values()) == len(self.missions)
        for identity, mission in self.missions.items():
            assert self.store.answers(identity) == mission.answers


def held(mission):
    return mission.token


# What may happen, and to which missions; None: to none in particular.
ACTS = {
    History.submit: None,
    History.lease: None,
    History.wait_for_needs: held,
    History.record_round: held,
    History.learn: held,
    History.wait_for_missions: held,
    History.wait_for_person: held,
    History.finish: held,
    History.workers_die: held,
    History.resume: lambda mission: mission.waiting_for == "person",
    History.refuse: lambda mission: mission.waiting_for == "person",
    History.cancel: lambda mission: True,
}
OFTEN = (History.lease, History.lease, History.wait_for_missions, History.wait_for_missions)

ACT = st.tuples(st.sampled_from((*ACTS, *OFTEN)), st.integers(0, 99), st.sampled_from(TARGETS))


@pytest.mark.parametrize("dialect, histories", [("sqlite", 60), ("postgresql", 20)])
def test_any_history_ends_as_the_model_says(dialect, histories, request, tmp_path):
    @settings(max_examples=histories, suppress_health_check=[HealthCheck.too_slow])
    @given(acts=st.lists(ACT, min_size=20, max_size=60))
    def any_history(acts):
        with new_database(dialect, tmp_path, lambda: request.getfixturevalue("postgresql")) as url:
            clock = MovableClock()
            store = MissionStore.open(url, clock, max_leases_lost=MAX_LEASES_LOST)
            try:
                tell(History(store, clock), acts)
            finally:
                store.close()

    any_history()


def tell(history, acts):
    for act, number, where in acts:
        condition = ACTS[act]
        if condition is None:
            act(history, number, where)
        elif identity := history.choose(number, condition):
            act(history, identity, number, where)
        else:  # nothing qualifies yet: help it along
            history.submit(number, where)
            history.lease(number, where)
        history.check()
