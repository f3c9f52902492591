"""The table of message kinds: for each its body, its reply, who may send it, and the form a person would fill in.

Adding a message to the bridge is adding a row here and a function to `batos.bridge.handlers`. The documents that
memory holds about messages, and so the panels of the workbench, come from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from batos.bridge.forms import Form, FormField, form_fields
from batos.bridge.messages import (
    Ask,
    Beat,
    Body,
    Changed,
    CreateMethod,
    CycleMoved,
    Events,
    ForgetDocument,
    Gap,
    Hello,
    Hits,
    IndexDocument,
    InitiateCognitiveCycle,
    InspectObject,
    ListMissions,
    MissionMoved,
    MissionReply,
    NeedMoved,
    Nothing,
    OneMission,
    OneProposal,
    Refusal,
    Reply,
    Rows,
    SearchMemory,
    SendMessage,
    StateUpdate,
    Subscribed,
    Welcomed,
)

Role = Literal["owner", "workbench", "reader"]
ROLES: tuple[Role, ...] = ("owner", "workbench", "reader")

EVERYONE: frozenset[Role] = frozenset(ROLES)
ASKERS: frozenset[Role] = frozenset({"owner", "workbench"})  # may cause thinking and change memory, but no code
OWNER: frozenset[Role] = frozenset({"owner"})


@dataclass(frozen=True)
class Kind:
    """One row. `reply` is None for what the daemon sends on its own account; `roles` may send it, or receive it."""

    body: type[Body]
    reply: type[Reply] | None
    roles: frozenset[Role]
    description: str
    form: Form
    founding: bool = False  # also read as version 0, a bare map with `command`

    @property
    def fields(self) -> tuple[FormField, ...]:
        return form_fields(self.body)

    @property
    def is_request(self) -> bool:
        return self.reply is not None


# fmt: off
REQUESTS: Mapping[str, Kind] = MappingProxyType({
    "hello": Kind(
        Hello, Welcomed, EVERYONE,
        "Opens a session. The reply names the instance of the daemon, the role of this socket and the kinds "
        "it permits; a client compares the instance with the connection file and so notices a stale one.",
        Form(title="Hello", purpose="Opens a session with the daemon.", result="state"),
    ),
    "ping": Kind(
        Nothing, Reply, EVERYONE,
        "Answered by the daemon's event loop itself, so that a hung program is told from a quiet one.",
        Form(title="Ping", purpose="Asks whether the daemon is awake."),
    ),
    "search_memory": Kind(
        SearchMemory, Hits, EVERYONE,
        "Searches the knowledge catalog and returns passages, the best first, each with its document, the number of "
        "the passage in it and a score; what the summaries above it say stands in its metadata.",
        Form(title="Search memory", purpose="Finds passages in everything the system has read.",
             panel=True, result="hits", submit="Search"),
        founding=True,
    ),
    "index_document": Kind(
        IndexDocument, Rows, ASKERS,
        "Remembers a text under an id, in place of what was there. It is tainted, and what came with batos stays as "
        "it is. A search by words finds it at once.",
        Form(title="Remember a text", purpose="Puts a text into memory, in place of what had its id.",
             panel=True, result="text", submit="Remember"),
    ),
    "forget_document": Kind(
        ForgetDocument, Rows, ASKERS,
        "Forgets a document: no search finds it any more, until the change is undone. What came with batos stays.",
        Form(title="Forget a document", purpose="Takes a document out of memory; the history keeps it.",
             panel=True, result="text", submit="Forget"),
    ),
    "verify_memory": Kind(
        Nothing, Rows, ASKERS,
        "Compares what the indexes of memory hold with the image, passage by passage.",
        Form(title="Verify memory", purpose="Compares the indexes with every passage and summary of the image.",
             panel=True, result="text", submit="Verify"),
    ),
    "get_full_state": Kind(
        Nothing, Rows, EVERYONE,
        "Returns the state of the whole system as one nested map: its objects, the counts of its missions, its "
        "heartbeat, its memory and its instance.",
        Form(title="System state", purpose="Shows objects, missions, heartbeat and memory as they are now.",
             panel=True, result="state", submit="Refresh"),
        founding=True,
    ),
    "list_missions": Kind(
        ListMissions, Rows, EVERYONE,
        "Lists missions, one row each, the newest first; all of them or those in one state.",
        Form(title="Missions", purpose="Lists what the system was asked to do and how far it got.",
             panel=True, result="rows", submit="List"),
    ),
    "mission_status": Kind(
        OneMission, MissionReply, EVERYONE,
        "Tells the state and the outcome of one mission, at once or as soon as it has settled.",
        Form(title="Mission", purpose="Shows how one mission stands.", result="text", submit="Show"),
    ),
    "inspect_object": Kind(
        InspectObject, Rows, EVERYONE,
        "Returns one object as its mirror shows it: slots, methods and parents, as one nested map.",
        Form(title="Inspect an object", purpose="Shows the slots, methods and parents of one object.",
             panel=True, result="state", submit="Inspect"),
    ),
    "ask": Kind(
        Ask, MissionReply, ASKERS,
        "Files a question as a mission. The reply holds the mission's id, and the answer in `details` if it was found "
        "within `wait` seconds; later it is found with `mission_status`.",
        Form(title="Ask", purpose="Answers a question from what the system has read, with its sources.",
             panel=True, result="text", submit="Ask"),
    ),
    "send_message": Kind(
        SendMessage, MissionReply, OWNER,
        "Files a message to an object as a mission and returns the mission's id, and its outcome if it settled "
        "within `wait` seconds.",
        Form(title="Send a message", purpose="Asks an object to do something.", result="text"),
    ),
    "initiate_cognitive_cycle": Kind(
        InitiateCognitiveCycle, MissionReply, OWNER,
        "Files a mission from a brief and returns its id. The brief has a type, a selector and arguments.",
        Form(title="Start a cycle", purpose="Starts a cognitive cycle for an object.", result="text", submit="Start"),
        founding=True,
    ),
    "create_method": Kind(
        CreateMethod, Rows, OWNER,
        "Installs a method from source. The source goes through the same gate as a generated one.",
        Form(title="Create a method", purpose="Installs a method that a person wrote.",
             result="state", submit="Install"),
        founding=True,
    ),
    "list_proposals": Kind(
        Nothing, Rows, ASKERS,
        "Lists what the system wants to change and may not change by itself.",
        Form(title="Proposals", purpose="Lists changes that wait for a person.", result="rows", submit="List"),
    ),
    "approve_proposal": Kind(
        OneProposal, Rows, OWNER,
        "Carries out a proposal.",
        Form(title="Approve", purpose="Carries out a proposed change.", result="state", submit="Approve"),
    ),
    "refuse_proposal": Kind(
        OneProposal, Rows, OWNER,
        "Turns a proposal down; one that was refused twice is not made again.",
        Form(title="Refuse", purpose="Turns a proposed change down.", result="state", submit="Refuse"),
    ),
    "subscribe": Kind(
        Events, Subscribed, EVERYONE,
        "From now on events of these kinds are sent to this session, numbered without holes; what a slow client did "
        "not take is told in a `gap`.",
        Form(title="Subscribe", purpose="Starts the flow of events.", result="state"),
    ),
    "unsubscribe": Kind(
        Events, Subscribed, EVERYONE,
        "Ends the flow of events of these kinds.",
        Form(title="Unsubscribe", purpose="Ends the flow of events.", result="state"),
    ),
    "shutdown": Kind(
        Nothing, Reply, OWNER,
        "Asks the daemon to end. Missions that have not settled stay where they are and go on at the next start.",
        Form(title="Shut down", purpose="Ends the daemon."),
    ),
})

EVENTS: Mapping[str, Kind] = MappingProxyType({
    "uvm_state_update": Kind(
        StateUpdate, None, EVERYONE,
        "The state of the whole system after a change, in the shape of `get_full_state`.",
        Form(title="State update", purpose="Tells the system's state after a change.", result="state"),
    ),
    "mission_moved": Kind(
        MissionMoved, None, EVERYONE,
        "A mission has reached another state.",
        Form(title="Mission moved", purpose="Tells that a mission has reached another state.", result="rows"),
    ),
    "cycle_moved": Kind(
        CycleMoved, None, EVERYONE,
        "The cycle of a mission has entered another state of the Prototypal State Machine. Advisory: the cycle may be "
        "run again.",
        Form(title="Cycle moved", purpose="Tells which state a cycle is in.", result="rows"),
    ),
    "need_moved": Kind(
        NeedMoved, None, EVERYONE,
        "Something that a mission asks for was begun, has ended, or a model says more of its answer. Advisory: what a "
        "model says is a draft until the mission has ended.",
        Form(title="Need moved", purpose="Tells what a mission asks for, and what a model says meanwhile.",
             result="rows"),
    ),
    "change": Kind(
        Changed, None, EVERYONE,
        "A change was committed to the image.",
        Form(title="Change", purpose="Tells that the image has changed.", result="rows"),
    ),
    "heartbeat": Kind(
        Beat, None, EVERYONE,
        "The heartbeat has looked the system over.",
        Form(title="Heartbeat", purpose="Tells what a beat of the heartbeat found.", result="state"),
    ),
    "gap": Kind(
        Gap, None, EVERYONE,
        "Events were dropped because the client did not take them in time; `from` and `to` are their numbers.",
        Form(title="Gap", purpose="Tells that events were missed."),
    ),
    "error": Kind(
        Refusal, None, EVERYONE,
        "Answers what could not be read as a message and so has no kind of its own.",
        Form(title="Error", purpose="Answers what could not be read."),
    ),
})
# fmt: on

KINDS: Mapping[str, Kind] = MappingProxyType({**REQUESTS, **EVENTS})
FOUNDING_COMMANDS: frozenset[str] = frozenset(name for name, kind in KINDS.items() if kind.founding)


def permitted(role: Role) -> tuple[str, ...]:
    """The kinds that a client of this role may send."""
    return tuple(name for name, kind in KINDS.items() if kind.is_request and role in kind.roles)
