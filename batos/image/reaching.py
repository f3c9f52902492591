"""What a pack up to some transaction gives up, decided from one reading of the log.

Kept is, of each object, the version that was current at the horizon and all later ones, if the object can be reached
from the root as of the horizon, or if a later transaction wrote it or refers to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ZODB.serialize import referencesf

from batos.image.image import Image
from batos.image.keeping import Held, stored_records

ROOT = b"\0" * 8


class Version(NamedTuple):
    tid: bytes
    oid: bytes
    size: int


@dataclass(frozen=True)
class Reading:
    """The versions up to the horizon, oldest first; the newest of each object among them, and what that refers to;
    what later transactions need; and the last transaction that was read."""

    versions: list[Version]
    newest: dict[bytes, bytes]
    refers: dict[bytes, tuple[bytes, ...]]
    needed: set[bytes]
    last: bytes

    @cached_property
    def kept(self) -> set[bytes]:
        """The objects of which something is kept."""
        return reached(self.needed, self.refers)

    @cached_property
    def unused(self) -> set[bytes]:
        """The objects of which nothing is kept."""
        return self.newest.keys() - self.kept

    @cached_property
    def gone(self) -> list[Version]:
        """The versions to be given up."""
        return [
            version
            for version in self.versions
            if version.oid not in self.kept or self.newest[version.oid] != version.tid
        ]

    def held(self, blobs: Mapping[tuple[bytes, bytes], int]) -> Held:
        """What `gone` holds, with the bytes of blobs as `Keeper.blob_sizes` gives them."""
        left = {tid for tid, oid in {version[:2] for version in self.versions} - {version[:2] for version in self.gone}}
        emptied = {version.tid for version in self.gone} - left
        size = sum(version.size + blobs.get((version.oid, version.tid), 0) for version in self.gone)
        return Held(len(emptied), len(self.gone), len(self.unused), size)


def read_log(image: Image, horizon: bytes, needed: Iterable[bytes] = ()) -> Reading:
    """Read the log for a pack up to `horizon`; `needed` are objects to keep whoever refers to them."""
    reading = Reading([], {}, {}, {ROOT, *needed}, horizon)
    last = horizon
    for tid, oid, data in stored_records(image):
        references = tuple(referencesf(data)) if data else ()
        if tid <= horizon:
            reading.versions.append(Version(tid, oid, len(data)))
            reading.newest[oid], reading.refers[oid] = tid, references
        else:
            reading.needed.update((oid, *references))
            last = tid
    return Reading(reading.versions, reading.newest, reading.refers, reading.needed, last)


def reached(begin: Iterable[bytes], refers: Mapping[bytes, tuple[bytes, ...]]) -> set[bytes]:
    """All that can be reached from some objects, themselves included."""
    found: set[bytes] = set()
    waiting = list(begin)
    while waiting:
        oid = waiting.pop()
        if oid not in found:
            found.add(oid)
            waiting.extend(refers.get(oid, ()))
    return found
