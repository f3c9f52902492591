"""The mission database under many threads, and under several openings of it at once, as several processes have."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from batos.clock import SystemClock
from batos.runtime.missions import Brief, MissionStore
from contract import mission_work
from contract.mission_work import LEASE, PATIENCE, Watch, work

WORKERS = 8
MISSIONS = 200
TARGETS = 16


@pytest.mark.parametrize("openings", [1, 2])
def test_each_mission_is_done_once_and_one_at_a_time_per_target(mission_url, openings):
    stores = [MissionStore.open(mission_url, SystemClock()) for _ in range(openings)]
    filed = [stores[0].submit(Brief("ask", f"{number % TARGETS:016x}", "ask_")) for number in range(MISSIONS)]
    watch = Watch()
    with ThreadPoolExecutor(WORKERS) as pool:
        done = [pool.submit(work, stores[n % openings], watch, f"worker {n}") for n in range(WORKERS)]
        for each in done:
            each.result(timeout=PATIENCE * 2)

    assert sorted(watch.finished) == sorted(filed)
    assert watch.most == 1
    assert stores[0].counts()["done"] == MISSIONS
    assert sum(len(stores[0].answers(mission)) for mission in filed) == MISSIONS
    assert all(stores[0].budget("mission", mission).spent == 1 for mission in filed)
    for store in stores:
        store.close()


def test_two_processes_share_the_missions(mission_url):
    store = MissionStore.open(mission_url, SystemClock())
    filed = [store.submit(Brief("ask", f"{number % TARGETS:016x}", "ask_")) for number in range(MISSIONS)]
    children = [
        subprocess.Popen([sys.executable, mission_work.__file__, mission_url, name], stdout=subprocess.PIPE, text=True)
        for name in "ab"
    ]
    finished = [child.communicate(timeout=PATIENCE * 2)[0].split() for child in children]

    assert [child.returncode for child in children] == [0, 0]
    assert sorted(finished[0] + finished[1]) == sorted(filed)
    assert all(len(store.answers(mission)) == 1 for mission in filed)
    assert store.counts()["done"] == MISSIONS
    store.close()


def test_learns_filed_at_once_by_many_are_one(mission_url):
    store = MissionStore.open(mission_url, SystemClock())
    askers = []
    for number in range(WORKERS):
        store.submit(Brief("ask", f"{number:016x}", "ask_"))
        askers.append(store.lease("worker", SystemClock().now(), LEASE))
    learn = Brief("learn", "f", "half_")
    with ThreadPoolExecutor(WORKERS) as pool:
        filed = list(pool.map(lambda asker: store.submit_learn(learn, asker.mission.id, asker.token), askers))

    assert len({each.mission_id for each in filed}) == 1
    assert store.counts()["queued"] == 1
    store.close()


def test_an_empty_database_opened_by_many_at_once_is_made_once(mission_url):
    with ThreadPoolExecutor(WORKERS) as pool:
        stores = list(pool.map(lambda _: MissionStore.open(mission_url, SystemClock()), range(WORKERS)))

    mission = stores[0].submit(Brief("ask", "a", "ask_"))
    for store in stores:
        assert store.get(mission).state == "queued"
        store.close()


@pytest.mark.parametrize("openings", [1, 2])
def test_who_waits_for_a_change_is_woken_wherever_it_was_made(mission_url, openings):
    stores = [MissionStore.open(mission_url, SystemClock()) for _ in range(openings)]
    here, elsewhere = stores[0], stores[-1]
    mission = here.submit(Brief("ask", "a", "ask_"))
    states = []

    def await_end():
        while True:
            seen = here.changes()
            states.append(here.get(mission).state)
            if states[-1] == "done":
                return
            here.wait_changed(PATIENCE, since=seen)

    waiter = Thread(target=await_end)
    waiter.start()
    elsewhere.finish(elsewhere.lease("worker", SystemClock().now(), LEASE).token, "done", {})
    waiter.join(PATIENCE)

    assert not waiter.is_alive()
    assert states[-1] == "done"
    for store in stores:
        store.close()


def test_an_end_wakes_who_waits_for_it_and_a_question_wakes_all(mission_url):
    """Senders of other missions are left alone: a thousand that look at each end would take the square of the time."""
    here, elsewhere = (MissionStore.open(mission_url, SystemClock()) for _ in range(2))
    first, second, _third = (here.submit(Brief("ask", target, "ask_")) for target in "abc")
    with here.settlement_of(first) as one, here.settlement_of(second) as other:
        taken = [here.lease("worker", SystemClock().now(), LEASE) for _ in range(3)]
        seen = one.count(), other.count()
        here.finish(taken[0].token, "done", {})
        assert (one.count(), other.count()) == (seen[0] + 1, seen[1])

        here.wait_for_person(taken[2].token, {"reason": "a question"})
        assert (one.count(), other.count()) == (seen[0] + 2, seen[1] + 1)

        seen = other.count()
        elsewhere.finish(taken[1].token, "done", {})
        assert other.wait(seen, PATIENCE)
    for store in (here, elsewhere):
        store.close()


def test_to_wait_for_a_mission_that_asks_wakes_who_waits_further_up(mission_url):
    """One waits for the upper mission, which waits for the middle one; that one comes upon a question asked before."""
    store = MissionStore.open(mission_url, SystemClock())
    upper, middle, lowest = (store.submit(Brief("ask", target, "ask_")) for target in "abc")
    with store.settlement_of(upper) as one:
        taken = [store.lease("worker", SystemClock().now(), LEASE).token for _ in range(3)]
        store.wait_for_missions(taken[0], [middle])
        store.wait_for_person(taken[2], {"reason": "a question"})
        seen = one.count()
        assert store.pending_below(upper) is None

        store.wait_for_missions(taken[1], [lowest])
        assert store.pending_below(upper).pending == {"reason": "a question"}
        assert one.count() > seen

    store.close()


def test_closing_lets_go_who_waits(mission_url):
    store = MissionStore.open(mission_url, SystemClock())

    def await_end():
        with store.settlement_of("a") as settlement:
            settlement.wait(None, PATIENCE)

    waits = [(store.wait_work, (PATIENCE,)), (store.wait_changed, (PATIENCE,)), (await_end, ())]
    waiters = [Thread(target=wait, args=args) for wait, args in waits]
    for waiter in waiters:
        waiter.start()

    store.close()

    for waiter in waiters:
        waiter.join(PATIENCE / 2)
        assert not waiter.is_alive()
