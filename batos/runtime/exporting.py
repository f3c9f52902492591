"""Writing objects and methods out as text files, one per object, so that people can review, compare and keep them.

The same objects give the same bytes, whenever they are written. Objects without a name are written when a named one
refers to them. Of the objects that batos makes itself only what they learned is written. Documents are not: they are
text already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from BTrees.OOBTree import OOBTree

from batos.errors import ImportRefused, SlotRefused, UnknownObject
from batos.image.image import Image
from batos.image.world import World
from batos.objects.mirror import Mirror, Slot
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, label
from batos.objects.values import freeze, is_object
from batos.runtime.activating import PROTECTED
from batos.runtime.written import (
    JSON,
    WrittenIndex,
    WrittenIntent,
    WrittenMethod,
    WrittenObject,
    read_index,
    text_digest,
)

INDEX = "export.toml"
GONE = "/gone"


@dataclass(frozen=True)
class ExportReport:
    """`left_out` names slots that text cannot hold, as `object.slot (what is in it)`."""

    folder: Path
    objects: int
    methods: int
    left_out: tuple[str, ...]


def export(image: Image, folder: Path, names: Iterable[str] = ()) -> ExportReport:
    """Write the objects called `names` (all, if none are given) into `folder`: new, empty, or an earlier export.

    Raises `UnknownObject`, and `ImportRefused` where something else is in the folder.
    """
    known = _earlier(folder)
    with image.reading() as world:
        written = written_objects(world, names)
        identity = str(world.root["image"]["id"])
    texts = {f"{_file_name(found.object)}.toml": found.text() for found in written}
    index = WrittenIndex(
        image=identity, batos=version("batos"), files={name: text_digest(text) for name, text in sorted(texts.items())}
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**texts, INDEX: index.text()}.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    for name in known - texts.keys():
        (folder / name).unlink(missing_ok=True)
    left_out = tuple(f"{found.object}.{slot} ({what})" for found in written for slot, what in found.left_out.items())
    return ExportReport(folder, len(written), sum(len(found.methods) for found in written), left_out)


def _earlier(folder: Path) -> set[str]:
    """The files that an earlier export wrote there."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return set()
    try:
        files = read_index((folder / INDEX).read_text(encoding="utf-8")).files
    except (OSError, ValueError):
        raise ImportRefused(path=folder, reason="nor exported: it holds other things. Name another folder.") from None
    return {name for name in files if "/" not in name}


def _file_name(key: str) -> str:
    return key.replace("/", "--")


def written_objects(world: World, names: Iterable[str] = ()) -> list[WrittenObject]:
    """The objects as text has them, by their keys. Raises `UnknownObject`."""
    wanted = sorted(set(names))
    writer = _Writer(world)
    for name in wanted or sorted(world.names()):
        writer.add(world[name], whole=name not in PROTECTED)
    return writer.finished()


class _Writer:
    """Collects objects, and those without a name that they refer to. These are keyed by the slot where they are first
    met, so that the same objects have the same keys in every image."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._written: dict[str, WrittenObject] = {}
        self._keys: dict[bytes, str] = {}
        self._waiting: list[UvmObject] = []
        self._slot = ""

    def add(self, obj: UvmObject, *, whole: bool) -> None:
        key = self._key(obj)
        if key in self._written:
            return
        found = self._object(key, obj) if whole else self._learned(key, obj)
        if whole or found.methods:
            self._written[key] = found

    def finished(self) -> list[WrittenObject]:
        while self._waiting:
            self.add(self._waiting.pop(0), whole=True)
        return [self._written[key] for key in sorted(self._written)]

    def _key(self, obj: UvmObject) -> str:
        name = label(obj)
        if name in self._world and self._world[name] is obj:
            return name
        oid = self._world.add(obj)
        if oid not in self._keys:
            others = sum(key == self._slot or key.startswith(f"{self._slot}/#") for key in self._keys.values())
            self._keys[oid] = f"{self._slot}/#{others + 1}" if others else self._slot
            self._waiting.append(obj)
        return self._keys[oid]

    def _object(self, key: str, obj: UvmObject) -> WrittenObject:
        slots = Mirror(obj).slots()
        data: dict[str, JSON] = {}
        left_out: dict[str, str] = {}
        parents: dict[str, str] = {}
        for slot in slots:
            self._slot = f"{key}/{slot.name}"
            if slot.kind == "parent":
                parents[slot.name] = self._key(slot.value)
            elif slot.kind == "data":
                try:
                    data[slot.name] = self._value(slot)
                except SlotRefused:
                    left_out[slot.name] = f"a {type(slot.value).__name__}"
        return WrittenObject(
            object=key,
            parents=parents,
            slots=data,
            left_out=left_out,
            notes={slot.name: slot.notes for slot in slots if slot.notes},
            intents={slot.name: _intent(slot.value, self) for slot in slots if isinstance(slot.value, Intent)},
            methods=self._methods(slots),
        )

    def _learned(self, key: str, obj: UvmObject) -> WrittenObject:
        slots = [slot for slot in Mirror(obj).slots() if isinstance(slot.value, Method) and slot.value.source]
        return WrittenObject(object=key, learned_only=True, methods=self._methods(slots))

    def _methods(self, slots: Iterable[Slot]) -> tuple[WrittenMethod, ...]:
        found = [slot.value for slot in slots if isinstance(slot.value, Method)]
        return tuple(self._method(method) for method in sorted(found, key=lambda method: method.selector))

    def _method(self, method: Method) -> WrittenMethod:
        written = WrittenMethod(
            selector=method.selector,
            version=method.version,
            trust=method.trust,
            primitive=method.primitive,
            intent=method.contract.get("intent") or method.intent,
            source=method.source,
            provenance=json.loads(json.dumps(method.provenance, default=str)),
            examples=tuple(self.keyed(method.contract.get("examples", ()))),
        )
        return written.model_copy(update={"sha256": written.digest})

    def _value(self, slot: Slot) -> JSON:
        """The frozen value, with keys in place of object ids. Raises `SlotRefused` for what text cannot hold."""
        _refuse_trees(slot.name, slot.value)
        return self.keyed(freeze(slot.value))

    def keyed(self, frozen: JSON) -> JSON:
        if isinstance(frozen, list | tuple):
            return [self.keyed(item) for item in frozen]
        if not isinstance(frozen, Mapping):
            return frozen
        if frozen.keys() == {"$object"}:
            try:
                return {"$object": self._key(self._world.object(frozen["$object"]))}
            except UnknownObject:
                return {"$object": GONE}  # an example may name an object that was packed away
        return {name: self.keyed(entry) for name, entry in frozen.items()}


def _intent(intent: Intent, writer: _Writer) -> WrittenIntent:
    return WrittenIntent(text=intent.text, examples=tuple(writer.keyed(list(intent.examples))))


def _refuse_trees(slot: str, value: Any) -> None:
    """A tree may be larger than any text, and would come back as a plain dict."""
    kind = type(value)
    if kind is OOBTree or (not is_object(value) and kind.__name__ in ("LOBTree", "Length", "Blob")):
        raise SlotRefused(slot=slot, what=f"a {kind.__name__}", instead="It is left out.")
    if kind.__name__ == "PersistentList" or kind in (tuple, frozenset):
        for item in value:
            _refuse_trees(slot, item)
    elif kind.__name__ == "PersistentMapping":
        for item in value.values():
            _refuse_trees(slot, item)
