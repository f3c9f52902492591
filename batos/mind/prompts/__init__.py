"""Prompts are text files beside this one: `NAME.system.md` and `NAME.user.md`, filled by `string.Template`.

A template cannot run code, and a value that it wants and does not get is an error.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from importlib.resources import files
from string import Template
from typing import Any

from batos.inference.port import Message


@cache
def template(name: str) -> Template:
    return Template((files(__package__) / f"{name}.md").read_text(encoding="utf-8").strip())


def render(name: str, **values: Any) -> tuple[Message, Message]:
    """The prompt `name` as a system and a user message. Values that are not text are written as JSON."""
    return _filled(name, tuple([(key, _shown(value)) for key, value in values.items()]))


@lru_cache(maxsize=256)
def _filled(name: str, texts: tuple[tuple[str, str], ...]) -> tuple[Message, Message]:
    """Kept for a while, because a cycle asks the same again at each of its attempts."""
    given = dict(texts)
    return (
        Message(role="system", content=template(f"{name}.system").substitute(given)),
        Message(role="user", content=template(f"{name}.user").substitute(given)),
    )


_written = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else _written(value)
