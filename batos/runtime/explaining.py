"""`why`: where something came from, as plain data.

It walks the chain: method → mission → cycle → journal → prompts, model, adapter; and for what was made from memory,
the chunks.
"""

from __future__ import annotations

import difflib
import textwrap
from dataclasses import dataclass
from typing import Any

from batos.errors import UnknownSlot
from batos.image.handles import Home
from batos.image.receipts import Receipt
from batos.image.world import World
from batos.objects import lookup
from batos.objects.mirror import Mirror
from batos.objects.records import Intent, Method
from batos.objects.uvm_object import UvmObject, label
from batos.objects.values import is_object, plain
from batos.runtime.missions import MissionStore


@dataclass(frozen=True)
class Why:
    """Why `selector` of `target` is what it is. `asked` lists the journaled needs with what was answered."""

    target: str
    selector: str
    what: str
    source: str | None
    contract: dict[str, Any]
    provenance: dict[str, Any]
    versions: tuple[int, ...]
    mission: dict[str, Any] | None
    trace: tuple[dict[str, Any], ...]
    asked: tuple[dict[str, Any], ...]
    chunks: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        """The gist, for people; the fields have all of it."""
        lines = [f"{self.target}.{self.selector} is {self.what}."]
        if self.source is not None:
            lines.append(textwrap.indent(self.source.rstrip(), "    "))
        if self.contract.get("intent"):
            lines.append(f"It is for: {self.contract['intent']}.")
        if self.provenance.get("model"):
            lines.append(
                f"Written by {self.provenance['model']}, proven by {self.provenance.get('proven', 0)} examples."
            )
        if self.provenance.get("from_image"):
            writer = self.provenance["origin"].get("model", "nobody it names")
            lines.append(f"Taken from an export of image {self.provenance['from_image']}, written there by {writer}.")
        for rival in (self.provenance.get("notes") or {}).get("rivals") or ():
            lines.append(f"Ruled out, {rival['costs_more']} dearer, though it fits the examples:")
            lines.append(textwrap.indent(rival["source"].rstrip(), "    "))
        if self.mission is not None:
            lines.append(f"From mission {self.mission['id']}, which asked {len(self.asked)} times.")
        if self.chunks:
            lines.append(f"Made from {len(self.chunks)} passages of memory.")
        return "\n".join(lines)


def why(image: Home, store: MissionStore, target: str, selector: str) -> Why:
    """Raises `UnknownSlot` when the object has no such slot, its parents' included."""
    with image.reading() as world:
        receiver = world.find(target)
        found = lookup.find(receiver, selector)
        if found is None:
            raise UnknownSlot(holder=target, name=selector, known=_close(receiver, target, selector))
        return _why(world, store, receiver, selector, found.value)


def _close(receiver: UvmObject, target: str, selector: str) -> str:
    mirror = Mirror(receiver)
    known = sorted({slot.name for slot in mirror.slots()} | set(mirror.selectors()))
    close = difflib.get_close_matches(selector, known, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"`batos inspect {target}` lists its slots."


def _why(world: World, store: MissionStore, receiver: UvmObject, selector: str, value: Any) -> Why:
    source: str | None = None
    contract: dict[str, Any] = {}
    provenance: dict[str, Any] = {}
    versions: tuple[int, ...] = ()
    chunks: tuple[tuple[str, int], ...] = ()
    what = f"a {type(value).__name__}"
    if isinstance(value, Method):
        what = f"a {value.trust} method, version {value.version}"
        source, contract, provenance = value.source, value.contract, dict(value.provenance)
        versions = tuple(method.version for method in _versions(value))
    elif isinstance(value, Intent):
        what = f"an intent: {value.text}"
    elif is_object(value) and lookup.find(value, "mission") is not None:
        what, source = f"an object written by {value.written_by}", value.source
        provenance = {"mission": value.mission, "model": value.written_by}
        chunks = tuple((document, index) for document, index in plain(value.made_from))
    receipt = world.receipts.get(provenance.get("mission", ""))
    return Why(
        label(receiver),
        selector,
        what,
        source,
        contract,
        provenance,
        versions,
        _mission(receipt),
        receipt.trace if receipt else (),
        _asked(store, receipt),
        chunks,
    )


def _versions(method: Method) -> list[Method]:
    versions = [method]
    while versions[-1].previous is not None:
        versions.append(versions[-1].previous)
    return versions


def _mission(receipt: Receipt | None) -> dict[str, Any] | None:
    if receipt is None:
        return None
    type_ = receipt.brief["type"]
    return {"id": receipt.mission, "type": type_, "outcome": receipt.outcome, "made_at": receipt.made_at}


def _asked(store: MissionStore, receipt: Receipt | None) -> tuple[dict[str, Any], ...]:
    """What the mission's cycle asked for, in order, from the journal."""
    if receipt is None:
        return ()
    journal = store.journal(receipt.mission)
    entries = [journal.get((hash_, occurrence)) for _, hash_, occurrence in receipt.journal]
    return tuple(
        {
            "kind": entry.kind,
            "name": entry.request.get("name", ""),
            "purpose": entry.request.get("purpose"),
            "persona": entry.request.get("persona"),
            "prompt": entry.request.get("messages"),
            "answer": entry.answer,
            "model": entry.model,
            "adapter": entry.adapter,
            "tokens": entry.prompt_tokens + entry.completion_tokens,
            "seconds": entry.seconds,
        }
        for entry in entries
        if entry is not None
    )
