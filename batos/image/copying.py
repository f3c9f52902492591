"""Copying the whole log of an image into an empty storage, of any kind: each change as it is, with its id.

On a server there is no folder that could be filled beside its place and named when it is whole. There the database is
emptied again when something goes wrong.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from uuid import uuid4

from batos.errors import BatosError
from batos.image.image import Image
from batos.image.loading import BLOB, kind_of
from batos.image.storages import Address, open_storage, prepare, telling_storage_errors

NEW = b"\0" * 8  # what a storage without transactions names as its last


def uri_of(where: Address) -> str:
    """The address as `Image.open` takes it, password and all: not for messages."""
    return f"postgresql:{where.dsn}" if where.scheme == "postgresql" else f"{where.scheme}:{where.path}"


def copy_log(image: Image, target: Address, tid: bytes) -> None:
    """Copy the changes up to and with `tid` into the empty storage at `target`."""
    source = image.db.storage
    if hasattr(source, "new_instance"):
        with telling_storage_errors(target), closing(open_storage(target)) as storage:
            reading = source.new_instance()
            try:
                _copy(source, reading, storage, tid)
            finally:
                reading.release()
        return
    with telling_storage_errors(target), closing(open_storage(target)) as storage:
        _copy(source, source, storage, tid)


def _copy(source: Any, reading: Any, target: Any, tid: bytes) -> None:
    with getattr(source, "_lock", nullcontext()):  # as for `transactions_since`
        log = source.iterator(None, tid)
    with closing(log):
        for transaction in log:
            target.tpc_begin(transaction, transaction.tid, transaction.status)
            for record in transaction:
                _copy_record(reading, target, transaction, record)
            target.tpc_vote(transaction)
            target.tpc_finish(transaction)


def _copy_record(source: Any, target: Any, transaction: Any, record: Any) -> None:
    if not record.data or kind_of(record.data) != BLOB:
        target.restore(record.oid, record.tid, record.data, "", None, transaction)
        return
    # The target takes the file that it is given away.
    copied = Path(target.temporaryDirectory()) / f"{uuid4().hex}.copy"
    shutil.copyfile(source.loadBlob(record.oid, record.tid), copied)
    target.restoreBlob(record.oid, record.tid, record.data, str(copied), None, transaction)


@contextmanager
def filled_on_server(where: Address, refused: Callable[[str], BatosError]) -> Iterator[Address]:
    """The empty database at `where`, to fill in the block; emptied again if that fails.

    Raises what `refused` makes of the reason when there is an image already.
    """
    prepare(where, create=True)
    with telling_storage_errors(where), closing(open_storage(where)) as storage:
        if storage.lastTransaction() != NEW:
            raise refused("there is an image at that place already. Name another.")
    try:
        yield where
    except BaseException:
        with closing(open_storage(where)) as storage:
            storage.zap_all()
        raise
