"""What a question expects to be told: a time, a length of time, a number or a name; and which of them a turn tells.

`When` is answered by a turn that says `yesterday`; words and meaning hardly tell it from its neighbours. Which words do
so is data (`expected_answers.toml`), for English; a question in another language expects nothing in particular.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, reduce
from importlib.resources import files
from operator import or_
from string import ascii_lowercase, ascii_uppercase, digits

from batos.memory.query import LONGEST_QUESTION, cut

# Kinds are numbers with one bit each, and what a text tells is their sum, which the index keeps with each turn. A text
# that only asks tells least of all, whatever words are in it.
TIME, LENGTH, NUMBER, NAME = 1, 2, 4, 8
ONLY_ASKS = 16
KINDS = {"time": TIME, "length": LENGTH, "number": NUMBER, "name": NAME}

LEAST_WORDS = 4  # of a sentence that says something; `Wow, that is great!` hardly does
_END = re.compile(r"(?<=[.!?。！？])\s+")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_VERBS = "did|do|does|is|are|was|were|has|have|had|will|would|can|could|should"
# Signs by what they are: small letters as `a`, capitals as `A`, digits as `0`, all but spaces among the others as `.`.
_SIGNS = bytearray(b"." * 256)
for _like, _those in (("a", ascii_lowercase), ("A", ascii_uppercase), ("0", digits), (" ", " ")):
    for _sign in _those:
        _SIGNS[ord(_sign)] = ord(_like)


def expected(question: str) -> int:
    """The kind that `question` expects; 0 if none in particular."""
    text = question[:LONGEST_QUESTION].lower()
    return next((kind for kind, pattern in _asking().items() if pattern.search(text)), 0)


def told(text: str) -> int:
    """The kinds that `text` tells, and whether it only asks."""
    signs = text.encode("utf-8", "replace").translate(_SIGNS)
    kinds = (NAME if b"a Aa" in signs else 0) | (ONLY_ASKS if _only_asks(text) else 0)
    if b"0" in signs:
        kinds |= NUMBER
        kinds |= TIME if b"0000" in signs and _YEAR.search(text) else 0
    return reduce(or_, map(_telling().__getitem__, _telling_words().intersection(cut(text))), kinds)


def _only_asks(text: str) -> bool:
    if "?" not in text and "？" not in text:
        return False
    whole = text.strip()
    saying = [sentence for sentence in _END.split(whole) if len(sentence.split()) >= LEAST_WORDS] or [whole]
    return all(sentence.endswith(("?", "？")) for sentence in saying)


@cache
def _asking() -> dict[int, re.Pattern[str]]:
    return {KINDS[name]: _pattern(entry) for name, entry in _table().items()}


def _pattern(entry: dict[str, str]) -> re.Pattern[str]:
    first, of, how = (_either(entry[key]) for key in ("first", "of", "how"))
    ways = []
    if first:
        ways += [rf"^\W*(?:\w+ )?{first}\b", rf"\b{first} (?:{_VERBS})\b"]  # `in which`, `and when did`
    if of:
        ways.append(rf"\b(?:what|which|what(?:['’]s| is| was| are| were) the) (?:\w+ )?{of}\b")
    if how:
        ways.append(rf"\bhow {how}\b")
    return re.compile("|".join(ways))


def _either(words: str) -> str:
    return f"(?:{'|'.join(words.split())})" if words else ""


@cache
def _telling() -> dict[str, int]:
    """The kinds that a word tells."""
    found: dict[str, int] = {}
    for name, entry in _table().items():
        for word in entry["words"].split():
            found[word] = found.get(word, 0) | KINDS[name]
    return found


@cache
def _telling_words() -> frozenset[str]:
    return frozenset(_telling())  # a dictionary's keys would be copied at each intersection


def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("batos.memory") / "expected_answers.toml").read_text("utf-8"))
