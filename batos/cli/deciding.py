"""Commands for missions and for what a person decides: missions, approve, refuse."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batos.cli import show
from batos.cli.options import IMAGE, ImageOption, JsonOption, opened

if TYPE_CHECKING:
    from batos.runtime.uvm import Uvm

SHORT = 12  # the first digits of a mission's id, enough to tell it by
FAR_BACK = 10_000
WHOLE = 10_000  # characters
STYLES = {"done": "green", "failed": "red", "dead": "red", "running": "yellow", "waiting": "yellow"}


class MissionAction(StrEnum):
    LIST = "list"
    SHOW = "show"
    CANCEL = "cancel"


class MissionState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    DEAD = "dead"


def missions(
    action: Annotated[MissionAction, typer.Argument(metavar="ACTION", help="list, show, cancel")] = MissionAction.LIST,
    mission: Annotated[str | None, typer.Argument(metavar="MISSION", help="A mission's id, or how it begins.")] = None,
    state: Annotated[MissionState | None, typer.Option("--state", help="Only missions in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """List missions, show one, or cancel one.

    \b
    Example:
      batos missions
      batos missions show 3f2a9c
    """
    if (mission is None) is not (action is MissionAction.LIST):
        raise typer.BadParameter("`list` takes no mission; `show` and `cancel` take one.")
    with opened(image) as uvm:
        if mission is None:
            listed = uvm.missions(state.value if state else None, limit)
            show.deliver(as_json, {"missions": listed}, lambda: _show_missions(listed))
        elif action is MissionAction.SHOW:
            found = uvm.mission(_whole(uvm, mission))
            show.deliver(as_json, found, lambda: _show_mission(found))
        else:
            identity = _whole(uvm, mission)
            ended = uvm.store.cancel(identity)
            told = f"Mission {identity} is cancelled." if ended else f"Mission {identity} had ended already."
            show.deliver(as_json, {"mission": identity, "cancelled": ended}, lambda: show.say(told))


def _whole(uvm: Uvm, beginning: str) -> str:
    """The id that begins so. Raises `UnknownMission` if there is none."""
    from batos.errors import UnknownMission

    begins = [found.id for found in uvm.store.list(limit=FAR_BACK) if found.id.startswith(beginning)]
    if not begins:
        raise UnknownMission(mission=beginning)
    if len(begins) > 1:
        raise typer.BadParameter(f"{len(begins)} missions begin with {beginning!r}; give more digits.")
    return begins[0]


def _show_missions(listed: list[dict[str, Any]]) -> None:
    if not listed:
        show.say("There are no such missions.")
    rows = [
        (
            found["mission"][:SHORT],
            show.styled(found["state"], STYLES.get(found["state"], "")),
            show.moment(found["created_at"]),
            "message" if found["type"] == "unhandled_message" else found["type"],
            f"{found['target']} {found['selector']}",
            _words(found),
        )
        for found in listed
    ]
    show.table(rows, ("mission", "state", "filed", "type", "message", "outcome"))


def _words(found: dict[str, Any], most: int = 100) -> str:
    """What became of a mission, in a line of at most so many characters."""
    outcome, pending = found["outcome"] or {}, found["pending"] or {}
    if pending.get("reason"):
        return show.one_line(pending["reason"], most)
    if outcome.get("cancelled"):
        return "cancelled"
    if outcome.get("reason"):
        return show.one_line(outcome["reason"], most)
    answer = outcome.get("answer")
    if found["type"] == "learn" and isinstance(answer, dict):
        return f"learned, version {answer['version']}"
    if isinstance(answer, dict) and "answer" in answer:
        answer = answer["answer"]
    return "" if answer is None else (show.one_line if isinstance(answer, str) else show.literal)(answer, most)


def _show_mission(found: dict[str, Any]) -> None:
    brief = found["brief"]
    message = ", ".join([*map(show.literal, brief["args"])])
    show.console().print(show.styled(f"mission {found['mission']}", "bold"))
    show.table(
        [
            ("  message", f"{found['target']} {found['selector']}({message})"),
            ("  type", found["type"]),
            ("  filed", show.moment(found["created_at"])),
            ("  state", found["state"]),
            ("  outcome", _words(found, WHOLE)),
        ]
    )
    if found["trace"]:
        show.heading("states")
        for entry in found["trace"]:
            facts = "  ".join(f"{name}: {show.literal(fact)}" for name, fact in entry.items() if name != "state")
            show.paragraph(show.line((f"  {entry['state']:<14}", ""), (facts, "dim")))
    if found["attempts"]:
        show.heading("attempts")
        show.table(
            (
                f"  {attempt['result']}",
                f"{1000 * (attempt['ended'] - attempt['started']):.1f} ms",
                ", ".join(attempt["needs"]),
            )
            for attempt in found["attempts"]
        )


def approve(
    proposal: Annotated[
        str | None, typer.Argument(metavar="PROPOSAL", help="A proposal's id; without it, the open ones are listed.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Approve without being asked again.")] = False,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Look at proposed methods, and install one.

    \b
    Example:
      batos approve
      batos approve 3f2a9c41d0b7
    """
    with opened(image) as uvm:
        waiting = uvm.proposals()
        if proposal is None:
            show.deliver(as_json, {"proposals": waiting}, lambda: _show_proposals(waiting))
            return
        found = next((one for one in waiting if one["id"] == proposal), None)
        if found is not None and not yes:
            if as_json or not sys.stdin.isatty():
                raise typer.BadParameter(
                    "There is nobody to ask here. Look at it with `batos approve`, then add --yes."
                )
            _show_proposal(found)
            if not typer.confirm("Install it?"):
                show.note("Nothing was changed.")
                return
        approved = uvm.approve(proposal)
    told = f"{approved['target']} understands {approved['selector']} as proposed."
    show.deliver(as_json, approved, lambda: show.say(told))


def _show_proposals(waiting: list[dict[str, Any]]) -> None:
    if not waiting:
        show.say("Nothing waits for a decision.")
        return
    for number, found in enumerate(waiting):
        if number:
            show.console().print()
        _show_proposal(found)
    show.console().print()
    show.say("Decide with `batos approve ID` or `batos refuse ID`.", "dim")


def _show_proposal(found: dict[str, Any]) -> None:
    what = f"  {found['selector']} of {found['target']}  mission {found['mission']}"
    show.console().print(show.line((found["id"], "bold"), (what, "")))
    show.say(found["reason"])
    show.console().print()
    if found["replaces"] is None:
        show.console().print(show.code(found["source"]))
    else:
        show.console().print(show.diff(found["replaces"], found["source"]))


def refuse(
    proposal: Annotated[str, typer.Argument(metavar="PROPOSAL", help="A proposal's id.")],
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Decide against a proposal; who waited for it is told so.

    \b
    Example:
      batos refuse 3f2a9c41d0b7
    """
    with opened(image) as uvm:
        refused = uvm.refuse(proposal)
    told = f"{refused['selector']} of {refused['target']} stays as it is."
    show.deliver(as_json, refused, lambda: show.say(told))
