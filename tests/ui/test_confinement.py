"""What a program can reach from inside, tried by programs that no audit has seen."""

import json
import socket
import sys
from pathlib import Path

import pytest

from batos.errors import MissingExtra, WorkbenchNotRun
from batos.workbench.launcher import Bounds, Place, interpreter_paths, run_program
from ui.machine import needs_a_screen, needs_bubblewrap

pytestmark = [needs_bubblewrap, needs_a_screen]

ATTEMPTS = """
import json, os, socket

def attempt(name, action):
    try:
        outcome[name] = repr(action())
    except OSError as error:
        outcome[name] = "refused"

def connect(where):
    socket.create_connection(where, timeout=2)

outcome = {}
"""


@pytest.fixture
def confined(tmp_path):
    """Runs the lines of a program and returns what it found: a map of names to outcomes."""

    def confined(*lines, endpoint=None):
        program, out = tmp_path / "program", tmp_path / "out"
        program.mkdir()
        out.mkdir()
        end = "json.dump(outcome, open('/out/outcome.json', 'w'))"
        (program / "attempts.py").write_text("\n".join((ATTEMPTS, *lines, end)))
        ended = run_program(Place(program=program / "attempts.py", endpoint=endpoint, out=out), Bounds(seconds=20))
        assert ended.status == 0, ended.said
        return json.loads((out / "outcome.json").read_text())

    return confined


def test_files_of_the_machine_and_of_the_person_are_not_there(confined, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("mine")

    found = confined(
        "attempt('shadow', lambda: open('/etc/shadow').read())",
        "attempt('passwd', lambda: open('/etc/passwd').read())",
        f"attempt('secret', lambda: open({str(secret)!r}).read())",
        f"attempt('home', lambda: os.listdir({str(Path.home() / '.ssh')!r}))",
        "attempt('root', lambda: sorted(os.listdir('/')))",
    )

    assert [found.pop(name) for name in ("shadow", "passwd", "secret", "home")] == ["refused"] * 4
    assert "etc" in found["root"]


def test_no_socket_of_the_machine_can_be_reached(confined):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        found = confined(f"attempt('host', lambda: connect(('127.0.0.1', {port})))")

    assert found == {"host": "refused"}


def test_nothing_can_be_written_but_the_report(confined):
    found = confined(
        "attempt('program', lambda: open('/app/attempts.py', 'a'))",
        "attempt('usr', lambda: open('/usr/x', 'w'))",
        f"attempt('packages', lambda: open({json.__file__!r}, 'a'))",
        "attempt('batos', lambda: open(__import__('batos').__file__, 'a'))",
    )

    assert set(found.values()) == {"refused"}


def test_other_processes_are_not_seen(confined):
    found = confined("attempt('seen', lambda: len([entry for entry in os.listdir('/proc') if entry.isdigit()]))")

    assert int(found["seen"]) <= 3


def test_the_bridge_is_the_only_socket(confined, endpoint):
    found = confined("attempt('ipc', lambda: os.listdir('/ipc'))", endpoint=endpoint)

    assert found == {"ipc": "['workbench.sock']"}


def test_the_environment_of_the_person_is_not_there(confined, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "mine")

    found = confined("attempt('token', lambda: os.environ.get('A_TOKEN'))")

    assert found == {"token": "None"}


def test_written_bytes_and_open_files_are_bounded(confined):
    found = confined(
        "attempt('written', lambda: [open('/out/large', 'wb').write(bytes(1 << 20)) for _ in range(2)][0])",
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)",
        "attempt('large', lambda: open('/out/large', 'wb').write(bytes(40 << 20)))",
        "attempt('files', lambda: [open('/app/attempts.py') for _ in range(300)])",
    )

    assert (found["large"], found["files"]) == ("refused", "refused")


def test_a_program_whose_time_is_up_is_ended(tmp_path):
    program = tmp_path / "sleeper.py"
    program.write_text("import time\nwhile True:\n    time.sleep(60)\n")

    assert run_program(Place(program=program, endpoint=None), Bounds(seconds=1.0)).status is None


def test_a_bridge_over_the_network_is_refused(tmp_path):
    with pytest.raises(WorkbenchNotRun, match="ipc socket only"):
        run_program(Place(program=tmp_path / "x.py", endpoint="tcp://127.0.0.1:5555"))


def test_without_bubblewrap_nothing_is_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(WorkbenchNotRun, match="is missing, and a generated program is never run unconfined"):
        run_program(Place(program=tmp_path / "x.py", endpoint=None))


def test_without_kivy_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kivy", None)

    with pytest.raises(MissingExtra, match=r"batos\[ui\]"):
        run_program(Place(program=tmp_path / "x.py", endpoint=None))


def test_the_directories_that_are_shown_hold_no_other():
    shown = interpreter_paths()

    assert shown
    assert not [inner for inner in shown for outer in shown if inner != outer and inner.is_relative_to(outer)]
