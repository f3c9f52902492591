"""The command line as a person uses it: what it prints, what it returns, and what it says when something is wrong.

The story and whatever is about processes run the real program; the rest calls its entry point in this process.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from batos.image.image import Image
from batos.runtime.uvm import Uvm
from batos.settings import Settings
from commands import COMMANDS

BATOS = [sys.executable, "-m", "batos.cli.main"]
CAN_SHOW_A_WINDOW = find_spec("kivy") is not None and shutil.which("bwrap") is not None
INITIALS = ["--example", '["ada lovelace"] => "A.L."', "--example", '["alan turing"] => "A.T."']


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """The real program, in `folder`, without what the tests' own environment says."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BATOS_", "DISPLAY"))}
    return subprocess.run(
        [*BATOS, *arguments], cwd=folder, env=clean | environment, capture_output=True, text=True, timeout=50
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the story takes place; ./demo.image is its image."""
    return tmp_path_factory.mktemp("story")


@pytest.fixture(scope="module")
def image(folder):
    """The image of the story, in which a greeter was taught."""
    taught = run(folder, "teach", "greeter", "initials_", "--slot", 'name="Ada Lovelace"', *INITIALS)
    assert taught.returncode == 0, taught.stderr
    assert "greeter understands initials_ now" in taught.stdout
    assert "def initials_(self" in taught.stdout
    return folder / "demo.image"


@pytest.fixture
def batos(batos, monkeypatch, image):
    """Calls `batos` on the image of the story."""
    monkeypatch.setenv("BATOS_IMAGE", str(image))
    return batos


@pytest.fixture
def documents(batos):
    """Calls it with --json and reads the one document it prints."""

    def documents(*arguments):
        code, out, _ = batos(*arguments, "--json")
        return code, json.loads(out)

    return documents


# The story


def test_a_message_is_answered(batos):
    assert batos("send", "greeter", "initials_", "grace hopper") == (0, "G.H.\n", "")


def test_a_message_that_nobody_understands_is_learned_and_answered(documents):
    assert documents("send", "greeter", "get_name") == (0, {"answer": "Ada Lovelace"})


def test_what_cannot_be_learned_says_what_to_do(folder, image):
    failed = run(folder, "send", "greeter", "prove_goldbach_")

    assert (failed.returncode, failed.stdout) == (1, "")
    assert "`teach`" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


def test_notes_are_read_found_and_cited(batos, documents, tmp_path):
    (tmp_path / "tea.md").write_text("# Tea\n\nGreen tea is brewed at eighty degrees for two minutes.\n")
    code, out, _ = batos("ingest", str(tmp_path / "tea.md"))
    assert (code, out) == (0, "1 document: 1 added.\n")

    code, out, _ = batos("search", "brewed tea")
    assert code == 0
    assert "tea.md #0" in out
    assert "eighty degrees" in out

    _, answer = documents("ask", "how is green tea brewed?")
    assert answer["known"]
    assert answer["citations"] == [{"document_id": "tea.md", "chunk_index": 0}]

    assert batos("documents", "tea")[1].splitlines()[1].split() == ["tea.md", "document", "1", "from", "outside"]
    assert batos("forget", "tea.md")[:2] == (0, "tea.md is forgotten, with its 1 passage.\n")
    assert documents("search", "brewed tea") == (0, {"hits": []})


def test_an_object_is_shown_with_what_it_learned(batos, documents):
    _, out, _ = batos("inspect", "greeter")
    assert '"Ada Lovelace"' in out
    assert "proven by 2 examples" in out

    _, listed = documents("inspect")
    assert {"greeter", "genesis", "robin"} <= {found["name"] for found in listed["objects"]}


def test_why_tells_the_source_the_examples_the_mission_and_what_was_asked(batos):
    code, out, _ = batos("why", "greeter", "initials_")

    assert code == 0
    for said in ("def initials_(self", '("ada lovelace") => "A.L."', "SYNTHESIZING", "inference method", "builtin"):
        assert said in out


def test_a_change_is_undone(batos, documents):
    batos("create", "scratch", "--slot", "total=1")
    batos("send", "scratch", "get_total")
    _, history = documents("history", "scratch")
    newest = history["changes"][0]
    assert newest["slots"] == ["get_total"]

    assert batos("undo", newest["id"])[:2] == (0, "Undone: learn get_total.\n")
    _, scratch = documents("inspect", "scratch")
    assert "get_total" not in scratch["understands"]


def test_missions_are_listed_and_shown_by_how_they_begin(batos, documents):
    _, listed = documents("missions", "--state", "failed")
    (failed, *_) = listed["missions"]
    code, out, _ = batos("missions", "show", failed["mission"][:10])

    assert code == 0
    assert failed["mission"] in out
    assert "FAILED" in out


def test_a_question_names_the_line_that_answers_it(batos):
    code, out, err = batos("teach", "greeter", "double_", "--example", "[2] => 4")

    assert (code, out) == (1, "")
    assert "batos teach greeter double_ --example '[" in err
    assert "] => RESULT'" in err


# Deciding


@pytest.fixture
def proposal(batos, monkeypatch):
    """A method that waits for a person: its id."""
    monkeypatch.setenv("BATOS_POLICY", "propose")
    code, _, err = batos("teach", "cautious", "initials_", *INITIALS)
    assert code == 1
    return err.split("batos approve ")[1].split("`")[0]


def test_a_proposal_is_shown_and_installed(batos, documents, proposal):
    code, out, _ = batos("approve")
    assert code == 0
    assert proposal in out
    assert "def initials_(self" in out

    code, _, err = batos("approve", proposal)
    assert (code, "--yes" in err) == (2, True)

    assert batos("approve", proposal, "--yes")[0] == 0
    assert batos("send", "cautious", "initials_", "grace hopper")[1] == "G.H.\n"
    assert documents("approve") == (0, {"proposals": []})

    code, _, err = batos("approve", proposal, "--yes")
    assert (code, "approved before" in err) == (1, True)


# Looking after


def test_status_and_doctor_find_a_sound_image(batos, documents):
    code, out, _ = batos("status")
    assert code == 0
    assert "none runs; `batos run` starts one" in out

    code, found = documents("doctor")
    assert (code, found["sound"]) == (0, True)
    assert {"records", "methods", "index", "missions", "sandbox"} <= {entry["what"] for entry in found["findings"]}


def test_doctor_finds_an_index_that_disagrees(batos, documents, tmp_path):
    here = ("--image", str(tmp_path / "i"))
    (tmp_path / "note.md").write_text("# Note\n\nA line.\n")
    batos("ingest", str(tmp_path / "note.md"), *here)
    batos("search", "line", *here)
    index = sqlite3.connect(tmp_path / "i" / "index" / "text.sqlite3")
    with index:
        index.execute("DELETE FROM chunk")
    index.close()

    code, found = documents("doctor", *here)
    assert code == 1
    assert [entry["what"] for entry in found["findings"] if entry["standing"] == "wrong"] == ["index"]


def test_the_heartbeat_is_switched_and_beats(batos, documents):
    assert batos("heartbeat", "off")[1].startswith("The heartbeat is off")
    assert documents("heartbeat", "beat")[1]["reason"] == "the heartbeat is switched off"
    assert documents("heartbeat", "on")[1]["on"]
    assert documents("heartbeat")[1]["on"]


# Bad input


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["send", "greter", "initials_", "x"], "Did you mean 'greeter'"),
        (["why", "greeter", "initals_"], "Did you mean 'initials_'"),
        (["forget", "nothing.md"], "Memory holds no document"),
        (["send", "greeter", "prove_goldbach_"], "`batos missions show "),
        (["send", "greeter", "initials_"], "initials_() missing 1 required"),
        (["send", "greeter", "initals_", "x"], "Did you mean 'initials_'"),
        (["inspect", "nobody"], "`batos inspect` lists the objects"),
        (["history", "nobody"], "nobody"),
        (["why", "greeter", "nothing_"], "`batos inspect greeter`"),
        (["undo", "0123456789abcdef"], "`batos history NAME`"),
        (["undo", "not an id"], "`batos history NAME`"),
        (["forget", "nothing.md"], "nothing.md"),
        (["ingest", "/no/such/folder"], "no such file"),
        (["missions", "show", "ffff"], "`batos missions`"),
        (["approve", "ffff", "--yes"], "`batos approve`"),
        (["refuse", "ffff"], "`batos approve`"),
        (["create", "greeter"], "exists already"),
        (["teach", "greter", "x_", "--intent", "anything"], "Did you mean 'greeter'"),
        (["send", "greeter", "x", "--model", "oracle"], "`builtin`"),
    ],
)
def test_what_is_not_there_is_one_sentence_that_helps(batos, arguments, says):
    code, out, err = batos(*arguments)

    assert (code, out) == (1, "")
    assert says in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "greeter"],
        ["nonsense"],
        ["teach", "greeter", "x_"],
        ["teach", "greeter", "x_", "--example", "no arrow"],
        ["send", "greeter", "initials_", "[1, 2"],
        ["search", "x", "--limit", "0"],
        ["search", "x", "--where", "kind"],
        ["missions", "show"],
        ["run", "--serve"],
        ["ask", " "],
        ["search", " "],
        ["--json", "status"],
        ["--image", "x", "status"],
    ],
)
def test_wrong_usage_is_told_with_the_usage(batos, arguments):
    code, out, err = batos(*arguments)

    assert (code, out) == (2, "")
    assert err.startswith("Usage: batos")


def test_what_was_learned_on_the_way_is_told_beside_the_answer(batos):
    code, out, err = batos("send", "greeter", "whisper_name")

    assert (code, err.count("Learned first: whisper_name")) == (0, 1)
    assert batos("send", "greeter", "whisper_name") == (0, out, "")


def test_an_empty_answer_of_an_image_that_read_nothing_says_what_to_read(batos, tmp_path):
    with Uvm(tmp_path / "empty.image"):
        pass
    for command in (["search", "undo"], ["ask", "how do I undo it?"]):
        assert "`batos ingest PATH`" in batos(*command, "--image", str(tmp_path / "empty.image"))[2]


@pytest.mark.parametrize(
    "command, says",
    [
        (["ingest", "."], "the same command reads the rest"),
        (["ask", "why?"], "`batos missions` lists it"),
        (["search", "x"], "begins anew"),
    ],
)
def test_an_interrupted_command_says_what_to_do_next(batos, monkeypatch, command, says):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image, "open", interrupted)  # before anything is open that would have to be closed
    code, out, err = batos(*command)

    assert (code, out) == (130, "")
    assert err.startswith("Interrupted. ")
    assert says in err


CREATING = {"adapters add", "adapters plan", "bench-model", "create", "run", "ingest", "teach", "import", "restore"}
NEEDED = {
    "send": ["x", "y"], "ask": ["x"], "search": ["x"], "forget": ["x"], "history": ["x"],
    "why": ["x", "y"], "undo": ["x"], "refuse": ["x"], "at": ["x"], "diff": ["x", "y"], "fork": ["x"],
    "backup": ["x"], "export": ["x"], "erase": ["x"], "versions": ["x", "y"], "intent": ["x", "y", "z"],
    "pin": ["x"], "unpin": ["x"], "replay": ["x"], "adapters activate": ["x", "y"], "adapters export": ["x", "y"],
    "adapters remove": ["x"], "adapters train": ["x", "--model", "y"],
}  # fmt: skip


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - CREATING))
def test_a_command_that_makes_no_image_says_that_there_is_none(batos, tmp_path, command):
    code, out, err = batos(*command.split(), *NEEDED.get(command, []), "--image", str(tmp_path / "none"))

    assert (code, out) == (3, "")
    assert "batos run" in err
    assert not (tmp_path / "none").exists()


def foreign_file(path):
    path.write_text("dear")


def foreign_folder(path):
    path.mkdir()
    (path / "letter.txt").write_text("dear")


def damaged(path):
    (path / "objects").mkdir(parents=True)
    (path / "objects" / "main.sqlite3").write_bytes(b"not a database at all")


def torn(path):
    """An image whose database lost its second half."""
    with Uvm(path, settings=Settings(workers=0)):
        pass
    database = path / "objects" / "main.sqlite3"
    with database.open("r+b") as file:
        file.truncate(database.stat().st_size // 2)


@pytest.mark.parametrize("make", [foreign_file, foreign_folder, damaged, torn])
def test_what_is_no_image_is_left_alone(batos, tmp_path, make):
    path = tmp_path / "strange"
    make(path)
    before = {entry: entry.read_bytes() for entry in [path, *path.rglob("*")] if entry.is_file()}
    code, out, err = batos("inspect", "--image", str(path))

    assert (code, out) == (3, "")
    assert str(path) in err
    assert "Traceback" not in err
    assert {entry: entry.read_bytes() for entry in before} == before


def test_an_unknown_storage_is_refused(batos):
    code, _, err = batos("status", "--image", "mysql:somewhere")

    assert (code, "sqlite:PATH" in err) == (3, True)


def test_a_model_server_that_is_down_is_one_sentence(batos):
    code, out, err = batos(
        "send", "greeter", "prove_fermat_", "--model", "openai:http://127.0.0.1:9/v1#m", "--timeout", "40"
    )

    assert (code, out) == (1, "")
    assert "cannot be reached" in err
    assert "Traceback" not in err


def test_an_error_in_json_is_one_document_with_its_facts(documents):
    code, told = documents("send", "greter", "initials_", "x")

    assert code == 1
    assert told["error"] == "UnknownObject"
    assert told["name"] == "greter"


# Help


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(batos, command):
    code, out, _ = batos(*command.split(), "--help")

    assert code == 0
    assert f"batos {command}" in out.split("Example:")[1]
    assert "--image" in out
    assert "--json" in out


# The First Conversation


@pytest.mark.skipif(not CAN_SHOW_A_WINDOW, reason="the window needs Kivy and bubblewrap")
def test_the_first_conversation_makes_a_picture_and_answers_a_search(tmp_path):
    first = run(tmp_path, "run", "--headless", "--image", "new.image", BATOS_HEARTBEAT="no")
    assert first.returncode == 0, first.stderr
    titles = [line[:30].strip() for line in first.stdout.splitlines() if " s   " in line]
    assert titles == [
        "Opening the image",
        "Reading its own documents",
        "Planning",
        "Asking its facets",
        "Writing the workbench",
        "Checking the workbench",
        "Keeping it",
        "Saving its picture",
        "Searching through the bridge",
    ]
    assert "batos/image #" in first.stdout
    assert (tmp_path / "first-conversation.png").read_bytes().startswith(b"\x89PNG")

    (tmp_path / "first-conversation.png").unlink()
    again = run(tmp_path, "run", "--json", "--image", "new.image", BATOS_HEARTBEAT="no")
    told = json.loads(again.stdout)
    assert [stage["stage"] for stage in told["stages"]] == [titles[0], *titles[-2:]]
    assert told["complete"]
    assert told["hits"]
    assert Path(told["picture"]).exists()


def test_a_question_tells_how_far_it_is_and_a_conversation_goes_on(batos, documents, tmp_path):
    (tmp_path / "owls.md").write_text("# Owls\n\nAn owl hunts mice. An owl sleeps in a hollow tree.\n")
    batos("ingest", str(tmp_path / "owls.md"))
    code, out, err = batos("ask", "What does an owl hunt?", "--thread", "night")
    assert code == 0
    assert "mice" in out
    assert [line.split("  ")[0] for line in err.splitlines() if ":" in line.split("  ")[0]] == [
        "DECOMPOSING: searching memory", "DECOMPOSING: planning", "SYNTHESIZING: weaving"
    ]  # fmt: skip
    _, answer = documents("ask", "And where does it sleep?", "--thread", "night")
    assert "tree" in answer["answer"]

    _, conversation = documents("ask", "--thread", "night")
    assert [turn["question"] for turn in conversation["turns"]] == [
        "What does an owl hunt?", "And where does it sleep?"
    ]  # fmt: skip
    assert batos("ask", "--thread", "never")[:2] == (0, "There is no conversation never yet.\n")
    assert batos("ask")[0] == 2
    code, _, err = batos("ask", "What?", "--thread", "greeter")
    assert (code, "no conversation" in err) == (1, True)


def test_a_mission_is_shown_with_its_decisions_and_its_timeline(batos, documents, tmp_path):
    _, answer = documents("ask", "What does an owl hunt, and where does an owl sleep?")
    code, out, err = batos("missions", "show", answer["mission"], "--svg", str(tmp_path / "timeline.svg"))
    assert code == 0
    for said in (
        "factual, babs leads",
        "because factual",
        "brick thinks its part through",
        "diversity",
        "timeline",
        "█",
    ):
        assert said in out
    assert "timeline.svg" in err
    assert (tmp_path / "timeline.svg").read_text().startswith("<svg")
