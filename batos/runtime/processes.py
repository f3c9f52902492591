"""Names for processes, by which others on the same machine can tell whether one still runs.

Who died holding a lease need not be waited for until the lease ends. Nothing is said about processes elsewhere.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

ENDED = ("Z", "X")  # states of a process that has ended, of which nobody has taken note yet
START = 19  # the field with the start, counted from the third


def own_name() -> str:
    """This process as `host:pid:start`. Process ids are used again; with its start, in kernel ticks, one is unique."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def is_gone(name: str) -> bool:
    """Whether `name`, or what begins with it, was a process of this machine that has ended. False if in doubt."""
    host, pid, start, *_ = (*name.split(":"), "", "", "")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    if _started(int(pid)) != start:
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it runs, as another user
        return False
    return False


def _started(pid: int) -> str:
    """When the process was started, as the kernel counts; "" where it has ended, or the kernel does not say."""
    try:
        about = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = about.rpartition(")")[
        2
    ].split()  # from the third on; the second, a name, may hold anything but its last ")"
    return "" if fields[0] in ENDED else fields[START]
