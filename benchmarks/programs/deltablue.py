"""DeltaBlue: an incremental solver of one-way constraints between variables, after the description of Sannella,
Maloney, Freeman-Benson and Borning ("Multi-way versus One-way Constraints in User Interfaces", 1993).

Two tests are run, as in the are-we-fast-yet program: a long chain of equalities, whose first variable is edited, and a
projection, whose scale, offset and both ends are edited.
"""

from __future__ import annotations

from typing import Any

from benchmarks.programs.constraints import Binary, Constraint, Edit, Equal, Scaled, Stay, Unary, Variable
from benchmarks.programs.prototypes import Plain

__all__ = ["Binary", "Constraint", "Edit", "Equal", "Program", "Scaled", "Stay", "Unary", "Variable"]


class Program(Plain):
    """The planner: it keeps the constraint graph solved, and makes plans that are executed for each edit."""

    mark = 1

    def run(self, size: int) -> list[int]:
        return [*self.chain(size), *self.projection(size)]

    def next_mark(self) -> int:
        self.mark = self.mark + 1
        return self.mark

    def add_incrementally(self, constraint: Any) -> None:
        mark = self.next_mark()
        overridden = constraint.satisfy(mark, self)
        while overridden is not None:
            overridden = overridden.satisfy(mark, self)

    def remove_incrementally(self, constraint: Any) -> None:
        output = constraint.output()
        constraint.unsatisfy()
        constraint.disconnect()
        unsatisfied = self.without_source(output)
        for strength in range(7):
            for other in unsatisfied:
                if other.strength == strength:
                    self.add_incrementally(other)

    def without_source(self, output: Any) -> list[Any]:
        """The constraints that may decide about `output`, or what is downstream of it, now that nothing else does."""
        output.determined_by = None
        output.walk_strength = 6
        output.stay = True
        unsatisfied = []
        waiting = [output]
        while waiting:
            variable = waiting.pop()
            unsatisfied.extend(other for other in variable.constraints if not other.is_satisfied())
            for constraint in self.consumers(variable):
                constraint.recalculate()
                waiting.append(constraint.output())
        return unsatisfied

    def consumers(self, variable: Any) -> list[Any]:
        determining = variable.determined_by
        return [other for other in variable.constraints if other is not determining and other.is_satisfied()]

    def propagate(self, constraint: Any, mark: int) -> bool:
        """Recalculate what is downstream of `constraint`; False when that leads back to it."""
        waiting = [constraint]
        while waiting:
            current = waiting.pop()
            output = current.output()
            if output.mark == mark:
                self.remove_incrementally(constraint)
                return False
            current.recalculate()
            waiting.extend(self.consumers(output))
        return True

    def plan_for(self, edits: list[Any]) -> list[Any]:
        """The constraints to execute, in order, after the variables of `edits` were changed."""
        mark = self.next_mark()
        waiting = [edit for edit in edits if edit.is_satisfied()]
        plan = []
        while waiting:
            current = waiting.pop()
            output = current.output()
            if output.mark != mark and current.inputs_known(mark):
                plan.append(current)
                output.mark = mark
                waiting.extend(self.consumers(output))
        return plan

    def change(self, variable: Any, value: int) -> None:
        edit = self.constraint("Edit", 2, target=variable)
        plan = self.plan_for([edit])
        for _ in range(10):
            variable.value = value
            for constraint in plan:
                constraint.execute()
        edit.withdraw(self)

    def constraint(self, kind: str, strength: int, **variables: Any) -> Any:
        made = self.fresh(kind, strength=strength, **variables)
        made.introduce(self)
        return made

    def variable(self, value: int) -> Any:
        return self.fresh("Variable", value=value)

    def chain(self, size: int) -> list[int]:
        variables = [self.variable(0) for _ in range(size + 1)]
        for number in range(size):
            self.constraint("Equal", 0, one=variables[number], two=variables[number + 1])
        self.constraint("Stay", 3, target=variables[-1])
        edit = self.constraint("Edit", 2, target=variables[0])
        plan = self.plan_for([edit])
        for value in range(20):
            variables[0].value = value
            for constraint in plan:
                constraint.execute()
            if variables[-1].value != value:
                raise ValueError("the chain did not pass the value on")
        edit.withdraw(self)
        return [len(plan), variables[-1].value]

    def projection(self, size: int) -> list[int]:
        scale, offset = self.variable(10), self.variable(1000)
        sources = []
        targets = []
        for number in range(size):
            sources.append(self.variable(number))
            targets.append(self.variable(number))
            self.constraint("Stay", 4, target=sources[-1])
            self.constraint("Scaled", 0, one=sources[-1], two=targets[-1], scale=scale, offset=offset)
        self.change(sources[-1], 17)
        first = targets[-1].value
        self.change(targets[-1], 1050)
        second = sources[-1].value
        self.change(scale, 5)
        third = targets[0].value
        self.change(offset, 2000)
        return [first, second, third, targets[0].value, sum(target.value for target in targets)]
