"""The Persistence Covenant: a path through a method that wrote state ends having said `self._p_changed = True`.

A forward walk over the statements. What flows is one bit: whether a write may be pending, that is not yet followed by
the marking line. Loops are walked until nothing changes, an exception may arise at any point of a `try` body, and
`finally` is passed on every way out. Exceptions outside a `try` that no `raise` names are left out: every call could be
one. With one bit, a block is walked at most twice however deep it lies.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from batos.methods.changes import Changes
from batos.methods.tree import CHANGED, is_self

# Whether a write is pending on some path that gets here; None if no path does.
Pending = bool | None


def is_mark(node: ast.AST) -> bool:
    """Whether `node` is the target of the marking line."""
    named = isinstance(node, ast.Attribute) and node.attr == CHANGED and is_self(node.value)
    return named and isinstance(node.ctx, ast.Store)  # type: ignore[attr-defined]


def unmarked_writes(function: ast.FunctionDef, changes: Changes) -> list[int]:
    """The lines that write state and from which a path leaves the method without the marking line."""
    lines = frozenset(write.line for statement in function.body for write in changes.writes(statement))
    if not lines or not _is_unmarked(function, changes, lines):
        return []
    return [line for line in sorted(lines) if _is_unmarked(function, changes, frozenset({line}))]


def _is_unmarked(function: ast.FunctionDef, changes: Changes, lines: frozenset[int]) -> bool:
    """Whether some path leaves with a write of one of these lines pending."""
    flow = _Walk(changes, lines).block(function.body, False)
    return bool(flow.fall or flow.returned or any(flow.raised.values()))


def _join(one: Pending, other: Pending) -> Pending:
    return other if one is None else one if other is None else one or other


_NOTHING_RAISED: Mapping[str, bool] = MappingProxyType({})


class _Flow(NamedTuple):
    """What is pending on each way out of a statement; `raised` by the exception's name, `?` where it is not plain.

    `anywhere` says whether a write was pending at some point on the way.
    """

    fall: Pending = None
    returned: Pending = None
    raised: Mapping[str, bool] = _NOTHING_RAISED
    broken: Pending = None
    continued: Pending = None
    anywhere: bool = False

    def beside(self, other: _Flow) -> _Flow:
        """Either of two ways was taken."""
        return _Flow(
            _join(self.fall, other.fall),
            _join(self.returned, other.returned),
            self._raised_beside(other),
            _join(self.broken, other.broken),
            _join(self.continued, other.continued),
            self.anywhere or other.anywhere,
        )

    def _raised_beside(self, other: _Flow) -> Mapping[str, bool]:
        if not self.raised or not other.raised:
            return self.raised or other.raised
        names = (*self.raised, *other.raised)
        return {name: self.raised.get(name, False) or other.raised.get(name, False) for name in names}

    def then(self, other: _Flow) -> _Flow:
        """`other` was run from where this one fell through."""
        straight = self.returned is self.broken is self.continued is None and not self.raised
        if straight and (other.anywhere or not self.anywhere):
            return other
        return self._replace(fall=None).beside(other)


Step = Callable[[bool], _Flow]


_FALLS = (_Flow(fall=False), _Flow(fall=True, anywhere=True))


def _falls(pending: bool) -> _Flow:
    return _FALLS[pending]


@dataclass
class _Walk:
    """Counts the writes of `lines` only."""

    changes: Changes
    lines: frozenset[int]
    _known: dict[tuple[int, bool], _Flow] = field(default_factory=dict)

    def block(self, statements: list[ast.stmt], pending: bool) -> _Flow:
        key = (id(statements), pending)
        if key not in self._known:
            flow = _falls(pending)
            for statement in statements:
                if flow.fall is None:
                    break
                flow = flow.then(self.statement(statement, flow.fall))
            self._known[key] = flow
        return self._known[key]

    def _after(self, node: ast.AST | None, pending: bool) -> bool:
        """Whether a write is pending once an expression was evaluated."""
        if pending or node is None:
            return pending
        writes = self.changes.writes(node)
        return bool(writes) and any(write.line in self.lines for write in writes)

    def statement(self, node: ast.stmt, pending: bool) -> _Flow:
        rule = _STATEMENTS.get(type(node))
        return rule(self, node, pending) if rule is not None else _falls(self._after(node, pending))

    def _if(self, node: ast.If, pending: bool) -> _Flow:
        tested = self._after(node.test, pending)
        return self.block(node.body, tested).beside(self.block(node.orelse, tested))

    def _assigned(self, node: ast.Assign, pending: bool) -> _Flow:
        return _falls(self._assign(node.targets, node.value, pending))

    def _annotated(self, node: ast.AnnAssign, pending: bool) -> _Flow:
        if node.value is None:
            return _falls(self._after(node, pending))
        return _falls(self._assign([node.target], node.value, pending))

    def _return(self, node: ast.Return, pending: bool) -> _Flow:
        after = self._after(node, pending)
        return _Flow(returned=after, anywhere=after)

    def _raise(self, node: ast.Raise, pending: bool) -> _Flow:
        after = self._after(node, pending)
        return _Flow(raised={_raised_name(node): after}, anywhere=after)

    def _assert(self, node: ast.Assert, pending: bool) -> _Flow:
        after = self._after(node, pending)
        return _Flow(fall=after, raised={"AssertionError": after}, anywhere=after)

    def _break(self, node: ast.Break, pending: bool) -> _Flow:
        return _Flow(broken=pending, anywhere=pending)

    def _continue(self, node: ast.Continue, pending: bool) -> _Flow:
        return _Flow(continued=pending, anywhere=pending)

    def _assign(self, targets: list[ast.expr], value: ast.expr, pending: bool) -> bool:
        after = self._after(value, pending)
        for target in targets:
            marks = is_mark(target) and isinstance(value, ast.Constant) and value.value is True
            after = False if marks else self._after(target, after)
        return after

    def _loop(self, turn: Step, orelse: list[ast.stmt], pending: bool, endless: bool) -> _Flow:
        """Run `turn` until what is pending at its start no longer grows; then the ways out."""
        flow = turn(pending)
        start = bool(pending or flow.fall or flow.continued)
        if start != pending:
            flow = flow.beside(turn(start))
        ways_out = flow._replace(fall=None, broken=None, continued=None)
        exhausted = _Flow() if endless else self.block(orelse, start)
        return ways_out.beside(exhausted).beside(_Flow(fall=flow.broken))

    def _while(self, node: ast.While, pending: bool) -> _Flow:
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)

        def turn(start: bool) -> _Flow:
            return self.block(node.body, self._after(node.test, start))

        return self._loop(turn, node.orelse, self._after(node.test, pending), endless)

    def _for(self, node: ast.For, pending: bool) -> _Flow:
        def turn(start: bool) -> _Flow:
            return self.block(node.body, self._after(node.target, start))

        return self._loop(turn, node.orelse, self._after(node.iter, pending), endless=False)

    def _try(self, node: ast.Try | ast.TryStar, pending: bool) -> _Flow:
        body = self.block(node.body, pending)
        escaping = {name: unmarked for name, unmarked in body.raised.items() if not _catches(node, name)}
        flow = body._replace(raised=escaping)
        if body.fall is not None:
            flow = flow.then(self.block(node.orelse, body.fall))
        # A handler may be entered from any point of the body: with nothing pending yet, or with whatever ever was.
        for handler in node.handlers:
            for entered in {pending, body.anywhere}:
                flow = flow.beside(self.block(handler.body, self._after(handler.type, entered)))
        return self._finally(node.finalbody, flow) if node.finalbody else flow

    def _finally(self, statements: list[ast.stmt], flow: _Flow) -> _Flow:
        """Every way out passes the `finally` block, which may leave by a way of its own and so end an exception."""
        result = self.block(statements, flow.anywhere)._replace(fall=None)
        ways: list[tuple[Step, Pending]] = [
            (lambda pending: _Flow(fall=pending), flow.fall),
            (lambda pending: _Flow(returned=pending), flow.returned),
            (lambda pending: _Flow(broken=pending), flow.broken),
            (lambda pending: _Flow(continued=pending), flow.continued),
            *((_raising(name), pending) for name, pending in flow.raised.items()),
        ]
        for leave, pending in ways:
            if pending is not None:
                last = self.block(statements, pending)
                result = result.beside(last._replace(fall=None))
                if last.fall is not None:
                    result = result.beside(leave(last.fall))
        return result._replace(anywhere=result.anywhere or flow.anywhere)

    def _with(self, node: ast.With, pending: bool) -> _Flow:
        """A context manager may swallow an exception, so what follows may be reached from any point of the body."""
        for item in node.items:
            pending = self._after(item, pending)
        flow = self.block(node.body, pending)
        return flow.beside(_falls(flow.anywhere))

    def _match(self, node: ast.Match, pending: bool) -> _Flow:
        pending = self._after(node.subject, pending)
        flow = _Flow()
        for case in node.cases:
            pending = self._after(case.guard, pending)
            flow = flow.beside(self.block(case.body, pending))
        return flow if any(map(_matches_all, node.cases)) else flow.beside(_falls(pending))


_STATEMENTS: dict[type[ast.stmt], Callable[[_Walk, Any, bool], _Flow]] = {
    ast.If: _Walk._if,
    ast.While: _Walk._while,
    ast.For: _Walk._for,
    ast.Try: _Walk._try,
    ast.TryStar: _Walk._try,
    ast.With: _Walk._with,
    ast.Match: _Walk._match,
    ast.Assign: _Walk._assigned,
    ast.AnnAssign: _Walk._annotated,
    ast.Return: _Walk._return,
    ast.Raise: _Walk._raise,
    ast.Assert: _Walk._assert,
    ast.Break: _Walk._break,
    ast.Continue: _Walk._continue,
}


def _matches_all(case: ast.match_case) -> bool:
    return isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None


def _raising(name: str) -> Step:
    return lambda pending: _Flow(raised={name: pending})


def _raised_name(node: ast.Raise) -> str:
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return raised.id if isinstance(raised, ast.Name) else "?"


def _catches(catcher: ast.Try | ast.TryStar, name: str) -> bool:
    """Whether a `try` surely catches what is raised: by a bare handler, `Exception`, or the very name."""
    for handler in catcher.handlers:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        for kind in kinds:
            if kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException", name)):
                return True
    return False
