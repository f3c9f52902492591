"""A message's body to a call on the system, and what it returned to a reply.

`System` is all that the bridge needs of the runtime; `batos.runtime.uvm.Uvm` fits it. Handlers run on threads of
their own, several at once, and may block. They raise what the system raises; `as_refusal` makes a sentence for the
client of it. Nothing here knows sockets, roles or versions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, cast

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from batos.bridge.messages import (
    Ask,
    Body,
    Chunk,
    CreateMethod,
    ForgetDocument,
    Hit,
    Hits,
    IndexDocument,
    InitiateCognitiveCycle,
    InspectObject,
    ListMissions,
    MissionReply,
    MissionSeen,
    Nothing,
    OneMission,
    OneProposal,
    Refusal,
    RefusalCode,
    Reply,
    Row,
    Rows,
    SearchMemory,
    SendMessage,
)
from batos.errors import (
    BackendUnavailable,
    BatosError,
    BridgeRefused,
    BudgetExhausted,
    ImageBusy,
    UnknownMission,
    UnknownObject,
)

log = logging.getLogger(__name__)

SETTLED = frozenset({"done", "failed", "dead"})
AUTHOR = "bridge"


class FiledMission(Protocol):
    @property
    def id(self) -> str: ...


class FoundChunk(Protocol):
    @property
    def document_id(self) -> str: ...
    @property
    def chunk_index(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...
    @property
    def score(self) -> float: ...


class Indexed(Protocol):
    @property
    def status(self) -> str: ...


class Verified(Protocol):
    @property
    def told(self) -> str: ...


class System(Protocol):
    """What the bridge asks of the runtime. Every method may be called from any thread.

    `submit` and `submit_question` return as soon as the mission is durable. `mission` has at least `state`, once it
    has ended `outcome` with `answer` and `reason`, and `pending` where a person is asked. Unless `own`, documents that
    came with batos are neither replaced nor forgotten. Events given to a subscribed
    function are maps as `translated` reads them; the function may be called from any thread and returns at once.
    """

    def submit(self, target: str, selector: str, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> FiledMission: ...
    def submit_question(self, question: str, /) -> FiledMission: ...
    def search(self, query: str, /, limit: int, where: dict[str, Any] | None) -> Sequence[FoundChunk]: ...
    def summaries_above(self, document_id: str, chunk_index: int, /) -> Sequence[str]: ...
    def ingest_text(self, document_id: str, text: str, /, *, own: bool) -> Indexed: ...
    def forget(self, document_id: str, /, *, own: bool) -> int: ...
    def verify_memory(self) -> Verified: ...
    def state(self) -> Mapping[str, Any]: ...
    def inspect(self, name: str, /) -> Mapping[str, Any]: ...
    def missions(self, state: str | None, /) -> Iterable[Mapping[str, Any]]: ...
    def mission(self, mission_id: str, /) -> Mapping[str, Any]: ...
    def proposals(self) -> Iterable[Mapping[str, Any]]: ...
    def approve(self, proposal_id: str, /) -> object: ...
    def refuse(self, proposal_id: str, /) -> object: ...
    def create_method(
        self, target: str, selector: str, source: str, author: str, /, *, examples: Iterable[Mapping[str, Any]]
    ) -> object: ...
    def subscribe(self, kind: str, function: Callable[[dict[str, Any]], None], /) -> Callable[[], None]: ...


# Reading


def search_memory(system: System, body: SearchMemory) -> Hits:
    found = system.search(body.query, limit=body.limit, where=body.where)
    hits = tuple(_hit(chunk, system.summaries_above(chunk.document_id, chunk.chunk_index)) for chunk in found)
    return Hits(details=f"{_count(len(hits), 'passage')} found.", results=hits)


def _hit(found: FoundChunk, above: Sequence[str]) -> Hit:
    chunk = Chunk(
        document_id=found.document_id,
        chunk_index=found.chunk_index,
        text=found.text,
        metadata=plain_map({**found.metadata, "summaries": list(above)} if above else found.metadata),
    )
    return Hit(chunk=chunk, score=found.score)


def get_full_state(system: System, _body: Nothing) -> Rows:
    return Rows(details="The state of the system.", results=(plain_map(system.state()),))


def inspect_object(system: System, body: InspectObject) -> Rows:
    return Rows(details=f"The object {body.name}.", results=(plain_map(system.inspect(body.name)),))


def list_missions(system: System, body: ListMissions) -> Rows:
    rows = tuple(_mission_row(plain_map(mission)) for mission in system.missions(body.state))
    return Rows(details=f"{_count(len(rows), 'mission')}.", results=rows)


def _mission_row(standing: Row) -> Row:
    """A mission as a flat row: its outcome, or what it asks a person, comes down to the words that one would read."""
    row: Row = {name: value for name, value in standing.items() if name not in ("outcome", "pending")}
    row["details"] = _words(standing.get("outcome")) or _words(standing.get("pending")) or ""
    return row


def list_proposals(system: System, _body: Nothing) -> Rows:
    rows = tuple(plain_map(proposal) for proposal in system.proposals())
    return Rows(details=f"{_count(len(rows), 'proposal')}.", results=rows)


def mission_status(system: System, body: OneMission) -> MissionReply:
    return mission_reply(system, body.mission)


# Asking


def ask(system: System, body: Ask) -> MissionReply:
    return mission_reply(system, system.submit_question(body.question).id)


def send_message(system: System, body: SendMessage) -> MissionReply:
    return mission_reply(system, system.submit(body.target, body.selector, body.args, dict(body.kwargs)).id)


def initiate_cognitive_cycle(system: System, body: InitiateCognitiveCycle) -> MissionReply:
    brief = body.mission_brief
    return mission_reply(system, system.submit(body.target_oid, brief.selector, brief.args, dict(brief.kwargs)).id)


def mission_reply(system: System, mission_id: str) -> MissionReply:
    """How the mission stands now. Raises UnknownMission."""
    standing = plain_map(system.mission(mission_id))
    state = str(standing["state"])
    outcome = standing.get("outcome")
    seen = MissionSeen(
        mission=mission_id,
        state=state,
        settled=state in SETTLED,
        target=_text(standing.get("target")),
        selector=_text(standing.get("selector")),
        outcome=outcome.get("answer") if isinstance(outcome, dict) else None,
        pending=standing.get("pending"),
    )
    words = _words(outcome) or _words(seen.pending)
    return MissionReply(details=words or f"Mission {mission_id} is {state}.", results=(seen,))


def _words(value: JsonValue) -> str | None:
    """The text that a person would read: the value itself, or what it has under the names that hold text."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return next((words for name in ("answer", "text", "reason") if (words := _words(value.get(name)))), None)
    return None  # numbers and lists are read from `outcome`


# Changing


def index_document(system: System, body: IndexDocument) -> Rows:
    report = system.ingest_text(body.document_id, body.text, own=False)
    said = {"added": "is remembered", "changed": "was changed", "unchanged": "is remembered already"}[report.status]
    return Rows(details=f"{body.document_id} {said}.", results=(_report(report),))


def forget_document(system: System, body: ForgetDocument) -> Rows:
    passages = system.forget(body.document_id, own=False)
    told = f"{body.document_id} is forgotten, with {_count(passages, 'passage')}. An undo brings it back."
    return Rows(details=told, results=({"document_id": body.document_id, "passages": passages},))


def verify_memory(system: System, _body: Nothing) -> Rows:
    found = system.verify_memory()
    return Rows(details=found.told, results=(_report(found),))


def create_method(system: System, body: CreateMethod) -> Rows:
    report = _report(
        system.create_method(
            body.target_oid, body.method_name, body.method_code, AUTHOR, examples=[dict(row) for row in body.examples]
        )
    )
    number = cast(int, report.get("proven") or 0)
    proven = f"proven by {_count(number, 'example')}" if number else "unproven"
    told = f"{body.method_name} of {body.target_oid} is installed as version {report.get('version')}, {proven}."
    return Rows(details=told, results=(report,))


def approve_proposal(system: System, body: OneProposal) -> Rows:
    return Rows(details=f"Proposal {body.proposal} was carried out.", results=(_report(system.approve(body.proposal)),))


def refuse_proposal(system: System, body: OneProposal) -> Rows:
    return Rows(details=f"Proposal {body.proposal} was refused.", results=(_report(system.refuse(body.proposal)),))


Handler = Callable[[System, Any], Reply]

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "search_memory": search_memory,
        "get_full_state": get_full_state,
        "inspect_object": inspect_object,
        "index_document": index_document,
        "forget_document": forget_document,
        "verify_memory": verify_memory,
        "list_missions": list_missions,
        "list_proposals": list_proposals,
        "mission_status": mission_status,
        "ask": ask,
        "send_message": send_message,
        "initiate_cognitive_cycle": initiate_cognitive_cycle,
        "create_method": create_method,
        "approve_proposal": approve_proposal,
        "refuse_proposal": refuse_proposal,
    }
)


def handle(system: System, kind: str, body: Body) -> Reply | Refusal:
    """Carry out one request; an error becomes a refusal, whatever it is."""
    try:
        return HANDLERS[kind](system, body)
    except Exception as error:
        return as_refusal(kind, error)


# Errors


CODES: Mapping[type[BatosError], RefusalCode] = MappingProxyType(
    {
        UnknownObject: "unknown_object",
        UnknownMission: "unknown_mission",
    }
)
WORTH_A_RETRY = (BackendUnavailable, BudgetExhausted, ImageBusy)


def as_refusal(kind: str, error: Exception) -> Refusal:
    """The sentence for the client: ours for our errors; for others only that it failed, and the rest in the log."""
    if isinstance(error, BridgeRefused):
        return Refusal(details=error.facts["reason"], code=error.facts["code"], retry=error.facts["retry"])
    if isinstance(error, BatosError):
        code: RefusalCode = next((code for family, code in CODES.items() if isinstance(error, family)), "refused")
        return Refusal(details=str(error), code=code, retry=isinstance(error, WORTH_A_RETRY))
    log.error("The request %s failed.", kind, exc_info=error)
    return Refusal(details=f"{kind} failed with {type(error).__name__}; the daemon's log has more.", code="failed")


# Plain values


def plain_map(value: Mapping[str, Any]) -> Row:
    """`value` as JSON. What JSON cannot say is written as text; the bridge never sends objects."""
    return cast(Row, to_jsonable_python(dict(value), fallback=str, inf_nan_mode="constants"))


def _report(value: object) -> Row:
    """A report as one map, whatever the system returned."""
    plain = to_jsonable_python(value, fallback=str, inf_nan_mode="constants")
    return plain if isinstance(plain, dict) else {"report": plain}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
