"""Every record carries a checksum, whoever wrote it, and one that does not fit is refused."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import sqlite3
from contextlib import closing
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transaction import TransactionManager
from ZODB.blob import Blob

from batos.errors import RecordUnreadable
from batos.image import postgresql
from batos.image.damage import find_damage
from batos.image.keeping import keeper_of
from batos.image.sealing import blob_digest, check_seal, is_sealed, sealed
from batos.image.soundness import check_soundness
from batos.objects.uvm_object import own_slots
from contract.images import create, image, storage, uri


def records(image):
    log = image.db.storage.iterator()
    try:
        return {(stored.tid, record.oid): record.data for stored in log for record in stored}
    finally:
        log.close()


@given(st.binary())
def test_what_was_sealed_passes(data):
    assert is_sealed(sealed(data))
    check_seal(sealed(data))


@given(st.binary(min_size=1), st.data())
def test_a_bit_that_turned_breaks_the_seal(data, drawn):
    at, bit = drawn.draw(st.integers(0, len(data) - 1)), drawn.draw(st.integers(0, 7))
    turned = bytearray(sealed(data))
    turned[at] ^= 1 << bit
    with pytest.raises(RecordUnreadable, match="not those that were written"):
        check_seal(bytes(turned))


def test_what_has_no_seal_is_taken_as_it_is():
    check_seal(b"")
    check_seal(b"a record of another program")


def test_every_record_is_sealed(image):
    greeter = create(image, "greeter", {"name": "Ada", "names": ["Ada"], "members": {1, 2}})
    with image.transaction("in two steps") as world:
        world["greeter"].name = "Grace"
        world.savepoint()
        world["greeter"].names.append("Grace")

    assert greeter.name == "Grace"
    assert [key for key, data in records(image).items() if not is_sealed(data)] == []


def test_a_record_that_resolves_a_conflict_is_sealed(image):
    create(image, "greeter")
    managers = [TransactionManager(explicit=True) for _ in range(2)]
    connections = [image.db.open(manager) for manager in managers]
    for manager, connection in zip(managers, connections, strict=True):
        connection.lend()
        manager.begin()
        names = connection.root()["world"]
        names[f"another{len(names)}{id(connection)}"] = names["greeter"]
    before = set(records(image))
    for manager, connection in zip(managers, connections, strict=True):
        manager.commit()
        connection.close()

    with image.reading() as world:
        assert len(world.names()) == 3
    written = {key: data for key, data in records(image).items() if key not in before}
    assert len(written) == 2
    assert all(is_sealed(data) for data in written.values())


def test_a_whole_image_passes_the_examination(image):
    create(image, "greeter", {"name": "Ada"})

    assert find_damage(image) == ()
    assert check_soundness(image).problems == ()


# Blobs


def store(image, content):
    """The id of the blob that slot `file` of greeter holds then."""
    with image.transaction("store") as world:
        if "file" not in own_slots(world["greeter"]):
            world["greeter"].file = Blob()
        with world["greeter"].file.open("w") as file:
            file.write(content)
        world.savepoint()
        return world.add(world["greeter"].file)


def test_the_record_of_a_blob_tells_the_digest_of_its_bytes_in_each_version(image):
    create(image, "greeter")
    contents = [b"first" * 1000, b"second" * 500_000, b""]
    stored = [store(image, content) for content in contents]

    told = [blob_digest(data) for (_, oid), data in records(image).items() if oid == stored[0]]
    assert told == [sha256(content).digest() for content in contents]
    keeper = keeper_of(image)
    assert [b"".join(keeper.blob(oid, tid)) for tid, oid in records(image) if oid == stored[0]] == contents
    assert check_soundness(image).problems == ()


def test_other_bytes_in_the_database_than_were_written_are_told_with_their_owner(image):
    create(image, "greeter")
    store(image, b"first" * 1000)
    turn_a_bit(image)

    assert "of a blob of greeter are not those that change" in check_soundness(image).turned_blobs[0]


def turn_a_bit(image):
    where = image.where
    if where.scheme == "file":
        (file,) = (where.objects / "blobs").rglob("*.blob")
        file.chmod(0o600)
        file.write_bytes(b"First" + b"first" * 999)
    elif where.scheme == "sqlite":
        with closing(sqlite3.connect(where.database)) as database:
            database.execute("UPDATE blob_chunk SET chunk = CAST('First' || substr(chunk, 6) AS BLOB)")
            database.commit()
    else:
        with closing(postgresql.connect(where.dsn)) as server, server, server.cursor() as cursor:
            cursor.execute("SELECT lo_put(chunk, 0, 'First') FROM blob_chunk")
