"""Performing needs: the only place where a mission reaches the outside, with no transaction open.

A table maps (kind, name) to a function of the workplace and the request. An answer that is an error batos raises on
purpose is journaled as that error, so a replay meets it again; programs are run by performers that installed packages
bring, under the entry-point group `batos.performers`, and what these answer is looked at first: it must be JSON.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any, Literal, cast

from ZODB.blob import Blob

from batos.clock import Clock
from batos.errors import BatosError, BudgetExhausted, MissionError
from batos.image.handles import Handle, inward
from batos.image.image import Image
from batos.inference.port import Backend, Expects, Request, Streaming, Told, open_backend
from batos.memory.catalog import CATALOG, documents
from batos.memory.search import Searcher
from batos.methods.sandbox import Sandbox
from batos.mind.needs import Need
from batos.mind.trial import try_out
from batos.objects import primitives
from batos.objects.records import Method
from batos.objects.uvm_object import own_slots
from batos.objects.values import blob_bytes, freeze, plain, thaw
from batos.runtime.counters import Purse
from batos.runtime.journal import JournalEntry
from batos.runtime.missions import MissionStore
from batos.runtime.own_documents import ingest_own_documents
from batos.runtime.promises import recheck

log = logging.getLogger(__name__)

JSON = Any
OWN = "batos/"  # how the ids of the documents begin that batos brings along


@dataclass
class Workplace:
    """What performers work with. `system` is the running `Uvm`, for programs that are shown the bridge."""

    image: Image
    store: MissionStore
    backend: Backend
    searcher: Searcher
    sandbox: Sandbox
    clock: Clock
    budget_policy: Literal["fail", "wait"] = "fail"
    system: Any = None
    granted: Callable[[str, str], bool] = lambda tool, receiver: False  # tools that a person allowed for good
    _other_backends: dict[str, Backend] = field(default_factory=dict)

    def backend_named(self, name: str | None) -> Backend:
        if name is None or name == self.backend.name:
            return self.backend
        if name not in self._other_backends:
            self._other_backends[name] = open_backend(name, clock=self.clock)
        return self._other_backends[name]


_workplace: ContextVar[Workplace] = ContextVar("batos_workplace")


def workplace() -> Workplace:
    """Where the primitive that is being performed is performed. Raises `LookupError` outside of one."""
    return _workplace.get()


def perform(
    place: Workplace,
    mission: str,
    need: Need,
    told: Told | None = None,
    purses: Sequence[Purse] = (),
    affordable: bool = False,
) -> JournalEntry:
    """Perform one need and return its journal entry. A failure is an answer, and no exception.

    `told` hears what a model says, where the backend streams; `purses` pay beside the mission and the day, and are
    looked at unless it is known to be `affordable`. Raises `BudgetExhausted`, if the policy is to wait.
    """
    started = place.clock.monotonic()
    spent: dict[str, Any] = {}
    try:
        if need.kind == "inference":
            if not affordable:
                place.store.check_budgets(mission, purses)
            answer = _infer(place, need, told)
            spent = {key: answer[key] for key in ("model", "adapter", "prompt_tokens", "completion_tokens", "cost")}
            stored = {"value": answer}
        else:
            found = _performer(need)(place, need.request)
            stored = {"value": json.loads(json.dumps(found)) if need.kind == "program" else found}
    except BatosError as error:
        if isinstance(error, BudgetExhausted) and place.budget_policy == "wait":
            raise
        stored = {"error": {"type": type(error).__name__, "facts": _writable(error.facts)}}
        spent = _spent(error)
    except Exception as error:
        log.exception("performing %s %s failed", need.kind, need.name)
        reason = f"performing {need.kind} {need.name} failed: {type(error).__name__}: {error}"
        stored = {"error": {"type": MissionError.__name__, "facts": {"mission": mission, "reason": reason}}}
    seconds = place.clock.monotonic() - started
    request = {"name": need.name, **need.request}
    return JournalEntry(
        need.kind, need.hash, need.occurrence, request, stored, seconds=seconds, made_at=place.clock.now(), **spent
    )


def _spent(error: BatosError) -> dict[str, int]:
    """The tokens of an answer that nobody can use: it costs what it costs."""
    told = error.facts.get("usage")
    if not isinstance(told, dict):
        return {}
    return {key: told[key] for key in ("prompt_tokens", "completion_tokens") if type(told.get(key)) is int}


def _writable(facts: dict[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(json.dumps(facts, default=str))
    return written


@lru_cache(maxsize=64)
def _streams(backend: type) -> bool:
    """To ask a protocol takes longer than the rest of a need."""
    return issubclass(backend, Streaming)


@lru_cache(maxsize=64)
def _expects(backend: type) -> bool:
    return issubclass(backend, Expects)


def _infer(place: Workplace, need: Need, told: Told | None) -> dict[str, Any]:
    wanted = dict(need.request)
    backend = place.backend_named(wanted.pop("backend", None))
    if need.next_adapter is not None and _expects(type(backend)):
        cast(Expects, backend).expect(need.next_adapter)
    asked = Request.model_validate(wanted)
    if told is not None and _streams(type(backend)):
        return cast(Streaming, backend).stream(asked, told).model_dump(mode="json")
    return backend.generate(asked).model_dump(mode="json")


def _search(place: Workplace, request: dict[str, Any]) -> JSON:
    """The hits; then, with `also`, up to `also_limit` more for these other words."""
    where = request.get("where")
    hits = place.searcher.search(request["query"], limit=request["limit"], where=where)
    if request.get("also"):
        found = {(hit.document_id, hit.chunk_index) for hit in hits}
        more = place.searcher.search(f"{request['query']} {request['also']}", limit=request["limit"], where=where)
        hits += [hit for hit in more if (hit.document_id, hit.chunk_index) not in found][: request["also_limit"]]
    return [{**hit.as_dict()["chunk"], "score": hit.score} for hit in hits]


def _documents(place: Workplace, request: dict[str, Any]) -> JSON:
    """All chunks of the untainted documents of the wanted kinds, in the order of their ids."""
    with place.image.reading() as world:
        return [
            {
                "document_id": document.document_id,
                "chunk_index": chunk.chunk_index,
                "text": chunk.text,
                "metadata": {"kind": document.kind},
                "score": 0.0,
            }
            for document in documents(world)
            if document.kind in request["kinds"] and not document.tainted
            for chunk in document.chunks
        ]


def _similar(place: Workplace, request: dict[str, Any]) -> JSON:
    """Methods whose selector or intent shares words with the query, those that share most first, and passages.

    What came from outside is left out unless it is asked for; and what batos tells of itself, which is about no method.
    """
    wanted = set(request["query"].lower().split())
    outside, limit = request["outside"], request["limit"]
    found: dict[str, tuple[int, str, bool]] = {}
    with place.image.reading() as world:
        for name in world.names():
            for selector, method in own_slots(world[name]).items():
                if isinstance(method, Method) and method.source is not None:
                    words = f"{selector.replace('_', ' ')} {method.contract.get('intent') or ''}".lower().split()
                    tainted = bool(method.provenance.get("tainted"))
                    if outside or not tainted:
                        found[method.source] = (len(wanted & set(words)), f"{name}.{selector}", tainted)
    ranked = sorted((-shared, name, source, tainted) for source, (shared, name, tainted) in found.items() if shared)
    methods = [{"name": name, "source": source, "tainted": tainted} for _, name, source, tainted in ranked[:limit]]
    return {"methods": methods, "passages": _passages(place, request["query"], limit, outside)}


def _remembers_more(place: Workplace) -> bool:
    """Whether memory holds anything but what batos tells of itself: a search costs more than all else that is learned
    from."""
    with place.image.reading() as world:
        ids = world[CATALOG].metadata_index
        before = next(iter(ids.keys(max=OWN, excludemax=True)), None)
        return before is not None or next(iter(ids.keys(min=OWN + chr(0x10FFFF))), None) is not None


def _passages(place: Workplace, query: str, limit: int, outside: bool) -> list[dict[str, Any]]:
    if not _remembers_more(place):
        return []
    hits = place.searcher.search(query, limit=3 * limit, where=None if outside else {"tainted": False})
    told = [hit for hit in hits if not hit.document_id.startswith(OWN)][:limit]
    return [
        {"name": f"{hit.document_id} #{hit.chunk_index}", "text": hit.text, "tainted": bool(hit.metadata["tainted"])}
        for hit in told
    ]


def _trial(place: Workplace, request: dict[str, Any]) -> JSON:
    return try_out(place.image, place.sandbox, request)


def _contracts(place: Workplace, request: dict[str, Any]) -> JSON:
    return recheck(place.image, place.store, request["target"])


def _clock(place: Workplace, request: dict[str, Any]) -> JSON:
    return place.clock.now()


def _own_documents(place: Workplace, request: dict[str, Any]) -> JSON:
    return ingest_own_documents(place.image)


def _effect(place: Workplace, request: dict[str, Any]) -> JSON:
    """Call a primitive that acts on the outside, with handles in place of objects."""

    def handle(oid: bytes) -> Handle:
        return Handle(place.image, oid)

    args, kwargs = thaw(request["message"], handle)
    found = primitives.registered(request["called"])
    token = _workplace.set(place)
    try:
        result = found.function(handle(bytes.fromhex(request["receiver"])), *args, **kwargs)
    finally:
        _workplace.reset(token)
    with place.image.reading() as world:
        return freeze(plain(inward(world, result), lambda value: blob_bytes(value) if type(value) is Blob else value))


PERFORMERS: dict[tuple[str, str], Callable[[Workplace, dict[str, Any]], JSON]] = {
    ("observe", "search"): _search,
    ("observe", "documents"): _documents,
    ("observe", "similar"): _similar,
    ("observe", "trial"): _trial,
    ("observe", "contracts"): _contracts,
    ("observe", "clock"): _clock,
    ("tool", "ingest_own_documents"): _own_documents,
    ("tool", "primitive"): _effect,
}


def _performer(need: Need) -> Callable[[Workplace, dict[str, Any]], JSON]:
    if need.kind == "program":
        installed = entry_points(group="batos.performers")
        if need.name not in installed.names:
            raise MissionError(mission="", reason=f"no installed package runs programs of the kind {need.name!r}.")
        return installed[need.name].load()  # type: ignore[no-any-return]
    return PERFORMERS[need.kind, need.name]
