"""Every setting in one table, read once when an image is opened. `BATOS_<NAME>` in the environment wins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any, Literal

from batos.errors import SettingRefused


def _setting(default: Any, help_: str, least: float = 0) -> Any:
    return field(default=default, metadata={"help": help_, "least": least})


@dataclass(frozen=True)
class Settings:
    """Times are in seconds."""

    policy: Literal["auto", "propose"] = _setting("auto", "Whether a proven sandboxed method is installed or proposed.")
    workers: int = _setting(2, "Threads that run cycles.")
    performers: int = _setting(16, "Threads that perform needs: inferences, searches, trials.", 1)
    lease_seconds: float = _setting(30.0, "How long a worker that died keeps its missions.", 0.1)
    max_attempts: int = _setting(5, "Deliveries of one mission before it is dead.", 1)
    max_asks: int = _setting(48, "Needs that one mission may ask for.")
    learn_depth: int = _setting(4, "How deep missions may learn for each other.")
    learn_count: int = _setting(24, "Methods that may be learned for one message.")
    repair_rounds: int = _setting(5, "Sources a learning cycle may try: the first, and one for each kind of failure.")
    journal_days: float = _setting(0.0, "Days that `batos pack` keeps the journals of ended missions; 0: all.")
    pending_seconds: float = _setting(7 * 86400.0, "How long a mission waits for a person.")
    mission_tokens: int = _setting(200_000, "Tokens that one mission may spend.")
    day_tokens: int = _setting(2_000_000, "Tokens that all missions of a day may spend.")
    heartbeat_tokens: int = _setting(200_000, "Tokens that the missions of one beat of the heartbeat may spend.")
    mission_money: float = _setting(5.0, "Money that one mission may spend, in the currency of the price list.")
    day_money: float = _setting(50.0, "Money that all missions of a day may spend.")
    heartbeat_money: float = _setting(5.0, "Money that the missions of one beat of the heartbeat may spend.")
    budget_policy: Literal["fail", "wait"] = _setting("fail", "What becomes of a mission that may spend no more.")
    embedding: str = _setting(
        "auto",
        "The embedding model: none, minilm, openai:URL#NAME, sentence-transformers:FOLDER, or auto: "
        "minilm where it has been set up.",
    )
    approvals: str = _setting("", "The file of approved trusted methods; by default in the user's state directory.")
    heartbeat: bool = _setting(True, "Whether the daemon's heartbeat beats.")
    heartbeat_first: float = _setting(30.0, "Time until the first beat.")
    heartbeat_every: float = _setting(300.0, "Time between beats.")
    heartbeat_missions: int = _setting(4, "Self-improvement missions that the heartbeat may file in a day.")
    sandbox_seconds: float = _setting(2.0, "Running time of one sandboxed activation.", 0.01)
    sandbox_memory_mib: int = _setting(64, "Memory of one sandboxed activation.", 1)

    def __post_init__(self) -> None:
        if self.policy not in ("auto", "propose"):
            raise SettingRefused(name="policy", value=self.policy, reason="it is `auto` or `propose`.")
        if self.budget_policy not in ("fail", "wait"):
            raise SettingRefused(name="budget_policy", value=self.budget_policy, reason="it is `fail` or `wait`.")
        for entry in fields(self):
            _check(entry.name, getattr(self, entry.name), type(entry.default), entry.metadata["least"])


def _check(name: str, value: Any, kind: type, least: float) -> None:
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise SettingRefused(name=name, value=value, reason=f"it is of type {kind.__name__}.")
    if isinstance(value, int | float) and not least <= value < inf:
        reason = f"it is at least {least:g}, and finite." if least else "it must not be negative, and must be finite."
        raise SettingRefused(name=name, value=value, reason=reason)


def from_environment(base: Settings | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """`base` with what the environment sets. Raises `SettingRefused` for a value of the wrong type."""
    base = base or Settings()
    changed: dict[str, Any] = {}
    for entry in fields(Settings):
        text = environ.get(f"BATOS_{entry.name.upper()}")
        if text is not None:
            changed[entry.name] = _read(entry.name, text, type(getattr(base, entry.name)))
    return replace(base, **changed)


def _read(name: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() not in ("0", "1", "no", "yes", "false", "true", "off", "on"):
            raise SettingRefused(name=name, value=text, reason="it is yes or no.")
        return text.lower() in ("1", "yes", "true", "on")
    try:
        return kind(text)
    except ValueError:
        raise SettingRefused(name=name, value=text, reason=f"it is a number ({kind.__name__}).") from None
