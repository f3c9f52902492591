"""The worked example of `docs/memory.md`: what the page prints is what the command prints, within .02."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from batos.memory.encoders import minilm

PAGE = Path(__file__).parents[2] / "docs" / "memory.md"
FIGURE = re.compile(r"\d+\.\d\d")

pytestmark = pytest.mark.skipif(
    not (minilm.is_set_up() and minilm.can_run()), reason="`batos memory setup` has not run here"
)


def test_the_example_prints_what_the_page_says(tmp_path):
    talk, printed = re.findall(r"^```\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)[:2]
    (command,) = re.findall(r'`batos (search "[^`]*)` prints', PAGE.read_text("utf-8"))
    (tmp_path / "ex").mkdir()
    (tmp_path / "ex" / "talk.txt").write_text(talk, "utf-8")
    batos(tmp_path, "ingest", "ex")

    question, options = re.fullmatch(r'search "(.*)" (.*)', command).groups()
    found = lines(batos(tmp_path, "search", question, *options.split()))

    expected = lines(printed)
    assert [FIGURE.sub("_", line) for line in found] == [FIGURE.sub("_", line) for line in expected]
    assert figures(found) == pytest.approx(figures(expected), abs=0.02)


def batos(folder, *arguments):
    environ = {**os.environ, "BATOS_IMAGE": str(folder / "image"), "BATOS_EMBEDDING": "minilm", "COLUMNS": "120"}
    command = [sys.executable, "-m", "batos.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=55, env=environ, cwd=folder, check=True)
    return done.stdout


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def figures(found):
    return [float(figure) for line in found for figure in FIGURE.findall(line)]
