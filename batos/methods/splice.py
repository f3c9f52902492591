"""Text with some of its parts replaced: how a rewritten method keeps the lines and the looks of its source.

A `Splicer` renders a tree. What no rule touches is copied from the source as it stands; a rule says what stands for a
node instead, and may ask for the text of the node's parts. Positions in a tree count bytes, so the text is held with
one character for each byte until it is finished. It knows no rules of its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from itertools import accumulate
from operator import itemgetter
from typing import Any

from batos.methods.tree import Tree, grow

Expression = Callable[[ast.AST], str]
Statement = Callable[[ast.AST], list[str]]

_STATEMENTS = frozenset(kind for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, ast.stmt))
_UNPLACED = frozenset({ast.comprehension, ast.arguments, ast.withitem, ast.match_case})
_begin = itemgetter(0)
_MARK = re.compile("\x01(\\d+)\x02")
_SKIPPED = re.compile(r"(?:[\s),\\]|#[^\n]*)*", re.ASCII)


class Splicer:
    """Subclasses fill `expressions` and `statements`. Which expressions a rule is about is told by their kind
    (`always`), or by `concerned`."""

    always: frozenset[type[ast.AST]] = frozenset()

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.text = one_to_one(tree.source)
        self.line_starts = [0, *accumulate(len(line) + 1 for line in self.text.split("\n"))]
        self.expressions: dict[type[ast.AST], Expression] = {}
        self.statements: dict[type[ast.AST], Statement] = {}
        # Statements to be put before another one.
        self.before: dict[ast.AST, list[str]] = {}
        self.touched: set[ast.AST] = set()
        self.held: dict[ast.AST, list[ast.AST]] = {}  # the touched children of what is touched

    def touch(self) -> None:
        """Find what has to be rendered: what a rule is about, every statement, and whatever holds one of these."""
        touched, held, parents = self.touched, self.held, self.tree.parents
        for kind, nodes in self.tree.kinds.items():
            for node in nodes if kind in _STATEMENTS or kind in self.always else self.concerned(kind, nodes):
                while node not in touched:
                    touched.add(node)
                    holder = parents.get(node)
                    if holder is None:
                        break
                    held.setdefault(holder, []).append(node)
                    node = holder

    def concerned(self, kind: type[ast.AST], nodes: list[Any]) -> Iterable[ast.AST]:
        """The nodes, all of one kind, that a rule is about."""
        return ()

    def finished(self) -> tuple[str, tuple[int, ...]]:
        """The whole text, and for each of its lines the line of the statement that it came from."""
        marked = self.around(self.tree.module, 0, len(self.text)).rstrip("\n") + "\n"
        first, *pieces = _MARK.split(marked)  # a line of the source and the text from there on, in turns
        lines, line, told = [1] * first.count("\n"), 1, False
        for number, text in zip(pieces[::2], pieces[1::2], strict=True):
            if not told:  # of the statements that share a line, the first
                line = int(number)
            ends = text.count("\n")
            lines += [line] * ends
            told = not ends
        return (first + "".join(pieces[1::2])).encode("latin-1").decode(), (*lines, 0)

    # Positions

    def start(self, node: ast.AST) -> int:
        return self.line_starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined,no-any-return]

    def end(self, node: ast.AST) -> int:
        return self.line_starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined,no-any-return]

    def past(self, position: int, sign: str) -> int:
        """Where `sign` ends, which is the next thing after `position` but for brackets, spaces and comments."""
        found = _SKIPPED.match(self.text, position)
        assert found is not None
        return self.text.index(sign, found.end()) + len(sign)

    # Texts

    def part(self, node: ast.AST) -> str:
        """The text of a node, with what a rule says in place of what it touches."""
        if node not in self.touched:
            return self.text[self.start(node) : self.end(node)]
        kind = type(node)
        if kind in _STATEMENTS:
            return self._statement(node)  # type: ignore[arg-type]
        rule = self.expressions.get(kind)
        return rule(node) if rule is not None else self.around(node)

    def around(
        self, node: ast.AST, at: int | None = None, to: int | None = None, part: Expression | None = None
    ) -> str:
        """The source between two positions, the node's own if none are given, with its touched children rendered."""
        at = self.start(node) if at is None else at
        to = self.end(node) if to is None else to
        placed = self._placed(node)
        return self.between(placed, at, to, part or self.part) if placed else self.text[at:to]

    def between(self, nodes: Iterable[ast.AST], at: int, to: int, part: Expression) -> str:
        text, starts = self.text, self.line_starts
        placed = [(starts[node.lineno - 1] + node.col_offset, node) for node in nodes]  # type: ignore[attr-defined]
        if len(placed) > 1:
            placed.sort(key=_begin)
        pieces: list[str] = []
        for begin, node in placed:
            if at <= begin < to:
                pieces += (text[at:begin], part(node))
                at = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        pieces.append(text[at:to])
        return "".join(pieces)

    def _placed(self, node: ast.AST) -> list[ast.AST]:
        """The touched children; in place of one that has no position (a comprehension, arguments) its own."""
        held = self.held.get(node, [])
        if _UNPLACED.isdisjoint(map(type, held)):
            return held
        placed: list[ast.AST] = []
        for child in held:
            placed += self._placed(child) if type(child) in _UNPLACED else [child]
        return placed

    def _statement(self, node: ast.stmt) -> str:
        rule = self.statements.get(type(node))
        texts = rule(node) if rule is not None else [self.around(node)]
        texts = [*self.before.pop(node, ()), *texts]
        mark = f"\x01{node.lineno}\x02"
        if len(texts) == 1:
            return mark + texts[0]
        return mark + (self._separator(node) + mark).join(texts)

    def _separator(self, node: ast.stmt) -> str:
        """What stands between the statements that one became: a new line, or `;` if it shares its line."""
        begin, end = self.line_starts[node.lineno - 1], self.end(node)
        indent = self.text[begin : self.start(node)]
        rest = self.text[end : self.line_starts[node.end_lineno or 0]].strip()
        alone = not indent.strip() and (not rest or rest.startswith("#"))
        return f"\n{indent}" if alone else "; "

    def unplaced(self, node: ast.expr, splicer: Callable[[Tree], Splicer]) -> str:
        """The text of an expression whose positions cannot be trusted, as in an f-string: parsed anew on its own."""
        inner = splicer(grow(ast.unparse(node)))
        inner.touch()
        return inner.around(inner.tree.module.body[0])


def one_to_one(text: str) -> str:
    """The text with one character for each byte of its encoding."""
    return text if text.isascii() else text.encode(errors="replace").decode("latin-1")
