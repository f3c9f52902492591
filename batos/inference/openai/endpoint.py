"""Where servers are, as a spec says it: `URL#MODEL;OPTION=NUMBER`, several of them separated by commas."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf
from typing import Any
from urllib.parse import urlsplit

from batos.errors import SettingRefused
from batos.objects.records import Secret

API_KEY = Secret("BATOS_API_KEY")
"""The default name of the variable that holds the key; servers on this machine usually need none."""

SERVING = ("vllm", "sglang")
EXAMPLE = "`openai:http://127.0.0.1:11434/v1#llama3.2`"


@dataclass(frozen=True)
class Terms:
    """How a server may be used. Prices are per million tokens, in the currency of the budgets; 0 is no limit.

    `adapters` is a folder that the server sees too, `serves` what serves them there, `loaded` how many at most.
    """

    parallel: int = 0
    per_minute: float = 0.0
    input: float = 0.0
    output: float = 0.0
    adapters: str = ""
    serves: str = "vllm"
    loaded: int = 16

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


@dataclass(frozen=True)
class Endpoint:
    """A server, and which of its models answers; without a model, the only one that the server has."""

    url: str
    model: str | None = None
    terms: Terms = Terms()

    @classmethod
    def parse(cls, details: str) -> Endpoint:
        """From `URL#MODEL;OPTION=NUMBER`. A URL without a path gets the usual `/v1`. Raises SettingRefused."""
        address, *options = details.split(";")
        url, _, model = address.partition("#")
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise _refused("openai:URL#MODEL", f"the URL must be like {EXAMPLE}.")
        if parts.username or parts.password:
            shown = f"openai:{parts.scheme}://…@{parts.hostname}"
            raise _refused(shown, f"a URL shows the password; put it into the environment variable {API_KEY.name}.")
        path = parts.path.rstrip("/") or "/v1"
        return cls(f"{parts.scheme}://{parts.netloc}{path}", model or None, _terms(options))

    @property
    def origin(self) -> str:
        """The URL without its path."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def on_this_machine(self) -> bool:
        return urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")


def parse_all(details: str) -> tuple[Endpoint, ...]:
    """The endpoints of a spec, at least one. Raises SettingRefused."""
    return tuple(Endpoint.parse(part.strip()) for part in details.split(","))


def _terms(options: list[str]) -> Terms:
    kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(Terms)}
    read: dict[str, Any] = {}
    for option in options:
        name, _, text = option.partition("=")
        if name not in kinds:
            raise _refused(option, f"the options of a server are {', '.join(kinds)}.")
        try:
            read[name] = kinds[name](text)
        except ValueError:
            raise _refused(option, f"{name} is a number.") from None
        if kinds[name] is not str and not 0 <= read[name] < inf:
            raise _refused(option, f"{name} must not be negative, and must be finite.")
    if read.get("serves", "vllm") not in SERVING:
        raise _refused(f"serves={read['serves']}", f"adapters are served by {' or '.join(SERVING)}.")
    return Terms(**read)


def _refused(value: str, reason: str) -> SettingRefused:
    return SettingRefused(name="model", value=value, reason=reason)
