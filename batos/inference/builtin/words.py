"""Words, stop words, light stemming, synonyms: what the built-in backend compares questions and sentences by.

English only. The word table is `words.toml`. Nothing here knows chunks or facets.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

WORD = re.compile(r"[^\W_]+(?:_+[^\W_]+)*_*|_+[^\W_]+(?:_+[^\W_]+)*_*")
CAMEL = re.compile(r"[a-z0-9]+|[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")
VOWEL = re.compile(r"[aeiouy]")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    stop: str
    weak: str
    weak_weight: float = Field(gt=0, le=1)
    synonym_credit: float = Field(gt=0, le=1)
    synonyms: tuple[str, ...]
    irregular: dict[str, str]
    abbreviations: str


@dataclass(frozen=True)
class Lexicon:
    """The word table, stemmed. `synonyms` maps a stem to the stems that count as it, at `synonym_credit`."""

    stop: frozenset[str]
    weak: frozenset[str]
    weak_weight: float
    synonym_credit: float
    synonyms: Mapping[str, frozenset[str]]
    abbreviations: frozenset[str]


def read_table(name: str) -> dict[str, object]:
    """The TOML data file `name` of this package."""
    return tomllib.loads(files(__package__).joinpath(name).read_text("utf-8"))


@lru_cache(maxsize=1)
def _table() -> _Table:
    return _Table.model_validate(read_table("words.toml"))


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    table = _table()
    synonyms: dict[str, frozenset[str]] = {}
    for line in table.synonyms:
        group = frozenset(stem(word) for word in line.split())
        for member in group:
            synonyms[member] = synonyms.get(member, frozenset()) | group - {member}
    return Lexicon(
        stop=frozenset(table.stop.split()),
        weak=frozenset(stem(word) for word in table.weak.split()),
        weak_weight=table.weak_weight,
        synonym_credit=table.synonym_credit,
        synonyms=synonyms,
        abbreviations=frozenset(table.abbreviations.split()),
    )


@lru_cache(maxsize=1)
def _groups() -> dict[str, tuple[str, ...]]:
    """For each stem, the words that stand for the same, as they are written."""
    groups: dict[str, tuple[str, ...]] = {}
    for line in _table().synonyms:
        for word in line.split():
            groups[stem(word)] = (*groups.get(stem(word), ()), *line.split())
    return groups


def related(text: str) -> str:
    """Other words for the telling words of `text`, to search with; empty if the table knows none."""
    asked = [found for found in content_stems(text) if found not in lexicon().weak]
    found = dict.fromkeys(word for asked_for in asked for word in _groups().get(asked_for, ()))
    return " ".join(word for word in found if stem(word) not in asked)


def words(text: str) -> Iterator[str]:
    """The words of `text` as written; an identifier is followed by its parts (`shout_name`, `shout`, `name`)."""
    for match in WORD.finditer(text):
        yield match.group()
        yield from parts(match.group())


def parts(word: str) -> tuple[str, ...]:
    """What an identifier is put together from; nothing for a plain word."""
    found = tuple(part for piece in word.split("_") for part in CAMEL.findall(piece))
    return found if len(found) > 1 or "_" in word else ()


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """`word` in lower case without its inflection. Only sameness of stems means something, not the stem itself."""
    word = word.lower()
    irregular = _table().irregular.get(word)
    if irregular is not None:
        word = irregular
    elif len(word) > 3 and word.isalpha():
        word = _without_ending(_singular(word))
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def _singular(word: str) -> str:
    if word.endswith(("ies", "oes", "sses", "xes", "ches", "shes")):
        return word[:-3] + "y" if word.endswith("ies") else word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _without_ending(word: str) -> str:
    for ending in ("ing", "ed", "ly"):
        rest = word.removesuffix(ending)
        if rest == word or len(rest) < 3 or not VOWEL.search(rest) or word.endswith("eed"):
            continue
        doubled = rest[-1] == rest[-2] and rest[-1] not in "lsz"
        return rest[:-1] if doubled else _y_to_i(rest)
    if word.endswith(("tion", "sion")) and len(word) > 6:
        return word[:-3]
    return _y_to_i(word)


def _y_to_i(word: str) -> str:
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


def content_stems(text: str) -> tuple[str, ...]:
    """The stems of `text` that say what it is about, each once, in order of first appearance."""
    stop = lexicon().stop
    return tuple(dict.fromkeys(stem(word) for word in words(text) if word.lower() not in stop and len(word) > 1))
