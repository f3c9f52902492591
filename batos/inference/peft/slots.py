"""Hot: fixed places for adapters in the model. A slot is one stretch of memory, so filling it is one copy.

Making an adapter active through PEFT rebuilds modules, which costs a hundred times what its bytes cost. Here every
linear module that any adapter changes gets its slots once, with the largest rank, and the matrices of one slot are
views into one tensor. A warm adapter is laid out in RAM exactly so, its smaller ranks padded with zeros, which changes
nothing in the product. The order of the matrices is that of a safetensors file, so the file of an adapter that fills
its slot is laid out already, and reading it is all there is to do.

Which slot answers is one list that all modules of the model share, so a change of persona is a change of that list, and
an empty list is the base model alone. Nothing is ever inferred from PEFT's own state. All of this is used by one thread
at a time: whoever holds the model's lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, LoraModel
from peft.tuners.lora import LoraLayer

from batos.errors import AdapterRefused, BackendError
from batos.faults import fault
from batos.inference.peft.folder import AdapterConfig, misfit
from batos.inference.peft.tensors import LENGTH_BYTES, LONGEST_HEADER, Header, read_header

TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
PREFIX = "base_model.model."
BASE = "__base__"
"""What PEFT calls the base model in a batch of several adapters."""


@dataclass(frozen=True)
class Place:
    """One matrix in the stretch of a slot: `start` counts numbers, not bytes."""

    module: str
    side: str
    shape: tuple[int, int]
    start: int

    @property
    def key(self) -> str:
        return f"{PREFIX}{self.module}.lora_{self.side}.weight"


@dataclass(frozen=True)
class Layout:
    """Modules with (inputs, outputs), the rank and the type of the numbers of every slot."""

    modules: Mapping[str, tuple[int, int]]
    rank: int
    dtype: torch.dtype

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """In the order of a safetensors file, which sorts by name."""
        shapes = {}
        for module, (inputs, outputs) in self.modules.items():
            shapes[f"{PREFIX}{module}.lora_A.weight"] = (module, "A", (self.rank, inputs))
            shapes[f"{PREFIX}{module}.lora_B.weight"] = (module, "B", (outputs, self.rank))
        places, at = [], 0
        for key in sorted(shapes):
            module, side, shape = shapes[key]
            places.append(Place(module, side, shape, at))
            at += prod(shape)
        return tuple(places)

    @cached_property
    def numbers(self) -> int:
        return sum(prod(place.shape) for place in self.places)

    @property
    def bytes(self) -> int:
        return self.numbers * int(self.dtype.itemsize)

    def holds(self, modules: Mapping[str, tuple[int, int]], rank: int, dtype: torch.dtype) -> bool:
        """Whether an adapter of this kind can be put into a slot without losing anything."""
        fits = rank <= self.rank and torch.promote_types(dtype, self.dtype) == self.dtype
        return fits and misfit(modules, self.modules) is None

    def grown(self, modules: Mapping[str, tuple[int, int]], rank: int, dtype: torch.dtype) -> Layout:
        """The layout that holds this kind of adapter too."""
        union = {**self.modules, **modules}
        return Layout(union, max(rank, self.rank), torch.promote_types(dtype, self.dtype))


@dataclass(frozen=True)
class Warm:
    """A parsed adapter in RAM, laid out like a slot. `modules` are those that it changes."""

    sha256: str
    layout: Layout
    numbers: torch.Tensor
    scaling: float

    @property
    def bytes(self) -> int:
        return int(self.numbers.nbytes)


def read_warm(
    path: Path,
    config: AdapterConfig,
    layout: Layout,
    *,
    sha256: str,
    name: str,
    header: Header | None = None,
    pin: bool = False,
) -> Warm:
    """Read a file of weights into the layout of a slot; `header` is its header where it is known already.

    Raises `AdapterRefused` for one that does not fit.
    """
    try:
        header = header or header_of(path, name)
        numbers = torch.empty(layout.numbers, dtype=layout.dtype, pin_memory=pin)
        with path.open("rb", buffering=0) as file:
            file.seek(header.offset)
            if _is_laid_out_so(header, layout):
                _read_whole(file, memoryview(numbers.view(torch.uint8).numpy()), name)
            else:
                data = torch.empty(header.data_bytes, dtype=torch.uint8)
                _read_whole(file, memoryview(data.numpy()), name)
                _lay_out(header, data, layout, numbers, name)
    except OSError as error:
        raise AdapterRefused(name=name, reason=f"its file cannot be read: {error.strerror}.") from None
    return Warm(sha256, layout, numbers, config.scaling)


def header_of(path: Path, name: str) -> Header:
    """The header of a file of weights. Raises `AdapterRefused`, `OSError`."""
    with path.open("rb") as file:
        beginning = file.read(LENGTH_BYTES)
        length = min(int.from_bytes(beginning, "little"), LONGEST_HEADER)
        return read_header(beginning + file.read(length), name=name, size=path.stat().st_size)


def _read_whole(file: Any, into: memoryview, name: str) -> None:
    done = 0
    while done < len(into):
        read = file.readinto(into[done:])
        if not read:
            raise AdapterRefused(name=name, reason="its file ended early.")
        done += read


def _is_laid_out_so(header: Header, layout: Layout) -> bool:
    """Whether the file's data are byte for byte what the slot holds."""
    if len(header.tensors) != len(layout.places):
        return False
    return all(
        key == place.key
        and tensor.shape == place.shape
        and tensor.start == place.start * layout.dtype.itemsize
        and TYPES[tensor.dtype] == layout.dtype
        for (key, tensor), place in zip(header.tensors.items(), layout.places, strict=True)
    )


def _lay_out(header: Header, data: torch.Tensor, layout: Layout, numbers: torch.Tensor, name: str) -> None:
    """Copy each matrix to its place; what the adapter lacks (modules, ranks) stays zero."""
    numbers.zero_()
    views = {place.key: _view(numbers, place) for place in layout.places}
    for key, tensor in header.tensors.items():
        view = views.get(key)
        source = data[tensor.start : tensor.end].clone().view(TYPES[tensor.dtype]).view(tensor.shape)
        if view is None or any(has > room for has, room in zip(tensor.shape, view.shape, strict=True)):
            raise AdapterRefused(name=name, reason=f"{key.removeprefix(PREFIX)} does not fit into the model's slots.")
        view[: tensor.shape[0], : tensor.shape[1]].copy_(source)


def _view(numbers: torch.Tensor, place: Place) -> torch.Tensor:
    return numbers[place.start : place.start + prod(place.shape)].view(place.shape)


class Slots:
    """`count` slots of one layout in a model, whose modules are wrapped by PEFT when this is made."""

    def __init__(self, model: torch.nn.Module, layout: Layout, count: int) -> None:
        """Raises `AdapterRefused` where the model has not the modules of the layout."""
        self.layout = layout
        self.names = tuple(f"slot{number}" for number in range(count))
        device = next(model.parameters()).device
        self._stretches = [torch.zeros(layout.numbers, dtype=layout.dtype, device=device) for _ in self.names]
        self._scalings = [0.0] * count
        self._answering: list[str] = []
        config = LoraConfig(r=layout.rank, lora_alpha=layout.rank, target_modules=list(layout.modules))
        self._tuner: Any = LoraModel(model, {self.names[0]: config}, self.names[0], low_cpu_mem_usage=True)
        for name in self.names[1:]:
            self._tuner.peft_config[name] = config
            self._tuner.inject_adapter(self._tuner.model, name, low_cpu_mem_usage=True, autocast_adapter_dtype=False)
        wrapped = {name: module for name, module in model.named_modules() if isinstance(module, LoraLayer)}
        if wrapped.keys() != set(layout.modules):
            raise BackendError(backend="peft", reason="this version of PEFT put the slots where they were not wanted.")
        self._layers: list[Any] = list(wrapped.values())
        for number, name in enumerate(self.names):
            self._put_views(wrapped, number, name)
        for layer in self._layers:
            layer._active_adapter = self._answering
            layer.train(False)
        model.requires_grad_(False)

    @property
    def bytes(self) -> int:
        """What the slots take on the device."""
        return sum(stretch.nbytes for stretch in self._stretches)

    def fill(self, slot: int, warm: Warm) -> None:
        """Put a warm adapter into a slot: one copy of its bytes, and its scaling."""
        if warm.layout != self.layout:
            raise BackendError(backend="peft", reason="an adapter was laid out for other slots.")
        self._stretches[slot].copy_(warm.numbers, non_blocking=True)
        fault("adapters.while_filling")
        if self._scalings[slot] != warm.scaling:
            name = self.names[slot]
            for layer in self._layers:
                layer.scaling[name] = warm.scaling
            self._scalings[slot] = warm.scaling

    @contextmanager
    def answering(self, slots: Sequence[int | None]) -> Iterator[None]:
        """Within the block, row i of a batch is answered with slot `slots[i]`, None being the base model. If all rows
        have the same, the batch may have any number of rows."""
        if len(set(slots)) <= 1:
            self._answering[:] = [] if not slots or slots[0] is None else [self.names[slots[0]]]
            try:
                yield
            finally:
                self._answering.clear()
            return
        rows = [BASE if slot is None else self.names[slot] for slot in slots]
        hooks = [layer.register_forward_pre_hook(_naming(rows), with_kwargs=True) for layer in self._layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def matrices(self, slot: int) -> dict[str, torch.Tensor]:
        """The matrices of a slot by their names in a file, as views."""
        return {place.key: _view(self._stretches[slot], place) for place in self.layout.places}

    def unload(self) -> None:
        """Give the model its own modules back."""
        self._tuner.unload()
        self._stretches.clear()
        self._layers.clear()

    def _put_views(self, wrapped: Mapping[str, Any], number: int, name: str) -> None:
        for place in self.layout.places:
            matrices = wrapped[place.module].lora_A if place.side == "A" else wrapped[place.module].lora_B
            view = _view(self._stretches[number], place)
            matrices[name].weight = torch.nn.Parameter(view, requires_grad=False)
            wrapped[place.module].scaling[name] = 0.0


def _naming(rows: list[str]) -> Any:
    def with_names(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return args, {**kwargs, "adapter_names": rows}

    return with_names
