"""Looking for a model server on this machine: nothing beyond 127.0.0.1 is contacted, and the search is announced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from batos.clock import Clock, SystemClock
from batos.errors import BackendError, SettingRefused
from batos.inference.http import Patience
from batos.inference.openai import OpenAIBackend

WELL_KNOWN = {"Ollama": 11434, "vLLM": 8000, "llama.cpp": 8080, "LM Studio": 1234}
"""Ports that these servers take by default; another server may stand there, so the name is a guess."""

PROBE = Patience(connect=0.3, read=1.0, whole=2.0, attempts=1)


@dataclass(frozen=True)
class Found:
    """A server that answered, the models it offers, and the spec for each."""

    server: str
    url: str
    models: tuple[str, ...]

    @property
    def specs(self) -> tuple[str, ...]:
        return tuple(f"openai:{self.url}#{model}" for model in self.models)


def the_only_model(
    announce: Callable[[str], None], ports: Mapping[str, int] | None = None, clock: Clock | None = None
) -> str:
    """The spec of the one model that the servers on this machine offer.

    Raises `SettingRefused` where there is none, or more than one to choose from, which it names.
    """
    specs = [spec for found in discover(announce, ports, clock) for spec in found.specs]
    if len(specs) == 1:
        return specs[0]
    reason = "no model server answers on this machine; start one, or name another as `openai:URL#MODEL`."
    if specs:
        reason = (
            f"there is more than one model on this machine; name one of {', '.join(f'`{spec}`' for spec in specs)}."
        )
    raise SettingRefused(name="model", value="openai", reason=reason)


def discover(
    announce: Callable[[str], None], ports: Mapping[str, int] | None = None, clock: Clock | None = None
) -> tuple[Found, ...]:
    """The servers on this machine that list their models, in the order of `ports`. `announce` is told each step."""
    ports = WELL_KNOWN if ports is None else ports
    announce(f"Looking for a model server on this machine (127.0.0.1, ports {', '.join(map(str, ports.values()))}).")
    return tuple(_probed(announce, ports, clock or SystemClock()))


def _probed(announce: Callable[[str], None], ports: Mapping[str, int], clock: Clock) -> Iterator[Found]:
    for server, port in ports.items():
        backend = OpenAIBackend(f"http://127.0.0.1:{port}/v1", clock, patience=PROBE)
        try:
            models = backend.models()
        except BackendError:
            continue
        finally:
            backend.close()
        if models:
            announce(f"Found {server} (port {port}) with {', '.join(models)}.")
            yield Found(server, backend.endpoints[0].url, models)
