"""Switching personas: what it costs to bring an adapter into a model, against a plain copy of the same bytes.

The model has Qwen2.5-0.5B's layers with random weights, made in a temporary folder and removed; the adapters have rank
16 on all linear modules. Quality is not measured, and cannot be, with random weights. PEFT's own ways stand beside
ours. A switch takes milliseconds, as long as a machine that does other things too lets anybody work at a stretch, so
each is tried a few times in a round and the best counts, for the copy as for the others.
"""

from __future__ import annotations

import gc
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.rounds import Times, interleaved, stopwatch

FULL = {"layers": 24, "hidden": 896, "intermediate": 4864, "heads": 14, "kv_heads": 2, "vocabulary": 32_000}
QUICK = {"layers": 2, "hidden": 128, "intermediate": 256, "heads": 4, "kv_heads": 2, "vocabulary": 1_000}
NAMES = ("robin", "brick")
RANK = 16
TOKENS = 24
TRIES = 5


@dataclass
class Bench:
    """Everything that is measured, on one model: ours in `engine`, PEFT's in `peers`."""

    folder: Path
    uvm: Any
    engine: Any
    versions: dict[str, Any]
    peers: Any
    prompt: list[int]


def measure(quick: bool, data: Path | None = None) -> Iterator[Figure]:
    import torch

    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(prefix="batos-benchmark-"))
    try:
        from batos.testing import temporary_image

        shape = QUICK if quick else FULL
        model = _model(folder / "model", shape)
        adapters = {name: _adapter(model, folder / name, seed) for seed, name in enumerate(NAMES)}
        with temporary_image(scheme="file", model=f"peft:{model}#vram=8GB,context=1024,slots=2,device=cpu") as uvm:
            for name, path in adapters.items():
                uvm.adapters.add(name, path)
            bench = _bench(folder, uvm, model, adapters)
            gc.freeze()  # a collection before each try would look at all of torch: four tenths of a second
            rounds = 3 if quick else 9
            yield from _switching(bench, rounds)
            yield from _disabling(bench, rounds)
            yield from _writing(bench, 3 if quick else 5)
    finally:
        gc.unfreeze()
        shutil.rmtree(folder, ignore_errors=True)


def _bench(folder: Path, uvm: Any, model: Path, adapters: dict[str, Path]) -> Bench:
    from batos.inference.port import Message

    backend = uvm.place.backend
    for name in NAMES:
        backend.activate(name)
    versions = {version.name: version for version in uvm.adapters.versions()}
    messages = (Message(role="user", content="What is an image?"),)
    return Bench(folder, uvm, backend.engine, versions, _Peers(model, adapters), backend.engine.tokens(messages))


def _switching(bench: Bench, rounds: int) -> Iterator[Figure]:
    residence = bench.engine.residence
    turns = _Turns()

    def warm_to_hot() -> None:
        version = bench.versions[turns.next()]
        residence.hot.forget(version.sha256)
        residence.activate([version])

    def cold_to_hot() -> None:
        version = bench.versions[turns.next()]
        residence.hot.forget(version.sha256)
        residence.warm.drop(version.sha256)
        residence.activate([version])

    def first_to_hot() -> None:
        residence._checked.clear()
        cold_to_hot()

    size = residence.slots.layout.bytes
    cases: dict[str, Callable[[], float]] = {
        "copy": _best(_plain_copy(size)),
        "warm": _best(warm_to_hot),
        "cold": _best(cold_to_hot),
        "first": _best(first_to_hot),
        "hotswap": _best(lambda: bench.peers.hotswap(turns.next())),
        "load": lambda: min(bench.peers.timed_load() for _ in range(TRIES)),
    }
    times = interleaved(cases, rounds)
    beside = f"{size / 1e6:.1f} MB; copy {_ms(times, 'copy')}"
    yield _ratio(times, "warm_hot_ratio", "warm", "≤ 1.6", "an adapter from RAM into the model, ÷ a copy", beside)
    yield _ratio(times, "cold_hot_ratio", "cold", "≤ 4", "from the image into the model, ÷ a copy")
    yield _ratio(times, "cold_first_ratio", "first", "", "the same with its hash, as once per process, ÷ a copy")
    yield _ratio(times, "hotswap_ratio", "hotswap", "", "PEFT's hotswap_adapter from its file, ÷ a copy")
    yield _ratio(times, "load_adapter_ratio", "load", "", "PEFT's load_adapter from its file, ÷ a copy")


def _disabling(bench: Bench, rounds: int) -> Iterator[Figure]:
    slots = bench.engine.residence.slots

    def ours() -> None:
        with slots.answering([None]):
            pass
        with slots.answering([0]):
            pass

    def peft() -> None:
        with bench.peers.model.disable_adapter():
            pass

    times = interleaved({"ours": stopwatch(ours), "peft": stopwatch(peft)}, rounds)
    what = "to the base model and back, ÷ PEFT's disable_adapter"
    beside = f"{times.median('ours') * 1e6:.0f} µs ÷ {_ms(times, 'peft')}"
    yield Figure("disable_ratio", times.ratio("ours", "peft"), what, "≤ 0.1", beside)


def _writing(bench: Bench, rounds: int) -> Iterator[Figure]:
    """Seconds per token behind the first: ours beside `generate` of transformers, on the same network with PEFT's
    adapter; each is run twice, short and long, and the difference is taken."""
    from batos.inference.peft.decoding import Writing

    engine = bench.engine
    short, long = 4, 4 + TOKENS

    def ours(tokens: int) -> Callable[[], None]:
        def write() -> None:
            row = Writing(bench.prompt, 0, tokens)
            with engine.residence.slots.answering([0]):
                engine.decoder.write([row])
            assert len(row.tokens) == tokens

        return write

    cases = {
        "short": stopwatch(ours(short)),
        "peer_short": stopwatch(lambda: bench.peers.generate(bench.prompt, short)),
        "long": stopwatch(ours(long)),
        "peer_long": stopwatch(lambda: bench.peers.generate(bench.prompt, long)),
    }
    times = interleaved(cases, rounds)
    overheads = [(each["long"] - each["short"]) / (each["peer_long"] - each["peer_short"]) for each in times.rounds]
    per_token = (times.median("long") - times.median("short")) / TOKENS * 1000
    peer = (times.median("peer_long") - times.median("peer_short")) / TOKENS * 1000
    what = "one token of ours, ÷ one of transformers' generate"
    yield Figure("token_overhead", statistics.median(overheads), what, "≤ 1.03", f"{per_token:.1f} ms ÷ {peer:.1f} ms")


class _Peers:
    """The same model and adapters as PEFT has them."""

    def __init__(self, model: Path, adapters: dict[str, Path]) -> None:
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        self._adapters = adapters
        base = AutoModelForCausalLM.from_pretrained(model, local_files_only=True, dtype=torch.bfloat16)
        self.model = PeftModel.from_pretrained(base, adapters["robin"], autocast_adapter_dtype=False).eval()
        self.model.generation_config.eos_token_id = None
        self._turns = _Turns()

    def hotswap(self, name: str) -> None:
        from peft.utils.hotswap import hotswap_adapter

        hotswap_adapter(self.model, self._adapters[name], adapter_name="default")

    def timed_load(self) -> float:
        """`load_adapter` and `set_adapter`; taking it out again is not counted."""
        name = self._turns.next()
        begun = time.perf_counter()
        self.model.load_adapter(self._adapters[name], adapter_name="other", autocast_adapter_dtype=False)
        self.model.set_adapter("other")
        taken = time.perf_counter() - begun
        self.model.set_adapter("default")
        self.model.delete_adapter("other")
        return taken

    def generate(self, prompt: list[int], tokens: int) -> None:
        import torch

        with torch.inference_mode():
            ids = torch.tensor([prompt])
            made = self.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=tokens,
                min_new_tokens=tokens,
                do_sample=False,
                pad_token_id=0,
            )
        assert made.shape[1] == len(prompt) + tokens


class _Turns:
    def __init__(self) -> None:
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return NAMES[self._count % len(NAMES)]


def _plain_copy(size: int) -> Callable[[], None]:
    """What the ratios are to: the same bytes from one place in memory to another, both there already."""
    import torch

    source, target = torch.ones(size, dtype=torch.uint8), torch.ones(size, dtype=torch.uint8)

    def copy() -> None:
        target.copy_(source)

    return copy


def _best(work: Callable[[], Any]) -> Callable[[], float]:
    """A case: the seconds of the quickest of a few runs, the garbage of the others collected before."""

    def once() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    def timed() -> float:
        gc.collect()
        return min(once() for _ in range(TRIES))

    return timed


def _ratio(times: Times, key: str, case: str, reach: str, what: str, beside: str = "") -> Figure:
    return Figure(key, times.ratio(case, "copy"), what, reach, f"{_ms(times, case)}; {beside}".rstrip("; "))


def _ms(times: Times, case: str) -> str:
    return f"{times.median(case) * 1000:.2f} ms"


def _model(folder: Path, shape: dict[str, int]) -> Path:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=shape["vocabulary"],
        hidden_size=shape["hidden"],
        intermediate_size=shape["intermediate"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["kv_heads"],
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        eos_token_id=None,
        bos_token_id=None,
        pad_token_id=0,
        dtype="bfloat16",
    )
    previous = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        model = Qwen2ForCausalLM(config)
    finally:
        torch.set_default_dtype(previous)
    model.save_pretrained(folder)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=raw).save_pretrained(folder)
    return folder


def _adapter(model: Path, folder: Path, seed: int) -> Path:
    """Written as PEFT would: random matrices in the model's own type."""
    import torch
    from safetensors.torch import save_file

    from batos.inference.peft.shape import ModelShape

    torch.manual_seed(seed)
    tensors = {}
    for module, (inputs, outputs) in ModelShape.read(model).modules.items():
        tensors[f"base_model.model.{module}.lora_A.weight"] = torch.randn(RANK, inputs).mul(0.02).bfloat16()
        tensors[f"base_model.model.{module}.lora_B.weight"] = torch.randn(outputs, RANK).mul(0.02).bfloat16()
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    targets = sorted({module.rsplit(".", 1)[-1] for module in ModelShape.read(model).modules})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": RANK,
        "lora_alpha": 2 * RANK,
        "target_modules": targets,
    }
    (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": str(model)}))
    return folder
