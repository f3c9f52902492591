"""`batos ask` with a model that streams: on a terminal the draft is seen before the answer is whole, then it is gone.

The program is the real one, its terminal a pseudo-terminal, its model a server over HTTP. So it is where a daemon works
the image and the program only asks.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import contextmanager
from threading import Event

import pytest

import batos
from batos.bridge.daemon import Daemon
from batos.settings import Settings
from contract.mind_tools import WOVEN, furnish, plan
from contract.openai_server import Fault, ModelServer

QUESTION = "Where do bats sleep?"
LONGEST = 40.0
NOT_RETRIEVED = {
    **WOVEN,
    "answer": "Bats sleep in the attic.",
    "citations": [{"document_id": "bats", "chunk_index": 7}],
}
TOLD_AT_ONCE = re.compile(r"SYNTHESIZING: weaving.{1,30} (0\.[2-9]|[1-9])")
DRAFT = re.compile(r"Draft, not checked yet:.*Bats sleep", re.DOTALL)
STEP = re.compile(r"\x1b\[(\d*)([A-Za-z])|\x1b\[\?\d+[hl]|(\r)|(\n)|([^\x1b\r\n]+)")


class Talker(ModelServer):
    """Plans one facet and weaves `woven`. Pauses in what it weaves first: before its second word, which comes when so
    much time has passed that it is told at once, and before its third, until the second was seen."""

    def __init__(self, woven, pauses=True):
        super().__init__(self._says)
        self.woven = woven
        self.second, self.third = Event(), Event()
        self._pauses = pauses

    def _says(self, body):
        shape = body.get("response_format")
        says = {"plan": plan("literal_facet_"), "weave": self.woven}
        return json.dumps(says[shape["json_schema"]["name"]]) if shape else "In caves [1]."

    def _completion(self, body):
        said = super()._completion(body)
        shape = body.get("response_format")
        if shape and shape["json_schema"]["name"] == "weave" and self._pauses:
            self._pauses = False
            places = ((said.body.index(b"sleep"), self.second), (said.body.index(b"in "), self.third))
            return Fault(headers=said.headers, body=said.body, pauses=places)
        return said

    def go_on(self):
        self.second.set()
        self.third.set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    with batos.open(folder / "demo.image") as image:
        furnish(image)
    return folder


@contextmanager
def asked(folder, server, **streams):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BATOS_")}
    command = [sys.executable, "-m", "batos.cli.main", "ask", QUESTION, "--model", f"openai:{server.url}#small"]
    with subprocess.Popen(command, cwd=folder, env={**clean, "TERM": "xterm", "COLUMNS": "90"}, **streams) as process:
        yield process
        server.go_on()


class Terminal:
    """A pseudo-terminal, what came out of it, and which lines stand there."""

    def __init__(self):
        self._ours, self.theirs = pty.openpty()
        self.said = ""

    def opened(self):
        os.close(self.theirs)

    def read(self) -> bool:
        try:
            piece = os.read(self._ours, 4096)
        except OSError:  # how a terminal says that nobody has it open any more
            piece = b""
        self.said += piece.decode(errors="replace")
        return bool(piece)

    def read_until(self, words):
        while not words.search(self.said):
            assert self.read(), self.said

    def close(self):
        while self.read():
            pass
        os.close(self._ours)

    def lines(self):
        """What a person sees in the end: the codes for up, erase and begin of line carried out."""
        shown, row = [""], 0
        for number, code, begin, end, text in STEP.findall(self.said):
            if code == "A":
                row = max(0, row - int(number or 1))
            elif code == "K":
                shown[row] = ""
            elif end:
                row += 1
                shown += [""] * (row == len(shown))
            elif text and not begin:
                shown[row] += text
        return [line.strip() for line in shown if line.strip()]


def on_a_terminal(folder, server, speaker=None):
    """The terminal in the end, and the exit code. On the way the draft was seen before its last word was spoken."""
    speaker = speaker or server
    terminal = Terminal()
    with asked(folder, server, stdout=terminal.theirs, stderr=terminal.theirs) as process:
        terminal.opened()
        terminal.read_until(TOLD_AT_ONCE)
        speaker.second.set()
        terminal.read_until(DRAFT)
        speaker.third.set()
        terminal.close()
    return terminal, process.returncode


def test_the_draft_is_seen_while_the_model_speaks_and_the_answer_stands_there_in_the_end(folder):
    with Talker(WOVEN) as server:
        terminal, code = on_a_terminal(folder, server)
    assert code == 0
    assert terminal.lines() == ["Bats sleep in caves.", "[1]  bats  0"]


def test_a_draft_that_does_not_pass_the_gate_is_gone_from_the_terminal(folder):
    with Talker(NOT_RETRIEVED) as server:
        terminal, code = on_a_terminal(folder, server)
    assert code == 1
    assert "in the attic" in terminal.said
    assert "attic" not in " ".join(terminal.lines())
    assert "which was not retrieved" in " ".join(terminal.lines())


def test_a_daemon_tells_over_its_bridge_what_the_program_shows(folder):
    """The model is the daemon's; the program is given none that could speak."""
    with (
        Talker(WOVEN) as server,
        Daemon(folder / "demo.image", model=f"openai:{server.url}#small", settings=Settings(heartbeat=False)),
        Talker(WOVEN) as another,
    ):
        terminal, code = on_a_terminal(folder, another, speaker=server)
        assert another.received == []
    assert code == 0
    assert re.search(r"DECOMPOSING: planning.*factual, babs leads, asks literal", terminal.said)
    assert re.search(r"DELEGATING.*literal", terminal.said)
    assert terminal.lines()[-2:] == ["Bats sleep in caves.", "[1]  bats  0"]


@pytest.mark.parametrize("woven, code, said", [(WOVEN, 0, "Bats sleep"), (NOT_RETRIEVED, 1, "")])
def test_what_is_piped_holds_the_answer_and_no_draft(folder, woven, code, said):
    with Talker(woven, pauses=False) as server, asked(folder, server, stdout=-1, stderr=-1, text=True) as process:
        out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == code
    assert out.startswith(said)
    assert "Draft" not in out + err
    assert "attic" not in out + err
    assert "\x1b" not in out + err
