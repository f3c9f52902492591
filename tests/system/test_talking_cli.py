"""Objects made and messages sent on the command line, and what a message raises there."""

import pytest

from batos.runtime.uvm import Uvm

DEPOSIT = """\
def deposit_(self, amount):
    self.balance += amount
    self._p_changed = True
    return self.balance
"""


def test_an_image_begins_with_an_object(batos):
    code, out, _ = batos("create", "purse", "--slot", "balance=10")

    assert (code, out) == (0, "purse is made, with 1 slot.\n")
    assert batos("send", "purse", "balance")[1] == "10\n"


@pytest.fixture
def trusted(batos, tmp_path):
    """A purse whose deposit_ runs in process."""
    with Uvm(tmp_path / "demo.image") as system:
        system.create("purse", {"balance": 10})
        system.create_method("purse", "deposit_", DEPOSIT, "a person")
    assert batos("approve", "purse.deposit_", "--trusted", "--yes")[0] == 0


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    "message",
    [("clone", "1", "2"), ("setSlot_value_", "balance"), ("deposit_", '"x"'), ("deposit_",), ("deposit_", "by=1")],
    ids=" ".join,
)
def test_what_a_message_raises_in_process_is_one_sentence(batos, message):
    code, out, err = batos("send", "purse", *message)

    assert (code, out) == (1, "")
    assert err.startswith(f"'{message[0]}' raised TypeError: ")
    assert len(err.splitlines()) == 1
    assert batos("send", "purse", "balance")[1] == "10\n"
