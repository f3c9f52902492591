"""A round in one transaction: recorded and gone on with; several missions put to wait at once; an end and the next one.

These are what a worker does between two attempts, on every dialect; where several do it at once, at most one mission
runs for a target, and no answer is lost.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from batos.clock import SystemClock
from batos.errors import LeaseLost
from batos.faults import Crash, armed
from batos.runtime.missions import MissionStore
from contract.mission_tools import LEASE, A, B, answer, ask, lease, submit_and_lease

MANY = 8
YES = {("h", 0): {"text": "yes"}}


def go_on(store, held, *entries, charge=()):
    return store.record_and_go_on(held, entries or [answer("yes")], "worker", LEASE, charge=charge)


def test_a_mission_that_goes_on_has_its_answers_recorded_and_paid_for_and_another_token(store, clock):
    held = submit_and_lease(store, clock, ask())
    again = go_on(store, held, answer("yes", prompt_tokens=3), charge=[("heartbeat", "1")])

    assert (again.mission.id, again.mission.state, again.until) == (held.mission.id, "running", clock.now() + LEASE)
    assert store.answers(held.mission.id) == YES
    assert [store.budget(*purse).spent for purse in (("mission", held.mission.id), ("heartbeat", "1"))] == [3, 3]
    for write in (lambda: go_on(store, held), lambda: store.finish(held.token, "done", None)):
        with pytest.raises(LeaseLost):
            write()
    store.finish(again.token, "done", None)


def test_the_first_answer_that_was_recorded_is_the_one_to_go_on_with(store, clock):
    held = submit_and_lease(store, clock, ask())
    again = go_on(store, go_on(store, held), answer("no"), answer("more", "k"))

    assert store.answers(again.mission.id) == {**YES, ("k", 0): {"text": "more"}}


def test_a_mission_that_goes_on_for_long_keeps_its_lease(store, clock):
    held = submit_and_lease(store, clock, ask())
    clock.move(0.6 * LEASE)
    held = go_on(store, held)
    clock.move(0.6 * LEASE)
    assert lease(store, clock) is None

    assert go_on(store, held, answer("more", "k")).mission.id == held.mission.id


def test_a_mission_that_goes_on_says_whether_it_may_spend_more(store, clock):
    store.set_limit("heartbeat", "1", 8)
    pays = [("heartbeat", "1")]
    first = go_on(store, submit_and_lease(store, clock, ask()), answer("yes", prompt_tokens=5), charge=pays)
    second = go_on(store, first, answer("no", "k", prompt_tokens=5), charge=pays)

    assert first.affordable_at is not None
    assert second.affordable_at is None


def test_a_mission_whose_target_is_taken_is_queued_with_its_answers(store, clock):
    held = submit_and_lease(store, clock, ask(A))
    store.wait_for_needs(held.token)
    other = submit_and_lease(store, clock, ask(A))

    assert go_on(store, held) is None
    assert (store.get(held.mission.id).state, store.answers(held.mission.id)) == ("queued", YES)
    assert lease(store, clock) is None
    store.finish(other.token, "done", None)
    assert lease(store, clock).mission.id == held.mission.id


def test_a_mission_whose_target_is_free_again_goes_on(store, clock):
    held = submit_and_lease(store, clock, ask(A))
    store.wait_for_needs(held.token)
    store.finish(submit_and_lease(store, clock, ask(A)).token, "done", None)

    assert go_on(store, held).mission.state == "running"
    assert lease(store, clock) is None


def test_who_lost_the_lease_records_nothing(store, clock):
    old = submit_and_lease(store, clock, ask())
    clock.move(LEASE)
    new = lease(store, clock)

    with pytest.raises(LeaseLost):
        go_on(store, old)
    assert store.answers(old.mission.id) == {}
    assert store.renew([new.token], clock.now(), LEASE) == frozenset()


def test_several_missions_wait_for_needs_at_once_and_keep_their_leases(store, clock):
    first, second = (submit_and_lease(store, clock, ask(target)) for target in (A, B))
    lost = submit_and_lease(store, clock, ask("c"))
    store.finish(lost.token, "done", None)
    store.wait_for_needs_of([first.token, lost.token, second.token])

    states = [store.get(held.mission.id).state for held in (first, second, lost)]
    assert states == ["waiting", "waiting", "done"]
    assert store.renew([first.token, second.token], clock.now(), LEASE) == frozenset()
    for target in (A, B):  # others may run there meanwhile
        store.finish(submit_and_lease(store, clock, ask(target)).token, "done", None)
    assert go_on(store, first).mission.id == first.mission.id
    assert store.record_round(second.token, [answer("yes")]) == YES


def test_one_that_ends_hands_over_to_the_next_of_its_target(store, clock):
    held = submit_and_lease(store, clock, ask(A))
    following = store.submit(ask(A))
    taken = store.finish_and_lease(held.token, "done", {"answer": 1}, "worker", LEASE)

    assert (taken.mission.id, store.get(held.mission.id).state) == (following, "done")
    assert store.finish_and_lease(taken.token, "done", None, "worker", LEASE) is None
    with pytest.raises(LeaseLost):
        store.finish_and_lease(taken.token, "done", None, "worker", LEASE)


class Idle:
    """Workers with nothing to do, for whom the store takes what is filed."""

    name, seconds = "idle", LEASE

    def __init__(self, workers=1):
        self.workers = workers
        self.given = []

    def claim(self):
        return len(self.given) < self.workers

    def give(self, leased):
        self.given.append(leased)


def test_a_mission_that_is_filed_while_a_worker_is_idle_is_leased_with_it(store, clock):
    store.idle = Idle()
    filed, other = store.submit(ask(A)), store.submit(ask(B))

    (leased,) = store.idle.given
    assert (leased.mission.id, leased.answers, leased.mission.state) == (filed, {}, "running")
    assert store.workers() == {"idle"}
    store.finish(leased.token, "done", None)
    assert lease(store, clock).mission.id == other


def test_who_is_idle_is_given_nothing_that_may_not_run_or_was_filed_before(store, clock):
    running = submit_and_lease(store, clock, ask(A))
    for filed in (lambda: store.submit(ask(A)), lambda: store.submit(ask(B), mission_id=running.mission.id)):
        store.idle = Idle()
        filed()
        assert store.idle.given == [None]
    assert store.counts()["queued"] == 1


def test_a_mission_that_was_filed_for_an_idle_worker_is_the_one_that_the_database_holds(store, clock):
    store.idle = Idle()
    filed = store.submit(ask(A), parent="another", priority=3)

    (leased,) = store.idle.given
    assert leased.mission == store.get(filed)
    assert store.renew([leased.token], clock.now(), LEASE) == frozenset()


def test_who_is_idle_is_given_nothing_of_what_could_not_be_filed(store, clock):
    store.idle = Idle()
    with armed("missions.before_submit"), pytest.raises(Crash):
        store.submit(ask(A))
    assert store.idle.given == [None]
    assert store.counts()["running"] == store.counts()["queued"] == 0


@pytest.fixture(params=[1, 2])
def stores(mission_url, request):
    """One store, or two as two processes have them."""
    opened = [MissionStore.open(mission_url, SystemClock()) for _ in range(request.param)]
    yield opened
    for store in opened:
        store.close()


def at_once(stores, work, items):
    """What `work` gave for each of the items, all of them begun at the same time."""
    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(work, [stores[number % len(stores)] for number in range(len(items))], items))


def test_of_those_that_go_on_at_once_for_a_target_one_runs_and_none_loses_an_answer(stores):
    clock = SystemClock()
    held = []
    for _ in range(MANY):
        held.append(submit_and_lease(stores[0], clock, ask(A)))
        stores[0].wait_for_needs(held[-1].token)
    gone_on = [each for each in at_once(stores, go_on, held) if each is not None]

    counts = stores[0].counts()
    assert (len(gone_on), counts["running"], counts["queued"]) == (1, 1, MANY - 1)
    assert all(stores[0].answers(each.mission.id) == YES for each in held)


def test_of_those_that_are_filed_at_once_for_a_target_one_is_leased_and_none_is_lost(stores):
    for store in stores:
        store.idle = Idle(MANY)
    filed = at_once(stores, MissionStore.submit, [ask(A) for _ in range(MANY)])

    leased = [each for store in stores for each in store.idle.given if each is not None]
    counts = stores[0].counts()
    assert (len(leased), counts["running"], counts["queued"]) == (1, 1, MANY - 1)
    assert len(set(filed)) == MANY


def test_those_that_end_at_once_take_each_of_the_next_once(stores):
    clock = SystemClock()
    held = [submit_and_lease(stores[0], clock, ask(f"{number:016x}")) for number in range(MANY)]
    following = {stores[0].submit(ask(A)) for _ in range(MANY)}

    def end(store, each):
        return store.finish_and_lease(each.token, "done", None, "worker", LEASE)

    taken = [each for each in at_once(stores, end, held) if each is not None]
    assert {each.mission.state for each in taken} == {"running"}
    assert len(taken) == 1  # all of them are for one target
    assert taken[0].mission.id in following
    assert stores[0].counts()["done"] == MANY
