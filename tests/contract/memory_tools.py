"""What the suites about memory share: an image with a catalog, on each storage, and what may happen to its indexes."""

import os

import pytest

from batos.image.derived import Schema
from batos.image.derived_schema import ServerHome
from batos.image.image import Image
from batos.memory import catalog
from storages import STORAGES, new_place

# On a server these suites take their time; what is different there has tests of its own (`test_shared_memory.py`).
PLACES = STORAGES if os.environ.get("BATOS_FULL") else ("sqlite", "file")


@pytest.fixture(params=PLACES)
def image(request, tmp_path):
    with (
        new_place(request.param, tmp_path, lambda: request.getfixturevalue("postgresql")) as place,
        Image.open(place) as opened,
    ):
        opened.change("lay the catalog", catalog.lay_catalog)
        yield opened


def uri_of(image):
    """The address that another process opens."""
    return f"postgresql:{image.where.dsn}" if image.where.scheme == "postgresql" else str(image.path)


def lose(index):
    """Somebody deletes what the index is kept in, behind its back."""
    if isinstance(index.place, Schema):
        ServerHome(index.place, index._home._layout).discard("")
    else:
        index.place.unlink()


def skip_on_a_server(image):
    if image.where.scheme == "postgresql":
        pytest.skip("a server looks after its own files")
