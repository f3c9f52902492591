"""Three programs of the *are-we-fast-yet* set: prototypes with trusted methods, beside the same classes in Python.

Each is written anew from its published description. The methods are the same text in both: `into_image` makes an object
of each class. What differs is how something new comes to be: a class is called, a prototype is cloned. The ratio is
therefore the cost of the object model: of lookup by name, of delegation, and of slots that keep the covenant.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from batos.image.image import Image
from batos.objects.sending import send
from batos.objects.uvm_object import clone
from batos.runtime.approvals import Approvals
from benchmarks.figures import Figure
from benchmarks.programs import deltablue, json_parser, richards
from benchmarks.programs.prototypes import into_image
from benchmarks.rounds import interleaved, stopwatch

# The program, its key, and its size: in a full run, and in a quick one.
PROGRAMS = (
    (richards, "richards_ratio", 500, 20),
    (deltablue, "deltablue_ratio", 100, 5),
    (json_parser, "json_ratio", 40, 2),
)


def measure(quick: bool, data: Path | None = None) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="batos-benchmark-") as folder:
        for program, key, full, small in PROGRAMS:
            with Image.open(f"file:{Path(folder) / key}.image") as image:
                approvals = Approvals(Path(folder) / "approvals.json")
                image.voucher = approvals.vouch
                with image.transaction("the program") as world:
                    into_image(world, program, approvals)
                yield _measured(image, program, key, small if quick else full, rounds=1 if quick else 5)


def _measured(image: Image, program: ModuleType, key: str, size: int, rounds: int) -> Figure:
    answers: dict[str, Any] = {}

    def plain() -> None:
        answers["plain"] = program.Program().run(size)

    with image.transaction("a run") as world:
        start = world["program"]

        def prototypes() -> None:
            answers["prototypes"] = send(clone(start), "run", size)

        times = interleaved({"plain": stopwatch(plain), "prototypes": stopwatch(prototypes)}, rounds)
    if answers["plain"] != answers["prototypes"]:
        raise AssertionError(f"{program.__name__} does not come to the same: {answers}")
    beside = f"{times.median('prototypes') * 1000:.1f} ms ÷ {times.median('plain') * 1000:.2f} ms"
    name = program.__name__.rpartition(".")[2]
    return Figure(key, times.ratio("prototypes", "plain"), f"{name} as prototypes ÷ plain Python", "", beside)
