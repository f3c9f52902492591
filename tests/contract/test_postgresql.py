"""An image on a PostgreSQL server: what its address may be, and how each refusal of the server is told."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ZODB.blob import Blob

import batos
from batos.errors import (
    BackupRefused,
    ImageBusy,
    ImageForeign,
    ImageMissing,
    ImageUnavailable,
    ImageUnwritable,
    MissingExtra,
)
from batos.image.damage import find_damage
from batos.image.image import Image
from batos.image.packing import pack
from batos.image.soundness import check_soundness
from batos.image.statistics import statistics
from batos.image.storages import address
from batos.objects.values import blob_bytes
from batos.runtime.care import restore_backup, take_backup
from contract.care_tools import writing
from crash.image_writer import find_faults, last_entry, write_entries
from postgresql_server import GUARDED, OWNER, PASSWORD, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@pytest.fixture
def database(postgresql, tmp_path, monkeypatch):
    """The name of an empty database on the session's server."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with postgresql.database() as name:
        yield name


@pytest.fixture
def dsn(postgresql, database):
    return postgresql.dsn(database)


def disconnect(postgresql, database):
    """What the end of the server, or of the network, is to those who are connected."""
    statement = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = %s"
    postgresql.run(statement, database)


# Addresses


def test_both_forms_of_an_address_name_the_same_image(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    words = address("postgresql:host=db.example dbname=minds user=ada")
    url = address("postgresql://ada@db.example/minds")

    assert words.path == url.path
    assert words.path.parent == tmp_path / "batos"
    assert words.path.name.startswith("minds-")
    assert address("postgresql:host=db.example dbname=others user=ada").path != words.path


def test_the_environment_names_what_the_address_leaves_out(monkeypatch):
    monkeypatch.setenv("PGDATABASE", "minds")
    first = address("postgresql:host=db.example")
    monkeypatch.setenv("PGDATABASE", "others")

    assert address("postgresql:host=db.example").path != first.path


@pytest.mark.parametrize(
    "written", ["postgresql:nonsense", "postgresql:host=a hots=b", "postgresql:password=my secret"]
)
def test_what_is_no_address_says_how_one_is_written(written):
    with pytest.raises(ImageUnavailable, match="host=HOST dbname=NAME") as refused:
        address(written)
    assert "secret" not in str(refused.value)


def test_without_the_driver_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2.extensions", None)
    with pytest.raises(MissingExtra, match=r"batos\[postgresql\]"):
        address("postgresql:dbname=minds")


# What the server refuses


def test_a_server_that_is_down_is_one_sentence(tmp_path):
    with pytest.raises(ImageUnavailable, match=r"No such file or directory\. Check that the server runs"):
        Image.open(f"postgresql:host={tmp_path} dbname=minds")


@pytest.mark.parametrize(
    "more, says",
    [
        ({"user": GUARDED, "password": "a wrong guess"}, "password authentication failed"),
        ({"user": GUARDED}, "no password supplied"),
        ({"user": "nobody_of_that_name"}, "does not exist"),
        ({"dbname": "no_such_database"}, "does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_who_is_not_let_in_is_told_why(postgresql, database, more, says, monkeypatch):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    with pytest.raises(ImageUnavailable, match=says):
        Image.open(f"postgresql:{postgresql.dsn(**{'database': more.pop('dbname', database), **more})}")


def test_a_user_without_the_right_to_make_tables_is_told_so(postgresql, database):
    with pytest.raises(ImageUnwritable, match="permission denied"):
        Image.open(f"postgresql:{postgresql.dsn(database, user=GUARDED, password=PASSWORD)}")


def test_an_empty_database_is_made_an_image_only_if_that_is_wanted(dsn):
    with pytest.raises(ImageMissing, match="batos run --image 'postgresql:"):
        Image.open(f"postgresql:{dsn}", create=False)
    Image.open(f"postgresql:{dsn}").close()
    Image.open(f"postgresql:{dsn}", create=False).close()


def test_a_database_of_another_program_is_left_alone(postgresql):
    with postgresql.new_database(OWNER) as name:
        postgresql.run("CREATE TABLE letters (text text)", database=name)
        with pytest.raises(ImageForeign, match="tables of another program"):
            Image.open(f"postgresql:{postgresql.dsn(name)}")
        tables = postgresql.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=name)

    assert tables == [("letters",)]


def test_a_server_without_a_free_place_is_busy(postgresql, database):
    postgresql.run(f"ALTER ROLE {GUARDED} CONNECTION LIMIT 0")
    try:
        with pytest.raises(ImageUnavailable, match="too many connections"):
            Image.open(f"postgresql:{postgresql.dsn(database, user=GUARDED, password=PASSWORD)}")
    finally:
        postgresql.run(f"ALTER ROLE {GUARDED} CONNECTION LIMIT -1")


def test_who_founds_the_image_for_long_keeps_others_waiting_only_so_long(postgresql, database, dsn, monkeypatch):
    import psycopg2

    from batos.image import postgresql as opening

    monkeypatch.setattr(opening, "LOCK_SECONDS", 0.05)
    founding = psycopg2.connect(postgresql.dsn(database))
    founding.cursor().execute("SELECT pg_advisory_lock(%s)", (opening.FOUNDING_LOCK,))
    try:
        with pytest.raises(ImageBusy, match="lock timeout"):
            Image.open(f"postgresql:{dsn}")
    finally:
        founding.close()


# The password


def test_the_password_is_in_no_message_and_no_log(postgresql, caplog, monkeypatch, tmp_path):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with postgresql.new_database(GUARDED) as name:
        secret = postgresql.dsn(name, user=GUARDED, password=PASSWORD)
        with batos.open(f"postgresql:{secret}") as image:
            image.create("greeter", {"name": "Ada"})
            shown = [json.dumps(image.state()), repr(image.image.where), repr(image.image.db.storage)]
            shown += [image.image.db.storage.getName(), repr(image.store._db._pools.engine), image.store._db.place]
            disconnect(postgresql, name)
            assert image["greeter"].name == "Ada"
        with pytest.raises(ImageUnavailable) as refused:
            Image.open(f"postgresql:{postgresql.dsn(name, user=GUARDED, password=PASSWORD[:-1])}")
        shown += [str(refused.value), repr(refused.value.facts)]

    for word in ("tr0ub4dor", "st4ple"):
        assert word not in "".join(shown)
        assert word not in caplog.text


# A connection that breaks


def test_a_connection_that_broke_between_two_transactions_is_not_noticed(postgresql, database, dsn):
    with batos.open(f"postgresql:{dsn}") as image:
        image.create("greeter", {"name": "Ada"})
        for name in ("Grace", "Alan"):
            disconnect(postgresql, database)
            image["greeter"].name = name
            assert image["greeter"].name == name
            disconnect(postgresql, database)
            assert image.missions() == []


def test_a_server_that_is_gone_in_the_middle_is_one_sentence_and_nothing_is_half_written(postgresql, database, dsn):
    with Image.open(f"postgresql:{dsn}") as image:
        with image.transaction("make") as world:
            world.create("one", {"value": 1})
            world.create("two", {"value": 1})

        def change(world):
            world["one"].value = world["two"].value = 2
            disconnect(postgresql, database)

        postgresql.run(f"ALTER DATABASE {database} WITH ALLOW_CONNECTIONS false")
        try:
            with pytest.raises(ImageUnavailable, match="postgresql:"):
                image.change("change", change)
        finally:
            postgresql.run(f"ALTER DATABASE {database} WITH ALLOW_CONNECTIONS true")
        with image.reading() as world:
            assert (world["one"].value, world["two"].value) == (1, 1)


def test_a_full_disk_of_the_server_refuses_the_change_and_keeps_the_image(postgresql, database, dsn, small_disk):
    with Image.open(f"postgresql:{dsn}") as image:
        write_entries(image, 3)
        postgresql.run(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
        postgresql.run("ALTER TABLE object_state SET TABLESPACE small", database=database)
        try:
            with pytest.raises(ImageUnwritable, match=r"No space left.*Nothing of this change was kept"):
                write_entries(image, 400)
            assert find_faults(image, last_entry(image)) == []
        finally:
            postgresql.run("ALTER TABLE object_state SET TABLESPACE pg_default", database=database)
            postgresql.run("DROP TABLESPACE small")
        write_entries(image, 1)
        assert find_faults(image, 4) == []


@pytest.fixture
def small_disk(postgresql):
    """A small file system of the server's user. Skips the test where this process may not mount one."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system to fill")
    folder, owner = postgresql.folder / "small", postgresql.folder.stat()
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size=4m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}", "tmpfs", folder]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


# Damage


def test_the_examination_finds_records_that_are_other_ones(postgresql, database, dsn):
    with Image.open(f"postgresql:{dsn}") as image:
        write_entries(image, 3)
        assert find_damage(image) == ()
        last = "(SELECT max(zoid) FROM object_state)"
        turned = f"UPDATE object_state SET state = set_byte(state, 40, 255) WHERE zoid = {last}"
        postgresql.run(turned, database=database)
        assert any("does not hold what was written" in told for told in find_damage(image))
        postgresql.run("DELETE FROM current_object WHERE zoid = 1", database=database)
        assert any("none is current" in told for told in find_damage(image))


# Care


def test_a_pack_gives_up_the_past_and_room_on_the_server(dsn):
    with Image.open(f"postgresql:{dsn}") as image:
        with image.transaction("create") as world:
            world.create("greeter", {"text": "", "file": Blob(b"first" * 1000)})
        for number in range(30):
            image.change(f"change {number}", lambda world: setattr(world["greeter"], "text", os.urandom(40_000).hex()))
        before = statistics(image)
        packed = pack(image, 0)
        after = statistics(image)

        assert packed.later == ""
        assert packed.after < packed.before
        assert packed.removed.records >= 29
        assert (after.records < 15, after.objects) == (True, before.objects)
        assert len(list(image.transactions_since(b"\0" * 8))) < 30
        assert check_soundness(image).problems == ()
        with image.reading() as world:
            assert blob_bytes(world["greeter"].file) == b"first" * 1000
        image.change("go on", lambda world: setattr(world["greeter"], "text", "short"))


def test_a_text_is_erased_from_a_server(postgresql, database, dsn):
    with batos.open(f"postgresql:{dsn}") as image:
        image.create("greeter", {"name": "Ada Lovelace"})
        with image.transaction("draw") as world:
            world["greeter"].picture = Blob(b"of Ada Lovelace" * 1000)
        with image.transaction("a note about Ada Lovelace") as world:
            world["greeter"].count = 1
        erased = image.care.erase(text="Ada Lovelace")

        assert erased.left == ()
        assert erased.before > 1_000_000  # what the server holds
        assert image["greeter"].name == "[erased]"
        assert [found for found in image.care.doctor() if found.standing == "wrong"] == []
    held = "SELECT count(*) FROM {} WHERE position('Ada Lovelace'::bytea in {}) > 0"
    for table, column in (("object_state", "state"), ("transaction", "description"), ("pg_largeobject", "data")):
        assert postgresql.run(held.format(table, column), database=database) == [(0,)]


# Backups


@pytest.fixture
def filled(dsn):
    """The address of an image that has learned a method, keeps a blob and has a past."""
    uri = f"postgresql:{dsn}"
    with batos.open(uri) as image:
        image.create("greeter", {"name": "Ada Lovelace"})
        assert image["greeter"].shout_name() == "ADA LOVELACE!"
        with image.transaction("draw") as world:
            world["greeter"].picture = Blob(b"pixels" * 1000)
        image["greeter"].name = "Grace Hopper"
    return uri


def told(uri):
    """What must be the same in an image and in what was restored of it."""
    with batos.open(uri, create=False) as image:
        assert check_soundness(image.image).problems == ()
        why = image.why("greeter", "shout_name")
        changes = [(change.id, change.note) for change in image.history("greeter")]
        missions = {mission.id: (mission.state, mission.brief) for mission in image.store.list()}
        with image.at(changes[1][0]) as view:
            name = view["greeter"].name
        return image.image.id, changes, missions, name, (why.source, why.trace, why.asked), image["greeter"].picture


def test_a_backup_of_a_server_is_restored_as_a_folder_and_into_another_database(postgresql, filled, tmp_path):
    before = told(filled)
    manifest = take_backup(filled, tmp_path / "backup")

    assert manifest.scheme == "sqlite"
    assert {file.path for file in manifest.files} == {
        "objects/main.sqlite3",
        "objects/oids.sqlite3",
        "missions.sqlite3",
    }
    folder = restore_backup(tmp_path / "backup", tmp_path / "folder.image")
    assert folder.image == str(tmp_path / "folder.image")
    assert told(tmp_path / "folder.image") == before
    with postgresql.database() as other:
        uri = f"postgresql:{postgresql.dsn(other)}"
        restore_backup(tmp_path / "backup", uri)
        assert told(uri) == before
        with batos.open(uri) as image:  # and it is worked: no number is given out twice
            image.create("other", {"name": "Alan Turing"})
            assert image["other"].shout_name() == "ALAN TURING!"
            image.undo(image.history("greeter")[0].id)
            assert image["greeter"].name == "Ada Lovelace"
            assert check_soundness(image.image).problems == ()
    assert told(filled) == before


def test_a_server_is_backed_up_while_it_is_written(dsn, tmp_path):
    with Image.open(f"postgresql:{dsn}") as image, writing(image) as last:
        before = last()
        manifest = take_backup(f"postgresql:{dsn}", tmp_path / "backup")
        after = last()
    restore_backup(tmp_path / "backup", tmp_path / "restored.image")

    with Image.open(tmp_path / "restored.image") as image:
        with image.reading() as world:
            assert before <= world["busy"].number <= after + 1
        assert list(image.transactions_since(b"\0" * 8))[-1].tid.hex() == manifest.tid


def test_nothing_is_restored_over_an_image_on_a_server(filled, tmp_path):
    take_backup(filled, tmp_path / "backup")
    before = told(filled)

    with pytest.raises(BackupRefused, match="there is an image at that place"):
        restore_backup(tmp_path / "backup", filled)
    assert told(filled) == before


def test_a_harmed_backup_leaves_a_database_empty(postgresql, filled, tmp_path):
    take_backup(filled, tmp_path / "backup")
    with (tmp_path / "backup/objects/main.sqlite3").open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff")
    with postgresql.database() as other:
        uri = f"postgresql:{postgresql.dsn(other)}"
        with pytest.raises(BackupRefused, match="is not what it was"):
            restore_backup(tmp_path / "backup", uri)
        with Image.open(uri) as image, image.reading() as world:
            assert world.names() == []


def test_a_backup_of_a_database_without_an_image_says_so(dsn, tmp_path):
    with pytest.raises(ImageMissing):
        take_backup(f"postgresql:{dsn}", tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


# What lies where


def test_the_database_holds_it_all_and_the_local_folder_can_be_lost(postgresql, database, dsn, tmp_path, monkeypatch):
    uri = f"postgresql:{dsn}"
    with batos.open(uri) as image:
        image.ingest_text("note", "Penguins are birds that swim.")
        assert image.search("penguins")
        mission = image.submit("orchestrator", "ask", ("penguins?",)).id
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
    with batos.open(uri, create=False) as image:
        assert image.search("penguins")[0].document_id == "note"
        assert image.mission(mission)["mission"] == mission
        assert Path(image.image.path).is_relative_to(tmp_path / "another machine")
        assert Path(image.image.path).stat().st_mode & 0o777 == 0o700


def test_the_local_folder_is_not_taken_for_an_image(dsn, tmp_path):
    with batos.open(f"postgresql:{dsn}") as image:
        image.search("anything")
        local = image.image.path
    with pytest.raises(ImageUnavailable):
        Image.open(local)
