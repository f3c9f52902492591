"""Named places where a test makes the program fail, to show that what was promised durable is.

Code calls `fault(NAME)` right before and right after each commit; it does nothing unless the name is armed. A test arms
one with an exception (`Crash` passes through `except Exception`, as a dead process would). A child process is armed by
the environment variable `BATOS_FAULT`, written `NAME:kill` or `NAME:kill:3` for the third time it gets there: it then
kills itself with SIGKILL, which no handler and no `finally` survives.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from batos.errors import SettingRefused

VARIABLE = "BATOS_FAULT"

FAULTS = (
    # The cycle enters a state, in any of its attempts.
    "cycle.idle",
    "cycle.decomposing",
    "cycle.delegating",
    "cycle.synthesizing",
    "cycle.complete",
    "cycle.failed",
    "cycle.before_commit",
    "cycle.after_commit",
    "image.before_commit",
    "image.after_commit",
    # One pair for every kind of write to the mission database: inside the transaction before its commit, and after it.
    "missions.before_submit",
    "missions.after_submit",
    "missions.before_learn",
    "missions.after_learn",
    "missions.before_journal",
    "missions.after_journal",
    "missions.before_decision",
    "missions.after_decision",
    "missions.before_lease",
    "missions.after_lease",
    "missions.before_wait",
    "missions.after_wait",
    "missions.before_ack",
    "missions.after_ack",
    # Care of an image: a horizon is stored, a packed file takes the old one's place, a copy becomes a backup.
    "pack.after_horizon",
    "pack.after_unused",
    "pack.before_switch",
    "pack.after_switch",
    "backup.after_objects",
    "backup.before_naming",
    "restore.before_naming",
    "erase.after_objects",
    "erase.after_missions",
    # An adapter is being put into a slot of the model: its numbers are there, it is not yet said whose they are.
    "adapters.while_filling",
    # An index is written, and with it how far it has followed the log.
    "index.before_commit",
    "index.after_commit",
    # The indexes of another embedding model are complete, and the image still goes by the former one.
    "memory.before_choice",
)


class Crash(BaseException):
    """Stands for the end of the process, within a test. Nothing that catches `Exception` may survive it."""


@dataclass
class _Armed:
    error: BaseException | type[BaseException] | None  # None kills the process
    hits_left: int


_armed: dict[str, _Armed] | None = None  # None until the environment has been read
_lock = Lock()


def fault(name: str) -> None:
    """Fail here if a test armed `name`; otherwise do nothing."""
    if _armed is None:
        _read_environment()
    if _armed:
        _strike(name)


def arm(name: str, error: BaseException | type[BaseException] = Crash, *, hit: int = 1) -> None:
    """Make `fault(name)` raise `error` the `hit`-th time from now, once. Raises SettingRefused for an unknown name."""
    _arm(name, _Armed(error, hit))


def disarm() -> None:
    """Forget everything that is armed, whatever the environment says."""
    global _armed
    _armed = {}


@contextmanager
def armed(name: str, error: BaseException | type[BaseException] = Crash, *, hit: int = 1) -> Iterator[None]:
    """`arm` for the length of a `with` block."""
    arm(name, error, hit=hit)
    try:
        yield
    finally:
        disarm()


def _arm(name: str, plan: _Armed) -> None:
    global _armed
    if name not in FAULTS:
        raise SettingRefused(name=VARIABLE, value=name, reason=f"the fault points are {', '.join(FAULTS)}.")
    with _lock:
        _armed = {**(_armed or {}), name: plan}


def _read_environment() -> None:
    """`NAME:kill` or `NAME:kill:HITS`."""
    global _armed
    written = os.environ.get(VARIABLE, "")
    name, _, manner = written.partition(":")
    action, _, hits = manner.partition(":")
    if not written:
        _armed = {}
    elif action == "kill" and (not hits or hits.isdigit()):
        _arm(name, _Armed(None, int(hits or 1)))
    else:
        raise SettingRefused(name=VARIABLE, value=written, reason="it is written `NAME:kill` or `NAME:kill:HITS`.")


def _strike(name: str) -> None:
    with _lock:
        plan = (_armed or {}).get(name)
        if plan is None:
            return
        plan.hits_left -= 1
        if plan.hits_left != 0:
            return
    if plan.error is None:
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        raise plan.error
