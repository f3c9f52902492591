"""What the suites about adapters share: the tiny model with four adapters, images that hold them, backends on both."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batos.inference.peft.backend import PeftBackend
from batos.inference.port import Message, Request
from batos.testing import temporary_image

QUESTION = "What is an image, and what is a mirror?"
ROOM = "vram=64MB,context=2048,device=cpu"


@dataclass(frozen=True)
class Tiny:
    """The folders of a model and of adapters for it: the four personas', and a few that differ in kind."""

    model: Path
    adapters: dict[str, Path]


def request(adapter=None, text=QUESTION, **changed):
    messages = (Message(role="system", content="Be brief."), Message(role="user", content=text))
    given = {"purpose": "facet", "messages": messages, "adapter": adapter, "max_tokens": 12, **changed}
    return Request(**given)


@contextmanager
def holding(tiny, names, options=ROOM, **changed):
    """A new image that holds these adapters, opened with the tiny model."""
    with temporary_image(model=f"peft:{tiny.model}#{options}", **changed) as uvm:
        for name in names:
            uvm.adapters.add(name, tiny.adapters[name])
        yield uvm


def backend_of(uvm) -> PeftBackend:
    return uvm.place.backend
