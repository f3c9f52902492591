"""DeltaBlue: an incremental solver of one-way constraints between variables, after the description of Sannella,
Maloney, Freeman-Benson and Borning ("Multi-way versus One-way Constraints in User Interfaces", 1993).

Two tests are run, as in the are-we-fast-yet program: a long chain of equalities, whose first variable is edited, and a
projection, whose scale, offset and both ends are edited. A strength is a number, and a smaller one is stronger.
"""

from __future__ import annotations

from typing import Any

from benchmarks.programs.prototypes import Plain


class Variable(Plain):
    """`mark` tells which propagation saw it, `walk_strength` how weak what decides about it is."""

    value = 0
    constraints = ()
    determined_by = None
    mark = 0
    walk_strength = 6
    stay = True

    def add(self, constraint: Any) -> None:
        self.constraints = (*self.constraints, constraint)

    def drop(self, constraint: Any) -> None:
        self.constraints = tuple(other for other in self.constraints if other is not constraint)
        if self.determined_by is constraint:
            self.determined_by = None


class Constraint(Plain):
    """Strengths: 0 required, 1 strong preference, 2 preference, 3 strong default, 4 normal, 5 weak default, 6 none."""

    strength = 0

    def is_input(self) -> bool:
        return False

    def introduce(self, planner: Any) -> None:
        self.connect()
        planner.add_incrementally(self)

    def withdraw(self, planner: Any) -> None:
        if self.is_satisfied():
            planner.remove_incrementally(self)
        else:
            self.disconnect()

    def satisfy(self, mark: int, planner: Any) -> Any:
        """Find a way to be satisfied; the constraint that lost its variable to this one, if any."""
        self.choose(mark)
        if not self.is_satisfied():
            if self.strength == 0:
                raise ValueError("a required constraint cannot be satisfied")
            return None
        for variable in self.inputs():
            variable.mark = mark
        output = self.output()
        overridden = output.determined_by
        if overridden is not None:
            overridden.unsatisfy()
        output.determined_by = self
        if not planner.propagate(self, mark):
            raise ValueError("the constraints form a circle")
        output.mark = mark
        return overridden

    def inputs_known(self, mark: int) -> bool:
        for variable in self.inputs():
            if not (variable.mark == mark or variable.stay or variable.determined_by is None):
                return False
        return True


class Unary(Constraint):
    """One variable, which it decides about."""

    target = None
    satisfied = False

    def connect(self) -> None:
        self.satisfied = False
        self.target.add(self)

    def disconnect(self) -> None:
        self.satisfied = False
        self.target.drop(self)

    def is_satisfied(self) -> bool:
        return self.satisfied

    def unsatisfy(self) -> None:
        self.satisfied = False

    def choose(self, mark: int) -> None:
        self.satisfied = self.target.mark != mark and self.strength < self.target.walk_strength

    def inputs(self) -> tuple[Any, ...]:
        return ()

    def output(self) -> Any:
        return self.target

    def recalculate(self) -> None:
        self.target.walk_strength = self.strength
        self.target.stay = not self.is_input()
        if self.target.stay:
            self.execute()

    def execute(self) -> None:
        pass


class Stay(Unary):
    """Its variable stays what it is."""


class Edit(Unary):
    """Its variable is decided about from outside."""

    def is_input(self) -> bool:
        return True


class Binary(Constraint):
    """Two variables, of which one decides about the other: `direction` 1 forward, -1 backward, 0 not satisfied."""

    one = None
    two = None
    direction = 0

    def connect(self) -> None:
        for variable in self.variables():
            variable.add(self)
        self.direction = 0

    def disconnect(self) -> None:
        for variable in self.variables():
            variable.drop(self)
        self.direction = 0

    def variables(self) -> tuple[Any, ...]:
        return (self.one, self.two)

    def is_satisfied(self) -> bool:
        return self.direction != 0

    def unsatisfy(self) -> None:
        self.direction = 0

    def choose(self, mark: int) -> None:
        one, two = self.one, self.two
        if one.mark == mark:
            self.direction = 1 if two.mark != mark and self.strength < two.walk_strength else 0
        elif two.mark == mark or one.walk_strength > two.walk_strength:
            self.direction = -1 if self.strength < one.walk_strength else 0
        else:
            self.direction = 1 if self.strength < two.walk_strength else 0

    def inputs(self) -> tuple[Any, ...]:
        return (self.one,) if self.direction > 0 else (self.two,)

    def output(self) -> Any:
        return self.two if self.direction > 0 else self.one

    def recalculate(self) -> None:
        source = self.inputs()[0]
        output = self.output()
        output.walk_strength = max(self.strength, source.walk_strength)
        output.stay = self.stays()
        if output.stay:
            self.execute()

    def stays(self) -> bool:
        return self.inputs()[0].stay


class Equal(Binary):
    def execute(self) -> None:
        self.output().value = self.inputs()[0].value


class Scaled(Binary):
    """two = one * scale + offset."""

    scale = None
    offset = None

    def variables(self) -> tuple[Any, ...]:
        return (self.one, self.two, self.scale, self.offset)

    def inputs(self) -> tuple[Any, ...]:
        return (self.one if self.direction > 0 else self.two, self.scale, self.offset)

    def stays(self) -> bool:
        return self.inputs()[0].stay and self.scale.stay and self.offset.stay

    def execute(self) -> None:
        if self.direction > 0:
            self.two.value = self.one.value * self.scale.value + self.offset.value
        else:
            self.one.value = (self.two.value - self.offset.value) // self.scale.value


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
