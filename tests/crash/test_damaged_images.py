"""Databases that a disk damaged: each bit that is another one is noticed when it is read, and by the examination.

Bits are turned and ends are cut at seeded places all over the file. Whatever is opened and read afterwards is either
what was written, or refused in a sentence.
"""

import os
import random
import shutil

import pytest

from batos.errors import BatosError, ImageCorrupt, ImageUnwritable
from batos.image.damage import find_damage
from batos.image.image import Image
from batos.image.sealing import is_sealed
from batos.image.soundness import check_soundness
from batos.image.storages import DATABASE
from batos.objects.values import blob_bytes
from crash.image_writer import enter, prepare
from postgresql_server import missing
from storages import STORAGES, new_place

FULL = os.environ.get("BATOS_FULL") == "1"
PLACES = 400 if FULL else 40
SEED = 20261123

pytestmark = pytest.mark.timeout(600 if FULL else 60)


def write_entries(image, number):
    rng = random.Random(SEED)
    image.change("prepare", prepare)
    for _ in range(number):
        image.change("enter", lambda world: enter(world, rng))


@pytest.fixture(scope="module", params=["sqlite", "file"])
def whole(request, tmp_path_factory):
    """(its storage, the folder of an image, its content)"""
    folder = tmp_path_factory.mktemp("whole") / "image"
    uri = f"{request.param}:{folder}"
    with Image.open(uri) as image:
        write_entries(image, 12)
    return request.param, folder, content(uri)


def content(uri):
    """All that can be read, the past included; the records of blobs are read, and their bytes."""
    with Image.open(uri, create=False) as image, image.reading() as world:
        objects = [world[name] for name in world.names()] + list(world["ledger"].entries.values())
        now = [{name: plain(value) for name, value in obj.__dict__.items()} for obj in objects]
        log = image.transactions_since(b"\0" * 8)
        past = [(logged.tid, [(record.oid, str(record.load())) for record in logged.records]) for logged in log]
        return now, past


def plain(value):
    if hasattr(value, "open"):
        return blob_bytes(value)
    return type(value).__name__ if hasattr(value, "_p_oid") else value


def damaged_copies(whole, tmp_path, damage):
    """The address of a copy for each seeded place, its database file changed by `damage(bytes, rng)`."""
    storage, folder, _ = whole
    rng = random.Random(f"{SEED} {storage}")
    for number in range(PLACES):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(folder, copy)
        database = copy / "objects" / DATABASE[storage]
        database.write_bytes(damage(database.read_bytes(), rng))
        yield f"{storage}:{copy}"
        shutil.rmtree(copy)


def turn_a_bit(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def cut_the_end(data, rng):
    return data[: rng.randrange(1, len(data))]


def read(uri):
    """What was read, or the sentence that refused it."""
    try:
        return content(uri)
    except BatosError as refused:
        return str(refused)


def examined(uri):
    try:
        with Image.open(uri, create=False) as image:
            return [*find_damage(image), *check_soundness(image).problems]
    except BatosError as refused:
        return [str(refused)]


def test_a_whole_image_is_read_as_it_was_written_and_nothing_is_found(whole):
    storage, folder, written = whole

    assert read(f"{storage}:{folder}") == written
    assert examined(f"{storage}:{folder}") == []


def test_a_bit_that_turned_is_refused_or_harmless_and_the_examination_finds_it(whole, tmp_path):
    written, refused = whole[2], 0
    for uri in damaged_copies(whole, tmp_path, turn_a_bit):
        found = read(uri)
        if found != written:
            assert examined(uri), uri
            refused += isinstance(found, str)

    assert refused > PLACES // 4


def test_an_end_that_is_missing_is_refused_wherever_it_was_cut(whole, tmp_path):
    for uri in damaged_copies(whole, tmp_path, cut_the_end):
        with pytest.raises(ImageCorrupt, match="is damaged"):
            content(uri)


def test_without_an_index_an_end_that_is_missing_is_noticed_unless_it_was_cut_between_two_commits(whole, tmp_path):
    storage, folder, written = whole
    if storage != "file":
        pytest.skip("only FileStorage keeps an index beside its file")
    ends = {commit_end for commit_end in commit_ends(folder / "objects" / "objects.fs")}
    rng = random.Random(SEED)
    for number in range(PLACES):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(folder, copy)
        (copy / "objects" / "objects.fs.index").unlink()
        database = copy / "objects" / "objects.fs"
        size = rng.randrange(100, database.stat().st_size)
        os.truncate(database, size)
        if size in ends or size - 23 < max(end for end in ends if end <= size):
            continue  # nothing tells that there was more
        with pytest.raises(ImageCorrupt, match="bytes of it are missing"):
            content(f"file:{copy}")


def commit_ends(database):
    from batos.image.keeping_file import LogFile

    with database.open("rb") as file:
        return [4, *(end for _, _, end in LogFile(file).transactions())]


# Seals


@pytest.fixture(params=STORAGES)
def image(request, tmp_path):
    if request.param == "postgresql" and missing():
        pytest.skip(missing())
    with new_place(request.param, tmp_path, lambda: request.getfixturevalue("postgresql")) as uri:
        with Image.open(uri) as opened:
            write_entries(opened, 5)
            yield opened


def records(image):
    log = image.db.storage.iterator()
    try:
        return [(record.oid, record.data) for stored in log for record in stored]
    finally:
        log.close()


def test_every_record_is_sealed_also_one_that_resolves_a_conflict(image):
    with image.reading() as world:
        tree = world.root["world"]._p_oid
    with image.transaction("first"), image.reading() as world:
        world.root["world"]._p_deactivate()

    from transaction import TransactionManager

    managers = [TransactionManager(explicit=True) for _ in range(2)]
    connections = [image.db.open(manager) for manager in managers]
    for manager, connection in zip(managers, connections, strict=True):
        connection.lend()
        manager.begin()
    for number, connection in enumerate(connections):
        connection.root()["world"][f"added{number}"] = connection.root()["world"]["ledger"]
    for manager in managers:
        manager.commit()
    for connection in connections:
        connection.close()

    with image.reading() as world:
        assert {"added0", "added1"} <= set(world.names())
    stored = records(image)
    assert tree in {oid for oid, _ in stored}
    assert [oid.hex() for oid, data in stored if not is_sealed(data)] == []


def test_a_whole_image_of_any_storage_passes_the_examination(image):
    assert find_damage(image) == ()
    assert check_soundness(image).problems == ()


def test_the_examination_finds_what_a_server_stored_otherwise(postgresql, tmp_path):
    with new_place("postgresql", tmp_path, lambda: postgresql) as uri, Image.open(uri) as image:
        write_entries(image, 5)
        database = image.where.dsn.partition("dbname=")[2].partition(" ")[0]
        postgresql.run(
            "UPDATE object_state SET state = set_byte(state, 40, 255) WHERE zoid = (SELECT max(zoid) FROM object_state)",
            database=database,
        )
        assert any("does not hold what was written" in told for told in find_damage(image))
        postgresql.run("DELETE FROM current_object WHERE zoid = 1", database=database)
        assert any("none is current" in told for told in find_damage(image))


def test_the_server_says_when_its_disk_is_full(postgresql, tmp_path, small_disk):
    with new_place("postgresql", tmp_path, lambda: postgresql) as uri:
        database = uri.partition("dbname=")[2].partition(" ")[0]
        with Image.open(uri) as image:
            write_entries(image, 3)
        postgresql.run(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
        try:
            postgresql.run("ALTER TABLE object_state SET TABLESPACE small", database=database)
            with Image.open(uri) as image:
                with pytest.raises(ImageUnwritable, match=r"(?i)no space left.*Nothing of this change was kept"):
                    write_entries(image, 200)
                assert examined(uri) == []
        finally:
            postgresql.run("ALTER TABLE object_state SET TABLESPACE pg_default", database=database)
            postgresql.run("DROP TABLESPACE small")
        with Image.open(uri) as image:
            write_entries(image, 1)


@pytest.fixture
def small_disk(postgresql, tmp_path_factory):
    """A small file system that belongs to the server's user. Skips the test where this process may not mount one."""
    import subprocess

    folder = postgresql.folder / "small"
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system to fill")
    folder.mkdir()
    owner = (postgresql.folder / "data").stat()
    options = f"size=4m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()
