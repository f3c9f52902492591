"""Objects and methods as text that a person can review: one TOML file per object, in a stable order.

A value stands as TOML where TOML has it, and as `{ json = "…" }` where it has not (None, for one). Frozen kinds
(`{"$tuple": […]}`) stand as they are in messages; an object is `{"$object": "its key"}`, and its key is its name, or
for one without a name `owner/slot`, where it is first met. Knows text and plain data, no image.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from batos.objects.records import Trust

JSON = Any
LARGEST_INTEGER = 2**63 - 1


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WrittenMethod(_Written):
    """`sha256` is of what the method does and must do: selector, source or primitive, intent and examples."""

    selector: str
    version: int = 1
    trust: Trust = "sandboxed"
    primitive: str | None = None
    intent: str | None = None
    sha256: str = ""
    source: str | None = None
    provenance: dict[str, JSON] = Field(default_factory=dict)
    examples: tuple[dict[str, JSON], ...] = ()

    @property
    def contract(self) -> dict[str, JSON]:
        return {"intent": self.intent, "examples": list(self.examples)}

    @property
    def digest(self) -> str:
        told = [self.selector, self.source, self.primitive, self.intent, self.examples]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


class WrittenIntent(_Written):
    text: str
    examples: tuple[dict[str, JSON], ...] = ()


class WrittenObject(_Written):
    """One object. `learned_only`: batos makes the object itself, and only what it learned is told here. `left_out`
    names slots that text cannot hold, with what is in them."""

    format: Literal[1] = 1
    object: str
    learned_only: bool = False
    parents: dict[str, str] = Field(default_factory=dict)
    slots: dict[str, JSON] = Field(default_factory=dict)
    left_out: dict[str, str] = Field(default_factory=dict)
    notes: dict[str, dict[str, str]] = Field(default_factory=dict)
    intents: dict[str, WrittenIntent] = Field(default_factory=dict)
    methods: tuple[WrittenMethod, ...] = ()

    def text(self) -> str:
        return "\n".join(_lines_of(self)).rstrip("\n") + "\n"


class WrittenIndex(_Written):
    """What an export holds, and the SHA-256 of each of its files."""

    format: Literal[1] = 1
    image: str
    batos: str
    files: dict[str, str]

    def text(self) -> str:
        about = ["format = 1", f"image = {value_text(self.image)}", f"batos = {value_text(self.batos)}", "", "[files]"]
        return "\n".join([*about, *_pairs(self.files)]) + "\n"


def read_object(text: str) -> WrittenObject:
    """Raises ValueError (also as `tomllib.TOMLDecodeError`, pydantic's `ValidationError`) for any other text."""
    told = tomllib.loads(text)
    _unwrap(told, "slots")
    for intent in _tables(told, "intents"):
        _unwrap(intent, "examples")
    for method in _tables(told, "methods"):
        _unwrap(method, "provenance")
        _unwrap(method, "examples")
    return WrittenObject.model_validate(told)


def _tables(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = told.get(name, [])
    return [entry for entry in (found.values() if isinstance(found, dict) else found) if isinstance(entry, dict)]


def _unwrap(told: dict[str, Any], name: str) -> None:
    """Read the values of a table, or of each of several. What is no table is left for the model to refuse."""
    found = told.get(name)
    for table in found if isinstance(found, list) else [found]:
        if isinstance(table, dict):
            table.update({key: unwrapped(entry) for key, entry in table.items()})


def read_index(text: str) -> WrittenIndex:
    """Raises like `read_object`."""
    return WrittenIndex.model_validate(tomllib.loads(text))


def text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# Writing


def _lines_of(written: WrittenObject) -> Iterator[str]:
    yield "format = 1"
    yield f"object = {value_text(written.object)}"
    if written.learned_only:
        yield "learned_only = true"
    yield from _table("parents", written.parents)
    yield from _table("slots", written.slots)
    yield from _table("left_out", written.left_out)
    for slot, notes in sorted(written.notes.items()):
        yield from _table(f"notes.{_key(slot)}", notes)
    for selector, intent in sorted(written.intents.items()):
        yield from _table(f"intents.{_key(selector)}", {"text": intent.text})
        for example in intent.examples:
            yield from _table(f"intents.{_key(selector)}.examples", example, repeated=True)
    for method in sorted(written.methods, key=lambda method: method.selector):
        yield from _method_lines(method)


def _method_lines(method: WrittenMethod) -> Iterator[str]:
    told = {
        "selector": method.selector,
        "version": method.version,
        "trust": method.trust,
        "primitive": method.primitive,
        "intent": method.intent,
        "sha256": method.digest,
        "source": method.source,
    }
    yield from _table("methods", {name: fact for name, fact in told.items() if fact is not None}, repeated=True)
    yield from _table("methods.provenance", method.provenance)
    for example in method.examples:
        yield from _table("methods.examples", example, repeated=True)


def _table(name: str, entries: Mapping[str, JSON], *, repeated: bool = False) -> Iterator[str]:
    if entries or repeated:
        yield ""
        yield f"[[{name}]]" if repeated else f"[{name}]"
        yield from _pairs(entries)


def _pairs(entries: Mapping[str, JSON]) -> Iterable[str]:
    return (f"{_key(name)} = {value_text(entry)}" for name, entry in entries.items())


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "_").isidentifier() else _quoted(name)


def value_text(value: JSON) -> str:
    """A frozen value as TOML."""
    if not _has_toml(value):
        return f"{{ json = {_quoted(json.dumps(value, sort_keys=True))} }}"
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case list() | tuple():
            return f"[{', '.join(map(value_text, value))}]"
        case dict():
            return f"{{ {', '.join(_inline(value))} }}" if value else "{}"
    return repr(value)


def _inline(entries: Mapping[str, JSON]) -> Iterable[str]:
    # Within an inline table a text must stay on its line.
    for name, entry in entries.items():
        yield f"{_key(name)} = {_quoted(entry) if isinstance(entry, str) else value_text(entry)}"


def _has_toml(value: JSON) -> bool:
    match value:
        case bool():
            return True
        case str():
            return value.isprintable() or value.encode("utf-8", "ignore").decode() == value
        case int():
            return abs(value) <= LARGEST_INTEGER
        case float():
            return math.isfinite(value)
        case list() | tuple():
            return all(map(_has_toml, value))
        case dict():
            return value.keys() != {"json"} and all(
                isinstance(key, str) and _has_toml(key) and _has_toml(entry) for key, entry in value.items()
            )
    return False


def unwrapped(value: Any) -> Any:
    """What `value_text` wrote, as TOML read it."""
    if isinstance(value, dict):
        if value.keys() == {"json"} and isinstance(value["json"], str):
            return json.loads(value["json"])
        return {key: unwrapped(entry) for key, entry in value.items()}
    return [unwrapped(item) for item in value] if isinstance(value, list) else value


def _text(text: str) -> str:
    """A text of several lines stands on several lines, unescaped where TOML allows it."""
    if "\n" not in text:
        return _quoted(text)
    if "'''" not in text and not text.endswith("'") and all(sign in "\n\t" or sign.isprintable() for sign in text):
        return f"'''\n{text}'''"
    escaped = "\n".join(_quoted(line)[1:-1] for line in text.split("\n"))
    return f'"""\n{escaped}"""'


def _quoted(text: str) -> str:
    """JSON's escapes are TOML's, but for the one sign that only TOML forbids."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
