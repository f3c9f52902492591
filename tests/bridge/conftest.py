"""A server on an image directory of its own, and clients that are closed after the test."""

import pytest

from batos.bridge.client import BridgeClient
from batos.bridge.limits import Limits
from batos.bridge.rundir import path_of, read_connection
from batos.bridge.server import BridgeServer
from bridge.small_system import RawClient, SmallSystem


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "i"
    place.mkdir()
    return place


@pytest.fixture
def system():
    return SmallSystem()


@pytest.fixture
def limits():
    """A module may override it."""
    return Limits()


@pytest.fixture
def server(path, system, limits):
    with BridgeServer(system, path, limits=limits) as started:
        yield started
        system.gate.set()


@pytest.fixture
def connect(path, server):
    """Opens a client in a role."""
    opened = []

    def connect(role="owner"):
        opened.append(BridgeClient.connect(path, role))
        return opened[-1]

    yield connect
    for client in opened:
        client.close()


@pytest.fixture
def raw(path, server):
    """Opens a client without manners in a role."""
    opened = []

    def raw(role="owner", **options):
        opened.append(RawClient(path_of(read_connection(path).roles[role]), **options))
        return opened[-1]

    yield raw
    for client in opened:
        client.close()
