"""Conversations: an ask can continue an earlier one. A thread is a named object of the image with its turns in a slot.

A turn is an effect of the cycle that answered it, so it commits with the answer, has history and can be undone. A
question that leans on the one before it is asked together with that one's topic; the rule is data, in `threads.toml`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from batos.errors import NameRefused
from batos.image.world import World
from batos.inference.builtin.scoring import TOPIC
from batos.inference.builtin.words import content_stems
from batos.objects import lookup
from batos.objects.uvm_object import own_slots, put
from batos.objects.values import plain

KEPT = 50  # turns in the slot; the object's history has the earlier ones
TOLD = 4  # turns in a prompt
LONGEST = 600  # characters of an earlier answer in a prompt

Turn = dict[str, Any]


@dataclass(frozen=True)
class Continued:
    """A question within a thread. `query` stands alone; `told` is what a model reads; `topic` what it is about."""

    query: str
    told: str
    topic: str


@cache
def _rules() -> tuple[re.Pattern[str], int]:
    table = tomllib.loads((files("batos.mind") / "threads.toml").read_text(encoding="utf-8"))
    opens, refers = str(table["opens"]), "|".join(str(table["refers"]).split())
    return re.compile(rf"^\W*(?:{opens})\b|\b(?:{refers})\b", re.IGNORECASE), int(table["telling"])


def turns(world: World, thread: str) -> list[Turn]:
    """The turns that the thread keeps, the oldest first; none if it is new. Raises `NameRefused` for another object."""
    if thread not in world:
        return []
    found = world[thread]
    kept = own_slots(found).get("turns")
    if kept is None:
        raise NameRefused(name=thread, reason="an object of this name exists, and it is no conversation.")
    lookup.note_read(kept)
    return list(plain(kept))


def continued(question: str, earlier: list[Turn]) -> Continued:
    """`question` as it is to be understood after the `earlier` turns."""
    if not earlier:
        return Continued(question, question, question)
    leaning, telling = _rules()
    leans = bool(leaning.search(question)) or len(content_stems(question)) <= telling
    topic = str(earlier[-1]["topic"]) if leans else question
    query = f"{question}{TOPIC}{topic})" if leans else question
    said = "\n".join(f"Asked: {turn['question']}\nAnswered: {turn['answer'][:LONGEST]}" for turn in earlier[-TOLD:])
    return Continued(query, f"{question}\n\nEarlier in this conversation:\n{said}", topic)


def remember(world: World, thread: str, turn: Turn) -> None:
    """Add a turn to the thread, which is made if it is new. Raises `NameRefused` as `turns`."""
    kept = turns(world, thread)
    if thread not in world:
        world.create(thread)
    put(world[thread], "turns", [*kept, turn][-KEPT:])
