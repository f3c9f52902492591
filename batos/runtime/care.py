"""Care of an image, as programs and people reach it: packing, backups, text, health, erasing, figures.

`Uvm.care` is one of these. Taking a backup and restoring one need no open image, and are functions beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from batos.clock import Clock, SystemClock
from batos.errors import BatosError
from batos.image import packing
from batos.image.backup import Manifest, Restored, back_up, restore
from batos.image.packing import KEEP_DAYS, Packed, PackPreview
from batos.image.statistics import ImageStatistics, statistics
from batos.image.storages import Address, address
from batos.runtime.copying import copy_missions
from batos.runtime.erasing import BACKUPS, Erased, Erasure, Found, erasure_of_document, erasure_of_text
from batos.runtime.examining import examine
from batos.runtime.exporting import ExportReport, export
from batos.runtime.importing import ImportReport, import_objects
from batos.runtime.machine import Finding
from batos.runtime.missions import MissionStore
from batos.runtime.needed import needed_by_missions

if TYPE_CHECKING:
    from batos.runtime.uvm import Uvm

MOST_REMEMBERED = 100  # places of backups

DAY = 86400.0


class Care:
    """What can be done for the image of `uvm` while it is open, and others read and write."""

    def __init__(self, uvm: Uvm) -> None:
        self._uvm = uvm

    def preview_pack(self, keep_days: float = KEEP_DAYS) -> PackPreview:
        """What `pack` would remove; changes nothing."""
        return packing.preview_pack(self._uvm.image, keep_days, needed_by_missions(self._uvm.store))

    def pack(self, keep_days: float = KEEP_DAYS) -> Packed:
        """Give up the past that is older than `keep_days`, and what nothing refers to; the files get smaller.

        What open missions need is kept. Raises `ImageBusy` while the image is packed or copied already.
        """
        self._uvm.searcher.catch_up()  # so that the index need not be made again
        return packing.pack(self._uvm.image, keep_days, needed_by_missions(self._uvm.store))

    def prune(self, keep_days: float) -> int:
        """Give up what missions that ended longer ago than `keep_days` were asked and answered; how many answers.

        `why` and a replay of them then have less to tell. Their receipts stay.
        """
        return self._uvm.store.prune(self._uvm.clock.now() - keep_days * DAY)

    def backup(self, target: str | Path) -> Manifest:
        """Copy the image into the new folder `target`. Raises `BackupRefused`, `ImageBusy` while it is packed."""
        return take_backup(self._uvm.image.where, target, self._uvm.clock)

    def export(self, folder: str | Path, names: Iterable[str] = ()) -> ExportReport:
        """Write the objects called `names`, or all, as text. Raises `UnknownObject`, `ImportRefused`."""
        return export(self._uvm.image, Path(folder).expanduser(), names)

    def import_(self, folder: str | Path, *, replace: bool = False, edited: bool = False) -> ImportReport:
        """Take in what `export` wrote; the report says what was refused. Raises `ImportRefused` for another folder."""
        place = self._uvm.place
        return import_objects(place.image, place.sandbox, Path(folder).expanduser(), replace=replace, edited=edited)

    def doctor(self, repair: bool = False) -> list[Finding]:
        """Examine everything. `repair` makes derived files again; nothing else is ever changed."""
        return examine(self._uvm, repair=repair)

    def find(self, *, document: str | None = None, text: str | None = None) -> Found:
        """What `erase` would touch. Raises like it, changes nothing."""
        return self._erasure(document, text).find()

    def erase(self, *, document: str | None = None, text: str | None = None) -> Erased:
        """Erase a document, or a text wherever it stands, from the present, the past and the files.

        It costs the whole history. Raises `UnknownObject`, `ErasureRefused`, `ImageBusy`.
        """
        return self._erasure(document, text).erase()

    def _erasure(self, document: str | None, text: str | None) -> Erasure:
        if document is not None and text is None:
            return erasure_of_document(self._uvm, document)
        if text is not None and document is None:
            return erasure_of_text(self._uvm, text)
        raise BatosError(reason="Name what to erase: either a document or a text.")

    def statistics(self) -> ImageStatistics:
        return statistics(self._uvm.image)


def take_backup(where: Address | str | Path, target: str | Path, clock: Clock | None = None) -> Manifest:
    """Copy the image at `where`, which may be open here or elsewhere. Raises like `back_up`.

    The image remembers where its backups were put, so that erasing can say which are not covered.
    """
    clock = clock or SystemClock()
    place = where if isinstance(where, Address) else address(where)
    target = Path(target).expanduser().absolute()
    manifest = back_up(place, target, clock.now(), copy_missions)
    store = MissionStore.open(place.missions, clock)
    try:
        known = [known for known in store.meta(BACKUPS, []) if known["path"] != str(target)]
        taken = {"path": str(target), "tid": manifest.tid, "taken_at": manifest.taken_at}
        store.set_meta(BACKUPS, [*known, taken][-MOST_REMEMBERED:])
    finally:
        store.close()
    return manifest


def restore_backup(source: str | Path, target: str | Path) -> Restored:
    """Make an image of a backup at the address `target`, where nothing is yet, be it a folder or a server's database.

    Raises `BackupRefused`; then nothing is left there.
    """
    return restore(Path(source), address(target), copy_missions)
