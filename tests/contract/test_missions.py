"""What the mission database promises about missions, on every dialect that is installed here."""

import pytest

from batos.errors import LeaseLost, MissionError, TransactionMisuse, UnknownMission, WaitCircle
from batos.runtime.missions import Brief, MissionStore
from contract.mission_tools import LEASE, A, B, C, answer, ask, learn, lease, submit_and_lease

# Filing


def test_a_mission_is_read_back_as_it_was_filed(store, clock):
    brief = Brief("ask", A, "ask_", ("déjà\x00 \ud800",), {"limit": 8}, {"examples": [1]}, {"tainted": True})

    mission = store.get(store.submit(brief, parent="p", priority=3, run_at=clock.now() + 5))

    assert mission.brief == brief
    assert (mission.state, mission.parent, mission.priority) == ("queued", "p", 3)
    assert (mission.created_at, mission.run_at) == (clock.now(), clock.now() + 5)


def test_filing_an_id_again_changes_nothing(store):
    store.submit(ask(selector="first"), mission_id="m1")

    assert store.submit(ask(selector="second"), mission_id="m1") == "m1"
    assert store.get("m1").brief.selector == "first"


def test_an_open_learn_is_shared_and_a_finished_one_is_not(store, clock):
    first = store.submit(learn())

    assert store.submit(learn()) == first
    assert [mission.id for mission in store.list()] == [first]
    store.finish(lease(store, clock).token, "done", {})
    assert store.submit(learn()) != first


def test_missions_survive_closing(mission_url, clock):
    store = MissionStore.open(mission_url, clock)
    mission = store.submit(ask())
    store.close()
    store.close()

    reopened = MissionStore.open(mission_url, clock)
    assert reopened.get(mission).state == "queued"
    reopened.close()
    with pytest.raises(TransactionMisuse, match="closed"):
        reopened.get(mission)


# Leasing


def test_the_order_is_priority_then_age_and_nothing_runs_before_its_time(store, clock):
    later = store.submit(ask(A), priority=9, run_at=clock.now() + 60)
    old, young, urgent = store.submit(ask(B)), store.submit(ask(C)), store.submit(ask("dd"), priority=1)

    assert [lease(store, clock).mission.id for _ in range(3)] == [urgent, old, young]
    assert lease(store, clock) is None
    clock.move(60)
    assert lease(store, clock).mission.id == later


def test_one_mission_runs_per_target(store, clock):
    first, second, elsewhere = store.submit(ask(A)), store.submit(ask(A)), store.submit(ask(B))

    taken = lease(store, clock)
    assert (taken.mission.id, taken.mission.state) == (first, "running")
    assert lease(store, clock).mission.id == elsewhere
    assert lease(store, clock) is None
    store.finish(taken.token, "done", None)
    assert lease(store, clock).mission.id == second


def test_a_mission_that_waits_for_needs_lets_another_run_and_keeps_its_lease(store, clock):
    child = learn(A)
    asking = submit_and_lease(store, clock, ask(A))
    store.submit(child)
    store.wait_for_needs(asking.token)

    learning = lease(store, clock)
    assert learning.mission.brief == child
    assert store.renew([asking.token, learning.token], clock.now(), LEASE) == frozenset()
    assert store.record_round(asking.token, [answer("yes")]) == {("h", 0): {"text": "yes"}}


def test_a_lease_that_ran_out_gives_the_mission_back_and_its_token_writes_nothing(store, clock):
    old = submit_and_lease(store, clock, ask())
    clock.move(LEASE)

    new = lease(store, clock)
    assert (new.mission.id, new.mission.leases_lost) == (old.mission.id, 1)
    assert store.renew([old.token, new.token], clock.now(), LEASE) == {old.token}
    for write in (
        lambda: store.record_round(old.token, [answer("late")]),
        lambda: store.submit_learn(learn(B), old.mission.id, old.token),
        lambda: store.wait_for_needs(old.token),
        lambda: store.wait_for_missions(old.token, []),
        lambda: store.wait_for_person(old.token, {}),
        lambda: store.release(old.token),
        lambda: store.finish(old.token, "done", {}),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert store.answers(old.mission.id) == {}
    assert store.get(old.mission.id).state == "running"
    assert store.counts()["queued"] == 0


def test_a_waiting_mission_whose_performer_died_is_given_back_too(store, clock):
    leased = submit_and_lease(store, clock, ask())
    store.wait_for_needs(leased.token)
    clock.move(LEASE)

    assert lease(store, clock).mission.id == leased.mission.id


def test_a_renewed_lease_holds(store, clock):
    leased = submit_and_lease(store, clock, ask())
    clock.move(LEASE - 1)
    store.renew([leased.token], clock.now(), LEASE)
    clock.move(LEASE - 1)

    assert lease(store, clock) is None
    store.finish(leased.token, "done", {})


def test_a_mission_that_takes_too_many_workers_down_is_dead_and_frees_who_waits_for_it(store, clock):
    asking = submit_and_lease(store, clock, ask(B))
    deadly = store.submit_learn(learn(A), asking.mission.id, asking.token).mission_id
    store.wait_for_missions(asking.token, [deadly])
    for _ in range(3):
        assert lease(store, clock).mission.id == deadly
        clock.move(LEASE)

    assert lease(store, clock).mission.id == asking.mission.id
    assert store.get(deadly).state == "dead"
    assert "3 workers" in store.get(deadly).outcome["reason"]


def test_a_mission_that_gets_further_each_time_outlives_any_number_of_workers(store, clock):
    submit_and_lease(store, clock, ask())
    for number in range(8):
        clock.move(LEASE)
        store.record_round(lease(store, clock).token, [answer(f"part {number}", f"h{number}")])
        lease(store, clock)  # and the next one dies again

    clock.move(LEASE)
    assert lease(store, clock).mission.leases_lost == 1


def test_a_released_mission_comes_back_when_told(store, clock):
    leased = submit_and_lease(store, clock, ask())
    store.release(leased.token, run_at=clock.now() + 10)

    assert lease(store, clock) is None
    clock.move(10)
    assert lease(store, clock).mission.leases_lost == 0


# Waiting


def test_a_shared_learn_wakes_all_who_wait_and_answers_their_needs(store, clock):
    askers = [submit_and_lease(store, clock, ask(target)) for target in (B, C)]
    filed = [store.submit_learn(learn(A), each.mission.id, each.token, need=("need", 0)) for each in askers]
    for each in askers:
        store.wait_for_missions(each.token, [filed[0].mission_id])
    assert filed[0].mission_id == filed[1].mission_id
    assert (filed[0].circle, filed[1].circle) == (None, None)
    assert store.counts() == {"queued": 1, "running": 0, "waiting": 2, "done": 0, "failed": 0, "dead": 0}

    store.finish(lease(store, clock).token, "failed", {"reason": "no"})

    ended = {"mission": filed[0].mission_id, "state": "failed", "outcome": {"reason": "no"}}
    for each in askers:
        assert store.get(each.mission.id).state == "queued"
        assert store.answers(each.mission.id) == {("need", 0): ended}
        assert store.journal(each.mission.id)["need", 0].kind == "learn"


def test_who_waits_for_several_is_woken_by_the_last(store, clock):
    asking = submit_and_lease(store, clock, ask(C))
    children = [store.submit_learn(learn(each), asking.mission.id, asking.token).mission_id for each in (A, B)]
    store.wait_for_missions(asking.token, children)
    first, second = lease(store, clock), lease(store, clock)

    store.finish(first.token, "done", {})
    assert store.get(asking.mission.id).state == "waiting"
    store.finish(second.token, "done", {})
    assert store.get(asking.mission.id).state == "queued"


def test_waiting_for_what_has_ended_goes_straight_back_to_the_queue(store, clock):
    asking = submit_and_lease(store, clock, ask(B))
    child = store.submit_learn(learn(A), asking.mission.id, asking.token).mission_id
    store.finish(lease(store, clock).token, "done", {})

    store.wait_for_missions(asking.token, [child])

    assert store.get(asking.mission.id).state == "queued"


def test_a_circle_of_learns_is_refused_and_nothing_is_filed(store, clock):
    half, quarter, eighth = (learn(each) for each in (A, B, C))
    on_half = submit_and_lease(store, clock, half)
    on_quarter_id = store.submit_learn(quarter, on_half.mission.id, on_half.token).mission_id
    store.wait_for_missions(on_half.token, [on_quarter_id])
    on_quarter = lease(store, clock)
    on_eighth_id = store.submit_learn(eighth, on_quarter_id, on_quarter.token).mission_id
    store.wait_for_missions(on_quarter.token, [on_eighth_id])
    on_eighth = lease(store, clock)

    filed = store.submit_learn(half, on_eighth_id, on_eighth.token)

    assert (filed.mission_id, filed.state) == (on_half.mission.id, "waiting")
    assert filed.circle == (on_eighth_id, on_half.mission.id, on_quarter_id)
    with pytest.raises(WaitCircle, match="half_"):
        store.wait_for_missions(on_eighth.token, [on_half.mission.id])
    store.finish(on_eighth.token, "failed", {})
    assert store.get(on_quarter_id).state == "queued"


def test_a_learn_that_would_wait_for_itself_is_refused(store, clock):
    leased = submit_and_lease(store, clock, learn())

    assert store.submit_learn(learn(), leased.mission.id, leased.token).circle == (leased.mission.id,)


def test_two_ways_to_the_same_learn_are_no_circle(store, clock):
    top = submit_and_lease(store, clock, ask(C))
    left = store.submit_learn(learn(A), top.mission.id, top.token).mission_id
    shared = store.submit_learn(learn(B), top.mission.id, top.token).mission_id
    store.wait_for_missions(top.token, [left, shared])

    on_left = lease(store, clock)
    assert on_left.mission.id == left
    assert store.submit_learn(learn(B), left, on_left.token).circle is None


def test_a_mission_that_runs_again_waits_for_nothing(store, clock):
    asking = submit_and_lease(store, clock, learn(B))
    child = store.submit_learn(learn(A), asking.mission.id, asking.token, need=("need", 0)).mission_id
    store.release(asking.token)
    again = lease(store, clock)
    assert again.mission.id == asking.mission.id
    on_child = lease(store, clock)

    assert store.submit_learn(learn(B), child, on_child.token).circle is None
    store.finish(on_child.token, "done", {})
    assert store.answers(asking.mission.id) == {}


def test_a_wait_past_its_deadline_ends_with_how_things_stand(store, clock):
    asking = submit_and_lease(store, clock, ask(B))
    child = store.submit_learn(learn(A), asking.mission.id, asking.token, need=("need", 0)).mission_id
    store.wait_for_missions(asking.token, [child], deadline=clock.now() + 10)
    on_child = lease(store, clock)
    store.wait_for_person(on_child.token, {"question": "A or B?"})
    assert store.pending_below(asking.mission.id).id == child
    clock.move(10)

    again = lease(store, clock)

    assert (again.mission.id, again.mission.overdue) == (asking.mission.id, True)
    assert store.answers(asking.mission.id)["need", 0] == {"mission": child, "state": "waiting", "outcome": None}
    assert store.get(child).pending == {"question": "A or B?"}


# Deciding


def test_a_person_resumes_a_mission_with_another_example(store, clock):
    leased = submit_and_lease(store, clock, learn(contract={"examples": [1]}))
    store.wait_for_person(leased.token, {"question": [2, None]})
    assert store.get(leased.mission.id).pending == {"question": [2, None]}
    assert lease(store, clock) is None

    store.resume(leased.mission.id, contract={"examples": [1, 2]})

    again = lease(store, clock).mission
    assert (again.brief.contract, again.pending) == ({"examples": [1, 2]}, None)
    with pytest.raises(MissionError, match="running"):
        store.resume(again.id)


def test_a_person_ends_a_mission_and_frees_who_waits(store, clock):
    asking = submit_and_lease(store, clock, ask(B))
    child = store.submit_learn(learn(A), asking.mission.id, asking.token).mission_id
    store.wait_for_missions(asking.token, [child])
    store.wait_for_person(lease(store, clock).token, {"proposal": "p1"})

    store.finish_waiting(child, "failed", {"refused": True})

    assert store.get(child).outcome == {"refused": True}
    assert lease(store, clock).mission.id == asking.mission.id


def test_a_cancelled_mission_has_ended_whatever_its_worker_thinks(store, clock):
    leased = submit_and_lease(store, clock, ask())

    assert store.cancel(leased.mission.id)
    assert not store.cancel(leased.mission.id)
    mission = store.get(leased.mission.id)
    assert (mission.state, mission.outcome, mission.ended) == ("failed", {"cancelled": True}, True)
    with pytest.raises(LeaseLost):
        store.finish(leased.token, "done", {})
    with pytest.raises(UnknownMission):
        store.cancel("nobody")


def test_a_mission_that_the_image_does_not_know_is_done_again(store, clock):
    leased = submit_and_lease(store, clock, learn())
    store.reopen(leased.mission.id)
    assert store.get(leased.mission.id).state == "running"
    store.finish(leased.token, "done", {})

    store.reopen(leased.mission.id)

    assert (store.get(leased.mission.id).state, store.get(leased.mission.id).outcome) == ("queued", None)


def test_of_two_learns_for_one_selector_only_one_is_done_again(store, clock):
    first = submit_and_lease(store, clock, learn())
    store.finish(first.token, "done", {})
    second = store.submit(learn())

    store.reopen(first.mission.id)

    assert store.get(first.mission.id).state == "done"
    assert [mission.id for mission in store.list("queued")] == [second]


def test_what_a_dead_worker_holds_is_given_back_at_once(store, clock):
    gone = submit_and_lease(store, clock, ask(A))
    store.submit(ask(B))
    store.lease("another", clock.now(), LEASE)
    assert store.workers() == {"worker", "another"}

    store.end_leases("worker")

    assert lease(store, clock).mission.id == gone.mission.id
    assert lease(store, clock) is None


# Counting and remembering


def test_missions_are_listed_newest_first(store, clock):
    first, second = store.submit(ask(A)), store.submit(ask(B), parent="p")
    leased = lease(store, clock)

    assert [each.id for each in store.list()] == [second, first]
    assert [each.id for each in store.list(limit=1)] == [second]
    assert [each.id for each in store.list(state="running")] == [leased.mission.id] == [first]
    assert [each.id for each in store.list(parent="p")] == [second]


def test_calls_are_counted_per_version(store):
    for ok, micros in ((True, 5), (False, 7)):
        store.count_call(A, "half_", 1, ok, micros)
    assert [(each.calls, each.errors, each.micros) for each in store.counters(A, "half_")] == [(2, 1, 12)]

    store.count_call(A, "half_", 1, True, 1)
    store.count_call(A, "half_", 2, True, 1)

    assert [(each.version, each.calls) for each in store.counters()] == [(1, 3), (2, 1)]
    assert store.counters(B) == ()


def test_attempts_are_logged_with_the_next_write(store):
    store.log_attempt("m", "suspended", ["inference", "observe"], 1.0, 2.0)
    store.log_attempt("m", "complete", [], 3.0, 4.0)
    store.submit(ask())

    assert [(each.result, each.needs) for each in store.attempts("m")] == [
        ("suspended", ["inference", "observe"]),
        ("complete", []),
    ]


def test_single_values_are_remembered(store):
    assert store.meta("swept", default="none") == "none"
    store.set_meta("swept", {"tid": "0a"})
    store.set_meta("swept", {"tid": "0b"})

    assert store.meta("swept") == {"tid": "0b"}
