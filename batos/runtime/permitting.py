"""Tools that sandboxed methods want to use: who waits for a person's permission, and what the person says."""

from __future__ import annotations

from typing import Any

from batos.errors import UnknownProposal
from batos.image.image import Image
from batos.mind.cycle import PERMISSION
from batos.mind.rehearsing import briefly, shown
from batos.runtime.briefs import Mission
from batos.runtime.deciding import Proposed, called
from batos.runtime.journal import JournalEntry
from batos.runtime.missions import MissionStore


def permissions(image: Image, store: MissionStore) -> list[Proposed]:
    """The uses of tools that wait for a permission, in the form of proposals; `source` is the message."""
    with image.reading() as world:
        return [_shown(world, mission) for mission in _waiting(store)]


def _waiting(store: MissionStore) -> list[Mission]:
    return [mission for mission in store.waiting_for_person() if PERMISSION in (mission.pending or {})]


def _shown(world: Any, mission: Mission) -> Proposed:
    asked = mission.pending[PERMISSION]
    args, kwargs = asked["message"]
    written = [briefly(shown(value)) for value in args]
    written += [f"{name}={briefly(shown(value))}" for name, value in kwargs.items()]
    return Proposed(
        mission.pending["proposal"],
        called(world, asked["receiver"]),
        asked["called"],
        mission.pending["reason"],
        "open",
        mission.id,
        f"{asked['called']}({', '.join(written)})",
        None,
        0,
        {},
        {
            "tool": asked["called"],
            "message": asked["message"],
            "asked_for": f"{mission.brief.selector} of {called(world, mission.brief.target)}",
        },
    )


def waits(store: MissionStore, identity: str) -> bool:
    """Whether the use of a tool waits under an id that begins so."""
    return bool(identity) and any(mission.id.startswith(identity) for mission in _waiting(store))


def decide(image: Image, store: MissionStore, identity: str, allowed: bool) -> Proposed:
    """Allow or refuse one use of a tool; the mission goes on. Raises `UnknownProposal`."""
    found = [mission for mission in _waiting(store) if mission.id.startswith(identity)]
    if len(found) != 1:
        raise UnknownProposal(name=identity, known="`batos approve` lists them.")
    asked = found[0].pending[PERMISSION]
    with image.reading() as world:
        proposed = _shown(world, found[0])
    request = {"name": PERMISSION, **{name: asked[name] for name in ("called", "receiver", "message")}}
    now = image.clock.now()
    store.answer(
        found[0].id,
        JournalEntry("tool", asked["hash"], asked["occurrence"], request, {"value": allowed}, made_at=now),
    )
    return proposed
