"""Commands for the adapters of an image: `batos adapters add, list, activate, verify, export, remove, plan, train`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batos.cli import show
from batos.cli.options import IMAGE, ImageOption, JsonOption, opened

if TYPE_CHECKING:
    from batos.inference.peft.library import Version
    from batos.inference.peft.plan import Plan

FAILED = 1
HELP = "The adapters of the image: one for each persona, on one base model."
PARTS = {
    "weights": "matrices, biases and norms",
    "embeddings": "tables of the vocabulary",
    "cache": "keys and values of the context",
    "slots": "places for adapters",
    "working": "one step at its widest",
    "framework": "what CUDA takes for itself",
}

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The adapter; a persona's has the persona's name.")]
VersionOption = Annotated[
    str | None,
    typer.Option("--version", metavar="HASH", help="The beginning of a version's hash."),
]
BaseOption = Annotated[
    str | None, typer.Option("--model", metavar="FOLDER", help="The base model, to check that adapters fit it.")
]


def add(
    name: NameArgument,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that PEFT saved, with safetensors.")],
    model: BaseOption = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Take an adapter into the image, as the current version of its name.

    Only plain LoRA in safetensors is taken; pickled weights are refused, whatever their file is called.

    \b
    Example:
      batos adapters add robin adapters/robin --model models/llama
    """
    with opened(image, create=True) as uvm:
        added = uvm.adapters.add(name, folder, model=model)
    told = f"{added.called} is current: rank {added.rank} on {', '.join(added.targets)}, {_size(added.bytes)}."
    show.deliver(as_json, added.as_json(), lambda: show.say(told))
    _note_missing()


def list_(
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """List the adapters of the image with all their versions.

    \b
    Example:
      batos adapters list
    """
    with opened(image) as uvm:
        found = uvm.adapters.versions()
    show.deliver(as_json, {"adapters": [version.as_json() for version in found]}, lambda: _show_versions(found))
    _note_missing()


def _show_versions(found: Sequence[Version]) -> None:
    header = ("adapter", "version", "state", "rank", "size", "since", "from")
    rows = [
        (
            version.name,
            version.sha256[: show.SHORT],
            "current" if version.current else version.state,
            version.rank,
            _size(version.bytes),
            show.moment(version.added_at),
            _origin(version),
        )
        for version in found
    ]
    show.table(rows, header)
    if not found:
        show.say("The image holds no adapters; `batos adapters add NAME FOLDER` adds one.")


def _origin(version: Version) -> str:
    if version.origin.get("kind") == "training":
        return f"training on {show.counted(int(version.origin.get('lessons', 0)), 'lesson')}"
    return str(version.origin.get("path", ""))


def activate(
    name: NameArgument,
    version: Annotated[str, typer.Argument(metavar="HASH", help="The beginning of a version's hash.")],
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Have another version of an adapter answer from now on: the way back from one that was trained.

    \b
    Example:
      batos adapters activate robin 3fa9c1
    """
    with opened(image) as uvm:
        found = uvm.adapters.activate(name, version)
    show.deliver(as_json, found.as_json(), lambda: show.say(f"{found.called} is current."))
    _note_missing()


def remove(
    name: NameArgument,
    version: VersionOption = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Take an adapter out of the image, or one version of it. Undoing the change brings it back.

    \b
    Example:
      batos adapters remove robin
    """
    with opened(image) as uvm:
        gone = uvm.adapters.remove(name, version)
    told = f"Removed {', '.join(found.called for found in gone)}."
    show.deliver(as_json, {"removed": [found.as_json() for found in gone]}, lambda: show.say(told))
    _note_missing()


def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; all by default.")] = None,
    model: BaseOption = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Read adapters whole and compare them with the hashes they were stored under.

    Exits 1 if one is damaged, or does not fit the base model.

    \b
    Example:
      batos adapters verify --model models/llama
    """
    with opened(image) as uvm:
        found = uvm.adapters.verify(names or None, model=model)

    def shown() -> None:
        show.table([(called, reason or "sound") for called, reason in found.items()])
        if not found:
            show.say("The image holds no adapters.")

    show.deliver(as_json, {"adapters": found}, shown)
    _note_missing()
    if any(found.values()):
        raise typer.Exit(FAILED)


def export(
    name: NameArgument,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the new folder is made.")],
    version: VersionOption = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Write an adapter as a PEFT folder, named after its content, for other programs.

    \b
    Example:
      batos adapters export robin /srv/adapters
    """
    with opened(image) as uvm:
        made = uvm.adapters.export(name, folder, version)
    show.deliver(as_json, {"folder": str(made)}, lambda: show.say(f"Written to {made}."))
    _note_missing()


def plan(
    model: Annotated[str, typer.Option("--model", metavar="FOLDER", help="A folder with the model's config.json.")],
    vram: Annotated[str | None, typer.Option("--vram", metavar="BYTES", help="The budget, like 6.9GB.")] = None,
    context: Annotated[int | None, typer.Option("--context", min=1, help="Tokens of context; 8192 by default.")] = None,
    slots: Annotated[int | None, typer.Option("--slots", min=1, help="Adapters in the model at once; 4.")] = None,
    rank: Annotated[int | None, typer.Option("--rank", min=1, help="Of the adapters; theirs, or 16.")] = None,
    bits: Annotated[int | None, typer.Option("--bits", min=4, max=4, help="4 for weights of 4 bits.")] = None,
    device: Annotated[str | None, typer.Option("--device", metavar="NAME", help="cuda (default) or cpu.")] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Say what fits into a budget of memory, and what to change, before anything is loaded.

    If the image is there, the slots are planned for its adapters. Exits 1 if it does not fit.

    \b
    Example:
      batos adapters plan --model models/llama --vram 6.9GB --bits 4
    """
    from batos.runtime.adapters import plan_for

    given = {"vram": vram, "context": context, "slots": slots, "rank": rank, "bits": bits, "device": device}
    made = plan_for(model, _adapters_of(image), **given)
    show.deliver(as_json, made.as_json(), lambda: _show_plan(made))
    _note_missing()
    if not made.fits:
        raise typer.Exit(FAILED)


def train(
    persona: Annotated[str, typer.Argument(metavar="PERSONA", help="Whose adapter learns.")],
    model: Annotated[str, typer.Option("--model", metavar="FOLDER", help="The base model, with whole weights.")],
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="How often each lesson is learned.")] = 3,
    rate: Annotated[float, typer.Option("--rate", min=1e-7, max=1.0, help="The learning rate.")] = 2e-4,
    rank: Annotated[int, typer.Option("--rank", min=1, max=512, help="Of an adapter that begins anew.")] = 16,
    seed: Annotated[int, typer.Option("--seed", help="The order of the lessons, and the beginning.")] = 0,
    outside: Annotated[bool, typer.Option("--outside", help="Learn too from what drew on text from outside.")] = False,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Train a persona's adapter from its own accepted missions, and let it answer if it passes the gate.

    It is judged by the latest missions, which it does not learn from, and by unchanging texts. One that does not pass
    is kept as rejected, with its figures; `batos adapters activate` goes back to an earlier one.

    \b
    Example:
      batos adapters train robin --model models/llama --epochs 3
    """
    from rich.progress import Progress

    console = show.error_console()
    with opened(image) as uvm, Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("learning", total=None)
        made = uvm.adapters.train(
            persona,
            model,
            outside=outside,
            epochs=epochs,
            rate=rate,
            rank=rank,
            seed=seed,
            told=lambda step, of, loss: bar.update(task, completed=step, total=of, description=f"loss {loss:.3f}"),
        )
    figures = made.figures
    verdict = "It is current now" if made.current else "It was rejected, and what was current still is"

    def shown() -> None:
        show.say(f"{made.called} learned from {figures['lessons']} answers. {verdict}: {figures['reason']}.")
        rows = [
            ("held-out lessons", f"{figures['held_out_before']:.3f}", f"{figures['held_out_after']:.3f}"),
            ("unchanging texts", f"{figures['regression_before']:.3f}", f"{figures['regression_after']:.3f}"),
        ]
        show.table(rows, ("loss per token", "before", "after"))

    show.deliver(as_json, made.as_json(), shown)


def _adapters_of(image: str) -> list[Version]:
    """The current adapters of the image, if there is one: a plan needs none."""
    from batos.errors import ImageMissing

    try:
        with opened(image) as uvm:
            return [version for version in uvm.adapters.versions() if version.current]
    except ImageMissing:
        return []


def _show_plan(made: Plan) -> None:
    from batos.inference.peft.plan import size

    wish = made.wish
    where = ", ".join(wish.targets) or "all linear modules"
    rows: list[tuple[Any, ...]] = [(part, size(number), PARTS[part]) for part, number in made.parts.items() if number]
    rows.append(("together", size(made.total), f"of {size(made.budget)}" if made.budget is not None else ""))
    rows += [(f"{part} in RAM", size(number), "") for part, number in made.ram.items()]
    show.table(rows)
    slots = show.counted(wish.slots, "slot")
    verdict = "It fits" if made.fits else "It does not fit"
    show.say(
        f"{verdict}: {wish.context} tokens of context ({size(made.kv_bytes_per_token)} each), {slots} of rank "
        f"{wish.rank} on {where} ({size(made.slot_bytes)} each)."
    )
    if made.changed and made.fits:
        show.say(f"Changed to fit: {'; '.join(made.changed)}.")
    for sentence in made.advice:
        show.say(sentence)


def _size(number: int) -> str:
    from batos.inference.peft.plan import size

    return size(number)


def _note_missing() -> None:
    """These commands work without torch; a model that uses what they did does not."""
    from batos.inference.peft.extra import missing_extra

    if (missing := missing_extra("A model in this process")) is not None:
        show.note(str(missing))


COMMANDS: dict[str, Callable[..., None]] = {
    "add": add,
    "list": list_,
    "activate": activate,
    "verify": verify,
    "export": export,
    "remove": remove,
    "plan": plan,
    "train": train,
}
