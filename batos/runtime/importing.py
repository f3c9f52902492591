"""Taking objects and methods in from the text files of an export.

Nothing in them is believed. Each file must be what the export's index says, unless it is said to be edited. Every
method's source is audited by today's guardian, and run on every one of its examples in the sandbox, in a rehearsal that
is thrown away; what passes is then written in one commit, as sandboxed methods, and what does not is refused with its
reason. What stands in a slot already stays, unless it is said that it may be replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from batos.errors import BatosError, GuardianRefused, ImportRefused
from batos.image.image import Image
from batos.image.world import World
from batos.methods.contract import Contract, Example
from batos.methods.guardian import check
from batos.methods.sandbox import Sandbox
from batos.mind.trial import try_out
from batos.objects import lookup
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, annotate, own_slots, put
from batos.objects.values import thaw
from batos.runtime.activating import PROTECTED
from batos.runtime.exporting import INDEX, written_objects
from batos.runtime.written import (
    JSON,
    WrittenIndex,
    WrittenIntent,
    WrittenMethod,
    WrittenObject,
    read_index,
    read_object,
    text_digest,
)

MOST_BYTES = 16 * 2**20  # of one file
MALFORMED = (ValueError, TypeError, KeyError, AttributeError)  # what data of another shape than expected raises
EDITED = "it was changed after the export. To take it all the same, say `--edited`, in Python `edited=True`."
STANDS = "something else stands there, and stays. To change it, say `--replace`, in Python `replace=True`."


@dataclass(frozen=True)
class Refusal:
    """What was not taken in (`greeter.toml`, `greeter.name`, `greeter.initials_`), and why."""

    what: str
    reason: str


@dataclass(frozen=True)
class ImportReport:
    """Everything as `object` or `object.slot`. `proven` names the methods whose examples passed; the other methods in
    `written` have none, and are unproven."""

    created: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    proven: tuple[str, ...] = ()
    unchanged: int = 0
    refused: tuple[Refusal, ...] = ()


@dataclass
class _Parcel:
    """What was read from the folder, and what the rehearsal has said of each method so far."""

    image: str
    objects: dict[str, WrittenObject]
    edited: frozenset[str]
    refused: dict[str, str]
    proven: dict[str, int] = field(default_factory=dict)

    def methods(self) -> Iterable[tuple[str, str, WrittenMethod]]:
        """(place, key of the object, method) of all that are not refused."""
        for key, written in self.objects.items():
            for method in written.methods:
                place = f"{key}.{method.selector}"
                if place not in self.refused:
                    yield place, key, method


def import_objects(
    image: Image, sandbox: Sandbox, folder: Path, *, replace: bool = False, edited: bool = False
) -> ImportReport:
    """Take in the export in `folder`. `replace` lets it change slots that hold something else, `edited` takes files
    that were changed after the export. Raises `ImportRefused` when the folder holds no export."""
    parcel = _read(folder, edited)
    _audit(parcel)
    _rehearse(image, sandbox, parcel, replace)
    note = f"import {len(parcel.objects)} objects"
    laying = image.change(note, lambda world: _lay(world, parcel, replace, image.clock.now()), author="import")
    refused = {**parcel.refused, **laying.refused}
    return ImportReport(
        tuple(laying.created),
        tuple(laying.written),
        tuple(place for place in laying.written if parcel.proven.get(place)),
        laying.unchanged,
        tuple(Refusal(what, reason) for what, reason in sorted(refused.items())),
    )


# Reading


def _read(folder: Path, edited: bool) -> _Parcel:
    index = index_of(folder)
    objects: dict[str, WrittenObject] = {}
    refused: dict[str, str] = {}
    changed = set()
    for path in sorted(folder.glob("*.toml")):
        if path.name == INDEX:
            continue
        try:
            text = _text(path)
            written = read_object(text)
        except (ValueError, OSError) as error:
            refused[path.name] = f"it cannot be read: {' '.join(str(error).split())[:300]}"
            continue
        if index.files.get(path.name) != text_digest(text):
            if not edited:
                refused[path.name] = EDITED
                continue
            changed.add(written.object)
        if written.object in objects:
            refused[path.name] = f"another file tells of {written.object} too."
            continue
        objects[written.object] = written
    for name in sorted(name for name in index.files if not (folder / name).exists()):
        refused[name] = "the file is missing."
    return _Parcel(index.image, objects, frozenset(changed), refused)


def index_of(folder: Path) -> WrittenIndex:
    """What an export says it holds. Raises `ImportRefused` for a folder that is none."""
    try:
        return read_index(_text(folder / INDEX))
    except FileNotFoundError:
        raise ImportRefused(path=folder, reason=f"there is no {INDEX} in it, so it is no export.") from None
    except (ValueError, OSError) as error:
        reason = f"its {INDEX} cannot be read: {' '.join(str(error).split())[:300]}"
        raise ImportRefused(path=folder, reason=reason) from None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES // 2**20} MiB.")
    return data.decode("utf-8")


# Trying


def _audit(parcel: _Parcel) -> None:
    for place, _, method in parcel.methods():
        try:
            if method.source is not None:
                check(method.source, method.selector, facet=_is_facet(method))
        except GuardianRefused as refused:
            parcel.refused[place] = str(refused)


def _is_facet(method: WrittenMethod) -> bool:
    return method.selector.endswith("_facet_") and method.intent is not None and not method.examples


def _rehearse(image: Image, sandbox: Sandbox, parcel: _Parcel, replace: bool) -> None:
    """Run every method on its examples among all the others, again without those that failed, until all pass."""
    while True:
        before = len(parcel.refused)
        with image.reading() as world:  # a snapshot of its own, thrown away with what is written in it
            laying = _lay(world, parcel, replace, 0.0)
            start = world.savepoint()
            for place, method in laying.tried.items():
                reason = _failing(image, sandbox, parcel, place, method, laying)
                start.rollback()
                if reason is not None:
                    parcel.refused[place] = reason
        if len(parcel.refused) == before:
            return


def _failing(
    image: Image, sandbox: Sandbox, parcel: _Parcel, place: str, method: WrittenMethod, laying: _Laying
) -> str | None:
    """Why the method does not pass; None if it does, and then its proof is noted."""
    try:
        verdict = try_out(
            image,
            sandbox,
            {
                "source": method.source,
                "selector": method.selector,
                "target": laying.targets[place].hex(),
                "contract": laying.contract(method),
                "message": {"args": [], "kwargs": {}},
                "facet": _is_facet(method),
                "original": _is_facet(method),
            },
        )
    except (BatosError, *MALFORMED) as error:
        return f"its examples cannot be run: {error}"
    parcel.proven[place] = verdict["proven"]
    return None if verdict["status"] == "passed" else str(verdict["reason"])


# Writing


def _lay(world: World, parcel: _Parcel, replace: bool, now: float) -> _Laying:
    laying = _Laying(world, parcel, replace, now)
    named = [written for key, written in parcel.objects.items() if "/" not in key]
    for written in named:
        laying.open(written)
    for written in named:
        laying.fill(written)
    return laying


class _Laying:
    """Writes what a parcel holds into one world. Done twice, in the rehearsal and for good, it does the same."""

    def __init__(self, world: World, parcel: _Parcel, replace: bool, now: float) -> None:
        self._world = world
        self._parcel = parcel
        self._replace = replace
        self._now = now
        self._objects: dict[str, UvmObject] = {}
        self._present = {found.object: found for found in written_objects(world)}
        self.created: list[str] = []
        self.written: list[str] = []
        self.unchanged = 0
        self.refused: dict[str, str] = {}
        self.tried: dict[str, WrittenMethod] = {}
        self.targets: dict[str, bytes] = {}

    def open(self, written: WrittenObject) -> None:
        """Find or make the named object, so that others can refer to it."""
        key = written.object
        if key in self._world:
            self._objects[key] = self._world[key]
        elif written.learned_only:
            self.refused[key] = "batos makes this object itself, and this image has none of its name."
        else:
            self._attempt(key, lambda: self._make(key))

    def _make(self, key: str) -> None:
        self._objects[key] = self._world.create(key, parents=[])
        self.created.append(key)

    def fill(self, written: WrittenObject) -> None:
        key = written.object
        obj = self._objects.get(key)
        if obj is None:
            return
        if not written.learned_only and key in PROTECTED:
            self.refused[key] = "batos makes this object itself; only what it learned is imported."
            written = WrittenObject(object=key, learned_only=True, methods=written.methods)
        present = self._present.get(key, WrittenObject(object=key))
        for slot, parent in written.parents.items():
            self._slot(obj, key, slot, present.parents.get(slot), parent, partial(self._object, parent))
        for slot, value in written.slots.items():
            self._slot(obj, key, slot, present.slots.get(slot), value, partial(self._thawed, value))
        for slot, intent in written.intents.items():
            self._slot(obj, key, slot, present.intents.get(slot), intent, partial(self._intent, intent))
        for slot, notes in written.notes.items():
            if slot in own_slots(obj) and present.notes.get(slot) != notes:
                self._attempt(f"{key}.{slot}", partial(annotate, obj, slot, notes))
        for method in written.methods:
            self._method(obj, key, method, {known.selector: known for known in present.methods})

    def _intent(self, intent: WrittenIntent) -> Intent:
        return Intent(intent.text, tuple(map(self.resolved, intent.examples)))

    def _slot(self, obj: UvmObject, key: str, slot: str, present: Any, wanted: Any, make: Callable[[], Any]) -> None:
        place = f"{key}.{slot}"
        own = own_slots(obj)
        if slot in own and present == wanted:
            self.unchanged += 1
        elif slot in own and not self._replace:
            self.refused[place] = STANDS
        else:
            self._attempt(place, lambda: self._put(obj, slot, make(), place))

    def _put(self, obj: UvmObject, slot: str, value: Any, place: str) -> None:
        put(obj, slot, value)
        self.written.append(place)

    def _method(self, obj: UvmObject, key: str, method: WrittenMethod, present: Mapping[str, WrittenMethod]) -> None:
        place, slot = f"{key}.{method.selector}", method.selector
        own = own_slots(obj).get(slot)
        known = present.get(slot)
        if place in self._parcel.refused:
            return
        if known is not None and known.digest == method.digest:
            self.unchanged += 1
        elif method.source is None:
            self.refused[place] = "it is a primitive: Python code of a program, which that program has to install."
        elif not self._replace and self._stands(obj, key, slot, own):
            self.refused[place] = STANDS
        else:
            self._attempt(place, lambda: self._install(obj, key, place, method, own))

    def _stands(self, obj: UvmObject, key: str, slot: str, own: Any) -> bool:
        """Whether the method would take the place of something; on what batos makes, also whether it would hide it."""
        found = lookup.find(obj, slot) if key in PROTECTED else None
        return any(held is not None and not isinstance(held, Intent) for held in (own, found and found.value))

    def _install(self, obj: UvmObject, key: str, place: str, method: WrittenMethod, own: Any) -> None:
        made = Method(
            method.selector,
            method.source,
            contract=self.contract(method),
            intent=method.intent,
            previous=own if isinstance(own, Method) else None,
            provenance=self._provenance(key, place, method),
        )
        self._put(obj, method.selector, made, place)
        self.tried[place] = method
        self.targets[place] = self._world.add(obj)

    def contract(self, method: WrittenMethod) -> JSON:
        """The method's contract in this world. Raises for examples that are none."""
        examples = [Example.from_json(self.resolved(example), self._world.object) for example in method.examples]
        return Contract(method.intent, tuple(examples)).to_json()

    def _provenance(self, key: str, place: str, method: WrittenMethod) -> dict[str, Any]:
        """Where it came from stays told, apart from what this image vouches for."""
        proven = self._parcel.proven.get(place, 0)
        edited = key in self._parcel.edited and method.sha256 != method.digest
        return {
            "author": "import",
            "made_at": self._now,
            "proven": proven,
            "tainted": not proven,
            "from_image": self._parcel.image,
            "sha256": method.digest,
            "edited": edited,
            "origin": dict(method.provenance),
        }

    def _attempt(self, place: str, work: Callable[[], object]) -> None:
        try:
            work()
        except (BatosError, *MALFORMED) as error:
            self.refused[place] = str(error)

    # Keys

    def _object(self, key: str) -> UvmObject:
        """The object with this key; one without a name is made when it is first referred to."""
        if key not in self._objects:
            if key in self._world:
                self._objects[key] = self._world[key]
            elif "/" in key and key in self._parcel.objects:
                self._objects[key] = UvmObject()
                self._world.add(self._objects[key])
                self.fill(self._parcel.objects[key])
            else:
                raise ImportRefused(path=key, reason="it refers to this object, which is neither here nor exported.")
        return self._objects[key]

    def _thawed(self, value: JSON) -> Any:
        return thaw(self.resolved(value), self._world.object)

    def resolved(self, frozen: JSON) -> JSON:
        """Frozen JSON with the object ids of this world in place of keys."""
        if isinstance(frozen, list | tuple):
            return [self.resolved(item) for item in frozen]
        if not isinstance(frozen, Mapping):
            return frozen
        if frozen.keys() == {"$object"}:
            return {"$object": self._world.add(self._object(str(frozen["$object"]))).hex()}
        return {name: self.resolved(entry) for name, entry in frozen.items()}
