"""The cycle that is measured: four inferences, in two rounds (a plan, three facets) or three (a plan, two, weaving).

It is a mission like any other: a row of the table of strategies, run by the state machine, with prompts rendered from
their templates, facets that are methods of the personas and ask by `infer_`, schemas checked by pydantic, a written
slot, a receipt. The model answers at once, or after `latency` seconds.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import batos
from batos.inference.port import Answer, Request
from batos.mind import prompts
from batos.mind.cycle import Cycle
from batos.mind.schemas import Plan, Weave, schema
from batos.mind.strategies import STRATEGIES, Strategy
from batos.objects.records import Method
from batos.objects.sending import send
from batos.objects.uvm_object import put
from batos.runtime.briefs import Brief
from batos.runtime.mission import Mission
from batos.runtime.uvm import Uvm
from batos.settings import Settings
from benchmarks.peers.driven import ANSWER, FACETS, QUESTION

PERSONA = {"literal_facet_": "brick", "sage_facet_": "robin", "tech_facet_": "babs"}
FACET = "def {name}(self, query):\n    return self.infer_(query, system_prompt='Answer plainly, and cite.')\n"
PLAN = {
    "archetype": "technical",
    "strategy": "ask the facets that bear on it, then put their answers together",
    "lead": "brick",
    "relevant_pillars": list(FACETS),
    "sub_queries": {facet: f"As {facet} sees it: {QUESTION}" for facet in FACETS},
}
WOVEN = {"answer": ANSWER, "citations": [{"document_id": "missions", "chunk_index": 0}], "known": True}
SHAPES = {"two rounds": (3, False), "three rounds": (2, True)}


class Instant:
    """Answers without thinking. `most` is how many it was asked at the same time."""

    name = "instant"

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        self.calls = 0
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def generate(self, request: Request) -> Answer:
        with self._lock:
            self.calls += 1
            self._now += 1
            self.most = max(self.most, self._now)
        if self.latency:
            time.sleep(self.latency)
        with self._lock:
            self._now -= 1
        said: Any = {"plan": PLAN, "weave": WOVEN}.get(request.purpose)
        text = ANSWER if said is None else json.dumps(said)
        return Answer(text=text, data=said, model=self.name, prompt_tokens=400, completion_tokens=200)

    def close(self) -> None:
        """There is nothing to give back."""


def decompose(cycle: Cycle) -> None:
    question = cycle.brief["args"][0]
    offered = [{"slot": facet, "persona": PERSONA[facet]} for facet in FACETS]
    messages = prompts.render("plan", query=question, facets=offered, passages="none")
    materials = {"query": question, "facets": offered}
    answer = cycle.generate(
        Request(
            purpose="plan", messages=messages, materials=materials, persona="brick", output_schema=schema(Plan)
        )
    )  # fmt: skip
    cycle.scratch["plan"] = Plan.model_validate(answer["data"]).model_dump(mode="json")


def delegate(cycle: Cycle) -> None:
    count, _ = SHAPES[cycle.brief["selector"]]
    asked = cycle.scratch["plan"]["sub_queries"]

    def asking(facet: str) -> Any:
        return lambda: send(cycle.world[PERSONA[facet]], facet, asked[facet])

    facets = FACETS[:count]
    texts = cycle.gather([asking(facet) for facet in facets])
    cycle.scratch["partial_responses"] = dict(zip(facets, texts, strict=True))


def synthesize(cycle: Cycle) -> None:
    parts = cycle.scratch["partial_responses"]
    _, woven = SHAPES[cycle.brief["selector"]]
    if not woven:
        cycle.scratch["final_response"] = " ".join(text[:40] for text in parts.values())
        return
    query = cycle.brief["args"][0]
    messages = prompts.render("weave", identity="", query=query, partials=dict(parts), passages="none")
    materials = {"query": query, "partial_responses": dict(parts)}
    answer = cycle.generate(
        Request(purpose="weave", messages=messages, materials=materials, output_schema=schema(Weave))
    )
    cycle.scratch["final_response"] = Weave.model_validate(answer["data"]).answer


def complete(cycle: Cycle) -> None:
    """Its effect, in the commit of the receipt: a slot of the target."""
    put(cycle.target, "last", cycle.scratch["final_response"])
    cycle.answer = cycle.scratch["final_response"]


STRATEGIES["measured"] = Strategy(decompose, delegate, synthesize, complete)


@contextmanager
def opened(
    path: Path, backend: Instant, targets: int = 16, trusted: bool = True, **settings: Any
) -> Iterator[tuple[Uvm, list[str]]]:
    """A system whose facets are methods, which a person trusts or which run in the sandbox; the ids of its targets."""
    alone = Settings(approvals=str(path.with_suffix(".approvals")), heartbeat=False, day_tokens=10**12, **settings)
    with batos.open(path, model=backend, settings=alone) as system:
        with system.transaction("prepare") as world:
            for facet in FACETS:
                put(world[PERSONA[facet]], facet, Method(facet, FACET.format(name=facet)))
            made = [world.create(f"target_{number}", {"last": ""}) for number in range(targets)]
            ids = [world.add(target).hex() for target in made]
        for facet in FACETS if trusted else ():
            system.trust(PERSONA[facet], facet)
        yield system, ids


def submit(system: Uvm, targets: list[str], shape: str, number: int) -> Mission:
    brief = Brief("measured", targets[number % len(targets)], shape, (f"{number} {QUESTION}",))
    return Mission(system.image, system.store, system.store.submit(brief))
