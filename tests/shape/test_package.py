"""What an installed batos brings along: its documents, personas, prompts and catalogues, and its entry points."""

from importlib.metadata import entry_points, version
from importlib.resources import files

import pytest

import batos
from shape.places import PACKAGE, REPOSITORY

DOCUMENTS = sorted(entry.name for entry in files("batos").joinpath("documents").iterdir())
GROUPS = ["batos.backends", "batos.builtin_skills", "batos.performers", "batos.documents"]


def test_the_systems_own_documents_are_there():
    assert {"what-batos-is.md", "how-to.md", "learning.md", "safety.md", "workbench.md"} <= set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_has_one_title_and_sections_to_find(name):
    lines = files("batos").joinpath("documents", name).read_text().splitlines()

    assert lines[0].startswith("# ")
    assert sum(line.startswith("# ") for line in lines) == 1
    assert sum(line.startswith("## ") for line in lines) >= 4


@pytest.mark.parametrize(
    "folder, suffix, at_least",
    [("mind/personas", ".toml", 4), ("mind/prompts", ".md", 3), ("workbench/kit/catalogue", ".md", 5)],
)
def test_personas_prompts_and_the_widget_catalogue_are_there(folder, suffix, at_least):
    found = [entry for entry in files("batos").joinpath(*folder.split("/")).iterdir() if entry.name.endswith(suffix)]

    assert len(found) >= at_least
    assert all(entry.read_text().strip() for entry in found)


def test_nothing_of_the_package_was_left_out():
    source = REPOSITORY / "batos"
    files_of_it = {path.relative_to(source) for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"}

    assert [str(path) for path in sorted(files_of_it) if not (PACKAGE / path).exists()] == []


@pytest.mark.parametrize(
    "entry",
    [entry for group in GROUPS for entry in entry_points(group=group)],
    ids=lambda entry: f"{entry.group}:{entry.name}",
)
def test_an_entry_point_leads_somewhere(entry):
    assert callable(entry.load())


def test_every_purpose_has_a_skill():
    skills = {entry.name for entry in entry_points(group="batos.builtin_skills")}

    assert skills >= {"plan", "facet", "weave", "method", "workbench"}


def test_the_version_is_the_installed_one():
    assert batos.__version__ == version("batos")
