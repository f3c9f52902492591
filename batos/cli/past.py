"""Commands for the image as it was: at, diff, fork."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batos.cli import show
from batos.cli.looking import LONGEST, NameArgument, reasons, show_changes, show_object, show_objects
from batos.cli.options import IMAGE, ImageOption, JsonOption, image_alone, missions_of, opened

if TYPE_CHECKING:
    from batos.image.differing import Difference
    from batos.image.image import Image
    from batos.image.views import View

WHEN = "a change id, a time (2026-05-01 or '2026-05-01 12:00'), a note, or now"
WhenArgument = Annotated[str, typer.Argument(metavar="WHEN", help=f"The moment: {WHEN}.")]
STYLES = {"+": "green", "-": "red", "@": "dim"}

Found = tuple[dict[str, Any], Callable[[], None]]  # the document, and what shows it to a person


def at(
    when: WhenArgument,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="An object's name or id; without it, all that had a name.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="List its changes up to then.")] = False,
    why: Annotated[str | None, typer.Option("--why", metavar="SELECTOR", help="Explain one of its slots.")] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Look at objects as they were.

    \b
    Example:
      batos at 0400b0dc4ba4f3aa greeter
      batos at 2026-05-01 greeter --history
    """
    if name is None and (history or why):
        raise typer.BadParameter("--history and --why are about an object; name one.")
    from batos.image import views

    with image_alone(image) as home:
        if name is not None and why is not None:
            view, (document, shown) = _explained(home, when, name, why)
        else:
            with views.at(home, when) as view:
                document, shown = _found(view, name, history)
    moment = {"change": view.id, "time": view.time, "note": view.note}

    def below_the_moment() -> None:
        show.say(f"{show.moment(view.time)}  {view.id}  {view.note}", "dim")
        shown()

    show.deliver(as_json, {"at": moment, **document}, below_the_moment)


def _explained(home: Image, when: str, name: str, selector: str) -> tuple[View, Found]:
    from batos.image import views
    from batos.runtime.explaining import why

    with missions_of(home) as store, views.at(home, when) as view:
        reason = why(view, store, name, selector)
    return view, (asdict(reason), lambda: show.console().print(reasons(reason, LONGEST)))


def _found(view: View, name: str | None, history: bool) -> Found:
    from batos.image.inspecting import list_objects

    if name is None:
        listed = list_objects(view)
        return {"objects": listed}, lambda: show_objects(listed)
    if history:
        changes = view.history(name)
        told = {"object": name, "changes": [change.as_dict() for change in changes]}
        return told, lambda: show_changes(changes)
    slots = view.inspect(name)
    return slots, lambda: show_object(slots)


def diff(
    name: NameArgument,
    before: Annotated[str, typer.Argument(metavar="BEFORE", help=f"The first moment: {WHEN}.")],
    after: Annotated[
        str | None, typer.Argument(metavar="AFTER", help="The second moment; now, if it is left out.")
    ] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Show what is different about an object between two moments, slot by slot.

    \b
    Example:
      batos diff greeter 0400b0dc4ba4f3aa
      batos diff greeter 2026-05-01 2026-05-02
    """
    from batos.image import differing

    with image_alone(image) as home:
        found = differing.diff(home, name, before, after)
    show.deliver(as_json, asdict(found), lambda: _show_difference(found))


def _show_difference(found: Difference) -> None:
    show.say(f"{found.target} from {found.before} to {found.after}", "dim")
    if not found.slots:
        show.say("No slot is different.")
    for line in found.lines():
        show.console().print(show.styled(line, STYLES.get(line.lstrip()[:1], "")))


def fork(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Where the new image goes; nothing may be there.")],
    when: Annotated[str | None, typer.Option("--at", metavar="WHEN", help=f"As of {WHEN}; else as it is now.")] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Make a second image of this one, as it is or as it was, with its history.

    Missions that are not done stay with this image.

    \b
    Example:
      batos fork trial.image
      batos fork trial.image --at 2026-05-01
    """
    with opened(image) as uvm:
        forked = uvm.fork(target, when)
    told = f"{forked.image} is an image of its own now, with the history up to change {forked.change}."
    show.deliver(as_json, asdict(forked), lambda: show.say(told))
