"""Handles: what a program holds of an object outside a transaction. Any thread, plain values, nothing by accident."""

# ruff: noqa: F401, F811 - pytest finds fixtures by the names of arguments

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from BTrees.Length import Length
from BTrees.OOBTree import OOBTree
from persistent import Persistent
from ZODB.blob import Blob

from batos.errors import NotUnderstood, SlotRefused, TransactionMisuse, UnknownObject
from batos.image.handles import Handle, Selector
from batos.image.image import Image
from batos.objects.primitives import primitive
from batos.objects.records import Intent, Method, Secret
from batos.objects.uvm_object import UvmObject
from contract.images import create, image, in_a_thread, storage, uri, value


@primitive("test.handles.describe")
def describe(receiver, other, words=(), **more):
    """What arrives: raw objects where handles were given."""
    assert all(isinstance(obj, UvmObject) for obj in (receiver, other))
    return {"receiver": receiver, "other": [other], "words": words, "more": more}


@primitive("test.handles.grow")
def grow(receiver, number):
    receiver.grown = [*receiver.grown, number]
    return receiver.grown


@primitive("test.handles.make")
def make(receiver, name):
    return UvmObject([receiver], name=name)


def methods():
    return {name: Method(name, primitive=f"test.handles.{name}") for name in ("describe", "grow", "make")}


@pytest.fixture
def greeter(image):
    return create(image, "greeter", {"name": "Ada", "grown": [], "shout": Intent("to shout"), **methods()})


class Messenger:
    """Keeps what it is asked to deliver or file. A program that only looks must leave it empty."""

    def __init__(self):
        self.asked = []

    def deliver(self, handle, selector, args, kwargs):
        self.asked.append((selector, args, kwargs))
        return "delivered"

    def submit(self, handle, selector, args, kwargs):
        self.asked.append((selector, args, kwargs))
        return "filed"


@pytest.fixture
def messenger(image):
    image.messenger = Messenger()
    yield image.messenger
    image.messenger = None


# Reading


def raw_parts(value):
    if isinstance(value, Persistent):
        yield value
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from raw_parts(item)


def test_values_come_out_plain_and_objects_as_handles(image, greeter):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    friend = create(image, "friend", {"name": "Grace"})
    held = {
        "list": [1, [2, {"a": (3, friend)}]],
        "dict": {"friend": friend, (1, "b"): None},
        "set": {1, 2},
        "frozen": frozenset({"a"}),
        "tuple": (friend, 1),
        "moment": moment,
        "bytes": b"\0" * 100_000,
        "secret": Secret("API_KEY"),
    }
    for slot, given in held.items():
        setattr(greeter, slot, given)

    for slot, given in held.items():
        read = getattr(greeter, slot)
        assert read == given
        assert type(read) is type(given)
        assert not list(raw_parts(read))
    assert isinstance(greeter.list[1][1]["a"][1], Handle)


def test_trees_counters_and_blobs_come_out_as_dicts_numbers_and_bytes(image, greeter):
    greeter.tree = OOBTree({"a": [1]})
    greeter.count = Length(3)
    greeter.film = Blob(b"frames")
    greeter.films = [Blob(b"one"), Blob(b"two")]

    assert (greeter.tree, greeter.count, greeter.film, greeter.films) == ({"a": [1]}, 3, b"frames", [b"one", b"two"])


def test_what_was_read_can_be_changed_and_changes_nothing(image, greeter):
    greeter.names = ["Ada", ["Grace"]]
    names_ = greeter.names

    names_[1].append("Eve")
    names_.clear()

    assert greeter.names == ["Ada", ["Grace"]]


def test_a_handle_reads_by_delegation(image, greeter):
    child = create(image, "child", parents=[])
    setattr(child, "parent*", greeter)

    assert child.name == "Ada"


def test_a_parent_or_an_object_in_a_slot_is_a_handle_equal_to_any_other(image, greeter):
    greeter.friend = create(image, "friend")
    with image.reading() as world:
        again = Handle(image, world["friend"]._p_oid)

    assert greeter.friend == again
    assert hash(greeter.friend) == hash(again)
    assert greeter.friend != greeter
    assert {greeter.friend, again} == {again}


# Writing


def test_assigning_writes_and_deleting_removes_each_in_a_change_of_its_own(image, greeter):
    greeter.name = "Grace"
    assert value(image, "greeter", "name") == "Grace"
    del greeter.name

    assert [logged.note for logged in image.transactions_since(b"\0" * 8)][-2:] == [
        "set name of greeter",
        "remove name of greeter",
    ]
    with pytest.raises(NotUnderstood):
        del greeter.name


def test_a_write_joins_the_callers_open_transaction(image, greeter):
    def fails(world):
        greeter.name = "Eve"
        greeter.grow(1)
        assert (world["greeter"].name, greeter.name, greeter.grown) == ("Eve", "Eve", [1])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        image.change("fails", fails)

    assert (greeter.name, greeter.grown) == ("Ada", [])


def test_an_object_that_is_not_committed_yet_has_a_handle_too(image, greeter):
    with image.transaction("make") as world:
        made = greeter.make("Eve")
        world.create("kept")
        setattr(Handle(image, world["kept"]._p_oid), "made", made)
        assert made.name == "Eve"

    assert made.name == "Eve"
    assert made.grown == []


def test_a_write_where_all_is_thrown_away_is_refused(image, greeter):
    with image.reading():
        assert greeter.name == "Ada"
        with pytest.raises(TransactionMisuse, match="only reads"):
            greeter.name = "Eve"
        with pytest.raises(TransactionMisuse, match="only reads"):
            greeter.grow(1)


@pytest.mark.parametrize("wrong", [lambda: None, object(), {"a": [object()]}])
def test_what_a_slot_cannot_hold_is_refused_and_nothing_is_written(image, greeter, wrong):
    with pytest.raises(SlotRefused, match="Slot 'name' cannot hold a value of type"):
        greeter.name = wrong
    assert greeter.name == "Ada"


def test_a_message_is_no_value_for_a_slot(image, greeter):
    with pytest.raises(SlotRefused, match="It is a message"):
        greeter.name = greeter.whatever


def test_a_blob_survives_an_attempt_that_lost_a_race(image, greeter):
    def race(_):
        image.after_commit.remove(race)

    runs = []

    def work(world):
        runs.append(1)
        if len(runs) == 1:
            in_a_thread(lambda: setattr(greeter, "name", "Grace"))
        greeter.film = film
        world["greeter"].name += "!"

    film = Blob(b"frames")
    image.change("film", work)

    assert (greeter.film, greeter.name, len(runs)) == (b"frames", "Grace!", 2)


# Messages


def test_handles_arrive_as_objects_wherever_they_are_in_the_arguments(image, greeter):
    friend = create(image, "friend")

    answer = greeter.describe(friend, [friend, (friend, {"a": friend})], extra={"b": [friend]})

    assert answer == {
        "receiver": greeter,
        "other": [friend],
        "words": [friend, (friend, {"a": friend})],
        "more": {"extra": {"b": [friend]}},
    }


def test_an_answer_comes_out_plain(image, greeter):
    assert greeter.grow(1) == [1]
    assert type(greeter.grow(2)) is list
    made = greeter.make("Eve")
    assert (type(made), made.name) == (Handle, "Eve")


def test_without_a_runtime_what_is_not_understood_is_an_error(image, greeter):
    for selector in ("shout", "whistle"):
        with pytest.raises(NotUnderstood, match=f"greeter does not understand '{selector}'"):
            getattr(greeter, selector)()


def test_with_one_it_is_a_mission_but_not_within_the_callers_transaction(image, greeter, messenger):
    assert greeter.whistle(1, loud=True) == "delivered"
    assert greeter.submit("whistle", 2) == "filed"
    assert messenger.asked == [("whistle", (1,), {"loud": True}), ("whistle", (2,), {})]
    with image.transaction("inside"), pytest.raises(NotUnderstood):
        greeter.whistle()
    assert len(messenger.asked) == 2


# Looking


UNDERSCORED = ["_repr_html_", "_ipython_display_", "_repr_mimebundle_", "_ipython_canary_method_should_not_exist_"]
UNDERSCORED += ["__html__", "__rich__", "__array__", "__len__", "__iter__", "_fields", "__dataclass_fields__"]


def test_what_notebooks_and_printers_ask_for_is_never_a_message(greeter, messenger):
    for name in UNDERSCORED:
        for asked in (greeter, greeter.whatever):
            if name not in dir(type(asked)):
                with pytest.raises(AttributeError):
                    getattr(asked, name)
    assert messenger.asked == []


def test_looking_at_a_handle_starts_nothing(image, greeter, messenger):
    before = image.db.lastTransaction()

    assert (repr(greeter), str(greeter), f"{greeter}", bool(greeter)) == ("greeter", "greeter", "greeter", True)
    assert repr(greeter.whatever) == "<message whatever to greeter>"
    assert isinstance(greeter.whatever, Selector)
    assert hasattr(greeter, "anything")
    dir(greeter)

    assert messenger.asked == []
    assert image.db.lastTransaction() == before


def test_a_handle_that_cannot_be_resolved_is_still_shown(uri):
    with Image.open(uri) as image:
        greeter = create(image, "greeter")
        lost = Handle(image, b"\0" * 6 + b"\xff\xff")
        assert repr(lost) == "object 0xffff"
        with pytest.raises(UnknownObject):
            _ = lost.name

    assert repr(greeter).startswith("object 0x")
    with pytest.raises(TransactionMisuse, match="was closed"):
        _ = greeter.name


USES = {
    "truth": bool,
    "text": str,
    "in a text": lambda selector: f"{selector}",
    "print": lambda selector: "%s" % selector,  # noqa: UP031
    "equal": lambda selector: selector == "Ada",
    "not equal": lambda selector: selector != "Ada",
    "hash": hash,
    "key": lambda selector: {selector: 1},
    "length": len,
    "loop": list,
    "number": int,
    "fraction": float,
    "index": lambda selector: [1, 2][selector],
    "item": lambda selector: selector[0],
    "item written": lambda selector: selector.__setitem__(0, 1),
    "member": lambda selector: 1 in selector,
    "sum": lambda selector: selector + 1,
    "sum from the right": lambda selector: 1 + selector,
    "difference": lambda selector: selector - 1,
    "product": lambda selector: 2 * selector,
    "modulo": lambda selector: selector % 2,
    "negative": lambda selector: -selector,
    "order": lambda selector: selector < 1,
    "sorted": lambda selector: sorted([1, selector]),
    "union": lambda selector: selector | {1},
    "with": lambda selector: selector.__enter__(),
    "path": open,
    "pickle": pickle.dumps,
    "slot of it written": lambda selector: setattr(selector, "city", "London"),
    "sum in place": lambda selector: sum([selector]),
}


def test_a_message_that_is_used_as_a_value_says_that_it_is_none(greeter, messenger):
    sentence = r"greeter\.nam is a message, not a value; send it with greeter\.nam\(…\)\."
    for way, use in USES.items():
        with pytest.raises(TypeError, match=sentence):
            pytest.fail(f"used for {way}, it is {use(greeter.nam)}")
    assert messenger.asked == []


def test_an_attribute_of_a_message_says_so_too(greeter):
    with pytest.raises(AttributeError, match=r"greeter\.nam is a message, not a value"):
        greeter.nam.upper()
    assert not hasattr(greeter.nam, "upper")


def test_a_copied_handle_is_the_same_one_and_none_is_pickled(greeter):
    assert copy.copy(greeter) is greeter
    assert copy.deepcopy([greeter]) == [greeter]
    with pytest.raises(TypeError, match="belongs to the image"):
        pickle.dumps(greeter)


# Two images


def test_an_object_of_another_image_is_no_argument_and_no_value(image, greeter, tmp_path):
    with Image.open(f"file:{tmp_path}/second") as second:
        stranger = create(second, "stranger", {"name": "Eve"})
        assert stranger != greeter

        for use in (
            lambda: setattr(greeter, "friend", stranger),
            lambda: setattr(greeter, "friends", [{"a": (stranger,)}]),
            lambda: greeter.describe(stranger),
            lambda: create(image, "clone", parents=None) and greeter.describe(greeter, stranger),
        ):
            with pytest.raises(TransactionMisuse, match="another image"):
                use()
    assert not isinstance(greeter.__class__, UvmObject)


# Threads


def test_handles_are_read_and_written_by_many_threads_at_once(image, greeter):
    other = create(image, "other", {"total": 0})

    def work(number):
        for step in range(4):
            greeter.grow(number * 100 + step)
            assert isinstance(greeter.grown, list)
            image.change("add", lambda world: setattr(world["other"], "total", world["other"].total + 1))
            assert other.total >= step + 1

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, number) for number in range(4)]:
            done.result()

    assert sorted(greeter.grown) == [number * 100 + step for number in range(4) for step in range(4)]
    assert [n for n in greeter.grown if n < 100] == [0, 1, 2, 3]
    assert other.total == 16


def test_a_reader_never_sees_half_of_a_change(image):
    pair = create(image, "pair", {"both": [0, 0]})
    create(image, "left", {"n": 0})
    create(image, "right", {"n": 0})

    def write():
        for number in range(1, 15):
            with image.transaction("both") as world:
                world["left"].n = number
                world["right"].n = number
                world["pair"].both = [number, number]

    def read():
        for _ in range(40):
            left, right = pair.both
            assert left == right
            with image.reading() as world:
                assert world["left"].n == world["right"].n

    with ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(write), pool.submit(read), pool.submit(read)]
        for task in tasks:
            task.result()
