"""What the runtime tells its subscribers, as the events that the bridge sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from batos.bridge.handlers import plain_map
from batos.bridge.messages import Beat, Body, Changed, CycleMoved, EventKind, MissionMoved, NeedMoved
from batos.runtime.events import gist

Event = Mapping[str, Any]


def _mission(event: Event) -> Body:
    return MissionMoved(
        mission=str(event["id"]),
        state=str(event["state"]),
        type=event.get("type"),
        target=event.get("target"),
        selector=event.get("selector"),
    )


def _cycle(event: Event) -> Body:
    return CycleMoved(mission=str(event["mission"]), state=str(event["state"]), depth=int(event.get("depth", 0)))


def _need(event: Event) -> Body:
    return NeedMoved(
        mission=str(event["mission"]),
        need=str(event["need"]),
        name=str(event["name"]),
        phase=event["phase"],
        purpose=event.get("purpose"),
        step=event.get("step"),
        text=str(event.get("text", "")),
        gist=plain_map(gist(event.get("answer"))),
    )


def _change(event: Event) -> Body:
    return Changed(
        change=event.get("id"),
        note=str(event.get("note", "")),
        mission=event.get("mission"),
        names=tuple(event.get("names", ())),
    )


def _heartbeat(event: Event) -> Body:
    return Beat(record=plain_map({name: value for name, value in event.items() if name != "kind"}))


TRANSLATIONS: Mapping[str, tuple[EventKind, Callable[[Event], Body]]] = MappingProxyType(
    {
        "mission": ("mission_moved", _mission),
        "cycle": ("cycle_moved", _cycle),
        "need": ("need_moved", _need),
        "change": ("change", _change),
        "heartbeat": ("heartbeat", _heartbeat),
    }
)
"""By the runtime's `kind`: the bridge's kind, and how the body is made."""


def translated(event: Event) -> tuple[EventKind, Body]:
    """The bridge's event for one of the runtime's. Raises KeyError or ValueError where it lacks what the body needs."""
    kind, translate = TRANSLATIONS[event["kind"]]
    return kind, translate(event)
