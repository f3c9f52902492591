"""What the tests of the command line share."""

import os
import sys

import pytest

from batos.cli import show
from batos.cli.main import main


@pytest.fixture
def batos(monkeypatch, capsys, tmp_path):
    """Calls the entry point of `batos` in a folder of its own; (exit code, standard output, standard error)."""
    for name in [name for name in os.environ if name.startswith("BATOS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def batos(*arguments):
        for console in (show.console, show.error_console):
            console.cache_clear()
        monkeypatch.setattr(sys, "argv", ["batos", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return batos
