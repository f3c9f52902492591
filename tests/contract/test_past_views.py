"""Views of the past: the image as it was, to be read like the image, and nothing else."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from batos.errors import ImageBusy, PackedAway, TransactionMisuse, UnknownChange, UnknownObject
from batos.image.differing import differences
from batos.image.handles import Handle
from batos.image.history import history
from batos.image.horizon import tid_at
from batos.image.image import Image
from batos.image.packing import pack
from batos.image.turns import alone
from batos.image.views import at
from batos.objects.records import Intent, Method
from batos.testing import MovableClock, temporary_image
from contract.images import create, image, in_a_thread, names, storage, uri, value

ON_DISK = pytest.mark.parametrize("storage", ["sqlite", "file"], indirect=True)
FAR_BACK = datetime(2001, 2, 3, tzinfo=UTC)
NEVER = [-1e30, float("nan"), float("inf")]


def method(selector, source, previous=None):
    return Method(selector, source, previous=previous)


@pytest.fixture
def greeter(image):
    """An object with three states: Ada, Grace, and one with another list."""
    handle = create(image, "greeter", {"name": "Ada", "names": ["Ada"], "friend": None})
    image.change("rename", lambda world: setattr(world["greeter"], "name", "Grace"))
    image.change("add", lambda world: world["greeter"].names.append("Grace"))
    return handle


def ids(handle):
    """The change ids of an object, oldest first."""
    return [change.id for change in history(handle._image, handle._oid)][::-1]


# Which moment


def test_a_moment_is_named_by_change_time_or_note(image, greeter):
    made, renamed, added = history(image, greeter._oid)[::-1]

    for when in (renamed.id, renamed.time, datetime.fromtimestamp(renamed.time, UTC), "rename"):
        view = at(image, when)
        assert (view.id, view.note, view.time) == (renamed.id, "rename", renamed.time)
    assert at(image, made.id)["greeter"].name == "Ada"
    assert at(image, added.time + 3600).id == added.id


@ON_DISK
def test_a_time_in_text_counts_to_its_end(image, greeter):
    last = history(image, greeter._oid)[0]
    then = datetime.fromtimestamp(last.time, UTC).astimezone()

    for text in (f"{then:%Y-%m-%d %H:%M:%S}", f"{then:%Y-%m-%dT%H:%M}", f"{then:%Y-%m-%d}"):
        assert at(image, text).id == last.id
    assert at(image, f"{then.astimezone(UTC) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}").id == last.id


def test_a_moment_that_never_was_is_said_so(image, greeter):
    for when in ("no such note", "", "00" * 8, "ff" * 8, FAR_BACK, str(FAR_BACK), 0, *NEVER):
        with pytest.raises(UnknownChange, match="history NAME"):
            at(image, when)


# Reading


def test_a_view_shows_what_was_there(image, greeter):
    made, renamed, added = ids(greeter)
    create(image, "later")
    image.change("delete", lambda world: world.delete("greeter"))

    view = at(image, made)

    assert (view["greeter"].name, view["greeter"].names) == ("Ada", ["Ada"])
    assert (at(image, renamed)["greeter"].name, at(image, renamed)["greeter"].names) == ("Grace", ["Ada"])
    assert at(image, added)["greeter"].names == ["Ada", "Grace"]
    assert ("greeter" in view, "later" in view, view.names()) == (True, False, ["greeter"])
    assert ("greeter" in names(image), "later" in names(image)) == (False, True)
    with pytest.raises(UnknownObject):
        view["later"]


@ON_DISK
def test_it_shows_the_history_up_to_then(image, greeter):
    made, renamed, _ = ids(greeter)

    assert [change.id for change in at(image, renamed).history("greeter")] == [renamed, made]


@ON_DISK
def test_objects_in_slots_are_handles_of_the_same_view(image, greeter):
    create(image, "other", {"mood": "calm"})
    image.change("befriend", lambda world: setattr(world["greeter"], "friend", world["other"]))
    image.change("cheer up", lambda world: setattr(world["other"], "mood", "glad"))

    friend = at(image, "befriend")["greeter"].friend

    assert type(friend) is Handle
    assert friend.mood == "calm"
    assert repr(friend) == "other"


def test_a_view_stays_what_it_is_while_the_image_goes_on(image, greeter):
    view = at(image, ids(greeter)[-1])
    with view.reading() as world:
        seen = world["greeter"]
        assert seen.name == "Grace"
        image.change("rename again", lambda world: setattr(world["greeter"], "name", "Alan"))
        assert world["greeter"].name == "Grace"
    assert (view["greeter"].name, value(image, "greeter", "name")) == ("Grace", "Alan")


@pytest.mark.parametrize("storage", ["sqlite", "postgresql"], indirect=True)
def test_what_another_process_has_just_committed_can_be_viewed(uri, image, greeter):
    assert at(image, ids(greeter)[0])["greeter"].name == "Ada"
    with Image.open(uri) as other:
        other.change("elsewhere", lambda world: setattr(world["greeter"], "name", "Alan"))

        assert at(image, "elsewhere")["greeter"].name == "Alan"


@ON_DISK
def test_threads_share_a_view(image, greeter):
    view = at(image, ids(greeter)[0])
    handle = view["greeter"]

    assert in_a_thread(lambda: (handle.name, view.names())) == ("Ada", ["greeter"])


def test_within_a_transaction_a_view_is_still_the_past(image, greeter):
    view = at(image, ids(greeter)[0])
    with image.transaction("rename back") as world:
        world["greeter"].name = view["greeter"].name
        assert world["greeter"].names == ["Ada", "Grace"]

    assert value(image, "greeter", "name") == "Ada"


@ON_DISK
def test_what_was_an_object_then_can_be_given_to_the_image_of_now(image, greeter):
    then = at(image, ids(greeter)[0])["greeter"]
    holder = create(image, "holder", {"held": None})

    holder.held = then

    assert value(image, "holder", "held") == "greeter"


# Only reading


def test_writing_and_sending_are_refused_in_a_sentence(image, greeter):
    then = at(image, ids(greeter)[0])["greeter"]

    for misuse in (
        lambda: setattr(then, "name", "Alan"),
        lambda: delattr(then, "name"),
        lambda: then.shout_("hello"),
        lambda: then.submit("shout_"),
    ):
        with pytest.raises(TransactionMisuse, match=r"image as of change .* can only be read"):
            misuse()


def test_raw_objects_of_the_past_cannot_be_changed_and_the_next_reader_sees_no_attempt(image, greeter):
    view = at(image, ids(greeter)[0])
    for misuse in (
        lambda world: setattr(world["greeter"], "name", "Alan"),
        lambda world: world["greeter"].names.append("Alan"),
        lambda world: world.delete("greeter"),
    ):
        with view.reading() as world, pytest.raises(TransactionMisuse, match="image as it was"):
            misuse(world)
        assert (view["greeter"].name, view["greeter"].names, view.names()) == ("Ada", ["Ada"], ["greeter"])
    assert value(image, "greeter", "names") == ["Ada", "Grace"]


# Its end


@ON_DISK
def test_a_view_ends_by_itself_with_the_image_or_when_it_is_closed(uri):
    clock = MovableClock()
    with Image.open(uri, clock=clock) as image:
        handle = create(image, "greeter", {"name": "Ada"})
        closed, kept = at(image, ids(handle)[0]), at(image, ids(handle)[0], lifetime=60.0)
        closed.close()
        with pytest.raises(TransactionMisuse, match=r"was closed\. Open another"):
            closed.names()
        clock.move(59.0)
        assert kept["greeter"].name == "Ada"
        clock.move(1.0)
        with pytest.raises(TransactionMisuse, match="has ended after 60 s"):
            kept["greeter"]
        left = at(image, ids(handle)[0])
    with pytest.raises(TransactionMisuse, match="was closed"):
        left.names()


@ON_DISK
def test_the_image_is_not_closed_while_a_view_is_read(image, greeter, monkeypatch):
    monkeypatch.setattr("batos.image.image.CLOSING_SECONDS", 0.01)
    with at(image, ids(greeter)[0]).reading(), pytest.raises(TransactionMisuse, match="transaction open"):
        in_a_thread(image.close)
    assert names(image) == ["greeter"]


@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
def test_a_view_does_not_keep_the_write_ahead_log(image, greeter):
    view = at(image, ids(greeter)[0])
    assert view["greeter"].name == "Ada"
    for number in range(300):
        image.change("grow", lambda world, number=number: setattr(world["greeter"], "text", f"{number:4}" * 2_000))
        if number % 100 == 0:
            assert view["greeter"].name == "Ada"

    assert image.where.database.with_name("main.sqlite3-wal").stat().st_size < 6_000_000


@ON_DISK
def test_looking_at_many_moments_keeps_few_files_open(image, greeter):
    for number in range(40):
        image.change("count", lambda world, number=number: setattr(world["greeter"], "friend", number))
    before = len(list(Path("/proc/self/fd").iterdir()))

    assert [at(image, id_)["greeter"].friend for id_ in ids(greeter)[3:]] == list(range(40))

    assert len(list(Path("/proc/self/fd").iterdir())) < before + 30


# Packing


@ON_DISK
def test_a_moment_before_the_pack_horizon_is_refused_and_one_at_it_is_not(image, greeter):
    made, renamed, added = ids(greeter)
    early, late = at(image, made), at(image, added)
    assert early["greeter"].name == "Ada"
    pack(image, keep_days=0.0)

    with pytest.raises(PackedAway, match=f"Change {made} lies before"):
        early["greeter"]
    with pytest.raises(UnknownChange):
        at(image, renamed)
    assert late["greeter"].names == at(image, added)["greeter"].names == ["Ada", "Grace"]


@ON_DISK
def test_nobody_packs_while_a_view_is_read_and_nobody_reads_one_during_a_pack(image, greeter):
    view = at(image, ids(greeter)[0])

    with view.reading(), pytest.raises(ImageBusy):
        in_a_thread(lambda: pack(image, keep_days=0.0))
    with alone(image.path), pytest.raises(ImageBusy):
        view.names()
    assert view["greeter"].name == "Ada"


# What is different


def difference(image, before, after=None, target="greeter"):
    return differences(target, at(image, before), at(image, after) if after else image, ("then", "now"))


@ON_DISK
def test_a_difference_is_told_slot_by_slot(image, greeter):
    made = ids(greeter)[0]
    with image.transaction("change much") as world:
        obj = world["greeter"]
        obj.mood = "calm"
        del obj.friend
        obj.hello_ = method("hello_", "def hello_(self):\n    return 1\n")

    found = difference(image, made)

    assert [(slot.what, slot.name, slot.before, slot.after) for slot in found.slots if slot.kind == "data"] == [
        ("changed", "name", "Ada", "Grace"),
        ("changed", "names", ["Ada"], ["Ada", "Grace"]),
        ("added", "mood", None, "calm"),
        ("removed", "friend", None, None),
    ]
    assert str(found).splitlines() == [
        "greeter from then to now",
        '~ name: "Ada" → "Grace"',
        '~ names: ["Ada"] → ["Ada", "Grace"]',
        '+ mood: "calm"',
        "+ hello_: sandboxed method, version 1",
        "- friend: null",
    ]


@ON_DISK
def test_methods_differ_by_their_sources_and_long_values_by_their_lines(image, greeter):
    first = method("hello_", "def hello_(self):\n    return 1\n")

    def learn(world):
        world["greeter"].hello_ = first
        world["greeter"].names = [f"name {number}" for number in range(20)]
        world["greeter"].wish_ = Intent("to be learned")

    image.change("learn", learn)

    def learn_again(world):
        obj = world["greeter"]
        obj.hello_ = method("hello_", "def hello_(self):\n    return 2\n", obj.__dict__["__methods__"]["hello_"])
        obj.names[7] = "Grace"
        obj.wish_ = method("wish_", "def wish_(self):\n    return 3\n")

    image.change("learn again", learn_again)

    slots = {slot.name: slot for slot in difference(image, "learn", "learn again").slots}

    assert slots["hello_"].lines == ("@@ -1,2 +1,2 @@", " def hello_(self):", "-    return 1", "+    return 2")
    assert slots["hello_"].says == "sandboxed method, version 1 → sandboxed method, version 2"
    assert [line for line in slots["names"].lines if line[0] in "+-"] == ['- "name 7",', '+ "Grace",']
    assert slots["wish_"].says == '"to be learned" → sandboxed method, version 1'


@ON_DISK
def test_an_object_that_was_not_there_yet_is_told_whole_and_the_same_twice_is_nothing(image, greeter):
    added = ids(greeter)[-1]
    create(image, "later", {"mood": "calm"})

    assert [(slot.what, slot.name) for slot in difference(image, added, target="later").slots] == [("added", "mood")]
    assert str(difference(image, added, added)) == "greeter from then to now: no slot is different"
    with pytest.raises(UnknownObject):
        difference(image, added, target="nobody")


@ON_DISK
def test_what_came_back_to_the_same_value_is_no_difference_and_1_is_not_true(image, greeter):
    made = ids(greeter)[0]
    image.change("back", lambda world: setattr(world["greeter"], "name", "Ada"))
    image.change("one", lambda world: setattr(world["greeter"], "friend", 1))
    image.change("true", lambda world: setattr(world["greeter"], "friend", True))

    assert [slot.name for slot in difference(image, made).slots] == ["names", "friend"]
    assert [slot.name for slot in difference(image, "one", "true").slots] == ["friend"]


# With the running system


def test_why_answers_for_a_slot_as_it_was_down_to_what_was_asked():
    examples = [(("ada lovelace",), "A.L."), (("alan turing",), "A.T.")]
    with temporary_image() as system:
        greeter = system.create("greeter")
        system.teach("greeter", "short_", intent="the initials of a full name", examples=examples)
        learned = system.history("greeter")[0]
        body = "    letters = [word[0].upper() for word in name.split()]\n    return '.'.join(letters) + '.'\n"
        source = f"def short_(self, name):\n{body}"
        system.create_method("greeter", "short_", source, "a person")
        assert greeter.short_("grace hopper") == "G.H."

        with system.at(learned.id) as view:
            then, now = view.why("greeter", "short_"), system.why("greeter", "short_")
            shown = next(slot for slot in view.inspect("greeter")["slots"] if slot["name"] == "short_")

        assert (then.mission["id"], now.mission) == (learned.mission, None)
        assert {"observe", "inference"} <= {asked["kind"] for asked in then.asked}
        assert any(asked["prompt"] for asked in then.asked)
        assert (shown["value"]["version"], shown["value"]["source"]) == (1, then.source)
        difference = system.diff("greeter", learned.id)
        assert (difference.target, difference.after) == ("greeter", "now")
        assert [slot.name for slot in difference.slots] == ["short_"]
        assert "+    letters = [" in str(difference)
