"""How the sources look, where a linter does not: their length, and no word that marks something unfinished."""

import re

import pytest

from shape.places import PACKAGE, REPOSITORY, name_of, sources

UNFINISHED = re.compile(
    r"\b(TODO|FIXME|XXX|HACK)\b|placeholder|simulat|for now\b(?!, then)|in a real |NotImplemented|not implemented",
    re.IGNORECASE,
)
LONGEST = 500


@pytest.mark.parametrize("path", sources(PACKAGE, REPOSITORY / "tests"), ids=name_of)
def test_no_file_is_too_long_to_read(path):
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize(
    "path", sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".md", ".toml")), ids=name_of
)
def test_nothing_is_marked_as_unfinished(path):
    found = [line for line in path.read_text().splitlines() if UNFINISHED.search(line)]

    assert found == []


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "core", "misc", "types", "models"])
def test_no_module_is_named_after_nothing(name):
    assert not [path for path in sources(PACKAGE) if path.stem == name or path.parent.name == name]
