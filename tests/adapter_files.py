"""Adapters as files, written byte by byte, so that tests of them need neither torch nor PEFT."""

from __future__ import annotations

import json
import struct
from pathlib import Path

MODULE = "model.layers.0.self_attn.q_proj"


def safetensors(tensors: dict[str, tuple[str, tuple[int, ...], bytes]], **changed) -> bytes:
    """A file as the format has it: a length, a header in JSON, the data."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps({**header, **changed}).encode()
    return struct.pack("<Q", len(text)) + text + data


def matrices(rank=2, inputs=4, outputs=3, module=MODULE, fill=b"\0") -> dict:
    prefix = f"base_model.model.{module}"
    return {
        f"{prefix}.lora_A.weight": ("F32", (rank, inputs), fill * (4 * rank * inputs)),
        f"{prefix}.lora_B.weight": ("F32", (outputs, rank), fill * (4 * rank * outputs)),
    }


def config(**changed) -> str:
    return json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"], **changed})


def write_folder(path: Path, weights=None, settings=None, name="adapter_model.safetensors") -> Path:
    path.mkdir(parents=True)
    (path / "adapter_config.json").write_text(settings if settings is not None else config())
    (path / name).write_bytes(safetensors(matrices()) if weights is None else weights)
    return path
