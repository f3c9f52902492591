"""Processes that write to an image are killed at any moment: what was acknowledged is there, and nothing is torn.

A few kills here; `image_killing.py` is the same a thousand times.
"""

import os
import random

import pytest

from batos.image.image import Image
from batos.image.soundness import check_soundness
from crash.image_killing import MOMENTS, kill_at, kill_writers, new_writer
from crash.image_writer import find_faults, write_entries
from storages import SHARED, STORAGES, new_place

FULL = os.environ.get("BATOS_FULL") == "1"
KILLS = 120 if FULL else 8
HITS = range(1, 9) if FULL else (1, 4)
SEED = 20261123

pytestmark = pytest.mark.timeout(600 if FULL else 60)


@pytest.fixture(scope="module")
def writer():
    with new_writer() as one:
        yield one


@pytest.fixture
def uri(storage, tmp_path, request):
    with new_place(storage, tmp_path, lambda: request.getfixturevalue("postgresql")) as place:
        yield place


@pytest.mark.parametrize("storage", STORAGES)
def test_a_writer_that_is_killed_at_random_loses_and_tears_nothing(storage, uri, writer):
    tally = kill_writers([writer], uri, KILLS, random.Random(SEED))

    assert tally.faults == []
    assert tally.kills == KILLS
    assert tally.acked > 0


@pytest.mark.parametrize("storage", SHARED)
def test_writers_that_share_an_image_and_are_killed_lose_and_tear_nothing(storage, uri, writer):
    with new_writer() as other:
        tally = kill_writers([writer, other], uri, KILLS, random.Random(SEED))

    assert tally.faults == []
    assert tally.acked > 0


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_commit_is_kept_from_one_moment_on_and_not_before(storage, uri, writer, moment):
    for hit in HITS:
        tally = kill_at(writer, uri, moment, hit, random.Random(SEED + hit))
        assert tally.faults == []


# What the looking would notice, or the tests above would show nothing.


@pytest.fixture
def written(tmp_path):
    with Image.open(f"file:{tmp_path / 'image'}") as image:
        write_entries(image, 8)
        yield image


def test_a_whole_image_has_no_faults(written):
    assert find_faults(written, 8) == []


@pytest.mark.parametrize(
    "tamper, told",
    [
        (lambda world: setattr(world["ledger"].entries[3], "text", "other"), "entry 3 is torn"),
        (lambda world: setattr(world["ledger"].entries[5], "digest", "other"), "entry 6 is torn"),
        (lambda world: world["ledger"].entries[4].attached.open("w").close(), "blob of entry 4 is torn"),
        (lambda world: world["ledger"].entries.__delitem__(2), "the last entry is 8, but there are"),
        (lambda world: setattr(world["cell0"], "number", 99), "cell 0 holds 99"),
        (lambda world: setattr(world["ledger"], "last", 7), "the last entry is 7, but there are"),
    ],
)
def test_what_is_torn_is_noticed(written, tamper, told):
    written.change("tamper", tamper)

    assert any(told in fault for fault in find_faults(written, 8))


def test_what_is_lost_is_noticed(written):
    assert find_faults(written, 10) == ["entries 9 to 10 were acknowledged and are lost"]


@pytest.mark.parametrize("marker", [None, b""])
def test_a_founder_killed_before_it_said_how_blobs_lie_leaves_a_sound_image(tmp_path, marker):
    """ZODB makes the folder of blobs, then one in it, then the file that says how they lie."""
    blobs = tmp_path / "image" / "objects" / "blobs"
    (blobs / "tmp").mkdir(parents=True)
    if marker is not None:
        (blobs / ".layout").write_bytes(marker)

    with Image.open(f"file:{tmp_path / 'image'}") as image:
        write_entries(image, 8)
        assert find_faults(image, 8) == []
        assert check_soundness(image).problems == ()
