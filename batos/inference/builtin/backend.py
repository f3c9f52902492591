"""The built-in backend: hands a request to the skill of its purpose.

Skills come through entry points, group `batos.builtin_skills`, named by purpose; a skill is a pure function from
request to answer. So upper layers bring theirs (writing methods, generating the workbench) without being imported here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from batos.clock import Clock, SystemClock
from batos.errors import BackendNonsense, BackendRefused, SettingRefused
from batos.inference.builtin.meaning import Embeds, Meaning
from batos.inference.port import Answer, Request
from batos.inference.schema import violation

SKILLS = "batos.builtin_skills"
ADVICE = "Configure a model for it: `--model openai:URL#MODEL`, or `model=` of `batos.open`."

Skill = Callable[[Request], Answer]


class BuiltinBackend:
    """Answers by computing. Deterministic: equal requests have equal answers, but for the time they took,
    as long as the embedding model stays the same."""

    name = "builtin"

    def __init__(
        self, details: str = "", clock: Clock | None = None, skills: Mapping[str, Skill] | None = None
    ) -> None:
        """`details` stands for what follows `builtin:` in a spec: nothing. `skills` replace the installed ones."""
        if details:
            raise SettingRefused(name="model", value=f"builtin:{details}", reason="`builtin` takes no details.")
        self._clock = clock or SystemClock()
        self._skills = dict(skills or {})
        self._complete = skills is not None
        self._meaning: Meaning | None = None

    def use_embedder(self, embedder: Embeds, shelf: Path | None = None) -> None:
        """From now on what is asked is compared by meaning as well as by words."""
        self._meaning = Meaning(embedder, shelf)

    def generate(self, request: Request) -> Answer:
        """Raises BackendRefused for a purpose without a skill, and for what the skill itself cannot do."""
        started = self._clock.monotonic()
        skill = self._skill(request.purpose)
        try:
            answer = skill(request if self._meaning is None else self._meaning.told(request))
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise BackendRefused(
                backend=self.name,
                purpose=request.purpose,
                reason=f"The materials of this {request.purpose} request cannot be read: {where}: {problem['msg']}.",
            ) from error
        if request.output_schema is not None:
            answer = self._as_json(request, answer)
        return answer.model_copy(
            update={
                "text": request.ended(answer.text),
                "model": self.name,
                "adapter": None,
                "seconds": self._clock.monotonic() - started,
            }
        )

    def close(self) -> None:
        """There is nothing to give back."""

    def _skill(self, purpose: str) -> Skill:
        if purpose not in self._skills and not self._complete:
            installed = entry_points(group=SKILLS)
            if purpose in installed.names:
                self._skills[purpose] = cast(Skill, installed[purpose].load())
        if purpose not in self._skills:
            reason = (
                f"The built-in backend has no skill for {purpose!r}: it computes and does not write freely. {ADVICE}"
            )
            raise BackendRefused(backend=self.name, purpose=purpose, reason=reason)
        return self._skills[purpose]

    def _as_json(self, request: Request, answer: Answer) -> Answer:
        """The answer with its data as text, checked as any other backend's answer is."""
        if (found := violation(answer.data, request.output_schema or {})) is not None:
            raise BackendNonsense(backend=self.name, reason=f"its {request.purpose} does not fit the schema: {found}")
        return answer.model_copy(update={"text": json.dumps(answer.data, ensure_ascii=False)})
