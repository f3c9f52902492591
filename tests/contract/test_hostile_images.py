"""An image that somebody else made runs nothing when it is opened, read, followed, undone or resolved."""

import os
import pickle
from pathlib import Path

import pytest
import ZODB.ConflictResolution
from ZODB.Connection import TransactionMetaData

import batos
from batos.errors import RecordRefused
from batos.image.image import Image
from batos.objects.uvm_object import UvmObject


class Payload:
    """Pickled, it calls `function` with `argument` when it is loaded."""

    def __init__(self, function, argument):
        self.call = function, (argument,)

    def __reduce__(self):
        return self.call


def marker_of(path):
    return path.with_name("the payload ran")


def hostile_records(path):
    """Records that run something when they are read by an ordinary unpickler, by how they do it."""
    shell = Payload(os.system, f"touch '{marker_of(path)}'")
    ours = Payload(batos.open, str(marker_of(path)))
    return {
        "in the state": pickle.dumps(UvmObject, 3) + pickle.dumps({"name": shell}, 3),
        "as the class": pickle.dumps((shell, None), 3) + pickle.dumps({}, 3),
        "by a function of our own": pickle.dumps(UvmObject, 3) + pickle.dumps({"name": ours}, 3),
        "as a class by name": pickle.dumps((("subprocess", "Popen"), None), 3) + pickle.dumps({}, 3),
    }


HOW = list(hostile_records(Path("anywhere")))


def overwrite(image, oid, record):
    """Put `record` in the place of an object, as a program without our loader would."""
    storage = image.db.storage
    instance = storage.new_instance() if hasattr(storage, "new_instance") else storage
    if instance is not storage:
        instance.poll_invalidations()
    metadata = TransactionMetaData()
    _, serial = instance.load(oid)
    instance.tpc_begin(metadata)
    instance.store(oid, serial, record, "", metadata)
    instance.tpc_vote(metadata)
    instance.tpc_finish(metadata)
    if instance is not storage:
        instance.release()


@pytest.fixture(params=["sqlite", "file"])
def path(request, tmp_path):
    return f"{request.param}:{tmp_path / 'foreign.image'}"


@pytest.fixture(params=HOW)
def hostile(request, path, tmp_path):
    """(where the image is, the id of the object whose record is hostile, what the payload would leave behind)"""
    place = tmp_path / "foreign.image"
    with Image.open(path) as image:
        with image.transaction("an object") as world:
            oid = world.add(world.create("victim", {"name": "harmless"}))
            world.create("bystander", {"name": "unharmed"})
        overwrite(image, oid, hostile_records(place)[request.param])
    return path, oid, marker_of(place)


def test_reading_the_object_is_refused_and_runs_nothing(hostile):
    path, oid, marker = hostile
    with Image.open(path) as image:
        with pytest.raises(RecordRefused), image.reading() as world:
            _ = world.object(oid).name
        with image.reading() as world:
            assert world["bystander"].name == "unharmed"
    assert not marker.exists()


def test_the_log_and_the_history_refuse_it_too(hostile):
    path, oid, marker = hostile
    with Image.open(path) as image:
        last = [record for logged in image.transactions_since(b"\0" * 8) for record in loaded(logged)]
        assert last[-1] == "refused"
        with image.records() as load, pytest.raises(RecordRefused):
            load(oid, None)
    assert not marker.exists()


def loaded(logged):
    records = iter(logged.records)
    while True:
        try:
            record = next(records)
            record.load()
        except StopIteration:
            return
        except RecordRefused:
            yield "refused"
            return
        yield "read"


def test_resolving_a_conflict_refuses_it_too(path, tmp_path):
    place = tmp_path / "foreign.image"
    with Image.open(path) as image:
        resolver = ZODB.ConflictResolution.PersistentReferenceFactory()
        record = hostile_records(place)["in the state"]
        with pytest.raises(RecordRefused):
            ZODB.ConflictResolution.state(image.db.storage, b"\0" * 8, b"\0" * 8, resolver, record)
    assert not marker_of(place).exists()


def test_the_payload_is_one(tmp_path):
    """What is refused above does run in an ordinary unpickler, or the tests would show nothing."""
    place = tmp_path / "foreign.image"
    record = hostile_records(place)["in the state"]
    pickle.loads(record[len(pickle.dumps(UvmObject, 3)) :])

    assert marker_of(place).exists()
