"""What objects are, as plain data to look at: of the image, or of a view of its past."""

from __future__ import annotations

from typing import Any

from batos.image.handles import Home
from batos.objects.mirror import Mirror
from batos.objects.records import Intent, Method
from batos.objects.rules import rules_of
from batos.objects.uvm_object import label
from batos.objects.values import is_object, plain


def list_objects(home: Home) -> list[dict[str, Any]]:
    """The objects that have a name, with the names of their slots."""
    with home.reading() as world:
        mirrors = {name: Mirror(world[name]) for name in world.names()}
        return [
            {
                "name": name,
                "parents": [label(parent) for parent in mirror.parents()],
                "slots": [slot.name for slot in mirror.slots() if slot.kind == "data"],
                "methods": [slot.name for slot in mirror.slots() if slot.kind == "method"],
                "intents": [slot.name for slot in mirror.slots() if slot.kind == "intent"],
            }
            for name, mirror in mirrors.items()
        ]


def inspect(home: Home, target: str) -> dict[str, Any]:
    """The object's own slots, parents and selectors as plain data; methods show source, trust and provenance."""
    with home.reading() as world:
        receiver = world.find(target)
        mirror = Mirror(receiver)
        return {
            "name": mirror.label,
            "oid": world.add(receiver).hex(),
            "parents": [label(parent) for parent in mirror.parents()],
            "rules": rules_of(receiver),
            "slots": [
                {"name": slot.name, "kind": slot.kind, "value": shown(slot.value), **slot.notes}
                for slot in mirror.slots()
                if slot.kind != "parent"
            ],
            "understands": mirror.selectors(),
        }


def shown(value: Any) -> Any:
    """A slot's value as plain data to look at; objects by what they are called, bytes by how many they are."""
    if isinstance(value, Method):
        return {
            "version": value.version,
            "trust": value.trust,
            "source": value.source,
            "primitive": value.primitive,
            "proven": value.provenance.get("proven"),
        }
    if isinstance(value, Intent):
        return value.text

    def reference(obj: Any) -> str:
        return f"<{label(obj)}>" if is_object(obj) else f"<{type(obj).__name__}>"

    copied = plain(value, reference)
    return f"{len(copied)} bytes" if isinstance(copied, bytes) else copied
