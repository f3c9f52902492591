"""Who may import whom: the contracts of pyproject.toml hold, and they are strict enough to notice a breach."""

import os
import tomllib

import pytest
from importlinter.cli import lint_imports

from shape.places import CONFIGURATION, PACKAGE


def test_the_import_contracts_hold(capsys):
    broken = lint_imports(config_filename=str(CONFIGURATION), no_cache=True)

    assert not broken, capsys.readouterr().out


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
