"""Commands that look at objects and their past: inspect, history, why, undo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batos.cli import show
from batos.cli.options import IMAGE, ImageOption, JsonOption, image_alone, missions_of

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from batos.image.changes import Change
    from batos.runtime.explaining import Why

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The object's name or id.")]
LONGEST = 100  # characters of an answer or a prompt, unless all is asked for
WHOLE = 1_000_000
GUESSED = "  (nobody stated it)"
SHORT_SOURCE = 60  # lines


def inspect(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="An object's name or id; without it, all that have a name.")
    ] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Show an object, or list all objects.

    \b
    Example:
      batos inspect greeter
    """
    from batos.image import inspecting

    with image_alone(image) as home:
        if name is None:
            listed = inspecting.list_objects(home)
            show.deliver(as_json, {"objects": listed}, lambda: show_objects(listed))
        else:
            found = inspecting.inspect(home, name)
            show.deliver(as_json, found, lambda: show_object(found))


def show_objects(listed: list[dict[str, Any]]) -> None:
    rows = [
        (found["name"], ", ".join(found["parents"]), ", ".join([*found["methods"], *found["intents"], *found["slots"]]))
        for found in listed
    ]
    show.table(rows, ("object", "parents", "own slots"))


def show_object(found: dict[str, Any]) -> None:
    from rich.text import Text

    parents = f", delegates to {', '.join(found['parents'])}" if found["parents"] else ""
    ruled = found.get("rules", {})
    parents += ", pinned" if "pinned" in ruled else ""
    parents += f", policy {ruled['policy']}" if "policy" in ruled else ""
    show.console().print(show.line((found["name"], "bold"), (f"  {found['oid']}{parents}", "dim")))
    kinds = {kind: [slot for slot in found["slots"] if slot["kind"] == kind] for kind in ("data", "intent", "method")}
    if kinds["data"]:
        show.heading("slots")
        show.table((f"  {slot['name']}", _value(slot["value"])) for slot in kinds["data"])
    if kinds["intent"]:
        show.heading("intents, not learned yet")
        show.table((f"  {slot['name']}", slot["value"]) for slot in kinds["intent"])
    if kinds["method"]:
        show.heading("methods")
        show.table(
            (f"  {slot['name']}", f"{_trust(slot['value'])}{', pinned' if 'pinned' in slot else ''}")
            for slot in kinds["method"]
        )
        for slot in kinds["method"]:
            if slot["value"]["source"]:
                show.console().print(Text())
                show.console().print(show.code(slot["value"]["source"]))
    show.heading("understands")
    show.paragraph(", ".join(found["understands"]), 2)


def _value(value: Any) -> str:
    is_reference = isinstance(value, str) and value.startswith("<") and value.endswith(">")
    return value if is_reference else show.literal(value, 400)


def _trust(method: dict[str, Any]) -> str:
    if method["trust"] == "primitive":
        return f"primitive {method['primitive']}"
    proof = f", proven by {show.counted(method['proven'], 'example')}" if method["proven"] else ""
    return f"{method['trust']}, version {method['version']}{proof}"


def history(name: NameArgument, image: ImageOption = IMAGE, as_json: JsonOption = False) -> None:
    """List the changes of an object, newest first.

    \b
    Example:
      batos history greeter
    """
    from batos.image import history

    with image_alone(image) as home:
        with home.reading() as world:
            oid = world.add(world.find(name))
        changes = history.history(home, oid)
    found = {"object": name, "changes": [change.as_dict() for change in changes]}
    show.deliver(as_json, found, lambda: show_changes(changes))


def show_changes(changes: list[Change]) -> None:
    rows = [(change.id, show.moment(change.time), change.note, ", ".join(change.slots)) for change in changes]
    show.table(rows, ("change", "time", "what", "slots"))


def undo(
    change: Annotated[str, typer.Argument(metavar="CHANGE", help="The id of a change, as history prints it.")],
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Put back what a change wrote, as a new change.

    \b
    Example:
      batos undo 0400b0dc4ba4f3aa
    """
    from batos.image import history

    with image_alone(image) as home:
        what = history.undo(home, change)
    show.deliver(as_json, {"undone": change, "note": what}, lambda: show.say(f"Undone: {what}."))


def why(
    name: NameArgument,
    selector: Annotated[str, typer.Argument(metavar="SELECTOR", help="One of its slots.")],
    prompts: Annotated[bool, typer.Option("--prompts", help="Show prompts and answers whole.")] = False,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Explain where a method or a made object came from.

    \b
    Example:
      batos why greeter initials_
    """
    from batos.runtime import explaining

    with image_alone(image) as home, missions_of(home) as store:
        found = explaining.why(home, store, name, selector)
    show.deliver(as_json, asdict(found), lambda: show.console().print(reasons(found, None if prompts else LONGEST)))


def reasons(found: Why, most: int | None) -> Tree:
    """The chain from a slot to what it was made of. `most` is where long texts end; None shows them whole."""
    from rich.tree import Tree

    name = f"{found.target}.{found.selector}"
    tree = Tree(show.line((name, "bold"), (f"  {found.what}", "")), guide_style="dim")
    lines = len((found.source or "").splitlines())
    if found.source and (most is None or lines <= SHORT_SOURCE):
        tree.add(show.code(found.source, 0))
    elif found.source:
        tree.add(show.styled(f"its source has {lines} lines; --prompts shows them", "dim"))
    _add(tree, "must satisfy", list(contract_lines(found.contract)))
    _add(tree, "came about", [show.styled(line) for line in _provenance(found)])
    if found.mission is not None:
        about = found.mission
        told = f"  {about['type']}, {about['outcome']}, {show.moment(about['made_at'])}"
        mission = tree.add(show.line((f"mission {about['id']}", "bold"), (told, "")))
        _add(mission, "states", [_state(entry, most) for entry in found.trace])
        _add(mission, "asked", [_asked(entry, most) for entry in found.asked])
    _add(tree, "made from", [show.styled(f"{document} #{index}") for document, index in found.chunks])
    return tree


def _add(tree: Tree, title: str, parts: list[Any]) -> None:
    if parts:
        branch = tree.add(show.styled(title, "dim"))
        for part in parts:
            branch.add(part)


def contract_lines(contract: dict[str, Any]) -> Iterator[Text]:
    if contract.get("intent"):
        yield show.styled(contract["intent"])
    for example in contract.get("examples", ()):
        args = [*map(show.literal, example["args"])]
        args += [f"{name}={show.literal(value)}" for name, value in example.get("kwargs", {}).items()]
        outcome = f"raises {example['raises']}" if example.get("raises") else show.literal(example.get("result"))
        slots = {**(example.get("held") or {}), **(example.get("slots") or {})}
        before = f"  with {show.literal(slots)}" if slots else ""
        after = f"  leaving {show.literal(example['slots_after'])}" if example.get("slots_after") else ""
        guess = "" if example.get("given", True) else GUESSED
        yield show.styled(f"({', '.join(args)}) => {outcome}{before}{after}{guess}")


def _provenance(found: Why) -> Iterator[str]:
    about = found.provenance
    if about.get("model"):
        yield f"written by {about['model']}"
    if about.get("author"):
        yield f"installed by {about['author']}"
    if about.get("from_image"):
        yield from _origin(about)
    if about.get("proven"):
        yield f"proven by {show.counted(about['proven'], 'example')} that a person gave"
    if about.get("tainted"):
        yield "written with text from outside"
    if about.get("approved_at"):
        yield f"approved by a person, {show.moment(about['approved_at'])}"
    if about.get("trusted_at"):
        yield f"trusted to run in process, {show.moment(about['trusted_at'])}"
    for name, fact in (about.get("notes") or {}).items():
        if name == "rivals":
            yield from (f"ruled out, {rival['costs_more']} dearer: {show.one_line(rival['source'])}" for rival in fact)
        else:
            yield f"{name.replace('_', ' ')}: {fact if isinstance(fact, str) else show.literal(fact, 400)}"
    if len(found.versions) > 1:
        yield f"earlier versions: {', '.join(str(version) for version in found.versions[1:])}"


def _origin(about: dict[str, Any]) -> Iterator[str]:
    """What an export told about a method that was imported."""
    told = about["origin"]
    wrote = f", where {told['model']} wrote it" if told.get("model") else ""
    mission = f" in mission {str(told['mission'])[: show.SHORT]}" if told.get("mission") else ""
    yield f"taken from an export of image {str(about['from_image'])[: show.SHORT]}{wrote}{mission}"
    if about["edited"]:
        yield "its source was changed after the export"


def _state(entry: dict[str, Any], most: int | None) -> Text:
    facts = {name: fact for name, fact in entry.items() if name != "state"}
    if most is not None:
        facts = {name: _in_short(fact) for name, fact in facts.items()}
    told = "  ".join(f"{name}: {show.literal(fact, most or WHOLE)}" for name, fact in facts.items() if fact != [])
    return show.line((f"{entry['state']:<14}", ""), (told, "dim"))


def _in_short(fact: Any) -> Any:
    """Of a map, what says most: its own words for what was decided, else its numbers."""
    if not isinstance(fact, dict):
        return fact
    telling = [fact[name] for name in ("archetype", "strategy", "status") if fact.get(name)]
    return ", ".join(map(str, telling)) if telling else {name: part for name, part in fact.items() if part}


def _asked(entry: dict[str, Any], most: int | None) -> Any:
    """A need with its prompt and answer below it."""
    from rich.console import Group

    who = f" of {entry['persona']}" if entry["persona"] else ""
    spent = f"{entry['model']}, {show.counted(entry['tokens'], 'token')}, " if entry["model"] else ""
    adapter = f"adapter {entry['adapter']}, " if entry["adapter"] else ""
    what = f"{entry['kind']} {entry['purpose'] or entry['name']}{who}  "
    title = show.line((what, ""), (f"{spent}{adapter}{entry['seconds']:.2f} s", "dim"))
    lines = [(message["role"], message["content"]) for message in entry["prompt"] or ()]
    lines.append(("answered", _answer(entry["answer"], most)))
    if most is not None:
        lines = [(role, show.one_line(text, most)) for role, text in lines if role != "system"]
    return Group(title, *(show.line((f"{role}: ", "dim"), (text, "")) for role, text in lines))


def _answer(answer: Any, most: int | None) -> str:
    """The text of a journaled answer, or the error it was."""
    if "error" in answer:
        return f"{answer['error']['type']}: {show.literal(answer['error']['facts'], WHOLE)}"
    given = answer.get("value", answer)
    if isinstance(given, dict) and "text" in given:
        return str(given["text"]) or "nothing"
    if isinstance(given, list) and most is not None:
        return show.counted(len(given), "result")
    return show.literal(given if most is None else _in_short(given), WHOLE)
