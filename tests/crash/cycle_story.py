"""The story that is interrupted: run as `python cycle_story.py ADDRESS CALLS`, again and again, until it has an ending.

One message that is not understood: its method is learned, asks the model twice, and writes a slot. CALLS is a file that
gets a line for every call of the model, so that what was paid for can be counted across processes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import batos
from batos.inference.port import Answer, Request
from batos.runtime.mission import Mission
from batos.settings import Settings

SOURCE = """
def count_it_(self, word):
    first = self.infer_(word + " first")
    second = self.infer_(first + " second")
    self.count = self.count + 1
    self._p_changed = True
    return second
""".lstrip()
IDENTITY = "0" * 32


class PaidModel:
    """Answers, and writes down that it was called."""

    name = "paid"

    def __init__(self, calls: Path) -> None:
        self._calls = calls

    def generate(self, request: Request) -> Answer:
        with self._calls.open("a") as file:
            file.write(f"{request.purpose} {request.materials.get('query', '')}\n")
        if request.purpose == "method":
            return Answer(text=SOURCE, model=self.name)
        return Answer(text=f"({request.materials['query']})", model=self.name)

    def close(self) -> None:
        """There is nothing to give back."""


def main() -> None:
    address, calls = sys.argv[1], Path(sys.argv[2])
    settings = Settings(lease_seconds=0.4, heartbeat=False)
    with batos.open(address, model=PaidModel(calls), settings=settings) as image:
        if "counter" not in image:
            image.create("counter", {"count": 0}, parents=["pllm", "traits"])
        filed = image.store.submit(_brief(image), mission_id=IDENTITY)
        value = Mission(image.image, image.store, filed).result(30)
        journal = [(entry.kind, entry.hash, entry.occurrence) for entry in image.store.journal(filed).values()]
        ending = {"value": value, "count": image["counter"].count, "needs": len(journal), "distinct": len(set(journal))}
        sys.stdout.write(json.dumps(ending) + "\n")


def _brief(image: batos.runtime.uvm.Uvm):
    from batos.runtime.briefs import Brief

    example = {"args": ["other"], "kwargs": {}, "slots": {"count": 5}, "slots_after": {"count": 6}, "given": True}
    contract = {"intent": "count and think", "examples": [example]}
    with image.image.reading() as world:
        target = world.add(world["counter"]).hex()
    return Brief("unhandled_message", target, "count_it_", ("word",), {}, contract, {"learn": True})


if __name__ == "__main__":
    main()
