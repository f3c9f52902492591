"""Writes the pages of `docs/` that are read off the code: python docs/generate.py

A test compares each page with what this module makes, so a page cannot say what the code does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path

import typer
from batos.cli.main import app

from batos.bridge.kinds import EVENTS, REQUESTS, Kind
from batos.mind import states
from batos.settings import Settings

HERE = Path(__file__).parent
NOTICE = "<!-- Made by docs/generate.py from the code; change the code, not this page. -->"


def states_page() -> str:
    return page(
        "The states of a cycle",
        "The table `TRANSITIONS` in `batos/mind/states.py` is the only place that knows which state may follow which.",
        f"```mermaid\n{states.mermaid()}\n```",
        table(
            ("state", "may be followed by"),
            ((state.value, ", ".join(row) or "nothing") for state, row in states.TRANSITIONS.items()),
        ),
    )


def settings_page() -> str:
    rows = (
        (f"`{entry.name}`", f"`BATOS_{entry.name.upper()}`", f"`{entry.default}`", entry.metadata["help"])
        for entry in fields(Settings)
    )
    return page(
        "Settings",
        "Give them as `batos.open(path, settings=batos.Settings(…))`. They are read once, when an image is opened, and "
        "the environment wins. Times are in seconds.",
        table(("setting", "environment", "default", "what it says"), rows),
    )


def messages_page() -> str:
    return page(
        "Messages of the bridge",
        "The table is `batos/bridge/kinds.py`, the models are `batos/bridge/messages.py`. The user's view "
        "of the bridge is [`batos/documents/bridge.md`](../batos/documents/bridge.md).",
        "## Requests",
        *(message(name, kind) for name, kind in REQUESTS.items()),
        "## Events",
        *(message(name, kind) for name, kind in EVENTS.items()),
    )


def message(name: str, kind: Kind) -> str:
    direction = f"Permitted for {', '.join(sorted(kind.roles))}." if kind.is_request else "Sent by the daemon."
    rows = (
        (f"`{info.alias or field}`", "yes" if info.is_required() else "no", info.description or "")
        for field, info in kind.body.model_fields.items()
    )
    reply = f" Answered by `{kind.reply.__name__}`." if kind.reply else ""
    return "\n\n".join(
        part
        for part in (
            f"### `{name}`",
            f"{kind.description} {direction}{reply}",
            table(("field", "required", "what it says"), rows) if kind.body.model_fields else "",
        )
        if part
    )


def commands_page() -> str:
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="batos")
    commands = getattr(group, "commands")  # noqa: B009, typer types a group as a plain command
    return page(
        "Commands",
        "`batos COMMAND --help` prints the same with the options.",
        table(("command", "what it does"), ((f"`batos {name}`", summary(commands[name].help)) for name in commands)),
        "Exit codes: 0 done, 1 the operation failed, 2 wrong usage, 3 the image is not available.",
        f"Options of `{context.info_name}` itself stand before the command.",
    )


def summary(help_text: str | None) -> str:
    return " ".join((help_text or "").split("\n\n")[0].split())


def page(title: str, *parts: str) -> str:
    return "\n\n".join([NOTICE, f"# {title}", *parts]) + "\n"


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ("---",) * len(header), *rows])


PAGES: dict[str, Callable[[], str]] = {
    "states.md": states_page,
    "settings.md": settings_page,
    "messages.md": messages_page,
    "cli.md": commands_page,
}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (HERE / name).write_text(make())
