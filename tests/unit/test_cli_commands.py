"""What a command waits for before it begins."""

import subprocess
import sys

HEAVY = ("relstorage", "pydantic_monty", "sqlalchemy", "zmq", "httpx", "kivy", "rich.console")


def modules_after(source: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", f"import sys; from batos.cli.main import command_line; {source}; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return set(told.stdout.split())


def test_help_is_quick_because_nothing_heavy_is_imported():
    assert not modules_after("command_line()") & set(HEAVY)


def test_a_command_that_is_named_waits_for_no_other():
    loaded = {name for name in modules_after("command_line(['inspect'])") if name.startswith("batos.cli.")}

    assert loaded == {f"batos.cli.{name}" for name in ("main", "looking", "options", "show")}
