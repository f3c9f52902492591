"""The First Conversation: the one mission in which an image reads about itself and makes its own window.

Its mission's id follows from the image's, so that asking for it again, after a kill for instance, goes on with the same
mission; only one that failed is followed by another.
"""

from __future__ import annotations

import hashlib
from itertools import count
from typing import TYPE_CHECKING

from batos.cli.stages import Stages

if TYPE_CHECKING:
    from batos.runtime.mission import Mission
    from batos.runtime.uvm import Uvm

TARGET, SELECTOR, MADE = "genesis", "ingest_and_display_yourself", "workbench"


def is_complete(system: Uvm) -> bool:
    """Whether the image has a workbench."""
    from batos.objects import lookup

    with system.image.reading() as world:
        return lookup.find(world[TARGET], MADE) is not None


def complete(system: Uvm, stages: Stages) -> None:
    """Hold the First Conversation, or go on with it. Raises `MissionFailed`, or `MissionPending` for a person."""
    from batos.runtime.own_documents import own_documents

    stages.documents = sum(1 for _ in own_documents())
    identity = _identity(system)
    stages.mission = identity
    unsubscribe = system.subscribe("*", stages.take)
    try:
        _filed(system, identity).result()
    finally:
        unsubscribe()


def _identity(system: Uvm) -> str:
    """The id of the first mission for this that is still open, or of the next one to file."""
    from batos.errors import UnknownMission

    for attempt in count():
        identity = hashlib.sha256(f"first conversation {attempt} of {system.image.id}".encode()).hexdigest()[:32]
        try:
            if not system.store.get(identity).ended:
                return identity
        except UnknownMission:
            return identity
    raise AssertionError("unreachable")


def _filed(system: Uvm, identity: str) -> Mission:
    return system.submit(TARGET, SELECTOR, mission_id=identity)
