"""Backups on both storages: taken while others write, and restored only if every byte is what it was."""

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

import batos
from batos.errors import BackupRefused, ImageBusy, ImageMissing
from batos.image.backup import MANIFEST, back_up, read_manifest, restore
from batos.image.image import Image
from batos.image.packing import pack
from batos.image.soundness import check_soundness
from batos.image.storages import address
from batos.image.turns import alone
from batos.runtime.care import restore_backup, take_backup
from batos.settings import Settings
from contract.care_tools import (
    STORAGES,
    blob_in,
    create,
    image,
    lay_memory,
    notes,
    put_blob,
    set_slot,
    uri,
    value,
    writing,
)

__all__ = ["image", "uri"]  # the fixtures

NOW = 1_700_000_000.0


@pytest.fixture
def filled(image):
    lay_memory(image)
    create(image, "greeter", name="Ada")
    set_slot(image, "greeter", "name", "Grace")
    put_blob(image, "greeter", "file", b"bytes " * 1000)
    return image


@pytest.fixture
def target(tmp_path):
    return tmp_path / "backups" / "monday"


@pytest.fixture
def restored(tmp_path):
    return tmp_path / "restored.image"


def test_a_restored_image_is_the_one_that_was_copied(filled, target, restored):
    manifest = back_up(filled.where, target, NOW)
    found = restore(target, restored)

    scheme = "sqlite" if filled.where.scheme == "postgresql" else filled.where.scheme  # a backup is always files
    assert (manifest.image, manifest.scheme) == (filled.id, scheme)
    assert (found.soundness.problems, found.manifest) == ((), manifest)
    with Image.open(restored) as image:
        assert (image.id, notes(image)) == (filled.id, notes(filled))
        assert value(image, "greeter", "name") == "Grace"
        assert blob_in(image, "greeter", "file") == b"bytes " * 1000


def test_the_restored_image_can_be_worked_and_gives_out_no_id_twice(filled, target, restored):
    back_up(filled.where, target, NOW)
    restore(target, restored)

    with Image.open(restored) as image:
        for number in range(30):
            create(image, f"new{number}", number=number)
        assert [value(image, f"new{number}", "number") for number in range(30)] == list(range(30))
        assert check_soundness(image).problems == ()


def test_a_backup_taken_while_a_thread_writes_restores_clean(filled, target, restored):
    with writing(filled) as last:
        before = last()
        manifest = back_up(filled.where, target, NOW)
        after = last()
    restore(target, restored)

    with Image.open(restored) as image:
        assert before <= value(image, "busy", "number") <= after + 1
        assert list(image.transactions_since(b"\0" * 8))[-1].tid.hex() == manifest.tid


def test_the_copy_is_private_and_says_what_it_is(filled, target):
    manifest = back_up(filled.where, target, NOW)

    assert target.stat().st_mode & 0o077 == 0
    assert read_manifest(target) == manifest
    assert manifest.taken_at == NOW
    assert {file.path for file in manifest.files} == {
        str(path.relative_to(target)) for path in target.rglob("*") if path.is_file() and path.name != MANIFEST
    }


def test_derived_files_are_left_out(uri, target):
    with batos.open(uri) as uvm:
        uvm.ingest_text("owls", "Owls sleep by day.")
        uvm.search("owls")
        take_backup(uri, target)

    assert {path.name for path in target.iterdir()} == {MANIFEST, "objects", "missions.sqlite3"}


def test_an_image_that_was_packed_is_copied_with_its_horizon(filled, target, restored):
    packed = pack(filled, 0)
    assert back_up(filled.where, target, NOW).horizon == packed.horizon
    restore(target, restored)


# What is refused


def test_nothing_is_written_over(filled, target, restored):
    back_up(filled.where, target, NOW)
    with pytest.raises(BackupRefused, match="something at that place already"):
        back_up(filled.where, target, NOW)
    restored.mkdir()
    (restored / "letter").write_text("keep me")
    with pytest.raises(BackupRefused, match="something at that place already"):
        restore(target, restored)
    assert (restored / "letter").read_text() == "keep me"


def test_an_empty_folder_may_be_restored_into(filled, target, restored):
    back_up(filled.where, target, NOW)
    restored.mkdir()
    restore(target, restored)


def test_a_backup_does_not_lie_within_its_image(filled):
    with pytest.raises(BackupRefused, match="within the image"):
        back_up(filled.where, filled.path / "backup", NOW)


def test_where_no_image_is_nothing_is_copied(tmp_path, target):
    with pytest.raises(ImageMissing):
        back_up(address(tmp_path / "none"), target, NOW)
    assert not target.parent.exists()


def test_nothing_is_copied_while_the_image_is_packed(filled, target):
    with alone(filled.path), pytest.raises(ImageBusy):
        back_up(filled.where, target, NOW)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def database_of(target: Path) -> Path:
    return next(path for path in (target / "objects").iterdir() if path.name in ("main.sqlite3", "objects.fs"))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda target: flip(database_of(target)), "is not what it was"),
        (lambda target: os.truncate(database_of(target), 5000), "is not what it was"),
        (lambda target: database_of(target).unlink(), "is missing"),
        (lambda target: (target / MANIFEST).unlink(), "no backup, or one that was interrupted"),
        (lambda target: flip(target / MANIFEST), "manifest.json"),
        (lambda target: rewrite(target, image="0" * 32), "was changed"),
        (lambda target: rewrite(target, sign=True, tid="00" * 8), "not those that its manifest tells of"),
        (lambda target: lead_outside(target), "which no backup holds"),
        (lambda target: link(database_of(target)), "is not what it was"),
    ],
)
def test_a_backup_that_was_harmed_is_not_restored_at_all(filled, target, restored, harm, says):
    back_up(filled.where, target, NOW)
    harm(target)

    with pytest.raises(BackupRefused, match=says):
        restore(target, restored)
    assert [path.name for path in restored.parent.glob("restored*")] == []


def rewrite(target, *, sign=False, **changed):
    manifest = read_manifest(target).model_copy(update=changed)
    (target / MANIFEST).write_text((manifest.signed() if sign else manifest).model_dump_json())


def lead_outside(target):
    manifest = read_manifest(target)
    outside = manifest.files[0].model_copy(update={"path": "objects/../../stolen"})
    rewrite(target, sign=True, files=(outside,))


def link(path):
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def test_a_backup_whose_objects_do_not_load_is_not_restored(filled, target, restored):
    """Its hashes agree, and yet: a record names a class that images may not hold."""
    back_up(filled.where, target, NOW)
    path = database_of(target)
    data = path.read_bytes()
    assert b"UvmObject" in data
    path.write_bytes(data.replace(b"UvmObject", b"EvmObject"))
    files = tuple(
        file.model_copy(update={"sha256": __import__("hashlib").sha256((target / file.path).read_bytes()).hexdigest()})
        for file in read_manifest(target).files
    )
    rewrite(target, sign=True, files=files)

    with pytest.raises(BackupRefused, match=r"EvmObject|does not open|damaged"):
        restore(target, restored)
    assert not restored.exists()


def test_a_damaged_database_is_noticed_when_it_is_copied(tmp_path, target):
    with Image.open(f"sqlite:{tmp_path}/a.image") as image:
        create(image, "greeter", text="hello " * 20_000)
        database = image.where.database
    with sqlite3.connect(database) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'object_state'").fetchall()
    connection.close()
    with database.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)

    with pytest.raises(BackupRefused, match=r"damaged|malformed"):
        back_up(address(tmp_path / "a.image"), target, NOW)
    assert not target.exists()


def test_what_an_interrupted_copy_left_is_taken_away_by_the_next(filled, target, restored):
    partial = target.with_name("monday.partial")
    (partial / "objects").mkdir(parents=True)
    (partial / "objects" / "half").write_text("half")
    (partial / ".partial").touch()
    back_up(filled.where, target, NOW)

    assert not partial.exists()
    restore(target, restored)


def test_a_folder_that_only_looks_like_a_left_over_copy_is_not_touched(filled, target):
    partial = target.with_name("monday.partial")
    partial.mkdir(parents=True)
    (partial / "mine").write_text("mine")

    with pytest.raises(BackupRefused, match="in the way"):
        back_up(filled.where, target, NOW)
    assert (partial / "mine").read_text() == "mine"


# Missions


@pytest.mark.parametrize("storage", STORAGES)
def test_missions_come_along_and_one_without_its_receipt_is_done_again(storage, tmp_path):
    """The missions are copied after the objects, so they may know of more; the image is the truth."""
    place, target = f"{storage}:{tmp_path}/a.image", tmp_path / "backup"
    with batos.open(place, settings=Settings(heartbeat=False)) as uvm:
        uvm.create("greeter", {"name": "Ada Lovelace"})
        objects_before = tmp_path / "before"
        take_backup(place, objects_before)
        assert uvm["greeter"].shout_name() == "ADA LOVELACE!"
        take_backup(place, target)
        done = uvm.store.counts()["done"]
    shutil.copy(target / "missions.sqlite3", objects_before / "missions.sqlite3")
    sign_again(objects_before)
    restore_backup(objects_before, tmp_path / "mixed.image")

    with batos.open(tmp_path / "mixed.image", settings=Settings(heartbeat=False)) as uvm:
        for mission in uvm.store.list():
            while not uvm.store.get(mission.id).ended:
                uvm.store.wait_changed(0.1)
        assert uvm.store.counts()["done"] == done
        with uvm.image.reading() as world:
            assert all(mission.id in world.receipts for mission in uvm.store.list("done"))


def sign_again(target):
    from batos.image.backup import _described

    manifest = read_manifest(target)
    rewrite(target, sign=True, files=tuple(_described(target / file.path, target) for file in manifest.files))


def test_the_image_remembers_where_its_backups_are(uri, target):
    with batos.open(uri) as uvm:
        manifest = uvm.care.backup(target)
        assert uvm.store.meta("backups") == [{"path": str(target), "tid": manifest.tid, "taken_at": manifest.taken_at}]


def test_a_file_image_is_copied_beside_the_process_that_holds_it(tmp_path, target, restored):
    with Image.open(f"file:{tmp_path}/a.image") as image:
        create(image, "greeter", name="Ada")
        with pytest.raises(ImageBusy):
            Image.open(f"file:{tmp_path}/a.image")
        take_backup(f"file:{tmp_path}/a.image", target)
    assert json.loads((target / MANIFEST).read_text())["scheme"] == "file"
    restore(target, restored)
