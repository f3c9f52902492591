"""Commands for missions and for what a person decides: missions, approve, refuse."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batos.cli import looking, show, thought
from batos.cli.options import IMAGE, ImageOption, JsonOption, opened

if TYPE_CHECKING:
    from batos.runtime.explaining import Why
    from batos.runtime.timeline import Timeline
    from batos.runtime.uvm import Uvm

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
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="With `show`: draw the timeline into this file.")
    ] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """List missions, show one, or cancel one.

    \b
    Example:
      batos missions
      batos missions show 3f2a9c --svg timeline.svg
    """
    if (mission is None) is not (action is MissionAction.LIST):
        raise typer.BadParameter("`list` takes no mission; `show` and `cancel` take one.")
    with opened(image) as uvm:
        if mission is None:
            listed = uvm.missions(state.value if state else None, limit)
            show.deliver(as_json, {"missions": listed}, lambda: _show_missions(listed))
        elif action is MissionAction.SHOW:
            identity = whole_id(uvm, mission)
            found, drawn = uvm.mission(identity), uvm.timeline(identity)
            if svg is not None:
                svg.write_text(drawn.svg(), encoding="utf-8")
                show.note(f"The timeline is in {svg}.")
            show.deliver(as_json, found, lambda: _show_mission(found, drawn))
        else:
            identity = whole_id(uvm, mission)
            ended = uvm.store.cancel(identity)
            told = f"Mission {identity} is cancelled." if ended else f"Mission {identity} had ended already."
            show.deliver(as_json, {"mission": identity, "cancelled": ended}, lambda: show.say(told))


def whole_id(uvm: Uvm, beginning: str) -> str:
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
            found["mission"][: show.SHORT],
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


def _show_mission(found: dict[str, Any], drawn: Timeline) -> None:
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
        for indent, told, style in thought.lines(found["trace"], found["journal"]):
            show.paragraph(show.styled(told, style), indent)
    if drawn.attempts:
        show.heading("timeline")
        for told in str(drawn).splitlines()[1:]:
            show.console().print(show.styled(f"  {told}"), no_wrap=True, overflow="crop")


def approve(
    proposal: Annotated[
        str | None,
        typer.Argument(
            metavar="PROPOSAL",
            help="A proposal's id, or how it begins; or OBJECT.SELECTOR with --trusted. Without it, the open ones.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Approve without being asked again.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Even if it breaks contracts of other methods.")] = False,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="Let it run in process, outside the sandbox, on this machine.")
    ] = False,
    always: Annotated[
        bool, typer.Option("--always", help="For a tool: allow it for this object from now on, on this machine.")
    ] = False,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Look at proposed methods, and install one; or allow a sandboxed method to use a tool.

    \b
    Example:
      batos approve
      batos approve 3f2a9c41d0b7
      batos approve greeter.initials_ --trusted
    """
    with opened(image) as uvm:
        if proposal is None:
            waiting = uvm.proposals()
            show.deliver(as_json, {"proposals": waiting}, lambda: _show_proposals(waiting))
            return
        if "." in proposal:
            document = _trust(uvm, proposal, trusted, yes, as_json)
        else:
            document = _approve(uvm, proposal, anyway, always, trusted, yes, as_json)
    if document is not None:
        show.deliver(as_json, document, lambda: show.say(document["says"]))


def _approve(
    uvm: Uvm, proposal: str, anyway: bool, always: bool, trusted: bool, yes: bool, as_json: bool
) -> dict[str, Any] | None:
    found = [one for one in uvm.proposals() if one["id"].startswith(proposal)]
    is_tool = len(found) == 1 and "tool" in found[0]["provenance"]
    if found and ((always and not is_tool) or (is_tool and (anyway or trusted))):
        raise typer.BadParameter("`--always` is for the use of a tool, `--anyway` and `--trusted` are for a method.")
    question = "Allow it?" if is_tool else "Install it?"
    if len(found) == 1 and not yes and not _agreed(lambda: _show_proposal(found[0]), question, as_json):
        return None
    approved = uvm.approve(proposal, anyway=anyway, always=always)
    if is_tool:
        what = f"{approved['selector']} of {approved['target']}"
        return {**approved, "says": f"{what} is allowed{' from now on' if always else ', this once'}."}
    told = f"{approved['target']} understands {approved['selector']} as proposed."
    if trusted:
        approved["version"] = uvm.trust(approved["target"], approved["selector"])
        told = f"{told} It runs in process, outside the sandbox."
    return {**approved, "says": told}


def _trust(uvm: Uvm, named: str, trusted: bool, yes: bool, as_json: bool) -> dict[str, Any] | None:
    """Approve a method that is installed already to run in process."""
    target, _, selector = named.rpartition(".")
    if not trusted:
        raise typer.BadParameter(f"{named} is installed already. To let it run outside the sandbox, add --trusted.")
    reason = uvm.why(target, selector)
    look = f"`batos why {target} {selector}`"
    if not yes and not _agreed(lambda: _show_installed(reason), "Let it run outside the sandbox?", as_json, look):
        return None
    version = uvm.trust(target, selector)
    told = f"{named} runs in process on this machine, as version {version}."
    return {"target": target, "selector": selector, "version": version, "trust": "trusted", "says": told}


def _agreed(shown: Callable[[], None], question: str, as_json: bool, look: str = "`batos approve`") -> bool:
    """Whether the person at the terminal says yes to what is shown. Without one, `--yes` has to say it."""
    if as_json or not sys.stdin.isatty():
        raise typer.BadParameter(f"There is nobody to ask here. Look at it with {look}, then add --yes.")
    shown()
    if not typer.confirm(question):
        show.note("Nothing was changed.")
        return False
    return True


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
    about = found["provenance"]
    number = f", version {found['version']}" if "tool" not in about else ""
    what = f"  {found['selector']} of {found['target']}{number}"
    show.console().print(show.line((found["id"], "bold"), (what, "")))
    show.say(found["reason"])
    show.console().print()
    show.console().print(show.code(found["source"]))
    show.console().print()
    if found["replaces"] == found["source"]:
        show.say("The source is as it is now; what it must satisfy is new.", "dim")
        show.console().print()
    elif found["replaces"] is not None:
        show.console().print(show.diff(found["replaces"], found["source"]))
        show.console().print()
    if "tool" in about:
        show.table([("  asked for by", about["asked_for"]), ("  mission", found["mission"])])
    else:
        show.table(_facts(found["contract"], {"mission": found["mission"], **about}))


def _show_installed(reason: Why) -> None:
    show.console().print(show.code(reason.source or ""))
    show.console().print()
    show.table(_facts(reason.contract, reason.provenance))


def _facts(contract: dict[str, Any], about: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a person should know of a method before deciding: contract, audit, trial, provenance."""
    if contract.get("intent"):
        yield "  for", contract["intent"]
    for line in looking.contract_lines({"examples": contract.get("examples", ())}):
        yield "  must satisfy", line.plain
    yield from _tried(about)
    yield "  proven by", f"{show.counted(about.get('proven') or 0, 'example')} that a person gave"
    writer = about.get("model") or about.get("author")
    if writer:
        yield "  written by", f"{writer}{', with text from outside' if about.get('tainted') else ''}"
    if about.get("drew_on"):
        yield "  drew on", ", ".join(about["drew_on"])
    if about.get("mission"):
        yield "  mission", str(about["mission"])


def _tried(about: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the audit and the trial found."""
    audited = about.get("audit") or {}
    if audited and not any(audited.get(verb) for verb in ("reads", "writes", "sends", "dynamic")):
        yield "  audit", "passed; it reads and writes no slot, and sends no message"
    for verb in ("reads", "writes", "sends"):
        if audited.get(verb):
            yield f"  {verb}", ", ".join(audited[verb])
    if audited.get("dynamic"):
        yield "  besides", "it puts names together while it runs, so the audit may not tell all it reads or sends"
    if about.get("acts"):
        yield "  acts outside", ", ".join(about["acts"])
    for claim in about.get("claims") or ():
        if not claim["holds"]:
            (line,) = looking.contract_lines({"examples": [claim["example"]]})
            yield "  claims wrongly", line.plain.removesuffix(looking.GUESSED)
    for broken in about.get("broken") or ():
        yield "  breaks", f"{broken['selector']} of {broken['target']}: {broken['reason']}"


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
