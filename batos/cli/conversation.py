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
    stages.mission, is_new = _identity(system)
    if not is_new:
        stages.begin("Going on with it", "what an earlier run has done is kept")
    unsubscribe = system.subscribe("*", stages.take)
    try:
        system.submit(TARGET, SELECTOR, mission_id=stages.mission).result()
    finally:
        unsubscribe()


def _identity(system: Uvm) -> tuple[str, bool]:
    """The id of the mission for this that is still open, or of the next one to file, and whether it is to be filed."""
    from batos.errors import UnknownMission

    for attempt in count():
        identity = hashlib.sha256(f"first conversation {attempt} of {system.image.id}".encode()).hexdigest()[:32]
        try:
            if not system.store.get(identity).ended:
                return identity, False
        except UnknownMission:
            return identity, True
    raise AssertionError("unreachable")
