"""Contracts that hold no longer since something was changed: found by a mission, remembered until they hold again."""

from __future__ import annotations

from typing import Any

from batos.image.image import Committed, Image
from batos.mind import standing
from batos.objects.uvm_object import label
from batos.runtime.briefs import Brief
from batos.runtime.missions import MissionStore

BROKEN = "broken:"
KIND = "recheck"


def wants_recheck(store: MissionStore, change: Committed) -> bool:
    """Whether a commit changed behaviour without its maker having run the contracts of others: an approval, an
    installation, the steward and a mission that learns have."""
    if not change.behaviour or "proposal" in change.info or change.info.get("author", "import") != "import":
        return False
    mission = change.info.get("mission")
    return mission is None or store.get(mission).brief.type != "learn"


def file_rechecks(image: Image, store: MissionStore, change: Committed) -> list[str]:
    """File a mission for each object that changed, if there is a contract that the change may break."""
    filed = []
    for oid, _ in change.behaviour:
        with image.reading() as world:
            concerned = bool(standing.affected(world, world.object(oid)))
        if concerned:
            filed.append(store.submit(Brief(KIND, oid.hex(), "contracts", extra={"change": change.id})))
    return filed


def recheck(image: Image, store: MissionStore, target: str) -> dict[str, Any]:
    """Run the contracts that a change of `target` may break, and remember which hold no longer.

    How many were run, and those `broken`: `oid`, `target`, `selector`, `reason`.
    """
    with image.reading() as world:
        concerned = standing.affected(world, world.object(target))
    broken = []
    for oid, selector in concerned:
        reason = standing.failing(image, oid, selector)
        key = f"{BROKEN}{oid}:{selector}"
        if reason is None:
            if store.meta(key) is not None:
                store.set_meta(key, None)
            continue
        with image.reading() as world:
            called = label(world.object(oid))
        found = {"oid": oid, "target": called, "selector": selector, "reason": reason, "found_at": image.clock.now()}
        store.set_meta(key, found)
        broken.append(found)
    return {"run": len(concerned), "broken": broken}


def broken(store: MissionStore) -> list[dict[str, Any]]:
    """The contracts that held no longer when they were last run."""
    return list(store.metas(BROKEN).values())


def mended(store: MissionStore, oid: str, selector: str) -> None:
    """The method has passed the gate again."""
    key = f"{BROKEN}{oid}:{selector}"
    if store.meta(key) is not None:
        store.set_meta(key, None)
