"""A generated workbench is run off screen against a real bridge, and looked at."""

import base64
import subprocess
import sys

import pytest

from batos.errors import BridgeError, BridgeUnreachable, WorkbenchNotRun, WorkbenchRefused
from batos.workbench.acceptance import accept, perform_program
from batos.workbench.showing import launch, render
from ui.library import Library
from ui.machine import needs_a_screen

pytestmark = needs_a_screen

QUERY = "how is a learned method undone"
MADE_UP = (
    "LinkReply('', [{'chunk': {'document_id': 'x', 'chunk_index': 0, 'text': 'made up'}, 'score': 1.0}]) "
    "if 'query' in asked else await self.link.request('search_memory', asked)"
)
PNG = b"\x89PNG\r\n\x1a\n"


class Place:
    """What the runtime hands over: an image's directory, and the system behind it."""

    def __init__(self, path, system=None):
        self.image = type("Image", (), {"path": path})()
        self.system = system


@pytest.fixture(scope="module")
def accepted(source, endpoint):
    return accept(source, endpoint, QUERY)


def test_the_window_has_all_panels(accepted):
    assert accepted.report.panels[0] == "Memory Inspector"
    assert len(accepted.report.panels) == 8


def test_the_hits_are_those_that_the_system_found(accepted, library):
    found = library.search(QUERY, 5, None)

    assert [(hit.document, hit.chunk, hit.score, hit.text) for hit in accepted.report.hits] == [
        (passage.document_id, passage.chunk_index, passage.score, passage.text) for passage in found
    ]
    assert accepted.report.count == len(found)
    assert accepted.report.status.startswith(f"{len(found)} passages")


def test_searching_and_refusals_are_shown(accepted):
    assert accepted.report.states == ("idle", "busy", "done", "busy", "error")
    assert accepted.report.busy == "searching…"
    assert "no_such_field" in accepted.report.error


def test_the_picture_shows_text(accepted):
    assert accepted.picture.startswith(PNG)
    assert (accepted.look.width, accepted.look.height) == (1280, 800)
    assert accepted.look.complaint is None


@pytest.mark.parametrize(
    "honest, hostile, said",
    [
        ('await self.link.request("search_memory", asked)', MADE_UP, "other hits than the bridge gives"),
        ('self.link.request("search_memory", asked)', 'self.link.request("shutdown", {})', "may not send shutdown"),
        ("self.values()", "self.value()", "AttributeError"),
        ('heading = "BAT OS"', "heading = 1 / 0", "ZeroDivisionError"),
    ],
    ids=["made up hits", "another message", "a broken panel", "a broken program"],
)
def test_a_program_that_does_not_do_its_work_is_refused(source, endpoint, honest, hostile, said):
    changed = source.replace("    HitsList,\n", "    HitsList,\n    LinkReply,\n").replace(honest, hostile, 1)

    with pytest.raises(WorkbenchRefused, match=said):
        accept(changed, endpoint, QUERY)


def test_a_program_that_the_audit_refuses_is_not_run(endpoint):
    with pytest.raises(WorkbenchRefused, match="imports os"):
        accept("import os", endpoint, QUERY)


def test_a_query_that_finds_nothing_is_no_proof(source, endpoint):
    with pytest.raises(WorkbenchRefused, match="would prove nothing"):
        accept(source, endpoint, "zzzzz")


def test_the_runtime_gets_a_verdict_of_plain_data(source, tmp_path):
    """There is no daemon: the performer opens a bridge to the system it was given, and closes it again."""
    place = Place(tmp_path, Library())

    verdict = perform_program(place, {"source": source, "query": QUERY})

    assert verdict["accepted"]
    assert verdict["report"]["panels"][0] == "Memory Inspector"
    assert base64.b64decode(verdict["picture"]).startswith(PNG)
    assert not (tmp_path / "run" / "connection.json").exists()


def test_a_refusal_is_a_verdict_too(tmp_path):
    verdict = perform_program(Place(tmp_path), {"source": "import os", "query": QUERY})

    assert verdict == {"accepted": False, "reason": verdict["reason"], "report": {}}
    assert "imports os" in verdict["reason"]


def test_a_daemon_that_is_there_is_used(source, image_path, tmp_path):
    accepted = render(source, image_path, tmp_path / "workbench.png", QUERY)

    assert (tmp_path / "workbench.png").read_bytes() == accepted.picture


def test_without_a_daemon_the_reason_is_named(source, tmp_path):
    with pytest.raises(BridgeUnreachable, match="no daemon is running"):
        render(source, tmp_path, tmp_path / "x.png", QUERY)
    with pytest.raises(BridgeError):
        accept(source, f"ipc://{tmp_path}/nobody.sock", QUERY)


def test_without_a_display_no_window_is_opened(source, image_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)

    with pytest.raises(WorkbenchNotRun, match="no display"):
        launch(source, image_path)


def test_everything_but_the_kit_imports_without_kivy():
    lines = (
        "import sys; sys.modules['kivy'] = None",
        "import batos.workbench.acceptance, batos.workbench.generator, batos.workbench.showing",
        "from batos.errors import MissingExtra",
        "try: import batos.workbench.kit",
        "except MissingExtra as error: print(error)",
    )
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True, timeout=30
    )

    assert run.stdout.strip() == "The workbench needs the extra [ui]. Install it with `pip install 'batos[ui]'`."
