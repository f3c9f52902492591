"""Questions and how they were answered, as the running system offers it: the part of `Uvm` that is about thinking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batos.errors import NameRefused
from batos.mind import threads
from batos.objects.uvm_object import is_slot_name
from batos.runtime.contributions import Contribution, contributions
from batos.runtime.filing import Filing
from batos.runtime.mission import Mission
from batos.runtime.timeline import Timeline, timeline


@dataclass(frozen=True)
class Answer:
    """An answer with the chunks it cites. `known` is False when memory does not hold it, and the text says so."""

    text: str
    citations: tuple[tuple[str, int], ...]
    known: bool
    mission: str

    @classmethod
    def of(cls, mission: str, found: Mapping[str, Any]) -> Answer:
        """From what the mission of a question answers."""
        cited = tuple((citation["document_id"], citation["chunk_index"]) for citation in found["citations"])
        return cls(found["answer"], cited, found["known"], mission)

    def __str__(self) -> str:
        return self.text


class Questions(Filing):
    """The rest of `Uvm` is not needed for it."""

    def submit_question(self, question: str, thread: str | None = None, *, mission_id: str | None = None) -> Mission:
        """File a question as a mission. Raises `NameRefused` for a thread that is no name, or something else's.

        Who wants to hear of it from its beginning chooses its `mission_id`.
        """
        if thread is not None:
            self.thread(thread)
        extra = {"thread": thread} if thread else {}
        return self._file("orchestrator", "ask", (question,), {}, "ask", None, extra, mission_id)

    def ask(self, question: str, timeout: float | None = None, *, thread: str | None = None) -> Answer:
        """Answer a question from memory, by a cycle of the composite mind.

        With `thread`, it continues the conversation of that name, which is made if it is new: an object of the image
        whose slot `turns` holds what was asked and answered.
        """
        mission = self.submit_question(question, thread)
        return Answer.of(mission.id, mission.result(timeout))

    def thread(self, name: str) -> list[dict[str, Any]]:
        """The turns of a conversation, the oldest first; none if there is none yet. Raises `NameRefused`."""
        if not is_slot_name(name) or name.endswith("*"):
            raise NameRefused(name=name, reason="a conversation is called by an identifier, like `holidays`.")
        with self.image.reading() as world:
            return threads.turns(world, name)

    def timeline(self, identity: str) -> Timeline:
        """What a mission did when: `str` of it for a terminal, `svg()` for a picture. Raises `UnknownMission`."""
        journal = list(self.store.journal(identity).values())
        return timeline(self.mission(identity), self.store.attempts(identity), journal)

    def contributions(self) -> list[Contribution]:
        """What each facet added to the latest answers, those that add least first."""
        return contributions(self.image, self.store)
