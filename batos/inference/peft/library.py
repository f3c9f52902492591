"""Cold: the adapters in an image. A name has versions, one of which is current; each is an object with its two files.

`lora_repository` of `pllm` maps a name to an object with the slots `current` (a hash, or None) and `versions` (hash ->
object). So adapters have history, can be undone, and are part of every backup. Every function here is given an open
world, but for `Library`, which opens one for each call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from BTrees.OOBTree import OOBTree
from ZODB.blob import Blob

from batos.errors import AdapterRefused, UnknownAdapter
from batos.image.image import Image
from batos.image.world import World
from batos.inference.peft.folder import HEX, Adapter, content_hash, misfit
from batos.objects.uvm_object import UvmObject, own_slots, put
from batos.objects.values import blob_bytes, plain

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
State = Literal["accepted", "rejected"]


@dataclass(frozen=True)
class Version:
    """One version of an adapter, without its weights. `origin` says where it came from, `figures` how it was judged."""

    name: str
    sha256: str
    state: State
    current: bool
    rank: int
    scaling: float
    targets: tuple[str, ...]
    dtypes: tuple[str, ...]
    bytes: int
    added_at: float
    origin: Mapping[str, Any]
    figures: Mapping[str, Any]

    @property
    def called(self) -> str:
        """How people and journals name it."""
        return f"{self.name}@{self.sha256[:HEX]}"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "targets": list(self.targets), "dtypes": list(self.dtypes)}


def repository(world: World) -> Any:
    return own_slots(world["pllm"])["lora_repository"]


def names(world: World) -> list[str]:
    return list(repository(world))


def versions(world: World, name: str | None = None) -> list[Version]:
    """All versions, or those of one adapter, the newest of each first. Raises `UnknownAdapter`."""
    found = []
    for each in [name] if name is not None else names(world):
        holder = _holder(world, each)
        listed = [_described(each, holder, stored) for stored in own_slots(holder)["versions"].values()]
        found += sorted(listed, key=lambda version: (-version.added_at, version.sha256))
    return found


def current(world: World, name: str) -> Version | None:
    """The version that answers for `name`; None if the image holds no such adapter, or none that was accepted."""
    holder = repository(world).get(name)
    if holder is None or (sha256 := own_slots(holder)["current"]) is None:
        return None
    return _described(name, holder, own_slots(holder)["versions"][sha256])


def find(world: World, name: str, version: str | None = None) -> tuple[Version, UvmObject]:
    """A version by the beginning of its hash, or the current one. Raises `UnknownAdapter`."""
    holder = _holder(world, name)
    stored: Any = own_slots(holder)["versions"]
    wanted = version if version is not None else own_slots(holder)["current"] or ""
    matching = [sha256 for sha256 in stored if sha256.startswith(wanted)] if wanted else []
    if len(matching) != 1:
        known = f"It has {', '.join(sha256[:HEX] for sha256 in stored)}."
        called = f"{name}@{version}" if version is not None else f"{name} (current)"
        raise UnknownAdapter(name=called, known=known)
    return _described(name, holder, stored[matching[0]]), stored[matching[0]]


def add(
    world: World,
    name: str,
    adapter: Adapter,
    *,
    now: float,
    origin: Mapping[str, Any],
    state: State = "accepted",
    figures: Mapping[str, Any] | None = None,
) -> Version:
    """Store a version, and make it the current one if it is accepted. The same content again changes only which one is
    current. Raises `AdapterRefused`, also where the image's other adapters are for another base model."""
    if not NAME.fullmatch(name):
        reason = "a name has small letters, digits and _, and begins with a letter; personas' have their names."
        raise AdapterRefused(name=name, reason=reason)
    _refuse_other_base(world, name, adapter)
    tree = repository(world)
    if name not in tree:
        tree[name] = UvmObject([world["traits"]])
        put(tree[name], "name", name)
        put(tree[name], "current", None)
        put(tree[name], "versions", OOBTree())
        world.add(tree[name])
    holder = tree[name]
    stored: Any = own_slots(holder)["versions"]
    if adapter.sha256 not in stored:
        stored[adapter.sha256] = _stored(world, adapter, now, origin, state, figures or {})
    if state == "accepted":
        put(holder, "current", adapter.sha256)
    return _described(name, holder, stored[adapter.sha256])


def activate(world: World, name: str, version: str) -> Version:
    """Make an earlier (or a rejected) version the current one: how learning weights is undone."""
    found, _ = find(world, name, version)
    put(_holder(world, name), "current", found.sha256)
    return find(world, name)[0]


def remove(world: World, name: str, version: str | None = None) -> list[Version]:
    """Take away one version, or the adapter with all of them; what was taken. History keeps them until a pack."""
    holder = _holder(world, name)
    stored: Any = own_slots(holder)["versions"]
    if version is None:
        gone = versions(world, name)
        del repository(world)[name]
        return gone
    found, _ = find(world, name, version)
    del stored[found.sha256]
    if found.current:
        put(holder, "current", None)
    if not stored:
        del repository(world)[name]
    return [found]


def load(world: World, name: str, version: str | None = None) -> Adapter:
    """A version with its weights, checked whole. Raises `UnknownAdapter`, `AdapterRefused`."""
    found, stored = find(world, name, version)
    slots = own_slots(stored)
    weights = blob_bytes(slots["weights"])
    if content_hash(slots["config"], weights) != found.sha256:
        reason = f"what is stored is not what {found.sha256[:HEX]} was when it was added. Add it again."
        raise AdapterRefused(name=name, reason=reason)
    return Adapter.read(slots["config"], weights, name)


def modules_of(world: World) -> dict[str, tuple[int, int]]:
    """The linear modules of the base model, as far as the current adapters show them."""
    return {
        module: sizes
        for name in names(world)
        if (found := current(world, name)) is not None
        for module, sizes in _modules(find(world, name, found.sha256)[1]).items()
    }


def _modules(stored: UvmObject) -> dict[str, tuple[int, int]]:
    listed: dict[str, list[int]] = plain(own_slots(stored)["modules"])
    return {module: (inputs, outputs) for module, (inputs, outputs) in listed.items()}


def _holder(world: World, name: str) -> UvmObject:
    tree = repository(world)
    if name not in tree:
        known = ", ".join(tree) or "none; `batos adapters add NAME FOLDER` adds one"
        raise UnknownAdapter(name=name, known=f"It holds {known}.")
    return tree[name]  # type: ignore[no-any-return]


def _refuse_other_base(world: World, name: str, adapter: Adapter) -> None:
    known = modules_of(world)
    shared = {module: sizes for module, sizes in adapter.modules.items() if module in known}
    if (found := misfit(shared, known)) is not None:
        reason = f"{found.replace('the base model', 'the adapters that are there')}. An image has one base model."
        raise AdapterRefused(name=name, reason=reason)


def _stored(
    world: World, adapter: Adapter, now: float, origin: Mapping[str, Any], state: State, figures: Mapping[str, Any]
) -> UvmObject:
    blob = Blob()
    with blob.open("w") as file:
        file.write(adapter.weights)
    made = UvmObject([world["traits"]])
    slots = {
        "sha256": adapter.sha256,
        "state": state,
        "config": adapter.config_text,
        "weights": blob,
        "bytes": len(adapter.weights),
        "rank": adapter.config.r,
        "scaling": adapter.config.scaling,
        "targets": adapter.targets,
        "dtypes": tuple(sorted(adapter.dtypes)),
        "modules": {module: list(sizes) for module, sizes in adapter.modules.items()},
        "base": adapter.config.base_model_name_or_path,
        "added_at": now,
        "origin": dict(origin),
        "figures": dict(figures),
    }
    for name, value in slots.items():
        put(made, name, value)
    world.add(made)
    return made


def _described(name: str, holder: UvmObject, stored: UvmObject) -> Version:
    slots = own_slots(stored)
    return Version(
        name=name,
        sha256=slots["sha256"],
        state=slots["state"],
        current=own_slots(holder)["current"] == slots["sha256"],
        rank=slots["rank"],
        scaling=slots["scaling"],
        targets=tuple(slots["targets"]),
        dtypes=tuple(slots["dtypes"]),
        bytes=slots["bytes"],
        added_at=slots["added_at"],
        origin=plain(slots["origin"]),
        figures=plain(slots["figures"]),
    )


@dataclass(frozen=True)
class Cold:
    """What the warm tier reads of a version: the committed file of its weights, and its configuration."""

    version: Version
    config_text: str
    path: Path


class Library:
    """The adapters of an image, for a backend in the same process. Every method may be called from any thread."""

    def __init__(self, image: Image) -> None:
        self._image = image

    def current(self, name: str) -> Version | None:
        with self._image.reading() as world:
            return current(world, name)

    def currents(self) -> list[Version]:
        with self._image.reading() as world:
            return [found for name in names(world) if (found := current(world, name)) is not None]

    def modules(self, name: str, sha256: str) -> dict[str, tuple[int, int]]:
        """The linear modules that a version changes: name -> (inputs, outputs)."""
        with self._image.reading() as world:
            return _modules(find(world, name, sha256)[1])

    @contextmanager
    def cold(self, name: str, sha256: str) -> Iterator[Cold]:
        """A version to be read within the block. Raises `UnknownAdapter`."""
        with self._image.reading() as world:
            version, stored = find(world, name, sha256)
            slots = own_slots(stored)
            yield Cold(version, slots["config"], Path(slots["weights"].committed()))


def origin_of_folder(folder: Path) -> dict[str, Any]:
    return {"kind": "folder", "path": str(folder.resolve())}


def check_all(world: World, wanted: Iterable[str] | None = None) -> dict[str, str]:
    """Read every version whole; `name@hash` -> what is wrong with it, "" if nothing is."""
    found = {}
    for version in [version for name in wanted or names(world) for version in versions(world, name)]:
        try:
            load(world, version.name, version.sha256)
            found[version.called] = ""
        except AdapterRefused as error:
            found[version.called] = str(error.facts["reason"])
    return found
