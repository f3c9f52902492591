"""Every record carries a checksum, whoever wrote it, and one that does not fit is refused."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transaction import TransactionManager

from batos.errors import RecordUnreadable
from batos.image.damage import find_damage
from batos.image.sealing import check_seal, is_sealed, sealed
from batos.image.soundness import check_soundness
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
