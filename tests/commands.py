"""The commands of batos, as typer knows them."""

import typer

from batos.cli.main import command_line


def commands_of(group, before=""):
    """All commands by name, those of a group under it."""
    for name, entry in vars(group)["commands"].items():
        if "commands" in vars(entry):
            yield from commands_of(entry, f"{before}{name} ")
        else:
            yield f"{before}{name}", entry


COMMANDS = dict(commands_of(typer.main.get_command(command_line())))
