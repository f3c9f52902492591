"""The `batos` command: the table of commands, and what an error becomes.

Exit codes: 0 done, 1 the operation failed, 2 wrong usage, 3 the image is not available. An error that batos raises on
purpose is one sentence on standard error; a traceback is a bug.
"""

from __future__ import annotations

import errno
import functools
import logging
import sqlite3
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

import batos
from batos.cli import (
    adapters,
    benching,
    care,
    deciding,
    looking,
    memory,
    past,
    replaying,
    ruling,
    run,
    show,
    spending,
    talking,
    tending,
)
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


@app.callback(invoke_without_command=True)
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
        hint = talking.how_to_go_on(error, **{name: given[name] for name in ("target", "selector") if name in given})
    if as_json:
        facts = {name: fact for name, fact in error.facts.items() if name != "question"}
        show.deliver(True, {"error": type(error).__name__, "says": str(error), "hint": hint, **facts}, lambda: None)
    print(show.clean(f"{_sentence(error)}\n{hint}".strip()), file=sys.stderr)


def _sentence(error: BatosError) -> str:
    """What happened, and for a mission that ended badly where to look, instead of its whole id."""
    mission = str(error.facts.get("mission", ""))
    shown = mission[: deciding.SHORT]
    more = f"(mission {shown})" if isinstance(error, MissionPending) else f"`batos missions show {shown}` tells more."
    return str(error).replace(f"(mission {mission})", more) if mission else str(error)


for command in (
    run.run,
    talking.create,
    talking.teach,
    talking.send,
    talking.ask,
    memory.ingest,
    memory.search,
    memory.documents,
    memory.forget,
    memory.memory,
    looking.inspect,
    looking.history,
    looking.why,
    looking.undo,
    past.at,
    past.diff,
    past.fork,
    deciding.missions,
    deciding.approve,
    deciding.refuse,
    ruling.versions,
    ruling.intent,
    ruling.pin,
    ruling.unpin,
    ruling.policy,
    tending.heartbeat,
    tending.status,
    spending.budget,
    replaying.replay,
    care.doctor,
    care.pack,
    care.statistics,
    care.backup,
    care.restore,
    care.export,
    care.import_,
    care.erase,
    benching.bench_model,
):
    app.command(name=command.__name__.rstrip("_").replace("_", "-"))(guarded(command))

adapters_app = typer.Typer(
    name="adapters",
    help="The adapters of the image: one for each persona, on one base model.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for name, adapter_command in adapters.COMMANDS.items():
    adapters_app.command(name=name)(guarded(adapter_command))
app.add_typer(adapters_app)


def main() -> None:
    _log_our_own()
    app(prog_name="batos")


def _log_our_own() -> None:
    """What batos logs goes to standard error. What libraries log about errors that we turn into sentences does not."""
    ours = logging.getLogger("batos")
    if not ours.handlers and logging.lastResort is not None:
        ours.addHandler(logging.lastResort)
        logging.getLogger().addHandler(logging.NullHandler())


if __name__ == "__main__":
    main()
