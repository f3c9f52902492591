"""Which of the programs that fit are worth a question beside the best one, and which stand in for it.

A rival that does all that the best does and something more, which no example shows, is no rival: the simpler one holds
until an example speaks against it. Only what settles a value, as trimming does, may have had nothing to do in the
examples; where the intent speaks for it, it is asked about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from typing import Any, Protocol, TypeVar

from batos.methods.synthesis.forms import Form
from batos.methods.synthesis.nodes import Entry, Leaf, Node, heads
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
    added = [head for head in heads(rival) if _named(head) in more and not _is_constant(head)]
    return not (added and all(_is_asked_for(head, words) for head in added))


def _is_asked_for(head: object, words: Words) -> bool:
    return isinstance(head, Operation) and head.settles and words.speak_for(head.words)


def _is_constant(head: object) -> bool:
    return isinstance(head, Leaf) and head.kind == "constant"


def _named(head: object) -> object:
    return head.name if isinstance(head, (Operation, Form)) else head


def _holds(whole: Node, part: Node) -> bool:
    """Whether leaving out some nodes of `whole`, for one of their children each, gives `part`."""
    alike = _named(whole[0]) == _named(part[0]) and len(whole) == len(part)
    if alike and all(_holds(mine, yours) for mine, yours in zip(whole[1:], part[1:], strict=True)):
        return True
    return any(_holds(child, part) for child in whole[1:])


def stands_in(ranked: list[P], results: Column) -> P:
    """The program to go on with: the cheapest, or one nearly as cheap that says the same and fails less often.

    `ranked` are programs by cost, `results` those of the examples, which all of them give.
    """
    best = ranked[0]
    for program in ranked[1:]:
        if program.cost > ranked[0].cost + STAND_IN:
            break
        if _covers(program.entry.column, best.entry.column, results):
            best = program
    return best


def differs(one: Entry, other: Entry, results: Column, quiet: Container[int]) -> int | None:
    """The number of the first probe, `quiet` ones left out, for which `other` says something else than `one`; nothing
    at all says nothing."""
    given = len(results)
    for place, (mine, yours) in enumerate(zip(one.column[given:], other.column[given:], strict=True)):
        heard = MISSING not in (mine, yours) and _says(mine, results) <= _says(yours, results)
        if heard and place not in quiet and not same(mine, yours):
            return place
    return None


def _says(value: Any, results: Column) -> int:
    """How good a value is as an answer: none at all, an empty text though none of the results is empty, another one."""
    return 0 if value is MISSING else 1 if value == "" and "" not in results else 2


def _covers(column: Column, other: Column, results: Column) -> bool:
    """Whether a column has every value of the other one, and says more somewhere."""
    more = False
    for mine, yours in zip(column, other, strict=True):
        said, instead = _says(mine, results), _says(yours, results)
        if said < instead or (said == instead == 2 and not same(mine, yours)):
            return False
        more = more or said > instead
    return more
