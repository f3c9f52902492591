"""What a commit wrote that then failed is in no later commit. RelStorage 4.3 on SQLite left it to the next one."""

import threading

import pytest
from relstorage.adapters.adapter import AbstractAdapter
from relstorage.adapters.interfaces import UnableToLockRowsToModifyError
from ZODB.blob import Blob

from batos.errors import ChangedMeanwhile
from batos.image.image import Image


@pytest.fixture
def image(tmp_path):
    with Image.open(tmp_path / "a.image") as opened:
        with opened.transaction("create") as world:
            world.create("one", {"count": 0}, [])
            world.create("two", {"count": 0}, [])
        yield opened


def write(image, picture, meanwhile=lambda: None):
    with image.transaction("fails") as world:
        world["one"].count = 777
        world["one"].picture = picture
        thread = threading.Thread(target=meanwhile)
        thread.start()
        thread.join()


def count(image, name):
    with image.reading() as world:
        return world[name].count


@pytest.mark.parametrize("blob", [False, True])
def test_what_could_not_get_the_lock_is_not_committed_by_the_next(image, monkeypatch, blob):
    def refuse(*_, **__):
        raise UnableToLockRowsToModifyError("another process holds it")

    with monkeypatch.context() as patched:
        patched.setattr(AbstractAdapter, "lock_objects_and_detect_conflicts", refuse)
        with pytest.raises(ChangedMeanwhile):
            write(image, Blob(b"not to be kept") if blob else None)
    with image.transaction("the next") as world:
        world["two"].count = 5
        world["two"].picture = Blob(b"kept")

    assert (count(image, "one"), count(image, "two")) == (0, 5)
    with image.reading() as world, world["two"].picture.open() as file:
        assert file.read() == b"kept"


def test_what_lost_a_race_is_not_committed_by_the_next(image):
    def other():
        with image.transaction("other") as world:
            world["one"].count = 1

    for _ in range(5):
        with pytest.raises(ChangedMeanwhile):
            write(image, None, meanwhile=other)
        with image.transaction("the next") as world:
            world["two"].count = world["two"].count + 1

    assert (count(image, "one"), count(image, "two")) == (1, 5)
