"""`batos run` is killed at several moments of the First Conversation; run again, it finishes it.

The moments are stages that its output announces, so they are the same on a slow machine and on a fast one, and one that
falls anywhere. No need is journaled twice, and there is one workbench in the end.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import batos

pytestmark = pytest.mark.timeout(180)
COMMAND = [str(Path(sys.executable).with_name("batos")), "run", "--headless", "--image", "killed.image"]


def killed_after(folder, lines):
    """Run until so many lines of its output are there, then SIGKILL it and whatever it started."""
    process = subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True)
    for _ in range(lines):
        process.stdout.readline()
    return end(process)


def killed_within(folder, seconds):
    process = subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True)
    with suppress(subprocess.TimeoutExpired):
        process.wait(random.Random(20261123).uniform(0, seconds))
    return end(process)


def end(process):
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    return process.wait() == -signal.SIGKILL


def test_it_finishes_what_was_killed(tmp_path):
    kills = [killed_after(tmp_path, lines) for lines in (1, 2, 4)] + [killed_within(tmp_path, 3.0)]
    assert all(kills)
    finished = subprocess.run(COMMAND, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "how is a learned method undone" in finished.stdout
    assert (tmp_path / "first-conversation.png").read_bytes().startswith(b"\x89PNG")

    with batos.open(tmp_path / "killed.image", create=False) as image:
        displays = [mission for mission in image.missions() if mission["type"] == "display"]
        assert [mission["state"] for mission in displays] == ["done"]
        for mission in image.missions():
            keys = [entry.key for entry in image.store.journal(mission["mission"]).values()]
            assert len(keys) == len(set(keys))
        assert len([change for change in image.history("genesis") if "workbench" in change.slots]) == 1
