"""Objects and methods as text: written stably, read back whole, and never believed."""

from pathlib import Path

import pytest

import batos
from batos.errors import ImportRefused, UnknownObject
from batos.objects.mirror import Mirror
from batos.objects.uvm_object import UvmObject, label
from batos.runtime.mission import Mission
from batos.runtime.written import read_object
from batos.settings import Settings
from contract.care_tools import STORAGES

QUIET = Settings(heartbeat=False)
INITIALS = [(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")]
SHOUT = "def shout_(self, text):\n    return self.initials_(text) + '!'\n"


def fill(uvm):
    """A greeter with every kind of slot, another that delegates to it, and an object without a name between them."""
    slots = {"name": "Ada", "count": 3, "tags": ["a", None], "kinds": {"set": {1, 2}, "pair": (1.5, b"\0")}}
    greeter = uvm.create("greeter", slots)
    uvm.create("other", {"friend": greeter}, parents=["greeter"])
    uvm.teach("greeter", "initials_", intent="the initials of a full name", examples=INITIALS)
    uvm.create_method("greeter", "shout_", SHOUT, author="a person")
    with uvm.transaction("more") as world:
        world["greeter"].pal = UvmObject([world["traits"]], back=world["greeter"], says="it's\n'''quoted'''\n")
        Mirror(world["greeter"]).annotate("name", comment="who it is")
        Mirror(world["greeter"]).add("wish_", batos.Intent("something to wish for"))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """(the open image, the folder that it was exported to)"""
    folder = tmp_path_factory.mktemp("text")
    with batos.open(folder / "a.image", settings=QUIET) as uvm:
        fill(uvm)
        uvm.care.export(folder / "out")
        yield uvm, folder / "out"


@pytest.fixture
def out(original, tmp_path):
    """A copy of the export, to be changed."""
    copy = tmp_path / "out"
    copy.mkdir()
    for path in original[1].iterdir():
        (copy / path.name).write_text(path.read_text())
    return copy


@pytest.fixture
def empty(tmp_path):
    with batos.open(f"file:{tmp_path}/b.image", settings=QUIET) as uvm:
        yield uvm


def edit(folder, name, before, after):
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after))


def refused(report):
    return {refusal.what: refusal.reason for refusal in report.refused}


# Writing


def test_there_is_a_file_for_each_object(original):
    names = {path.name for path in original[1].iterdir()}

    assert names == {"export.toml", "greeter.toml", "greeter--pal.toml", "other.toml"}


def test_the_same_objects_give_the_same_bytes(original, tmp_path):
    uvm, out = original
    uvm.care.export(tmp_path / "again")
    uvm.care.export(tmp_path / "again")

    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == {
        path.name: path.read_bytes() for path in out.iterdir()
    }


def test_a_method_can_be_read_as_it_was_written(original):
    text = (original[1] / "greeter.toml").read_text()

    assert "def shout_(self, text):\n    return self.initials_(text) + '!'\n" in text
    assert 'args = ["ada lovelace"]' in text
    assert 'author = "a person"' in text


def test_only_what_is_named_is_written_and_what_is_gone_goes(original, tmp_path):
    uvm, _ = original
    uvm.care.export(tmp_path / "some")
    report = uvm.care.export(tmp_path / "some", ["other"])

    assert report.objects == 1
    assert {path.name for path in (tmp_path / "some").iterdir()} == {"export.toml", "other.toml"}


def test_what_text_cannot_hold_is_named(tmp_path):
    from BTrees.OOBTree import OOBTree

    with batos.open(f"file:{tmp_path}/a.image", settings=QUIET) as uvm:
        with uvm.transaction("a tree") as world:
            world.create("holder", {"tree": OOBTree({"a": 1}), "plain": 1})
        report = uvm.care.export(tmp_path / "out", ["holder"])

    assert report.left_out == ("holder.tree (a OOBTree)",)
    assert read_object((tmp_path / "out" / "holder.toml").read_text()).slots == {"plain": 1}


def test_other_peoples_folders_are_left_alone(original, tmp_path):
    uvm, _ = original
    (tmp_path / "letter").write_text("keep me")
    with pytest.raises(ImportRefused, match="holds other things"):
        uvm.care.export(tmp_path)
    with pytest.raises(UnknownObject):
        uvm.care.export(tmp_path / "new", ["nobody"])


# Reading


@pytest.mark.parametrize("storage", STORAGES)
def test_an_image_that_took_the_text_in_has_the_same_objects(original, storage, tmp_path):
    _, out = original
    with batos.open(f"{storage}:{tmp_path}/b.image", settings=QUIET) as image:
        report = image.care.import_(out)
        assert (report.created, report.refused) == (("greeter", "other"), ())
        assert image["other"].initials_("grace hopper") == "G.H."
        assert image["other"].shout_("grace hopper") == "G.H.!"
        assert image["greeter"].kinds == {"set": {1, 2}, "pair": (1.5, b"\0")}
        assert image["greeter"].pal.says == "it's\n'''quoted'''\n"
        with image.transaction("look") as world:
            assert world["greeter"].pal.back is world["greeter"]
            assert label(world["other"].friend) == "greeter"
            assert Mirror(world["greeter"]).notes("name") == {"comment": "who it is"}
        assert image.care.doctor()[3].standing == "sound"


def test_provenance_is_kept_apart_from_what_this_image_vouches_for(original, empty):
    uvm, out = original
    before = uvm.why("greeter", "initials_").provenance
    report = empty.care.import_(out)
    proven = empty.why("greeter", "initials_").provenance
    unproven = empty.why("greeter", "shout_").provenance

    assert report.proven == ("greeter.initials_",)
    assert proven["origin"] == before
    assert (proven["author"], proven["proven"], proven["tainted"]) == ("import", 2, False)
    assert (unproven["proven"], unproven["tainted"]) == (0, True)
    assert proven["from_image"] == uvm.image.id
    assert f"Taken from an export of image {uvm.image.id}, written there by" in str(empty.why("greeter", "initials_"))


def test_taking_it_in_again_changes_nothing(original, empty):
    _, out = original
    empty.care.import_(out)
    rechecks = [mission["mission"] for mission in empty.missions()]
    assert rechecks
    for identity in rechecks:
        Mission(empty.image, empty.store, identity).result(30)
    before = len(list(empty.image.transactions_since(b"\0" * 8)))
    report = empty.care.import_(out)

    assert (report.created, report.written, report.refused) == ((), (), ())
    assert report.unchanged > 8
    assert len(list(empty.image.transactions_since(b"\0" * 8))) == before


def test_what_stands_there_already_stays_unless_it_is_replaced(original, empty):
    _, out = original
    empty.create("greeter", {"name": "Grace"})
    report = empty.care.import_(out)
    assert "greeter.name" in refused(report)
    assert empty["greeter"].name == "Grace"
    assert empty["greeter"].initials_("grace hopper") == "G.H."

    assert empty.care.import_(out, replace=True).refused == ()
    assert empty["greeter"].name == "Ada"


def test_a_method_that_is_replaced_becomes_an_earlier_version(original, empty):
    _, out = original
    empty.create("greeter")
    empty.create_method("greeter", "shout_", "def shout_(self, text):\n    return text\n", author="me")
    assert "greeter.shout_" in refused(empty.care.import_(out))
    empty.care.import_(out, replace=True)

    assert empty.why("greeter", "shout_").versions == (2, 1)


def test_the_import_is_one_change_that_can_be_undone(original, empty):
    _, out = original
    empty.care.import_(out)
    empty.undo(empty.history("greeter")[0].id)

    assert "greeter" not in empty.names()


# Distrust


def test_a_file_that_was_changed_is_refused_unless_it_is_said_to_be_edited(out, empty):
    edit(out, "greeter.toml", 'name = "Ada"', 'name = "Mallory"')
    report = empty.care.import_(out)
    assert "greeter.toml" in refused(report)
    assert "greeter" not in empty.names()

    empty.care.import_(out, edited=True)
    assert empty["greeter"].name == "Mallory"


def test_a_method_that_fails_its_examples_is_refused_with_the_reason(out, empty):
    edit(out, "greeter.toml", 'result = "A.T."', 'result = "wrong"')
    report = empty.care.import_(out, edited=True)

    assert "should give 'wrong' but gave 'A.T.'" in refused(report)["greeter.initials_"]
    assert "initials_" not in [slot["name"] for slot in empty.inspect("greeter")["slots"]]
    assert empty["greeter"].name == "Ada"


def test_a_method_is_refused_when_one_that_it_needs_was_refused(out, empty):
    edit(out, "greeter.toml", "sha256", "sha256_of_something_else = 1\nsha256")
    assert "greeter.toml" in refused(empty.care.import_(out, edited=True))

    edit(out, "greeter.toml", "sha256_of_something_else = 1\n", "")
    example = '\n[[methods.examples]]\nargs = ["ada b"]\nresult = "A.B.!"\n'
    (out / "greeter.toml").write_text((out / "greeter.toml").read_text() + example)
    edit(out, "greeter.toml", 'result = "A.T."', 'result = "wrong"')
    report = empty.care.import_(out, edited=True)

    assert {"greeter.initials_", "greeter.shout_"} <= set(refused(report))


@pytest.mark.parametrize(
    "source",
    ["import os\\ndef shout_(self, text):\\n    return text\\n", "def shout_(self, text):\\n    return self._p_jar\\n"],
)
def test_todays_guardian_audits_what_comes_in(out, empty, source):
    text = (out / "greeter.toml").read_text()
    begin = text.index("source = '''\ndef shout_")
    end = text.index("'''", begin + 12) + 3
    (out / "greeter.toml").write_text(f'{text[:begin]}source = "{source}"{text[end:]}')
    report = empty.care.import_(out, edited=True)

    assert "guardian refused" in refused(report)["greeter.shout_"]


def test_trust_is_never_imported(out, empty):
    edit(out, "greeter.toml", 'trust = "sandboxed"', 'trust = "trusted"')
    empty.care.import_(out, edited=True)

    assert {slot["value"]["trust"] for slot in empty.inspect("greeter")["slots"] if slot["kind"] == "method"} == {
        "sandboxed"
    }


def test_a_primitive_is_the_programs_to_install(out, empty):
    method = '\n[[methods]]\nselector = "run_"\nprimitive = "traits.clone"\ntrust = "primitive"\n'
    (out / "other.toml").write_text((out / "other.toml").read_text() + method)
    report = empty.care.import_(out, edited=True)

    assert "Python code of a program" in refused(report)["other.run_"]


def test_what_batos_makes_itself_is_not_imported_over(out, empty):
    (out / "traits.toml").write_text(
        'format = 1\nobject = "traits"\n[slots]\nevil = 1\n[[methods]]\nselector = "clone"\n'
        "source = '''\ndef clone(self):\n    return 1\n'''\n"
    )
    (out / "robin.toml").write_text(
        'format = 1\nobject = "robin"\nlearned_only = true\n[[methods]]\nselector = "infer_"\n'
        "source = '''\ndef infer_(self, text):\n    return text\n'''\n"
    )
    reasons = refused(empty.care.import_(out, edited=True))

    assert {"traits", "traits.clone", "robin.infer_"} <= set(reasons)
    assert "evil" not in [slot["name"] for slot in empty.inspect("traits")["slots"]]


@pytest.mark.parametrize(
    "text",
    ["not toml at all [", 'format = 9\nobject = "x"\n', 'object = "x"\nunknown = 1\n', 'object = "_private"\n', "\xff"],
)
def test_what_cannot_be_read_is_refused_and_the_rest_is_taken(out, empty, text):
    (out / "strange.toml").write_bytes(text.encode("latin-1"))
    report = empty.care.import_(out, edited=True)

    assert {"strange.toml", "_private"} & set(refused(report))
    assert report.created == ("greeter", "other")


def test_a_reference_to_an_object_that_is_nowhere_is_refused(out, empty):
    (out / "greeter.toml").unlink()
    report = empty.care.import_(out)

    assert {"greeter.toml", "other.friend", "other.parent*"} <= set(refused(report))
    assert report.created == ("other",)


def test_only_an_export_is_imported(tmp_path, empty):
    with pytest.raises(ImportRefused, match="no export"):
        empty.care.import_(tmp_path)
    (tmp_path / "export.toml").write_text("nonsense")
    with pytest.raises(ImportRefused, match="cannot be read"):
        empty.care.import_(Path(tmp_path))


def test_a_circle_of_parents_is_refused(out, empty):
    edit(out, "greeter.toml", '"parent*" = "traits"', '"parent*" = "other"')
    report = empty.care.import_(out, edited=True)

    assert "circle" in refused(report)["other.parent*"]
