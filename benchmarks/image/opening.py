"""Opening: the time of a whole command beside Python importing the database, and the memory of a large image."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import batos
from benchmarks.environments import answer_of
from benchmarks.figures import Figure
from benchmarks.rounds import interleaved, stopwatch

REPOSITORY = Path(__file__).parents[2]
BATCH = 5_000


def measure(quick: bool, folder: Path) -> Iterator[Figure]:
    yield _inspect_ratio(folder / "inspected.image", rounds=1 if quick else 9)
    yield _memory(folder / "large.image", objects=5_000 if quick else 1_000_000)


def _inspect_ratio(path: Path, rounds: int) -> Figure:
    with batos.open(path) as system:
        system.create("greeter", slots={"name": "Ada Lovelace"})
    inspect = ["-c", "from batos.cli.main import main; main()", "inspect", "--image", str(path)]
    commands = {"inspect": inspect, "import": ["-c", "import ZODB, relstorage.storage"]}
    times = interleaved({name: stopwatch(lambda c=c: _run(c)) for name, c in commands.items()}, rounds)
    beside = f"{times.median('inspect') * 1000:.0f} ms ÷ {times.median('import') * 1000:.0f} ms"
    what = "`batos inspect`, whole process ÷ Python importing ZODB and RelStorage"
    return Figure("inspect_ratio", times.ratio("inspect", "import"), what, "≤ 2.5", beside)


def _run(arguments: list[str]) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=REPOSITORY)


def _memory(path: Path, objects: int) -> Figure:
    """The most memory that a fresh process held, interpreter and imports included."""
    with batos.open(path) as system:
        for begin in range(0, objects, BATCH):
            with system.image.transaction("fill") as world:
                for number in range(begin, min(begin + BATCH, objects)):
                    world.create(f"object_{number}", {"number": number}, [])
    told = answer_of([sys.executable, "-m", "benchmarks.large_image", str(path), str(objects)], cwd=REPOSITORY)
    what = f"memory to open an image of {objects:,} objects and read 1,000 of them, MiB"
    return Figure(
        "open_1m_mib",
        told["mib"],
        what,
        "≤ 200",
        f"{told['empty_mib']:.0f} MiB before, opened in {told['open_s']:.2f} s",
    )
