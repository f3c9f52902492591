"""The doctor, on both storages: a sound image is called sound, and each thing that is wrong with one is named."""

import sqlite3
import sys
from contextlib import contextmanager

import pytest
from ZODB.Connection import TransactionMetaData

import batos
import storages
from batos.image.image import Image
from batos.image.receipts import Proposal
from batos.image.soundness import check_soundness
from batos.objects.records import Method
from batos.objects.uvm_object import put, rename
from batos.settings import Settings
from contract.care_tools import STORAGES, blob_in, create, put_blob

QUIET = Settings(heartbeat=False, workers=0)
UNMARKED = "def count_(self):\n    self.count = self.count + 1\n    return self.count\n"


@contextmanager
def opened(place):
    with batos.open(place, settings=QUIET) as uvm:
        uvm.create("greeter", {"name": "Ada"})
        uvm.ingest_text("owls", "# Owls\n\nOwls sleep by day.\n\n# Food\n\nThey eat mice.")
        yield uvm


# Tests that reach into the files of a storage. What a server keeps is harmed in test_postgresql.
HARMED_ON_DISK = pytest.mark.parametrize("uvm", STORAGES, indirect=True)


@pytest.fixture(params=storages.STORAGES)
def uvm(request, tmp_path):
    with (
        storages.new_place(request.param, tmp_path, lambda: request.getfixturevalue("postgresql")) as place,
        opened(place) as uvm,
    ):
        yield uvm


@pytest.fixture
def any_uvm(tmp_path):
    """For what has nothing to do with the storage."""
    with opened(f"file:{tmp_path}/a.image") as uvm:
        yield uvm


def standings(findings):
    return {found.what: found.standing for found in findings}


def wrong(findings):
    return {found.what: found.says for found in findings if found.standing == "wrong"}


def cut_out(uvm, oid):
    """Take an object's record out of the database, as damage might."""
    image, storage = uvm.image, uvm.image.db.storage
    if image.where.scheme == "file":
        change = TransactionMetaData()
        storage.tpc_begin(change)
        storage.deleteObject(oid, storage.getTid(oid), change)
        storage.tpc_vote(change)
        storage.tpc_finish(change)
        return
    with sqlite3.connect(image.where.database) as database:
        number = int.from_bytes(oid, "big")
        database.execute("DELETE FROM current_object WHERE zoid = ?", (number,))
        database.execute("DELETE FROM object_state WHERE zoid = ?", (number,))
    database.close()


def test_a_sound_image_is_called_sound(uvm):
    findings = uvm.care.doctor()

    assert wrong(findings) == {}
    assert {
        "image", "records", "references", "blobs", "names", "leftovers", "methods", "documents", "index", "proposals",
        "missions", "history", "backup", "sandbox", "second wall", "confinement", "drawing",
    } <= standings(findings).keys()  # fmt: skip


def test_it_changes_nothing(uvm):
    before = [logged.tid for logged in uvm.image.transactions_since(b"\0" * 8)]
    uvm.care.doctor(repair=True)

    assert [logged.tid for logged in uvm.image.transactions_since(b"\0" * 8)] == before


def test_it_says_when_the_last_backup_was_taken(any_uvm, tmp_path):
    assert standings(any_uvm.care.doctor())["backup"] == "missing"
    any_uvm.care.backup(tmp_path / "backup")

    assert standings(any_uvm.care.doctor())["backup"] == "sound"


@HARMED_ON_DISK
def test_a_reference_that_leads_nowhere_is_named_with_who_refers(uvm):
    uvm.create("other", {"friend": uvm["greeter"]})
    uvm.delete("greeter")
    with uvm.image.reading() as world:
        greeter = world["other"].friend._p_oid
    cut_out(uvm, greeter)

    assert "other refers to object" in wrong(uvm.care.doctor())["references"]


@HARMED_ON_DISK
def test_what_cannot_be_examined_does_not_hide_the_rest(uvm):
    with uvm.image.reading() as world:
        passage = world["knowledge_catalog"].metadata_index["owls"].chunks[0]._p_oid
    cut_out(uvm, passage)
    path = uvm.image.path
    uvm.close()
    with batos.open(path, settings=QUIET) as again:
        found = wrong(again.care.doctor())

    assert {"references", "documents"} <= found.keys()
    assert "cannot be examined" in found["documents"]
    assert "missions" not in found


def test_a_name_that_leads_to_something_else_is_named(any_uvm):
    with any_uvm.transaction("confuse") as world:
        rename(world["greeter"], "somebody_else")

    assert "'greeter' leads to an object that calls itself 'somebody_else'" in wrong(any_uvm.care.doctor())["names"]


@HARMED_ON_DISK
def test_the_lost_bytes_of_a_blob_are_named_with_their_owner(uvm):
    put_blob(uvm.image, "greeter", "file", b"bytes" * 1000)
    assert blob_in(uvm.image, "greeter", "file")
    if uvm.image.where.scheme == "file":
        next((uvm.image.where.objects / "blobs").rglob("*.blob")).unlink()
    else:
        with sqlite3.connect(uvm.image.where.database) as database:
            database.execute("DELETE FROM blob_chunk")
        database.close()

    assert "of a blob of greeter are not there" in wrong(uvm.care.doctor())["blobs"]


@HARMED_ON_DISK
def test_a_bit_that_turned_in_a_blob_is_found_and_a_copy_of_it_is_made_anew(uvm):
    put_blob(uvm.image, "greeter", "file", b"bytes" * 1000)
    where = uvm.image.where
    (file,) = (where.objects / "blobs").rglob("*.blob")
    file.chmod(0o600)
    file.write_bytes(b"Bytes" + b"bytes" * 999)

    found = wrong(uvm.care.doctor())
    if where.scheme == "file":
        assert "of a blob of greeter are not those that change" in found["blobs"]
        return
    assert file.name in found["copies"]
    assert blob_in(uvm.image, "greeter", "file") == b"Bytes" + b"bytes" * 999
    assert standings(uvm.care.doctor(repair=True))["copies"] == "mended"
    assert blob_in(uvm.image, "greeter", "file") == b"bytes" * 1000


@HARMED_ON_DISK
def test_a_record_that_was_altered_behind_the_back_of_batos_is_named(uvm):
    harmed = uvm.image.where.database
    uvm.close()
    data = harmed.read_bytes()
    harmed.write_bytes(data.replace(b"MemoryChunk", b"MemoryXhunk"))
    uri = f"{'file' if harmed.suffix == '.fs' else 'sqlite'}:{harmed.parent.parent}"
    with Image.open(uri) as image:
        unreadable = check_soundness(image).unreadable

    assert unreadable
    assert all("its bytes are not those that were written" in told for told in unreadable)


def test_a_method_that_todays_guardian_refuses_is_named(any_uvm):
    with any_uvm.transaction("smuggle") as world:
        put(world["greeter"], "count_", Method("count_", UNMARKED))

    says = wrong(any_uvm.care.doctor())["methods"]
    assert "count_ version 1" in says
    assert "Persistence Covenant" in says


def test_a_version_that_is_not_in_use_is_only_mentioned(any_uvm):
    with any_uvm.transaction("smuggle") as world:
        first = Method("count_", UNMARKED)
        put(world["greeter"], "count_", first)
        put(world["greeter"], "count_", Method("count_", "def count_(self):\n    return 1\n", previous=first))

    findings = any_uvm.care.doctor()
    assert wrong(findings) == {}
    assert "1 versions that are not in use would be refused" in next(f.says for f in findings if f.what == "methods")


def test_a_document_that_does_not_agree_with_its_passages_is_named(any_uvm):
    with any_uvm.transaction("harm") as world:
        chunk = world["knowledge_catalog"].metadata_index["owls"].chunks[0]
        put(chunk, "text", "something else")

    assert "'owls' does not say what it said" in wrong(any_uvm.care.doctor())["documents"]


def test_an_index_that_does_not_agree_is_made_again_when_it_is_asked_for(any_uvm):
    any_uvm.search("owls")
    with sqlite3.connect(any_uvm.image.path / "index" / "text.sqlite3") as index:
        index.execute("DELETE FROM chunk WHERE chunk_index = 0")
    index.close()

    assert "--repair" in wrong(any_uvm.care.doctor())["index"]
    assert "index" in wrong(any_uvm.care.doctor()), "it was repaired without being asked"
    assert standings(any_uvm.care.doctor(repair=True))["index"] == "mended"
    assert standings(any_uvm.care.doctor())["index"] == "sound"
    assert any_uvm.search("owls")[0].document_id == "owls"


def test_an_index_of_changes_that_does_not_agree_is_made_again_when_it_is_asked_for(any_uvm):
    before = any_uvm.history("greeter")
    with sqlite3.connect(any_uvm.image.path / "index" / "changes.sqlite3") as index:
        index.execute("DELETE FROM written")
    index.close()

    assert "--repair" in wrong(any_uvm.care.doctor())["changes"]
    assert standings(any_uvm.care.doctor(repair=True))["changes"] == "mended"
    assert standings(any_uvm.care.doctor())["changes"] == "sound"
    assert any_uvm.history("greeter") == before


@HARMED_ON_DISK
def test_what_an_interrupted_pack_left_is_removed_when_it_is_asked_for(uvm):
    put_blob(uvm.image, "greeter", "file", b"bytes")
    if uvm.image.where.scheme == "file":
        left = uvm.image.where.objects / "objects.fs.pack"
    else:
        left = uvm.image.where.objects / "blobs" / "5" / "0.0000000000000001.blob"
    left.parent.mkdir(exist_ok=True)
    left.write_text("left")

    assert left.name in wrong(uvm.care.doctor())["leftovers"]
    assert standings(uvm.care.doctor(repair=True))["leftovers"] == "mended"
    assert not left.exists()
    assert blob_in(uvm.image, "greeter", "file") == b"bytes"


def test_missions_and_receipts_that_disagree_are_named(any_uvm):
    done = any_uvm.submit("greeter", "shout_name").id
    leased = any_uvm.store.lease("nobody", any_uvm.clock.now(), 60)
    any_uvm.store.finish(leased.token, "done", {"answer": 1, "reason": "", "pending": None})

    says = wrong(any_uvm.care.doctor())["missions"]
    assert f"mission {done} is done, but the image has no receipt of it" in says


def test_a_proposal_that_cannot_be_approved_any_more_is_named(any_uvm):
    with any_uvm.transaction("propose") as world:
        method = Method("hello_", "def hello_(self):\n    return 1\n")
        world.root["proposals"]["p1"] = Proposal("p1", world["greeter"], method, mission="m", reason="why not")
    assert wrong(any_uvm.care.doctor()) == {}
    any_uvm.create_method("greeter", "hello_", "def hello_(self):\n    return 2\n", author="me")

    assert "batos refuse p1" in wrong(any_uvm.care.doctor())["proposals"]


@pytest.mark.skipif(sys.platform != "linux", reason="modes of folders are another thing elsewhere")
def test_a_folder_that_others_may_enter_is_named(any_uvm):
    any_uvm.image.path.chmod(0o755)

    assert "chmod 700" in wrong(any_uvm.care.doctor())["image"]


def test_garbage_is_no_fault(any_uvm):
    create(any_uvm.image, "gone")
    any_uvm.delete("gone")

    findings = any_uvm.care.doctor()
    assert wrong(findings) == {}
    assert "in no use, which a pack removes: 1." in next(found.says for found in findings if found.what == "records")
