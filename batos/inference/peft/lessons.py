"""What an adapter learns from: questions that its persona was asked, with the answers that stood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batos.errors import TrainingRefused
from batos.inference.port import Message

FEWEST = 5


@dataclass(frozen=True)
class Lesson:
    """One inference of a cycle that was accepted. `at` is when it was answered, in Unix seconds."""

    messages: tuple[Message, ...]
    answer: str
    at: float
    mission: str


def split_by_time(lessons: Sequence[Lesson], held_out: float) -> tuple[list[Lesson], list[Lesson]]:
    """The earlier lessons and the later ones, of which about the share `held_out` is kept back.

    Lessons of one mission are never on both sides, so a held-out question was not seen in any form. Raises
    `TrainingRefused` where there are too few.
    """
    ended: dict[str, float] = {}
    for lesson in lessons:
        ended[lesson.mission] = max(lesson.at, ended.get(lesson.mission, lesson.at))
    ordered = sorted(lessons, key=lambda lesson: (ended[lesson.mission], lesson.mission, lesson.at))
    missions = list(dict.fromkeys(lesson.mission for lesson in ordered))
    if len(missions) < FEWEST:
        reason = f"{len(missions)} accepted missions are too few to learn from; {FEWEST} are the least."
        raise TrainingRefused(name="learning", reason=reason)
    kept_back = set(missions[-max(1, round(len(missions) * held_out)) :])
    earlier = [lesson for lesson in ordered if lesson.mission not in kept_back]
    return earlier, [lesson for lesson in ordered if lesson.mission in kept_back]
