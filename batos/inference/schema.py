"""Reading JSON out of a model's text, and checking it against a JSON schema.

Checked are the keywords that schemas made by pydantic use: type, properties, required, additionalProperties, items,
prefixItems, enum, const, anyOf, oneOf (as anyOf), allOf, $ref to $defs, limits on lengths and numbers, patterns.
Not checked are format, uniqueItems, dependent and conditional keywords: they are taken as satisfied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from pydantic import JsonValue

Schema = dict[str, Any]

THOUGHT = re.compile(r"<think>.*?</think>|^.*?</think>", re.DOTALL)
FENCED = re.compile(r"^```[\w-]*\s*\n(.*?)\n?```\s*$", re.DOTALL)
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


class NotJson(ValueError):
    """Text that is no JSON, or JSON that does not fit; the message says where, for the model to repair."""


def read_json(text: str, schema: Schema) -> JsonValue:
    """The value in `text`, which may be wrapped in `<think>` blocks and one code fence. Raises NotJson."""
    try:
        value = _parsed(text)
        found = violation(value, schema)
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise NotJson("it holds half of a surrogate pair") from None
    except ValueError as error:
        raise NotJson(f"it is not JSON: {error}") from None
    if found is not None:
        raise NotJson(found)
    return value


def _parsed(text: str) -> JsonValue:
    stripped = THOUGHT.sub("", text).strip() if not text.lstrip().startswith(("{", "[", '"')) else text.strip()
    if fenced := FENCED.match(stripped):
        stripped = fenced.group(1)
    value: JsonValue = json.loads(stripped, parse_constant=_refuse_constant)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # what cannot be written down cannot be journaled
    return value


def violation(value: JsonValue, schema: Schema) -> str | None:
    """The first way in which `value` does not satisfy `schema`, with its place (`$.plan[2]`); None if it does."""
    return next(_violations(value, schema, schema, "$"), None)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _violations(value: Any, schema: Schema | bool, root: Schema, at: str) -> Iterator[str]:
    if isinstance(schema, bool):
        if not schema:
            yield f"{at} is not allowed"
        return
    if "type" in schema and not _has_type(value, schema["type"]):
        yield f"{at} must be of type {schema['type']}, not {_type_name(value)}"
        return
    yield from _choice_violations(value, schema, root, at)
    if isinstance(value, dict):
        yield from _object_violations(value, schema, root, at)
    elif isinstance(value, list):
        yield from _array_violations(value, schema, root, at)
    elif isinstance(value, str):
        yield from _string_violations(value, schema, at)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_violations(value, schema, at)


def _choice_violations(value: Any, schema: Schema, root: Schema, at: str) -> Iterator[str]:
    """The keywords that hold for values of any type: fixed values, references, and combinations of schemas."""
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} must be one of {json.dumps(schema['enum'], ensure_ascii=False)}"
    if "const" in schema and value != schema["const"]:
        yield f"{at} must be {json.dumps(schema['const'], ensure_ascii=False)}"
    if "$ref" in schema:
        yield from _violations(value, _resolved(schema["$ref"], root), root, at)
    for part in schema.get("allOf", ()):
        yield from _violations(value, part, root, at)
    for keyword in ("anyOf", "oneOf"):
        choices = schema.get(keyword, ())
        if choices and all(next(_violations(value, choice, root, at), None) for choice in choices):
            yield f"{at} fits none of the {len(choices)} forms allowed"


def _object_violations(value: dict[str, Any], schema: Schema, root: Schema, at: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at} lacks {name!r}"
    rest = schema.get("additionalProperties", True)
    for name, member in value.items():
        if name in properties:
            yield from _violations(member, properties[name], root, f"{at}.{name}")
        elif rest is False:
            yield f"{at} has {name!r}, which is not allowed; allowed are {sorted(properties)}"
        else:
            yield from _violations(member, rest, root, f"{at}.{name}")
    yield from _limits(len(value), schema, "minProperties", "maxProperties", f"{at} must have", "members")


def _array_violations(value: list[Any], schema: Schema, root: Schema, at: str) -> Iterator[str]:
    first = schema.get("prefixItems", ())
    for index, member in enumerate(value):
        expected = first[index] if index < len(first) else schema.get("items", True)
        yield from _violations(member, expected, root, f"{at}[{index}]")
    yield from _limits(len(value), schema, "minItems", "maxItems", f"{at} must have", "items")


def _string_violations(value: str, schema: Schema, at: str) -> Iterator[str]:
    yield from _limits(len(value), schema, "minLength", "maxLength", f"{at} must have", "characters")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at} must match {schema['pattern']!r}"


def _number_violations(value: float, schema: Schema, at: str) -> Iterator[str]:
    yield from _limits(value, schema, "minimum", "maximum", f"{at} must be", "")
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield f"{at} must be more than {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        yield f"{at} must be less than {schema['exclusiveMaximum']}"


def _limits(amount: float, schema: Schema, least: str, most: str, must: str, unit: str) -> Iterator[str]:
    if least in schema and amount < schema[least]:
        yield f"{must} at least {schema[least]} {unit}".rstrip()
    if most in schema and amount > schema[most]:
        yield f"{must} at most {schema[most]} {unit}".rstrip()


def _resolved(reference: str, root: Schema) -> Schema | bool:
    """The subschema that a local reference such as `#/$defs/Step` points at."""
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found  # type: ignore[no-any-return]


def _has_type(value: Any, wanted: str | list[str]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(value, bool):
        return "boolean" in names
    if isinstance(value, float) and value.is_integer() and "integer" in names:
        return True
    return any(isinstance(value, TYPES[name]) for name in names)


def _type_name(value: Any) -> str:
    return next(name for name, types in reversed(TYPES.items()) if isinstance(value, types))
