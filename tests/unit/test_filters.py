"""Which dates meet a condition by time, both ends of it included."""

import pytest

from batos.errors import FilterRefused
from batos.memory.filters import check, satisfies
from batos.memory.own_history import asked_kinds

HELD = "2024-05-31T12:00"


@pytest.mark.parametrize(
    ("condition", "moment", "meets"),
    [
        ("since", "2024-05", True),
        ("since", "2024-06", False),
        ("since", "2024-05-31 12:00", True),
        ("since", "2024-05-31T12:00:00", True),
        ("since", "2024-05-31T12:00:01", True),  # nothing is known of the second
        ("since", "2024-05-31 12:01", False),
        ("since", "2024-05-31 23", False),
        ("until", "2024-05", True),
        ("until", "2024-04", False),
        ("until", "2024-05-31 12", True),
        ("until", "2024-05-31 12:00", True),
        ("until", "2024-05-31T12:00:00", True),
        ("until", "2024-05-31 11:59", False),
        ("until", "2024-05-31 00", False),
    ],
)
def test_a_time_of_day_is_compared_however_it_is_written(condition, moment, meets):
    where = {condition: moment}
    check(where)
    assert satisfies({"date": HELD}, "talk", where) is meets


def test_what_has_no_date_meets_no_condition_by_time():
    assert not satisfies({}, "note", {"since": "2024"})
    assert not satisfies({}, "note", {"until": "2024"})


@pytest.mark.parametrize("key", ["under", "document_id"])
def test_half_of_a_surrogate_pair_is_in_no_id(key):
    with pytest.raises(FilterRefused):
        check({key: "\ud800"})


@pytest.mark.parametrize("wanted", [None, 1, [], ["document"], ["method", 1], [["method"]], [{}]])
def test_what_is_no_kind_of_own_history_asks_for_none(wanted):
    assert not asked_kinds({"kind": wanted})
    assert asked_kinds({"kind": ["method", "failure"]}) == {"method", "failure"}
