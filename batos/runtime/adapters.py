"""The memory manager: the adapters of an image, as its messages and the command line reach them.

`Adapters` is the one way to them for programs (`Uvm.adapters`) and for `batos adapters`; the messages of the object
`memory_manager` come to the same. What they ask is in the process that works the image's missions (which adapters are
in RAM, in the model), so they are performed as needs there, with no transaction open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batos.errors import AdapterRefused, BackendRefused, SettingRefused, TrainingRefused
from batos.image.handles import Handle
from batos.image.world import World
from batos.inference.peft import library
from batos.inference.peft.extra import require_extra
from batos.inference.peft.folder import Adapter, misfit
from batos.inference.peft.lessons import split_by_time
from batos.inference.peft.library import Version
from batos.inference.peft.plan import Plan, Wish, make_plan
from batos.inference.peft.shape import ModelShape
from batos.inference.peft.spec import OPTIONS, Spec
from batos.inference.port import AdapterHost
from batos.objects.primitives import primitive
from batos.runtime.lessons import lessons_of, regression_texts
from batos.runtime.performers import workplace

if TYPE_CHECKING:
    from batos.runtime.uvm import Uvm


class Adapters:
    """The adapters of one image. Nothing here needs torch, but for what is said to."""

    def __init__(self, uvm: Uvm) -> None:
        self._uvm = uvm

    def add(self, name: str, folder: str | Path, *, model: str | Path | None = None) -> Version:
        """Take in a PEFT folder as the current version of `name`. Raises `AdapterRefused`.

        `model` is the folder of the base model, if it is to be checked against that as well.
        """
        path = Path(folder).expanduser()
        adapter = Adapter.from_folder(path, name)
        if model is not None:
            self._check_fit(name, adapter, model)
        origin = library.origin_of_folder(path)
        now = self._uvm.clock.now()
        return self._uvm.image.change(
            f"add adapter {name}", lambda world: library.add(world, name, adapter, now=now, origin=origin)
        )

    def versions(self, name: str | None = None) -> list[Version]:
        """All versions, the newest of each adapter first. Raises `UnknownAdapter`."""
        with self._uvm.image.reading() as world:
            return library.versions(world, name)

    def activate(self, name: str, version: str) -> Version:
        """Have an earlier version answer from now on; `version` is the beginning of its hash. Raises
        `UnknownAdapter`."""
        return self._uvm.image.change(
            f"activate adapter {name}@{version}", lambda world: library.activate(world, name, version)
        )

    def remove(self, name: str, version: str | None = None) -> list[Version]:
        """Take away an adapter, or one version of it; undoing the change brings it back. Raises `UnknownAdapter`."""
        called = name if version is None else f"{name}@{version}"
        return self._uvm.image.change(f"remove adapter {called}", lambda world: library.remove(world, name, version))

    def verify(self, names: Iterable[str] | None = None, *, model: str | Path | None = None) -> dict[str, str]:
        """Read adapters whole: `name@hash` -> what is wrong with it, "" where nothing is."""
        with self._uvm.image.reading() as world:
            found = library.check_all(world, names)
            if model is not None:
                found |= self._misfits(world, found, model)
        return found

    def export(self, name: str, parent: str | Path, version: str | None = None) -> Path:
        """Write an adapter as a PEFT folder `NAME-HASH` into `parent`, for other programs; the folder.

        Raises `UnknownAdapter`, `AdapterRefused` for one that is damaged.
        """
        with self._uvm.image.reading() as world:
            adapter = library.load(world, name, version)
        return adapter.write(Path(parent).expanduser(), name)

    def train(
        self,
        name: str,
        model: str | Path,
        *,
        outside: bool = False,
        told: Callable[[int, int, float], None] = lambda step, of, loss: None,
        **course: Any,
    ) -> Version:
        """Train the adapter of a persona from its own accepted missions; the new version, accepted or rejected.

        It becomes current only if it is better on later missions and no worse on unchanging texts. `outside` lets it
        learn from what drew on text from outside; `course` are fields of `batos.inference.peft.training.Course`.
        Raises `MissingExtra`; `TrainingRefused` where there is too little to learn from.
        """
        require_extra("Training an adapter")
        from batos.inference.peft.training import Course, train

        lessons, left_out = lessons_of(self._uvm.store, name, outside=outside)
        try:
            split_by_time(lessons, Course().held_out)
        except TrainingRefused as refused:
            more = f" {left_out} answers drew on text from outside and were left out." if left_out else ""
            raise TrainingRefused(name=name, reason=f"{refused.facts['reason']}{more}") from None
        with self._uvm.image.reading() as world:
            current = library.current(world, name)
            start = library.load(world, name) if current is not None else None
        trained = train(base_model(model), lessons, regression_texts(), start=start, course=Course(**course), told=told)
        origin = {
            "kind": "training",
            "model": str(folder_of(model)),
            "lessons": trained.figures["lessons"],
            "missions": sorted({lesson.mission for lesson in lessons}),
            "from": current.sha256 if current is not None else None,
        }
        return self._uvm.image.change(
            f"train adapter {name}",
            lambda world: library.add(
                world,
                name,
                trained.adapter,
                now=self._uvm.clock.now(),
                origin=origin,
                state="accepted" if trained.accepted else "rejected",
                figures=trained.figures,
            ),
        )

    def _misfits(self, world: World, found: dict[str, str], model: str | Path) -> dict[str, str]:
        base = ModelShape.read(folder_of(model)).modules
        wrong = {}
        for version in library.versions(world):
            if found.get(version.called) == "":
                adapter = library.load(world, version.name, version.sha256)
                if (reason := misfit(adapter.modules, base)) is not None:
                    wrong[version.called] = f"{reason}."
        return wrong

    def _check_fit(self, name: str, adapter: Adapter, model: str | Path) -> None:
        if (found := misfit(adapter.modules, ModelShape.read(folder_of(model)).modules)) is not None:
            raise AdapterRefused(name=name, reason=f"{found}. It was made for another base model.")


def folder_of(model: str | Path) -> Path:
    """The folder in `FOLDER`, `peft:FOLDER`, or either with options."""
    return Spec.parse(str(model).removeprefix("peft:")).folder


def base_model(model: str | Path) -> Any:
    """The base model alone, loaded for training: with whole weights, for gradients of 4-bit ones are unproven here."""
    from batos.inference.peft.engine import device_and_memory
    from batos.inference.peft.model import BaseModel

    spec = Spec.parse(str(model).removeprefix("peft:"))
    shape = ModelShape.read(spec.folder)
    if spec.bits is not None or shape.quantized:
        reason = "an adapter is trained on whole weights; leave `bits` out, and take a folder that is not quantised."
        raise SettingRefused(name="bits", value=4, reason=reason)
    device, free = device_and_memory(spec.device)
    wish = replace(spec.wish(device, shape), slots=0, context=1)
    return BaseModel.load(spec, shape, make_plan(shape, spec.vram or free, wish).require())


def plan_for(model: str | Path, adapters: Iterable[Version] = (), **options: Any) -> Plan:
    """What fits, from config.json alone: `model` as after `peft:`; options as in it (`vram="6.9GB"`, `context=8192`).

    Raises `SettingRefused`. A plan that does not fit is answered too, and says so.
    """
    spec = Spec.parse(str(model).removeprefix("peft:"))
    given = {name: value for name, value in options.items() if value is not None}
    if unknown := given.keys() - OPTIONS.keys():
        reason = f"known are {', '.join(OPTIONS)}."
        raise SettingRefused(name="option of a plan", value=", ".join(sorted(unknown)), reason=reason)
    spec = replace(spec, **{name: OPTIONS[name](name, str(value)) for name, value in given.items()})
    shape = ModelShape.read(spec.folder)
    wish: Wish = spec.wish(spec.device or "cuda", shape, adapters)
    if "rank" in given:
        wish = replace(wish, rank=spec.rank)
    return make_plan(shape, spec.vram, wish)


def adapter_host(feature: str) -> AdapterHost:
    """The backend of the process that performs this need, if it holds adapters. Raises `MissingExtra` on a machine
    that can have none, else `BackendRefused`."""
    backend = workplace().backend
    if isinstance(backend, AdapterHost):
        return backend
    require_extra(feature)
    reason = f"{feature} needs a model in the process; open the image with `model='peft:FOLDER'`, or `--model`."
    raise BackendRefused(backend=backend.name, reason=reason)


@primitive("memory_manager.activate_expert_", effect=True)
def activate_expert(receiver: Handle, name: str) -> dict[str, Any]:
    """Bring the current version of an adapter into the model, from wherever it is."""
    return adapter_host(f"Activating the adapter {name!r}").activate(str(name))


@primitive("memory_manager.tiers", effect=True)
def tiers(receiver: Handle) -> dict[str, list[str]]:
    """Which adapters are cold (in the image), warm (in RAM) and hot (in the model), as `name@hash`."""
    place = workplace()
    if isinstance(place.backend, AdapterHost):
        return place.backend.tiers()
    cold = [version.called for version in library.Library(place.image).currents()]
    return {"cold": cold, "warm": [], "hot": []}


@primitive("memory_manager.plan_", effect=True)
def plan(receiver: Handle, model: str, **options: Any) -> dict[str, Any]:
    """What of a budget goes where for the model in a folder: `plan_("models/llama", vram="6.9GB", bits=4)`."""
    return plan_for(model, library.Library(workplace().image).currents(), **options).as_json()
