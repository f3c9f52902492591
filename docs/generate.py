"""Writes the pages of `docs/` that are read off the code: python docs/generate.py

A test compares each page with what this module makes, so a page cannot say what the code does not.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from batos.bridge.kinds import EVENTS, REQUESTS, Kind
from batos.cli.main import command_line
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
    said = f"{kind.description} {direction}{reply}"
    return joined(f"### `{name}`", said, table(("field", "required", "what it says"), rows))


def commands_page() -> str:
    commands = commands_of(typer.main.get_command(command_line()))
    return page(
        "Commands",
        "`batos COMMAND --help` prints the same. Every command has `--image PATH`, or `BATOS_IMAGE` in the "
        "environment, and `--json`. Exit codes: 0 done, 1 the operation failed, 2 wrong usage, 3 the image is not "
        "available.",
        *(command(name, commands[name]) for name in commands),
    )


def commands_of(group: Any, before: str = "") -> dict[str, Any]:
    """All commands by name, those of a group under it: `adapters add`."""
    found: dict[str, Any] = {}
    for name, entry in vars(group)["commands"].items():
        nested = "commands" in vars(entry)
        found |= commands_of(entry, f"{before}{name} ") if nested else {f"{before}{name}": entry}
    return found


def command(name: str, described: Any) -> str:
    """A command's words, its options, and its example as typer has them."""
    text, _, example = inspect.cleandoc(described.help).partition("\b\nExample:\n")
    rows = (
        (f"`{' '.join(option.opts) if option.param_type_name == 'option' else option.name.upper()}`", option.help or "")
        for option in described.params
        if option.name not in ("image", "as_json")
    )
    example = f"```\n{textwrap.dedent(example).rstrip()}\n```" if example else ""
    return joined(f"## `batos {name}`", text.strip(), table(("option", "what it says"), rows), example)


def page(title: str, *parts: str) -> str:
    return joined(NOTICE, f"# {title}", *parts) + "\n"


def joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; nothing where there are no rows."""
    listed = [*rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ("---",) * len(header), *listed]) if listed else ""


PAGES: dict[str, Callable[[], str]] = {
    "states.md": states_page,
    "settings.md": settings_page,
    "messages.md": messages_page,
    "cli.md": commands_page,
}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (HERE / name).write_text(make())
