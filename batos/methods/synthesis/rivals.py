"""Which of the programs that fit are worth a question beside the best one, and which stand in for it.

A rival that does all that the best does and something more, which no example shows, is no rival: the simpler one holds
until an example speaks against it. Only what settles a value, as trimming does, may have had nothing to do in the
examples; where the intent speaks for it, it is asked about.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol, TypeVar

from batos.methods.synthesis.forms import Form
from batos.methods.synthesis.nodes import Entry, Node, heads
from batos.methods.synthesis.operations import Operation
from batos.methods.synthesis.values import MISSING, Column, same
from batos.methods.synthesis.words import Words

STAND_IN = 1
"""A program that answers where the best fails, and else as the best does, takes its place if it costs no more than
this in addition."""


class Priced(Protocol):
    @property
    def cost(self) -> int: ...

    @property
    def entry(self) -> Entry: ...


P = TypeVar("P", bound=Priced)


def embellishes(rival: Node, best: Node, words: Words) -> bool:
    """Whether `rival` is `best` with more in it that the intent does not ask for."""
    if rival == best or not _holds(rival, best):
        return False
    more = Counter(map(_named, heads(rival))) - Counter(map(_named, heads(best)))
    added = [head for head in heads(rival) if _named(head) in more]
    return not all(isinstance(head, Operation) and head.settles and words.speak_for(head.words) for head in added)


def _named(head: object) -> object:
    return head.name if isinstance(head, (Operation, Form)) else head


def _holds(whole: Node, part: Node) -> bool:
    """Whether leaving out some nodes of `whole`, for one of their children each, gives `part`."""
    alike = _named(whole[0]) == _named(part[0]) and len(whole) == len(part)
    if alike and all(_holds(mine, yours) for mine, yours in zip(whole[1:], part[1:], strict=True)):
        return True
    return any(_holds(child, part) for child in whole[1:])


def stands_in(ranked: list[P], given: int) -> P:
    """The program to go on with: the cheapest, or one nearly as cheap that says the same and fails less often.

    `ranked` are programs by cost, `given` the number of examples, for which all of them say the same.
    """
    best = ranked[0]
    for program in ranked[1:]:
        if program.cost > ranked[0].cost + STAND_IN:
            break
        if _covers(program.entry.column[given:], best.entry.column[given:]):
            best = program
    return best


def _covers(column: Column, other: Column) -> bool:
    """Whether a column has every value of the other one, and one more."""
    more = False
    for mine, yours in zip(column, other, strict=True):
        if yours is MISSING:
            more = more or mine is not MISSING
        elif mine is MISSING or not same(mine, yours):
            return False
    return more
