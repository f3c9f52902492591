"""What the suites about care share: images on both storages, blobs, a thread that writes, a search of files."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from ZODB.blob import Blob

import storages
from batos.image.image import Image
from batos.memory.catalog import lay_catalog

STORAGES = ["sqlite", "file"]


@pytest.fixture(params=storages.STORAGES)
def uri(request, tmp_path):
    with storages.new_place(request.param, tmp_path, lambda: request.getfixturevalue("postgresql")) as place:
        yield place


@pytest.fixture
def image(uri):
    with Image.open(uri) as opened:
        yield opened


def create(image, name, /, **slots):
    image.change(f"create {name}", lambda world: world.create(name, slots) and None)


def set_slot(image, name, slot, value):
    image.change(f"set {slot} of {name}", lambda world: setattr(world[name], slot, value))


def value(image, name, slot):
    with image.reading() as world:
        return getattr(world[name], slot)


def put_blob(image, name, slot, content):
    def work(world):
        blob = Blob()
        with blob.open("w") as file:
            file.write(content)
        setattr(world[name], slot, blob)

    image.change(f"put a blob in {slot}", work)


def blob_in(image, name, slot):
    with image.reading() as world, getattr(world[name], slot).open("r") as file:
        return file.read()


def notes(image):
    return [logged.note for logged in image.transactions_since(b"\0" * 8)]


def lay_memory(image):
    image.change("lay the catalog", lay_catalog)


@contextmanager
def writing(image, name="busy"):
    """Within the block a thread writes one number after the other into a slot; yields a function that gives the last
    that was committed, and fails the test if a write failed."""
    create(image, name, number=0)
    stop, failures, last = threading.Event(), [], [0]
    begun = threading.Event()

    def write():
        number = 0
        try:
            while not stop.is_set():
                number += 1
                set_slot(image, name, "number", number)
                last[0] = number
                begun.set()
        except Exception as error:
            failures.append(error)
            begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    begun.wait(10)
    try:
        yield lambda: last[0]
    finally:
        stop.set()
        thread.join()
    assert not failures


def files_holding(folder, text):
    """The files below `folder` in which the bytes of `text` stand, in any case of its letters."""
    sought = text.encode().lower()
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and sought in path.read_bytes().lower()
    )
