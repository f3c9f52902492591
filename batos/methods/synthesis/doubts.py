"""Why the best program that fits may not be the right one: too little was shown, or results were learned by heart."""

from __future__ import annotations

from typing import Any

from batos.methods.synthesis.critic import Program
from batos.methods.synthesis.evidence import bits
from batos.methods.synthesis.forms import Form
from batos.methods.synthesis.goal import Goal
from batos.methods.synthesis.leaves import Leaves
from batos.methods.synthesis.nodes import Choice, Leaf, heads
from batos.methods.synthesis.operations import Operation
from batos.methods.synthesis.task import Task
from batos.methods.synthesis.values import Column, keys_in, texts_in
from batos.methods.synthesis.words import Words, lexicon

SATURATED = 0.25
"""With yes/no results: if more than this share of all answer patterns was within reach, a fit is no evidence."""

MARGIN = 2
"""A program whose rivals all cost at least so much more stands alone."""

ALONE, LEAVES_OUT = 8, 2
"""A program that chooses nothing and leaves out no more than this needs no proof where every rival costs so much more:
what else fits is far from it."""

UNPROVEN, MODEST = 4, 8
"""A program is not shown by results of fewer bits than its size; up to a modest size, of so many fewer."""

NAMED = 4
"""An intent that names what a method does last counts as so many bits."""

PREDICTED = 4
"""The first answer, if the best program foretold it, says so many bits more than an example that it was fitted to."""

LETTERS, MANY = 3, 3
"""A literal with as many letters may be a result learned by heart; with so many examples, one with a single letter."""

EXPLAINED = "so many yes/no methods fit these few examples that fitting them proves nothing"
SMALL = "it would be larger than what the few examples show"


def doubt(
    best: Program, goal: Goal, inputs: list[Any], task: Task, leaves: Leaves, proven: bool, margin: int
) -> str | None:
    """Why the best program that fits should not be believed yet; `margin` is how much dearer the next one is."""
    words, intent = task.words, task.intent
    if goal.kind == "flag" and goal.saturation(best.cost) > SATURATED and not proven:
        return EXPLAINED
    if chooses(best) and goal.count <= _branches(best.entry.node) and not words.conditional and not proven:
        return "every case that it tells apart was seen only once"
    if goal.count > 1 and (
        learned := _by_heart(best, goal.results, inputs, intent) or _copied(best, goal, inputs, words)
    ):
        return f"the result {learned!r} would be learned by heart from its one example"
    shown_bits = shown(best, goal, inputs, intent) + (NAMED if proven else 0)
    if not task.shaken and sum(case.asked for case in task.examples) == 1:
        shown_bits += PREDICTED
    if margin >= ALONE and best.missed <= LEAVES_OUT and not chooses(best):
        return None
    if best.size > max(shown_bits, min(shown_bits + UNPROVEN, MODEST)) and not complete(best, goal, leaves):
        return SMALL
    return None


def shown(best: Program, goal: Goal, inputs: list[Any], intent: str) -> float:
    """The bits of the results; what stands as a constant in the program, and not in the intent, it does not explain."""
    leaves = [head for head in heads(best.entry.node) if isinstance(head, Leaf) and head.kind == "constant"]
    constants = {repr(leaf.value) for leaf in leaves if str(leaf.value).lower() not in intent.lower()}
    return bits([True if repr(result) in constants else result for result in goal.results], inputs)


def spoken_for(best: Program, words: Words, margin: int) -> bool:
    """Whether the intent has a word for the outermost operation, and no rival is near or nothing much is left out."""
    head = best.entry.node[0]
    if not isinstance(head, (Operation, Form)) or not words.speak_for(head.words):
        return False
    return margin >= MARGIN or best.missed <= 1


def complete(best: Program, goal: Goal, leaves: Leaves) -> bool:
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
            letters = sum(letter.isalnum() for letter in text)
            least = LETTERS if len(results) < MANY else 1
            word = letters >= least and len(text) > 1 and text.lower() not in known
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
