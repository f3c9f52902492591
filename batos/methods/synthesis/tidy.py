"""Making expressions read as a person would write them, without changing what they compute."""

from __future__ import annotations

import ast


def tidy(body: list[ast.stmt], names: tuple[str, ...]) -> list[ast.stmt]:
    return body
