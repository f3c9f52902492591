"""The primitives behind the founding document's messages that think or start thinking."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NoReturn

from batos.errors import NeedsMission, SandboxDenied
from batos.memory.catalog import index_document, unindex_document
from batos.mind.delivering import frozen
from batos.mind.speaking import is_facet
from batos.mind.thinking import current, thinker
from batos.objects import lookup
from batos.objects.primitives import primitive
from batos.objects.records import Method
from batos.objects.sending import send
from batos.objects.uvm_object import UvmObject


@primitive("pllm.infer_", sandbox=True)
def infer(receiver: UvmObject, query: str, system_prompt: str | None = None) -> str:
    """Ask the receiver's model. In a cycle this is a need: the cycle suspends until the answer is there."""
    return thinker().infer(receiver, str(query), system_prompt)


@primitive("persona.invoke_facet_", sandbox=True)
def invoke_facet(receiver: UvmObject, facet: str, query: str) -> Any:
    """Send the facet `facet` of a persona the query. Raises `SandboxDenied` for a selector that is no facet's: who may
    call this primitive may not, by naming them here, call all others."""
    found = lookup.find(receiver, facet) if is_facet(facet) else None
    if not is_facet(facet) or (found is not None and isinstance(found.value, Method) and found.value.primitive):
        raise SandboxDenied(selector="invoke_facet_", reason=f"send {facet!r}: it is no facet")
    return send(receiver, facet, query)


@primitive("orchestrator.start_cognitive_cycle_for_")
def start_cognitive_cycle_for(receiver: UvmObject, brief: dict[str, Any], target: UvmObject) -> str:
    """Have a mission filed once the running one has committed. Answers the new mission's id."""
    cycle = current()
    return cycle.spawn({
        "type": brief.get("type", "unhandled_message"),
        "target": cycle.world.add(target).hex(),
        "selector": brief["selector"],
        "args": [frozen(cycle, arg) for arg in brief.get("args", ())],
        "kwargs": {name: frozen(cycle, value) for name, value in brief.get("kwargs", {}).items()},
    })  # fmt: skip


@primitive("genesis.ingest_and_display_yourself", mission="display")
def ingest_and_display_yourself(receiver: UvmObject) -> NoReturn:
    """A mission of its own: sending it files one of type `display`."""
    raise NeedsMission()


@primitive("alfred.analyze_and_resolve_cycle_failures", mission="systemic_self_improvement")
def analyze_and_resolve_cycle_failures(receiver: UvmObject, failures: list[dict[str, Any]]) -> NoReturn:
    """A mission of its own: sending it files one of type `systemic_self_improvement`."""
    raise NeedsMission()


@primitive("knowledge_catalog.index_document_")
def index(receiver: UvmObject, document_id: str, text: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    """Remember a text under an id, as an effect of the running cycle. Answers what became of its chunks."""
    return asdict(index_document(current().world, document_id, text, metadata, now=current().submitted_at))


@primitive("knowledge_catalog.unindex_document_")
def unindex(receiver: UvmObject, document_id: str) -> int:
    """Forget a document, as an effect of the running cycle. Answers the number of its chunks."""
    return unindex_document(current().world, document_id, now=current().submitted_at)


@primitive("knowledge_catalog.search_")
def search(receiver: UvmObject, query: str, top_k: int = 5) -> list[dict[str, Any]]:
    """Search memory. The hits are a need of the running cycle, so that a replay sees the same ones."""
    return current().ask("observe", "search", query=str(query), limit=int(top_k))  # type: ignore[no-any-return]
