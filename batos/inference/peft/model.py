"""The base model and its tokenizer: loaded from a folder, never from a network, and checked against their plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils import logging as transformers_logging

from batos.errors import BackendRefused, MissingExtra, OverBudget, SettingRefused
from batos.inference.peft.plan import Plan, size
from batos.inference.peft.shape import ModelShape
from batos.inference.peft.spec import Spec
from batos.inference.port import Message

SLACK = 1.02
"""How much more than planned the weights may take: buffers, and what an allocator rounds up."""


class RamEmbedding(torch.nn.Module):
    """The table of the input's embeddings, kept in RAM. Only the rows of the tokens at hand go to the device."""

    def __init__(self, table: torch.nn.Module, device: torch.device) -> None:
        super().__init__()
        self.table = table.to("cpu")
        self._device = device

    @property
    def weight(self) -> torch.Tensor:
        return self.table.weight

    def _apply(self, fn: Any, recurse: bool = True) -> RamEmbedding:
        return self  # moving the model to the device leaves the table where it is

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.table(ids.to("cpu"))
        return found.to(self._device)


@dataclass
class BaseModel:
    """`network` has linear modules that slots can wrap; `tokenizer` is the folder's own."""

    network: Any
    tokenizer: Any
    device: torch.device
    shape: ModelShape
    weight_bytes: int = 0
    """What the weights take on the device, measured after loading."""

    @classmethod
    def load(cls, spec: Spec, shape: ModelShape, plan: Plan) -> BaseModel:
        """Raises `SettingRefused` for a folder that holds no model, `OverBudget` if it is larger than planned."""
        transformers_logging.disable_progress_bar()
        device = torch.device(plan.wish.device)
        try:
            tokenizer = AutoTokenizer.from_pretrained(spec.folder, local_files_only=True, trust_remote_code=False)
            network = AutoModelForCausalLM.from_pretrained(
                spec.folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=getattr(torch, shape.dtype),
                **_quantization(plan, shape, device),
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            reason = f"the model in it cannot be loaded: {_one_line(error)}"
            raise SettingRefused(name="model", value=f"peft:{spec.folder}", reason=reason) from error
        network.eval().requires_grad_(False)
        if plan.wish.embeddings_in_ram:
            network.set_input_embeddings(RamEmbedding(network.get_input_embeddings(), device))
        if plan.wish.bits != 4:
            network.to(device)
        loaded = cls(network, tokenizer, device, shape, _bytes_on(device, network))
        loaded._check_size(plan)
        return loaded

    @cached_property
    def ends(self) -> frozenset[int]:
        """The tokens after which an answer is over."""
        named = self.network.generation_config.eos_token_id
        listed = named if isinstance(named, list) else [named]
        return frozenset(token for token in [*listed, self.tokenizer.eos_token_id] if token is not None)

    @property
    def pad(self) -> int:
        return self.tokenizer.pad_token_id or 0

    def _check_size(self, plan: Plan) -> None:
        planned = plan.parts["weights"] + plan.parts["embeddings"]
        if plan.budget is not None and self.weight_bytes > planned * SLACK:
            reason = f"its weights take {size(self.weight_bytes)}, planned were {size(planned)}."
            raise OverBudget(budget=size(plan.budget), reason=reason, needed=self.weight_bytes)

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """The prompt as the model's own chat template has it, up to where the answer begins.

        What looks like one of the tokenizer's control tokens in a message is broken up: a text may not end its own
        turn and go on as another speaker.
        """
        turns = [{"role": message.role, "content": self._harmless(message.content)} for message in messages]
        if not self.tokenizer.chat_template:
            text = "".join(f"{turn['role']}: {turn['content']}\n" for turn in turns) + "assistant:"
            return list(self.tokenizer(text).input_ids)
        try:
            text = self._rendered(turns)
        except Exception as error:  # templates are programs of their own, and refuse roles by raising
            try:
                text = self._rendered(_without_system(turns))
            except Exception:
                reason = f"The model's chat template refuses these messages: {_one_line(error)}"
                raise BackendRefused(backend="peft", reason=reason) from error
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def _rendered(self, turns: list[dict[str, str]]) -> str:
        return str(self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))

    def _harmless(self, text: str) -> str:
        for token in self._control_tokens:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    @cached_property
    def _control_tokens(self) -> tuple[str, ...]:
        named = {token for token in self.tokenizer.all_special_tokens if len(token) > 1}
        added = {str(token) for token in self.tokenizer.added_tokens_decoder.values() if len(str(token)) > 1}
        return tuple(sorted((token for token in named | added if token.strip()), key=len, reverse=True))

    def text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _quantization(plan: Plan, shape: ModelShape, device: torch.device) -> dict[str, Any]:
    """How transformers is told to load weights of 4 bits; nothing for others, and for files that have them already."""
    if plan.wish.bits != 4:
        return {}
    if device.type != "cuda":
        reason = "they need a GPU with CUDA, and this process sees none."
        raise SettingRefused(name="bits", value=4, reason=reason)
    if find_spec("bitsandbytes") is None:
        raise MissingExtra(feature="A model with weights of 4 bits", extra="quant")
    placed = {"device_map": {"": device}}
    if shape.quantized:
        return placed
    wanted = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, shape.dtype),
    )
    return {**placed, "quantization_config": wanted}


def _bytes_on(device: torch.device, network: torch.nn.Module) -> int:
    """The bytes of the weights that are on this kind of device."""
    found: list[torch.Tensor] = list(network.parameters())
    for parameter in found[:]:
        state = getattr(parameter, "quant_state", None)  # bitsandbytes keeps the scales of a matrix beside it
        found += [each.absmax for each in (state, getattr(state, "state2", None)) if each is not None]
    return sum({tensor.data_ptr(): tensor.nbytes for tensor in found if tensor.device.type == device.type}.values())


def _without_system(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """For templates that know no system: what it says stands before what the user says."""
    system = "\n\n".join(turn["content"] for turn in turns if turn["role"] == "system")
    others = [dict(turn) for turn in turns if turn["role"] != "system"]
    if others and system:
        others[0]["content"] = f"{system}\n\n{others[0]['content']}"
    return others


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{text[:300]}{'…' if len(text) > 300 else ''}" or type(error).__name__
