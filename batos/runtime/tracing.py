"""Where in an image a text stands: in which records, past versions, blobs, missions and files. Changes nothing."""

from __future__ import annotations

import mmap
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from batos.errors import UnknownObject
from batos.image.files import files_of
from batos.image.image import Image
from batos.image.keeping import keeper_of, stored_records
from batos.image.loading import MEMORY, TREES, Kind, Record, read_record
from batos.image.past import Past
from batos.image.world import World
from batos.memory.catalog import CATALOG
from batos.objects.uvm_object import state
from batos.objects.values import blob_bytes
from batos.runtime.briefs import from_text, to_text
from batos.runtime.database import Database
from batos.runtime.places import BLOB, COLUMNS, RECEIPT, Wanted, reading, texts_of

SHORTEST = 4  # characters of a text; one that is shorter stands everywhere
MOST_PROBES = 64
PROBE_LENGTH = 24

# What the classes of records are called when they are counted for a person.
CALLED = {
    "UvmObject": "objects",
    "Document": "documents",
    "MemoryChunk": "passages",
    "ContextualSummary": "summaries",
    "Method": "methods",
    "Receipt": "receipts",
    "Proposal": "proposals",
    "PersistentMapping": "lists and dicts",
    "PersistentList": "lists and dicts",
    "Blob": "blobs",
}


@dataclass
class Trace:
    """`records` are current ones by object id, `trees` all trees there are, but those that the image keeps its names,
    receipts and proposals in; `past` counts older versions. `missions` are ids, `meta` keys of the mission database's
    single values."""

    records: dict[bytes, Kind] = field(default_factory=dict)
    trees: set[bytes] = field(default_factory=set)
    past: int = 0
    missions: set[str] = field(default_factory=set)
    meta: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        counted = Counter(CALLED.get(kind[1], "trees") for kind in self.records.values())
        counted["past versions"] = self.past
        counted["missions"] = len(self.missions)
        return {name: number for name, number in sorted(counted.items()) if number}


def trace(image: Image, wanted: Wanted, probes: Iterable[str]) -> Trace:
    found = Trace()
    _records(image, wanted, found)
    for oid in _own_nodes(image):
        found.trees.discard(oid)
        found.records.pop(oid, None)
    _blobs(image, patterns(probes), found)
    _missions(image, wanted, found)
    return found


def _records(image: Image, wanted: Wanted, found: Trace) -> None:
    for _, oid, data in stored_records(image):
        if found.records.pop(oid, None) is not None:
            found.past += 1
        if not data:
            continue
        record = read_record(data)
        if record.kind in TREES:
            found.trees.add(oid)
        if _holds(record, wanted):
            found.records[oid] = record.kind
            if record.kind == RECEIPT:
                found.missions.add(record.state["mission"])


def _own_nodes(image: Image) -> list[bytes]:
    """The image's own trees: names are identifiers that programs use, the others are kept by ids."""
    with image.reading() as world:
        trees = [world.root[name]._p_oid for name in ("world", "receipts", "proposals")]
    with image.records() as load:
        return [node for tree in trees for node in Past(load, None).nodes(tree)]


def _holds(record: Record, wanted: Wanted) -> bool:
    """Other documents keep the words that they share with the one to be erased."""
    if record.kind in MEMORY and wanted.document is not None:
        return bool(record.state.get("document_id") == wanted.document)
    texts = texts_of(record)
    return wanted.touches(texts) if record.kind == RECEIPT else wanted.phrases.are_in(texts)


def _blobs(image: Image, sought: list[re.Pattern[bytes]], found: Trace) -> None:
    with image.reading() as world:
        for oid in {oid for oid, _ in keeper_of(image).blob_sizes()}:
            try:
                content = blob_bytes(world.record(oid))
            except (UnknownObject, OSError):
                continue  # of an object that was packed away, or newer than this snapshot
            if any(pattern.search(content) for pattern in sought):
                found.records[oid] = BLOB


def _missions(image: Image, wanted: Wanted, found: Trace) -> None:
    database = Database(image.where.missions, image.clock.now())
    try:
        for column in COLUMNS:
            for owner, text in database.rows(reading(column)):
                if wanted.touches(from_text(text)):
                    (found.meta if column.mission is None else found.missions).add(owner)
    finally:
        database.close()


def named_by(world: World, wanted: Wanted) -> Iterator[str]:
    """What keeps its words, as sentences: names that programs use, and other documents."""
    for name in world.names():
        if wanted.phrases.spans(name):
            yield f"an object is called {name!r}"
    if wanted.document is None:
        return
    for document_id, document in world[CATALOG].metadata_index.items():
        chunks = state(document).get("chunks", ())
        if document_id != wanted.document and any(wanted.phrases.spans(state(chunk)["text"]) for chunk in chunks):
            yield f"the document {document_id!r} holds some of the same words, and keeps them"


def texts_of_document(image: Image, document_id: str) -> list[str]:
    """Every text that the document's passages have and ever had. Raises `UnknownObject` when there was none."""
    texts: dict[str, None] = {}
    for _, _, data in stored_records(image):
        record = read_record(data) if data else None
        if record is not None and record.kind in MEMORY and record.state.get("document_id") == document_id:
            texts[record.state.get("text", "")] = None
    if not texts:
        raise UnknownObject(name=document_id, known="No document has or had this id. `batos documents` lists them.")
    return list(texts)


# Files


def probes_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Lines of the texts to search files for, long enough to be theirs alone, spread over all of them."""
    lines = [line.strip() for text in texts for line in text.splitlines()]
    telling = [line for line in lines if len(line) >= PROBE_LENGTH] or [line for line in lines if len(line) >= SHORTEST]
    return tuple(telling[:: max(1, len(telling) // MOST_PROBES)][:MOST_PROBES])


def patterns(probes: Iterable[str]) -> list[re.Pattern[bytes]]:
    """What finds the probes in a file, as text and as JSON writes it."""
    forms = {form for probe in probes for form in (probe.encode(), to_text(probe)[1:-1].encode())}
    return [re.compile(re.escape(form), re.IGNORECASE) for form in sorted(forms)]


def files_with(folder: Path, probes: Iterable[str]) -> list[Path]:
    """The files in the folder and below in which a probe stands."""
    sought = patterns(probes)
    return [path for path in files_of(folder) if _stands_in(path, sought)]


def _stands_in(path: Path, sought: list[re.Pattern[bytes]]) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return any(pattern.search(mapped) for pattern in sought)
