"""Examining an image and its machine: what is sound, what is not, and what to do about it.

Everything there is gets read, so it takes as long as the image is large. Nothing is changed; with `repair`, what is
derived from the image is made again, and files that nothing needs are removed. The rest is for a person to decide, and
is explained.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ZODB.POSException import POSKeyError

from batos.errors import BatosError, ImageUnavailable
from batos.image import sqlite_files
from batos.image.damage import find_damage
from batos.image.finding import forget_changes, level
from batos.image.horizon import horizon, moment
from batos.image.image import Image
from batos.image.loading import Record, Reference
from batos.image.soundness import Soundness, check_soundness
from batos.memory.catalog import CATALOG
from batos.memory.search import Searcher
from batos.memory.shipped import content_hash
from batos.memory.verifying import verify
from batos.methods.guardian import audit
from batos.objects.records import Method
from batos.objects.uvm_object import label, own_slots, state
from batos.runtime.erasing import BACKUPS
from batos.runtime.machine import Finding, examine_machine
from batos.runtime.missions import MissionStore
from batos.runtime.places import METHOD, OBJECTS

if TYPE_CHECKING:
    from batos.runtime.uvm import Uvm

MOST_NAMED = 5
ALL = 1_000_000
STALE_DAYS = 30.0  # after which a backup is old enough to be mentioned


def examine(uvm: Uvm, *, repair: bool = False) -> list[Finding]:
    """Everything that doctor looks at, in the order in which it is told."""
    image, store = uvm.image, uvm.store
    return [
        _privacy(image.path),
        _databases(image),
        *_records(image, repair),
        _looked("documents", lambda: _documents(image)),
        _looked("index", lambda: _index(image, uvm.searcher, repair)),
        _looked("changes", lambda: _changes(image, repair)),
        _looked("proposals", lambda: _proposals(image)),
        _looked("missions", lambda: _missions(image, store)),
        _past(image),
        _backups(image, store, uvm.clock.now()),
        *examine_machine(),
    ]


def _looked(what: str, look: Callable[[], Finding]) -> Finding:
    """What `look` finds; or that what it looked at cannot be read, so that one damage does not hide the others."""
    try:
        return look()
    except (BatosError, POSKeyError) as error:
        return Finding(what, "wrong", f"it cannot be examined: {error}")


def found(what: str, problems: Iterable[str], sound: str) -> Finding:
    """`sound`, or the first few problems."""
    told = list(problems)
    if not told:
        return Finding(what, "sound", sound)
    more = f" And {len(told) - MOST_NAMED} more." if len(told) > MOST_NAMED else ""
    return Finding(what, "wrong", " ".join(told[:MOST_NAMED]) + more)


def _privacy(path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    problems = [f"others can enter {path}; type `chmod 700 {path}`."] if mode & 0o077 else []
    return found("image", problems, f"{path} opens, and nobody else can enter it.")


def _databases(image: Image) -> Finding:
    """Each as far as its storage can tell; what the records hold is looked at below."""
    damaged = list(find_damage(image))
    missions = image.path / "missions.sqlite3"
    if missions.exists() and (told := sqlite_files.damage(missions)):
        damaged.append(f"{missions.name}: {told}")
    problems = [f"{told}; restore a backup." for told in damaged]
    return found("databases", problems, "they hold together, and hold what was written.")


# Records and methods


def _records(image: Image, repair: bool) -> Iterator[Finding]:
    methods = _Methods()
    try:
        checked = check_soundness(image, methods.look)
    except ImageUnavailable as error:
        yield Finding("records", "missing", str(error))
        return
    unused = f" Objects in no use, which a pack removes: {checked.unused}." if checked.unused else ""
    sound = f"all {checked.records}, the past included, name only classes that images may hold.{unused}"
    yield found("records", checked.unreadable, sound)
    yield found("references", checked.dangling, f"all those of {checked.objects} objects lead somewhere.")
    turned = [f"{told} Restore a backup, or store them anew." for told in checked.turned_blobs]
    yield found("blobs", [*checked.lost_blobs, *turned], "the bytes of each are there, as they were written.")
    yield found("names", checked.names, "each leads to the object that is called so.")
    yield _spoilt(checked, repair)
    yield _stray(checked, repair)
    yield methods.finding()


def _spoilt(checked: Soundness, repair: bool) -> Finding:
    """Copies of blobs that a disk changed. What is stored is whole, and is copied again when it is read."""
    if not checked.spoilt:
        return Finding("copies", "sound", "those of blobs are what is stored.")
    names = ", ".join(path.name for path in checked.spoilt[:MOST_NAMED])
    if not repair:
        return Finding("copies", "wrong", f"{names} is not the stored blob; `batos doctor --repair` removes it.")
    for path in checked.spoilt:
        path.unlink(missing_ok=True)
    return Finding("copies", "mended", f"removed copies that were not the blob that is stored: {names}.")


def _stray(checked: Soundness, repair: bool) -> Finding:
    if not checked.stray:
        return Finding("leftovers", "sound", "an interrupted pack has left nothing.")
    names = ", ".join(path.name for path in checked.stray[:MOST_NAMED])
    if not repair:
        says = f"an interrupted pack has left {names}; `batos doctor --repair` removes it."
        return Finding("leftovers", "wrong", says)
    for path in checked.stray:
        path.unlink(missing_ok=True)
    return Finding("leftovers", "mended", f"removed what an interrupted pack had left: {names}.")


class _Methods:
    """Every version that was ever installed, by the guardian as it is today."""

    def __init__(self) -> None:
        self._refused: dict[bytes, str] = {}
        self._in_use: dict[bytes, set[bytes]] = {}
        self._number = 0

    def look(self, oid: bytes, tid: bytes, record: Record) -> None:
        if record.kind in OBJECTS:
            held = record.state.get("__methods__", {}).values()
            self._in_use[oid] = {value.oid for value in held if isinstance(value, Reference)}
        elif record.kind == METHOD and record.state.get("source"):
            self._number += 1
            method = record.state
            result = audit(method["source"], method["selector"], facet=_is_facet(method))
            if not result.passed:
                self._refused[oid] = f"{method['selector']} version {method['version']}: {result.reason}"

    def finding(self) -> Finding:
        used: set[bytes] = set().union(*self._in_use.values())
        in_use = [told for oid, told in self._refused.items() if oid in used]
        past = len(self._refused) - len(in_use)
        older = f" {past} versions that are not in use would be refused." if past else ""
        told = [f"{reason} The sandbox refuses to run it; teach it again." for reason in in_use]
        return found("methods", told, f"all {self._number - past} written ones pass the guardian of today.{older}")


def _is_facet(method: dict[str, Any]) -> bool:
    contract = method["contract"]
    return bool(method["selector"].endswith("_facet_") and contract.get("intent") and not contract.get("examples"))


# Memory


def _documents(image: Image) -> Finding:
    """The catalog agrees with itself: ids, the order of passages, and hashes of what they say."""
    problems = []
    with image.reading() as world:
        index = world[CATALOG].metadata_index
        for document_id, document in index.items():
            problems += [f"the document {document_id!r} {told}." for told in _document(document_id, document)]
        number = len(index)
    return found("documents", problems, f"the passages of all {number} agree with them.")


def _document(document_id: str, document: Any) -> Iterator[str]:
    slots = state(document)
    chunks = slots["chunks"]
    if slots["document_id"] != document_id:
        yield f"calls itself {slots['document_id']!r}"
    if [state(chunk)["chunk_index"] for chunk in chunks] != list(range(len(chunks))):
        yield "has passages out of order"
    if any(state(chunk)["document*"] is not document for chunk in chunks):
        yield "has a passage that belongs to another"
    if slots["content_hash"] != content_hash("".join(state(chunk)["text"] for chunk in chunks)):
        yield "does not say what it said when it was ingested; ingest it again"


def _index(image: Image, searcher: Searcher, repair: bool) -> Finding:
    seen = verify(image, searcher)
    if not seen.sound and repair:
        searcher.discard(
            "it did not agree with the catalog.",
            words=seen.words_differ > 0,
            vectors=seen.vectors_differ > 0,
            summaries=seen.summaries_differ > 0,
        )
        seen = verify(image, searcher)
        if seen.sound:
            return Finding("index", "mended", f"it was made again, from {seen.passages} passages.")
    problems = []
    if not seen.sound:
        differing = seen.words_differ + seen.vectors_differ + seen.summaries_differ
        told = f"{differing} passages or summaries in it differ from the catalog's"
        problems = [f"{told}; `batos doctor --repair` makes it again."]
    return found("index", problems, f"it agrees with the catalog: {seen.passages} passages.")


def _changes(image: Image, repair: bool) -> Finding:
    """The index of changes lists what the log holds."""
    logged = {int.from_bytes(change.tid, "big") for change in image.transactions_since(b"\0" * 8)}
    differing = logged ^ level(image).all_numbers()
    if differing and repair:
        forget_changes(image)
        differing = logged ^ level(image).all_numbers()
        if not differing:
            return Finding("changes", "mended", f"their index was made again, from {len(logged)} of them.")
    problems = []
    if differing:
        problems = [f"{len(differing)} differ from the log in their index; `batos doctor --repair` makes it again."]
    return found("changes", problems, f"their index agrees with the log: {len(logged)} changes.")


# Missions


def _proposals(image: Image) -> Finding:
    problems = []
    with image.reading() as world:
        opened = [proposal for proposal in world.proposals.values() if proposal.state == "open"]
        for proposal in opened:
            selector, target = proposal.method.selector, proposal.target
            present = own_slots(target).get(selector)
            if isinstance(present, Method) and present is not proposal.method.previous:
                problems.append(
                    f"{proposal.proposal} would replace {selector} of {label(target)}, which was changed since; "
                    f"type `batos refuse {proposal.proposal}`."
                )
    return found("proposals", problems, f"{len(opened)} wait for a decision, and each can be approved.")


def _missions(image: Image, store: MissionStore) -> Finding:
    """The two databases agree: what the missions say of themselves, and the receipts in the image."""
    known = {mission.id: mission for mission in store.list(limit=ALL)}
    with image.reading() as world:
        receipts = {identity: (receipt.outcome, receipt.children) for identity, receipt in world.receipts.items()}
    problems = [
        f"mission {identity} is done, but the image has no receipt of it; it runs again when the image is worked."
        for identity, mission in known.items()
        if mission.state == "done" and identity not in receipts
    ]
    problems += [
        f"mission {identity} is {known[identity].state}, but the image has its effects."
        for identity, (outcome, _) in receipts.items()
        if identity in known
        and known[identity].state in ("failed", "dead")
        and outcome != "failed"
        and not (known[identity].outcome or {}).get("cancelled")
    ]
    problems += [
        f"mission {child['mission']} was begun by mission {identity} and never filed; it is filed when the image is "
        "worked."
        for identity, (_, children) in receipts.items()
        for child in children
        if child["mission"] not in known
    ]
    unknown = len(receipts.keys() - known.keys())
    if unknown:
        problems.append(f"{unknown} receipts are of missions that the mission database does not know; it is older.")
    return found("missions", problems, f"all {len(known)} agree with their receipts in the image.")


def _past(image: Image) -> Finding:
    last = horizon(image)
    says = f"it reaches back to {moment(last)} UTC, up to which the image was packed." if last else "all of it is kept."
    return Finding("history", "sound", says)


def _backups(image: Image, store: MissionStore, now: float) -> Finding:
    known = [backup for backup in store.meta(BACKUPS, []) if Path(backup["path"]).is_dir()]
    if not known:
        return Finding("backup", "missing", "this image knows of none; type `batos backup FOLDER`.")
    newest = known[-1]
    taken = time.strftime("%Y-%m-%d %H:%M", time.localtime(newest["taken_at"]))
    if now - newest["taken_at"] > STALE_DAYS * 86_400:
        return Finding("backup", "missing", f"the last was taken on {taken}; type `batos backup FOLDER`.")
    return Finding("backup", "sound", f"the last was taken on {taken}, in {newest['path']}.")
