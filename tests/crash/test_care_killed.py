"""SIGKILL amid a pack, a backup, a restore and an erasure: the image is usable, and doing it again works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import batos
from batos.faults import FAULTS, VARIABLE
from batos.image.backup import back_up, restore
from batos.image.image import Image
from batos.image.packing import pack
from batos.image.soundness import check_soundness
from batos.image.storages import address
from batos.settings import Settings
from contract.care_tools import STORAGES, blob_in, create, files_holding, put_blob, set_slot, value
from storages import new_place

STORY = Path(__file__).with_name("care_story.py")
NAME = "Xanthippe Quirkwood"

PACKS = {"sqlite": ["pack.after_horizon", "pack.after_unused"],
         "file": ["pack.after_horizon", "pack.before_switch", "pack.after_switch"]}  # fmt: skip
BACKUPS = ["backup.after_objects", "backup.before_naming"]
RESTORES = ["restore.before_naming"]
ERASURES = ["erase.after_objects", "erase.after_missions"]


def killed(point, *arguments):
    environment = {**os.environ, VARIABLE: f"{point}:kill"}
    told = subprocess.run(
        [sys.executable, str(STORY), *map(str, arguments)],
        env=environment, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert told.returncode == -signal.SIGKILL, told.stderr


def grown(uri):
    """An image with something to pack away: old versions, an old blob, and an object that nothing refers to."""
    with Image.open(uri) as image:
        create(image, "greeter", name="Ada")
        create(image, "gone", text="x" * 10_000)
        image.change("delete", lambda world: world.delete("gone"))
        for number in range(5):
            set_slot(image, "greeter", "name", f"Ada {number}")
        for content in (b"old" * 1000, b"new" * 1000):
            put_blob(image, "greeter", "file", content)


def check(uri):
    with Image.open(uri, create=False) as image:
        assert value(image, "greeter", "name") == "Ada 4"
        assert blob_in(image, "greeter", "file") == b"new" * 1000
        assert check_soundness(image).problems == ()
        set_slot(image, "greeter", "count", 1)
        assert value(image, "greeter", "count") == 1


def test_every_point_of_care_is_one_where_it_is_killed():
    named = {*PACKS["sqlite"], *PACKS["file"], *BACKUPS, *RESTORES, *ERASURES}

    assert named == {point for point in FAULTS if point.startswith(("pack.", "backup.", "restore.", "erase."))}


@pytest.mark.parametrize(("storage", "point"), [(storage, point) for storage in STORAGES for point in PACKS[storage]])
def test_a_pack_that_is_killed_leaves_a_usable_image(storage, point, tmp_path):
    uri = f"{storage}:{tmp_path}/a.image"
    grown(uri)
    killed(point, "pack", uri, "")
    check(uri)

    with Image.open(uri) as image:
        pack(image, 0)
        assert check_soundness(image).stray == ()
    assert files_holding(tmp_path, "oldoldold") == []
    assert files_holding(tmp_path, "xxxxxxxx") == []


@pytest.mark.parametrize("point", PACKS["sqlite"])
def test_a_pack_of_a_server_that_is_killed_leaves_a_usable_image(point, tmp_path, request):
    with new_place("postgresql", tmp_path, lambda: request.getfixturevalue("postgresql")) as uri:
        grown(uri)
        killed(point, "pack", uri, "")
        check(uri)

        with Image.open(uri) as image:
            pack(image, 0)
            checked = check_soundness(image)
            assert (checked.stray, checked.unused) == ((), 0)


@pytest.mark.parametrize("point", BACKUPS)
@pytest.mark.parametrize("storage", STORAGES)
def test_a_backup_that_is_killed_is_no_backup_and_harms_nothing(storage, point, tmp_path):
    uri, target = f"{storage}:{tmp_path}/a.image", tmp_path / "backup"
    grown(uri)
    killed(point, "backup", uri, target)
    assert not target.exists()
    check(uri)

    back_up(address(uri), target, 0.0)
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup"]
    restore(target, tmp_path / "restored.image")
    check(f"{storage}:{tmp_path}/restored.image")


@pytest.mark.parametrize("point", RESTORES)
def test_a_restore_that_is_killed_leaves_no_half_an_image(point, tmp_path):
    uri, backup = f"sqlite:{tmp_path}/a.image", tmp_path / "backup"
    grown(uri)
    back_up(address(uri), backup, 0.0)
    killed(point, "restore", tmp_path / "restored.image", backup)
    assert not (tmp_path / "restored.image").exists()

    restore(backup, tmp_path / "restored.image")
    check(f"sqlite:{tmp_path}/restored.image")


@pytest.mark.parametrize(("storage", "point"), [("sqlite", ERASURES[0]), ("file", ERASURES[1])])
def test_an_erasure_that_is_killed_is_finished_by_the_next(storage, point, tmp_path):
    uri, quiet = f"{storage}:{tmp_path}/a.image", Settings(heartbeat=False, workers=0)
    with batos.open(uri, settings=quiet) as uvm:
        uvm.create("greeter", {"name": NAME})
        uvm.submit("greeter", "greet_", (NAME,))
    killed(point, "erase", uri, NAME)

    with batos.open(uri, settings=quiet) as uvm:
        assert uvm["greeter"].name == "[erased]"
        assert check_soundness(uvm.image).problems == ()
        uvm.care.erase(text=NAME)
        assert files_holding(uvm.image.path, NAME) == []
