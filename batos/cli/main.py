"""The `batos` command: the table of commands, and what an error becomes.

Exit codes: 0 done, 1 the operation failed, 2 wrong usage, 3 the image is not available. An error that batos raises on
purpose is one sentence on standard error; a traceback is a bug.
"""

from __future__ import annotations

import errno
import functools
import keyword
import logging
import sqlite3
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Annotated, Any

import typer

import batos
from batos.cli import show
from batos.errors import BatosError, ImageUnavailable, MissionPending

FAILED, UNAVAILABLE, INTERRUPTED = 1, 3, 130
INTERRUPTED_SAYS = {
    "run": "The same command goes on where it was.",
    "ingest": "The documents that were read whole are kept; the same command reads the rest.",
    **dict.fromkeys(
        ("send", "teach", "ask"),
        "A mission that was filed is kept: `batos missions` lists it, `batos run` or the same command goes on with it.",
    ),
}
NOTHING_BEGUN = "Nothing half done is kept; the same command begins anew."
REFUSED_BY_THE_SYSTEM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE)

# The commands, in the order in which help lists them, by the module that holds them.
MODULES = {
    "run": ("run",),
    "talking": ("create", "teach", "send", "ask"),
    "memory": ("ingest", "search", "documents", "forget", "memory"),
    "looking": ("inspect", "history", "why", "undo"),
    "past": ("at", "diff", "fork"),
    "deciding": ("missions", "approve", "refuse"),
    "ruling": ("versions", "intent", "pin", "unpin", "policy"),
    "tending": ("heartbeat", "status"),
    "spending": ("budget",),
    "replaying": ("replay",),
    "care": ("doctor", "pack", "statistics", "backup", "restore", "export", "import", "erase"),
    "benching": ("bench-model",),
    "adapters": ("adapters",),
}
COMMANDS = {name: module for module, names in MODULES.items() for name in names}


def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    image: Annotated[str | None, typer.Option("--image", hidden=True)] = None,
    as_json: Annotated[bool, typer.Option("--json", hidden=True)] = False,
) -> None:
    if image is not None or as_json:
        raise typer.BadParameter("--image and --json stand after the command, as in `batos status --json`.")
    if version:
        print(batos.__version__)
        raise typer.Exit


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """`command`, with every error that is none of its bugs as a sentence and an exit code."""

    @functools.wraps(command)
    def carried_out(**given: Any) -> None:
        as_json = bool(given.get("as_json"))
        try:
            command(**given)
        except KeyboardInterrupt:
            show.note(f"Interrupted. {INTERRUPTED_SAYS.get(command.__name__, NOTHING_BEGUN)}")
            raise typer.Exit(INTERRUPTED) from None
        except BatosError as error:
            _tell(error, as_json, given)
            raise typer.Exit(UNAVAILABLE if isinstance(error, ImageUnavailable) else FAILED) from None
        except (OSError, sqlite3.OperationalError) as error:
            if not _refused_by_the_system(error):
                raise
            reason = f"{error}. Nothing of this change was kept; mend that and try again."
            _tell(BatosError(reason=reason), as_json, given)
            raise typer.Exit(FAILED) from None

    return carried_out


def _refused_by_the_system(error: OSError | sqlite3.OperationalError) -> bool:
    if isinstance(error, OSError):
        return error.errno in REFUSED_BY_THE_SYSTEM
    return error.sqlite_errorname in ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN")


def _tell(error: BatosError, as_json: bool, given: dict[str, Any]) -> None:
    """The sentence on standard error, with how to go on; for programs the same, and its facts, on standard output."""
    hint = ""
    if isinstance(error, MissionPending):
        from batos.cli import talking

        hint = talking.how_to_go_on(error, **{name: given[name] for name in ("target", "selector") if name in given})
    if as_json:
        facts = {name: fact for name, fact in error.facts.items() if name != "question"}
        show.deliver(True, {"error": type(error).__name__, "says": str(error), "hint": hint, **facts}, lambda: None)
    print(show.clean(f"{_sentence(error)}\n{hint}".strip()), file=sys.stderr)


def _sentence(error: BatosError) -> str:
    """What happened, and for a mission that ended badly where to look, instead of its whole id."""
    mission = str(error.facts.get("mission", ""))
    shown = mission[: show.SHORT]
    more = f"(mission {shown})" if isinstance(error, MissionPending) else f"`batos missions show {shown}` tells more."
    return str(error).replace(f"(mission {mission})", more) if mission else str(error)


def command_line(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The commands of these names. To make all takes longer than most of them, so one that is named is made alone."""
    app = typer.Typer(
        name="batos",
        help="Agents that keep, grow and can explain their own code, in a living image.",
        epilog="Every command has --image PATH (or BATOS_IMAGE in the environment) and --json. Exit codes: 0 done, "
        "1 the operation failed, 2 wrong usage, 3 the image is not available.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback(invoke_without_command=True)(options)
    for name in names:
        module = import_module(f"batos.cli.{COMMANDS[name]}")
        if name == "adapters":
            app.add_typer(_group(name, module.HELP, module.COMMANDS))
        else:
            function = name.replace("-", "_") + "_" * keyword.iskeyword(name)
            app.command(name=name)(guarded(getattr(module, function)))
    return app


def _group(name: str, about: str, commands: dict[str, Callable[..., None]]) -> typer.Typer:
    group = typer.Typer(name=name, help=about, no_args_is_help=True, rich_markup_mode=None)
    for inner, command in commands.items():
        group.command(name=inner)(guarded(command))
    return group


def main() -> None:
    _log_our_own()
    named = sys.argv[1:2]
    command_line(named if COMMANDS.keys() & named else COMMANDS)(prog_name="batos")


def _log_our_own() -> None:
    """What batos logs goes to standard error. What libraries log about errors that we turn into sentences does not."""
    ours = logging.getLogger("batos")
    if not ours.handlers and logging.lastResort is not None:
        ours.addHandler(logging.lastResort)
        logging.getLogger().addHandler(logging.NullHandler())


if __name__ == "__main__":
    main()
