"""Reading: own slots, and slots inherited over one and over sixteen parents, against an attribute of a plain object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from batos.image.image import Image
from batos.image.world import World
from batos.objects.lookup import find
from batos.objects.records import Method
from batos.objects.sending import send
from batos.objects.uvm_object import UvmObject
from batos.runtime.approvals import Approvals
from benchmarks.figures import Figure
from benchmarks.rounds import interleaved, per_call

DEPTHS = (1, 16)
SOURCE = "def method(self):\n    return 42\n"
STATEMENTS = {
    "plain": "plain.answer",
    "plain call": "plain.method()",
    "own": "own.answer",
    "send 1": "send(depth_1, 'answer')",
    "send 16": "send(depth_16, 'answer')",
    "attribute 16": "depth_16.answer",
    "method 16": "send(depth_16, 'method')",
    "miss 16": "find(depth_16, 'unheard_of')",
}


class Plain:
    def __init__(self) -> None:
        self.answer = 42

    def method(self) -> int:
        return 42


def measure(quick: bool, folder: Path) -> Iterator[Figure]:
    with Image.open(f"file:{folder / 'reads.image'}") as image:
        approvals = Approvals(folder / "approvals.json")
        approvals.approve(Method("method", SOURCE))
        image.voucher = approvals.vouch
        with image.transaction("chains") as world:
            for depth in DEPTHS:
                _chain(world, depth)
        with image.reading() as world:
            times = interleaved(_cases(world, seconds=0.002 if quick else 0.05), rounds=3 if quick else 15)

    def beside(case: str, other: str) -> str:
        return f"{times.median(case) * 1e9:.0f} ns ÷ {times.median(other) * 1e9:.0f} ns"

    def figure(key: str, case: str, other: str, what: str, reach: str = "") -> Figure:
        return Figure(key, times.ratio(case, other), what, reach, beside(case, other))

    yield figure("depth_ratio", "send 16", "send 1", "inherited lookup, depth 16 ÷ depth 1", "≤ 1.2")
    yield figure("lookup_ratio", "send 16", "plain", "inherited lookup, depth 16 ÷ plain attribute", "≤ 30")
    yield figure("own_slot_ratio", "own", "plain", "own slot ÷ plain attribute", "≤ 13")
    yield figure("attribute_ratio", "attribute 16", "plain", "inherited slot read as an attribute ÷ plain attribute")
    yield figure("send_ratio", "method 16", "plain call", "send to an inherited trusted method ÷ plain call")
    yield figure("miss_ratio", "miss 16", "plain", "lookup of what is not understood, depth 16 ÷ plain attribute")


def _chain(world: World, depth: int) -> None:
    """`depth_N`: an object that reaches `answer` and `method` over N parents."""
    holder = world.create(f"holder_{depth}", {"answer": 42, "method": Method("method", SOURCE, trust="trusted")}, [])
    for step in range(depth - 1):
        holder = world.create(f"between_{depth}_{step}", {f"other_{step}": step}, [holder])
    world.create(f"depth_{depth}", {"own": depth}, [holder])


def _cases(world: World, seconds: float) -> dict[str, Any]:
    names: dict[str, UvmObject | Any] = {
        "plain": Plain(),
        "own": world["holder_1"],
        "depth_1": world["depth_1"],
        "depth_16": world["depth_16"],
        "send": send,
        "find": find,
    }
    return {case: per_call(statement, names, seconds) for case, statement in STATEMENTS.items()}
