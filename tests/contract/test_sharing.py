"""Processes that have one image open at the same time: each sees what the other committed, and no change is lost."""

import json
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

import batos
from batos.errors import ChangedMeanwhile
from batos.image.image import Image
from batos.runtime.uvm import Uvm
from contract import sharing_partner
from contract.sharing_partner import raise_by_one, value
from storages import SHARED, new_place


class Partner:
    """Another process with the image open."""

    def __init__(self, process):
        self._process = process

    def begin(self, *command):
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def answer(self):
        return json.loads(self._process.stdout.readline())

    def ask(self, *command):
        self.begin(*command)
        return self.answer()


@contextmanager
def partner(uri, *flags):
    command = [sys.executable, sharing_partner.__file__, uri, *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Partner(process)
        finally:
            process.stdin.close()
            process.stdout.close()
    assert process.returncode == 0


@contextmanager
def ready_partner(uri, *flags):
    with partner(uri, *flags) as other:
        assert other.answer() == "ready"
        yield other


@pytest.fixture(params=SHARED)
def uri(request, tmp_path):
    with new_place(request.param, tmp_path, lambda: request.getfixturevalue("postgresql")) as place:
        yield place


@pytest.fixture
def image(uri):
    with Image.open(uri) as opened:
        with opened.transaction("a counter") as world:
            world.create("counter", {"value": 0})
        yield opened


def test_each_sees_what_the_other_committed(image, uri):
    with ready_partner(uri) as other:
        for expected in range(1, 9, 2):
            assert other.ask("raise", 1) == expected
            assert value(image) == expected
            assert raise_by_one(image, 1) == expected + 1
            assert other.ask("value") == expected + 1


def test_a_transaction_does_not_see_what_is_committed_after_it_began(image, uri):
    with ready_partner(uri) as other:
        with image.reading() as world:
            before = world["counter"].value
            assert other.ask("raise", 1) == before + 1
            world.connection.cacheMinimize()
            assert world["counter"].value == before
        assert value(image) == before + 1


def test_of_two_changes_to_one_object_the_later_is_refused_whole(image, uri):
    with ready_partner(uri) as other:

        def lose():
            with image.transaction("loses") as world:
                world["counter"].value += 10
                world.create("trace")
                assert other.ask("raise", 1) == 1

        with pytest.raises(ChangedMeanwhile):
            lose()
        with image.reading() as world:
            assert world["counter"].value == 1
            assert "trace" not in world


def test_nothing_is_lost_where_both_change_one_object_at_once(image, uri):
    with ready_partner(uri) as other:
        other.begin("raise", 40)
        raise_by_one(image, 40)
        other.answer()

    assert value(image) == 80


@pytest.mark.parametrize("again", range(3))
def test_an_image_that_many_open_first_at_once_is_founded_once(uri, again):
    with partner(uri) as first, partner(uri) as second, partner(uri) as third:
        others = (first, second, third)
        assert [other.answer() for other in others] == ["ready"] * 3
        assert len({other.ask("id") for other in others}) == 1


def test_who_dies_with_the_image_open_holds_up_nobody(image, uri):
    command = [sys.executable, sharing_partner.__file__, uri]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        other = Partner(process)
        assert other.answer() == "ready"
        other.begin("raise", 100_000)
        try:
            while value(image) < 3:
                with suppress(ChangedMeanwhile):  # who writes without a pause may win every race against another one
                    raise_by_one(image, 1)
        finally:
            process.kill()

    reached = value(image)
    assert raise_by_one(image, 5) == reached + 5


def test_a_mission_of_one_process_is_worked_by_another(uri):
    with Uvm(uri, work=False) as system:
        system.create("greeter", {"name": "Ada Lovelace"})
        system.ingest_text("note", "Penguins are birds that swim.")
        with ready_partner(uri, "--works"):
            examples = [(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")]
            system.teach("greeter", "initials_", intent="the initials of a full name", examples=examples, timeout=30)
        assert system["greeter"].initials_("grace hopper") == "G.H."
        assert not system.works


def test_a_document_that_one_ingests_is_found_by_another(uri):
    with batos.open(uri) as first, batos.open(uri) as second:
        assert second.search("penguins") == []
        first.ingest_text("note", "Penguins are birds that swim.")
        assert [hit.document_id for hit in second.search("penguins")] == ["note"]
