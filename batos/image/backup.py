"""Backups: a copy of an image taken while others write in it, and a restore that believes nothing unchecked.

A backup is a folder laid out like an image, with a manifest: what it is of, up to which transaction it goes, and the
SHA-256 of every file. The objects are copied first, the missions after them: a mission that the copy calls done and
that has no receipt in the copied objects is taken up again when the restored image is opened. Derived files are left
out. Nothing is opened for writing, so an image can be copied beside the one process that may hold it.

The backup of an image on a server is one on SQLite, made by reading the server's log; any backup can be restored as a
folder, or into an empty database of a server.

A copy has its name when it is whole; see `whole.py`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from batos.errors import BackupRefused, BatosError, ImageMissing
from batos.faults import fault
from batos.image import sqlite_files
from batos.image.copying import copy_log, filled_on_server, uri_of
from batos.image.files import files_of
from batos.image.horizon import HORIZON, horizon
from batos.image.image import Image
from batos.image.keeping_file import LogFile
from batos.image.loading import Reference, read_record
from batos.image.soundness import Soundness, check_soundness
from batos.image.storages import Address, Scheme, prepare
from batos.image.turns import together
from batos.image.whole import PARTIAL, made_whole

MANIFEST = "manifest.json"
MISSIONS = "missions.sqlite3"
OIDS = "oids.sqlite3"
BLOCK = 2**20
MOST_NAMED = 3

CopyMissions = Callable[[Address, Address], None]


class BackupFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    path: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a backup says of itself. `tid` is the newest change in it, `horizon` the pack horizon, `taken_at` seconds
    since the epoch; `batos` is the version that wrote it, `digest` the SHA-256 of all the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal[1] = 1
    batos: str
    image: str
    scheme: Scheme
    tid: str
    horizon: str | None
    taken_at: float
    files: tuple[BackupFile, ...]
    digest: str = ""

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def signed(self) -> Manifest:
        return self.model_copy(update={"digest": self._digest()})

    @property
    def is_whole(self) -> bool:
        return self.digest == self._digest()

    def _digest(self) -> str:
        told = self.model_dump(mode="json", exclude={"digest"})
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Restored:
    """A restored image: what it is called, what it was restored from, and what its check has counted."""

    image: str
    manifest: Manifest
    soundness: Soundness


def back_up(where: Address, target: Path, now: float, copy_missions: CopyMissions | None = None) -> Manifest:
    """Copy the image into the new folder `target`. It may be open, and written, here and elsewhere.

    `copy_missions` copies the missions between two addresses of which one is on a server: their tables are not known
    here. Raises `BackupRefused` when the target holds something or the image is damaged, `ImageMissing`, and
    `ImageBusy` while it is being packed.
    """
    if where.scheme == "postgresql":
        prepare(where, create=False)
    elif not where.exists:
        raise ImageMissing(path=where.path)
    target = target.expanduser().absolute()
    if target == where.path or where.path in target.parents:
        raise BackupRefused(path=target, reason="it would lie within the image. Name a place outside.")
    with together(where.path), made_whole(target) as made, _telling(target):
        copied = Address("file" if where.scheme == "file" else "sqlite", made)
        copied.objects.mkdir()
        tid = COPIES[where.scheme](where, copied)
        fault("backup.after_objects")
        if where.scheme == "postgresql":
            if copy_missions is not None:
                copy_missions(where, copied)
                sqlite_files.settle(made / MISSIONS)
        elif (where.path / MISSIONS).exists():
            sqlite_files.copy(where.path / MISSIONS, made / MISSIONS)
        facts = _facts(copied)
        files = tuple(_described(path, made) for path in files_of(made) if path.name != PARTIAL)
        manifest = Manifest(
            batos=version("batos"),
            image=facts["id"],
            scheme=copied.scheme,
            tid=tid.hex(),
            horizon=facts.get(HORIZON),
            taken_at=now,
            files=files,
        ).signed()
        (made / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        fault("backup.before_naming")
    return manifest


def restore(source: Path, target: Path | Address, copy_missions: CopyMissions | None = None) -> Restored:
    """Make an image of a backup, in a folder or database that holds nothing, and check all of it before it is there.

    Raises `BackupRefused` when a file is missing or not what the manifest says, when the target holds something, or
    when the image does not load, version by version; then nothing is left at the target.
    """
    source = source.expanduser().absolute()
    manifest = read_manifest(source)
    if isinstance(target, Address):
        if target.scheme == "postgresql":
            return _restore_on_server(source, target, copy_missions)
        target = target.path
    target = target.expanduser().absolute()
    with made_whole(target) as made, _telling(source):
        for file in manifest.files:
            _copy_checked(source, made, file)
        restored = Address(manifest.scheme, made)
        if manifest.scheme == "sqlite":
            _reserve_ids(restored)
        soundness = _checked(source, restored, manifest)
        fault("restore.before_naming")
    return Restored(str(target), manifest, soundness)


def _restore_on_server(source: Path, where: Address, copy_missions: CopyMissions | None) -> Restored:
    """Restore into a folder, so that all is checked, and copy that into the database."""

    def refused(reason: str) -> BackupRefused:
        return BackupRefused(path=where.name, reason=reason)

    with TemporaryDirectory(prefix="batos-restore-") as folder, filled_on_server(where, refused) as made:
        whole = restore(source, Path(folder) / "image")
        restored = Address(whole.manifest.scheme, Path(folder) / "image")
        with Image.open(uri_of(restored), create=False) as image:
            copy_log(image, made, bytes.fromhex(whole.manifest.tid))
        if copy_missions is not None and (restored.path / MISSIONS).exists():
            copy_missions(restored, made)
        soundness = _checked(source, made, whole.manifest)
    return Restored(where.name, whole.manifest, soundness)


def read_manifest(source: Path) -> Manifest:
    """The manifest of a backup. Raises `BackupRefused`."""
    try:
        manifest = Manifest.model_validate_json((source / MANIFEST).read_bytes())
    except FileNotFoundError:
        reason = f"it has no {MANIFEST}, so it is no backup, or one that was interrupted."
        raise BackupRefused(path=source, reason=reason) from None
    except (ValidationError, OSError) as error:
        reason = f"its {MANIFEST} cannot be read ({' '.join(str(error).split())[:200]})."
        raise BackupRefused(path=source, reason=reason) from None
    if not manifest.is_whole:
        raise BackupRefused(path=source, reason=f"its {MANIFEST} was changed.")
    return manifest


# Files


@contextmanager
def _telling(target: Path) -> Iterator[None]:
    """What the disks refuse, in a sentence."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise BackupRefused(path=target, reason=f"{error}.") from error


def _described(path: Path, folder: Path) -> BackupFile:
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return BackupFile(path=path.relative_to(folder).as_posix(), bytes=size, sha256=digest.hexdigest())


# Copying


def _copy_sqlite(where: Address, copied: Address) -> bytes:
    """The database as of one moment, then the ids that were given out: never fewer than the database uses."""
    sqlite_files.copy(where.database, copied.database)
    if found := sqlite_files.damage(copied.database):
        raise BackupRefused(path=where.path, reason=f"the image itself is damaged: {found}.")
    sqlite_files.copy(where.objects / OIDS, copied.objects / OIDS)
    with closing(sqlite_files.connect(copied.database)) as database:
        ((newest,),) = database.execute('SELECT max(tid) FROM "transaction"').fetchall()
    return int(newest).to_bytes(8, "big")


def _copy_file_storage(where: Address, copied: Address) -> bytes:
    """The file up to the end of its last whole transaction, and the blobs of the transactions up to it."""
    newest, end = b"\0" * 8, 0
    with where.database.open("rb") as file, copied.database.open("wb") as target:
        for header, _, position in LogFile(file).transactions():
            newest, end = header.tid, position
        if not end:
            raise BackupRefused(path=where.path, reason="the image itself is damaged: it holds no whole transaction.")
        file.seek(0)
        while end:
            block = file.read(min(BLOCK, end))
            target.write(block)
            end -= len(block)
    blobs = where.objects / "blobs"
    for path in files_of(blobs):
        if path.name == ".layout" or (path.suffix == ".blob" and int(path.stem, 16) <= int.from_bytes(newest, "big")):
            place = copied.objects / "blobs" / path.relative_to(blobs)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    return newest


def _copy_server(where: Address, copied: Address) -> bytes:
    """All changes up to the newest, by reading the log. A pack on another machine may make holes in it meanwhile."""
    with Image.open(uri_of(where), create=False) as image:
        packed, newest = horizon(image), image.newest()
        copy_log(image, copied, newest)
        if horizon(image) != packed:
            raise BackupRefused(path=where.name, reason="the image was packed meanwhile. Try again.")
    shutil.rmtree(copied.objects / "blobs", ignore_errors=True)  # copies of what is in the database
    for path in (copied.database, copied.objects / OIDS):
        sqlite_files.settle(path)
    return newest


COPIES: dict[Scheme, Callable[[Address, Address], bytes]] = {
    "file": _copy_file_storage,
    "sqlite": _copy_sqlite,
    "postgresql": _copy_server,
}


def _facts(copied: Address) -> dict[str, Any]:
    """What the image's root says about the image, read without opening it."""
    load = _file_record if copied.scheme == "file" else _sqlite_record
    root = read_record(load(copied.database, b"\0" * 8)).state["data"]
    about: Reference = root["image"]
    facts: dict[str, Any] = read_record(load(copied.database, about.oid)).state["data"]
    return facts


def _sqlite_record(path: Path, oid: bytes) -> bytes:
    statement = "SELECT state FROM current_object JOIN object_state USING (zoid, tid) WHERE zoid = ?"
    with closing(sqlite_files.connect(path)) as database:
        ((state,),) = database.execute(statement, (int.from_bytes(oid, "big"),)).fetchall()
    return bytes(state)


def _file_record(path: Path, oid: bytes) -> bytes:
    found = b""
    with path.open("rb") as file:
        log = LogFile(file)
        for header, begin, _ in log.transactions():
            for record in log.records(header, begin):
                if record.oid == oid and record.plen:
                    found = file.read(record.plen)  # the header was read, so its data come next
    return found


# Checking


def _copy_checked(source: Path, made: Path, file: BackupFile) -> None:
    """Copy one file, and see that it is what the manifest says."""
    path = PurePosixPath(file.path)
    if path.is_absolute() or ".." in path.parts or path.parts[0] not in ("objects", MISSIONS):
        raise BackupRefused(path=source, reason=f"it names {file.path!r}, which no backup holds.")
    place = made / path
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source / path, place, follow_symlinks=False)
    except FileNotFoundError:
        raise BackupRefused(path=source, reason=f"{file.path} is missing.") from None
    if place.is_symlink() or _described(place, made) != file:
        raise BackupRefused(path=source, reason=f"{file.path} is not what it was when the backup was taken.")


def _reserve_ids(restored: Address) -> None:
    """See that no id which the database uses is given out again."""
    with closing(sqlite_files.connect(restored.database)) as database:
        ((highest,),) = database.execute("SELECT coalesce(max(zoid), 0) FROM object_state").fetchall()
    with closing(sqlite3.connect(restored.objects / OIDS)) as ids:
        ids.execute("UPDATE new_oid SET zoid = max(zoid, ?)", (highest,))
        ids.commit()


def _checked(source: Path, restored: Address, manifest: Manifest) -> Soundness:
    """Open the image by the safe loader and read every version in it."""
    missions = restored.path / MISSIONS
    if restored.scheme != "postgresql" and missions.exists() and (found := sqlite_files.damage(missions)):
        raise BackupRefused(path=source, reason=f"its missions are damaged: {found}.")
    try:
        with Image.open(uri_of(restored), create=False) as image:
            newest = image.db.lastTransaction().hex()
            if (image.id, newest) != (manifest.image, manifest.tid):
                raise BackupRefused(path=source, reason="the objects in it are not those that its manifest tells of.")
            soundness = check_soundness(image)
    except BackupRefused:
        raise
    except BatosError as error:
        raise BackupRefused(path=source, reason=f"the image in it does not open. {error}") from error
    if soundness.problems:
        told = " ".join(soundness.problems[:MOST_NAMED])
        raise BackupRefused(path=source, reason=f"the image in it is not whole: {told}")
    return soundness
