"""What stopped a payload, read off the error that it ended with."""

from __future__ import annotations

import re
from typing import Literal

from batos.errors import (
    BatosError,
    ExtractionFailed,
    GuardianRefused,
    MissionFailed,
    SandboxDenied,
    SandboxLimit,
    SandboxRaised,
    TypeCheckFailed,
)

Verdict = Literal[
    "guardian", "type check", "sandbox denial", "limit", "worker ended", "interpreter", "runtime", "harmless", "nothing"
]
MEANING = {
    "guardian": "the guardian refused the text, or no method could be read from it",
    "type check": "the type check found it wrong",
    "sandbox denial": "the host of the sandbox denied a right",
    "limit": "a limit of the sandbox was reached",
    "worker ended": "the worker's process was ended",
    "interpreter": "the sandbox's interpreter has no such thing: the method raised",
    "runtime": "what it asked for is no method's to have done",
    "harmless": "it ran to its end, and did nothing that it may not",
}
ENDED = "its worker was ended"

# How a mission tells of these errors: by their sentences.
_TOLD: tuple[tuple[type[BatosError], Verdict], ...] = (
    (GuardianRefused, "guardian"),
    (ExtractionFailed, "guardian"),
    (TypeCheckFailed, "type check"),
    (SandboxDenied, "sandbox denial"),
    (SandboxLimit, "limit"),
    (SandboxRaised, "interpreter"),
)


def verdict_of(error: BatosError) -> Verdict:
    for kind, verdict in _TOLD:
        if isinstance(error, kind):
            return "worker ended" if ENDED in str(error) else verdict
    return _told(str(error)) if isinstance(error, MissionFailed) else "runtime"


def _told(sentence: str) -> Verdict:
    """The first of the errors whose sentence occurs in this one."""
    found = [(match.start(), verdict) for kind, verdict in _TOLD if (match := _pattern(kind).search(sentence))]
    if not found:
        return "runtime"
    return "worker ended" if ENDED in sentence else min(found)[1]


def _pattern(kind: type[BatosError]) -> re.Pattern[str]:
    """The fixed part of an error's sentence."""
    return re.compile(
        re.sub(r"\\\{[^}]*\\\}", ".{0,80}?", re.escape(kind.says.split("{reason}")[0].split("{message}")[0]))
    )
