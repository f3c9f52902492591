"""What a model's config.json says about its size: parameters, linear modules, the cache of a token. Nothing is loaded.

Known are dense decoders of the families in `FAMILIES`; the counts of each are compared with the real classes in tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batos.errors import SettingRefused

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Family:
    """How models of one type differ from Llama's. `biased` are linear modules that always have a bias, `norms` the
    vectors of a layer that are as long as the model is wide; `head_norms` says whether queries and keys are normed."""

    biased: tuple[str, ...] = ()
    attention_bias: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    norms: int = 2
    head_norms: bool = False
    fused: bool = False
    tied: bool = False


FAMILIES = {
    "llama": Family(),
    "mistral": Family(attention_bias=()),
    "qwen2": Family(biased=("q_proj", "k_proj", "v_proj"), attention_bias=()),
    "qwen3": Family(head_norms=True),
    "gemma": Family(tied=True),
    "gemma2": Family(norms=4, tied=True),
    "gemma3_text": Family(norms=4, head_norms=True, tied=True),
    "phi3": Family(fused=True, attention_bias=()),
}


class _Config(BaseModel):
    """The entries of a config.json that count."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model_type: str
    vocab_size: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    num_hidden_layers: int = Field(gt=0)
    num_attention_heads: int = Field(gt=0)
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    tie_word_embeddings: bool | None = None
    attention_bias: bool = False
    mlp_bias: bool = False
    max_position_embeddings: int = Field(default=2048, gt=0)
    dtype: str | None = None
    torch_dtype: str | None = None
    quantization_config: dict[str, Any] | None = None


@dataclass(frozen=True)
class ModelShape:
    """Sizes of one model. `quantized` says that its files hold 4-bit weights already."""

    family: str
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    attention_bias: bool
    mlp_bias: bool
    longest: int
    dtype: str
    quantized: bool = False

    @classmethod
    def read(cls, folder: Path) -> ModelShape:
        """From `folder/config.json`. Raises `SettingRefused`."""
        try:
            text = (folder / "config.json").read_text(encoding="utf-8")
            known = _Config.model_validate_json(text)
        except OSError:
            reason = "there is no config.json in it. Give a folder that holds a model as transformers saves it."
            raise _refused(folder, reason) from None
        except (ValidationError, UnicodeDecodeError) as error:
            raise _refused(folder, _problem(text if isinstance(error, ValidationError) else "", error)) from None
        if known.model_type not in FAMILIES:
            reason = f"models of the type {known.model_type!r} cannot be planned; known are {', '.join(FAMILIES)}."
            raise _refused(folder, reason)
        dtype = (known.dtype or known.torch_dtype or "float32").removeprefix("torch.")
        if dtype not in BYTES:
            raise _refused(folder, f"its numbers are {dtype!r}; known are {', '.join(BYTES)}.")
        quantized = known.quantization_config or {}
        if quantized and not quantized.get("load_in_4bit"):
            raise _refused(folder, "its weights are quantised in another way than bitsandbytes' 4 bits.")
        tied = FAMILIES[known.model_type].tied if known.tie_word_embeddings is None else known.tie_word_embeddings
        return cls(
            family=known.model_type,
            layers=known.num_hidden_layers,
            hidden=known.hidden_size,
            intermediate=known.intermediate_size,
            heads=known.num_attention_heads,
            kv_heads=known.num_key_value_heads or known.num_attention_heads,
            head_dim=known.head_dim or known.hidden_size // known.num_attention_heads,
            vocabulary=known.vocab_size,
            tied=tied,
            attention_bias=known.attention_bias,
            mlp_bias=known.mlp_bias,
            longest=known.max_position_embeddings,
            dtype=dtype,
            quantized=bool(quantized),
        )

    def with_dtype(self, dtype: str) -> ModelShape:
        return replace(self, dtype=dtype)

    @property
    def dtype_bytes(self) -> int:
        return BYTES[self.dtype]

    @cached_property
    def layer_modules(self) -> Mapping[str, tuple[int, int]]:
        """The linear modules of one layer: name -> (inputs, outputs)."""
        wide, narrow = self.heads * self.head_dim, self.kv_heads * self.head_dim
        if FAMILIES[self.family].fused:
            return {
                "self_attn.qkv_proj": (self.hidden, wide + 2 * narrow),
                "self_attn.o_proj": (wide, self.hidden),
                "mlp.gate_up_proj": (self.hidden, 2 * self.intermediate),
                "mlp.down_proj": (self.intermediate, self.hidden),
            }
        return {
            "self_attn.q_proj": (self.hidden, wide),
            "self_attn.k_proj": (self.hidden, narrow),
            "self_attn.v_proj": (self.hidden, narrow),
            "self_attn.o_proj": (wide, self.hidden),
            "mlp.gate_proj": (self.hidden, self.intermediate),
            "mlp.up_proj": (self.hidden, self.intermediate),
            "mlp.down_proj": (self.intermediate, self.hidden),
        }

    @cached_property
    def modules(self) -> Mapping[str, tuple[int, int]]:
        """All linear modules that an adapter may change, by their full names in the model."""
        return {
            f"model.layers.{layer}.{name}": sizes
            for layer in range(self.layers)
            for name, sizes in self.layer_modules.items()
        }

    @property
    def linear_parameters(self) -> int:
        """The matrices that 4 bits can hold."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.layer_modules.values())

    @property
    def other_parameters(self) -> int:
        """Biases and norms."""
        family = FAMILIES[self.family]
        biased = set(family.biased) | (set(family.attention_bias) if self.attention_bias else set())
        if self.mlp_bias and not family.fused:
            biased |= {"gate_proj", "up_proj", "down_proj"}
        biases = sum(outputs for name, (_, outputs) in self.layer_modules.items() if name.rpartition(".")[2] in biased)
        heads = 2 * self.head_dim if family.head_norms else 0
        return self.layers * (biases + family.norms * self.hidden + heads) + self.hidden

    @property
    def embedding_parameters(self) -> int:
        """One table of the vocabulary. A model that is not tied has a second one, which makes logits of its answer."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        tables = 1 if self.tied else 2
        return self.linear_parameters + self.other_parameters + tables * self.embedding_parameters

    @property
    def kv_bytes_per_token(self) -> int:
        """Keys and values of one token in all layers, in the model's own type."""
        return 2 * self.layers * self.kv_heads * self.head_dim * self.dtype_bytes


def adapter_parameters(modules: Mapping[str, tuple[int, int]], rank: int) -> int:
    """The numbers in the two matrices of every module."""
    return rank * sum(inputs + outputs for inputs, outputs in modules.values())


def _problem(text: str, error: Exception) -> str:
    try:
        nested = json.loads(text).get("text_config")
    except (ValueError, AttributeError):
        return "its config.json is no JSON map."
    if nested:
        return "it is a model of several kinds of input; only text models can be planned."
    first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
    return f"its config.json: {'.'.join(map(str, first['loc']))}: {first['msg']}."


def _refused(folder: Path, reason: str) -> SettingRefused:
    return SettingRefused(name="model", value=f"peft:{folder}", reason=reason)
