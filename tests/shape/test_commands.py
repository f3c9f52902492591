"""The commands that documents, messages and prompts name are there, and each one's page and help say the same."""

import re

import pytest

from commands import COMMANDS
from shape.places import DOCS, PACKAGE, REPOSITORY, name_of

WORDS = {name.split()[0] for name in COMMANDS}
NAMED = re.compile(r"`batos ([a-z]+(?:-[a-z]+)*)(?: [^`]*)?`")
TEXTS = sorted(
    [
        *PACKAGE.rglob("*.md"),
        *PACKAGE.rglob("*.py"),
        *DOCS.glob("*.md"),
        *REPOSITORY.glob("*.md"),
    ]
)


@pytest.mark.parametrize("path", [path for path in TEXTS if NAMED.search(path.read_text())], ids=name_of)
def test_a_command_that_a_text_names_exists(path):
    named = set(NAMED.findall(path.read_text()))

    assert named <= WORDS, f"no such command: {sorted(named - WORDS)}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_page_the_shared_options_and_an_example(name):
    command = COMMANDS[name]
    options = {option for parameter in command.params for option in parameter.opts}

    assert {"--image", "--json"} <= options
    assert f"batos {name}" in command.help.split("\b\nExample:\n")[1]
    assert f"## `batos {name}`" in (DOCS / "cli.md").read_text()


def test_an_example_names_only_options_that_there_are():
    for name, command in COMMANDS.items():
        options = {option for parameter in command.params for option in parameter.opts}
        used = set(re.findall(r"(?<= )--[a-z]+", command.help.split("\b\nExample:\n")[1]))
        assert used <= options, name
