"""The options that commands share, and opening an image as they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from batos.image.image import Image
    from batos.runtime.missions import MissionStore
    from batos.runtime.uvm import Uvm

IMAGE = "./demo.image"

ImageOption = Annotated[
    str,
    typer.Option(
        "--image",
        envvar="BATOS_IMAGE",
        metavar="PATH",
        help="The image: PATH, sqlite:PATH, file:PATH or postgresql:DSN.",
    ),
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        envvar="BATOS_MODEL",
        metavar="SPEC",
        help="Who answers: builtin, openai:URL#NAME, openai (found on this machine), peft:FOLDER.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ExampleOption = Annotated[
    list[str] | None,
    typer.Option("--example", metavar="EXAMPLE", help="""What must come of it: '["ada"] => "A."'. Repeatable."""),
]
IntentOption = Annotated[str | None, typer.Option("--intent", metavar="TEXT", help="What the method is for.")]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", help="How long to wait; the mission goes on.")
]


@contextmanager
def image_alone(image: str) -> Iterator[Image]:
    """The image without the system, for commands that only look: a third of the time."""
    from batos.image.image import Image

    with Image.open(image, create=False) as opened:
        yield opened


@contextmanager
def missions_of(image: Image) -> Iterator[MissionStore]:
    """The missions beside an image, to look at."""
    from batos.runtime.missions import MissionStore

    store = MissionStore.open(image.where.missions, image.clock)
    try:
        yield store
    finally:
        store.close()


def settled(model: str) -> str:
    """`model`, and for the word `openai` alone the model that a server on this machine offers. Raises
    `SettingRefused`."""
    if model != "openai":
        return model
    from batos.cli import show
    from batos.inference.discovery import the_only_model

    return the_only_model(show.note)


@contextmanager
def opened(image: str, *, model: str = "builtin", create: bool = False, work: bool | None = False) -> Iterator[Uvm]:
    """The image, with its missions worked here if `work` is True, or None and no daemon does."""
    from batos.runtime.uvm import Uvm

    with Uvm(image, model=settled(model), create=create, work=work) as uvm:
        yield uvm
