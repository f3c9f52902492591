"""The guardian's first look: bounds before parsing, characters that look like others, and the shape of the module."""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize
import unicodedata
from itertools import accumulate, islice

from batos.methods.tables import Finding, Rules
from batos.methods.tree import Tree

_WORD = re.compile(r"[^\W\d]\w*")
_FOREIGN = re.compile(r"[^\W\x00-\x7f]")  # a letter or digit of other alphabets
# A carriage return alone ends a line for Python, but not for the eye; a form feed hides what stands before it.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_BEYOND = re.compile(r"[^\x00-\x7f]")
_UNUSUAL = re.compile(r"[^\t\x20-\x7e]")
_STEP = {**dict.fromkeys("([{", 1), **dict.fromkeys(")]}", -1)}
_BRACKET = re.compile(r"[\[\](){}]")
# Characters that change the reading direction of what follows them.
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def text_findings(source: str, table: Rules) -> list[Finding]:
    """What forbids even parsing. The parser's own stack is finite, and a page of brackets reaches its end."""
    if len(source) > table.characters:
        return [Finding(1, "size", f"the source has {len(source)} characters; {table.characters} are allowed.")]
    lines = source.count("\n") + 1
    if lines > table.lines:
        return [Finding(1, "size", f"the source has {lines} lines; {table.lines} are allowed.")]
    beyond = set() if source.isascii() else set(_BEYOND.findall(source))
    findings = [*_characters(source, beyond), *_nesting(source, table.brackets)]
    return findings or (_words(source) if any(map(_FOREIGN.match, beyond)) else [])


def _characters(source: str, beyond: set[str]) -> list[Finding]:
    if not (any(map(_hides, beyond)) or _CONTROL.search(source)):
        return []
    for number, line in enumerate(source.replace("\r\n", "\n").split("\n"), 1):
        for character in filter(_hides, _UNUSUAL.findall(line)):
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            return [Finding(number, "unicode", f"the character {name} may hide what the source says.")]
    return []


def _hides(character: str) -> bool:
    return character in _TURNING or unicodedata.category(character) in ("Cc", "Cs", "Co", "Zl", "Zp")


def _nesting(source: str, most: int) -> list[Finding]:
    """Brackets, counted without regard to strings: a source that needs more is not one we want to parse."""
    depths = list(accumulate(map(_STEP.__getitem__, _BRACKET.findall(source))))
    if not depths or max(depths) <= most:
        return []
    first = next(number for number, depth in enumerate(depths) if depth > most)
    (found,) = islice(_BRACKET.finditer(source), first, first + 1)
    line = source.count("\n", 0, found.start()) + 1
    return [Finding(line, "nesting", f"brackets are nested deeper than {most}.")]


def _words(source: str) -> list[Finding]:
    """Names that Python would read as another name (it folds them by NFKC), or that mix alphabets to look like one."""
    if not any(map(_looks_like_another, _WORD.findall(source))):
        return []
    # Such a word may also stand in a text or a comment. Telling costs more than all the rest of this module.
    for line, word in _names(source):
        if _looks_like_another(word):
            return [Finding(line, "unicode", f"the name {word!r} looks like another one. Use plain letters.")]
    return []


def _looks_like_another(word: str) -> bool:
    return not word.isascii() and (unicodedata.normalize("NFKC", word) != word or _mixes(word))


def _names(source: str) -> list[tuple[int, str]]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):  # the parser will have more to say
        return [(number, word) for number, line in enumerate(source.split("\n"), 1) for word in _WORD.findall(line)]
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.NAME]


def _mixes(word: str) -> bool:
    alphabets = {unicodedata.name(letter, "?").split(" ")[0] for letter in word if letter.isalpha()}
    return "LATIN" in alphabets and bool(alphabets & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})


def tree_findings(tree: Tree, selector: str, table: Rules) -> list[Finding]:
    """Whether the module is one `def selector(self, …)`, and shallow enough to be walked by recursion."""
    if tree.depth > table.depth:
        return [Finding(tree.deepest, "nesting", f"expressions or blocks are nested deeper than {table.depth}.")]
    body = tree.module.body
    if len(body) != 1:
        line = getattr(body[1], "lineno", 1) if body else 1
        return [Finding(line, "one-function", f"the source must be one `def {selector}(self, …)` and nothing else.")]
    function = body[0]
    if isinstance(function, ast.AsyncFunctionDef):
        return [Finding(function.lineno, "async", "a method is a plain `def`, not `async def`.")]
    if not isinstance(function, ast.FunctionDef):
        return [Finding(function.lineno, "one-function", f"the source must be a single `def {selector}(self, …)`.")]
    if function.name != selector or keyword.iskeyword(selector):
        return [Finding(function.lineno, "selector", f"the function is called {function.name!r}, not {selector!r}.")]
    arguments = function.args
    names = [*arguments.posonlyargs, *arguments.args]
    if not names or names[0].arg != "self" or len(arguments.defaults) == len(names):
        return [Finding(function.lineno, "self", "the first parameter must be `self`, without a default.")]
    return []
