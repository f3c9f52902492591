"""An adapter as a PEFT folder: `adapter_config.json` and `adapter_model.safetensors`, checked, hashed, written again.

What is checked needs no base model: that the configuration is plain LoRA, that every module has its pair of matrices,
and that ranks agree. Whether the modules are those of a certain base model is asked with `misfit`.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batos.errors import AdapterRefused
from batos.inference.peft.tensors import Header, read_header, refuse_pickles

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
LARGEST_CONFIG = 2**20
HIGHEST_RANK = 512
MATRIX = re.compile(r"base_model\.model\.(?P<module>[A-Za-z0-9_.]+)\.lora_(?P<side>[AB])\.weight")
HEX = 12
"""How many digits of a hash stand in the name of a folder, and in what people read."""

PLAIN_STARTS = (True, False, "gaussian", "eva", "orthogonal")
"""Values of `init_lora_weights` that leave the base model as it was; the others subtract from its weights."""

REFUSED = {
    "use_dora": "DoRA",
    "lora_bias": "biases in its matrices",
    "modules_to_save": "whole modules beside its matrices",
    "rank_pattern": "ranks that differ between modules",
    "alpha_pattern": "scalings that differ between modules",
    "layer_replication": "layers that stand in the model more than once",
    "fan_in_fan_out": "transposed matrices",
    "trainable_token_indices": "tokens of its own",
    "target_parameters": "bare parameters as targets",
    "use_qalora": "QALoRA",
    "alora_invocation_tokens": "tokens that switch it on",
}
"""Settings that must be empty: each changes what the two matrices mean."""


class AdapterConfig(BaseModel):
    """The part of PEFT's configuration that says what the matrices mean."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    peft_type: str
    r: int = Field(ge=1, le=HIGHEST_RANK)
    lora_alpha: float = Field(gt=0, le=100_000, allow_inf_nan=False)
    use_rslora: bool = False
    bias: str = "none"
    base_model_name_or_path: str | None = None

    @property
    def scaling(self) -> float:
        """What the product of the matrices is multiplied by: alpha / r, or alpha / sqrt(r) with rank-stabilised LoRA
        (Kalajdzievski 2023)."""
        return self.lora_alpha / (sqrt(self.r) if self.use_rslora else self.r)


@dataclass(frozen=True)
class Adapter:
    """An adapter's two files in memory, checked. `config_text` is canonical JSON, `weights` a safetensors file."""

    config_text: str
    weights: bytes
    header: Header
    config: AdapterConfig

    @classmethod
    def read(cls, config: bytes | str, weights: bytes, name: str) -> Adapter:
        """Raises `AdapterRefused` (about `name`)."""
        settings = _settings(config, name)
        try:
            known = AdapterConfig.model_validate(settings)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise AdapterRefused(name=name, reason=f"{CONFIG}: {where}: {problem['msg']}.") from None
        _refuse_other_kinds(settings, known, name)
        text = json.dumps(settings, sort_keys=True, indent=1, ensure_ascii=False)
        made = cls(text, weights, read_header(weights, name=name), known)
        made._check_matrices(name)
        return made

    @classmethod
    def from_folder(cls, folder: Path, name: str) -> Adapter:
        """Raises `AdapterRefused`, also where a file is missing or cannot be read."""
        try:
            if (folder / CONFIG).stat().st_size > LARGEST_CONFIG:
                raise AdapterRefused(name=name, reason=f"{folder / CONFIG} is too large to be a configuration.")
            config = (folder / CONFIG).read_bytes()
            return cls.read(config, _weights(folder, name), name)
        except OSError as error:
            reason = f"{error.filename or folder} cannot be read: {error.strerror}. Give a folder that PEFT saved."
            raise AdapterRefused(name=name, reason=reason) from None

    @cached_property
    def sha256(self) -> str:
        """The identity of the adapter: a hash over both files, the configuration in canonical form."""
        return content_hash(self.config_text, self.weights)

    @cached_property
    def modules(self) -> Mapping[str, tuple[int, int]]:
        """module -> (inputs, outputs), as the matrices have them."""
        shapes: dict[str, dict[str, tuple[int, ...]]] = {}
        for key, tensor in self.header.tensors.items():
            found = MATRIX.fullmatch(key)
            assert found is not None
            shapes.setdefault(found["module"], {})[found["side"]] = tensor.shape
        return {module: (pair["A"][1], pair["B"][0]) for module, pair in sorted(shapes.items())}

    @property
    def dtypes(self) -> frozenset[str]:
        return frozenset(tensor.dtype for tensor in self.header.tensors.values())

    @property
    def targets(self) -> tuple[str, ...]:
        """The last parts of the modules' names, as people call them: q_proj, v_proj."""
        return tuple(sorted({module.rsplit(".", 1)[-1] for module in self.modules}))

    def folder_name(self, name: str) -> str:
        return f"{name}-{self.sha256[:HEX]}"

    def write(self, parent: Path, name: str) -> Path:
        """Write a PEFT folder `NAME-HASH` into `parent`, whole or not at all; one that is there already is kept."""
        target = parent / self.folder_name(name)
        if not target.exists():
            parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=parent) as scratch:
                made = Path(scratch) / "whole"
                made.mkdir(mode=0o755)
                (made / CONFIG).write_text(self.config_text, encoding="utf-8")
                (made / WEIGHTS).write_bytes(self.weights)
                try:
                    made.rename(target)
                except OSError:
                    if not target.is_dir():  # another process wrote the same content first
                        raise
        return target

    def _check_matrices(self, name: str) -> None:
        sides: dict[str, dict[str, tuple[int, ...]]] = {}
        for key, tensor in self.header.tensors.items():
            found = MATRIX.fullmatch(key)
            if found is None or len(tensor.shape) != 2:
                raise AdapterRefused(name=name, reason=f"its weights hold {key!r}, which is no matrix of plain LoRA.")
            sides.setdefault(found["module"], {})[found["side"]] = tensor.shape
        if not sides:
            raise AdapterRefused(name=name, reason="its weights hold no matrices.")
        for module, pair in sides.items():
            if pair.keys() != {"A", "B"}:
                raise AdapterRefused(name=name, reason=f"{module} has one of its two matrices only.")
            if (pair["A"][0], pair["B"][1]) != (self.config.r, self.config.r):
                ranks = f"{pair['A'][0]} and {pair['B'][1]}"
                reason = f"{CONFIG} says rank {self.config.r}, but the matrices of {module} have {ranks}."
                raise AdapterRefused(name=name, reason=reason)


def content_hash(config_text: str, weights: bytes | memoryview) -> str:
    digest = hashlib.sha256(f"{len(config_text.encode())}\n".encode() + config_text.encode())
    digest.update(weights)
    return digest.hexdigest()


def misfit(modules: Mapping[str, tuple[int, int]], base: Mapping[str, tuple[int, int]]) -> str | None:
    """Why an adapter over `modules` cannot stand on a base model with the linear modules `base`; None if it can."""
    for module, (inputs, outputs) in modules.items():
        if module not in base:
            return f"it changes {module}, which the base model does not have"
        if base[module] != (inputs, outputs):
            there = f"{base[module][0]} inputs and {base[module][1]} outputs"
            return f"its {module} has {inputs} inputs and {outputs} outputs, the base model's has {there}"
    return None


def _settings(config: bytes | str, name: str) -> dict[str, Any]:
    try:
        settings = json.loads(config)
    except (ValueError, RecursionError) as error:
        raise AdapterRefused(name=name, reason=f"{CONFIG} is no JSON: {error}.") from None
    if not isinstance(settings, dict):
        raise AdapterRefused(name=name, reason=f"{CONFIG} is no map of settings.")
    return settings


def _refuse_other_kinds(settings: Mapping[str, Any], known: AdapterConfig, name: str) -> None:
    if known.peft_type != "LORA":
        raise AdapterRefused(name=name, reason=f"it is of the kind {known.peft_type!r}; only LORA can be used.")
    found = next((what for key, what in REFUSED.items() if settings.get(key)), None)
    if known.bias != "none":
        found = "biases"
    if settings.get("init_lora_weights", True) not in PLAIN_STARTS:
        found = f"the start {settings['init_lora_weights']!r}, which changes the base model"
    if found is not None:
        raise AdapterRefused(name=name, reason=f"it has {found}; only plain LoRA can be used.")


def _weights(folder: Path, name: str) -> bytes:
    """The file of weights. One under another name is looked into too, so that the refusal says what it is."""
    path = folder / WEIGHTS
    if not path.exists():
        others = sorted(folder.glob("adapter_model.*"))
        if others:
            with others[0].open("rb") as file:
                refuse_pickles(file.read(4), name)
            raise AdapterRefused(name=name, reason=f"its weights are called {others[0].name}, not {WEIGHTS}.")
    return path.read_bytes()
