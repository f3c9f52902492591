"""The guardian's tables (`guardian.toml`), checked when they are first read, and what it writes down: findings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, order=True)
class Finding:
    """One thing the guardian refuses. `rule` is a short stable word, `reason` what to tell a person or a model."""

    line: int
    rule: str
    reason: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.reason}"


@dataclass(frozen=True)
class Rules:
    """`guardian.toml`, read."""

    characters: int
    lines: int
    depth: int
    brackets: int
    modules: frozenset[str]
    private: frozenset[str]
    refused: frozenset[str]
    refused_attributes: frozenset[str]
    mutators: frozenset[str]
    functions: frozenset[str]

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Rules:
        bounds, names, writes = tables["bounds"], tables["names"], tables["writes"]
        return cls(
            characters=int(bounds["characters"]),
            lines=int(bounds["lines"]),
            depth=int(bounds["depth"]),
            brackets=int(bounds["brackets"]),
            modules=frozenset(tables["imports"]["modules"]),
            private=frozenset(names["private"]),
            refused=frozenset(names["refused"]),
            refused_attributes=frozenset(names["refused_attributes"]),
            mutators=frozenset(writes["mutators"]),
            functions=frozenset(writes["functions"]),
        )


@cache
def rules() -> Rules:
    text = resources.files(__package__).joinpath("guardian.toml").read_text(encoding="utf-8")
    return Rules.from_tables(tomllib.loads(text))
