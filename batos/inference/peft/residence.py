"""Bringing adapters to where they answer: cold to warm in any thread, warm to hot under the model's lock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from os import stat_result
from threading import Lock
from typing import Any

import torch

from batos.errors import AdapterRefused, OverBudget
from batos.inference.peft.folder import HEX, AdapterConfig, content_hash, misfit
from batos.inference.peft.library import Cold, Library, Version
from batos.inference.peft.model import BaseModel
from batos.inference.peft.plan import Plan, size
from batos.inference.peft.slots import TYPES, Layout, Slots, Warm, header_of, read_warm
from batos.inference.peft.tensors import Header
from batos.inference.peft.tiers import HotSlots, WarmCache


class Residence:
    """The tiers of one model. `ram` bounds the warm one in bytes, the plan bounds the hot one."""

    def __init__(self, model: BaseModel, plan: Plan, library: Library, ram: int) -> None:
        self._model = model
        self._plan = plan
        self._library = library
        self.warm: WarmCache[Warm] = WarmCache(ram)
        self.hot = HotSlots(0)
        self.slots: Slots | None = None
        self._checked: dict[str, _Checked] = {}
        self._names: dict[str, str] = {}
        self._modules_of: dict[str, dict[str, tuple[int, int]]] = {}
        self._growing = Lock()
        self._layout: Layout | None = None

    def called(self, sha256: str) -> str:
        return f"{self._names.get(sha256, '?')}@{sha256[:HEX]}"

    def warmed(self, version: Version) -> Warm:
        """The adapter laid out for the slots, read from the image if it is not in RAM. Any thread may call it.

        Raises `AdapterRefused` for one that is not for this base model, or that is damaged; `OverBudget` for one that
        needs larger slots than there is room for.
        """
        self._names[version.sha256] = version.name
        while True:
            layout = self._layout_for(version)
            found = self.warm.get(version.sha256, partial(self._read, version, layout))
            if found.layout == layout:
                return found
            self.warm.drop(version.sha256)  # the slots have grown since it was read

    def activate(self, versions: Sequence[Version]) -> list[int]:
        """The slots that hold these adapters, filled now where none did. Under the model's lock.

        Raises `OverBudget` where there are fewer slots than adapters.
        """
        pinned = {version.sha256 for version in versions}
        while True:
            slots = [self._activate(version, pinned) for version in versions]
            if all(self.hot.find(version.sha256) == slot for version, slot in zip(versions, slots, strict=True)):
                return slots  # else another thread made the slots grow, and those that were filled first are empty

    def _activate(self, version: Version, pinned: Collection[str]) -> int:
        warm = self.warmed(version)
        self._make_slots(warm.layout)
        if len(pinned) > len(self.hot):
            reason = f"{len(pinned)} adapters are wanted at once, and there are {len(self.hot)} slots."
            raise OverBudget(budget=size(self._plan.budget or 0), reason=reason, needed=len(pinned) * warm.bytes)
        slot = self.hot.find(version.sha256)
        if slot is None:
            assert self.slots is not None
            with self.hot.filling(version.sha256, pinned) as slot:
                self.slots.fill(slot, warm)
        return slot

    def _layout_for(self, version: Version) -> Layout:
        """The layout of the slots, grown if this adapter needs it to."""
        with self._growing:
            if self._layout is None:
                currents = [found for found in self._library.currents() if self._fits_the_model(found)]
                self._layout = reduce(self._with, [*currents, version], Layout({}, 1, _least_type(version)))
            elif not self._is_held(version, self._layout):
                self._layout = self._affordable(self._with(self._layout, version))
            return self._layout

    def _with(self, layout: Layout, version: Version) -> Layout:
        modules = self._modules(version)
        if (found := misfit(modules, self._model.shape.modules)) is not None:
            reason = f"{found}. It was made for another base model."
            raise AdapterRefused(name=version.name, reason=reason)
        return self._affordable(layout.grown(modules, version.rank, _least_type(version)))

    def _fits_the_model(self, version: Version) -> bool:
        return misfit(self._modules(version), self._model.shape.modules) is None

    def _is_held(self, version: Version, layout: Layout) -> bool:
        return layout.holds(self._modules(version), version.rank, _least_type(version))

    def _modules(self, version: Version) -> dict[str, tuple[int, int]]:
        if version.sha256 not in self._modules_of:
            self._modules_of[version.sha256] = self._library.modules(version.name, version.sha256)
        return self._modules_of[version.sha256]

    def _affordable(self, layout: Layout) -> Layout:
        if self._count(layout) < 1:
            budget = self._plan.budget or 0
            reason = (
                f"a slot for rank {layout.rank} takes {size(layout.bytes)}, and {size(self._room)} are left. Shorten "
                "the context, or take adapters of a lower rank."
            )
            raise OverBudget(budget=size(budget), reason=reason, needed=layout.bytes)
        return layout

    @property
    def _room(self) -> int:
        """Bytes that slots may take: what was planned for them and what the budget has left beside."""
        left = self._plan.budget - self._plan.total if self._plan.budget is not None else 0
        return self._plan.parts["slots"] + max(left, 0)

    def _count(self, layout: Layout) -> int:
        if self._plan.budget is None or not layout.bytes:
            return self._plan.wish.slots
        return min(self._plan.wish.slots, self._room // layout.bytes)

    def _make_slots(self, layout: Layout) -> None:
        """Have slots of this layout in the model. Smaller ones are taken out first, with all that they hold."""
        if self.slots is not None and self.slots.layout == layout:
            return
        if self.slots is not None:
            self.slots.unload()
            self.slots, self.hot = None, HotSlots(0)
        count = self._count(layout)
        self.slots = Slots(self._model.network, layout, count)
        self.hot = HotSlots(count)

    def _read(self, version: Version, layout: Layout) -> tuple[Warm, int]:
        with self._library.cold(version.name, version.sha256) as cold:
            known = self._checked.get(version.sha256)
            stamp = _stamp(cold.path.stat())
            if known is None or known.stamp != stamp:
                known = self._checked[version.sha256] = _Checked(stamp, *_check(cold, version))
            pin = self._model.device.type == "cuda"
            warm = read_warm(
                cold.path,
                known.config,
                layout,
                sha256=version.sha256,
                name=version.name,
                header=known.header,
                pin=pin,
            )
        return warm, warm.bytes


@dataclass(frozen=True)
class _Checked:
    """What is known of a file whose hash was compared. A file with another stamp is another file."""

    stamp: tuple[int, ...]
    config: AdapterConfig
    header: Header


def _check(cold: Cold, version: Version) -> tuple[AdapterConfig, Header]:
    """Read the whole file and compare its hash. Raises `AdapterRefused`."""
    if content_hash(cold.config_text, cold.path.read_bytes()) != version.sha256:
        reason = "what is stored is not what was added. `batos adapters verify` says more; add it again."
        raise AdapterRefused(name=version.name, reason=reason)
    return AdapterConfig.model_validate_json(cold.config_text), header_of(cold.path, version.name)


def _least_type(version: Version) -> torch.dtype:
    """The type that holds all numbers of the adapter as they are stored."""
    types: Sequence[Any] = [TYPES[dtype] for dtype in version.dtypes]
    return reduce(torch.promote_types, types)


def _stamp(known: stat_result) -> tuple[int, ...]:
    return known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns
