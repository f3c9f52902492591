"""Forks: a second image with the same past and a future of its own, in which no mission runs a second time."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import pytest
from ZODB.blob import Blob

import batos
from batos.errors import ForkRefused, PackedAway, UndoRefused, UnknownChange, UnknownMission
from batos.image.forking import fork
from batos.image.history import history, undo
from batos.image.image import Image
from batos.image.packing import pack
from batos.image.soundness import check_soundness
from batos.image.views import at
from batos.runtime.heartbeat import Heartbeat
from batos.testing import temporary_image
from contract.images import all_kinds, contents, create, image, names, storage, uri, value
from storages import new_place

ON_DISK = pytest.mark.parametrize("storage", ["sqlite", "file"], indirect=True)
INITIALS = [(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")]


@pytest.fixture
def place(storage, tmp_path, request):
    """The address of another image that does not exist yet, on the same storage."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with new_place(storage, folder, lambda: request.getfixturevalue("postgresql")) as place:
        yield place


@pytest.fixture
def greeter(image):
    handle = create(image, "greeter", all_kinds())
    image.change("draw", lambda world: setattr(world["greeter"], "picture", Blob(b"first")))
    image.change("add", lambda world: world["greeter"].names.append("Grace"))
    image.change("draw again", lambda world: setattr(world["greeter"], "picture", Blob(b"second")))
    return handle


def change_of(handle, note):
    return next(change.id for change in history(handle._image, handle._oid) if change.note == note)


def facts(image):
    with image.reading() as world:
        return dict(world.root["image"])


# The image


def test_a_fork_has_the_image_and_all_its_history(image, greeter, place):
    create(image, "other", {"friend": None})
    before = contents(image)

    forked = fork(image, place)

    with Image.open(place, create=False) as copy:
        assert (names(copy), contents(copy)) == (names(image), before)
        assert [*history(copy, greeter._oid)] == [*history(image, greeter._oid)]
        assert at(copy, "draw")["greeter"].picture == b"first"
        assert value(copy, "greeter", "names") == ["Ada", "Grace"]
        assert (copy.id, facts(copy)["forked_from"]) == (forked.id, image.id)
        assert copy.id != image.id
        assert check_soundness(copy).problems == ()


@ON_DISK
def test_what_is_done_in_one_is_not_done_in_the_other(image, greeter, place):
    fork(image, place)
    added = change_of(greeter, "add")

    with Image.open(place) as copy:
        undo(copy, added)
        create(copy, "only_there")
        create(image, "only_here")
        assert (value(copy, "greeter", "names"), value(image, "greeter", "names")) == (["Ada"], ["Ada", "Grace"])
        assert (names(copy), names(image)) == (["greeter", "only_there"], ["greeter", "only_here"])


@ON_DISK
def test_a_fork_of_a_past_moment_ends_there(image, greeter, place):
    forked = fork(image, place, "add")

    with Image.open(place) as copy:
        assert [change.note for change in history(copy, greeter._oid)] == ["add", "draw", "create greeter"]
        assert at(copy, forked.change)["greeter"].picture == b"first"
        assert facts(copy)["forked_at"] == change_of(greeter, "add")
        assert value(image, "greeter", "names") == ["Ada", "Grace"]


@pytest.mark.parametrize("storage, kind", [("sqlite", "file"), ("file", "sqlite")], indirect=["storage"])
def test_a_fork_may_be_on_another_storage(image, greeter, tmp_path, kind):
    fork(image, f"{kind}:{tmp_path}/fork.image")

    with Image.open(f"{tmp_path}/fork.image") as copy:
        assert copy.where.scheme == kind
        assert contents(copy) == contents(image)
        undo(copy, change_of(greeter, "add"))


@ON_DISK
def test_a_packed_image_gives_forks_that_know_what_is_gone(image, greeter, place, tmp_path):
    first, added = change_of(greeter, "create greeter"), change_of(greeter, "draw again")
    pack(image, keep_days=0.0)
    image.change("rename", lambda world: setattr(world["greeter"], "name", "Grace"))

    with pytest.raises(UnknownChange):
        fork(image, tmp_path / "refused.image", first)
    fork(image, place, added)

    with Image.open(place) as copy:
        assert value(copy, "greeter", "name") == "Ada"
        with pytest.raises(UndoRefused, match="packed"):
            undo(copy, added)
    assert not (tmp_path / "refused.image").exists()


def test_a_place_that_holds_an_image_is_refused_and_left_as_it_is(image, greeter, place):
    with Image.open(place) as other:
        create(other, "theirs")
        identity = other.id

    with pytest.raises(ForkRefused, match="Name another"):
        fork(image, place)

    with Image.open(place) as other:
        assert (other.id, names(other)) == (identity, ["theirs"])


def test_a_fork_that_fails_leaves_nothing(image, greeter, place):
    def fail(forked):
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        fork(image, place, finish=fail)

    assert fork(image, place).id


# The missions


@pytest.fixture
def system():
    with temporary_image() as opened:
        opened.create("greeter")
        yield opened


def test_ended_missions_come_along_with_what_they_asked(system, tmp_path):
    system.teach("greeter", "initials_", intent="the initials of a full name", examples=INITIALS)
    learned = system.history("greeter")[0]
    system.create_method("greeter", "later_", "def later_(self):\n    return 1\n", "a person")

    system.fork(tmp_path / "fork.image", learned.id)

    with batos.open(tmp_path / "fork.image") as copy:
        assert copy["greeter"].initials_("grace hopper") == "G.H."
        assert copy.why("greeter", "initials_").asked == system.why("greeter", "initials_").asked
        assert copy.mission(learned.mission)["state"] == "done"
        assert "later_" not in copy.inspect("greeter")["understands"]
        copy.undo(learned.id)
    assert system["greeter"].initials_("grace hopper") == "G.H."


def test_a_mission_that_ended_after_the_moment_is_unknown_to_the_fork(system, tmp_path):
    before = system.history("greeter")[0]
    system.teach("greeter", "initials_", intent="the initials of a full name", examples=INITIALS)
    learned = system.history("greeter")[0]

    system.fork(tmp_path / "fork.image", before.id)

    with batos.open(tmp_path / "fork.image") as copy:
        assert copy.missions() == []
        with pytest.raises(UnknownMission):
            copy.mission(learned.mission)


def test_open_missions_stay_with_the_original(system, tmp_path):
    system.stop_work()
    waiting = system.submit("greeter", "shout_", ("hello",), learn=True, intent="loud", examples=[(("a",), "A")])
    counts = system.store.counts()

    system.fork(tmp_path / "fork.image")

    with batos.open(tmp_path / "fork.image") as copy:
        assert copy.missions() == []
        assert sum(copy.store.counts().values()) == 0
    assert system.store.counts() == counts
    assert system.mission(waiting.id)["state"] == "queued"


def test_a_heartbeat_that_is_off_stays_off(system, tmp_path):
    Heartbeat(system.place, system.settings, system.events).switch(False)

    system.fork(tmp_path / "fork.image")

    with batos.open(tmp_path / "fork.image") as copy:
        assert copy.state()["heartbeat"] == {"off": True}
