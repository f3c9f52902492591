"""A tiny model with its tokenizer, and adapters for it, built in seconds and never downloaded.

The weights are random but fixed by a seed. The tokenizer is trained on a text that never changes: trained on documents
that people edit, it would answer otherwise after each edit. Nothing here says anything about the quality of answers;
everything else is real: the files are those that transformers and PEFT write and read.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NEEDED = ("torch", "transformers", "peft", "safetensors", "llguidance")
MISSING = [module for module in NEEDED if find_spec(module) is None]
REASON = f"not installed: {', '.join(MISSING)}; pip install 'batos[peft]'"

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
CORPUS = Path(__file__).with_name("tiny_corpus.txt")
VOCABULARY = 768
ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
PERSONAS = ("robin", "brick", "babs", "alfred")


@cache
def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator([CORPUS.read_text(encoding="utf-8")], trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<|pad|>", eos_token="<|end|>")
    made.add_special_tokens({"additional_special_tokens": SPECIAL[2:]})
    made.chat_template = TEMPLATE
    return made


def build_model(folder: Path, *, seed: int = 7, **changed: Any) -> Path:
    """Write a model of Qwen2's shape, with about a quarter of a million parameters, into `folder`."""
    import torch
    import tqdm
    from transformers import Qwen2Config, Qwen2ForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    tqdm.tqdm.monitor_interval = 0  # else its thread stays
    torch.set_num_threads(1)
    shape = {
        "vocab_size": VOCABULARY + 32,  # as real ones: wider than the tokenizer
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 16384,
        "tie_word_embeddings": False,
        "eos_token_id": 1,
        "pad_token_id": 0,
        "bos_token_id": None,
    }
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(Qwen2Config(**{**shape, **changed}))
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def build_adapter(model: Path, folder: Path, **kind: Any) -> Path:
    """Write an adapter for the model; `kind` as in `build_adapters`."""
    return build_adapters(model, {folder: kind})[0]


def build_adapters(model: Path, kinds: dict[Path, dict[str, Any]]) -> list[Path]:
    """Write adapters through PEFT: for each folder its seed, and its rank (8) and targets (all linear modules).

    Their matrices are random, and so large that every answer shows which it was.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model, local_files_only=True)
    for folder, kind in kinds.items():
        rank, targets = kind.get("rank", 8), kind.get("targets", ALL_LINEAR)
        torch.manual_seed(kind["seed"])
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(targets), task_type="CAUSAL_LM")
        made = get_peft_model(base, config)
        with torch.no_grad():
            for name, parameter in made.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(0.0, 0.3 / rank**0.5)
        made.save_pretrained(folder)
        base = made.unload()
    return list(kinds)


def eight_billion(folder: Path, **changed: Any) -> Path:
    """A config.json of the shape of Llama 3.1 8B, alone: what a plan is made from."""
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": 128256,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**config, **changed}))
    return folder
