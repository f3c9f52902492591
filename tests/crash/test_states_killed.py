"""SIGKILL in every state of every attempt of a cycle, and at every write between them: run again, it ends the same.

The effect happens once, no answer is journaled twice or charged twice, there is one receipt. What is paid again is at
most the round that was on its way. `BATOS_FULL=1` runs the whole matrix on every storage.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import batos
from batos.faults import VARIABLE
from storages import STORAGES, new_place

FULL = os.environ.get("BATOS_FULL") == "1"
STORY = Path(__file__).with_name("states_story.py")
ANSWER = "((left (why)) (right (why)))"
CALLS = 4
MOST_TRIES = 4
STATES = ["IDLE", "DECOMPOSING", "DELEGATING", "SYNTHESIZING", "COMPLETE"]
# How often each point is passed: four attempts, of which the first ends in DECOMPOSING, and three rounds between them.
PASSED = {
    "cycle.idle": 4,
    "cycle.decomposing": 4,
    "cycle.delegating": 3,
    "cycle.synthesizing": 2,
    "cycle.complete": 1,
    "cycle.before_commit": 1,
    "cycle.after_commit": 1,
    "image.before_commit": 1,
    "image.after_commit": 1,
    "missions.before_submit": 1,
    "missions.after_submit": 1,
    "missions.before_lease": 1,
    "missions.after_lease": 1,
    "missions.before_journal": 3,
    "missions.after_journal": 3,
    "missions.before_ack": 1,
    "missions.after_ack": 1,
}
MATRIX = [(point, hit) for point, most in PASSED.items() for hit in range(1, most + 1)]
SHORT = [
    ("cycle.decomposing", 2), ("cycle.delegating", 3), ("cycle.synthesizing", 2), ("cycle.complete", 1),
    ("missions.before_journal", 2), ("missions.after_journal", 3), ("cycle.after_commit", 1),
]  # fmt: skip


def tell(image, calls, fault=None, *more):
    environment = {**os.environ, **({VARIABLE: fault} if fault else {})}
    command = [sys.executable, str(STORY), str(image), str(calls), *more]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)


def told_to_the_end(image, calls, fault, *more):
    """What the story came to, and whether it was killed on the way."""
    told = tell(image, calls, fault, *more)
    killed = told.returncode == -signal.SIGKILL
    for _ in range(MOST_TRIES):
        if told.returncode == 0:
            break
        told = tell(image, calls, None, *more)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout.splitlines()[-1]), killed


@pytest.fixture
def founded(storage, tmp_path, request):
    with new_place(storage, tmp_path, lambda: request.getfixturevalue("postgresql")) as uri:
        with batos.open(uri) as image:
            image.create("counter", {"count": 0})
        yield uri


KILLS = [(storage, *kill) for storage in (STORAGES if FULL else ["sqlite"]) for kill in (MATRIX if FULL else SHORT)]


@pytest.mark.parametrize("storage, point, hit", KILLS)
def test_a_cycle_survives_a_kill_in_any_state(storage, point, hit, founded, tmp_path):
    calls = tmp_path / "calls"
    ending, killed = told_to_the_end(founded, calls, f"{point}:kill:{hit}")

    # An image's own commits come before the cycle's: those two points may be passed by them alone.
    assert killed or point.startswith("image."), "the point was never reached"
    assert (ending["value"], ending["count"], ending["receipts"]) == (f"({ANSWER[1:-1]})", 1, 1)
    assert ending["states"] == STATES
    assert (ending["needs"], ending["distinct"], ending["spent"]) == (CALLS, CALLS, CALLS)
    paid = len(calls.read_text().splitlines())
    again = 2 if point == "missions.before_journal" and hit == 2 else int(point == "missions.before_journal")
    assert paid == CALLS + again


@pytest.mark.parametrize("storage, point, hit", [("sqlite", "cycle.failed", 1)])
def test_a_cycle_that_fails_survives_a_kill_in_failed(storage, point, hit, founded, tmp_path):
    calls = tmp_path / "calls"
    ending, killed = told_to_the_end(founded, calls, f"{point}:kill:{hit}", "fail")

    assert killed
    assert (ending["count"], ending["receipts"], ending["states"][-1]) == (0, 1, "FAILED")
    assert "no further" in ending["value"]
    assert (ending["needs"], ending["distinct"]) == (CALLS, CALLS)
    assert len(calls.read_text().splitlines()) == CALLS
