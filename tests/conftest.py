"""What every test can have: an image, a clock that the test moves, a backend that says what it is told.

Beside the three fixtures: each test carries the mark of its folder, hypothesis always tries the same examples, and a
module of tests may leave nothing running.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from batos.runtime.uvm import Uvm
from batos.testing import MovableClock, ScriptedBackend, temporary_image
from postgresql_server import Server, missing, started

TESTS = Path(__file__).parent
FOLDERS = ("unit", "contract", "crash", "bridge", "ui", "system", "shape")
GRACE = 5.0  # seconds that a thread or a child may take to end after it was told to
LASTING: set[int] = set()  # children that live as long as the session

# Searches go by words alone, whatever this machine has in its cache; the tests of models name theirs.
os.environ["BATOS_EMBEDDING"] = "none"

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def backend() -> ScriptedBackend:
    """Says what the test gives it to say, and remembers what it was asked."""
    return ScriptedBackend()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server, started for the first test that asks; skips where there can be none."""
    if reason := missing():
        pytest.skip(reason)
    with started() as server:
        LASTING.add(server.process.pid)
        yield server


@pytest.fixture
def image() -> Iterator[Uvm]:
    """A new image with the built-in backend, closed and removed afterwards."""
    with temporary_image() as opened:
        yield opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in FOLDERS:
            item.add_marker(folder)


@pytest.fixture(scope="module", autouse=True)
def nothing_left_running() -> Iterator[None]:
    threads_before, children_before = set(threading.enumerate()), children()
    yield
    for thread in set(threading.enumerate()) - threads_before:
        thread.join(GRACE)
    assert not {thread.name for thread in threading.enumerate() if thread not in threads_before}
    for child in children() - children_before - LASTING:
        assert ended(child), f"the child process {child} ({command_of(child)}) is still running"


def children() -> set[int]:
    """The processes whose parent is this one, as the kernel lists them; none where it keeps no such list."""
    listed: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        listed |= {int(pid) for pid in task.read_text().split()}
    return listed


def ended(pid: int) -> bool:
    """Whether the process ends within the grace."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], GRACE)[0])
    finally:
        os.close(descriptor)


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
