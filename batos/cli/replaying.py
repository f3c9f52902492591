"""The command that runs a past mission again to see what would be different: replay."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from batos.cli import show
from batos.cli.deciding import whole_id
from batos.cli.options import IMAGE, ImageOption, JsonOption, opened

if TYPE_CHECKING:
    from batos.runtime.replaying import Ending, Replayed, Step

STYLES = {"same": "dim", "answered otherwise": "yellow", "asked anew": "green", "not asked any more": "red"}
LONGEST = 300  # characters of an answer


def replay(
    mission: Annotated[str, typer.Argument(metavar="MISSION", help="A mission's id, or how it begins.")],
    model: Annotated[
        str | None, typer.Option("--model", metavar="SPEC", help="Who answers instead; without it, the journal does.")
    ] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Run a past mission again, with another model or on today's code and objects, and show what is different.

    Its journal answers what it asks; what the journal does not answer is asked now, and paid for. Nothing else is kept.

    \b
    Example:
      batos replay 3f2a9c --model openai:http://127.0.0.1:8000/v1#qwen
      batos replay 3f2a9c --json
    """
    with opened(image, model=os.environ.get("BATOS_MODEL", "builtin")) as uvm:
        found = uvm.replay(whole_id(uvm, mission), model)
    show.deliver(as_json, {**asdict(found), "same": found.same}, lambda: show_replayed(found))


def show_replayed(found: Replayed) -> None:
    show.console().print(show.styled(f"mission {found.mission[: show.SHORT]}, answered by {found.model}", "bold"))
    show.table(
        (
            f"  {step.kind} {step.purpose or step.name}{f' of {step.persona}' if step.persona else ''}",
            show.styled(step.found, STYLES[step.found]),
        )
        for step in found.steps
    )
    for step in found.steps:
        if step.found != "same":
            _show_step(step)
    show.heading("ending")
    if found.before == found.now:
        show.say(f"  {_ended(found.now)}, as before")
    else:
        show.table([("  before", _ended(found.before)), ("  now", _ended(found.now))])
    asked = show.counted(found.asked, "need") if found.asked else "nothing"
    show.say(f"Asked {asked} for it, {show.counted(found.tokens, 'token')}. Nothing was changed.")


def _show_step(step: Step) -> None:
    show.heading(f"{step.kind} {step.purpose or step.name}: {step.found}")
    rows = [(name, answer) for name, answer in (("before", step.before), ("now", step.now)) if answer is not None]
    show.table(
        (f"  {name}", show.one_line(answer, LONGEST) if isinstance(answer, str) else show.literal(answer, LONGEST))
        for name, answer in rows
    )


def _ended(ending: Ending) -> str:
    answer = ending.answer
    if isinstance(answer, dict) and "answer" in answer:
        answer = answer["answer"]
    said = ending.reason or (answer if isinstance(answer, str) else show.literal(answer, LONGEST))
    return f"{ending.outcome}: {show.one_line(said, LONGEST)}"
