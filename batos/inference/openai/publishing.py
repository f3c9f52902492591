"""Adapters of an image on a server that can load them while it runs: vLLM and SGLang.

Both read an adapter as a PEFT folder on a disk that they see. An adapter is written there under a name with its content
hash, loaded by that name, and unloaded when it was not used for the longest time; so a name never changes its meaning,
and nothing is loaded in place, which vLLM warns of. Which adapters there are, the library says; it knows no servers.

vLLM: docs.vllm.ai, Features, LoRA Adapters, "Dynamically serving LoRA Adapters". SGLang: docs.sglang.ai, LoRA Serving,
"Dynamic LoRA loading".
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

from batos.errors import BackendRefused
from batos.inference.http import Reply
from batos.inference.openai.replies import said_of_refusal
from batos.inference.openai.server import NAME, Server

HEX = 12
"""How many digits of a content hash stand in the name of a folder."""


class Named(Protocol):
    @property
    def sha256(self) -> str: ...


class Files(Protocol):
    """The two files of a PEFT folder: its configuration as text, and where the safetensors are."""

    @property
    def config_text(self) -> str: ...
    @property
    def path(self) -> Path: ...


class Library(Protocol):
    """Who knows the adapters by name."""

    def current(self, name: str, /) -> Named | None: ...
    def cold(self, name: str, sha256: str, /) -> AbstractContextManager[Files]: ...


@dataclass(frozen=True)
class Routes:
    """Where a server loads and unloads, under its URL or its origin, and how an adapter is asked for."""

    under_origin: bool
    model: str
    start_with: str


ROUTES = {
    "vllm": Routes(False, "{adapter}", "`--enable-lora` and `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`"),
    "sglang": Routes(True, "{base}:{adapter}", "`--enable-lora`, `--max-lora-rank` and `--lora-target-modules`"),
}


class Publisher:
    """The adapters of one library on one server. May be used from several threads."""

    def __init__(self, server: Server, library: Library) -> None:
        terms = server.endpoint.terms
        self._server = server
        self._library = library
        self._folder = Path(terms.adapters).expanduser().absolute()
        self._routes = ROUTES[terms.serves]
        self._most = max(1, terms.loaded)
        self._loaded: OrderedDict[str, None] = OrderedDict()
        self._in_use: Counter[str] = Counter()
        self._lock = Lock()

    def knows(self, name: str) -> bool:
        """Whether the library has an adapter of this name. Others are the server's own, or nobody's."""
        return self._library.current(name) is not None

    @contextmanager
    def model(self, name: str) -> Iterator[str]:
        """The model name under which the adapter called `name` answers within the block, loaded if it was not.

        Raises BackendRefused, also when the library has lost it.
        """
        version = self._library.current(name)
        if version is None:
            raise BackendRefused(backend=NAME, reason=f"The image holds no adapter {name} any more.")
        called = f"{name}-{version.sha256[:HEX]}"
        with self._lock:
            if called not in self._loaded:
                self._load(called, self._written(called, name, version.sha256))
            self._loaded[called] = None
            self._loaded.move_to_end(called)
            self._in_use[called] += 1
            self._unload_unused()
        try:
            yield self._routes.model.format(base=self._server.model, adapter=called)
        finally:
            with self._lock:
                self._in_use[called] -= 1

    def forget(self) -> None:
        """The server was started anew and knows none of them."""
        with self._lock:
            self._loaded.clear()

    def _written(self, called: str, name: str, sha256: str) -> Path:
        """The folder of an adapter; written beside and moved into place, so that it is there whole or not at all."""
        folder = self._folder / called
        if folder.exists():
            return folder
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            beside = Path(tempfile.mkdtemp(prefix=f".{called}-", dir=self._folder))
            beside.chmod(0o755)  # the server may be another user
            try:
                with self._library.cold(name, sha256) as files:
                    (beside / "adapter_config.json").write_text(self._config(files.config_text), encoding="utf-8")
                    shutil.copyfile(files.path, beside / "adapter_model.safetensors")
                beside.rename(folder)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
        except OSError as error:
            if folder.exists():  # another process was quicker
                return folder
            reason = f"The adapter {name} cannot be written below {self._folder}: {error.strerror or error}."
            raise BackendRefused(backend=NAME, reason=reason) from error
        return folder

    def _config(self, text: str) -> str:
        """The configuration, naming the served model as its base: vLLM's resolver compares the two."""
        config = json.loads(text)
        config["base_model_name_or_path"] = self._server.model
        return json.dumps(config, indent=1, sort_keys=True)

    def _load(self, called: str, folder: Path) -> None:
        reply = self._post("load_lora_adapter", {"lora_name": called, "lora_path": str(folder)})
        said = said_of_refusal(reply.body)
        if reply.status < 300 or "already" in said:
            return
        if reply.status in (404, 405) and "adapter" not in said.lower():
            reason = f"it loads no adapters while it runs; start it with {self._routes.start_with}."
        else:
            reason = f"it cannot load the adapter {called} from {folder} ({reply.status}): {said or 'no reason given'}"
        raise BackendRefused(backend=NAME, status=reply.status, reason=f"{self._server.endpoint.url}: {reason}")

    def _unload_unused(self) -> None:
        """Those longest not used first. One that the server does not know any more is gone as well."""
        spare = len(self._loaded) - self._most
        for called in [called for called in self._loaded if not self._in_use[called]][: max(0, spare)]:
            self._post("unload_lora_adapter", {"lora_name": called})
            del self._loaded[called]

    def _post(self, route: str, body: dict[str, object]) -> Reply:
        endpoint = self._server.endpoint
        return self._server.post(f"{endpoint.origin if self._routes.under_origin else endpoint.url}/{route}", body)
