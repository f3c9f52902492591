"""Where things are: the repository, and the package under test, which in CI is the one installed from the wheel."""

import ast
from collections.abc import Iterator
from pathlib import Path

import batos

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = Path(batos.__file__).resolve().parent
DOCS = REPOSITORY / "docs"
CONFIGURATION = REPOSITORY / "pyproject.toml"


def sources(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def name_of(path: Path) -> str:
    """A test id: the path below the repository or below the installed package's parent."""
    base = REPOSITORY if path.is_relative_to(REPOSITORY) else PACKAGE.parent
    return str(path.relative_to(base))


def definitions(path: Path) -> Iterator[str]:
    """The functions and classes of a file, methods as `Class::name`, as pytest writes them."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef))
