"""A bridge to a system that has read batos's own documents, and a generated workbench for it."""

import pytest

from batos.bridge.rundir import read_connection
from batos.bridge.server import BridgeServer
from batos.inference.port import Request
from batos.workbench.generator import write_workbench
from ui.library import Library, materials


@pytest.fixture(scope="module")
def library():
    return Library()


@pytest.fixture(scope="module")
def image_path(tmp_path_factory, library):
    """A directory in which a daemon serves the library."""
    path = tmp_path_factory.mktemp("ui") / "i"
    path.mkdir()
    with BridgeServer(library, path):
        yield path


@pytest.fixture(scope="module")
def endpoint(image_path):
    return read_connection(image_path).roles["workbench"]


@pytest.fixture(scope="session")
def source():
    """The program that all of the system's documents give."""
    return write_workbench(Request(purpose="workbench", materials={"chunks": materials()})).text
