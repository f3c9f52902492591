"""The past: listing the history of an object that was changed ten thousand times, and opening its middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from batos.image.history import history
from batos.image.image import Image
from batos.image.views import at
from benchmarks.figures import Figure
from benchmarks.rounds import interleaved, stopwatch


def measure(quick: bool, folder: Path) -> Iterator[Figure]:
    changes = 300 if quick else 10_000
    with Image.open(folder / "past.image") as image:
        oid = _changed_often(image, changes)
        cases = {"both": lambda: _list_and_open(image, oid), "list": lambda: history(image, oid)}
        timed = {case: stopwatch(work) for case, work in cases.items()}
        times = interleaved(timed, rounds=3 if quick else 5)
    both, listing = (times.median(case) * 1000 for case in ("both", "list"))
    what = f"an object's history listed and its middle opened, {changes:,} changes, ms"
    yield Figure("history_ms", both, what, "≤ 10", f"listing alone {listing:.1f} ms")


def _changed_often(image: Image, changes: int) -> bytes:
    with image.transaction("create") as world:
        oid = world.add(world.create("diary", {"page": 0}, []))
    for page in range(1, changes):
        with image.transaction("write") as world:
            world["diary"].page = page
    return oid


def _list_and_open(image: Image, oid: bytes) -> None:
    changes = history(image, oid)
    middle = len(changes) // 2
    with at(image, changes[middle].id) as view:
        assert view["diary"].page == len(changes) - 1 - middle
