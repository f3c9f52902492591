"""Structured output: an inference whose answer must be an instance of a model, on every backend.

What does not fit is asked for once more, with the answer and the error. Each of the two is a need of its own, so both
are journaled and paid for once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from batos.errors import BackendNonsense
from batos.inference.port import Request
from batos.inference.repair import repaired
from batos.mind.cycle import Cycle

Shape = TypeVar("Shape", bound=BaseModel)
Check = Callable[[Any], str | None]


def structured(
    cycle: Cycle, request: Request, shape: type[Shape], check: Check | None = None
) -> tuple[Shape, dict[str, Any]]:
    """What was answered, as `shape`, and the whole answer. `check` says what is wrong with one of the right shape.

    Raises `BackendNonsense` when the second answer cannot be used either, and what `Cycle.ask` raises.
    """
    found, answer, problem = _asked(cycle, request, shape, check)
    if found is None:
        cycle.note(repaired=problem)
        found, answer, problem = _asked(cycle, repaired(request, answer["text"], problem), shape, check)
    if found is None:
        raise BackendNonsense(backend=answer["model"], reason=f"asked twice, and {problem}.")
    return found, answer


def _asked(
    cycle: Cycle, request: Request, shape: type[Shape], check: Check | None
) -> tuple[Shape | None, dict[str, Any], str]:
    """The parsed answer, or None and what is wrong; and the answer as it was journaled."""
    try:
        answer = cycle.generate(request)
    except BackendNonsense as nonsense:
        said = {"text": str(nonsense.facts.get("said", "")), "model": nonsense.facts["backend"]}
        return None, said, str(nonsense.facts["reason"]).rstrip(".")
    try:
        found = shape.model_validate(answer["data"])
    except ValidationError as error:
        return None, answer, _first(error)
    problem = check(found) if check is not None else None
    return (found, answer, "") if problem is None else (None, answer, problem)


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or "the answer"
    return f"{place}: {first['msg']}"
