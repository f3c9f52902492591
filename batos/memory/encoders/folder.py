"""A model folder in the form of the library sentence-transformers, run without that library.

BERT encoders with mean pooling are converted as the default model is; what else such a folder may hold is refused. The
converted model is kept in the cache under the hash of its weights, which is also its id.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from batos.errors import EmbedderRefused, MissingExtra
from batos.memory.encoders import minilm
from batos.memory.encoders.onnx_encoder import OnnxEncoder

MODEL, TOKENIZER = "model.safetensors", "tokenizer.json"


class FolderEmbedder(OnnxEncoder):
    """Raises `EmbedderRefused` for a folder that holds no such model."""

    def __init__(self, path: str | Path) -> None:
        source = Path(path).expanduser()
        config = _config(source)
        with (source / MODEL).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        place = minilm.folder().parent / f"folder-{digest[:16]}"
        if not (place / "model.onnx").exists():
            _convert(source, config, place)
        longest = min(int(config["max_position_embeddings"]), _max_seq_length(source))
        super().__init__(place, f"{source.resolve().name}-{digest[:8]}", int(config["hidden_size"]), longest)


def _config(source: Path) -> Any:
    missing = [name for name in ("config.json", MODEL, TOKENIZER) if not (source / name).is_file()]
    if missing:
        raise _refused(source, f"{', '.join(missing)} is missing.")
    try:
        config = json.loads((source / "config.json").read_text("utf-8"))
        usable = config["model_type"] == "bert" and config.get("hidden_act", "gelu") == "gelu"
    except (OSError, ValueError, KeyError, TypeError):
        raise _refused(source, "its config.json describes no model.") from None
    if not usable:
        raise _refused(source, "only encoders of the type `bert` can be run here. Serve it, and name the server.")
    pooling = source / "1_Pooling" / "config.json"
    if pooling.is_file() and not json.loads(pooling.read_text("utf-8")).get("pooling_mode_mean_tokens", True):
        raise _refused(source, "it does not take the mean of its tokens. Serve it, and name the server.")
    return config


def _max_seq_length(source: Path) -> int:
    settings = source / "sentence_bert_config.json"
    return int(json.loads(settings.read_text("utf-8"))["max_seq_length"]) if settings.is_file() else 512


def _convert(source: Path, config: Any, place: Path) -> None:
    try:
        from safetensors.numpy import load_file

        from batos.memory.encoders.graph import write_encoder
    except ImportError as error:
        raise MissingExtra(feature="Converting the embedding model", extra="embed") from error
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        weights = {name.removeprefix("bert."): value for name, value in load_file(source / MODEL).items()}
        try:
            write_encoder(weights, config, made / "model.onnx")
        except Exception as error:  # the weights of a stranger may lack anything
            raise _refused(source, f"its weights are not those of its config.json ({error}).") from error
        shutil.copyfile(source / TOKENIZER, made / TOKENIZER)
        if not place.exists():
            made.rename(place)


def _refused(source: Path, reason: str) -> EmbedderRefused:
    return EmbedderRefused(spec=f"sentence-transformers:{source}", reason=reason)
