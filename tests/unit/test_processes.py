"""A process can be told from one that has ended, also where its id is used again or nobody took note of its end."""

import os
import socket
import subprocess
import sys

from batos.runtime.processes import is_gone, own_name

SAYS_ITS_NAME = """
import sys
from batos.runtime.processes import own_name
print(own_name(), flush=True)
sys.stdin.read()
"""


def started() -> tuple[subprocess.Popen, str]:
    """A process that has said its name and then waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", SAYS_ITS_NAME], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


def test_a_process_that_runs_is_there_whatever_follows_its_name():
    assert not is_gone(own_name())
    assert not is_gone(f"{own_name()}:batos-worker-0")


def test_a_process_that_was_killed_is_gone_even_before_anybody_asked_how_it_ended():
    process, name = started()
    assert not is_gone(name)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(name)

    process.communicate()
    assert is_gone(name)


def test_another_process_with_the_same_id_is_not_taken_for_it():
    assert is_gone(f"{socket.gethostname()}:{os.getpid()}:1:batos-worker-0")


def test_nothing_is_said_about_other_machines_and_other_names():
    assert not is_gone(f"elsewhere:{os.getpid()}:1:batos-worker-0")
    assert not is_gone("batos-worker-0")
    assert not is_gone("")
