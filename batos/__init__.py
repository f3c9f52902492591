"""batos: an embeddable runtime for agents that keep, grow and can explain their own code.

    import batos

    with batos.open("demo.image") as image:
        greeter = image.create("greeter", slots={"name": "Ada Lovelace"})
        print(greeter.shout_name())

What is listed in `__all__` is the public surface.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from batos.clock import Clock
from batos.errors import BatosError, MissionFailed, MissionPending, NotUnderstood
from batos.methods.contract import Example
from batos.objects.primitives import primitive
from batos.objects.records import Intent, Secret
from batos.settings import Settings

if TYPE_CHECKING:
    from batos.inference.port import Backend
    from batos.runtime.uvm import Uvm

__version__ = "0.1.0.dev0"

__all__ = [
    "BatosError",
    "Clock",
    "Example",
    "Intent",
    "MissionFailed",
    "MissionPending",
    "NotUnderstood",
    "Secret",
    "Settings",
    "open",
    "primitive",
]


def open(  # noqa: A001 - `batos.open` is the name a user looks for
    uri: str | Path,
    *,
    model: str | Backend = "builtin",
    create: bool = True,
    settings: Settings | None = None,
    clock: Clock | None = None,
) -> Uvm:
    """Open the image at `uri` (`PATH`, `sqlite:PATH`, `file:PATH` or `postgresql:DSN`), awakened on first use.

    `model` is "builtin", "openai:URL#NAME", "peft:FOLDER", or a backend object. Raises `ImageUnavailable`, or
    `UnknownBackend`.
    """
    from batos.runtime.uvm import Uvm

    return Uvm(uri, model=model, create=create, settings=settings, clock=clock)
