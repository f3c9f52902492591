"""A cycle that needs something in each of its states: run `python states_story.py ADDRESS CALLS [fail]` until it ends.

DECOMPOSING asks for a plan, DELEGATING two facets at once, SYNTHESIZING for the weaving, COMPLETE counts; with `fail`,
SYNTHESIZING raises when it has all answers. CALLS is a file that gets a line for every call of the model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import batos
from batos.errors import MissionFailed
from batos.inference.port import Answer, Request
from batos.mind.strategies import STRATEGIES, Strategy
from batos.runtime.briefs import Brief
from batos.runtime.mission import Mission
from batos.settings import Settings

IDENTITY = "1" * 32


class PaidModel:
    """Answers, and writes down that it was called."""

    name = "paid"

    def __init__(self, calls: Path) -> None:
        self._calls = calls

    def generate(self, request: Request) -> Answer:
        with self._calls.open("a") as file:
            file.write(f"{request.purpose} {request.materials['about']}\n")
        return Answer(text=f"({request.materials['about']})", model=self.name, prompt_tokens=1)

    def close(self) -> None:
        """There is nothing to give back."""


def _asked(cycle, purpose, about):
    return cycle.generate(Request(purpose=purpose, materials={"about": about}))["text"]


def decompose(cycle):
    cycle.scratch["plan"] = {"text": _asked(cycle, "plan", cycle.brief["args"][0])}


def delegate(cycle):
    plan = cycle.scratch["plan"]["text"]
    asking = [lambda facet=facet: _asked(cycle, "facet", f"{facet} {plan}") for facet in ("left", "right")]
    cycle.scratch["partial_responses"] = dict(enumerate(cycle.gather(asking)))


def synthesize(cycle):
    cycle.scratch["final_response"] = _asked(cycle, "weave", " ".join(cycle.scratch["partial_responses"].values()))
    if cycle.brief["selector"] == "fail":
        raise ValueError("no further")


def complete(cycle):
    cycle.target.count = cycle.target.count + 1
    cycle.answer = cycle.scratch["final_response"]


STRATEGIES["story"] = Strategy(decompose, delegate, synthesize, complete)


def main() -> None:
    address, calls, selector = sys.argv[1], Path(sys.argv[2]), (sys.argv[3:] or ["count"])[0]
    with batos.open(address, model=PaidModel(calls), settings=Settings(lease_seconds=0.4, heartbeat=False)) as image:
        brief = Brief("story", image["counter"]._oid.hex(), selector, ("why",))
        mission = Mission(image.image, image.store, image.store.submit(brief, mission_id=IDENTITY))
        try:
            value = mission.result(30)
        except MissionFailed as failed:
            value = failed.facts["reason"]
        journal = [
            (entry.request["purpose"], entry.request["materials"]["about"])
            for entry in image.store.journal(IDENTITY).values()
        ]
        with image.image.reading() as world:
            receipts = [receipt for receipt in world.receipts.values() if receipt.brief["type"] == "story"]
            states = [entry["state"] for entry in receipts[0].trace]
        ending = {
            "value": value,
            "count": image["counter"].count,
            "receipts": len(receipts),
            "states": states,
            "needs": len(journal),
            "distinct": len(set(journal)),
            "spent": image.store.budget("mission", IDENTITY).spent,
        }
        sys.stdout.write(json.dumps(ending) + "\n")


if __name__ == "__main__":
    main()
