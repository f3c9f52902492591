"""SIGKILL at every named point of a mission's life: run again, it ends as if nothing had happened.

Effects are exactly once and no need is journaled twice. What is paid again is at most the call that was on its way when
the process died; the point between an answer and its journal record is the one where that happens.
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
from batos.faults import FAULTS, VARIABLE
from storages import STORAGES, new_place

FULL = os.environ.get("BATOS_FULL") == "1"
STORY = Path(__file__).with_name("cycle_story.py")
ANSWER = "((word first) second)"
CALLS = 3  # one for the method, two for what it asks
MOST_TRIES = 4


def tell(image, calls, fault=None):
    environment = {**os.environ, **({VARIABLE: fault} if fault else {})}
    command = [sys.executable, str(STORY), str(image), str(calls)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)


@pytest.fixture
def founded(storage, tmp_path, request):
    """An image that is awakened but has seen no mission, so that each kill hits the mission and not the founding."""
    with new_place(storage, tmp_path, lambda: request.getfixturevalue("postgresql")) as uri:
        with batos.open(uri) as image:
            image.create("counter", {"count": 0}, parents=["pllm", "traits"])
        yield uri


# Every point once; those around the commits that matter also in a later round. No person decides in this story, and the
# states have one of their own (`test_states_killed.py`).
POINTS = [
    name
    for name in FAULTS
    if name.startswith(("cycle.before", "cycle.after", "missions.")) and not name.endswith("decision")
]
KILLS = [(point, 1) for point in POINTS] + [
    ("missions.before_journal", 3),
    ("missions.after_journal", 3),
    ("cycle.before_commit", 2),
    ("cycle.after_commit", 2),
]


# The storages differ in their commits, so those are shown on all; in a full run everything is.
SHORT = [("cycle.before_commit", 1), ("cycle.after_commit", 1), ("missions.after_journal", 1)]
STORIES = [(storage, *kill) for storage in STORAGES for kill in (KILLS if FULL or storage == "sqlite" else SHORT)]


@pytest.mark.parametrize("storage, point, hit", STORIES)
def test_a_mission_survives_a_kill_at(storage, point, hit, founded, tmp_path):
    calls = tmp_path / "calls"
    told = tell(founded, calls, f"{point}:kill:{hit}")
    killed = told.returncode == -signal.SIGKILL
    assert killed or hit > 1, f"the point was never reached: {told.stderr}"
    for _ in range(MOST_TRIES):
        if told.returncode == 0:
            break
        told = tell(founded, calls)
    assert told.returncode == 0, told.stderr
    ending = json.loads(told.stdout.splitlines()[-1])
    assert (ending["value"], ending["count"]) == (ANSWER, 1)
    assert ending["needs"] == ending["distinct"]
    paid = len(calls.read_text().splitlines())
    assert CALLS <= paid <= CALLS + killed
