"""`batos approve` as a person meets it: at a terminal, asked before anything changes."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

BATOS = str(Path(sys.executable).with_name("batos"))
TEACH = ("teach", "greeter", "initials_", "--intent", "the initials of a full name")
EXAMPLES = ("--example", '["ada lovelace"] => "A.L."', "--example", '["alan turing"] => "A.T."')


def at_a_terminal(arguments, environment, answer):
    """What the command printed and its exit code, with `answer` typed ahead."""
    mine, theirs = pty.openpty()
    os.write(mine, answer)
    child = subprocess.Popen([BATOS, *arguments], env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    printed = b""
    try:
        while part := os.read(mine, 4096):
            printed += part
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(mine)
    return printed.decode(), child.wait(timeout=30)


def test_a_person_is_shown_the_source_and_asked_and_no_changes_nothing(tmp_path):
    environment = {**os.environ, "BATOS_IMAGE": str(tmp_path / "a.image"), "HOME": str(tmp_path)}
    environment |= {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "NO_COLOR": "1", "TERM": "dumb"}
    subprocess.run([BATOS, *TEACH, *EXAMPLES], env=environment, check=True, capture_output=True, timeout=50)
    command = ("approve", "greeter.initials_", "--trusted")

    shown, code = at_a_terminal(command, environment, b"n\n")
    assert code == 0
    assert "def initials_" in shown
    assert "written by" in shown
    assert "Nothing was changed." in shown

    shown, code = at_a_terminal(command, environment, b"y\n")
    assert code == 0
    assert "runs in process on this machine, as version 2" in shown


def test_options_that_do_not_fit_are_refused_and_nothing_is_decided(batos, tmp_path, monkeypatch):
    monkeypatch.setenv("BATOS_IMAGE", str(tmp_path / "a.image"))
    monkeypatch.setenv("BATOS_POLICY", "propose")
    assert batos(*TEACH, *EXAMPLES)[0] == 1
    proposed = json.loads(batos("approve", "--json")[1])["proposals"][0]["id"]
    code, _, err = batos("approve", proposed, "--always", "--yes")
    assert (code, "`--always` is for the use of a tool" in err) == (2, True)

    assert batos("approve", proposed, "--yes")[0] == 0
    code, _, err = batos("approve", "greeter.initials_", "--trusted")
    assert (code, "Look at it with `batos why greeter initials_`" in err) == (2, True)
    told = batos("why", "greeter", "initials_")[1]
    assert "approved by a person, " in told
    assert "trusted to run in process" not in told
