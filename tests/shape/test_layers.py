"""Who may import whom: the contracts of pyproject.toml hold, and they are strict enough to notice a breach."""

import os
import subprocess
import sys
import tomllib

import pytest

from shape.places import CONFIGURATION, PACKAGE


def test_the_import_contracts_hold(tmp_path):
    # In a process of its own: it is to see the modules as an import finds them, not as tests left them.
    check = f"from importlinter import cli; raise SystemExit(cli.lint_imports({str(CONFIGURATION)!r}, no_cache=True))"
    checked = subprocess.run(
        [sys.executable, "-P", "-c", check], cwd=tmp_path, capture_output=True, text=True, timeout=50
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert " 0 broken" in checked.stdout


def test_every_folder_of_the_package_is_in_a_layer():
    contracts = tomllib.loads(CONFIGURATION.read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract for contract in contracts if contract["id"] == "layers")
    named = {name.strip("() ") for layer in layers["layers"] for name in layer.split("|")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }

    assert modules - {"__init__", "__main__"} <= named


@pytest.mark.skipif(
    "BATOS_FROM_WHEEL" not in os.environ, reason="only where the package comes from its wheel (.ci/run)"
)
def test_the_package_under_test_is_the_installed_one():
    assert "site-packages" in PACKAGE.parts
