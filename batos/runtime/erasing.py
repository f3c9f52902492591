"""Erasing for good what an image holds of a document, or of a person's text: from the present, past and files.

Forgetting leaves a tombstone and the whole past; erasing leaves nothing to find. The present is rewritten in one
commit, missions that touched the text lose their words, the past is given up by a pack to now, indexes are begun anew,
and the files are rewritten without their free room. Then every file of the image is searched, and where the text still
stands is told. `places` says what holds text, `tracing` where this one stands.

It costs the whole history of the image. It does not reach: copies outside (backups, exports, other images), what
running programs hold in memory, what a backend was sent, and what the disk itself keeps of deleted files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from batos.errors import ErasureRefused
from batos.faults import fault
from batos.image import sqlite_files
from batos.image.backup import MISSIONS
from batos.image.derived import Derived, places_of
from batos.image.keeping import keeper_of
from batos.image.loading import MEMORY, read_facts
from batos.image.packing import PATIENCE, pack_to
from batos.image.statistics import sizes_of
from batos.image.turns import alone
from batos.image.world import World
from batos.memory.catalog import CATALOG
from batos.methods.guardian import audit
from batos.objects.records import Method
from batos.objects.uvm_object import label, own_slots, put, state
from batos.runtime.briefs import from_text, to_text
from batos.runtime.database import Database
from batos.runtime.forking import FORKS
from batos.runtime.lock import is_held
from batos.runtime.needed import needed_by_missions
from batos.runtime.phrases import Phrases, masked
from batos.runtime.places import BLANK, BLANK_BRIEF, BLANK_OUTCOME, RECORDS, Wanted, blank_receipt
from batos.runtime.tracing import SHORTEST, Trace, files_with, named_by, probes_of, texts_of_document, trace

if TYPE_CHECKING:
    from batos.runtime.uvm import Uvm

ROUNDS = 3  # missions that were running may write down once more what they had read before
BACKUPS = "backups"  # the key under which the mission database remembers where backups were put
EMPTY_FACTS = b"}."  # a pickled empty map; what follows it is not read


@dataclass(frozen=True)
class Found:
    """How much of an image an erasure touches: numbers by kind of place, and sentences about what keeps its words."""

    places: dict[str, int]
    keeps: tuple[str, ...]


@dataclass(frozen=True)
class Erased:
    """What was done. `left` is empty when no file of the image holds the text any more, else it says what does.
    `not_covered` names the copies that were not touched. Bytes are those of all the image's files."""

    found: Found
    before: int
    after: int
    left: tuple[str, ...]
    not_covered: tuple[str, ...]


def erasure_of_document(uvm: Uvm, document_id: str) -> Erasure:
    """To erase a document, forgotten or not, and every quotation of it but those in other documents.

    Raises `UnknownObject` when no document has or had this id.
    """
    texts = texts_of_document(uvm.image, document_id)
    return Erasure(uvm, Wanted(Phrases.quoting(texts), document_id), probes_of(texts))


def erasure_of_text(uvm: Uvm, text: str) -> Erasure:
    """To erase a name, an address or a sentence wherever it stands. Raises `ErasureRefused` for one too short."""
    phrases = Phrases.of(text)
    if not phrases or len(text.strip()) < SHORTEST:
        raise ErasureRefused(reason=f"a text of less than {SHORTEST} characters stands everywhere. Name a longer one.")
    return Erasure(uvm, Wanted(phrases), (" ".join(text.split()),))


class Erasure:
    """One thing to erase from one image: `find` says what that touches, `erase` does it."""

    def __init__(self, uvm: Uvm, wanted: Wanted, probes: tuple[str, ...]) -> None:
        self._uvm = uvm
        self._image = uvm.image
        self._wanted = wanted
        self._probes = probes
        self._in_notes = Phrases.of(wanted.document) | wanted.phrases if wanted.document else wanted.phrases

    def find(self) -> Found:
        return self._told(self._trace())

    def erase(self) -> Erased:
        """Raises `ErasureRefused` while a daemon works the image, `ImageBusy` while it is packed or copied."""
        if is_held(self._image.path) and not self._uvm.works:
            raise ErasureRefused(reason="a daemon works the image and holds texts in memory. End it first.")
        with alone(self._image.path):
            before = sum(sizes_of(self._image).values())
            traced = self._trace()
            found = self._told(traced)
            for _ in range(ROUNDS):
                self._cancel(traced)
                self._image.change("erase", partial(self._rewrite, traced=traced))
                fault("erase.after_objects")
                self._blank(traced)
                fault("erase.after_missions")
                self._give_up_the_past()
                traced = self._trace()
                if not traced.counts():
                    break
            after = sum(sizes_of(self._image).values())
            return Erased(found, before, after, tuple(self._left()), tuple(self._copies()))

    def _trace(self) -> Trace:
        self._uvm.store.flush()
        return trace(self._image, self._wanted, self._probes)

    def _told(self, traced: Trace) -> Found:
        with self._image.reading() as world:
            return Found(traced.counts(), tuple(named_by(world, self._wanted)))

    # The present

    def _cancel(self, traced: Trace) -> None:
        """What is open would write it down again."""
        unended = {found.id for found in self._uvm.store.list(limit=100_000) if not found.ended}
        for mission in sorted(unended & traced.missions):
            self._uvm.store.cancel(mission)

    def _rewrite(self, world: World, traced: Trace) -> None:
        whole_document = self._wanted.document is not None
        if self._wanted.document is not None:
            self._drop(world, self._wanted.document)
        for oid in traced.trees:
            tree = world.record(oid)
            RECORDS[type(tree).__module__, type(tree).__name__](tree, self._wanted)
        for oid, kind in traced.records.items():
            if oid not in traced.trees and not (whole_document and kind in MEMORY):
                RECORDS[kind](world.record(oid), self._wanted)
        for mission in traced.missions:
            if mission in world.receipts:
                blank_receipt(world.receipts[mission])
        # Something is always written, so that the pack which follows has a version to give up.
        world.root["image"]["erased_at"] = self._image.clock.now()

    def _drop(self, world: World, document_id: str) -> None:
        """Take the document out of the catalog, and its words out of what may still be referred to."""
        document = world[CATALOG].metadata_index.pop(document_id, None)
        state(world[CATALOG]).get("summary_index", {}).pop(document_id, None)
        if document is None:
            return
        for chunk in state(document).get("chunks", ()):
            for slot, value in (("text", ""), ("heading", ()), ("document_id", "")):
                put(chunk, slot, value)
        put(document, "metadata", {})
        put(document, "document_id", "")

    def _blank(self, traced: Trace) -> None:
        database = Database(self._image.where.missions, self._image.clock.now())
        try:
            with database.write(durable=True) as tx:
                for mission in sorted(traced.missions):
                    for statement in BLANK:
                        tx.run(statement, mission=mission, brief=BLANK_BRIEF, outcome=BLANK_OUTCOME)
                for key in sorted(traced.meta):
                    for (text,) in tx.rows("SELECT value FROM meta WHERE key = :key", key=key):
                        value = to_text(masked(from_text(text), self._wanted.phrases))
                        tx.run("UPDATE meta SET value = :value WHERE key = :key", value=value, key=key)
        finally:
            database.close()

    # The past, and the files

    def _give_up_the_past(self) -> None:
        """The log is the last to go: as long as it has the text, an erasure that was interrupted can be done again."""
        self._discard_indexes()
        if self._image.where.scheme != "postgresql":
            sqlite_files.compact(self._image.path / MISSIONS, PATIENCE)
        newest = keeper_of(self._image).newest()
        pack_to(self._image, newest, needed_by_missions(self._uvm.store), scrub=self._scrub)
        self._discard_indexes()

    def _discard_indexes(self) -> None:
        for place in places_of(self._image.where):
            Derived(place, self._image.id).discard()

    def _scrub(self, fact: bytes) -> bytes:
        """A transaction's note, user or further facts without it, as long as they were."""
        further = read_facts(fact)
        if further:
            return EMPTY_FACTS.ljust(len(fact)) if self._in_notes.are_in(further) else fact
        return b"-" * len(fact) if self._in_notes.are_in(fact) else fact

    # What is told of it

    def _left(self) -> Iterator[str]:
        for path in files_with(self._image.path, self._probes):
            yield f"{path.relative_to(self._image.path)} still holds it"
        with self._image.reading() as world:
            yield from named_by(world, self._wanted)
            for name in world.names():
                for selector, method in own_slots(world[name]).items():
                    if isinstance(method, Method) and not _passes(method):
                        yield f"{label(world[name])}.{selector} is refused by the guardian without it; teach it again"

    def _copies(self) -> Iterator[str]:
        known: list[dict[str, Any]] = self._uvm.store.meta(BACKUPS, [])
        yield from (f"the backup at {backup['path']}" for backup in known)
        yield from (f"the fork at {place}" for place in self._uvm.store.meta(FORKS, []))
        if self._image.where.scheme == "postgresql":
            yield "what the server keeps on its disk, which cannot be searched from here"
        yield "backups, exports and copies that this image was not told of"


def _passes(method: Method) -> bool:
    return method.source is None or audit(method.source, method.selector).passed
