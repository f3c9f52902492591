"""Care from the command line: what is printed, what comes back, and what is said when it does not work."""

import json

import pytest

from batos.runtime.uvm import Uvm
from batos.settings import Settings

INITIALS = ["--example", '["ada lovelace"] => "A.L."', "--example", '["alan turing"] => "A.T."']


@pytest.fixture
def image(tmp_path):
    """An image with a past, at the place where commands look for one."""
    path = tmp_path / "demo.image"
    with Uvm(path, settings=Settings(heartbeat=False, workers=0)) as uvm:
        greeter = uvm.create("greeter", {"name": "Ada Lovelace"})
        for number in range(3):
            greeter.count = number
        uvm.ingest_text("owls", "# Owls\n\nOwls sleep by day in hollow trees near the old mill.")
    return path


def document(told):
    return json.loads(told[1])


def test_the_story_of_a_careful_person(batos, image, tmp_path):
    code, out, _ = batos("backup", "monday")
    assert (code, "holds the image up to change" in out) == (0, True)

    code, out, _ = batos("pack", "--keep", "0", "--preview")
    assert (code, "would remove" in out) == (0, True)
    code, out, _ = batos("pack", "--keep", "0")
    assert (code, "The object database had" in out) == (0, True)

    code, out, _ = batos("restore", "monday", "--image", "restored.image")
    assert (code, "versions of its objects load" in out) == (0, True)
    assert document(batos("status", "--image", "restored.image", "--json"))["memory"]["documents"] == 1

    code, out, _ = batos("doctor")
    assert (code, "Nothing to mend." in out) == (0, True)


def test_the_preview_says_what_the_pack_then_does(batos, image):
    seen = document(batos("pack", "--keep", "0", "--preview", "--json"))
    packed = document(batos("pack", "--keep", "0", "--json"))

    assert seen["removes"] == packed["removed"]
    assert packed["removed"]["records"] >= 3
    assert packed["after"] <= packed["before"]


def test_what_was_exported_is_imported_elsewhere(batos, image):
    code, out, _ = batos("export", "out", "greeter")
    assert (code, out) == (0, "out holds 1 object with 0 methods.\n")
    assert 'name = "Ada Lovelace"' in (image.parent / "out" / "greeter.toml").read_text()

    code, out, _ = batos("import", "out", "--image", "other.image")
    assert (code, out.startswith("1 object made")) == (0, True)
    assert '"Ada Lovelace"' in batos("inspect", "greeter", "--image", "other.image", "--json")[1]


def test_a_method_that_was_imported_tells_where_it_came_from(batos, image):
    examples = ("--example", '["ada lovelace"] => "A.L."', "--example", '["alan turing"] => "A.T."')
    assert batos("teach", "greeter", "initials_", *examples)[0] == 0
    batos("export", "out", "greeter")
    batos("import", "out", "--image", "other.image")

    told = batos("why", "greeter", "initials_", "--image", "other.image")[1]
    assert "taken from an export of image" in told
    assert "where builtin wrote it in mission" in told


def test_what_is_refused_is_told_and_is_a_failure(batos, image):
    batos("export", "out", "greeter")
    changed = image.parent / "out" / "greeter.toml"
    changed.write_text(changed.read_text().replace("Ada", "Mallory"))

    code, _, err = batos("import", "out", "--image", "other.image")
    assert (code, "Refused greeter.toml" in err) == (1, True)
    code, out, _ = batos("import", "out", "--edited", "--image", "other.image")
    assert (code, out.startswith("1 object made")) == (0, True)


def test_erasing_asks_before_it_does_it(batos, image):
    code, out, _ = batos("erase", "--text", "Ada Lovelace", "--preview")
    assert (code, "objects" in out) == (0, True)
    code, _, err = batos("erase", "--text", "Ada Lovelace")
    assert (code, "--yes" in err) == (2, True)
    assert b"Ada Lovelace" in (image / "objects" / "main.sqlite3").read_bytes()

    code, out, err = batos("erase", "--text", "Ada Lovelace", "--yes")
    assert (code, "No file of the image holds it any more." in out) == (0, True)
    assert "Not covered" in err
    assert b"Ada Lovelace" not in (image / "objects" / "main.sqlite3").read_bytes()

    assert document(batos("erase", "owls", "--yes", "--json"))["left"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["restore", "nothing"], 1, "no backup"),
        (["restore", "nothing", "--image", "demo.image"], 1, "no backup"),
        (["import", "nothing"], 1, "no export"),
        (["erase"], 2, "either a document or --text"),
        (["erase", "a", "--text", "b"], 2, "either a document or --text"),
        (["erase", "nothing", "--yes"], 1, "No document has or had this id"),
        (["erase", "--text", "ab", "--yes"], 1, "stands everywhere"),
        (["pack", "--keep", "-1"], 2, "keep"),
        (["backup", "demo.image/inside"], 1, "within the image"),
        (["export", "demo.image"], 1, "holds other things"),
        (["export", "out", "nobody"], 1, "nobody"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(batos, image, arguments, code, says):
    ended, _, err = batos(*arguments)

    assert (ended, says in err) == (code, True)
    assert "Traceback" not in err


def test_no_image_is_made_for_what_cannot_be_imported_or_restored(batos, tmp_path):
    assert batos("import", str(tmp_path), "--image", "new.image")[0] == 1
    assert batos("restore", str(tmp_path), "--image", "new.image")[0] == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["pack", "backup x", "export x", "erase x --yes", "doctor"])
def test_where_there_is_no_image_the_exit_code_says_so(batos, command):
    assert batos(*command.split(), "--image", "nothing.image")[0] == 3
