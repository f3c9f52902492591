"""What a slot may hold, and what of it travels: frozen and thawed it is the same, and a plain copy shares nothing."""

import copy
import enum
import json
import types
import zoneinfo
from collections import OrderedDict, namedtuple
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from BTrees.Length import Length
from BTrees.LOBTree import LOBTree
from BTrees.OOBTree import OOBTree, OOTreeSet
from hypothesis import given
from hypothesis import strategies as st
from persistent import Persistent
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from ZODB.blob import Blob

from batos.errors import SlotRefused
from batos.image.past import same
from batos.objects.records import Intent, Secret
from batos.objects.uvm_object import UvmObject
from batos.objects.values import DEEPEST, admit, copied, freeze, plain, thaw

zones = st.none() | st.integers(-1400, 1400).map(lambda minutes: timezone(timedelta(minutes=minutes)))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**63, max_value=2**70),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(exclude_categories=())),  # lone surrogates too
    st.binary(),
    st.dates(),
    st.datetimes(timezones=zones, allow_imaginary=False),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=True),
    st.uuids(),
)
ordered = st.one_of(st.integers(), st.text(), st.binary(), st.dates(), st.tuples(st.integers(), st.text()))
keys = st.one_of(st.text(), st.text().map(lambda text: f"${text}"), st.integers(), st.tuples(st.text(), st.integers()))
sets = st.one_of(st.sets(st.integers() | st.none()), st.sets(st.text()), st.sets(st.tuples(st.integers(), st.text())))
values = st.recursive(
    scalars | sets | st.frozensets(ordered),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
    max_leaves=12,
)


def nothing_to_resolve(oid):
    raise AssertionError(oid)


@given(values)
def test_a_value_frozen_and_thawed_is_the_same(value):
    frozen = json.loads(json.dumps(freeze(value)))

    assert same(thaw(frozen, nothing_to_resolve), value)


@given(values)
def test_a_value_admitted_reads_back_as_the_same(value):
    admitted = admit("slot", value)

    assert same(plain(admitted), value)
    assert freeze(admitted) == freeze(plain(admitted))


@given(st.recursive(scalars, lambda inner: st.tuples(inner) | st.tuples(inner, inner), max_leaves=6))
def test_tuples_stay_tuples_all_the_way_down(value):
    assert same(thaw(freeze(value), nothing_to_resolve), value)
    assert same(plain(admit("slot", value)), value)


def containers(value):
    """The mutable containers in `value`, by identity."""
    if isinstance(value, list | dict | set | Persistent):
        yield id(value)
    if isinstance(value, dict | PersistentMapping):
        value = list(value.values())
    if isinstance(value, list | tuple | PersistentList):
        for item in value:
            yield from containers(item)


@given(values)
def test_neither_what_was_assigned_nor_a_plain_copy_shares_anything_with_the_slot(value):
    admitted = admit("slot", value)
    first, second = plain(admitted), plain(admitted)

    kept = [set(containers(each)) for each in (value, admitted, first, second)]

    assert sum(map(len, kept)) == len(set().union(*kept))


def test_json_keeps_what_json_can_say():
    value = {"name": "Ada", "tags": ["a", 1, 2.5, True, None]}

    assert freeze(value) == value


def test_a_map_that_looks_like_a_frozen_value_is_not_taken_for_one():
    trap = {"$object": "00" * 8}

    assert thaw(freeze(trap), nothing_to_resolve) == trap


def test_an_integer_too_long_for_json_readers_travels_all_the_same():
    number = -(7**20_000)

    assert thaw(json.loads(json.dumps(freeze(number))), nothing_to_resolve) == number


def test_a_stored_object_travels_as_its_id():
    obj = UvmObject()
    obj._p_jar, obj._p_oid = object(), bytes(range(8))

    assert freeze([obj]) == [{"$object": "0001020304050607"}]
    assert thaw(freeze([obj]), lambda oid: oid) == [bytes(range(8))]


def test_an_object_that_was_not_stored_has_no_id_to_travel_as():
    with pytest.raises(SlotRefused, match="UvmObject"):
        freeze(UvmObject())


def test_records_in_containers_are_kept_and_a_secret_travels_by_name():
    held = plain(admit("slot", [Intent("to shout", ({"args": [1]},)), Secret("API_KEY")]))

    assert held == [Intent("to shout", ({"args": [1]},)), Secret("API_KEY")]
    assert thaw(freeze(Secret("API_KEY")), nothing_to_resolve) == Secret("API_KEY")


def test_a_plain_intent_shares_no_example():
    intent = Intent("to shout", ({"args": [1]},))

    plain(intent).examples[0]["args"].append(2)

    assert intent.examples == ({"args": [1]},)


# Containers


@pytest.mark.parametrize(
    "value, kind", [([1], PersistentList), ({"a": 1}, PersistentMapping), ({1}, OOTreeSet), ((1,), tuple)]
)
def test_containers_become_persistent_so_that_a_change_is_noticed(value, kind):
    assert type(admit("slot", value)) is kind


def test_trees_are_stored_as_they_are_and_read_as_dicts_and_sets():
    tree, members, rows = OOBTree({"a": [1]}), OOTreeSet({1}), LOBTree({7: "x"})

    assert admit("slot", tree) is tree
    assert (plain(tree), plain(members), plain(rows), plain(Length(3))) == ({"a": [1]}, {1}, {7: "x"}, 3)
    assert (freeze(tree), thaw(freeze(rows), nothing_to_resolve)) == ({"a": [1]}, {7: "x"})


def test_a_copied_tree_counter_or_blob_is_another_one():
    tree, counter, blob = OOBTree({"a": 1}), Length(3), Blob(b"bytes")

    for original in (tree, counter, blob):
        assert copied(original) is not original
    assert plain(copied(tree)) == {"a": 1}
    assert plain(copied(counter)) == 3
    with copied(blob).open("r") as file:
        assert file.read() == b"bytes"


def test_references_stand_for_objects_wherever_they_are():
    obj = UvmObject()

    assert plain({"a": [obj, (obj,)]}, lambda _: "handle") == {"a": ["handle", ("handle",)]}


# Refusals


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    __slots__ = ()


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "value, named",
    [
        (len, "builtin_function_or_method"),
        (lambda: None, "function"),
        ([].append, "builtin_function_or_method"),
        (types.MethodType(lambda self: None, 1), "method"),
        (Path("x"), "PosixPath"),
        (object(), "object"),
        (int, "type"),
        (json, "module"),
        ((n for n in ()), "generator"),
        (bytearray(b"x"), "bytearray"),
        (memoryview(b"x"), "memoryview"),
        (range(3), "range"),
        (Colour.RED, "Colour"),
        (Text("x"), "Text"),
        (Point(1, 2), "Point"),
        (OrderedDict(), "OrderedDict"),
        (Persistent(), "Persistent"),
        (ValueError("x"), "ValueError"),
        (NotImplemented, "NotImplementedType"),
    ],
)
def test_other_types_are_refused_with_their_name_and_something_to_use_instead(value, named):
    for holder in (value, [value], {"a": value}, (value,)):
        with pytest.raises(SlotRefused, match=f"Slot 'thing' cannot hold a value of type .*{named}. [A-Z].*\\.$"):
            admit("thing", holder)
    with pytest.raises(SlotRefused, match=named):
        freeze(value)


@pytest.mark.parametrize("key", [Colour.RED, (1, Text("a")), frozenset({1}), (((1,),),), UvmObject()])
def test_keys_and_members_are_scalars_or_tuples_of_them(key):
    for holder in ({key: 1}, {key}):
        with pytest.raises(SlotRefused):
            admit("slot", holder)


def test_a_tuple_that_holds_a_list_would_hide_its_changes():
    with pytest.raises(SlotRefused, match=r"a tuple that holds a list.* Use a list"):
        admit("slot", (1, [2]))


@pytest.mark.parametrize("members", [{1, "a"}, {1j}, {1j, 2j}, {float("nan")}, {Decimal("NaN"), 1}, {b"a", "a"}])
def test_a_set_without_an_order_is_refused_in_a_sentence(members):
    with pytest.raises(SlotRefused, match="no common order"):
        admit("slot", members)


def test_none_may_be_a_member_of_any_set():
    assert plain(admit("slot", {None, "b", "a"})) == {None, "a", "b"}


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
        time(12, tzinfo=zoneinfo.ZoneInfo("UTC")),
    ],
)
def test_a_time_zone_that_no_record_may_name_is_refused_before_it_is_stored(moment):
    for holder in (moment, [moment], {moment: 1}, (moment,)):
        with pytest.raises(SlotRefused, match=r"Store `moment\.astimezone"):
            admit("slot", holder)
    with pytest.raises(SlotRefused):
        freeze(moment)
    assert admit("slot", datetime(2026, 1, 1, tzinfo=UTC)).tzinfo is UTC


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def test_a_value_that_contains_itself_is_refused_everywhere():
    circle = []
    circle.append(circle)
    ring = PersistentList()
    ring.append(ring)

    for refuse in (
        lambda: admit("slot", circle),
        lambda: freeze(circle),
        lambda: plain(ring),
        lambda: admit("slot", nested(DEEPEST + 1)),
    ):
        with pytest.raises(SlotRefused, match="contains itself"):
            refuse()
    assert plain(admit("slot", nested(DEEPEST - 1))) == nested(DEEPEST - 1)


def test_json_that_is_nested_beyond_reason_is_refused_and_not_a_crash():
    data = "x"
    for _ in range(5_000):
        data = [data]

    with pytest.raises(SlotRefused):
        thaw(data, nothing_to_resolve)


@pytest.mark.parametrize(
    "data",
    [
        {"$object": 5},
        {"$object": "no hex"},
        {"$tuple": 5},
        {"$set": [[1]]},
        {"$dict": [[{"a": 1}, 2]]},
        {"$dict": [[]]},
        {"$dict": {"a": 1}},
        {"$float": "much"},
        {"$float": None},
        {"$int": 7},
        {"$bytes": "not base64!"},
        {"$bytes": "é"},
        {"$datetime": "yesterday"},
        {"$timedelta": ["a"]},
        {"$timedelta": [10**30]},
        {"$Decimal": "one"},
        {"$UUID": 7},
        {"$complex": {}},
    ],
)
def test_json_that_nobody_froze_is_refused_in_a_sentence(data):
    with pytest.raises(SlotRefused, match="Slot '\\(message\\)' cannot hold this JSON"):
        thaw(data, bytes)


# Sameness


@pytest.mark.parametrize(
    "left, right",
    [(1, True), (1, 1.0), (0.0, -0.0), ([1], (1,)), ({"a": 1}, {"a": True}), (None, False), (b"a", "a"), ([1], [1, 2])],
)
def test_values_that_are_merely_equal_are_not_the_same(left, right):
    assert not same(left, right)


@given(values)
def test_a_copy_is_the_same(value):
    assert same(value, copy.deepcopy(value))
