"""What a program costs in full: its expressions, and what it leaves out of what the intent and the object name."""

from __future__ import annotations

from dataclasses import dataclass

from batos.methods.synthesis.forms import Form, forms
from batos.methods.synthesis.leaves import Leaves
from batos.methods.synthesis.nodes import Entry, Leaf, heads
from batos.methods.synthesis.operations import Operation, operations
from batos.methods.synthesis.values import is_number
from batos.methods.synthesis.words import Words, stem

UNUSED_ARGUMENT = 5
UNUSED_SLOT = 2
UNUSED_NUMBER = 2
UNUSED_KEY = 1
MOST_UNUSED_WORDS = 3


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
            elif isinstance(head, Leaf) and is_number(head.value):
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
