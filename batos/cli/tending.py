"""Commands that look after an image at work: status, heartbeat."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batos.cli import show
from batos.cli.options import IMAGE, ImageOption, JsonOption, opened

if TYPE_CHECKING:
    from batos.runtime.uvm import Uvm


class HeartbeatAction(StrEnum):
    STATUS = "status"
    ON = "on"
    OFF = "off"
    BEAT = "beat"


def status(image: ImageOption = IMAGE, as_json: JsonOption = False) -> None:
    """Say how the image stands.

    \b
    Example:
      batos status
    """
    with opened(image) as uvm:
        state = {**uvm.state(), "daemon": _daemon(uvm)}
    show.deliver(as_json, state, lambda: _show_status(state))


def _daemon(uvm: Uvm) -> dict[str, Any] | None:
    """The process that works the image, where one does."""
    from batos.bridge.rundir import read_connection
    from batos.errors import BridgeUnreachable
    from batos.runtime.lock import is_held

    if not is_held(uvm.image.path):
        return None
    try:
        connection = read_connection(uvm.image.path)
    except BridgeUnreachable:
        return {"pid": None}
    return {"pid": connection.pid, "started": connection.started, "endpoint": connection.endpoint}


def _show_status(state: dict[str, Any]) -> None:
    counts = ", ".join(f"{number} {name}" for name, number in state["missions"].items() if number) or "none"
    memory = state["memory"]
    daemon = state["daemon"]
    working = "none runs; `batos run` starts one"
    if daemon is not None:
        working = f"process {daemon['pid']}, since {show.moment(daemon['started'])}" if daemon["pid"] else "starting"
    rows = [
        ("image", state["image"]),
        ("id", state["instance"]),
        ("objects", f"{len(state['objects'])}: {', '.join(state['objects'])}"),
        ("missions", counts),
        ("memory", f"{show.counted(memory['documents'], 'document')}, {show.counted(memory['chunks'], 'passage')}"),
        ("proposals", f"{state['proposals']} open; `batos approve` lists them" if state["proposals"] else "none open"),
        *(("broken", f"{one['selector']} of {one['target']}: {one['reason']}") for one in state["broken_contracts"]),
        *(("policy", f"{ruled}, of {name or 'the image'}") for name, ruled in state["policies"].items()),
        ("workbench", "made" if state["workbench"] else "not made yet; `batos run` makes it"),
        ("daemon", working),
        ("heartbeat", _beating(state["heartbeat"])),
        *(("steward", f"{show.moment(done['at'])}, {done['says']}") for done in state["heartbeat"].get("steward", ())),
        *(("training", says) for says in state["heartbeat"].get("trainings", {}).values()),
        *(("idle facet", found["says"]) for found in state["heartbeat"].get("idle_facets", {}).values()),
    ]
    show.table(rows)


def _beating(memory: dict[str, Any]) -> str:
    on = "off" if memory.get("off") else "on"
    last = memory.get("last")
    return f"{on}; last beat {show.moment(last['at'])}, {last['reason']}" if last else f"{on}; it has not beaten yet"


def heartbeat(
    action: Annotated[
        HeartbeatAction, typer.Argument(metavar="ACTION", help="status, on, off, beat")
    ] = HeartbeatAction.STATUS,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Show the heartbeat, switch it, or have one beat.

    \b
    Example:
      batos heartbeat off
    """
    from batos.runtime.heartbeat import Heartbeat

    with opened(image) as uvm:
        heart = Heartbeat(uvm.place, uvm.settings, uvm.events)
        if action is HeartbeatAction.BEAT:
            beat = heart.beat()
            filed = f" Mission {beat.mission} looks into it." if beat.mission else ""
            told = f"{beat.reason[0].upper()}{beat.reason[1:]}.{filed}"
            show.deliver(as_json, asdict(beat), lambda: show.say(told))
            return
        if action is not HeartbeatAction.STATUS:
            heart.switch(action is HeartbeatAction.ON)
        memory = uvm.state()["heartbeat"]
    show.deliver(
        as_json, {"on": not memory.get("off"), **memory}, lambda: show.say(f"The heartbeat is {_beating(memory)}.")
    )
