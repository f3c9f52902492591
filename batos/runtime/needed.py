"""What missions still need of an image: objects that may be referred to by nothing any more but an open mission."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from batos.runtime.briefs import Mission
from batos.runtime.missions import MissionStore

ALL = 1_000_000


def needed_by_missions(store: MissionStore) -> set[bytes]:
    """The ids of the objects that open missions are sent to, were given, or ask a person about."""
    unended = chain.from_iterable(store.list(state, limit=ALL) for state in ("queued", "running", "waiting"))
    return {bytes.fromhex(oid) for mission in unended for oid in _oids(mission)}


def _oids(mission: Mission) -> Iterator[str]:
    brief = mission.brief
    yield brief.target
    yield from _objects_in([brief.args, brief.kwargs, brief.contract, brief.extra, mission.pending])
    if isinstance(mission.pending, dict) and isinstance(mission.pending.get("target"), str):
        yield mission.pending["target"]


def _objects_in(frozen: Any) -> Iterator[str]:
    """The ids of the objects in frozen JSON."""
    if isinstance(frozen, list | tuple):
        for item in frozen:
            yield from _objects_in(item)
    elif isinstance(frozen, dict):
        if frozen.keys() == {"$object"}:
            yield str(frozen["$object"])
        for item in frozen.values():
            yield from _objects_in(item)
