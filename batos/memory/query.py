"""Words: how a text is prepared for the index, and how a question becomes a query that cannot be a syntax error.

SQLite's `porter unicode61` tokenizer folds case and diacritics and stems English. What it lacks is done here, the same
way for texts and questions: compatibility forms (`ﬁ`, full width) and `ß` are folded, runs of Chinese, Japanese and
Korean signs become overlapping pairs, and the parts of a camel-case name stand beside it.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files

# A question is cut here; what follows could only slow the search down.
LONGEST_QUESTION = 20_000
MOST_TERMS = 64
TOKENIZER = "porter unicode61 remove_diacritics 2"
# A word in the title of a chunk (a heading, or the document's id) says more than one in its text.
TITLE_WEIGHT, BODY_WEIGHT = 2, 1

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_RUN = re.compile(f"[{_CJK}]+")
_WORD = re.compile(r"[^\W_]+")
_PLAIN = re.compile(r"[a-z0-9]+")
_UNCUT = re.compile(r"[A-Za-z0-9\x80-\ud7ff\ue000-\U0010ffff]+")  # half a surrogate pair is no sign
_CAMEL = re.compile(r"\b[A-Za-z0-9]*[a-z0-9][A-Z][A-Za-z0-9]*\b")
_TURN = re.compile(r"[a-z0-9][A-Z]")  # every camel-case name has one, and it is found in a tenth of the time
# ASCII signs as `cut` sees them, and as `_TURN` does: what it takes a table to do takes a pattern five times as long.
_LOWER, _UPPER, _DIGITS = b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789"
CUTS, CASES = bytearray(b" " * 128) + bytes(range(128, 256)), bytearray(b" " * 256)
for _given, _cut, _case in ((_LOWER, _LOWER, b"a"), (_UPPER, _LOWER, b"A"), (_DIGITS, _DIGITS, b"a")):
    for _sign, _becomes in zip(_given, _cut, strict=True):
        CUTS[_sign], CASES[_sign] = _becomes, _case[0]
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_QUOTED = re.compile(r'"([^"]+)"')


def prepare(text: str) -> str:
    """`text` as it is given to the tokenizer."""
    parts = _parts(text, plain_words(text))
    if not text.isascii():
        text = _folded(text)
    return f"{text}\n{' '.join(parts)}" if parts else text


def _folded(text: str) -> str:
    return _RUN.sub(_pairs, unicodedata.normalize("NFKC", text).casefold())


def cut(prepared: str) -> list[str]:
    """A prepared text cut only where the tokenizer cuts in any case: at ASCII signs."""
    if prepared.isascii():
        return prepared.encode().translate(CUTS).decode().split()
    return _UNCUT.findall(prepared.lower())


def prepared_words(text: str) -> list[str]:
    """What `cut` makes of the prepared text."""
    if text.isascii():
        words = plain = cut(text)
    else:
        words, plain = [part for word in _UNCUT.findall(text) for part in folded_words(word)], plain_words(text)
    parts = _parts(text, plain)
    return words + cut(" ".join(parts)) if parts else words


def folded_words(word: str) -> Sequence[str]:
    """What `cut` makes of a prepared word, whatever its signs. What is prepared never goes beyond a sign at which it
    cuts, so that the words of a text may be prepared one by one."""
    return [word.lower()] if word.isascii() else cut(_folded(word))


def plain_words(text: str) -> list[str]:
    """The runs of letters and digits of ASCII, in lower case."""
    return _PLAIN.findall(text.lower())


def _parts(text: str, words: Iterable[str]) -> list[str]:
    """What stands beside a text: the parts of its camel-case names, and what its irregular words are made from."""
    parts = humps(text)
    found = _irregular_words().intersection(words)
    return parts + [irregular_forms()[form] for form in sorted(found)] if found else parts


def humps(text: str) -> list[str]:
    """The parts of the camel-case names in a text."""
    if not _has_turn(text):
        return []
    return [hump for name in _CAMEL.findall(text) for hump in _HUMP.findall(name)]


def _has_turn(text: str) -> bool:
    return b"aA" in text.encode().translate(CASES) if text.isascii() else _TURN.search(text) is not None


def _pairs(run: re.Match[str]) -> str:
    # The last sign also stands alone, so that each sign begins some token and a query for it alone can find it.
    signs = run[0]
    return f" {' '.join(signs[place : place + 2] for place in range(len(signs)))} "


def terms(question: str) -> list[str]:
    """The distinct words of a question that are looked for: without stop words, unless it has no others."""
    prepared = prepare(question[:LONGEST_QUESTION])
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(prepared)))
    telling = [word for word in words if word not in stop_words()]
    return (telling or words)[:MOST_TERMS]


def expressions(question: str) -> list[str]:
    """The parts of the FTS5 query for `question`, none if it has no words.

    Any of the words may match, and a phrase in double quotes counts as one more word. Each word is quoted, and holds
    letters and digits only, so nothing that a user types is ever an operator.
    """
    parts = [_quote(word) for word in terms(question)]
    for phrase in _QUOTED.findall(question[:LONGEST_QUESTION])[:MOST_TERMS] if parts else ():
        words = _WORD.findall(prepare(phrase).partition("\n")[0])
        if len(words) > 1:
            parts.append(f'"{" ".join(words)}"')
    return parts


def is_cjk(sign: str) -> bool:
    """Whether it is a Chinese, Japanese or Korean sign, which stands in pairs."""
    return _RUN.match(sign) is not None


def _quote(word: str) -> str:
    # A sign alone is the beginning of the pairs that it stands in.
    return f'"{word}" *' if len(word) == 1 and is_cjk(word) else f'"{word}"'


@cache
def irregular_forms() -> Mapping[str, str]:
    """The form from which an irregular one is made, which no stemmer can tell: `went` to `go`."""
    table = tomllib.loads((files("batos.memory") / "irregular_forms.toml").read_text("utf-8"))
    lines = (line.split() for text in table.values() for line in text.splitlines())
    return {form: base for base, *forms in filter(None, lines) for form in forms}


@cache
def _irregular_words() -> frozenset[str]:
    return frozenset(irregular_forms())  # a dictionary's keys would be copied at each intersection


@cache
def stop_words() -> frozenset[str]:
    table = tomllib.loads((files("batos.memory") / "stop_words.toml").read_text("utf-8"))
    return frozenset(word for words in table.values() for word in words.split())
