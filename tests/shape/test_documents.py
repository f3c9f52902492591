"""The developer documents say what the code says."""

import re
import runpy

import pytest

from batos.errors import BatosError
from shape.places import DOCS, REPOSITORY, definitions

GENERATED = runpy.run_path(str(DOCS / "generate.py"))["PAGES"]
FOUNDING = (DOCS / "founding.md").read_text()
NAMING = FOUNDING + (DOCS / "security.md").read_text()


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_fresh(name):
    assert (DOCS / name).read_text() == GENERATED[name](), f"{name} is stale; run `python docs/generate.py`"


def named(pattern: str) -> list[str]:
    """What the pages that name modules and tests name."""
    return sorted(set(re.findall(pattern, NAMING)))


@pytest.mark.parametrize("test", named(r"`(tests/[\w/]+\.py::[\w:]+)`"))
def test_a_test_that_a_page_names_exists(test):
    path, _, name = test.partition("::")

    assert name in set(definitions(REPOSITORY / path))


@pytest.mark.parametrize("module", named(r"`(batos/[\w/.]+)`"))
def test_a_module_that_a_page_names_exists(module):
    assert (REPOSITORY / module).exists()


def test_every_row_of_the_founding_page_names_a_test():
    rows = [line for line in FOUNDING.partition("## 7.")[0].splitlines() if line.startswith("| ")]
    bare = [row for row in rows if "`tests/" not in row and "test |" not in row and not row.startswith("| ---")]

    assert bare == []


@pytest.mark.parametrize(
    "page", sorted(path for path in [*DOCS.glob("*.md"), *REPOSITORY.glob("*.md")]), ids=lambda path: path.name
)
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?://)([^)#]+)[^)]*\)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_errors_tell_what_to_do_without_a_docstring():
    assert all(error.says for error in BatosError.__subclasses__())
