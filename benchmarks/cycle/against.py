"""The cycle beside its peers: on this machine's disk, with an imitated fsync of 2 ms, and what each of them syncs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cycle.driving import PEERS, driven, has_strace, timed
from benchmarks.figures import Figure
from benchmarks.rounds import Times

MEMORY = Path("/dev/shm")
FSYNC = 2000  # µs
# key: whose time is divided by whose, what it is, and the goal
RATIOS = {
    "langgraph_ratio": ("five", "two", "LangGraph's five nodes ÷ ours in two rounds", "≥ 3"),
    "langgraph_minimal_ratio": ("minimal", "two", "LangGraph's minimal graph ÷ ours in two rounds", "≥ 2"),
    "langgraph_ratio_3": ("five", "three", "LangGraph's five nodes ÷ ours in three rounds", ""),
    "langgraph_sandboxed_ratio": ("five", "sandboxed", "LangGraph's five nodes ÷ ours, facets in the sandbox", ""),
    "dbos_ratio": ("dbos", "two", "DBOS on SQLite, called directly ÷ ours in two rounds", "≥ 6"),
    "dbos_queued_ratio": ("queued", "two", "DBOS on SQLite through its queue ÷ ours in two rounds", ""),
}
SYNCS = {
    "fsyncs": ("two", "fsyncs of our cycle in two rounds", "≤ 5"),
    "fsyncs_3": ("three", "fsyncs of our cycle in three rounds", "≤ 6"),
    "langgraph_fsyncs": ("five", "fsyncs of LangGraph's five nodes", ""),
    "dbos_fsyncs": ("dbos", "fsyncs of DBOS's cycle", ""),
}


def measure(quick: bool, folder: Path) -> Iterator[Figure]:
    rounds, cycles = (2, 4) if quick else (9, 12)
    with driven([*PEERS], folder, install=not quick) as processes:
        yield from _ratios(timed(processes, rounds, cycles), processes, "", "this disk")
    if not has_strace():
        return
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as memory:
        names = ("two", "three", "five", "minimal", "dbos")
        with driven(names, Path(memory), install=not quick, delay=FSYNC) as processes:
            yield from _ratios(timed(processes, rounds - 1, cycles), processes, "_2ms", "fsync of 2 ms")
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as memory:
        names = ("two", "three", "five", "dbos")
        with driven(names, Path(memory), install=not quick, delay=0) as processes:
            for key, (name, what, reach) in SYNCS.items():
                if name in processes:
                    before = processes[name].synced()
                    processes[name].run(5 * cycles)
                    yield Figure(key, (processes[name].synced() - before) / (5 * cycles), what, reach)


def _ratios(times: Times, processes: object, suffix: str, where: str) -> Iterator[Figure]:
    there = times.rounds[0].keys()
    for key, (theirs, ours, what, reach) in RATIOS.items():
        if theirs in there and ours in there:
            beside = f"{1000 * times.median(theirs):.1f} ms ÷ {1000 * times.median(ours):.1f} ms, {where}"
            yield Figure(f"{key}{suffix}", times.ratio(theirs, ours), what, reach, beside)
