"""Memory at the command line: ingest, search with its explanation, figures, verification."""

import json
import os
import subprocess
import sys

import pytest

from batos.cli import main


def batos(image, *arguments, code=0):
    environ = {**os.environ, "BATOS_IMAGE": str(image), "BATOS_EMBEDDING": "none"}
    command = [sys.executable, "-m", "batos.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=55, env=environ, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory")
    notes = folder / "notes"
    notes.mkdir()
    (notes / "talk.txt").write_text("[2023-05-08 13:56] Ada: I saw an owl.\n[2023-05-08 13:57] Alan: Where?\n")
    (notes / "owls.html").write_text("<h1>Owls</h1><p>They sleep by day.</p>")
    (notes / "broken.pdf").write_bytes(b"%PDF nothing")
    pytest.importorskip("pypdf")
    pytest.importorskip("bs4")
    done = json.loads(batos(folder / "image", "ingest", str(notes), "--json"))
    assert done["added"] == 2
    assert ["damaged" in sentence for sentence in done["refused"]] == [True]
    return folder / "image"


def test_a_search_explains_its_scores_when_asked(image):
    told = batos(image, "search", "What did Ada see?", "--explain")

    assert "talk.txt #0" in told
    assert "speaker ×1.4" in told
    found = json.loads(batos(image, "search", "What did Ada see?", "--explain", "--json"))
    assert found["hits"][0]["chunk"]["metadata"]["speaker"] == "Ada"
    assert found["hits"][0]["explanation"]["speaker"] == 1.4


def test_figures_and_verification_of_memory(image):
    found = json.loads(batos(image, "memory", "stats", "--json"))
    assert found == {"documents": 2, "chunks": 3, "model": None, "waiting": 0, "summaries": 0}
    assert json.loads(batos(image, "memory", "verify", "--json"))["sound"] is True
    assert "No embedding model" in batos(image, "memory")


def test_embedding_without_a_model_says_how_to_get_one(image):
    batos(image, "memory", "embed", code=main.FAILED)


def test_what_was_superseded_is_found_when_it_is_asked_for(tmp_path):
    for name, hour in (("old.md", "nine"), ("new.md", "ten")):
        (tmp_path / name).write_text(f"The museum opens at {hour}.\n")
    batos(tmp_path / "image", "ingest", str(tmp_path / "old.md"))
    batos(tmp_path / "image", "ingest", str(tmp_path / "new.md"), "--since", "2001-01-01", "--supersedes", "old.md")

    assert "old.md" not in batos(tmp_path / "image", "search", "museum")
    assert "old.md" in batos(tmp_path / "image", "search", "museum", "--where", "valid=any")
    assert "new.md" not in batos(tmp_path / "image", "search", "museum", "--where", "valid=2000-12-31")
    batos(tmp_path / "image", "ingest", str(tmp_path / "old.md"), "--until", "soon", code=main.FAILED)


def test_a_file_takes_the_place_of_one_passage_or_is_not_remembered(tmp_path):
    (tmp_path / "old.md").write_text("# Hours\n\nThe museum opens at nine.\n\n# Tea\n\nThe museum has a tea room.\n")
    (tmp_path / "new.md").write_text("The museum opens at ten.\n")
    batos(tmp_path / "image", "ingest", str(tmp_path / "old.md"))
    new = ("ingest", str(tmp_path / "new.md"))
    batos(tmp_path / "image", *new, "--supersedes", "older.md", code=main.FAILED)
    batos(tmp_path / "image", *new, "--supersedes", "old.md", "--passage", "7", code=main.FAILED)
    batos(tmp_path / "image", *new, "--passage", "0", code=2)
    batos(tmp_path / "image", "ingest", str(tmp_path), "--supersedes", "old.md", code=main.FAILED)
    assert "new.md" not in batos(tmp_path / "image", "search", "museum", "--where", "valid=any")

    before = json.loads(batos(tmp_path / "image", "history", "knowledge_catalog", "--json"))["changes"][0]["id"]
    batos(tmp_path / "image", *new, "--supersedes", "old.md", "--passage", "0")
    assert "nine" in batos(tmp_path / "image", "search", "museum", "--at", before)
    batos(tmp_path / "image", "search", "museum", "--at", "no such time", code=main.FAILED)
    found = batos(tmp_path / "image", "search", "museum")
    assert "The museum opens at ten." in found
    assert "The museum has a tea room." in found
    assert "nine" not in found


def test_summaries_are_written_when_they_are_asked_for(image):
    assert json.loads(batos(image, "memory", "summarize", "--json")) == {"written": 0, "summaries": 0}
