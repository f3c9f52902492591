"""A scripted model for the composite mind: what it plans, what its facets say, what it weaves."""

from __future__ import annotations

from typing import Any

from batos.inference.port import Request
from batos.objects.records import Method
from batos.testing import ScriptedBackend

BATS = "Bats sleep in caves. Bats hunt at night."
CITED = {"document_id": "bats", "chunk_index": 0}
WOVEN = {"answer": "Bats sleep in caves.", "citations": [CITED], "known": True}
UNKNOWN = {"answer": "I do not know.", "citations": [], "known": False}
FACETS = {"literal_facet_": "brick", "tech_facet_": "babs", "sage_facet_": "robin"}


def plan(*steps: str, **changed: Any) -> dict[str, Any]:
    return {
        "archetype": "factual",
        "strategy": "ask, then weave",
        "lead": "babs",
        "relevant_pillars": list(steps),
        "sub_queries": {},
        **changed,
    }


class Model(ScriptedBackend):
    """Answers each purpose with what stands in `says`: a reply, a function of the request, or a list said in order."""

    def __init__(self, **says: Any) -> None:
        self.says = {"plan": plan("literal_facet_"), "facet": "In caves [1].", "weave": WOVEN, **says}
        super().__init__(self._reply)

    def _reply(self, request: Request) -> Any:
        reply = self.says[request.purpose]
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        return reply(request) if callable(reply) else reply

    def asked(self, purpose: str) -> list[Request]:
        return [request for request in self.requests if request.purpose == purpose]


def furnish(image: Any) -> Any:
    """`image` with something to read, and with facets that are learned already."""
    image.ingest_text("bats", BATS)
    with image.transaction("install facets") as world:
        for facet, persona in FACETS.items():
            source = f"def {facet}(self, query):\n    return self.infer_(query, system_prompt='Be plain.')\n"
            setattr(world[persona], facet, Method(facet, source, intent="Be plain."))
    return image


def trace(image: Any, mission: str) -> list[dict[str, Any]]:
    return image.mission(mission)["trace"]  # type: ignore[no-any-return]


def entry(image: Any, mission: str, state: str) -> dict[str, Any]:
    return next(found for found in trace(image, mission) if found["state"] == state)
