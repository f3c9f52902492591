"""Running contracts again after a person changed how an object behaves: what holds no longer is told, and remembered.

Whoever changes behaviour through the gate has had this done before the commit; for all other changes, this mission is
filed after it. It changes nothing in the image.
"""

from __future__ import annotations

from batos.mind.cycle import Cycle
from batos.objects.values import plain


def decompose(cycle: Cycle) -> None:
    cycle.scratch["plan"] = {"strategy": "run contracts again", "relevant_pillars": [], "sub_queries": {}}


def delegate(cycle: Cycle) -> None:
    """Nobody is asked: the contracts say what is right."""


def synthesize(cycle: Cycle) -> None:
    """The performer remembers what it finds, so that `status` and `why` can tell it."""
    cycle.scratch["final_response"] = cycle.ask("observe", "contracts", target=cycle.brief["target"])


def complete(cycle: Cycle) -> None:
    cycle.answer = plain(cycle.scratch["final_response"])
