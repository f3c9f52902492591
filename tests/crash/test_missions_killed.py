"""Whatever moment the process dies at, the mission database opens and the work goes on: nothing lost, nothing twice."""

import os
import signal
import subprocess
import sys
import time

import pytest

from batos.faults import FAULTS, VARIABLE, Crash, armed
from batos.runtime.missions import MissionStore
from batos.testing import MovableClock
from crash import mission_story
from crash.mission_story import ASKED, LEARN, LEASE, PLAN, tell

POINTS = [name for name in FAULTS if name.startswith("missions.")]


def assert_story_is_whole(store, paid):
    asked, *learns = sorted(store.list(), key=lambda mission: mission.id != ASKED)
    assert (asked.state, asked.outcome) == ("done", {"answer": 42})
    assert [(each.state, each.parent) for each in learns] == [("done", ASKED)]
    assert set(store.answers(ASKED)) == {PLAN, LEARN}
    assert store.answers(ASKED)[LEARN]["outcome"] == {"learned": "half_"}
    assert store.budget("mission", ASKED).spent == 1  # what was recorded once is charged once
    assert paid in (1, 2)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("hit", [1, 2])
def test_the_story_goes_on_after_a_crash_at_every_point(tmp_path, clock, point, hit):
    path = tmp_path / "missions.sqlite3"
    store = MissionStore.open(path, clock)
    paid = 0
    with armed(point, hit=hit):
        try:
            paid = tell(store, clock)
        except Crash:
            paid = int(bool(store.answers(ASKED)) or point == "missions.before_journal")
    store.close()
    clock.move(LEASE)

    store = MissionStore.open(path, clock)
    again = tell(store, clock)

    assert_story_is_whole(store, paid + again)
    assert again == 0 or point == "missions.before_journal" or not paid  # an answer on record is never paid again
    store.close()


def test_every_fault_point_is_passed(tmp_path, clock):
    for point in POINTS:
        store = MissionStore.open(tmp_path / point, clock)
        with armed(point), pytest.raises(Crash):
            tell(store, clock)
        store.close()


@pytest.mark.parametrize("point", ["missions.before_journal", "missions.after_journal", "missions.before_ack"])
def test_a_killed_process_leaves_a_database_that_another_works_on(tmp_path, point):
    path = tmp_path / "missions.sqlite3"
    child = subprocess.run(
        [sys.executable, mission_story.__file__, path], env={**os.environ, VARIABLE: f"{point}:kill"}, timeout=30
    )
    assert child.returncode == -signal.SIGKILL

    clock = MovableClock(time.time() + LEASE)
    store = MissionStore.open(path, clock)
    recorded = len(store.answers(ASKED))
    assert recorded == {"missions.before_journal": 0, "missions.after_journal": 1, "missions.before_ack": 1}[point]
    again = tell(store, clock)

    assert_story_is_whole(store, 1 + again)
    assert again == (1 if recorded == 0 else 0)
    store.close()


def test_two_processes_share_the_work(tmp_path):
    path = tmp_path / "missions.sqlite3"
    children = [subprocess.Popen([sys.executable, mission_story.__file__, path]) for _ in range(2)]

    assert [child.wait(timeout=30) for child in children] == [0, 0]

    store = MissionStore.open(path, MovableClock())
    assert_story_is_whole(store, 1)
    store.close()
