"""Payload files: one hostile method each, with what to do with it in a leading comment.

    # family: frames and tracebacks
    # about: Walks from an exception to the frame that raised it.
    # target: ada
    # args: [1, {"a": 2}]
    # kwargs: {"x": 3}
    def f(self, y, x=0):
        ...

Each line of the comment is `# key: value`; all of them may be left out. `args` and `kwargs` are JSON. The method is
sent to the object called `target` (ada, bob or vault; another name makes a new object) under the name of the first
function of the source. The words `@FILE@`, `@ENV@`, `@PORT@` and `@FOLDER@` stand for a secret file, a secret
variable of the environment, a port on which somebody listens, and a folder that nobody may write to.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OWN = Path(__file__).parent / "payloads"
SUFFIXES = (".py", ".txt")

_LINE = re.compile(r"#\s*(family|about|target|args|kwargs)\s*:\s*(.*)")
_FUNCTION = re.compile(r"^\s*(?:async\s+)?def\s+(\w+)", re.MULTILINE)


class BadPayload(Exception):
    """A file that is not of the documented form."""


@dataclass(frozen=True)
class Payload:
    name: str
    family: str
    source: str
    about: str = ""
    target: str = "ada"
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def selector(self) -> str:
        found = _FUNCTION.search(self.source)
        return found.group(1) if found else "f"

    def with_words(self, words: Mapping[str, str]) -> str:
        """The source with the words in place of what they stand for."""
        source = self.source
        for word, meaning in words.items():
            source = source.replace(f"@{word}@", meaning)
        return source


def read(path: Path, folder: Path) -> Payload:
    """Raises `BadPayload`."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    given: dict[str, str] = {}
    lines = text.split("\n")
    while lines and (found := _LINE.match(lines[0])):
        given[found.group(1)] = found.group(2).strip()
        lines.pop(0)
    args, kwargs = _value(path, given.get("args", "[]")), _value(path, given.get("kwargs", "{}"))
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise BadPayload(f"{path}: args are a list, kwargs an object.")
    family = given.get("family") or (path.parent.name.replace("_", " ") if path.parent != folder else "further")
    return Payload(
        str(path.relative_to(folder)),
        family,
        "\n".join(lines),
        given.get("about", ""),
        given.get("target", "ada"),
        tuple(args),
        kwargs,
    )


def _value(path: Path, text: str) -> Any:
    """JSON, or the same as Python writes it."""
    for reader in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError):
            return reader(text)
    raise BadPayload(f"{path}: args and kwargs are JSON, and this is not: {text[:80]}")


def payloads(folder: Path) -> Iterator[Payload]:
    """All payloads below a folder, in the order of their names."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file()):
        yield read(path, folder)
