"""What cannot be opened or written says why in one sentence, and is left as it was."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, contextmanager

import pytest
from ZODB import DB
from ZODB.FileStorage import FileStorage
from ZODB.POSException import POSKeyError

from batos.errors import (
    BatosError,
    ImageBusy,
    ImageCorrupt,
    ImageForeign,
    ImageMissing,
    ImageUnavailable,
    ImageUnwritable,
    UndoRefused,
    UnknownChange,
)
from batos.image.history import history, undo
from batos.image.image import Image
from contract.images import another_process, create, value

STORAGES = ("sqlite", "file")
DATABASE = {"sqlite": "main.sqlite3", "file": "objects.fs"}


@pytest.fixture(params=STORAGES)
def storage(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "image"


@pytest.fixture
def uri(storage, path):
    return f"{storage}:{path}"


@pytest.fixture
def closed(storage, uri, path):
    """The database file of an image with some objects, which nobody has open."""
    with Image.open(uri) as image, image.transaction("fill") as world:
        for number in range(40):
            world.create(f"object{number}", {"text": f"{number} " * 400})
    return path / "objects" / DATABASE[storage]


def files(folder):
    """Every file below with its content, but for those that opening makes: they hold nothing."""
    passing = (".lock", ".tmp", "-wal", "-shm", ".index")
    found = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.endswith(passing))
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


def refused(uri, kind, says, **more):
    """Open what cannot be opened. The message is a sentence, or a few, of ordinary text."""
    with pytest.raises(kind, match=says) as error:
        Image.open(uri, **more).close()
    message = str(error.value)
    assert type(error.value) is kind
    assert message[0].isupper() or message[0] in "/'"
    assert message.endswith(".")
    assert "\n" not in message
    assert "Traceback" not in message


# What is not there


def test_a_missing_image_is_not_made_unless_it_may(uri, path):
    refused(uri, ImageMissing, "There is no image at .*/image. Make one with `batos run", create=False)
    assert not path.exists()


def test_an_empty_folder_is_no_image_yet_but_may_become_one(uri, path):
    path.mkdir()

    refused(uri, ImageMissing, "There is no image", create=False)
    with Image.open(uri) as image:
        create(image, "greeter")


def test_an_image_whose_founding_was_interrupted_is_founded_or_missing(uri, storage, path):
    (path / "objects").mkdir(parents=True)
    (path / "objects" / DATABASE[storage]).touch()

    refused(uri, ImageMissing, "There is no image", create=False)
    Image.open(uri).close()
    Image.open(uri, create=False).close()


@pytest.mark.parametrize("address", ["", "mysql:x", "a\0b"])
def test_what_is_no_address_is_told(address):
    refused(address, ImageUnavailable, r"no path|'mysql' is no storage. Use PATH, sqlite:PATH, file:PATH")


def test_a_name_longer_than_any_file_system_takes_is_told(storage, tmp_path):
    refused(f"{storage}:{tmp_path / ('x' * 300)}", ImageUnwritable, "File name too long")
    refused(tmp_path / ("x" * 300), ImageUnwritable, "File name too long")


# What is something else


def test_a_folder_of_other_things_is_left_alone(uri, path):
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")
    before = files(path)

    refused(uri, ImageForeign, "the folder holds other things. Give the path of an image")
    assert files(path) == before


def test_a_file_in_place_of_a_folder_is_left_alone(uri, path):
    path.write_text("years of work")

    refused(uri, ImageForeign, "it is a file")
    assert path.read_text() == "years of work"


def test_a_file_in_place_of_the_objects_is_left_alone(uri, path):
    path.mkdir()
    (path / "objects").write_text("years of work")

    refused(uri, ImageForeign, "its `objects` is a file")


def test_a_database_of_another_program_gets_no_tables(path):
    (path / "objects").mkdir(parents=True)
    with closing(sqlite3.connect(path / "objects" / "main.sqlite3")) as db:
        db.execute("CREATE TABLE thesis (text)")
        db.commit()
    before = files(path)

    refused(f"sqlite:{path}", ImageForeign, "made by another program")
    assert files(path) == before


def test_an_object_database_of_another_program_gets_no_world(path):
    (path / "objects").mkdir(parents=True)
    db = DB(FileStorage(str(path / "objects" / "objects.fs")))
    with db.transaction("theirs") as connection:
        connection.root()["thesis"] = "years of work"
    db.close()
    before = files(path / "objects")

    refused(f"file:{path}", ImageForeign, "made by another program")
    assert files(path / "objects").items() >= before.items()


def test_a_root_that_is_not_an_images_is_told(uri):
    with Image.open(uri) as image, image.transaction("break") as world:
        del world.root["receipts"]
    refused(uri, ImageCorrupt, "its root is not what it should be")

    with pytest.raises(ImageCorrupt):
        Image.open(uri, create=False)


def test_an_image_of_a_later_version_asks_for_a_newer_batos(uri):
    with Image.open(uri) as image, image.transaction("from the future") as world:
        world.root["migrations"]["m999_later"] = 0.0

    refused(uri, ImageUnavailable, r"a later batos has changed it \(m999_later\)\. Install that one, or a newer\.")


def test_an_image_is_opened_by_the_storage_that_keeps_it(uri, storage, path):
    Image.open(uri).close()
    other = "file" if storage == "sqlite" else "sqlite"

    refused(f"{other}:{path}", ImageUnavailable, f"kept by another storage; open it as {storage}:{path}")
    Image.open(path, create=False).close()


def test_an_image_that_links_to_files_elsewhere_is_not_opened(closed, uri, tmp_path):
    victim = tmp_path / "victim.txt"
    victim.write_text("years of work")
    for name in ("objects.fs.lock", "objects.fs.tmp", "main.sqlite3-wal"):
        link = closed.parent / name
        link.unlink(missing_ok=True)
        link.symlink_to(victim)
        refused(uri, ImageForeign, f"its objects/{name} is a link")
        link.unlink()

    assert victim.read_text() == "years of work"


# What is damaged


def test_a_database_that_does_not_begin_like_one_is_damaged(closed, uri):
    closed.write_bytes(b"years of work" * 1000)
    before = files(closed.parent)

    refused(uri, ImageCorrupt, "damaged: .* Restore a backup; nothing was changed")
    assert files(closed.parent) == before


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_database_that_lost_its_end_is_damaged_and_not_cut_to_fit(closed, uri, part):
    whole = closed.read_bytes()
    closed.write_bytes(whole[: int(len(whole) * part)])
    before = files(closed.parent)

    def look():
        with Image.open(uri) as image:
            for number in range(40):
                value(image, f"object{number}", "text")

    with pytest.raises(ImageCorrupt, match=r"is damaged: .* Restore a backup"):
        look()
    assert files(closed.parent)[closed.name] == before[closed.name]


def test_a_record_that_is_damaged_is_told_when_it_is_read_and_the_rest_is_there(closed, uri, storage):
    content = closed.read_bytes()
    at = content.index(b"23 " * 100)
    closed.write_bytes(content[:at] + b"\xff" * 300 + content[at + 300 :])

    with Image.open(uri) as image:
        with pytest.raises(BatosError, match=r"cannot be read|damaged"):
            value(image, "object23", "text")
        assert value(image, "object7", "text").startswith("7 7")


def test_an_object_that_is_missing_is_told(uri):
    with Image.open(uri) as image:
        greeter = create(image, "greeter", {"name": "Ada"})
        storage = image.db.storage
        with pytest.raises(POSKeyError):
            storage.load(b"\0" * 6 + b"\xff\xff")
        assert greeter.name == "Ada"


def test_an_index_that_is_garbage_is_made_again(path):
    uri = f"file:{path}"
    with Image.open(uri) as image:
        create(image, "greeter", {"name": "Ada"})
    (path / "objects" / "objects.fs.index").write_bytes(b"years of work")

    with Image.open(uri) as image:
        assert value(image, "greeter", "name") == "Ada"


# What is in use


def test_a_second_opener_of_a_file_image_is_told_and_the_first_goes_on(path):
    uri = f"file:{path}"
    with Image.open(uri) as image:
        refused(uri, ImageBusy, "in use: another process holds it. .*use the daemon, or sqlite:")
        create(image, "greeter")
    Image.open(uri).close()


HOLDING = """
    import sys
    from batos.image.image import Image

    with Image.open(sys.argv[1]):
        print("open", flush=True)
        sys.stdin.read()
"""


def test_a_file_image_that_another_process_holds_is_in_use_until_that_ends(path):
    uri = f"file:{path}"
    with another_process(HOLDING, uri) as child:
        assert child.stdout.readline() == "open\n"
        refused(uri, ImageBusy, "in use")
        child.kill()
        child.wait()
    Image.open(uri).close()


def test_a_failed_opening_leaves_nothing_locked(closed, uri):
    whole = closed.read_bytes()
    for garbage in (b"x" * 100, whole[:200]):
        closed.write_bytes(garbage)
        with pytest.raises(ImageUnavailable):
            Image.open(uri)
    for leftover in closed.parent.glob("*-*"):
        leftover.unlink()
    closed.write_bytes(whole)

    with Image.open(uri) as image:
        assert value(image, "object7", "text")


# What cannot be written


@pytest.mark.parametrize("parent", ["/proc/nowhere", "/proc/self", "/dev/null"])
def test_a_place_where_nothing_can_be_made_is_told(storage, parent):
    refused(f"{storage}:{parent}/image", ImageUnwritable, "cannot be written: .*Nothing of this change was kept")


@contextmanager
def mounted(folder, options):
    """A small file system of its own. Skips the test where this process may not mount one."""
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a file system to fill")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_refuses_the_change_and_keeps_the_image(storage, tmp_path):
    with mounted(tmp_path / "small", "size=6m") as small:
        with Image.open(f"{storage}:{small}/image") as image:
            create(image, "greeter", {"name": "Ada"})
            ballast = small / "ballast"
            with pytest.raises(OSError, match="No space"):
                ballast.write_bytes(bytes(8 * 2**20))
            for _ in range(2):
                with pytest.raises(ImageUnwritable, match=r"cannot be written: .*(full|[Nn]o space).*Nothing of this"):
                    image.change("grow", lambda world: setattr(world["greeter"], "name", "x" * 2**20))
                assert value(image, "greeter", "name") == "Ada"
            ballast.unlink()
            image.change("rename", lambda world: setattr(world["greeter"], "name", "Grace"))
        with Image.open(f"{storage}:{small}/image", create=False) as image:
            assert value(image, "greeter", "name") == "Grace"


def test_an_image_made_on_a_full_disk_is_told_and_can_be_made_later(storage, tmp_path):
    with mounted(tmp_path / "small", "size=1m") as small:
        ballast = small / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(bytes(2 * 2**20))
        with pytest.raises(ImageUnavailable, match=r"(?i)full|no space|i/o error"):
            Image.open(f"{storage}:{small}/image")
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=8m", small], check=True)
        Image.open(f"{storage}:{small}/image").close()


def test_an_image_on_a_disk_that_is_read_only_is_told(storage, tmp_path):
    with mounted(tmp_path / "small", "size=8m") as small:
        with Image.open(f"{storage}:{small}/image") as image:
            create(image, "greeter")
        before = files(small)
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        refused(f"{storage}:{small}/image", ImageUnwritable, r"(?i)read-?only")
        assert files(small) == before


# What nobody knows


@pytest.mark.parametrize("change", ["", "zz", "00", "0" * 16, "f" * 16, "7" * 16, None, "0x12", "03 e8"])
def test_a_change_that_never_was_is_unknown(uri, change):
    with Image.open(uri) as image, pytest.raises(UnknownChange, match="has no change"):
        undo(image, change)


def test_the_founding_of_an_image_is_not_undone(uri):
    with Image.open(uri) as image:
        for logged in list(image.transactions_since(b"\0" * 8)):
            with pytest.raises(UndoRefused):
                undo(image, logged.tid.hex())
        greeter = create(image, "greeter")
        assert history(image, greeter._oid)
