"""Commands for what a person rules about methods: versions, intent, pin, unpin, policy."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from batos.cli import show
from batos.cli.options import IMAGE, ExampleOption, ImageOption, JsonOption, opened

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The object's name or id.")]
SelectorArgument = Annotated[str, typer.Argument(metavar="SELECTOR", help="One of its messages.")]
SlotArgument = Annotated[
    str | None, typer.Argument(metavar="SELECTOR", help="One of its own slots; without it, the object.")
]
STYLES = {"+": "green", "-": "red", "@": "dim"}


def versions(
    name: NameArgument,
    selector: SelectorArgument,
    diff: Annotated[bool, typer.Option("--diff", help="Show what changed from version to version.")] = False,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """List the versions of a method, newest first: who wrote each, and how it did.

    \b
    Example:
      batos versions greeter initials_ --diff
    """
    with opened(image) as uvm:
        found = uvm.versions(name, selector)
    shown = {"object": name, "selector": selector, "versions": found}
    show.deliver(as_json, shown, lambda: _show_versions(found, diff))


def _show_versions(found: list[dict[str, Any]], diff: bool) -> None:
    rows = [
        (
            version["version"],
            version["by"] if version["restores"] is None else f"{version['by']}, restores {version['restores']}",
            show.moment(version["made_at"]) if version["made_at"] else "",
            version["trust"],
            version["proven"],
            version["calls"],
            version["errors"],
            f"{version['micros'] / version['calls']:.0f}" if version["calls"] else "",
        )
        for version in found
    ]
    show.table(rows, ("version", "by", "made", "trust", "proven by", "calls", "errors", "µs per call"))
    for version in found if diff else ():
        if version["diff"]:
            show.heading(f"version {version['version']}")
            for line in version["diff"].splitlines()[2:]:
                show.console().print(show.styled(f"  {line}", STYLES.get(line[:1], "")))


def intent(
    name: NameArgument,
    selector: SelectorArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the method is for, in a sentence.")],
    example: ExampleOption = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Say what a method is for. One made from another intent is retired; the next message has it learned anew.

    \b
    Example:
      batos intent babs tech_facet_ "a precise analysis of the data, with numbers"
    """
    from batos.cli import reading

    with opened(image) as uvm:
        retired = uvm.set_intent(name, selector, text, reading.examples(example))
    told = f"{name} is to understand {selector} so; the next message has it learned."
    if retired is not None:
        told = f"Version {retired} of {selector} is retired. {told}"
    document = {"object": name, "selector": selector, "intent": text, "retired": retired}
    show.deliver(as_json, document, lambda: show.say(told))


def pin(
    name: NameArgument, selector: SlotArgument = None, image: ImageOption = IMAGE, as_json: JsonOption = False
) -> None:
    """Keep an object, or one of its slots, as it is: nothing that learns may change it, nor a sandboxed method.

    \b
    Example:
      batos pin greeter initials_
    """
    with opened(image) as uvm:
        uvm.pin(name, selector)
    _told(name, selector, pinned=True, as_json=as_json)


def unpin(
    name: NameArgument, selector: SlotArgument = None, image: ImageOption = IMAGE, as_json: JsonOption = False
) -> None:
    """Take a pin away.

    \b
    Example:
      batos unpin greeter initials_
    """
    with opened(image) as uvm:
        uvm.unpin(name, selector)
    _told(name, selector, pinned=False, as_json=as_json)


def _told(name: str, selector: str | None, *, pinned: bool, as_json: bool) -> None:
    what = name if selector is None else f"{name}.{selector}"
    told = f"{what} is {'pinned' if pinned else 'not pinned'} now."
    show.deliver(as_json, {"object": name, "selector": selector, "pinned": pinned}, lambda: show.say(told))


class Choice(StrEnum):
    AUTO = "auto"
    PROPOSE = "propose"
    NONE = "none"


def policy(
    choice: Annotated[
        Choice | None,
        typer.Argument(metavar="POLICY", help="auto, propose, or none for what holds above; without it, list them."),
    ] = None,
    of: Annotated[
        str | None, typer.Option("--of", metavar="NAME", help="The object it is for; else the whole image.")
    ] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Say what becomes of methods that are learned: proven ones are installed (auto), or all are proposed (propose).

    An object's policy holds for those that delegate to it too.

    \b
    Example:
      batos policy propose --of accounts
    """
    if choice is None and of is not None:
        raise typer.BadParameter("Say which policy it is to have: auto, propose or none.")
    with opened(image) as uvm:
        if choice is not None:
            uvm.set_policy(None if choice is Choice.NONE else choice.value, of)
        found = uvm.policies()
        process = uvm.settings.policy
    document = {"image": found.get("") or "auto", "objects": {name: ruled for name, ruled in found.items() if name}}
    show.deliver(as_json, {**document, "setting": process}, lambda: _show_policies(document, process))


def _show_policies(document: dict[str, Any], process: str) -> None:
    if process == "propose":
        show.note("BATOS_POLICY is propose, so this process proposes whatever the image says.")
    show.table([("the image", document["image"]), *sorted(document["objects"].items())])
