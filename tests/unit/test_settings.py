"""Settings: one table, read once, and a sentence for every value that cannot be."""

import dataclasses

import pytest

from batos.errors import SettingRefused
from batos.settings import Settings, from_environment


def test_nothing_in_the_environment_changes_nothing():
    assert from_environment(environ={}) == Settings()
    assert from_environment(Settings(workers=5), {}) == Settings(workers=5)


def test_the_environment_wins():
    environ = {"BATOS_WORKERS": "4", "BATOS_HEARTBEAT_FIRST": "1.5", "BATOS_POLICY": "propose", "OTHER": "x"}

    assert from_environment(Settings(workers=9), environ) == Settings(workers=4, heartbeat_first=1.5, policy="propose")


@pytest.mark.parametrize(
    "text, said", [("1", True), ("Yes", True), ("on", True), ("0", False), ("FALSE", False), ("off", False)]
)
def test_yes_and_no_are_said_in_several_ways(text, said):
    assert from_environment(environ={"BATOS_HEARTBEAT": text}).heartbeat is said


@pytest.mark.parametrize(
    "name, text",
    [
        ("workers", "many"),
        ("workers", "1.5"),
        ("workers", ""),
        ("workers", "-1"),
        ("performers", "0"),
        ("lease_seconds", "0"),
        ("lease_seconds", "soon"),
        ("lease_seconds", "nan"),
        ("sandbox_seconds", "inf"),
        ("max_attempts", "0"),
        ("heartbeat", "perhaps"),
        ("policy", "always"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(name, text):
    with pytest.raises(SettingRefused, match=f"Setting {name} cannot be '?{text}"):
        from_environment(environ={f"BATOS_{name.upper()}": text})


@pytest.mark.parametrize("change", [{"workers": "2"}, {"heartbeat": 1}, {"day_tokens": None}, {"lease_seconds": "30"}])
def test_a_value_of_the_wrong_type_is_refused(change):
    with pytest.raises(SettingRefused):
        Settings(**change)


def test_a_whole_number_of_seconds_is_fine():
    assert Settings(lease_seconds=30).lease_seconds == 30


def test_zero_workers_and_a_spent_budget_are_choices():
    assert Settings(workers=0, day_tokens=0, heartbeat_missions=0).workers == 0


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().workers = 3


@pytest.mark.parametrize("entry", dataclasses.fields(Settings), ids=lambda entry: entry.name)
def test_every_setting_says_what_it_is(entry):
    assert entry.metadata["help"].endswith(".")
