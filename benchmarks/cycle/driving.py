"""The peers' processes: started in environments of their own, asked for rounds of cycles in turn.

A peer may be watched by strace, which counts what it syncs; or slowed by it, so that each fsync of a file in memory
takes as long as that of a common disk. A machine whose disk hardly takes time says nothing about one whose disk does.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import DBOS, LANGGRAPH, NotInstalled, python_with
from benchmarks.rounds import Times, interleaved

REPOSITORY = Path(__file__).parents[2]
STRACE = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync,fdatasync")
START_SECONDS = 120


@dataclass(frozen=True)
class Peer:
    """A module that drives cycles, its first argument, and the packages it needs; none: it is ours."""

    module: str
    manner: str
    packages: Sequence[str] = ()

    def python(self, install: bool) -> Path:
        """Raises `NotInstalled`."""
        if not self.packages:
            return Path(sys.executable)
        return python_with(self.module.rpartition(".")[2].partition("_")[0], self.packages, install=install)


PEERS = {
    "two": Peer("benchmarks.cycle.ours", "two"),
    "three": Peer("benchmarks.cycle.ours", "three"),
    "sandboxed": Peer("benchmarks.cycle.ours", "sandboxed"),
    "five": Peer("benchmarks.peers.langgraph_cycle", "five", LANGGRAPH),
    "six": Peer("benchmarks.peers.langgraph_cycle", "six", LANGGRAPH),
    "minimal": Peer("benchmarks.peers.langgraph_cycle", "minimal", LANGGRAPH),
    "dbos": Peer("benchmarks.peers.dbos_cycle", "direct", DBOS),
    "queued": Peer("benchmarks.peers.dbos_cycle", "queued", DBOS),
}


class Driven:
    """A peer's process. `run` has it run cycles; `synced` counts what strace has seen it sync."""

    def __init__(self, python: Path, peer: Peer, folder: Path, trace: Path | None, delay: int = 0) -> None:
        watched: list[str] = []
        if trace is not None:
            slowed = ["-e", f"inject=fsync,fdatasync:delay_exit={delay}"] if delay else []
            watched = [*STRACE, *slowed, "-o", str(trace)]
        self._trace = trace
        self._process = subprocess.Popen(
            [*watched, str(python), "-m", peer.module, peer.manner, str(folder)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder.parent / f"{folder.name}.errors").open("w"),
            text=True,
        )
        if self._line() != "ready":
            self.stop()
            raise RuntimeError((folder.parent / f"{folder.name}.errors").read_text())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def run(self, cycles: int) -> dict[str, Any]:
        """`seconds` they took, and `cpu` seconds of the whole process."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"go {cycles}\n")
        self._process.stdin.flush()
        return json.loads(self._line())  # type: ignore[no-any-return]

    def synced(self) -> int:
        assert self._trace is not None
        return sum(line.rstrip().endswith(("= 0", "= 0 (DELAYED)")) for line in self._trace.open())

    def stop(self) -> None:
        try:
            self._process.communicate("quit\n", timeout=30)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()


@contextmanager
def driven(
    names: Sequence[str], folder: Path, *, install: bool, delay: int | None = None
) -> Iterator[dict[str, Driven]]:
    """Processes of the peers that are there. With `delay`, strace watches them; each sync takes so many µs longer."""
    with ExitStack() as stack:
        started: dict[str, Driven] = {}
        for name in names:
            peer = PEERS[name]
            trace = None if delay is None else folder / f"{name}.trace"
            try:
                started[name] = Driven(peer.python(install), peer, folder / name, trace, delay or 0)
            except NotInstalled as reason:
                print(f"left out: {reason}", file=sys.stderr)
                continue
            stack.callback(started[name].stop)
        yield started


def has_strace() -> bool:
    if shutil.which("strace") is None:
        print("left out: what strace counts and slows, since it is not installed", file=sys.stderr)
        return False
    return True


def timed(processes: dict[str, Driven], rounds: int, cycles: int) -> Times:
    """Seconds per cycle, interleaved."""
    cases = {
        name: lambda process=process: process.run(cycles)["seconds"] / cycles for name, process in processes.items()
    }
    return interleaved(cases, rounds)
