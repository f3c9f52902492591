"""The Persistence Covenant: a path through a method that wrote state ends having said `self._p_changed = True`.

A forward walk over the statements. What flows is the set of lines whose writes are not yet answered by the marking
line; `None` stands for a place that is never reached. Loops are walked until nothing changes, an exception may arise at
any point of a `try` body, and `finally` is passed on every way out. Exceptions outside a `try` that no `raise` names
are left out: every call could be one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from batos.methods.aliases import CHANGED, Aliases, is_self

Pending = frozenset[int] | None
CLEAN: frozenset[int] = frozenset()


def is_mark(node: ast.AST) -> bool:
    """Whether `node` is the target of the marking line."""
    named = isinstance(node, ast.Attribute) and node.attr == CHANGED and is_self(node.value)
    return named and isinstance(node.ctx, ast.Store)  # type: ignore[attr-defined]


def unmarked_writes(function: ast.FunctionDef, aliases: Aliases) -> list[int]:
    """The lines that write state and from which a path leaves the method without the marking line."""
    flow = _Walk(aliases).block(function.body, CLEAN)
    return sorted(_join(flow.fall, flow.returned, *flow.raised.values()) or CLEAN)


def _join(*pending: Pending) -> Pending:
    reached = [lines for lines in pending if lines is not None]
    return frozenset().union(*reached) if reached else None


@dataclass(frozen=True)
class _Flow:
    """What is pending on each way out of a statement; `raised` by the exception's name, `?` where it is not plain."""

    fall: Pending = None
    returned: Pending = None
    raised: Mapping[str, frozenset[int]] = field(default_factory=dict)
    broken: Pending = None
    continued: Pending = None

    def beside(self, other: _Flow) -> _Flow:
        """Either of two ways was taken."""
        return _Flow(
            _join(self.fall, other.fall),
            _join(self.returned, other.returned),
            {
                name: self.raised.get(name, CLEAN) | other.raised.get(name, CLEAN)
                for name in (*self.raised, *other.raised)
            },
            _join(self.broken, other.broken),
            _join(self.continued, other.continued),
        )

    def then(self, other: _Flow) -> _Flow:
        """`other` was run from where this one fell through."""
        return replace(self, fall=None).beside(other)


Step = Callable[[frozenset[int]], _Flow]


@dataclass
class _Walk:
    aliases: Aliases
    # For each open `try` or `with`: what was pending anywhere in its body.
    _seen: list[set[int]] = field(default_factory=list)

    def block(self, statements: Iterable[ast.stmt], pending: Pending) -> _Flow:
        flow = _Flow(fall=pending)
        for statement in statements:
            if flow.fall is None:
                break
            flow = flow.then(self.statement(statement, flow.fall))
            self._remember(flow.fall)
        return flow

    def _remember(self, pending: Pending) -> None:
        for seen in self._seen:
            seen.update(pending or CLEAN)

    def _after(self, node: ast.AST | None, pending: frozenset[int]) -> frozenset[int]:
        """Pending once an expression was evaluated."""
        if node is None:
            return pending
        after = pending | {write.line for write in self.aliases.writes(node)}
        self._remember(after)
        return after

    def statement(self, node: ast.stmt, pending: frozenset[int]) -> _Flow:
        match node:
            case ast.Return(value=value):
                return _Flow(returned=self._after(value, pending))
            case ast.Raise():
                return _Flow(raised={_raised_name(node): self._after(node, pending)})
            case ast.Break():
                return _Flow(broken=pending)
            case ast.Continue():
                return _Flow(continued=pending)
            case ast.If(test=test, body=body, orelse=orelse):
                tested = self._after(test, pending)
                return self.block(body, tested).beside(self.block(orelse, tested))
            case ast.While():
                return self._while(node, pending)
            case ast.For() | ast.AsyncFor():
                return self._for(node, pending)
            case ast.Try() | ast.TryStar():
                return self._try(node, pending)
            case ast.With() | ast.AsyncWith():
                return self._with(node, pending)
            case ast.Match():
                return self._match(node, pending)
        return self._simple(node, pending)

    def _simple(self, node: ast.stmt, pending: frozenset[int]) -> _Flow:
        match node:
            case ast.Assign(targets=targets, value=value):
                return _Flow(fall=self._assign(targets, value, pending))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return _Flow(fall=self._assign([target], value, pending))
            case ast.Assert(test=test):
                tested = self._after(test, pending)
                return _Flow(fall=tested, raised={"AssertionError": tested})
        return _Flow(fall=self._after(node, pending))

    def _assign(self, targets: list[ast.expr], value: ast.expr, pending: frozenset[int]) -> frozenset[int]:
        after = self._after(value, pending)
        for target in targets:
            marks = is_mark(target) and isinstance(value, ast.Constant) and value.value is True
            after = CLEAN if marks else self._after(target, after)
        return after

    def _loop(self, enter: Step, orelse: list[ast.stmt], pending: frozenset[int], endless: bool) -> _Flow:
        """Run `enter` (one turn) until what is pending at its start no longer grows; then the ways out."""
        start = pending
        while True:
            turn = enter(start)
            again = _join(start, turn.fall, turn.continued) or start
            if again == start:
                break
            start = again
        ways_out = replace(turn, fall=None, broken=None, continued=None)
        exhausted = _Flow() if endless else self.block(orelse, start)
        return ways_out.beside(exhausted).beside(_Flow(fall=turn.broken))

    def _while(self, node: ast.While, pending: frozenset[int]) -> _Flow:
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        tested = self._after(node.test, pending)
        turn: Step = lambda start: self.block(node.body, self._after(node.test, start))  # noqa: E731
        return self._loop(turn, node.orelse, tested, endless)

    def _for(self, node: ast.For | ast.AsyncFor, pending: frozenset[int]) -> _Flow:
        begun = self._after(node.iter, pending)
        turn: Step = lambda start: self.block(node.body, self._after(node.target, start))  # noqa: E731
        return self._loop(turn, node.orelse, begun, endless=False)

    def _try(self, node: ast.Try | ast.TryStar, pending: frozenset[int]) -> _Flow:
        anywhere = set(pending)
        self._seen.append(anywhere)
        in_body = set(pending)
        self._seen.append(in_body)
        body = self.block(node.body, pending)
        self._seen.pop()
        escaping = {name: lines for name, lines in body.raised.items() if not _catches(node, name)}
        flow = replace(body, raised=escaping)
        if body.fall is not None:
            flow = flow.then(self.block(node.orelse, body.fall))
        for handler in node.handlers:
            flow = flow.beside(self.block(handler.body, self._after(handler.type, frozenset(in_body))))
        self._seen.pop()
        return self._finally(node.finalbody, flow, frozenset(anywhere)) if node.finalbody else flow

    def _finally(self, statements: list[ast.stmt], flow: _Flow, anywhere: frozenset[int]) -> _Flow:
        """Every way out passes the `finally` block, which may leave by a way of its own and so end an exception."""
        result = replace(self.block(statements, anywhere), fall=None)
        ways: list[tuple[Step, Pending]] = [
            (lambda lines: _Flow(fall=lines), flow.fall),
            (lambda lines: _Flow(returned=lines), flow.returned),
            (lambda lines: _Flow(broken=lines), flow.broken),
            (lambda lines: _Flow(continued=lines), flow.continued),
            *((_raising(name), lines) for name, lines in flow.raised.items()),
        ]
        for leave, pending in ways:
            if pending is not None:
                last = self.block(statements, pending)
                result = result.beside(replace(last, fall=None))
                if last.fall is not None:
                    result = result.beside(leave(last.fall))
        return result

    def _with(self, node: ast.With | ast.AsyncWith, pending: frozenset[int]) -> _Flow:
        """A context manager may swallow an exception, so what follows may be reached from any point of the body."""
        for item in node.items:
            pending = self._after(item, pending)
        seen = set(pending)
        self._seen.append(seen)
        flow = self.block(node.body, pending)
        self._seen.pop()
        return flow.beside(_Flow(fall=frozenset(seen)))

    def _match(self, node: ast.Match, pending: frozenset[int]) -> _Flow:
        pending = self._after(node.subject, pending)
        flow = _Flow()
        for case in node.cases:
            pending = self._after(case.guard, pending)
            flow = flow.beside(self.block(case.body, pending))
        return flow if any(map(_matches_all, node.cases)) else flow.beside(_Flow(fall=pending))


def _matches_all(case: ast.match_case) -> bool:
    return isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None


def _raising(name: str) -> Step:
    return lambda lines: _Flow(raised={name: lines})


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
