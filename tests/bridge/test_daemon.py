"""The daemon: one per image, its bridge there before the work and gone after it; others wait for its work."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from batos.bridge.client import BridgeClient
from batos.bridge.daemon import Daemon
from batos.errors import BridgeRefused, BridgeUnreachable, ImageBusy, ImageForeign
from batos.runtime.lock import DaemonLock, is_held
from batos.runtime.uvm import Uvm
from batos.settings import Settings

PATIENCE = 10.0
SETTINGS = Settings(heartbeat=False)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "i"


@pytest.fixture
def daemon(place):
    with Daemon(place, settings=SETTINGS) as opened:
        opened.system.create("greeter", {"name": "Ada Lovelace"})
        yield opened


# One per image


def test_a_second_daemon_is_refused_and_disturbs_nothing(place, daemon):
    with pytest.raises(ImageBusy, match=f"process {os.getpid()}"):
        Daemon(place).open()

    with BridgeClient.connect(place) as client:
        assert client.request("search_memory", query="anything").status == "OK"


def test_an_image_is_free_again_when_its_daemon_has_closed(place):
    with Daemon(place, settings=SETTINGS):
        assert is_held(place)
    assert not is_held(place)
    with Daemon(place, settings=SETTINGS):
        pass


def test_asking_whether_a_daemon_runs_never_looks_like_one(tmp_path):
    (tmp_path / "run").mkdir()
    with DaemonLock(tmp_path) as lock:
        lock.release()
        asking = threading.Event()

        def ask():
            while not asking.is_set():
                is_held(tmp_path)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            for _ in range(50):
                DaemonLock(tmp_path).acquire().release()
        finally:
            asking.set()
            thread.join()


def test_a_folder_with_other_things_is_not_touched(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ImageForeign):
        Daemon(tmp_path).open()

    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


# Beside it


def test_who_opens_the_image_beside_a_daemon_leaves_the_work_to_it(place, daemon):
    with Uvm(place) as beside:
        assert not beside.works
        assert beside.send("greeter", "get_name") == "Ada Lovelace"


def test_who_waits_for_a_daemon_that_has_ended_does_the_work(place):
    idle = Settings(heartbeat=False, workers=0)
    with Daemon(place, settings=idle) as daemon:
        daemon.system.create("greeter", {"name": "Ada Lovelace"})
        beside = Uvm(place)
    with beside:
        mission = beside.submit("greeter", "get_name")
        assert not beside.works
        assert mission.result(PATIENCE) == "Ada Lovelace"
        assert beside.works


def test_the_command_line_works_beside_a_daemon(place, daemon):
    command = [sys.executable, "-m", "batos.cli.main", "send", "greeter", "get_name", "--image", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)

    assert (done.returncode, done.stdout, done.stderr) == (0, "Ada Lovelace\n", "")


# Its end


def test_a_client_that_asks_it_to_end_is_heard(place, daemon):
    with BridgeClient.connect(place) as client:
        client.request("shutdown")
    daemon.wait()
    daemon.close()

    with pytest.raises(BridgeUnreachable):
        BridgeClient.connect(place)


SERVE = """
import sys
from batos.bridge.daemon import Daemon, ended_by_signals
with ended_by_signals(), Daemon(sys.argv[1]) as daemon:
    daemon.system.create("greeter", {"name": "Ada"})
    daemon.system.submit("greeter", "prove_goldbach_")
    try:
        print("serving", flush=True)
        daemon.wait()
    except KeyboardInterrupt:  # it came before the wait
        pass
print("closed", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_it_and_leaves_an_image_that_opens(place, number):
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(place)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "serving\n"
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)

    assert (process.returncode, said) == (0, "closed\n")
    with Uvm(place, work=False) as system:
        assert system["greeter"].name == "Ada"


HANG = """
import sys
import threading
from batos.runtime.uvm import Uvm
from batos.testing import ScriptedBackend

def hang(request):
    print("asked", flush=True)
    threading.Event().wait()

system = Uvm(sys.argv[1], model=ScriptedBackend(hang))
system.create("greeter", {"name": "Ada"})
print(system.submit("greeter", "get_name").id, flush=True)
threading.Event().wait()
"""


def test_what_a_killed_worker_held_is_taken_up_at_once_and_not_when_its_lease_ends(place):
    assert SETTINGS.lease_seconds > PATIENCE
    process = subprocess.Popen([sys.executable, "-c", HANG, str(place)], stdout=subprocess.PIPE, text=True)
    said = {process.stdout.readline().strip() for _ in range(2)}
    process.kill()
    process.communicate()

    (mission,) = said - {"asked"}
    with Uvm(place) as system:
        assert system.submit("greeter", "get_name", mission_id=mission).result(PATIENCE) == "Ada"


# Methods offered over the bridge


OFFERED = {
    "target_oid": "greeter",
    "method_name": "double_",
    "method_code": "def double_(self, n):\n    return 2 * n\n",
}


def offer(place, **changes):
    with BridgeClient.connect(place) as client:
        return client.request("create_method", **{**OFFERED, **changes})


def test_a_method_offered_without_examples_is_kept_as_unproven_with_its_audit(place, daemon):
    reply = offer(place)

    (report,) = reply.results
    assert (report["version"], report["proven"], report["audit"]["passed"]) == (1, 0, True)
    assert reply.details == "double_ of greeter is installed as version 1, unproven."
    assert daemon.system["greeter"].double_(4) == 8


def test_examples_that_it_brings_are_run_and_prove_it(place, daemon):
    (report,) = offer(place, examples=[{"args": [2], "result": 4}, {"args": ["a"], "result": "aa"}]).results

    assert report["proven"] == 2
    assert len(daemon.system.why("greeter", "double_").contract["examples"]) == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"method_code": "def double_(self, n):\n    return self._slots\n"}, "The guardian refused 'double_': Line 2"),
        ({"method_code": "def other_(self):\n    return 1\n"}, "defines other_ instead"),
        ({"examples": [{"args": [2], "result": 5}]}, "should give 5 but gave 4"),
        ({"examples": [{"args": [2], "raises": "NoError"}]}, "name a built-in exception"),
        ({"target_oid": "nobody"}, "no object called 'nobody'"),
    ],
)
def test_what_does_not_pass_the_gate_is_refused_with_the_reason(place, daemon, changes, says):
    with pytest.raises(BridgeRefused, match=says):
        offer(place, **changes)

    assert "double_" not in daemon.system.inspect("greeter")["understands"]


def test_a_pinned_object_takes_no_method(place, daemon):
    daemon.system.pin("greeter")
    with pytest.raises(BridgeRefused, match="greeter is pinned"):
        offer(place)
