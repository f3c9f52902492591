"""Migrations: a fresh image and a migrated one are alike, an image of a later version is refused, and the images that
earlier versions left are opened."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import importlib
import tarfile
from pathlib import Path

import pytest
from BTrees.OOBTree import OOBTree
from persistent import Persistent
from persistent.mapping import PersistentMapping

import batos
from batos.errors import ImageUnavailable
from batos.image import migrations
from batos.image.history import history
from batos.image.image import Image
from batos.image.loading import ADMITTED
from batos.image.migrations import LEDGER, STEPS, m001_foundation
from batos.testing import MovableClock
from contract.images import create, image, names, storage, uri, value

IMAGES = sorted((Path(__file__).parents[1] / "images").glob("*.tar.gz"))
NAMES = [step.__name__ for step in STEPS]

# Every class that a released batos may have stored. A later one still finds it under this name.
STORED = {
    "batos.image.directory": ("Directory",),
    "batos.image.receipts": ("Proposal", "Receipt"),
    "batos.memory.records": ("Document", "MemoryChunk", "ContextualSummary"),
    "batos.objects.records": ("Intent", "Method", "Secret"),
    "batos.objects.uvm_object": ("UvmObject",),
    "persistent.list": ("PersistentList",),
    "persistent.mapping": ("PersistentMapping",),
    "ZODB.blob": ("Blob",),
    "BTrees.Length": ("Length",),
    "BTrees.OOBTree": ("OOBTree", "OOBucket", "OOTreeSet", "OOSet"),
    "BTrees.LOBTree": ("LOBTree", "LOBucket", "LOTreeSet", "LOSet"),
    "builtins": ("set", "frozenset", "complex"),
    "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "uuid": ("UUID",),
}
PAIRS = {(module, name) for module, names in STORED.items() for name in names}


def m901_counter(world):
    world.root["counted"] = PersistentMapping({"objects": len(world.names())})


def m902_index(world):
    world.root["counted"]["kinds"] = OOBTree()


def with_steps(monkeypatch, *steps):
    monkeypatch.setattr(migrations, "STEPS", (*STEPS, *steps))


def ledger(image):
    with image.reading() as world:
        return dict(world.root[LEDGER])


def layout(image):
    """What the root holds, and of which class, two levels deep."""
    with image.reading() as world:
        return {
            name: {key: type(held) for key, held in value.items()} if type(value) is PersistentMapping else type(value)
            for name, value in world.root.items()
        }


def notes(image):
    return [logged.note for logged in image.transactions_since(b"\0" * 8) if logged.note.startswith("migration")]


# The ledger


def test_founding_runs_every_step_in_a_transaction_of_its_own(uri, monkeypatch):
    with_steps(monkeypatch, m901_counter, m902_index)
    with Image.open(uri, clock=MovableClock(1_700_000_000.0)) as image:
        assert list(ledger(image)) == [*NAMES, "m901_counter", "m902_index"]
        assert set(ledger(image).values()) == {1_700_000_000.0}
        assert notes(image) == [f"migration {name}" for name in ledger(image)]


def test_a_fresh_image_and_a_migrated_one_are_alike(uri, monkeypatch, tmp_path):
    Image.open(uri).close()
    with_steps(monkeypatch, m901_counter)
    Image.open(uri).close()
    with_steps(monkeypatch, m901_counter, m902_index)

    with Image.open(uri, create=False) as migrated, Image.open(f"file:{tmp_path}/fresh") as fresh:
        assert layout(migrated) == layout(fresh)
        assert list(ledger(migrated)) == list(ledger(fresh))


def test_a_step_runs_once(uri, monkeypatch):
    with_steps(monkeypatch, m901_counter)
    Image.open(uri).close()
    with Image.open(uri) as image:
        create(image, "later")
    with Image.open(uri) as image, image.reading() as world:
        assert world.root["counted"]["objects"] == 0
    with Image.open(uri) as image:
        migrations.migrate(image, (m001_foundation, m901_counter))
        assert len(notes(image)) == len(NAMES) + 1


def test_a_step_that_fails_leaves_nothing_and_is_tried_again(uri, monkeypatch):
    Image.open(uri).close()
    broken = [True]

    def m901_fragile(world):
        world.root["counted"] = PersistentMapping()
        if broken:
            raise RuntimeError("half way")

    with_steps(monkeypatch, m901_fragile, m902_index)
    with pytest.raises(RuntimeError, match="half way"):
        Image.open(uri)
    monkeypatch.undo()
    with Image.open(uri) as image:
        assert list(ledger(image)) == NAMES
    broken.clear()
    with_steps(monkeypatch, m901_fragile, m902_index)
    with Image.open(uri) as image:
        assert list(ledger(image)) == [*NAMES, "m901_fragile", "m902_index"]


def test_an_image_of_a_later_version_is_refused_and_not_changed(uri, monkeypatch):
    with monkeypatch.context() as later:
        with_steps(later, m901_counter, m902_index)
        with Image.open(uri) as image:
            newest = image.newest()

    with pytest.raises(ImageUnavailable, match=r"a later batos has changed it \(m901_counter, m902_index\)\. Install"):
        Image.open(uri)

    with_steps(monkeypatch, m901_counter, m902_index)
    with Image.open(uri) as image:
        assert image.newest() == newest


def test_an_image_from_before_the_ledger_gets_one(uri):
    with Image.open(uri) as image, image.transaction("as it was") as world:
        del world.root[LEDGER]
        identity = world.root["image"]["id"]

    with Image.open(uri) as image:
        assert list(ledger(image)) == NAMES
        assert image.id == identity


# What earlier versions left


def test_there_is_an_image_of_this_version_and_all_are_small():
    assert {f"{batos.__version__}-sqlite.tar.gz", f"{batos.__version__}-file.tar.gz"} <= {path.name for path in IMAGES}
    assert all(path.stat().st_size < 200_000 for path in IMAGES)


@pytest.mark.parametrize("archive", IMAGES, ids=lambda path: path.name)
def test_an_image_of_an_earlier_version_opens_is_sound_and_answers(archive, tmp_path):
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "old", filter="data")

    with batos.open(tmp_path / "old", create=False) as system:
        greeter = system["greeter"]
        assert (greeter.name, greeter.names, greeter.born) == ("Ada", ["Ada"], {"Ada": 1815})
        assert (greeter.members, greeter.picture) == ({1, 2}, b"a small picture")
        assert greeter.initials_("grace hopper") == "G.H."
        learned = next(change for change in system.history("greeter") if change.mission)
        assert system.why("greeter", "initials_").mission["id"] == learned.mission
        assert system.at(learned.id)["greeter"].names == ["Ada"]
        assert system.search("owls", 1)[0].document_id == "owls.md"
        assert "mice" in system.ask("what do owls eat?").text
        assert [found for found in system.care.doctor() if found.standing == "wrong" and found.what != "image"] == []
        system.undo(learned.id)
        system.teach(
            "greeter", "initials_", intent="initials", examples=[(("ada lovelace",), "A.L."), (("a b",), "A.B.")]
        )


@pytest.mark.parametrize("module, name", sorted(PAIRS))
def test_a_class_that_images_hold_is_found_under_its_name(module, name):
    assert (module, name) in ADMITTED
    assert isinstance(getattr(importlib.import_module(module), name), type)


def test_every_admitted_class_is_one_that_is_promised_to_stay():
    """Add a new one to the table above: from its first release on, images hold it."""
    assert ADMITTED == PAIRS
