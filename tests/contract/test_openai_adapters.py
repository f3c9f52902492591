"""Adapters on servers that load them while they run. The servers are ours, written after the documentation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier, Thread

import pytest

from batos.errors import BackendRefused, SettingRefused
from batos.inference.http import Patience
from batos.inference.openai import OpenAIBackend
from batos.inference.port import Message, Request
from batos.testing import MovableClock
from contract.adapter_servers import SglangServer, VllmServer


@dataclass(frozen=True)
class Stored:
    sha256: str
    config_text: str
    path: Path


class Shelf:
    """A library in a folder. Its weights are a safetensors file without tensors."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.adapters: dict[str, Stored] = {}

    def put(self, name: str, content: str) -> Stored:
        path = self.folder / f"{name}-{len(self.adapters)}-{content}"
        header = json.dumps({"__metadata__": {"content": content}}).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        config = json.dumps({"peft_type": "LORA", "r": 4, "base_model_name_or_path": "/home/somebody/model"})
        self.adapters[name] = Stored(digest, config, path)
        return self.adapters[name]

    def current(self, name: str) -> Stored | None:
        return self.adapters.get(name)

    @contextmanager
    def cold(self, name: str, sha256: str) -> Iterator[Stored]:
        assert self.adapters[name].sha256 == sha256
        yield self.adapters[name]


@pytest.fixture
def shelf(tmp_path) -> Shelf:
    (tmp_path / "shelf").mkdir()
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def seen(tmp_path) -> Path:
    """The folder that the server sees too."""
    return tmp_path / "seen"


@pytest.fixture
def opened(shelf: Shelf, seen: Path):
    with ExitStack() as stack:

        def open_(server, options: str = "") -> OpenAIBackend:
            stack.enter_context(server)
            details = f"{server.url}#small;adapters={seen}{options}"
            backend = OpenAIBackend(details, MovableClock(automatic=True), patience=Patience(attempts=1))
            stack.callback(backend.close)
            backend.use_library(shelf)
            return backend

        yield open_


def ask(adapter: str | None) -> Request:
    return Request(purpose="facet", messages=(Message(role="user", content="Who?"),), adapter=adapter)


def called(name: str, stored: Stored) -> str:
    return f"{name}-{stored.sha256[:12]}"


def loads(server) -> list[str]:
    return [received.body["lora_name"] for received in server.received if received.path.endswith("/load_lora_adapter")]


def test_an_adapter_is_written_loaded_once_and_asked_for_by_its_hashed_name(opened, shelf, seen):
    robin = shelf.put("robin", "one")
    backend = opened(server := VllmServer())
    for _ in range(2):
        assert backend.generate(ask("robin")).text == f"said by {called('robin', robin)}"
    assert loads(server) == [called("robin", robin)]
    folder = seen / called("robin", robin)
    assert (folder / "adapter_model.safetensors").read_bytes() == robin.path.read_bytes()
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "small"
    assert [entry.name for entry in seen.iterdir()] == [folder.name]


def test_the_base_model_is_asked_without_an_adapter(opened, shelf):
    shelf.put("robin", "one")
    backend = opened(server := VllmServer())
    assert backend.generate(ask(None)).text == "said by small"
    assert loads(server) == []


def test_a_name_that_the_library_does_not_know_is_the_servers_own(opened):
    server = VllmServer()
    server.models.append("theirs")
    assert opened(server).generate(ask("theirs")).text == "said by theirs"


def test_a_new_version_is_another_name_and_never_the_old_one_in_place(opened, shelf):
    backend = opened(server := VllmServer())
    first = shelf.put("robin", "one")
    backend.generate(ask("robin"))
    second = shelf.put("robin", "two")
    assert backend.generate(ask("robin")).text == f"said by {called('robin', second)}"
    assert loads(server) == [called("robin", first), called("robin", second)]


def test_those_longest_not_used_are_unloaded(opened, shelf):
    backend = opened(server := VllmServer(), ";loaded=2")
    names = {name: called(name, shelf.put(name, name)) for name in ("robin", "brick", "babs")}
    for name in ("robin", "brick", "robin", "babs"):
        backend.generate(ask(name))
    assert server.unloaded == [names["brick"]]
    assert set(server.adapters) == {names["robin"], names["babs"]}
    backend.generate(ask("brick"))
    assert server.unloaded == [names["brick"], names["robin"]]


def test_one_that_is_answering_is_not_unloaded(opened, shelf):
    server = VllmServer()
    both = Barrier(2)

    def say(body):
        both.wait(10)
        return f"said by {body['model']}"

    server.say = say
    backend = opened(server, ";loaded=1")
    names = [called(name, shelf.put(name, name)) for name in ("robin", "brick")]
    said: list[str] = []
    threads = [
        Thread(target=lambda name=name: said.append(backend.generate(ask(name)).text)) for name in ("robin", "brick")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(said) == sorted(f"said by {name}" for name in names)


def test_a_server_that_was_started_anew_gets_its_adapters_again(opened, shelf):
    robin = called("robin", shelf.put("robin", "one"))
    backend = opened(server := VllmServer())
    backend.generate(ask("robin"))
    server.restart()
    assert backend.generate(ask("robin")).text == f"said by {robin}"
    assert loads(server) == [robin, robin]


def test_one_that_is_loaded_already_is_not_an_error(opened, shelf, seen):
    robin = shelf.put("robin", "one")
    server = VllmServer()
    server.adapters[called("robin", robin)] = seen
    server.models.append(called("robin", robin))
    assert opened(server).generate(ask("robin")).text == f"said by {called('robin', robin)}"


def test_a_server_that_was_not_started_for_it_says_how_to_start_it(opened, shelf):
    shelf.put("robin", "one")
    with pytest.raises(BackendRefused, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"):
        opened(VllmServer(updating=False)).generate(ask("robin"))


def test_an_adapter_that_the_server_cannot_load_is_refused_in_its_words(opened, shelf):
    shelf.put("robin", "one").path.write_bytes(b"\xff" * 100)
    with pytest.raises(BackendRefused, match="Error while deserializing header"):
        opened(VllmServer()).generate(ask("robin"))


def test_a_folder_that_cannot_be_written_is_said(opened, shelf, seen):
    shelf.put("robin", "one")
    seen.write_text("in the way")
    with pytest.raises(BackendRefused, match="robin cannot be written below"):
        opened(VllmServer()).generate(ask("robin"))


def test_a_half_written_folder_is_never_seen(opened, shelf, seen):
    robin = shelf.put("robin", "one")
    robin.path.unlink()
    with pytest.raises(BackendRefused, match="cannot be written"):
        opened(VllmServer()).generate(ask("robin"))
    assert list(seen.iterdir()) == []


def test_sglang_loads_at_its_root_and_is_asked_for_base_and_adapter(opened, shelf):
    robin = called("robin", shelf.put("robin", "one"))
    backend = opened(server := SglangServer(), ";serves=sglang;loaded=1")
    assert backend.generate(ask("robin")).text == f"said by small:{robin}"
    assert server.received[0].path == "/load_lora_adapter"
    brick = called("brick", shelf.put("brick", "two"))
    backend.generate(ask("brick"))
    assert set(server.adapters) == {brick}


def test_sglang_says_in_its_own_words_what_it_cannot_load(opened, shelf):
    shelf.put("robin", "one").path.write_bytes(b"\xff" * 100)
    with pytest.raises(BackendRefused, match="Error while deserializing header"):
        opened(SglangServer(), ";serves=sglang").generate(ask("robin"))


def test_without_a_folder_an_adapter_is_a_model_of_the_server(shelf):
    shelf.put("robin", "one")
    with VllmServer() as server:
        backend = OpenAIBackend(f"{server.url}#small", patience=Patience(attempts=1))
        backend.use_library(shelf)
        answer = backend.generate(ask("robin"))
        backend.close()
    assert [received.body["model"] for received in server.received] == ["robin", "small"]
    assert answer.notes["adapter"] == "the server has no model 'robin'; the base model answered alone"


def test_only_known_ways_of_serving_adapters_are_taken():
    with pytest.raises(SettingRefused, match="vllm or sglang"):
        OpenAIBackend("http://127.0.0.1:1/v1#small;serves=tgi")
