"""The past on the command line: an object as it was, what is different about it, and a fork of the image."""

import json

import pytest

from batos.runtime.uvm import Uvm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds demo.image, in which a greeter was renamed and given a method."""
    folder = tmp_path_factory.mktemp("past")
    with Uvm(folder / "demo.image") as system:
        greeter = system.create("greeter", {"name": "Ada", "names": ["Ada"]})
        greeter.name = "Grace"
        system.create_method("greeter", "hello_", "def hello_(self):\n    return self.name\n", "a person")
    return folder


@pytest.fixture
def batos(batos, monkeypatch, folder):
    """Calls `batos` on the image with a past."""
    monkeypatch.setenv("BATOS_IMAGE", str(folder / "demo.image"))
    return batos


@pytest.fixture
def changes(batos):
    """The change ids of the greeter, oldest first."""
    return [change["id"] for change in json.loads(batos("history", "greeter", "--json")[1])["changes"]][::-1]


def test_an_object_is_shown_as_it_was(batos, changes):
    code, shown, _ = batos("at", changes[0], "greeter")

    assert code == 0
    assert shown.splitlines()[0].endswith(f"{changes[0]}  create greeter")
    assert 'name   "Ada"' in shown
    assert "hello_" not in shown
    told = json.loads(batos("at", changes[1], "greeter", "--json")[1])
    assert told["at"]["change"] == changes[1]
    assert {"name": "name", "kind": "data", "value": "Grace"} in told["slots"]


def test_the_objects_the_history_and_the_reasons_of_a_moment_are_shown(batos, changes):
    assert "greeter" in batos("at", changes[0])[1]
    assert "greeter" not in batos("at", "awaken")[1]
    listed = json.loads(batos("at", changes[1], "greeter", "--history", "--json")[1])["changes"]
    assert [change["id"] for change in listed] == changes[1::-1]
    assert "sandboxed method, version 1" in batos("at", changes[2], "greeter", "--why", "hello_")[1]
    assert batos("at", changes[2], "--history")[0] == 2


def test_two_moments_are_compared(batos, changes):
    shown = batos("diff", "greeter", changes[0])[1]
    assert '~ name: "Ada" → "Grace"' in shown
    assert "+ hello_: sandboxed method, version 1" in shown
    slots = json.loads(batos("diff", "greeter", changes[0], changes[1], "--json")[1])["slots"]
    assert [(slot["name"], slot["before"], slot["after"]) for slot in slots] == [("name", "Ada", "Grace")]
    assert "No slot is different" in batos("diff", "greeter", changes[1], changes[1])[1]


def test_now_is_a_moment_too(batos, changes):
    assert (
        json.loads(batos("at", "now", "greeter", "--json")[1])["slots"]
        == json.loads(batos("inspect", "greeter", "--json")[1])["slots"]
    )
    whole = json.loads(batos("diff", "greeter", changes[0], "--json")[1])
    assert json.loads(batos("diff", "greeter", changes[0], "now", "--json")[1])["slots"] == whole["slots"]
    assert "No slot is different" in batos("diff", "greeter", "now", "now")[1]


def test_an_image_is_forked_once_to_a_place(batos, changes, tmp_path):
    code, told, _ = batos("fork", tmp_path / "trial.image", "--at", changes[0])
    assert (code, changes[0] in told) == (0, True)
    assert 'name   "Ada"' in batos("inspect", "greeter", "--image", tmp_path / "trial.image")[1]

    code, _, refused = batos("fork", tmp_path / "trial.image")
    assert (code, "there is something at that place already" in refused) == (1, True)


def test_a_mission_is_run_again_on_the_image_as_it_was(batos, tmp_path):
    """In a fork as of the answer, for which a note may name the moment, as everywhere."""
    batos("ask", "Where do bats sleep?")
    (mission,) = [
        row["mission"] for row in json.loads(batos("missions", "--json")[1])["missions"] if row["type"] == "ask"
    ]
    batos("fork", tmp_path / "then.image", "--at", "answer a question")
    code, told, _ = batos("replay", mission, "--image", tmp_path / "then.image", "--json")
    assert code == 0
    assert json.loads(told)["same"]
    assert "as before" in batos("replay", mission[:8], "--image", tmp_path / "then.image")[1]


@pytest.mark.parametrize("moment", ["2001-01-01", "no such note", "0400b0dc4ba4f3aa"])
def test_a_moment_that_never_was_is_said_so(batos, moment):
    code, printed, told = batos("at", moment, "greeter")

    assert (code, printed) == (1, "")
    assert "`batos history NAME` lists changes" in told
