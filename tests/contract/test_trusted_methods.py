"""A method runs in process only if a person on this machine approved exactly its source, whatever the image says."""

from __future__ import annotations

import pytest

import batos
from batos.objects.records import Method
from batos.runtime.approvals import Approvals
from batos.testing import temporary_image

REACHING = "def reach(self):\n    import os\n    return os.getpid()\n"


def test_an_image_that_calls_its_method_trusted_does_not_get_it_out_of_the_sandbox(image):
    with image.transaction("as an image from elsewhere would say") as world:
        world.create("stranger", {"reach": Method("reach", REACHING, trust="trusted")})
    with pytest.raises(batos.BatosError, match="import"):
        image["stranger"].reach()


def test_what_was_approved_runs_in_process_and_is_a_version_of_its_own(image):
    import os

    with image.transaction("write") as world:
        world.create("friend", {"reach": Method("reach", REACHING)})
    assert image.trust("friend", "reach") == 2
    assert image["friend"].reach() == os.getpid()
    assert image.why("friend", "reach").versions == (2, 1)


def test_a_changed_source_needs_a_new_approval(image):
    with image.transaction("write") as world:
        world.create("friend", {"reach": Method("reach", REACHING)})
    image.trust("friend", "reach")
    with image.transaction("slip something in") as world:
        method = world["friend"].__dict__["__methods__"]["reach"]
        world["friend"].reach = Method("reach", REACHING.replace("getpid", "getppid"), trust="trusted", previous=method)
    with pytest.raises(batos.BatosError, match="import"):
        image["friend"].reach()


def test_a_message_that_trusted_code_sends_and_nobody_understands_has_its_arguments(image):
    source = "def ask_(self, what):\n    return self.tell_(what.strip(), loud=True)\n"
    with image.transaction("write") as world:
        world.create("friend", {"ask_": Method("ask_", source)})
    image.trust("friend", "ask_")
    with image.transaction("ask") as world, pytest.raises(batos.NotUnderstood) as missing:
        world["friend"].ask_(" it ")
    assert missing.value.message == (("it",), {"loud": True})
    assert "tell_" in str(missing.value)


def test_what_trusted_code_sends_is_learned_with_its_arguments(image):
    source = "def rename_(self, new):\n    self.set_name_(new.strip())\n    return self.name\n"
    with image.transaction("write") as world:
        world.create("friend", {"name": "ada", "rename_": Method("rename_", source)})
    image.trust("friend", "rename_")
    assert image["friend"].rename_(" bob ") == "bob"


def test_trusted_code_may_still_look_whether_a_message_is_understood(image):
    source = "def look(self):\n    return [hasattr(self, 'tell_'), getattr(self, 'tell_', None), 'a,b'.split(',')]\n"
    with image.transaction("write") as world:
        world.create("friend", {"look": Method("look", source)})
    image.trust("friend", "look")
    assert image["friend"].look() == [False, None, ["a", "b"]]


def test_only_a_written_method_of_the_objects_own_can_be_trusted(image):
    image.create("friend")
    with pytest.raises(batos.BatosError, match="Only a written method"):
        image.trust("friend", "clone")


def test_approvals_are_seen_by_others_who_read_the_same_file(tmp_path):
    path = tmp_path / "state" / "approvals.json"
    mine, theirs = Approvals(path), Approvals(path)
    method = Method("reach", REACHING)
    assert not theirs.vouch(method)
    mine.approve(method)
    mine.approve(Method("other", "def other(self):\n    return 1\n"))
    assert theirs.vouch(method)
    assert not theirs.vouch(Method("reach", REACHING + "\n"))


@pytest.mark.parametrize("content", ["no json", '{"a": 1}', '["not a hash"]'])
def test_a_damaged_file_approves_nothing_and_says_so(tmp_path, content):
    path = tmp_path / "approvals.json"
    path.write_text(content)
    with pytest.raises(batos.BatosError, match="damaged"):
        Approvals(path).vouch(Method("reach", REACHING))


def test_each_temporary_image_has_approvals_of_its_own():
    with temporary_image() as one, temporary_image() as other:
        assert one.settings.approvals != other.settings.approvals
