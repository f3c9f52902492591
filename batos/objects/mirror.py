"""The mirror: for talking *about* an object. The object itself is for talking *to*.

Browsers, prompts and the catalog see objects through mirrors only. As in Self, a slot can carry an annotation:
a comment, a category, a visibility.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from batos.errors import SlotRefused
from batos.objects import lookup
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, annotate, label, notes_of, own_slots, put, remove
from batos.objects.values import freeze

Kind = Literal["data", "parent", "method", "intent"]
NOTES = ("comment", "category", "visibility")


@dataclass(frozen=True)
class Slot:
    name: str
    kind: Kind
    value: Any
    notes: dict[str, str]


class Mirror:
    """Lists, adds, annotates and removes the slots of `target`."""

    def __init__(self, target: UvmObject) -> None:
        self.target = target

    @property
    def label(self) -> str:
        return label(self.target)

    def slots(self) -> list[Slot]:
        """The own slots, in slot order, methods last."""
        own = own_slots(self.target).items()
        return [Slot(name, kind_of(name, value), value, self.notes(name)) for name, value in own]

    def parents(self) -> list[UvmObject]:
        return lookup.parents(self.target)

    def selectors(self) -> list[str]:
        """Every selector the object understands, its own and its parents', sorted; not what another slot hides."""
        first_found: dict[str, Any] = {}
        for holder in lookup.delegation(self.target):
            first_found = {**own_slots(holder), **first_found}
        return sorted(name for name, value in first_found.items() if isinstance(value, Method))

    def add(self, name: str, value: Any, **notes: str) -> None:
        """Create or change an own slot, and annotate it."""
        _check_notes(name, notes)
        put(self.target, name, value)
        if notes:
            annotate(self.target, name, {**self.notes(name), **notes})

    def remove(self, name: str) -> None:
        remove(self.target, name)

    def annotate(self, name: str, **notes: str) -> None:
        """Note a comment, a category or a visibility on an own slot."""
        if name not in own_slots(self.target):
            raise SlotRefused(slot=name, what="an annotation", instead="Annotate an own slot of the object.")
        _check_notes(name, notes)
        annotate(self.target, name, {**self.notes(name), **notes})

    def notes(self, name: str) -> dict[str, str]:
        return notes_of(self.target, name)

    def as_json(self) -> dict[str, Any]:
        """The object as plain data, for prompts, type stubs and browsers; a method shows its selector and trust."""
        slots = self.slots()
        return {
            "name": self.label,
            "slots": {slot.name: _shown(slot.value) for slot in slots if slot.kind == "data"},
            "intents": {slot.name: slot.value.text for slot in slots if slot.kind == "intent"},
            "methods": self.selectors(),
            "parents": [label(parent) for parent in self.parents()],
        }


def _check_notes(slot: str, notes: dict[str, Any]) -> None:
    for note, text in notes.items():
        if note not in NOTES or not isinstance(text, str):
            instead = f"Annotations are texts: {', '.join(NOTES)}."
            raise SlotRefused(slot=slot, what=f"the annotation {note}={text!r}", instead=instead)


def _shown(value: Any) -> Any:
    try:
        return freeze(value)
    except SlotRefused:  # a blob, a tree or an object not yet stored: its kind is what a reader needs
        return {"$kind": type(value).__name__}


def kind_of(name: str, value: Any) -> Kind:
    if isinstance(value, Method):
        return "method"
    if isinstance(value, Intent):
        return "intent"
    return "parent" if name.endswith("*") else "data"
