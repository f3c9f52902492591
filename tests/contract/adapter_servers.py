"""Model servers on loopback that load LoRA adapters while they run, as vLLM's and SGLang's documentation says they do.

They read the PEFT folder that they are told of, as the real ones must, and answer with the name of the adapter that
was asked for. What they do not do: compute anything.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contract.openai_server import Fault, ModelServer, refusal


def _problem(folder: Path, base: str) -> str:
    """What is wrong with a PEFT folder; "" if nothing is."""
    try:
        config = json.loads((folder / "adapter_config.json").read_text())
        length = int.from_bytes((folder / "adapter_model.safetensors").read_bytes()[:8], "little")
    except (OSError, ValueError):
        return f"No adapter found for {folder}"
    if config["base_model_name_or_path"] != base:
        return f"the adapter is for {config['base_model_name_or_path']}"
    return "" if length < 10_000 else "Error while deserializing header"


class VllmServer(ModelServer):
    """`adapters` maps what is loaded to its folder. With `updating` False it was started without that permission."""

    def __init__(self, *, updating: bool = True) -> None:
        super().__init__(lambda body: f"said by {body['model']}")
        self.updating = updating
        self.adapters: dict[str, Path] = {}
        self.unloaded: list[str] = []

    def _other(self, path: str, body: dict[str, Any]) -> Fault:
        if self.updating and path == "/v1/load_lora_adapter":
            return self._load(body)
        if self.updating and path == "/v1/unload_lora_adapter":
            return self._unload(body)
        return super()._other(path, body)

    def _load(self, body: dict[str, Any]) -> Fault:
        name, path = body.get("lora_name"), body.get("lora_path")
        if not name or not path:
            return refusal(400, "Both 'lora_name' and 'lora_path' must be provided.")
        if name in self.adapters:
            return refusal(400, f"The lora adapter '{name}' has already been loaded.")
        if problem := _problem(Path(path), self.models[0]):
            return refusal(404 if "No adapter found" in problem else 400, problem)
        self.adapters[name] = Path(path)
        self.models.append(name)
        return Fault(headers={"Content-Type": "text/plain"}, body=f"Success: LoRA adapter '{name}' added".encode())

    def _unload(self, body: dict[str, Any]) -> Fault:
        name = body["lora_name"]
        if name not in self.adapters:
            return refusal(404, f"The lora adapter '{name}' cannot be found.")
        del self.adapters[name]
        self.models.remove(name)
        self.unloaded.append(name)
        return Fault(headers={"Content-Type": "text/plain"}, body=f"Success: LoRA adapter '{name}' removed".encode())

    def restart(self) -> None:
        self.adapters.clear()
        del self.models[1:]


class SglangServer(ModelServer):
    """Loads at its root, and is asked for `BASE:ADAPTER`."""

    def __init__(self) -> None:
        super().__init__(lambda body: f"said by {body['model']}")
        self.adapters: dict[str, Path] = {}

    def _other(self, path: str, body: dict[str, Any]) -> Fault:
        if path not in ("/load_lora_adapter", "/unload_lora_adapter"):
            return super()._other(path, body)
        name = body["lora_name"]
        if path == "/load_lora_adapter":
            if problem := _problem(Path(body["lora_path"]), self.models[0]):
                told = {"success": False, "error_message": problem, "loaded_adapters": {}}
                return Fault(status=400, body=json.dumps(told).encode())
            self.adapters[name] = Path(body["lora_path"])
            self.models.append(f"{self.models[0]}:{name}")
        elif self.adapters.pop(name, None) is not None:
            self.models.remove(f"{self.models[0]}:{name}")
        loaded = {known: str(folder) for known, folder in self.adapters.items()}
        return Fault(body=json.dumps({"success": True, "error_message": "", "loaded_adapters": loaded}).encode())
