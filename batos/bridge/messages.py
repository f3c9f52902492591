"""Every message of the bridge as a type: the envelope, the bodies, and the replies.

A message is one map. Around its body stands an envelope whose `parent` is the whole header of the request that it
answers (an idea of Jupyter's messaging protocol); the body's model follows from `kind` by the table in
`batos.bridge.kinds`. Every model is frozen and strict and refuses fields it does not know. Bodies of replies keep
the founding document's `status`, `details` and `results`. This module knows neither sockets nor bytes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, Strict, StringConstraints

from batos.bridge.forms import LINES

VERSION: Literal[1] = 1

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
DocumentId = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Source = Annotated[str, StringConstraints(min_length=1, max_length=200_000)]
Seconds = Annotated[float, Field(ge=0, le=300, strict=False)]
Arguments = Annotated[tuple[JsonValue, ...], Strict(False)]  # a list on the wire
NamedArguments = dict[str, JsonValue]
Row = dict[str, JsonValue]

MissionState = Literal["queued", "running", "waiting", "done", "failed", "dead"]
EventKind = Literal["uvm_state_update", "mission_moved", "cycle_moved", "need_moved", "change", "heartbeat"]
RefusalCode = Literal[
    "unreadable", "too_large", "too_deep", "unknown_kind", "bad_body", "bad_version", "not_permitted", "hello_first",
    "too_fast", "busy", "stopping", "unknown_object", "unknown_mission", "refused", "failed",
]  # fmt: skip


class Strictly(BaseModel):
    """Values never change after they were read, and nothing unknown is dropped in silence."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


# The envelope


class Header(Strictly):
    """What names a message. `seq` counts a session's requests; a reply repeats its request's; events count alone."""

    v: Literal[1] = VERSION
    kind: Name
    id: Name
    session: Name
    seq: Annotated[int, Field(ge=0)]
    ts: Annotated[float, Field(ge=0, strict=False)]  # seconds since the Unix epoch


class Envelope(Header):
    parent: Header | None = None
    body: Row

    @property
    def header(self) -> Header:
        return Header(**{name: getattr(self, name) for name in Header.model_fields})


# Requests


class Body(Strictly):
    """What a message says. A field with a title is one that a person can fill in."""


class Nothing(Body):
    """A request without anything to say beyond its kind."""


class Hello(Body):
    client: Name = Field(description="What the client calls itself, for the log.")


class CreateMethod(Body):
    target_oid: Name = Field(title="Object", description="Name or object id of the object that gets the method.")
    method_name: Name = Field(title="Selector", description="The selector that the method answers.")
    method_code: Source = Field(
        title="Source",
        description="Python source of one `def`; it goes through the gate.",
        json_schema_extra=LINES,
    )
    examples: Annotated[tuple[Row, ...], Strict(False), Field(max_length=100)] = Field(
        default=(),
        description="What it must do: maps with `args`, `kwargs`, `slots` before, and `result`, `raises` or "
        "`slots_after`. Without any it is kept as unproven.",
    )


class SearchMemory(Body):
    query: Text = Field(title="Search for", description="Words to look for; no query is a syntax error.")
    limit: Annotated[int, Field(ge=1, le=100)] = Field(default=5, title="How many", description="At most so many hits.")
    where: Row | None = Field(default=None, description="Metadata that a hit must have, for instance its kind.")


class IndexDocument(Body):
    document_id: DocumentId = Field(title="Document", description="The id under which the text is remembered.")
    text: Source = Field(title="Text", description="The text.", json_schema_extra=LINES)


class ForgetDocument(Body):
    document_id: DocumentId = Field(title="Document", description="The document's id.")


class MissionBrief(Strictly):
    """What a cycle is to achieve, in the founding document's shape."""

    type: Name
    selector: Name
    args: Arguments = ()
    kwargs: NamedArguments = {}


class InitiateCognitiveCycle(Body):
    target_oid: Name = Field(title="Object", description="Name or object id of the object that is asked.")
    mission_brief: MissionBrief = Field(title="Brief", description="The mission: type, selector, args, kwargs.")


class Patient(Body):
    """A request about a mission, whose reply may be held back until the mission has settled."""

    wait: Seconds = Field(default=0.0, description="Seconds to wait for the outcome before answering.")


class OneMission(Patient):
    mission: Name = Field(title="Mission", description="The mission's id.")


class ListMissions(Body):
    state: MissionState | None = Field(default=None, title="State", description="Only missions in this state.")


class InspectObject(Body):
    name: Name = Field(title="Object", description="The object's name in the world.")


class SendMessage(Patient):
    target: Name = Field(title="Object", description="The object that receives the message.")
    selector: Name = Field(title="Selector", description="What the object is asked to do.")
    args: Arguments = Field(default=(), title="Arguments", description="A list of plain values.")
    kwargs: NamedArguments = Field(default={}, description="Named arguments, plain values.")


class Ask(Patient):
    question: Text = Field(title="Question", description="A question in plain words.")
    wait: Seconds = Field(default=30.0, description="Seconds to wait for the answer before giving the mission's id.")


class OneProposal(Body):
    proposal: Name = Field(title="Proposal", description="The proposal's id, as `list_proposals` gives it.")


class Events(Body):
    events: Annotated[tuple[EventKind, ...], Strict(False), Field(min_length=1, max_length=16)] = Field(
        description="The kinds of events."
    )


# Replies


class Reply(Body):
    """An accepted request. `details` is a sentence for people, `results` the data."""

    status: Literal["OK"] = "OK"
    details: str = ""
    results: Annotated[tuple[Any, ...], Strict(False)] = ()


class Refusal(Body):
    """A request that was not carried out. `retry`: whether the same request may succeed later."""

    status: Literal["ERROR"] = "ERROR"
    details: str
    results: Annotated[tuple[JsonValue, ...], Strict(False)] = ()
    code: RefusalCode
    retry: bool = False


class Rows(Reply):
    results: Annotated[tuple[Row, ...], Strict(False)] = ()


class Chunk(Strictly):
    document_id: str
    chunk_index: int
    text: str
    metadata: Row = {}


class Hit(Strictly):
    chunk: Chunk
    score: Annotated[float, Strict(False)]


class Hits(Reply):
    results: Annotated[tuple[Hit, ...], Strict(False)] = ()


class Welcome(Strictly):
    """What a client learns from `hello`. `instance` names this run of the daemon."""

    instance: str
    role: str
    kinds: Annotated[tuple[str, ...], Strict(False)]
    versions: Annotated[tuple[int, ...], Strict(False)]
    max_bytes: int


class Welcomed(Reply):
    results: Annotated[tuple[Welcome], Strict(False)]


class MissionSeen(Strictly):
    """A mission as a client sees it. `settled`: whether it has reached its last state.

    `outcome` is what it answered, in frozen JSON; `pending` is what a person is asked before it can go on.
    """

    mission: str
    state: str
    settled: bool
    target: str | None = None
    selector: str | None = None
    outcome: JsonValue = None
    pending: JsonValue = None


class MissionReply(Reply):
    """`details` is the answer's text or the reason of the failure where the mission has settled."""

    results: Annotated[tuple[MissionSeen], Strict(False)]


class Subscription(Strictly):
    """What the session now receives; `seq` is the number of the last event that was meant for it."""

    events: Annotated[tuple[EventKind, ...], Strict(False)]
    seq: int


class Subscribed(Reply):
    results: Annotated[tuple[Subscription], Strict(False)]


# Events


class StateUpdate(Body):
    event: Literal["uvm_state_update"] = Field(default="uvm_state_update", description="The founding document's name.")
    state: Row = Field(description="The state, in the shape of `get_full_state`.")


class MissionMoved(Body):
    mission: str = Field(description="The mission's id.")
    state: str = Field(description="Its new state.")
    type: str | None = Field(default=None, description="What kind of mission it is.")
    target: str | None = Field(default=None, description="The object that is asked.")
    selector: str | None = Field(default=None, description="What it is asked to do.")


class CycleMoved(Body):
    mission: str = Field(description="The mission's id.")
    state: str = Field(description="The state of the Prototypal State Machine that the cycle has entered.")
    depth: int = Field(default=0, description="1 for a cycle within the mission's own, of a persona that it asks.")


class NeedMoved(Body):
    mission: str = Field(description="The id of the mission that asks.")
    need: str = Field(description="What kind of need it is: inference, observe, tool, program.")
    name: str = Field(description="What is asked for within the kind.")
    phase: Literal["started", "text", "ended"] = Field(description="`text`: the model has said something more.")
    purpose: str | None = Field(default=None, description="What an inference is for.")
    step: str | None = Field(default=None, description="The facet that is asked, where one is.")
    text: str = Field(default="", description="What the model has said since the last event.")
    gist: Row = Field(default={}, description="What came of it in brief: passages found, the plan, the model.")


class Changed(Body):
    change: str | None = Field(default=None, description="The change's id, where the daemon knows it.")
    note: str = Field(default="", description="What the change was made for.")
    mission: str | None = Field(default=None, description="The mission that made it, if one did.")
    names: Annotated[tuple[str, ...], Strict(False)] = Field(default=(), description="Names of what has changed.")


class Beat(Body):
    record: Row = Field(default={}, description="What the beat found, and whether it started anything.")


class Gap(Body):
    """After a gap the present is asked for with `get_full_state`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    first: int = Field(alias="from", description="The number of the first event that was dropped.")
    last: int = Field(alias="to", description="The number of the last event that was dropped.")
