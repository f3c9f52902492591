"""Where the suites of the image run: each test on every storage."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from BTrees.Length import Length
from BTrees.OOBTree import OOBTree

from batos.image.handles import Handle, handle_of
from batos.image.history import history
from batos.image.image import Image
from batos.objects.records import Method
from batos.objects.uvm_object import label, own_slots
from batos.objects.values import plain
from storages import STORAGES, new_place


@pytest.fixture(params=STORAGES)
def storage(request):
    return request.param


@pytest.fixture
def uri(storage, tmp_path, request):
    with new_place(storage, tmp_path, lambda: request.getfixturevalue("postgresql")) as place:
        yield place


@pytest.fixture
def image(uri):
    with Image.open(uri) as opened:
        yield opened


def create(image, name, slots=None, parents=None) -> Handle:
    """A new object under `name`, in a change of its own."""
    return image.change(f"create {name}", lambda world: handle_of(image, world, world.create(name, slots, parents)))


def names(image):
    with image.reading() as world:
        return world.names()


def value(image, name, slot):
    """The value of a slot as plain data, with the names of objects in their place."""
    with image.reading() as world:
        return plain(getattr(world[name], slot), label)


def all_kinds():
    """A slot of each kind that can be changed in place; the tree is large enough to have nodes of its own."""
    tree = OOBTree({f"key{number:02}": number for number in range(100)})
    return {"name": "Ada", "names": ["Ada"], "born": {"Ada": 1815}, "members": {1}, "tree": tree, "count": Length(1)}


def contents(image):
    """What `greeter` holds, made with `all_kinds`."""
    return {slot: value(image, "greeter", slot) for slot in all_kinds()}


def change(image, note, work, **info):
    """Run `work(world)` as one change; its id."""
    told = []
    image.after_commit.append(told.append)
    image.change(note, work, **info)
    image.after_commit.remove(told.append)
    (committed,) = told
    return committed.id


def set_slot(image, name, slot, given):
    return change(image, f"set {slot}", lambda world: setattr(world[name], slot, given))


def method(selector, source="", previous=None):
    return Method(selector, source or f"def {selector}(self):\n    return 1\n", previous=previous)


def slots(image, name):
    with image.reading() as world:
        return own_slots(world[name])


def told(handle):
    """(note, slots) of the changes of a handle's object, newest first."""
    return [(entry.note, entry.slots) for entry in history(handle._image, handle._oid)]


def once(image, note, work):
    """A transaction that is not run again."""
    with image.transaction(note) as world:
        work(world)


def in_a_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


@contextmanager
def another_process(program, *arguments):
    """A Python process that runs `program` on the given arguments; ended with the block, at the latest."""
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()
