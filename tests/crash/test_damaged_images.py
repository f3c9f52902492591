"""Databases that a disk damaged: a bit that turned and an end that is missing are noticed, and told in a sentence.

The places are seeded and lie all over the files. Whatever is read afterwards is what was written, or is refused; and
the examination finds what was read otherwise. What cannot be noticed is shown too.
"""

import os
import random
import shutil
import sqlite3
from contextlib import closing

import pytest

import batos
from batos.errors import BatosError, ImageCorrupt, ImageForeign
from batos.image.damage import find_damage
from batos.image.image import Image
from batos.image.keeping_file import LogFile
from batos.image.opening_file import HEADER
from batos.image.soundness import check_soundness
from batos.image.storages import DATABASE
from batos.objects.uvm_object import own_slots
from batos.objects.values import blob_bytes
from crash.image_killing import new_writer
from crash.image_writer import Errand, find_faults, write_entries

FULL = os.environ.get("BATOS_FULL") == "1"
PLACES = 400 if FULL else 40
SEED = 20261123
LOG = "main.sqlite3-wal"

pytestmark = pytest.mark.timeout(600 if FULL else 60)


@pytest.fixture(scope="module", params=["sqlite", "file"])
def whole(request, tmp_path_factory):
    """(the storage, the folder of an image that nobody has open, its content)"""
    folder = tmp_path_factory.mktemp("whole") / "image"
    with Image.open(f"{request.param}:{folder}") as image:
        write_entries(image, 12)
    return request.param, folder, content(f"{request.param}:{folder}")


def content(uri):
    """All that can be read, the past included."""
    with Image.open(uri, create=False) as image, image.reading() as world:
        objects = [world[name] for name in world.names()] + list(world["ledger"].entries.values())
        now = [{name: plain(value) for name, value in own_slots(obj).items()} for obj in objects]
        log = image.transactions_since(b"\0" * 8)
        return now, [(each.tid, [(record.oid, str(record.load())) for record in each.records]) for each in log]


def plain(value):
    if hasattr(value, "open"):
        return blob_bytes(value)
    return type(value).__name__ if hasattr(value, "_p_oid") else value


def copies(whole, tmp_path, name, damage):
    """The address of a copy for each seeded place, with its file `name` as `damage(bytes, rng)` makes it."""
    storage, folder, *_ = whole
    rng = random.Random(f"{SEED} {storage} {name}")
    for number in range(PLACES):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(folder, copy)
        file = copy / "objects" / name
        file.write_bytes(damage(file.read_bytes(), rng))
        yield f"{storage}:{copy}"
        shutil.rmtree(copy)


def with_a_bit_turned(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def without_its_end(data, rng):
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


def test_a_bit_that_turned_is_refused_where_it_is_read_and_the_examination_finds_it(whole, tmp_path):
    storage, _, written = whole
    refused = 0
    for uri in copies(whole, tmp_path, DATABASE[storage], with_a_bit_turned):
        found = read(uri)
        refused += isinstance(found, str)
        assert found == written or examined(uri)

    assert refused > PLACES // 4  # the others were in free pages


def test_an_end_that_is_missing_is_refused_wherever_it_was_cut(whole, tmp_path):
    for uri in copies(whole, tmp_path, DATABASE[whole[0]], without_its_end):
        with pytest.raises(ImageCorrupt, match="is damaged"):
            content(uri)


def test_an_object_of_the_future_is_told_and_is_no_race(whole, tmp_path):
    """A bit that turned in the id of its change: ZODB takes it for one that another has changed meanwhile."""
    storage, folder, _ = whole
    harmed = tmp_path / "image"
    shutil.copytree(folder, harmed)
    with Image.open(f"{storage}:{folder}", create=False) as image, image.reading() as world:
        objects = [world[name] for name in world.names()]
        for obj in objects:
            obj._p_activate()
        tid, oid = min((obj._p_serial, obj._p_oid) for obj in objects)
    later = bytes([tid[0] | 0x20]) + tid[1:]
    if storage == "file":
        database = harmed / "objects" / "objects.fs"
        data = database.read_bytes()
        assert data.count(oid + tid) == 1
        database.write_bytes(data.replace(oid + tid, oid + later))
    else:
        with closing(sqlite3.connect(harmed / "objects" / "main.sqlite3")) as database:
            for table in ("object_state", "current_object"):
                statement = f"UPDATE {table} SET tid = ? WHERE zoid = ? AND tid = ?"
                database.execute(statement, [int.from_bytes(id_, "big") for id_ in (later, oid, tid)])
            database.commit()

    if storage == "file":  # on SQLite the newest version makes the newest change
        assert "was written after the newest change" in read(f"{storage}:{harmed}")
    assert examined(f"{storage}:{harmed}")


@pytest.mark.parametrize("whole", ["sqlite"], indirect=True)
def test_a_name_of_a_table_that_is_no_text_any_more_is_told(whole, tmp_path):
    harmed = tmp_path / "image"
    shutil.copytree(whole[1], harmed)
    database = harmed / "objects" / "main.sqlite3"
    database.write_bytes(
        database.read_bytes().replace(b"CREATE TABLE current_object", b"CREATE TABLE current\xdfobject")
    )

    with pytest.raises(ImageCorrupt, match="damaged"):
        content(f"sqlite:{harmed}")


def test_a_name_in_the_missions_that_is_no_text_any_more_is_told(tmp_path):
    with batos.open(tmp_path / "image"):
        pass
    database = tmp_path / "image" / "missions.sqlite3"
    database.write_bytes(database.read_bytes().replace(b"CREATE TABLE journal", b"CREATE TABLE jour\xeeal"))

    with pytest.raises(ImageCorrupt, match="damaged"):
        batos.open(tmp_path / "image")


# A file


@pytest.mark.parametrize("whole", ["file"], indirect=True)
def test_without_its_index_a_file_tells_that_its_end_is_missing_unless_a_crash_could_have_cut_it_there(whole, tmp_path):
    database = whole[1] / "objects" / "objects.fs"
    with database.open("rb") as file:
        ends = [4, *(end for _, _, end in LogFile(file).transactions())]
    for uri in copies(whole, tmp_path, "objects.fs", without_its_end):
        file = tmp_path.joinpath(uri.rpartition("/")[2], "objects", "objects.fs")
        file.with_name("objects.fs.index").unlink()
        size = file.stat().st_size
        since_a_commit = size - max((end for end in ends if end <= size), default=0)
        if since_a_commit >= HEADER.size:
            with pytest.raises(ImageCorrupt, match=r"was finished, but .* bytes of it are missing"):
                content(uri)


@pytest.mark.parametrize("whole", ["file"], indirect=True)
@pytest.mark.parametrize("bit", range(8 * HEADER.size))
def test_a_last_commit_whose_header_was_harmed_is_not_cut_off(whole, bit, tmp_path):
    """Its index tells that it was there, and FileStorage ignores an index that does not agree with the file."""
    harmed = tmp_path / "image"
    shutil.copytree(whole[1], harmed)
    database = harmed / "objects" / "objects.fs"
    with database.open("rb") as file:
        last = [begin for _, begin, _ in LogFile(file).transactions()][-1]
    data = database.read_bytes()
    turned = bytes([data[last + bit // 8] ^ 1 << bit % 8])
    database.write_bytes(data[: last + bit // 8] + turned + data[last + bit // 8 + 1 :])

    found = read(f"file:{harmed}")
    assert database.stat().st_size >= len(data)
    assert found == whole[2] or isinstance(found, str) or examined(f"file:{harmed}")


# The write-ahead log of SQLite, which a process that was killed leaves behind


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """(the storage, the folder of an image whose writer was killed, the last entry that it was told of)"""
    folder = tmp_path_factory.mktemp("unfinished") / "image"
    with new_writer() as writer:
        writer.begin(Errand(f"sqlite:{folder}", SEED))
        while len(writer.acked) < 12:
            writer.hear()
        writer.kill()
        writer.finish()
    return "sqlite", folder, max(writer.acked)


def test_a_bit_that_turned_in_the_log_loses_the_last_commit_at_most_or_is_refused(unfinished, tmp_path):
    acked = unfinished[2]
    told = [looked_at(uri, acked - 1) for uri in copies(unfinished, tmp_path, LOG, with_a_bit_turned)]
    refused = [each for each in told if "write-ahead log is broken" in each]

    assert set(told) - set(refused) <= {""}
    assert len(refused) > PLACES // 2


def test_an_end_of_the_log_that_is_missing_is_as_if_the_crash_had_come_earlier(unfinished, tmp_path):
    assert {looked_at(uri, 0) for uri in copies(unfinished, tmp_path, LOG, without_its_end)} == {""}


def looked_at(uri, acked):
    """What is wrong with what was acknowledged, as far as the image opens."""
    try:
        with Image.open(uri) as image:
            return "; ".join([*find_faults(image, acked), *check_soundness(image).problems])
    except ImageCorrupt as refused:
        return str(refused)


@pytest.mark.parametrize("whole", ["file"], indirect=True)
def test_what_cannot_be_opened_whole_is_not_left_open_in_part(whole, tmp_path):
    shutil.copytree(whole[1], tmp_path / "image")
    missions = tmp_path / "image" / "missions.sqlite3"
    missions.write_bytes(b"years of work" * 1000)
    for _ in range(2):
        with pytest.raises(ImageForeign, match="not a database"):
            batos.open(tmp_path / "image")
    missions.unlink()
    batos.open(tmp_path / "image").close()


# The file from which SQLite's object ids are handed out


@pytest.mark.parametrize("whole", ["sqlite"], indirect=True)
@pytest.mark.parametrize("ids", ["missing", "behind", "garbage", "cut", "empty"])
def test_object_ids_are_not_handed_out_twice_whatever_became_of_their_file(whole, ids, tmp_path):
    shutil.copytree(whole[1], tmp_path / "image")
    file = tmp_path / "image" / "objects" / "oids.sqlite3"
    if ids == "missing":
        file.unlink()
    elif ids == "behind":
        with closing(sqlite3.connect(file)) as database:
            database.execute("UPDATE new_oid SET zoid = 1")
            database.commit()
    else:
        file.write_bytes({"garbage": b"years of work" * 1000, "cut": file.read_bytes()[:5000], "empty": b""}[ids])

    with Image.open(f"sqlite:{tmp_path / 'image'}") as image:
        write_entries(image, 8)
        assert find_faults(image, 20) == []
        assert check_soundness(image).problems == ()
