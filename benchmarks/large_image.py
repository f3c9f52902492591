"""What a fresh process needs to open a large image and read a thousand of its objects.

Run as `python -m benchmarks.large_image PATH OBJECTS`. The whole system is opened, as a program of a user's would.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import batos

READ = 1000


def main() -> None:
    path, objects = sys.argv[1], int(sys.argv[2])
    empty = _most_held()
    begun = time.monotonic()
    with batos.open(path) as system, system.image.reading() as world:
        opened = time.monotonic() - begun
        numbers = range(0, objects, max(1, objects // READ))
        assert all(world[f"object_{number}"].number == number for number in numbers)
    print(json.dumps({"mib": _most_held(), "empty_mib": empty, "open_s": opened}))


def _most_held() -> float:
    """The most memory that this process has held so far, in MiB. (`getrusage` would count what its parent held.)"""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    main()
