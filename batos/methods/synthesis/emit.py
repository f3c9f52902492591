"""From solved effects to the source of a method, as a person would write it.

The source keeps the Persistence Covenant: one `def`, state only through `self.slot`, and `self._p_changed = True` on
every path that wrote. How expressions are made readable is in `tidy`.
"""

from __future__ import annotations

import ast
from itertools import permutations

from batos.methods.synthesis.brief import Brief
from batos.methods.synthesis.effects import Effects, Part
from batos.methods.synthesis.nodes import Leaf, Node, heads, tree_of
from batos.methods.synthesis.operations import Operation
from batos.methods.synthesis.phrasing import unparse
from batos.methods.synthesis.templates import literal, parse
from batos.methods.synthesis.tidy import tidy
from batos.methods.synthesis.values import type_of
from batos.parsing import parse_module

MODULES = ("itertools", "math", "re")

NAMES = {"text": "text", "number": "number", "flag": "flag", "record": "record", "pair": "pair", "none": "value"}
MORE = ("other", "third", "fourth", "fifth", "sixth", "seventh", "eighth")

IN_PLACE = {"add": ast.Add, "subtract": ast.Sub, "multiply": ast.Mult, "divide": ast.Div, "concat": ast.Add}
"""Operations that a person writes as `+=` and its like when their first operand is the slot written."""


def parameters(brief: Brief) -> tuple[str, ...]:
    """Names for the arguments: keywords as given, others by the type of their first value."""
    found: list[str] = []
    positional = brief.arity - len(brief.keywords)
    for value in brief.cases[0].inputs[:positional]:
        name = NAMES.get(type_of(value) or "none", "items")
        spare = (other for other in MORE if other not in found)
        found.append(name if name not in found and name not in brief.keywords else next(spare, f"value_{len(found)}"))
    return (*found, *brief.keywords)


def method(selector: str, names: tuple[str, ...], effects: Effects) -> str:
    """The source of the whole method."""
    body: list[ast.stmt] = []
    if effects.guard is not None:
        body.append(_guard(selector, effects))
    returns = tree_of(effects.returns) if effects.returns is not None else None
    if returns is not None and effects.writes and not effects.late and _reads(effects.returns, effects.writes):
        body.append(ast.Assign([ast.Name("result", ast.Store())], returns))
        returns = ast.Name("result", ast.Load())
    if effects.writes:
        body += [*_writes(effects.writes), parse_module("self._p_changed = True").body[0]]
    if returns is not None:
        body.append(ast.Return(returns))
    return _source(selector, names, tidy(body or [ast.Return(literal(None))], names))


def _guard(selector: str, effects: Effects) -> ast.stmt:
    assert effects.guard is not None
    message = literal(f"{selector} does not accept this")
    error = ast.Call(ast.Name(effects.raises or "ValueError", ast.Load()), [message], [])
    return ast.If(tree_of(effects.guard.node), [ast.Raise(error)], [])


def _reads(node: Node | None, writes: list[Part]) -> bool:
    if node is None:
        return False
    slots = {Leaf("slot", part.slot) for part in writes}
    return any(isinstance(head, Leaf) and head in slots for head in heads(node))


def _writes(parts: list[Part]) -> list[ast.stmt]:
    """Assignments in an order in which none reads what another wrote before; through locals if there is none."""
    for order in permutations(parts):
        if not any(_reads(part.node, list(order[:place])) for place, part in enumerate(order)):
            return [_write(part) for part in order]
    first = [ast.Assign([ast.Name(f"new_{part.slot}", ast.Store())], tree_of(part.node)) for part in parts]
    then = [ast.Assign([_slot(part.slot)], ast.Name(f"new_{part.slot}", ast.Load())) for part in parts]
    return [*first, *then]


def _write(part: Part) -> ast.stmt:
    head, *children = part.node
    slot: Node = (Leaf("slot", part.slot),)
    if isinstance(head, Operation) and head.swaps and children[1] == slot:
        children.reverse()
    own = bool(children) and children[0] == slot
    if own and isinstance(head, Operation):
        if head.name in IN_PLACE:
            return ast.AugAssign(_slot(part.slot), IN_PLACE[head.name](), tree_of(children[1]))
        if head.name == "append":
            call = ast.Call(parse(f"self.{part.slot}.append"), [tree_of(children[1])], [])
            return ast.Expr(call)
        if head.name == "put":
            target = ast.Subscript(parse(f"self.{part.slot}"), tree_of(children[1]), ast.Store())
            return ast.Assign([target], tree_of(children[2]))
        if head.name == "put_increment":
            target = ast.Subscript(parse(f"self.{part.slot}"), tree_of(children[1]), ast.Store())
            before = ast.Call(parse(f"self.{part.slot}.get"), [tree_of(children[1]), literal(0)], [])
            return ast.Assign([target], ast.BinOp(before, ast.Add(), tree_of(children[2])))
    return ast.Assign([_slot(part.slot)], tree_of(part.node))


def _slot(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name("self", ast.Load()), name, ast.Store())


def _source(selector: str, names: tuple[str, ...], body: list[ast.stmt]) -> str:
    used = {node.id for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name)}
    imports: list[ast.stmt] = [ast.Import([ast.alias(module)]) for module in MODULES if module in used]
    tree = parse_module(f"def {selector}({', '.join(('self', *names))}): pass").body[0]
    assert isinstance(tree, ast.FunctionDef)
    tree.body = [*imports, *body]
    return unparse(tree)
