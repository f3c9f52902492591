"""The command line: `python -m benchmarks NAME [--quick] [--json] [--data PATH]`.

Standard output holds the table and, with `--json`, one flat object {key: number} as its last line. What is being
measured is told on standard error while it runs.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from benchmarks import NAMES
from benchmarks.figures import Figure, table


def main() -> None:
    parser = _arguments()
    given = parser.parse_args()
    if given.chunks is not None and given.name != "memory_scale":
        parser.error(f"{given.name} has no size to give; --chunks is for memory_scale")
    module = importlib.import_module(NAMES[given.name])
    figures: list[Figure] = []
    options = {"chunks": given.chunks} if given.chunks is not None else {}
    for figure in module.measure(given.quick, given.data, **options):
        print(f"{figure.key} {figure.shown}", file=sys.stderr, flush=True)
        figures.append(figure)
    print(table(figures))
    if given.json:
        print(json.dumps({figure.key: figure.value for figure in figures}))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure one part of batos.")
    parser.add_argument("name", choices=sorted(NAMES), help="what to measure")
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: shows that it runs")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object on the last line")
    parser.add_argument("--data", type=Path, metavar="PATH", help="the data to read, where a benchmark reads some")
    parser.add_argument("--chunks", type=int, metavar="NUMBER", help="the size, for `memory_scale`")
    return parser


if __name__ == "__main__":
    main()
