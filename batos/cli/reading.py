"""Arguments, slots and examples as people type them.

A value is JSON where it can be read as JSON, and text otherwise. What begins like JSON and is none is refused, because
it is more often a forgotten quote than a text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from batos.methods.contract import Example

ARROW = "=>"
LIKE_JSON = ('"', "[", "{")


def value(text: str) -> Any:
    """`3` is a number, `[1, 2]` a list, `"3"` and `three` are texts."""
    try:
        return json.loads(text)
    except ValueError as error:
        if text.lstrip().startswith(LIKE_JSON):
            hint = f"Write a text that begins so as JSON: {json.dumps(text, ensure_ascii=False)}"
            raise typer.BadParameter(f"{text} is not valid JSON ({error}). {hint}") from None
        return text


def named(texts: list[str] | None) -> dict[str, Any]:
    """NAME=VALUE pairs as a map."""
    pairs = {}
    for text in texts or []:
        name, equals, given = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise typer.BadParameter(
                f"{text!r} is no NAME=VALUE. A name has letters, digits and underscores, for instance age=36."
            )
        pairs[name.strip()] = value(given)
    return pairs


def examples(texts: list[str] | None) -> list[Example]:
    """Every `--example`, which is `ARGUMENTS => RESULT`, or the whole example as a JSON map."""
    return [_example(text) for text in texts or []]


def _example(text: str) -> Example:
    from batos.errors import SettingRefused
    from batos.methods.contract import Example

    try:
        if ARROW not in text:
            return Example.of(_mapping(text))
        args, result = _sides(text)
        arguments = tuple(args) if isinstance(args, list) else (args,)
        if isinstance(result, str) and result.startswith("raises "):
            return Example(arguments, raises=result.removeprefix("raises ").strip())
        return Example(arguments, result=result)
    except SettingRefused as refused:
        raise typer.BadParameter(str(refused)) from None


def _mapping(text: str) -> dict[str, Any]:
    try:
        read = value(text)
    except typer.BadParameter:
        read = None
    if not isinstance(read, dict) or not {"args", "kwargs", "slots"} & set(read):
        raise typer.BadParameter(
            f'{text!r} is no example. Write ARGUMENTS => RESULT, for instance \'["ada lovelace"] => "A.L."\', '
            'or a map like \'{"args": [1], "slots": {"total": 2}, "slots_after": {"total": 3}}\'.'
        )
    return read


def _sides(text: str) -> tuple[Any, Any]:
    """The values around the arrow; an arrow within a JSON text is none."""
    parts = text.split(ARROW)
    for place in range(1, len(parts)):
        left, right = ARROW.join(parts[:place]).strip(), ARROW.join(parts[place:]).strip()
        try:
            return value(left), value(right)
        except typer.BadParameter:
            continue
    return value(parts[0].strip()), value(ARROW.join(parts[1:]).strip())
