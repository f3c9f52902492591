"""What this machine has: the marks of tests that need more than Python."""

import shutil
from ctypes.util import find_library
from importlib.util import find_spec

import pytest

needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
needs_a_screen = pytest.mark.skipif(
    find_spec("kivy") is None or find_library("EGL") is None or shutil.which("bwrap") is None,
    reason="Kivy, EGL or bubblewrap is not installed",
)
