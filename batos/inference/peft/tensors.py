"""The header of a safetensors file, read by our own parser, so that neither torch nor a third party reads it first.

Weights from elsewhere are untrusted. A file is judged by its bytes, never by its name: a pickle, a zip as torch writes
it, or anything that is no complete safetensors file is refused with a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from batos.errors import AdapterRefused

LENGTH_BYTES = 8
LONGEST_HEADER = 16 * 2**20
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""Bytes per number of the types that weights may have."""

PICKLE_SIGNS = {
    b"PK\x03\x04": "a zip file, as torch.save writes it, with pickles in it",
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
}


@dataclass(frozen=True)
class Tensor:
    """`start` and `end` are offsets into the file's data, which begins behind the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """`tensors` in the order in which their data follow each other; `offset` is where the data begin in the file."""

    tensors: Mapping[str, Tensor]
    offset: int

    @property
    def data_bytes(self) -> int:
        return sum(tensor.end - tensor.start for tensor in self.tensors.values())


def read_header(data: bytes | memoryview, *, name: str, size: int | None = None) -> Header:
    """The header of the file that `data` is, or begins with; `size` is that of the whole file, if it is longer.

    Raises `AdapterRefused` (about the adapter `name`) for anything but a whole and tidy safetensors file.
    """
    size = len(data) if size is None else size
    refuse_pickles(bytes(data[:4]), name)
    if size < LENGTH_BYTES + 2:
        raise AdapterRefused(name=name, reason="its weights are no safetensors file: it is too short.")
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    if not 2 <= length <= min(LONGEST_HEADER, size - LENGTH_BYTES):
        raise AdapterRefused(name=name, reason="its weights are no safetensors file: its header has no sound length.")
    try:
        found = json.loads(bytes(data[LENGTH_BYTES : LENGTH_BYTES + length]), object_pairs_hook=_unique)
        if not isinstance(found, dict):
            raise ValueError("it is no map")
        described = {key: _tensor(value) for key, value in found.items() if key != "__metadata__"}
    except (ValueError, RecursionError) as error:
        raise AdapterRefused(name=name, reason=f"the header of its weights cannot be read: {error}.") from None
    ordered = dict(sorted(described.items(), key=lambda item: item[1].start))
    _refuse_gaps(ordered, size - LENGTH_BYTES - length, name)
    return Header(ordered, LENGTH_BYTES + length)


def refuse_pickles(beginning: bytes, name: str) -> None:
    for sign, what in PICKLE_SIGNS.items():
        if beginning.startswith(sign):
            reason = (
                f"its weights are {what}, which runs whatever its author wrote when it is read. Have them saved again "
                "with `save_pretrained(..., safe_serialization=True)`."
            )
            raise AdapterRefused(name=name, reason=reason)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _tensor(value: Any) -> Tensor:
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError("an entry is not what a tensor's is")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if dtype not in SIZES:
        raise ValueError(f"a tensor has the type {dtype!r}; known are {', '.join(SIZES)}")
    whole = [shape, offsets] == [[*map(_whole, shape)], [*map(_whole, offsets)]]
    if not whole or len(offsets) != 2 or offsets[1] - offsets[0] != prod(shape) * SIZES[dtype]:
        raise ValueError("a tensor's shape and place do not fit")
    return Tensor(dtype, tuple(shape), *offsets)


def _whole(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError("a tensor's shape and place are whole numbers")
    return number


def _refuse_gaps(ordered: Mapping[str, Tensor], data_bytes: int, name: str) -> None:
    """Tensors that overlap, or bytes that belong to none, are how something else is hidden in such a file."""
    at = 0
    for tensor in ordered.values():
        if tensor.start != at:
            raise AdapterRefused(name=name, reason="the tensors of its weights overlap or leave gaps.")
        at = tensor.end
    if at != data_bytes:
        what = "is cut off" if at > data_bytes else "has bytes behind its last tensor"
        raise AdapterRefused(name=name, reason=f"the file of its weights {what}.")
