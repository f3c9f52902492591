"""Starting and ending: one daemon per image, private paths, nothing left behind, and what a client is told."""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import zmq

from batos.bridge.client import BridgeClient
from batos.bridge.rundir import SOCKET_PATH_BYTES, path_of, read_connection, socket_paths
from batos.bridge.server import BridgeServer
from batos.errors import BridgeError, BridgeUnreachable, ImageBusy
from batos.runtime.lock import DaemonLock
from bridge.small_system import PATIENCE, RawClient


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def bridge_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("batos-bridge")]


def test_the_connection_file_says_where_the_daemon_is(path, server):
    written = json.loads((path / "run" / "connection.json").read_text())

    assert written["v"] == 1
    assert (written["pid"], written["instance"]) == (os.getpid(), server.instance)
    assert written["roles"].keys() == {"owner", "workbench", "reader"}
    assert written["endpoint"] == written["roles"]["owner"]


def test_nobody_else_can_reach_the_files(path, server):
    connection = read_connection(path)

    assert mode(path / "run") == 0o700
    assert mode(path / "run" / "connection.json") == 0o600
    for endpoint in connection.roles.values():
        assert mode(path_of(endpoint)) == 0o600
        assert mode(path_of(endpoint).parent) == 0o700


def test_each_socket_lies_alone_so_that_a_sandbox_can_be_handed_one(path, server):
    place = path_of(read_connection(path).roles["workbench"])

    assert list(place.parent.iterdir()) == [place]
    with BridgeClient.at(place) as client:
        assert client.welcome.role == "workbench"


def test_closing_leaves_nothing_behind(path, system):
    with BridgeServer(system, path), BridgeClient.connect(path) as client:
        client.request("search_memory", query="undo")
        assert bridge_threads()

    assert bridge_threads() == []
    assert system.subscriptions() == 0
    assert [entry for entry in (path / "run").rglob("*") if not entry.is_dir()] == [path / "run" / "daemon.lock"]


def test_closing_answers_what_is_open(path, system):
    with BridgeServer(system, path) as server, RawClient(path_of(read_connection(path).endpoint)) as client:
        client.request("hello", client="test")
        client.post("ask", question="Why?", wait=PATIENCE)
        assert system.filed.wait(PATIENCE)
        server.close()
        reply = client.receive()["body"]

    assert (reply["status"], reply["code"], reply["retry"]) == ("ERROR", "stopping", True)


def test_closing_twice_is_closing_once(path, system):
    server = BridgeServer(system, path)
    server.start()
    server.close()
    server.close()


def test_the_owner_can_end_the_daemon(path, system):
    asked = threading.Event()
    with BridgeServer(system, path, on_shutdown=asked.set), BridgeClient.connect(path) as client:
        assert client.request("shutdown").details == "The daemon is ending."
        assert asked.wait(PATIENCE)


# A second daemon


def test_a_second_daemon_is_refused_with_the_first_ones_process(path, server, system):
    with pytest.raises(ImageBusy, match=f"process {os.getpid()}"):
        BridgeServer(system, path).start()

    with BridgeClient.connect(path) as client:
        assert client.welcome.instance == server.instance


def test_a_lock_that_the_caller_holds_is_used_and_kept(path, system):
    with DaemonLock(path) as lock:
        with BridgeServer(system, path, lock=lock):
            pass
        with pytest.raises(ImageBusy):
            DaemonLock(path).acquire()


def test_a_killed_daemon_gives_its_image_free(path, system):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ImageBusy, match=f"process {holder.pid}"):
        DaemonLock(path).acquire()
    holder.kill()
    holder.communicate()

    with BridgeServer(system, path), BridgeClient.connect(path) as client:
        assert client.request("ping").status == "OK"


HOLD = """
import sys
from pathlib import Path
from batos.runtime.lock import DaemonLock
from batos.bridge.rundir import socket_paths
import zmq
DaemonLock(Path(sys.argv[1])).acquire()
context = zmq.Context()
for path in socket_paths(Path(sys.argv[1])).values():
    context.socket(zmq.ROUTER).bind(f"ipc://{path}")
print("held", flush=True)
sys.stdin.read()
"""


# Paths


def test_a_socket_that_is_in_use_is_left_alone(path, system):
    place = socket_paths(path)["owner"]
    with zmq.Context() as context, context.socket(zmq.ROUTER) as other:
        other.bind(f"ipc://{place}")
        with pytest.raises(BridgeError, match="in use"):
            BridgeServer(system, path).start()
        assert place.is_socket()


def test_something_else_in_the_sockets_place_is_left_alone(path, system):
    place = socket_paths(path)["owner"]
    place.write_text("precious")
    with pytest.raises(BridgeError, match="not a socket"):
        BridgeServer(system, path).start()

    assert place.read_text() == "precious"


def test_sockets_that_cannot_be_bound_are_one_sentence_and_leave_nothing_running(path, system, monkeypatch):
    places = dict.fromkeys(("owner", "workbench", "reader"), path / "missing" / "s.sock")
    monkeypatch.setattr("batos.bridge.server.socket_paths", lambda image_path: places)
    with pytest.raises(BridgeError, match="could not be opened"):
        BridgeServer(system, path).start()

    assert bridge_threads() == []
    DaemonLock(path).acquire().release()


def test_a_linked_run_directory_is_refused(path, system, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BridgeError, match="not a directory of your own"):
        BridgeServer(system, path).start()


def test_a_long_path_gets_sockets_below_the_temporary_directory(tmp_path, system):
    path = tmp_path / ("long" * 20)
    path.mkdir()
    with BridgeServer(system, path) as server, BridgeClient.connect(path, "workbench") as client:
        assert client.welcome.instance == server.instance
        place = path_of(read_connection(path).endpoint)
        assert len(os.fsencode(place)) <= SOCKET_PATH_BYTES
        stand_in = place.parent.parent
        assert (stand_in.parent, mode(stand_in)) == (Path(tempfile.gettempdir()), 0o700)
    assert not stand_in.exists()


def test_what_a_killed_daemon_left_below_the_temporary_directory_is_cleared(tmp_path, system):
    path = tmp_path / ("long" * 20)
    path.mkdir()
    with BridgeServer(system, path):
        left = (path / "run" / "connection.json").read_text()
    stand_in = path_of(json.loads(left)["endpoint"]).parent.parent
    stand_in.mkdir(mode=0o700)
    (path / "run" / "connection.json").write_text(left)
    with BridgeServer(system, path):
        assert not stand_in.exists()


# What a client is told


def test_without_a_daemon_the_client_says_how_to_start_one(path):
    with pytest.raises(BridgeUnreachable, match="batos run"):
        BridgeClient.connect(path)


def test_a_damaged_connection_file_is_one_sentence(path):
    (path / "run").mkdir()
    (path / "run" / "connection.json").write_text("{")
    with pytest.raises(BridgeUnreachable, match="cannot be read"):
        BridgeClient.connect(path)


def test_a_daemon_that_is_gone_is_noticed_at_once(path, system):
    with BridgeServer(system, path):
        left = (path / "run" / "connection.json").read_text()
    (path / "run" / "connection.json").write_text(left)
    with pytest.raises(BridgeUnreachable, match=f"process {os.getpid()}"):
        BridgeClient.connect(path)


def test_a_stale_connection_file_is_noticed_by_its_instance(path, server):
    place = path / "run" / "connection.json"
    place.write_text(place.read_text().replace(server.instance, "another"))
    with pytest.raises(BridgeUnreachable, match="another daemon"):
        BridgeClient.connect(path)


def test_a_program_that_does_not_answer_is_given_up(tmp_path):
    place = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(place))
        silent.listen()
        with pytest.raises(BridgeUnreachable, match="did not answer hello"):
            BridgeClient.at(place, timeout=0.1)
