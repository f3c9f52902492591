"""What fits into a budget of memory: weights, cache, slots and working memory, from config.json alone.

Bytes are counted as they will be allocated, so that a test can compare them with a loaded model. Two parts are stated
rather than counted: what CUDA itself takes, and what the matrices of one step need while they are multiplied; both are
chosen on the safe side. If a wish does not fit, it is changed in the order of `_LADDER`, and what was changed is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from batos.errors import OverBudget, SettingRefused
from batos.inference.peft.shape import ModelShape, adapter_parameters

Device = Literal["cuda", "cpu"]

BLOCK = 64
"""bitsandbytes stores one scale for so many 4-bit numbers, one byte each where scales are quantised too (QLoRA)."""
SCALES_PER_BLOCK_OF_SCALES = 256
CUDA_BYTES = 400_000_000
"""What a process with CUDA has taken before it holds anything: context, kernels, the workspace of cuBLAS."""
PREFILL = 512
"""Tokens of a prompt that are read in one step."""
LEAST_CONTEXT = 1024
SHOWN = {"GB": 10**9, "MB": 10**6, "kB": 10**3}


@dataclass(frozen=True)
class Wish:
    """What is wanted: a context in tokens, shared by all answers that are written at once; so many slots of a rank."""

    context: int = 8192
    slots: int = 4
    rank: int = 16
    bits: int | None = None
    device: Device = "cuda"
    adapter_bytes: int = 2
    batch: int = 8
    targets: tuple[str, ...] = ()
    embeddings_in_ram: bool = False


@dataclass(frozen=True)
class Plan:
    """Bytes by part, what they are for, and whether they fit. `changed` says what the wish had to give up for it,
    `advice` what to change where it still does not fit."""

    budget: int | None
    parts: Mapping[str, int]
    ram: Mapping[str, int]
    wish: Wish
    kv_bytes_per_token: int
    slot_bytes: int
    changed: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    @property
    def fits(self) -> bool:
        return self.budget is None or self.total <= self.budget

    def require(self) -> Plan:
        """Itself. Raises `OverBudget` if it does not fit."""
        if self.fits or self.budget is None:
            return self
        raise OverBudget(budget=size(self.budget), reason=" ".join(self.advice), needed=self.total)

    def as_json(self) -> dict[str, Any]:
        wish = asdict(self.wish)
        return {
            "fits": self.fits,
            "budget": self.budget,
            "total": self.total,
            "parts": dict(self.parts),
            "ram": dict(self.ram),
            "context": wish.pop("context"),
            "slots": wish.pop("slots"),
            "rank": wish.pop("rank"),
            **wish,
            "targets": list(self.wish.targets),
            "kv_bytes_per_token": self.kv_bytes_per_token,
            "slot_bytes": self.slot_bytes,
            "changed": list(self.changed),
            "advice": list(self.advice),
        }


def make_plan(shape: ModelShape, budget: int | None, wish: Wish) -> Plan:
    """The plan for `wish`, or for what had to become of it so that it fits into `budget` bytes (None: no limit)."""
    wish = _sound(shape, wish)
    changed: list[str] = []
    plan = _counted(shape, budget, wish)
    for step in _LADDER:
        while not plan.fits and (changes := step(shape, plan)) is not None:
            smaller, said = changes
            if not changed or changed[-1].split()[0] != said.split()[0]:
                changed.append(said)
            else:
                changed[-1] = said
            plan = _counted(shape, budget, smaller)
    return replace(plan, changed=tuple(changed), advice=() if plan.fits else tuple(_advice(shape, plan)))


def _sound(shape: ModelShape, wish: Wish) -> Wish:
    if wish.bits == 4 and wish.device != "cuda":
        reason = "weights of 4 bits need a GPU with CUDA (and the extra [quant]); on a CPU leave it out."
        raise SettingRefused(name="bits", value=4, reason=reason)
    if shape.quantized:
        wish = replace(wish, bits=4)
    return replace(wish, context=min(wish.context, shape.longest))


def slot_modules(shape: ModelShape, targets: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """The modules of the model whose names end in one of `targets`; all linear ones if none are given."""
    known = {name.rpartition(".")[2] for name in shape.layer_modules}
    if unknown := set(targets) - known:
        reason = f"the model has {', '.join(sorted(known))}."
        raise SettingRefused(name="targets", value=", ".join(sorted(unknown)), reason=reason)
    return {name: sizes for name, sizes in shape.modules.items() if not targets or name.rpartition(".")[2] in targets}


def _counted(shape: ModelShape, budget: int | None, wish: Wish) -> Plan:
    slot = adapter_parameters(slot_modules(shape, wish.targets), wish.rank) * wish.adapter_bytes
    table = shape.embedding_parameters * shape.dtype_bytes
    on_device = table * (1 if shape.tied or wish.embeddings_in_ram else 2)
    parts = {
        "weights": _linear_bytes(shape, wish) + shape.other_parameters * shape.dtype_bytes,
        "embeddings": on_device,
        "cache": wish.context * shape.kv_bytes_per_token,
        "slots": wish.slots * slot,
        "working": _working_bytes(shape, wish),
        "framework": CUDA_BYTES if wish.device == "cuda" else 0,
    }
    ram = {"embeddings": table} if wish.embeddings_in_ram else {}
    return Plan(budget, parts, ram, wish, shape.kv_bytes_per_token, slot)


def _linear_bytes(shape: ModelShape, wish: Wish) -> int:
    """The matrices, each by itself, because 4-bit blocks and blocks of scales are rounded up."""
    if wish.bits != 4:
        return shape.linear_parameters * shape.dtype_bytes
    per_layer = sum(_four_bit_bytes(inputs * outputs) for inputs, outputs in shape.layer_modules.values())
    return shape.layers * per_layer


def _four_bit_bytes(numbers: int) -> int:
    """NF4 with double quantisation (Dettmers et al. 2023): half a byte each, a byte for each block's scale, and four
    for each block of scales."""
    scales = -(-numbers // BLOCK)
    return -(-numbers // 2) + scales + 4 * -(-scales // SCALES_PER_BLOCK_OF_SCALES)


def _working_bytes(shape: ModelShape, wish: Wish) -> int:
    """The widest moment of one step: a stretch of the prompt through one layer, beside the logits of the batch in
    single precision; where weights have 4 bits, the largest matrix once more as it is multiplied."""
    widest = max(outputs for _, outputs in shape.layer_modules.values())
    stretch = min(PREFILL, wish.context) * (4 * shape.hidden + 3 * widest) * shape.dtype_bytes
    logits = wish.batch * shape.vocabulary * 4 * 2
    matrix = max(inputs * outputs for inputs, outputs in shape.layer_modules.values())
    return stretch + logits + (matrix * 2 if wish.bits == 4 else 0)


Change = tuple[Wish, str]


def _embeddings_to_ram(shape: ModelShape, plan: Plan) -> Change | None:
    """The table that is only looked up moves to RAM; that costs a few kB of traffic per token."""
    if shape.tied or plan.wish.embeddings_in_ram or plan.wish.device != "cuda":
        return None
    return replace(plan.wish, embeddings_in_ram=True), "embeddings of the input stay in RAM"


def _fewer_slots(shape: ModelShape, plan: Plan) -> Change | None:
    if plan.wish.slots <= 1:
        return None
    fewer = plan.wish.slots - 1
    return replace(
        plan.wish, slots=fewer
    ), f"slots: {fewer}; more adapters take turns in {'it' if fewer == 1 else 'them'}"


def _shorter_context(shape: ModelShape, plan: Plan) -> Change | None:
    """As much context as is left, in steps of 256 tokens, if that is enough to be of use."""
    assert plan.budget is not None
    left = plan.budget - plan.total + plan.parts["cache"]
    context = min(left // shape.kv_bytes_per_token // 256 * 256, plan.wish.context - 1)
    if context < LEAST_CONTEXT:
        return None
    return replace(plan.wish, context=context), f"context: {context} tokens"


_LADDER: tuple[Callable[[ModelShape, Plan], Change | None], ...] = (
    _embeddings_to_ram,
    _fewer_slots,
    _shorter_context,
)


def _advice(shape: ModelShape, plan: Plan) -> list[str]:
    """What would help, the strongest first, each with what it comes to."""
    said = []
    if plan.wish.bits != 4 and plan.wish.device == "cuda":
        quantized = make_plan(shape, plan.budget, replace(plan.wish, bits=4))
        if quantized.fits:
            said.append(f"With weights of 4 bits (`bits=4`) it comes to {size(quantized.total)}.")
    least = _counted(shape, None, replace(plan.wish, slots=1, context=min(LEAST_CONTEXT, plan.wish.context)))
    said.append(f"With one slot and {least.wish.context} tokens of context it needs {size(least.total)}.")
    return said


def size(number: float) -> str:
    """Bytes as people read them: 6.9 GB is 6,900,000,000 bytes."""
    for unit, bytes_ in SHOWN.items():
        if number >= bytes_:
            return f"{number / bytes_:.2f} {unit}"
    return f"{number:.0f} bytes"
