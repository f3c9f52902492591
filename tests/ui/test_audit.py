"""What a generated program may not say, whoever wrote it."""

import pytest

from batos.errors import WorkbenchRefused
from batos.workbench.audit import MOST_LINES, audit

PROGRAM = """
from batos.workbench.kit import HitsList, Panel, StatusLine, SubmitButton, TextField, Workbench

class Search(Panel):
    title = "Search"

    def compose(self) -> None:
        self.ask_for(TextField(name="query", label="Search for"))
        {inside}

class Window(Workbench):
    panels = (Search,)

if __name__ == "__main__":
    Window.main()
"""


def program(inside="pass", above=""):
    return above + "\n" + PROGRAM.format(inside=inside)


def test_an_honest_program_passes(source):
    audit(source)
    audit(program())


@pytest.mark.parametrize(
    "above, said",
    [
        ("import os", "imports os"),
        ("import socket, json", "imports socket"),
        ("from subprocess import run", "imports from subprocess"),
        ("from pathlib import Path", "imports from pathlib"),
        ("import asyncio.subprocess", "imports asyncio.subprocess"),
        ("from kivy.app import App", "imports from kivy.app"),
        ("from . import kit", "imports from"),
        ("from batos.workbench import launcher", "imports from batos.workbench"),
        ("from batos.workbench.kit import Rehearsal", "the kit has no Rehearsal"),
        ("from batos.workbench.kit import *", "the kit has no"),
        ("from typing import sys", "'sys' is not for generated programs"),
        ("from json import codecs", "'codecs' is not for generated programs"),
        ("import asyncio as __builtins__", "begins with an underscore"),
        ("Panel = 1\nPanel.title", "no import, constant"),
        ("for step in range(3): pass", "no import, constant"),
        ("while True: pass", "no import, constant"),
        ("def run(:", "no Python"),
        ("x = '\0'", "no Python"),
    ],
)
def test_what_a_program_may_not_do_above_its_classes(above, said):
    with pytest.raises(WorkbenchRefused, match=said):
        audit(program(above=above))


@pytest.mark.parametrize(
    "inside, said",
    [
        ("exec('1')", "'exec'"),
        ("eval('1')", "'eval'"),
        ("open('/etc/passwd')", "'open'"),
        ("__import__('os')", "'__import__'"),
        ("getattr(self, 'link')", "'getattr'"),
        ("run = eval", "'eval'"),
        ("self.link._socket", "'_socket'"),
        ("self.__class__", "'__class__'"),
        ("().__class__.__mro__[1].__subclasses__()", "begins with an underscore"),
        ("'{0.__class__}'.format_map({})", "'format_map'"),
        ("import os", "imports os"),
        ("from sys import modules", "imports from sys"),
        ("global title", "outer scope"),
        ("self.compose.func.f_globals", "'f_globals'"),
        ("type('X', (), {})", "'type'"),
        ("lambda _x: _x", "begins with an underscore"),
        ("self.show(_widget=1)", "begins with an underscore"),
        ("match self:\n            case Panel(__class__=found): pass", "begins with an underscore"),
        ("self.export_to_png('/out/x')", "'export_to_png'"),
        ("self.link.endpoint = 'tcp://1.2.3.4:5'", "'endpoint'"),
    ],
)
def test_what_a_panel_may_not_do(inside, said):
    with pytest.raises(WorkbenchRefused, match=said):
        audit(program(inside))


@pytest.mark.parametrize("module", ["subprocess", "sys", "events", "sslproto"])
def test_modules_that_hang_on_an_allowed_one_are_out_of_reach(module):
    inside = f"asyncio.{module}.os.system('true')"

    with pytest.raises(WorkbenchRefused):
        audit(program(inside, "import asyncio"))


@pytest.mark.parametrize("inside", ["''.format('{0.__class__}')", "re.compile('x')", "asyncio.sleep(1)"])
def test_what_is_harmless_passes(inside):
    audit(program(inside, "import asyncio\nimport re"))


def test_the_line_is_named():
    with pytest.raises(WorkbenchRefused, match="line 10:") as refusal:
        audit(program("eval('1')"))

    assert refusal.value.facts["line"] == 10


@pytest.mark.parametrize(
    "source, said",
    [
        ("", "0 classes of the kind Workbench"),
        (program().replace("(Workbench)", ""), "0 classes of the kind Workbench"),
        (program().replace("(Panel)", ""), "no class of the kind Panel"),
        (program() + "\nclass Second(Workbench):\n    panels = ()\n", "2 classes of the kind Workbench"),
        ("\n" * (MOST_LINES + 1), "larger than"),
        (program("x = '" + "a" * 100_000 + "'"), "larger than"),
        (program(f"x = {'-' * 300}1"), "nested deeper"),
        (program(f"x = [{'0,' * 25_000}]"), "more than"),
        (program(f"x = {'(' * 5000}1{')' * 5000}"), "no Python"),
    ],
    ids=["empty", "no window", "no panel", "two windows", "long", "large", "deep", "many", "too deep to parse"],
)
def test_the_shape_and_the_size_of_a_program(source, said):
    with pytest.raises(WorkbenchRefused, match=said):
        audit(source)
