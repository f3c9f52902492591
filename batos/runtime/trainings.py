"""When a persona has said enough since its adapter was trained that another training may be worth it.

Nothing is trained here: it is proposed, and a person starts it. A mission is counted once, in the look after its end.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from batos.image.image import Image
from batos.inference.peft import library
from batos.runtime.lessons import voices_in
from batos.runtime.missions import MissionStore

ENOUGH = 200  # lessons since the last training
MOST_AT_ONCE = 500  # missions that one look counts, the newest ones


def counted(image: Image, store: MissionStore, before: dict[str, Any]) -> dict[str, Any]:
    """What `before`, the answer of the last look or {}, has become: `seen`, the time of the newest mission counted;
    `since`, when each adapter was trained last; `lessons`, how many there have been for it since."""
    seen = before.get("seen", 0.0)
    with image.reading() as world:
        trained = _trained(library.versions(world))
    lessons = {
        name: number
        for name, number in before.get("lessons", {}).items()
        if trained.get(name) == before.get("since", {}).get(name)
    }
    total = Counter(lessons)
    missions = [mission for mission in store.list("done", MOST_AT_ONCE) if mission.changed_at > seen]
    for mission in missions:
        for name, number in voices_in(store, mission).items():
            if mission.changed_at > trained.get(name, 0.0):
                total[name] += number
    newest = max((mission.changed_at for mission in missions), default=seen)
    return {"seen": newest, "since": trained, "lessons": dict(total)}


def _trained(versions: list[library.Version]) -> dict[str, float]:
    """When each adapter was trained last, whatever came of it."""
    found: dict[str, float] = {}
    for version in versions:
        if version.origin.get("kind") == "training":
            found[version.name] = max(version.added_at, found.get(version.name, 0.0))
    return found


def proposed(counts: dict[str, Any]) -> dict[str, str]:
    """A sentence for each persona that may be trained."""
    return {
        name: f"{name} has given {number} accepted answers since its adapter was trained; "
        f"`batos adapters train {name} --model FOLDER` trains it."
        for name, number in sorted(counts["lessons"].items())
        if number >= ENOUGH
    }
