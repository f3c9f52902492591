"""How users write a model in this process: `FOLDER`, or `FOLDER#vram=6.9GB,context=8192,slots=4`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batos.errors import SettingRefused
from batos.inference.peft.library import Version
from batos.inference.peft.plan import Device, Wish
from batos.inference.peft.shape import ModelShape
from batos.inference.peft.tensors import SIZES

UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)
EXAMPLE = "`peft:models/llama#vram=6.9GB,context=8192`"
RAM = 2 * 10**9


@dataclass(frozen=True)
class Spec:
    """`vram` and `ram` are bytes: the budget of the device, and that of adapters kept in RAM. None: what is free.

    `batch` is how many answers are written at once; with 1, equal requests have equal answers to the last bit.
    `longest` bounds the tokens of one answer, whatever its request allows.
    """

    folder: Path
    vram: int | None = None
    ram: int = RAM
    context: int = 8192
    slots: int = 4
    rank: int = 16
    bits: int | None = None
    batch: int = 8
    longest: int | None = None
    device: Device | None = None

    @classmethod
    def parse(cls, details: str) -> Spec:
        """Raises `SettingRefused`."""
        folder, _, options = details.rpartition("#") if "=" in details.rpartition("#")[2] else (details, "", "")
        if not folder:
            reason = f"name the folder of a model after the colon, like {EXAMPLE}."
            raise SettingRefused(name="model", value=f"peft:{details}", reason=reason)
        given: dict[str, Any] = {}
        for option in filter(None, options.split(",")):
            key, _, value = option.partition("=")
            if key not in OPTIONS:
                reason = f"there is no option {key!r}; known are {', '.join(OPTIONS)}."
                raise SettingRefused(name="model", value=f"peft:{details}", reason=reason)
            given[key] = OPTIONS[key](key, value)
        return cls(Path(folder).expanduser(), **given)

    def wish(self, device: Device, shape: ModelShape, adapters: Iterable[Version] = ()) -> Wish:
        """What to plan for. Adapters that are known say what a slot must hold; else it is `rank` over all modules."""
        known = list(adapters)
        rank = max((version.rank for version in known), default=self.rank)
        widths = [SIZES[dtype] for version in known for dtype in version.dtypes]
        return Wish(
            context=self.context,
            slots=self.slots,
            rank=rank,
            bits=self.bits,
            device=device,
            adapter_bytes=max(widths, default=shape.dtype_bytes),
            batch=self.batch,
            targets=tuple(sorted({target for version in known for target in version.targets})),
        )


def read_bytes(name: str, text: str) -> int:
    """`6.9GB` is 6.9 times ten to the ninth bytes, `6.9GiB` 6.9 times two to the thirtieth. Raises `SettingRefused`."""
    found = AMOUNT.fullmatch(text)
    if found is None or found[2].lower() not in UNITS or not (amount := int(float(found[1]) * UNITS[found[2].lower()])):
        raise SettingRefused(name=name, value=text, reason="it is an amount of memory, like 6.9GB or 512MiB.")
    return amount


def _whole(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 10**7:
        raise SettingRefused(name=name, value=text, reason="it is a whole number above 0.")
    return int(text)


def _bits(name: str, text: str) -> int:
    if text != "4":
        raise SettingRefused(name=name, value=text, reason="it is 4, or left out.")
    return 4


def _device(name: str, text: str) -> str:
    if text not in ("cpu", "cuda"):
        raise SettingRefused(name=name, value=text, reason="it is cpu or cuda.")
    return text


OPTIONS: dict[str, Callable[[str, str], Any]] = {
    "vram": read_bytes,
    "ram": read_bytes,
    "context": _whole,
    "slots": _whole,
    "rank": _whole,
    "bits": _bits,
    "batch": _whole,
    "longest": _whole,
    "device": _device,
}
