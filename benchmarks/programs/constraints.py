"""The variables and constraints of DeltaBlue. A strength is a number, and a smaller one is stronger."""

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
