"""Whether an image is whole: every stored version loads, every reference leads somewhere, every blob and name is there.

Everything is read by the safe loader, the past included, and nothing is changed. It knows records and names; what the
records mean (methods, missions, documents) is looked at by the layers above.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ZODB.serialize import referencesf

from batos.errors import BatosError, RecordRefused
from batos.image.image import Image
from batos.image.keeping import BlobFile, keeper_of, stored_records
from batos.image.loading import Kind, Record, read_record
from batos.image.sealing import blob_digest
from batos.image.world import World
from batos.objects.uvm_object import label
from batos.objects.values import is_object

ROOT = b"\0" * 8
BLOB = ("ZODB.blob", "Blob")

Version = tuple[bytes, bytes]  # (object id, change id)
# Called with each version that loads: object id, change id, the record.
Look = Callable[[bytes, bytes, Record], None]


@dataclass(frozen=True)
class Soundness:
    """`records` is how many versions were read, `objects` how many are reachable now, `unused` how many are not: the
    next packs remove those. `spoilt` are copies of blobs that are not what is stored, and `stray` files that nothing
    needs. The others are sentences, empty where all is well."""

    records: int
    objects: int
    unused: int
    unreadable: tuple[str, ...]
    dangling: tuple[str, ...]
    lost_blobs: tuple[str, ...]
    turned_blobs: tuple[str, ...]
    names: tuple[str, ...]
    spoilt: tuple[Path, ...]
    stray: tuple[Path, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        spoilt = (f"{path} is a copy of a blob, and not what is stored." for path in self.spoilt)
        return (*self.unreadable, *self.dangling, *self.lost_blobs, *self.turned_blobs, *self.names, *spoilt)


@dataclass(frozen=True)
class _Current:
    tid: bytes
    kind: Kind
    refers: tuple[bytes, ...]


def check_soundness(image: Image, look: Look | None = None) -> Soundness:
    records = 0
    current: dict[bytes, _Current] = {}
    digests: dict[Version, bytes] = {}
    unreadable = []
    for tid, oid, data in stored_records(image):
        records += 1
        current.pop(oid, None)
        if not data:
            continue
        try:
            record = read_record(data)
            current[oid] = _Current(tid, record.kind, tuple(referencesf(data)))
        except RecordRefused as refused:
            unreadable.append(f"object {oid.hex()} of change {tid.hex()}: {refused}")
            continue
        if record.kind == BLOB and (digest := blob_digest(data)):
            digests[oid, tid] = digest
        if look is not None:
            look(oid, tid, record)
    reached = _reached(current)
    keeper = keeper_of(image)
    sizes = keeper.blob_sizes()
    return Soundness(
        records,
        len(reached),
        len(current) - len(reached),
        tuple(unreadable),
        () if unreadable else tuple(_dangling(image, current, reached)),
        tuple(_lost_blobs(image, current, reached, sizes)),
        tuple(_turned_blobs(image, current, digests, sizes)),
        () if unreadable else tuple(_names(image)),
        tuple(file.path for file in keeper.copies() if _is_spoilt(file, digests)),
        tuple(keeper.stray_files()),
    )


def _reached(current: dict[bytes, _Current]) -> set[bytes]:
    reached: set[bytes] = set()
    waiting = [ROOT]
    while waiting:
        oid = waiting.pop()
        if oid not in reached and oid in current:
            reached.add(oid)
            waiting.extend(current[oid].refers)
    return reached


def _dangling(image: Image, current: dict[bytes, _Current], reached: set[bytes]) -> Iterator[str]:
    if ROOT not in current:
        yield "the image has no root."
    for oid in sorted(reached):
        for missing in sorted({referred for referred in current[oid].refers if referred not in current}):
            yield f"{_called(image, oid, current)} refers to object {missing.hex()}, which is not there."


def _lost_blobs(
    image: Image, current: dict[bytes, _Current], reached: set[bytes], sizes: Mapping[Version, int]
) -> Iterator[str]:
    for oid in sorted(reached):
        if current[oid].kind == BLOB and (oid, current[oid].tid) not in sizes:
            yield f"the bytes of a blob of {_owners(image, oid, current)} are not there."


def _turned_blobs(
    image: Image, current: dict[bytes, _Current], digests: Mapping[Version, bytes], sizes: Mapping[Version, int]
) -> Iterator[str]:
    keeper = keeper_of(image)
    for (oid, tid), digest in digests.items():
        if (oid, tid) in sizes and _digest(keeper.blob(oid, tid)) != digest:
            whose = _owners(image, oid, current) or f"object {oid.hex()}"
            yield f"the bytes of a blob of {whose} are not those that change {tid.hex()} wrote."


def _is_spoilt(file: BlobFile, digests: Mapping[Version, bytes]) -> bool:
    digest = digests.get((file.oid, file.tid))
    if digest is None:
        return False
    with file.path.open("rb") as copy:
        return hashlib.file_digest(copy, "sha256").digest() != digest


def _digest(pieces: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


def _owners(image: Image, oid: bytes, current: dict[bytes, _Current]) -> str:
    return ", ".join(sorted(_called(image, owner, current) for owner in current if oid in current[owner].refers))


def _called(image: Image, oid: bytes, current: dict[bytes, _Current]) -> str:
    """What a person calls the object: its name, or its id and class."""
    with image.records() as load:
        found = load(oid, None)
    name = found[0].state.get("__label__") if found and isinstance(found[0].state, dict) else None
    return str(name) if name else f"object {oid.hex()} ({current[oid].kind[1]})"


def _names(image: Image) -> Iterator[str]:
    """Names that lead to nothing one can talk to, or to an object that calls itself otherwise."""
    with image.reading() as world:
        for name in world.names():
            try:
                yield from _name(world, name)
            except BatosError as error:
                yield f"the name {name!r} leads nowhere: {error}"
            except KeyError:
                yield f"the name {name!r} leads to an object that is not there."


def _name(world: World, name: str) -> Iterator[str]:
    found = world[name]
    if not is_object(found):
        yield f"the name {name!r} leads to a {type(found).__name__}, which is no object."
    elif label(found) != name:
        yield f"the name {name!r} leads to an object that calls itself {label(found)!r}."
