"""Fault points: silent unless armed, exact when armed."""

import re
from pathlib import Path

import pytest

import batos
from batos import faults
from batos.errors import SettingRefused
from batos.faults import FAULTS, Crash, arm, armed, disarm, fault

NAME = FAULTS[0]


@pytest.fixture(autouse=True)
def nothing_stays_armed():
    yield
    disarm()


def test_an_unarmed_point_does_nothing():
    fault(NAME)


def test_an_armed_point_fails_once_at_the_hit_it_was_told():
    arm(NAME, hit=2)
    fault(NAME)
    fault(FAULTS[1])

    with pytest.raises(Crash):
        fault(NAME)
    fault(NAME)


def test_a_crash_is_not_caught_as_an_exception():
    assert not issubclass(Crash, Exception)


def test_any_error_may_be_armed_for_a_block():
    with armed(NAME, OSError("no space left")), pytest.raises(OSError, match="no space"):
        fault(NAME)
    fault(NAME)


def test_an_unknown_point_is_refused():
    with pytest.raises(SettingRefused, match="fault points are"):
        arm("nowhere")


@pytest.mark.parametrize("written", ["nowhere:kill", NAME, f"{NAME}:raise", f"{NAME}:kill:soon"])
def test_a_badly_written_variable_is_refused(monkeypatch, written):
    monkeypatch.setenv(faults.VARIABLE, written)
    monkeypatch.setattr(faults, "_armed", None)

    with pytest.raises(SettingRefused):
        fault(NAME)


def test_every_point_in_the_code_is_in_the_list():
    sources = Path(batos.__file__).parent.rglob("*.py")
    used = {name for source in sources for name in re.findall(r'\bfault\("([^"]+)"\)', source.read_text())}

    assert used <= set(FAULTS)
