"""Forking an image at a moment: a second image that has the same past up to there, and a future of its own.

All of the history up to the moment comes along, each change with its id, so that undo, views and `why` work in the fork
as they do in the original. What is derived from it does not. A fork has an id of its own and remembers where it came
from. It is made beside its place under another name, and named when it is whole; on PostgreSQL, where there is no such
place, the database is emptied again when something goes wrong.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from batos.errors import BackupRefused, ForkRefused
from batos.image.backup import made_whole
from batos.image.finding import When, find_moment
from batos.image.horizon import HORIZON, horizon
from batos.image.image import Image
from batos.image.loading import BLOB, kind_of
from batos.image.storages import Address, address, open_storage, prepare, telling_storage_errors
from batos.image.turns import together
from batos.image.views import check_kept
from batos.image.world import World

NEW = b"\0" * 8  # what a storage without transactions names as its last


@dataclass(frozen=True)
class Forked:
    """Where the fork is, its id, and the id of the last change that it shares with the original."""

    image: str
    id: str
    change: str


def fork(
    image: Image, target: str | Path, when: When | None = None, finish: Callable[[Image], None] = lambda forked: None
) -> Forked:
    """Make the image as of `when` (now) a new one at `target`, which holds nothing yet.

    `finish` is called with the open fork before it has its name. Others may read and write the original meanwhile.
    Raises `ForkRefused`, `UnknownChange`, `PackedAway`, and `ImageBusy` while the image is being packed.
    """
    where = address(target)
    with together(image.path):
        tid = image.newest() if when is None else find_moment(image, when).tid
        check_kept(image, tid)
        with _place(where) as made:
            with telling_storage_errors(made), closing(open_storage(made)) as storage:
                _copy(image, storage, tid)
            with Image.open(_uri(made), create=False, clock=image.clock) as forked:
                identity = _name(forked, image.id, tid, horizon(image))
                finish(forked)
            shutil.rmtree(made.path / "index", ignore_errors=True)
    return Forked(where.name, identity, tid.hex())


@contextmanager
def _place(where: Address) -> Iterator[Address]:
    """Where to make it: on disk a folder that becomes `where` in the end, on a server the database itself."""
    if where.scheme == "postgresql":
        with _emptied_if_it_fails(where):
            yield where
        return
    try:
        with made_whole(where.path) as folder:
            made = Address(where.scheme, folder)
            made.objects.mkdir()
            yield made
    except BackupRefused as refused:
        raise ForkRefused(**refused.facts) from None


@contextmanager
def _emptied_if_it_fails(where: Address) -> Iterator[None]:
    prepare(where, create=True)
    with telling_storage_errors(where), closing(open_storage(where)) as storage:
        if storage.lastTransaction() != NEW:
            raise ForkRefused(path=where.name, reason="there is an image at that place already. Name another.")
    try:
        yield
    except BaseException:
        with closing(open_storage(where)) as storage:
            storage.zap_all()
        raise


def _uri(where: Address) -> str:
    return f"postgresql:{where.dsn}" if where.scheme == "postgresql" else f"{where.scheme}:{where.path}"


def _copy(image: Image, target: Any, tid: bytes) -> None:
    """Copy the log up to and with `tid`, as it is."""
    storage = image.db.storage
    source = storage.new_instance() if hasattr(storage, "new_instance") else storage
    try:
        with getattr(storage, "_lock", nullcontext()):  # as for `transactions_since`
            log = storage.iterator(None, tid)
        with closing(log):
            for transaction in log:
                target.tpc_begin(transaction, transaction.tid, transaction.status)
                for record in transaction:
                    _copy_record(source, target, transaction, record)
                target.tpc_vote(transaction)
                target.tpc_finish(transaction)
    finally:
        if source is not storage:
            source.release()


def _copy_record(source: Any, target: Any, transaction: Any, record: Any) -> None:
    if not record.data or kind_of(record.data) != BLOB:
        target.restore(record.oid, record.tid, record.data, "", None, transaction)
        return
    # The target takes the file that it is given away.
    copied = Path(target.temporaryDirectory()) / f"{uuid4().hex}.fork"
    shutil.copyfile(source.loadBlob(record.oid, record.tid), copied)
    target.restoreBlob(record.oid, record.tid, record.data, str(copied), None, transaction)


def _name(forked: Image, origin: str, tid: bytes, packed: bytes | None) -> str:
    """Give the fork its own id, as its first own change."""
    identity = uuid4().hex

    def work(world: World) -> None:
        facts = world.root["image"]
        facts.update(id=identity, forked_from=origin, forked_at=tid.hex())
        if packed is not None:  # it may be stored only after the moment
            facts[HORIZON] = packed.hex()

    forked.change(f"fork of image {origin} as of change {tid.hex()}", work)
    return identity
