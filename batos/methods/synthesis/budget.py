"""What a search may spend, and what things cost in it: both counted in expressions, so that a replay finds the same."""

from __future__ import annotations

from dataclasses import dataclass

from batos.methods.synthesis.forms import Form, forms
from batos.methods.synthesis.operations import Operation, operations
from batos.methods.synthesis.words import Words, lexicon

VALUES_PER_EXPRESSION = 16
"""An expression over more inputs than this counts as several."""


class Exhausted(Exception):
    """The budget is used up; what was found so far stands."""


@dataclass
class Budget:
    """How much a whole search, inner ones included, may make and keep."""

    expressions: int = 150_000
    cells: int = 4_000_000
    made: int = 0
    kept_cells: int = 0

    def lower(self, expressions: int) -> None:
        """Allow no more than so many expressions from now on; never more than before."""
        self.expressions = min(self.expressions, expressions)

    def spend(self, expressions: int) -> None:
        """For what costs more than an expression. Raises Exhausted."""
        self.made += expressions
        if self.made > self.expressions:
            raise Exhausted

    def count(self, inputs: int) -> None:
        self.made += 1 + inputs // VALUES_PER_EXPRESSION
        if self.made > self.expressions or self.kept_cells > self.cells:
            raise Exhausted


@dataclass(frozen=True)
class Prices:
    """What each operation and form costs, given the words of the task."""

    operations: tuple[tuple[Operation, int], ...]
    forms: tuple[tuple[Form, int], ...]
    index: int

    @classmethod
    def by(cls, words: Words, learned: tuple[tuple[Operation, int], ...] = ()) -> Prices:
        """`learned` are operations of this object, with their prices."""
        common = tuple((each, 1 if words.speak_for(each.words) else each.cost) for each in operations())
        return cls(
            operations=(*learned, *common),
            forms=tuple(
                (each, max(1, each.cost - 2) if words.speak_for(each.words) else each.cost) for each in forms()
            ),
            index=2 if words.speak_for(lexicon().index.split()) else 5,
        )

    def by_name(self) -> dict[str, int]:
        """The prices by the names of operations and forms."""
        prices = {operation.name: price for operation, price in self.operations}
        return prices | {form.name: price for form, price in self.forms}
