"""Commands that care for an image: pack, backup, restore, export, import, erase, doctor, statistics."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batos.cli import show
from batos.cli.options import IMAGE, ImageOption, JsonOption, image_alone, opened

if TYPE_CHECKING:
    from batos.image.keeping import Held
    from batos.runtime.erasing import Found
    from batos.runtime.importing import ImportReport

FAILED = 1


def pack(
    keep: Annotated[float, typer.Option("--keep", min=0, metavar="DAYS", help="How much of the past to keep.")] = 30.0,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be removed.")] = False,
    journal: Annotated[
        float | None,
        typer.Option("--journal", min=0, metavar="DAYS", help="How long to keep what ended missions asked; else all."),
    ] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Give up the past that is older than some days, and what nothing refers to; the files get smaller.

    Others may go on working with the image. What was before cannot be undone, compared or looked at any more.

    \b
    Example:
      batos pack --keep 90 --preview
      batos pack --keep 90
      batos pack --keep 90 --journal 30
    """
    with opened(image) as uvm:
        if preview:
            seen = uvm.care.preview_pack(keep)
            told = f"Packing up to {show.moment(seen.until)} would remove {_held(seen.removes)}."
            show.deliver(as_json, asdict(seen), lambda: show.say(told))
            return
        packed = uvm.care.pack(keep)
        days = journal if journal is not None else uvm.settings.journal_days or None
        answers = 0 if days is None else uvm.care.prune(days)

    def shown() -> None:
        show.say(f"Packed up to {show.moment(packed.until)}: removed {_held(packed.removed)}.")
        if packed.before:  # the files of a database server are not ours to see
            show.say(f"The object database had {_size(packed.before)} and has {_size(packed.after)}.")
        if packed.later:
            show.note(f"{packed.later[0].upper()}{packed.later[1:]}")
        if answers:
            show.say(f"Removed {show.counted(answers, 'answer')} of missions that ended long ago.")

    show.deliver(as_json, {**asdict(packed), "answers": answers}, shown)


def _held(held: Held) -> str:
    versions = show.counted(held.records, "version")
    objects = show.counted(held.objects, "object")
    return f"{versions} ({_size(held.bytes)}), {objects} and {show.counted(held.transactions, 'change')} altogether"


def _size(number: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return show.counted(number, "byte")


def statistics(image: ImageOption = IMAGE, as_json: JsonOption = False) -> None:
    """Say how large an image is: its objects, their versions, its changes and its files.

    \b
    Example:
      batos statistics
    """
    from batos.image import statistics

    with image_alone(image) as home:
        found = statistics.statistics(home)

    def shown() -> None:
        packed = f"up to {found.pack_horizon} UTC" if found.pack_horizon else "never; all of the past is there"
        show.table(
            [
                ("objects", f"{found.objects:,} in {found.records:,} versions"),
                ("changes", f"{found.transactions:,}"),
                ("files", _size(found.total_bytes)),
                *((f"  {name}", _size(size)) for name, size in found.bytes.items() if size),
                ("packed", packed),
            ]
        )

    show.deliver(as_json, asdict(found), shown)


def backup(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder for the copy.")],
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Copy an image while it is in use: objects, history, blobs and missions, with a hash of every file.

    \b
    Example:
      batos backup /backups/monday
    """
    from batos.runtime.care import take_backup

    manifest = take_backup(image, target)
    told = f"{target} holds the image up to change {manifest.tid}: {_size(manifest.bytes)}, in " + show.counted(
        len(manifest.files), "file"
    )
    show.deliver(as_json, {"target": str(target), **manifest.model_dump(mode="json")}, lambda: show.say(f"{told}."))


def restore(
    backup: Annotated[Path, typer.Argument(metavar="BACKUP", help="The folder that `batos backup` made.")],
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Make an image of a backup, at a place where nothing is yet.

    Every file is compared with its hash, and every version of every object is read, before the image is there.

    \b
    Example:
      batos restore /backups/monday --image restored.image
    """
    from batos.runtime.care import restore_backup

    restored = restore_backup(backup, image)
    checked, manifest = restored.soundness, restored.manifest
    taken = show.moment(manifest.taken_at)
    document = {
        "image": restored.image,
        "tid": manifest.tid,
        "taken_at": manifest.taken_at,
        "records": checked.records,
        "objects": checked.objects,
    }
    versions = show.counted(checked.records, "version")
    told = f"{restored.image} is the image as of {taken}; all {versions} of its objects load."
    show.deliver(as_json, document, lambda: show.say(told))


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder, or one of an earlier export.")],
    name: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Objects; all, if none are named.")] = None,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Write objects and methods as text files that can be reviewed and compared.

    \b
    Example:
      batos export objects/ greeter
    """
    with opened(image) as uvm:
        report = uvm.care.export(folder, name or ())
    told = f"{folder} holds {show.counted(report.objects, 'object')} with {show.counted(report.methods, 'method')}."

    def shown() -> None:
        show.say(told)
        for slot in report.left_out:
            show.note(f"Left out: {slot}.")

    show.deliver(as_json, asdict(report), shown)


def import_(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of an export.")],
    replace: Annotated[bool, typer.Option("--replace", help="Change slots that hold something else.")] = False,
    edited: Annotated[bool, typer.Option("--edited", help="Take files that were changed after the export.")] = False,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Take in objects and methods from an export. Methods are audited, and run on their examples, before.

    What is refused is told with its reason; the rest is taken in, in one change that can be undone.

    \b
    Example:
      batos import objects/
    """
    from batos.runtime.importing import index_of

    index_of(folder)  # no image is made for what is no export
    with opened(image, create=True) as uvm:
        report = uvm.care.import_(folder, replace=replace, edited=edited)
    show.deliver(as_json, asdict(report), lambda: _show_import(report))
    if report.refused:
        raise typer.Exit(FAILED)


def _show_import(report: ImportReport) -> None:
    show.say(
        f"{show.counted(len(report.created), 'object')} made, {show.counted(len(report.written), 'slot')} written, "
        f"{show.counted(len(report.proven), 'method')} proven by examples, {report.unchanged} unchanged."
    )
    for refusal in report.refused:
        show.note(f"Refused {refusal.what}: {refusal.reason}")


def erase(
    document: Annotated[str | None, typer.Argument(metavar="DOCUMENT", help="The id of a document.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="A name or another text, wherever it stands.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what it would touch.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Erase without being asked again.")] = False,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Erase a document or a text for good: from objects, history, missions, indexes and the files themselves.

    It costs the whole history of the image: nothing before it can be undone. Backups are not covered.

    \b
    Example:
      batos erase letters/ada.md --preview
      batos erase --text "Ada Lovelace"
    """
    if (document is None) is (text is None):
        raise typer.BadParameter("Name what to erase: either a document or --text.")
    with opened(image) as uvm:
        found = uvm.care.find(document=document, text=text)
        if preview:
            show.deliver(as_json, asdict(found), lambda: _show_found(found))
            return
        if not yes:
            if as_json or not sys.stdin.isatty():
                raise typer.BadParameter("There is nobody to ask here. Look at it with --preview, then add --yes.")
            _show_found(found)
            if not typer.confirm("Erase it, and the history of the image?"):
                show.note("Nothing was changed.")
                return
        erased = uvm.care.erase(document=document, text=text)

    def shown() -> None:
        _show_found(erased.found)
        show.say(f"The image had {_size(erased.before)} and has {_size(erased.after)}.")
        for left in erased.left:
            show.say(f"Left: {left}.", "bold")
        show.say("No file of the image holds it any more." if not erased.left else "It is not all gone; see above.")
        show.note(f"Not covered: {', '.join(erased.not_covered)}.")

    show.deliver(as_json, asdict(erased), shown)
    if erased.left:
        raise typer.Exit(FAILED)


def _show_found(found: Found) -> None:
    show.table([(f"  {place}", number) for place, number in found.places.items()] or [("  nothing", 0)])
    for sentence in found.keeps:
        show.note(f"{sentence}.")


def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Make indexes again, and remove what a crash left.")] = False,
    image: ImageOption = IMAGE,
    as_json: JsonOption = False,
) -> None:
    """Examine an image and this machine.

    Every record of the image is read through the safe loader, every reference followed, every method audited again; the
    index is compared with the catalog, and the missions with their receipts. Only what is derived is ever repaired.

    \b
    Example:
      batos doctor
    """
    with opened(image) as uvm:
        findings = uvm.care.doctor(repair)
    sick = [found for found in findings if found.standing == "wrong"]

    def shown() -> None:
        show.table((found.standing, found.what, found.says) for found in findings)
        verdict = f"{show.counted(len(sick), 'thing')} to mend." if sick else "Nothing to mend."
        show.console().print()
        show.say(verdict, "bold")

    show.deliver(as_json, {"sound": not sick, "findings": [asdict(found) for found in findings]}, shown)
    if sick:
        raise typer.Exit(FAILED)
