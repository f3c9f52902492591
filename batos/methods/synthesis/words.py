"""The words of a selector and an intent, and what they suggest (`words.toml`). English only.

Words are priors: they make operations, constants and patterns cheaper. They never make a wrong program fit.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache, cached_property
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


class Constants(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    cheap: tuple[int, ...]
    usual: tuple[int, ...]
    rare: tuple[int, ...]


class Lexicon(BaseModel):
    """The file, as its comments describe it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stop: str
    conditional: str
    emptiness: str
    index: str
    from_end: str
    ordinals: str
    stated: str
    constants: Constants
    numbers: dict[str, tuple[int | float, ...]]
    texts: dict[str, tuple[str, ...]]
    patterns: dict[str, str]


@cache
def lexicon() -> Lexicon:
    text = files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    return Lexicon.model_validate(tomllib.loads(text))


def stem(word: str) -> str:
    """The word without its commonest endings."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


class Words:
    """`listed` in order of appearance; `known` for membership, with stems and singulars."""

    def __init__(self, *texts: str, ordinals: bool = True) -> None:
        """Without `ordinals`, "first" and "second" are left out: they number the arguments."""
        self.ordinals = ordinals
        stop = set(lexicon().stop.split()) | (set() if ordinals else set(lexicon().ordinals.split()))
        text = " ".join(texts)
        plain = re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.replace("_", " ").lower())
        self.listed = tuple(dict.fromkeys(word for word in plain if word not in stop))
        self.everything = frozenset(plain)
        self.known = frozenset(form for word in self.listed for form in (word, stem(word), word.removesuffix("s")))
        self.quoted = tuple(one or two for one, two in re.findall(r"'([^']{1,12})'|\"([^\"]{1,12})\"", text))

    def speak_for(self, words: Iterable[str]) -> bool:
        """Whether one of `words` occurs here; of `one+other`, both must."""
        return any(all(part in self.known or stem(part) in self.known for part in word.split("+")) for word in words)

    def mention(self, name: str) -> bool:
        """Whether the parts of a slot's or key's name occur here."""
        return self.speak_for(name.lower().split("_"))

    @cached_property
    def conditional(self) -> bool:
        return not self.everything.isdisjoint(lexicon().conditional.split())

    @cached_property
    def emptiness(self) -> bool:
        return not self.everything.isdisjoint(lexicon().emptiness.split())

    @cached_property
    def numerals(self) -> tuple[float, ...]:
        """The numbers written in figures."""
        return tuple(float(word) for word in self.listed if word[0].isdigit())

    @cached_property
    def stated_numbers(self) -> frozenset[float]:
        """The numbers that the intent names outright, in figures or, unless they count the arguments, in words."""
        stated = lexicon().stated.split() if self.ordinals else []
        return frozenset(self.numerals) | {float(lexicon().numbers[word][0]) for word in self.listed if word in stated}
