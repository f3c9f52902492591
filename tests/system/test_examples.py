"""The examples and the README's lines run as they are written, in an empty folder, with the installed batos."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((REPOSITORY / "examples").glob("[0-9]*.py"))
PRINTED = {
    "01_first_object.py": ["G.H.", "ADA LOVELACE", "The built-in backend cannot", "undo.md", "history"],
    "02_tutorial.py": [
        "100 EUR",
        "What should apart_(-12, -10) be",
        "abs(number - other)",
        "undo ",
        "notes/undo.md",
        "attempt 1, suspended",
        "The guardian refused 'shelf_'",
        "it should give 'D' but gave ' '",
        "waits for approval",
        "City: dune",
    ],
    "03_methods_you_can_trust.py": [
        "Corner-closed",
        "COC",
        "refused: The guardian refused 'code_'",
        "refused: for arguments ('tea',) it should give 'TEA' but gave 'tea'",
        "The policy is to propose",
        "version 2 by scripted proven by 2",
        "-    return title[:3].upper()",
        "Written by scripted",
        "Version 1 is back, as version 3.",
        "BLA",
        "Fisher's exact test",
        "proven by their examples: shop.sign_",
        "refused: shop.code_ for arguments ('tea',) it should give 'TEA' but gave 'tea'",
    ],
    "README.md": ["G.H.", "greeter.initials_ is a sandboxed method, version 1."],
}


def run(folder: Path, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BATOS_")}
    finished = subprocess.run(
        [sys.executable, "-P", *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=50
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def says(output: str, name: str) -> None:
    missing = [words for words in PRINTED[name] if words not in output]
    assert not missing, f"{missing} not in:\n{output}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_prints_what_it_promises(example, tmp_path):
    says(run(tmp_path, str(example)), example.name)


def test_the_lines_of_the_readme_run(tmp_path):
    lines = re.search(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)

    says(run(tmp_path, "-c", lines.group(1)), "README.md")
