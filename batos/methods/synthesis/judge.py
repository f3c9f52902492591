"""Whether the best program that fits may answer: answer, ask or refuse.

A program nearly always fits; the question is whether it is the right one. The rules weigh what the intent names and
the program leaves out, look for rivals that cost as little, and for results that were learned by heart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from batos.methods.synthesis.evidence import bits
from batos.methods.synthesis.forms import Form, forms
from batos.methods.synthesis.goal import Goal
from batos.methods.synthesis.leaves import Leaves
from batos.methods.synthesis.nodes import Choice, Entry, Leaf, heads
from batos.methods.synthesis.operations import Operation, operations
from batos.methods.synthesis.rivals import differs, embellishes, stands_in
from batos.methods.synthesis.values import MISSING, Column, key_of, keys_in, texts_in
from batos.methods.synthesis.words import Words, lexicon, stem

UNUSED_ARGUMENT = 5
UNUSED_SLOT = 2
UNUSED_NUMBER = 2
UNUSED_KEY = 1
MOST_UNUSED_WORDS = 3
SATURATED = 0.25
"""With yes/no results: if more than this share of all answer patterns was within reach, a fit is no evidence."""

CLOSE = 1
"""Rivals that cost at most this much more than the best are worth a question; with more than `FEW` examples, only
rivals that cost no more."""

FEW = 3

LEFT_OUT = 2
"""So much dearer may a rival be for each word of the intent that the best leaves out and it does not."""

STRAYING = 2
"""What it costs a program to give values of types that no result has."""

MARGIN = 2
"""A program whose rivals all cost at least so much more stands alone."""

ALONE, LEAVES_OUT = 8, 2
"""A program that chooses nothing and leaves out no more than this needs no proof where every rival costs so much more:
what else fits is far from it."""

UNPROVEN, MODEST = 4, 8
"""A program is not shown by results of fewer bits than its size; up to a modest size, of so many fewer."""

NAMED = 4
"""An intent that names what a method does last counts as so many bits."""

HOPELESS = 16
"""With more than that, not even two questions could show it."""

LETTERS = 3
"""A literal with as many letters may be a result learned by heart."""


EXPLAINED = "so many yes/no methods fit these few examples that fitting them proves nothing"
SMALL = "it would be larger than what the few examples show"


@dataclass(frozen=True)
class Program:
    """A candidate with its full price: what it costs plus what it leaves out; its `size` counts every word left out."""

    cost: int
    entry: Entry
    size: int

    @property
    def missed(self) -> int:
        """The price of what it leaves out."""
        return self.cost - self.entry.cost


class Critic:
    """Prices the candidates of one task."""

    def __init__(
        self,
        words: Words,
        leaves: Leaves,
        keys: list[str],
        names: set[str],
        alone: bool = True,
        learned: tuple[str, ...] = (),
    ) -> None:
        """`keys` are those of records; `names` the words of slots and keys, which in an intent name data; `learned`
        are the selectors of methods that may be used.

        A program that is only a part of the method, not `alone`, need not use everything.
        """
        self.leaves = leaves
        self.alone = alone
        self.keys = {key for key in keys if words.mention(key)}
        self.unused_argument = UNUSED_ARGUMENT if alone else 1
        self.most_unused_words = MOST_UNUSED_WORDS if alone else 1
        self.stated = words.stated_numbers if alone else frozenset()
        self.asked = [
            asked for word in words.listed if (asked := _speaks_of(word, learned)) and not {word, stem(word)} & names
        ]

    def priced(self, entry: Entry) -> Program:
        missed = (self.leaves.arguments & ~entry.reads).bit_count() * self.unused_argument
        missed += (self.leaves.mentioned & ~entry.reads).bit_count() * UNUSED_SLOT
        used: set[str] = set()
        numbers: set[float] = set()
        texts: set[str] = set()
        for head in heads(entry.node):
            if isinstance(head, (Operation, Form)):
                used |= {head.name, *head.implies}
            elif isinstance(head, Leaf) and head.kind == "slot":
                used.add(str(head.value).removesuffix("()"))
            elif isinstance(head, Leaf) and type(head.value) in (int, float):
                numbers.add(float(abs(head.value)))
            elif isinstance(head, Leaf) and head.kind == "constant" and isinstance(head.value, str):
                texts.add(head.value)
        words = sum(1 for asked in self.asked if not asked & used)
        beyond = max(0, words - self.most_unused_words) if self.alone else 0
        missed += min(self.most_unused_words, words)
        missed += UNUSED_NUMBER * sum(1 for number in self.stated if not {number, number + 1} & numbers)
        missed += UNUSED_KEY * len(self.keys - texts)
        return Program(entry.cost + missed, entry, entry.cost + missed + beyond)


def _speaks_of(word: str, learned: tuple[str, ...]) -> frozenset[str]:
    """The operations and forms that one word speaks for, and the learned methods that it names."""
    one = Words(word)
    named = {selector for selector in learned if one.speak_for(Words(selector).listed)}
    spoken_for = {operation.name for operation in operations() if one.speak_for(operation.words)}
    return frozenset(named | spoken_for | {form.name for form in forms() if one.speak_for(form.words)})


@dataclass(frozen=True)
class Verdict:
    """`best` is the program; `rival` one that fits as well and differs at probe number `at`; `reason` why to doubt.

    With a reason that an example more could settle, and no rival, `at` is a probe at which one could ask whether `best`
    is right; -1 if there is none.
    """

    best: Program
    rival: Program | None
    at: int
    rivals: tuple[Program, ...]
    reason: str | None = None


def judge(
    programs: list[Program], goal: Goal, inputs: list[Any], words: Words, intent: str, leaves: Leaves
) -> Verdict | None:
    """The verdict over programs that fit, cheapest first; None if there are none."""
    if not programs:
        return None
    kinds = {type(result) for result in goal.results}
    ranked = sorted((_kept_to(kinds, program, goal.count) for program in programs), key=lambda program: program.cost)
    distinct = {key_of(program.entry.column[goal.count :]): program for program in reversed(ranked)}
    apart = sorted(distinct.values(), key=lambda program: program.cost)
    best = stands_in(apart, goal.results)
    rivals = [one for one in apart if one is not best and not embellishes(one.entry.node, best.entry.node, words)]
    margin = rivals[0].cost - best.cost if rivals else ALONE
    proven = _complete(best, goal, leaves) or _spoken_for(best, words, margin)
    reason = _doubt(best, goal, inputs, words, intent, leaves, proven, margin)
    few = goal.count <= FEW
    within = [rival for rival in rivals if rival.cost - best.cost <= (CLOSE + _leaves_out(best, rival) if few else 0)]
    close = rivals if reason else within
    for rival in close:
        at = differs(best.entry, rival.entry, goal.results)
        if at is not None:
            return Verdict(best, rival, at, tuple(rivals), reason)
    lacks = best.size - _shown(best, goal, inputs, intent)
    telling = [place for place, value in enumerate(best.entry.column[goal.count :]) if value is not MISSING]
    worth = reason in (SMALL, EXPLAINED) and lacks <= HOPELESS and bool(telling)
    return Verdict(best, None, telling[0] if worth else -1, tuple(rivals), reason)


def _kept_to(kinds: set[type], program: Program, given: int) -> Program:
    """The program, dearer if it gives values of other types elsewhere than in all examples: 1.0 for 1, or nothing."""
    strays = any(type(value) not in kinds for value in program.entry.column[given:] if value is not MISSING)
    return replace(program, cost=program.cost + STRAYING, size=program.size + STRAYING) if strays else program


def _leaves_out(best: Program, rival: Program) -> int:
    """How much dearer a rival may be that leaves out less of the intent: the best is perhaps too simple."""
    return LEFT_OUT * max(0, best.missed - rival.missed)


def _doubt(
    best: Program, goal: Goal, inputs: list[Any], words: Words, intent: str, leaves: Leaves, proven: bool, margin: int
) -> str | None:
    if goal.kind == "flag" and goal.saturation(best.cost) > SATURATED and not proven:
        return EXPLAINED
    if chooses(best) and goal.count <= _branches(best.entry.node) and not words.conditional and not proven:
        return "every case that it tells apart was seen only once"
    if goal.count > 1 and (
        learned := _by_heart(best, goal.results, inputs, intent) or _copied(best, goal, inputs, words)
    ):
        return f"the result {learned!r} would be learned by heart from its one example"
    shown = _shown(best, goal, inputs, intent) + (NAMED if proven else 0)
    if margin >= ALONE and best.missed <= LEAVES_OUT and not chooses(best):
        return None
    if best.size > max(shown, min(shown + UNPROVEN, MODEST)) and not _complete(best, goal, leaves):
        return SMALL
    return None


def _shown(best: Program, goal: Goal, inputs: list[Any], intent: str) -> float:
    """The bits of the results; what stands as a constant in the program, and not in the intent, it does not explain."""
    leaves = [head for head in heads(best.entry.node) if isinstance(head, Leaf) and head.kind == "constant"]
    constants = {repr(leaf.value) for leaf in leaves if str(leaf.value).lower() not in intent.lower()}
    return bits([True if repr(result) in constants else result for result in goal.results], inputs)


def _spoken_for(best: Program, words: Words, margin: int) -> bool:
    """Whether the intent has a word for the outermost operation, and no rival is near or nothing much is left out."""
    head = best.entry.node[0]
    if not isinstance(head, (Operation, Form)) or not words.speak_for(head.words):
        return False
    return margin >= MARGIN or best.missed <= 1


def _complete(best: Program, goal: Goal, leaves: Leaves) -> bool:
    """Whether the examples show every input there is: the program reads flags only, in all combinations."""
    read = [start for start in leaves.starts if start.reads & best.entry.reads]
    if not read or any(start.kind != "flag" for start in read):
        return False
    shown = set(zip(*(start.column[: goal.count] for start in read), strict=True))
    return len(shown) == 1 << len(read)


def _branches(node: Any) -> int:
    """How many cases a node tells apart."""
    return sum(_branches(child) for child in node[2:]) if isinstance(node[0], Choice) else 1


def _by_heart(best: Program, results: Column, inputs: list[Any], intent: str) -> str | None:
    """A literal that stands in one result and in no input or intent."""
    known = " ".join([*texts_in(inputs), *keys_in(inputs), intent]).lower()
    for head in heads(best.entry.node):
        if isinstance(head, Leaf) and head.kind == "constant" and isinstance(head.value, str):
            text = head.value.strip()
            word = sum(letter.isalnum() for letter in text) >= LETTERS and text.lower() not in known
            suggested = any(head.value in texts for texts in lexicon().texts.values())
            whole = len(text) > 1 and text in results and results.count(text) == 1 and text.lower() not in known
            word = word or whole
            if word and not suggested and sum(text in repr(result) for result in results) <= 1:
                return text
    return None


def _copied(best: Program, goal: Goal, inputs: list[Any], words: Words) -> str | None:
    """A text written into the program that is one whole result, and stands in that example's input."""
    for head in heads(best.entry.node):
        if isinstance(head, Leaf) and head.kind == "constant" and isinstance(head.value, str):
            text = head.value
            places = [place for place, result in enumerate(goal.results) if result == text]
            named = text.lower() in words.everything or text in words.quoted
            if text and len(places) == 1 and not named and text in texts_in(inputs[places[0]]):
                return text
    return None


def chooses(program: Program) -> bool:
    """Whether the program decides between cases."""
    return any(isinstance(head, Choice) for head in heads(program.entry.node))
