"""Hostile methods let loose on a running system: what stops each of them, and whether any gets out.

`payloads/` is our own corpus, a file for each (`payload.py` documents the form); `--data FOLDER` runs those of another
folder as well. Every payload is run in three ways: as it would be learned, through the whole gate and a person who
approves everything; with the guardian bypassed, rewritten, in the sandbox alone; and raw, past the rewrite too. The
payloads run in host processes of their own. One that ends, or no longer answers, is a death; the next one goes on
behind the payload that it died of. What counts as an escape stands in `canaries.py` and `stage.py`.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from benchmarks.escapes.payload import OWN, SUFFIXES, BadPayload, payloads
from benchmarks.escapes.verdicts import MEANING, Verdict
from benchmarks.figures import Figure

ROOT = Path(__file__).parents[2]
WAYS = {"learned": "as it would be learned", "alone": "with the guardian bypassed", "raw": "past the rewrite as well"}
SILENCE = 120.0  # seconds after which a host that says nothing is taken for dead
QUICK = 1  # payloads of each family in a quick run

Report = dict[str, Any]


@dataclass
class Results:
    reports: list[Report] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)

    @property
    def escaped(self) -> list[Report]:
        return [report for report in self.reports if report["escapes"]]


def measure(quick: bool, data: Path | None = None) -> Iterator[Figure]:
    chosen = {OWN: [*_few(OWN)] if quick else _names(OWN)}
    if data is not None:
        chosen[data] = _names(data)
    results = Results()
    for folder, names in chosen.items():
        run(folder, names, results)
    show(results)
    yield Figure("payloads", len(results.reports) + len(results.deaths), "hostile methods", "≥ 200")
    yield Figure("escaped", len(results.escaped), "of them reached or changed what they may not", "0")
    yield Figure("host_deaths", len(results.deaths), "host processes that ended or went silent", "0")
    yield Figure("host_mib", max((report["mib"] for report in results.reports), default=0), "most memory of a host")


def _names(folder: Path) -> list[str]:
    try:
        names = [payload.name for payload in payloads(folder)]
    except BadPayload as error:
        raise SystemExit(str(error)) from None
    if not names:
        raise SystemExit(
            f"{folder} holds no payloads: {' or '.join(SUFFIXES)} files, see benchmarks/escapes/payload.py."
        )
    return names


def _few(folder: Path) -> Iterator[str]:
    """The first payloads of each family, whichever they are called."""
    by_family = sorted(payloads(folder), key=lambda payload: payload.family)
    for _, family in groupby(by_family, key=lambda payload: payload.family):
        yield from (payload.name for payload in [*family][:QUICK])


def run(folder: Path, names: list[str], results: Results) -> None:
    """Run the named payloads of a folder, in as many hosts as it takes."""
    waiting = list(names)
    while waiting:
        done = 0
        for report in _host(folder, waiting):
            results.reports.append(report)
            done += 1
            for wrong in report["escapes"]:
                print(f"{report['name']} {wrong}", file=sys.stderr, flush=True)
        if done < len(waiting):
            results.deaths.append(waiting[done])
            print(f"a host died of {waiting[done]}", file=sys.stderr, flush=True)
        waiting = waiting[done + 1 :]


def _host(folder: Path, names: list[str]) -> Iterator[Report]:
    """The reports of one host process, until it has run all of the payloads, or has died."""
    readable, writable = os.pipe()
    start = f"import sys; sys.path.append({str(ROOT)!r}); from benchmarks.escapes.host import main; main({writable})"
    with tempfile.TemporaryDirectory(prefix="batos-escapes-") as place, os.fdopen(readable, "rb") as lines:
        command = [sys.executable, "-P", "-c", start, str(folder.resolve()), place]
        with subprocess.Popen(command, cwd=place, stdin=subprocess.PIPE, pass_fds=[writable]) as process:
            os.close(writable)
            assert process.stdin is not None
            process.stdin.write(json.dumps(names).encode())
            process.stdin.close()
            try:
                yield from map(json.loads, _lines(lines))
            finally:
                process.kill()


def _lines(pipe: Any) -> Iterator[bytes]:
    """Lines as they come, until there are no more, or none for too long."""
    held = b""
    while select.select([pipe], [], [], SILENCE)[0]:
        read = os.read(pipe.fileno(), 1 << 16)
        if not read:
            return
        *whole, held = (held + read).split(b"\n")
        yield from whole


def show(results: Results) -> None:
    """Family by what stopped it, for each way."""
    verdicts = [verdict for verdict in get_args(Verdict) if verdict in MEANING]
    for way, meaning in WAYS.items():
        counts: dict[str, Counter[str]] = {}
        for report in results.reports:
            counts.setdefault(report["family"], Counter())[report[way]] += 1
        seen = [verdict for verdict in verdicts if any(count[verdict] for count in counts.values())]
        width = max([len(family) for family in counts], default=10)
        print(f"{meaning[0].upper()}{meaning[1:]}\n")
        print(" " * width, *(f"{verdict:>14}" for verdict in seen))
        for family, count in sorted(counts.items()):
            print(f"{family:<{width}}", *(f"{count[verdict] or '':>14}" for verdict in seen))
        total = sum(counts.values(), Counter())
        print(f"{'all':<{width}}", *(f"{total[verdict] or '':>14}" for verdict in seen), end="\n\n")
    for verdict, meaning in MEANING.items():
        print(f"{verdict}: {meaning}.")
    for report in results.escaped:
        print(f"ESCAPED {report['name']}: {'; '.join(report['escapes'])}")
    for name in results.deaths:
        print(f"A host died of {name}.")
    print()
