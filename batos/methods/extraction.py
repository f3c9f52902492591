"""From a model's answer to the source of one function.

Models wrap what they write: fences, prose, `<think>` blocks, a class around the method, interpreter prompts, curly
quotes. `extract` takes the wrapping off and never chooses: where two different functions could be meant, or none is
named as asked, it fails with a sentence that can go back to the model. It does not judge the source; the guardian does.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator

from batos.errors import ExtractionFailed
from batos.parsing import parse_module

LONGEST_ANSWER = 200_000
MOST_DEFINITIONS = 20
MOST_ENDS = 400

_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_TAIL = re.compile(r"\A.*</(?:think|thinking|thought|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[^\n`]*\n(.*?)(?:^[ \t>]*\1[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.)(?: |$)", re.MULTILINE)
_QUOTES = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "\u00a0": " ", "\u200b": None, "\ufeff": None}
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def extract(answer: str, selector: str) -> str:
    """The source of the function `selector` in `answer`, dedented, ending in a newline.

    Imports, constants and helper functions that stand beside the function and that it uses are moved into it, because a
    method is one function. Raises `ExtractionFailed` with the reason.
    """
    if len(answer) > LONGEST_ANSWER:
        raise _failed(selector, f"the answer has {len(answer)} characters; {LONGEST_ANSWER} are read at most.")
    text = _spoken(answer)
    fenced = [match.group(2) for match in _FENCE.finditer(text)]
    try:
        sources = _distinct(source for region in fenced for source in _sources(region, selector))
        if not sources:
            sources = _distinct(_sources(text, selector))
    except RecursionError:
        raise _failed(selector, "its expressions are nested too deeply to be read.") from None
    if len(sources) == 1:
        return sources[0]
    if sources:
        raise _failed(selector, f"it holds {len(sources)} different functions of that name. Answer with one.")
    raise _failed(selector, _why_none(text, selector))


def extract_program(answer: str) -> str:
    """A whole program out of a model's answer: its only fenced block, or else all of it but thoughts."""
    text = _spoken(answer)
    fenced = [match.group(2) for match in _FENCE.finditer(text)]
    return fenced[0] if len(fenced) == 1 else text


def _spoken(answer: str) -> str:
    """The answer without the thoughts before it."""
    return _THOUGHT_TAIL.sub("", _THOUGHT.sub("", answer.replace("\r\n", "\n").replace("\r", "\n")))


def _failed(selector: str, reason: str) -> ExtractionFailed:
    return ExtractionFailed(selector=selector, reason=reason)


def _why_none(text: str, selector: str) -> str:
    if re.search(rf"\bdef\s+{re.escape(selector)}\b", text):
        return "the function is cut off or is not valid Python."
    names = list(dict.fromkeys(re.findall(r"^[ \t]*(?:>>> ?)?(?:async )?def\s+(\w+)", text, re.MULTILINE)))[:5]
    if names:
        return f"it defines {', '.join(names)} instead. Name the function {selector}."
    return f"it holds no function. Answer with one `def {selector}(self, …):`."


def _distinct(sources: Iterable[str]) -> list[str]:
    """The sources that differ in more than layout and comments."""
    found: dict[str, str] = {}
    for source in sources:
        found.setdefault(ast.dump(parse_module(source)), source)
    return list(found.values())


def _sources(region: str, selector: str) -> list[str]:
    """Every function `selector` that a region of the answer defines, read with as few repairs as it takes."""
    for repaired in dict.fromkeys(_repairs(region)):
        found = list(_parsed(repaired, selector)) or list(_salvaged(repaired, selector))
        if found:
            return found
    return []


def _repairs(region: str) -> Iterator[str]:
    yield textwrap.dedent(region)
    if _PROMPT.search(region):
        region = "\n".join(_PROMPT.sub("", line) for line in region.splitlines() if _PROMPT.match(line))
        yield region
    yield textwrap.dedent(region.expandtabs(4))
    yield textwrap.dedent(region.expandtabs(4)).translate(_QUOTES)


def _parse(source: str) -> ast.Module | None:
    try:
        return parse_module(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _parsed(region: str, selector: str) -> Iterator[str]:
    """Functions of a region that is valid Python as it stands, with what they use of their surroundings."""
    tree = _parse(region)
    if tree is None:
        return
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, Function) and inner.name == selector:
                    yield _gathered(region, tree, inner)
        elif isinstance(node, Function) and node.name == selector:
            yield _gathered(region, tree, node)


def _salvaged(region: str, selector: str) -> Iterator[str]:
    """Functions of a region that also holds prose: from each `def` line to the first end that parses."""
    lines = region.split("\n")
    starts = [
        number for number, line in enumerate(lines) if re.match(rf"\s*(async )?def\s+{re.escape(selector)}\s*\(", line)
    ]
    for start in starts[:MOST_DEFINITIONS]:
        for end in _ends(lines, start):
            source = textwrap.dedent("\n".join(lines[start:end])).strip("\n") + "\n"
            tree = _parse(source)
            if tree is not None and len(tree.body) == 1 and isinstance(tree.body[0], Function):
                yield source
                break


def _ends(lines: list[str], start: int) -> Iterator[int]:
    """Where the block that begins at `start` may end: before each line that is indented no deeper."""
    margin = _indent(lines[start])
    ends = 0
    for number in range(start + 1, len(lines) + 1):
        if number == len(lines) or (lines[number].strip() and _indent(lines[number]) <= margin):
            yield number
            ends += 1
            if ends == MOST_ENDS:
                return


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _gathered(region: str, tree: ast.Module, function: Function) -> str:
    """The function's own text, with the imports, constants and helpers it uses put at the start of its body."""
    lines = region.split("\n")
    own = _text(lines, function)
    wanted = _wanted(tree, function)
    if not wanted:
        return own
    body = function.body
    has_docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1
    first = body[1] if has_docstring else body[0]
    at = _first_line(first) - _first_line(function)
    if first.lineno == function.lineno:  # a body on the line of its `def` has no place for more
        return own
    own_lines = own.rstrip("\n").split("\n")
    margin = " " * _indent(own_lines[at])
    moved = [line for node in wanted for line in _text(lines, node, margin).rstrip("\n").split("\n")]
    return "\n".join([*own_lines[:at], *moved, *own_lines[at:]]) + "\n"


def _wanted(tree: ast.Module, function: Function) -> list[ast.stmt]:
    """The statements beside `function` that bind a name it uses, directly or through one another, in their order."""
    offered: dict[str, ast.stmt] = {}
    for node in tree.body:
        for name in _bound(node):
            offered.setdefault(name, node)
    offered.pop(function.name, None)
    wanted: list[ast.stmt] = []
    looking: list[ast.AST] = [function]
    while looking:
        used = {part.id for part in ast.walk(looking.pop()) if isinstance(part, ast.Name)}
        for name in sorted(used & offered.keys()):
            if offered[name] not in wanted:
                wanted.append(offered[name])
                looking.append(offered[name])
    return [node for node in tree.body if node in wanted]


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, ast.Assign) and _is_constant(node.value):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, Function):
        return [node.name]
    return []


def _is_constant(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return int(min([node.lineno, *(decorator.lineno for decorator in decorators)]))


def _text(lines: list[str], node: ast.stmt, margin: str = "") -> str:
    """The statement as it was written, at `margin`; written anew where moving it would change a string in it."""
    text = textwrap.dedent("\n".join(lines[_first_line(node) - 1 : node.end_lineno])) + "\n"
    moved = textwrap.indent(text, margin)
    tree = _parse(f"if True:\n{moved}" if margin else moved)
    block = (
        tree.body[0].body
        if tree is not None and margin and isinstance(tree.body[0], ast.If)
        else getattr(tree, "body", [])
    )
    if len(block) == 1 and ast.dump(block[0]) == ast.dump(node):
        return moved
    return textwrap.indent(ast.unparse(node), margin) + "\n"
