"""Where the suites of the image run: each test on every storage."""

import subprocess
import sys
import textwrap
from contextlib import contextmanager

import pytest

from batos.image.handles import Handle, handle_of
from batos.image.image import Image
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
