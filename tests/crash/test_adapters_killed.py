"""A process that is killed while an adapter is on its way into the model: the next one finds nothing amiss."""

import os
import signal
import subprocess
import sys

import pytest

import tiny_model
from batos.inference.port import Message, Request
from batos.runtime.uvm import Uvm

FULL = os.environ.get("BATOS_FULL") == "1"
OPTIONS = "vram=64MB,context=1024,device=cpu,slots=1,batch=1"
ACTIVATE = """
import sys
from batos.runtime.uvm import Uvm
with Uvm(sys.argv[1], model=sys.argv[2]) as uvm:
    uvm.place.backend.activate("robin")
    uvm.place.backend.activate("brick")
"""


@pytest.mark.skipif(bool(tiny_model.MISSING), reason=tiny_model.REASON)
@pytest.mark.skipif(not FULL, reason="imports torch in a second process: BATOS_FULL=1")
@pytest.mark.timeout(300)
def test_a_process_killed_while_a_slot_is_filled_leaves_an_image_that_answers(tmp_path):
    model = tiny_model.build_model(tmp_path / "model")
    folders = tiny_model.build_adapters(model, {tmp_path / name: {"seed": seed} for seed, name in enumerate("rb")})
    spec = f"peft:{model}#{OPTIONS}"
    image = tmp_path / "demo.image"
    with Uvm(image) as uvm:
        for name, folder in zip(("robin", "brick"), folders, strict=True):
            uvm.adapters.add(name, folder)
    environment = {**os.environ, "BATOS_FAULT": "adapters.while_filling:kill:2"}
    command = [sys.executable, "-c", ACTIVATE, str(image), spec]
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with Uvm(image, model=spec) as uvm:
        assert set(uvm.adapters.verify().values()) == {""}
        for name in ("brick", "robin"):
            request = Request(
                purpose="facet", messages=(Message(role="user", content="Hi."),), adapter=name, max_tokens=4
            )
            assert uvm.place.backend.generate(request).adapter.startswith(f"{name}@")
