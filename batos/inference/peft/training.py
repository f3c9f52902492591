"""An adapter from examples, and the gate that it must pass before it may answer.

The examples are split by time: the model learns from the earlier ones and is judged by the later ones, which it has not
seen. A new adapter is accepted only if its loss on those is smaller, and if its loss on texts that never change has not
grown beyond a bound: what it learns must not cost what it knows.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import torch
from peft import LoraConfig, LoraModel
from safetensors.torch import load, save

from batos.errors import TrainingRefused
from batos.inference.peft.folder import Adapter
from batos.inference.peft.lessons import Lesson, split_by_time
from batos.inference.peft.model import BaseModel
from batos.inference.peft.slots import PREFIX

NAME = "learning"
IGNORED = -100
"""What PyTorch's cross entropy passes over: the tokens of a prompt."""
STEEPEST = 1.0


@dataclass(frozen=True)
class Course:
    """How an adapter is trained. `worst_regression` is how much the loss on unchanging texts may grow, as a share."""

    rank: int = 16
    epochs: int = 3
    batch: int = 4
    rate: float = 2e-4
    longest: int = 1024
    seed: int = 0
    held_out: float = 0.2
    worst_regression: float = 0.02


@dataclass(frozen=True)
class Trained:
    """`accepted` is the gate's word; `figures` are what it judged by: mean losses per token, in nats."""

    adapter: Adapter
    accepted: bool
    reason: str
    figures: dict[str, Any]


Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def train(
    model: BaseModel,
    lessons: Sequence[Lesson],
    regression: Sequence[str],
    *,
    start: Adapter | None = None,
    course: Course = Course(),
    told: Callable[[int, int, float], None] = lambda step, of, loss: None,
) -> Trained:
    """Train on the earlier lessons and judge by the later ones. `start` is the adapter to go on from, and to be better
    than; without one it is the base model. `told` hears step, number of steps, loss.

    Raises `TrainingRefused` where there is too little to learn from.
    """
    earlier, later = split_by_time(lessons, course.held_out)
    learned = [encoded for lesson in earlier if (encoded := _encoded(model, lesson, course.longest)) is not None]
    judged = [encoded for lesson in later if (encoded := _encoded(model, lesson, course.longest)) is not None]
    fixed = [(tokens, tokens) for text in regression if len(tokens := _text(model, text, course.longest)) > 1]
    if not learned or not judged:
        raise TrainingRefused(name=NAME, reason=f"no lesson fits into {course.longest} tokens.")
    modules = dict(start.modules) if start is not None else dict(model.shape.modules)
    rank = start.config.r if start is not None else course.rank
    alpha = start.config.lora_alpha if start is not None else 2.0 * course.rank
    torch.manual_seed(course.seed)
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type, unused-ignore]
        target_modules=list(modules),
        use_rslora=start.config.use_rslora if start is not None else False,
    )
    tuner: Any = LoraModel(model.network, {NAME: config}, NAME)
    try:
        parameters = _parameters(model.network, modules)
        if start is not None:
            _begin_from(parameters, start)
        before = _losses(model, judged, fixed)
        steps = _learn(model, list(parameters.values()), learned, course, told)
        for parameter in parameters.values():  # judged as it will be stored
            parameter.data = parameter.data.to(getattr(torch, model.shape.dtype)).float()
        after = _losses(model, judged, fixed)
        adapter = _saved(parameters, config, modules, getattr(torch, model.shape.dtype))
    finally:
        tuner.unload()
        model.network.requires_grad_(False)
    accepted, reason = gate(before, after, course.worst_regression)
    figures = {
        "held_out_before": before[0],
        "held_out_after": after[0],
        "regression_before": before[1],
        "regression_after": after[1],
        "lessons": len(learned),
        "judged": len(judged),
        "steps": steps,
        "reason": reason,
        **asdict(course),
        "rank": rank,
    }
    return Trained(adapter, accepted, reason, figures)


def gate(before: tuple[float, float], after: tuple[float, float], worst: float) -> tuple[bool, str]:
    """Whether a new adapter may answer, and why (not), from (held-out, regression) losses before and after."""
    if not all(map(isfinite, after)):
        return False, "its losses are no numbers"
    if after[0] >= before[0]:
        return False, f"it is no better on held-out lessons: {before[0]:.3f} before, {after[0]:.3f} after"
    if after[1] > before[1] * (1 + worst):
        return False, f"it is worse on unchanging texts: {before[1]:.3f} before, {after[1]:.3f} after"
    return True, f"it is better on held-out lessons: {before[0]:.3f} before, {after[0]:.3f} after"


def _encoded(model: BaseModel, lesson: Lesson, longest: int) -> tuple[list[int], list[int]] | None:
    """Tokens and targets of a lesson: only its answer is learned, with the token that ends it. None: it is too long."""
    prompt = model.tokens(lesson.messages)
    answer = list(model.tokenizer(lesson.answer, add_special_tokens=False).input_ids)
    end = model.tokenizer.eos_token_id
    tokens = prompt + answer + ([end] if end is not None else [])
    targets = [IGNORED] * len(prompt) + tokens[len(prompt) :]
    return (tokens, targets) if answer and len(tokens) <= longest else None


def _text(model: BaseModel, text: str, longest: int) -> list[int]:
    return list(model.tokenizer(text, add_special_tokens=False).input_ids)[:longest]


def _parameters(network: torch.nn.Module, modules: Any) -> dict[str, torch.nn.Parameter]:
    """The matrices that are trained, by their names in a file, in single precision."""
    found = {}
    for name, parameter in network.named_parameters():
        if f".{NAME}." in name and "lora_" in name:
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)
            found[f"{PREFIX}{name.replace(f'.{NAME}.', '.')}"] = parameter
        else:
            parameter.requires_grad_(False)
    assert len(found) == 2 * len(modules)
    return found


def _begin_from(parameters: dict[str, torch.nn.Parameter], start: Adapter) -> None:
    for key, tensor in load(start.weights).items():
        parameters[key].data.copy_(tensor)


def _learn(
    model: BaseModel,
    parameters: list[torch.nn.Parameter],
    learned: list[tuple[list[int], list[int]]],
    course: Course,
    told: Callable[[int, int, float], None],
) -> int:
    """AdamW over shuffled batches, the rate falling to nothing; the number of steps."""
    order = random.Random(course.seed)
    batches = []
    for _ in range(course.epochs):
        shuffled = learned[:]
        order.shuffle(shuffled)
        batches += [shuffled[at : at + course.batch] for at in range(0, len(shuffled), course.batch)]
    optimizer = torch.optim.AdamW(parameters, lr=course.rate, weight_decay=0.0)
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = course.rate * (1 - step / len(batches))
        loss, tokens = _loss(model, batch)
        mean = loss / max(tokens, 1)
        mean.backward()
        torch.nn.utils.clip_grad_norm_(parameters, STEEPEST)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        told(step + 1, len(batches), float(mean.detach()))
    return len(batches)


def _losses(model: BaseModel, judged: Any, fixed: Any) -> tuple[float, float]:
    """Mean loss per token on held-out lessons and on unchanging texts."""
    with torch.no_grad():
        return _mean(model, judged), _mean(model, fixed)


def _mean(model: BaseModel, examples: list[tuple[list[int], list[int]]]) -> float:
    total, count = 0.0, 0
    for example in examples:
        loss, tokens = _loss(model, [example])
        total, count = total + float(loss), count + tokens
    return total / max(count, 1)


def _loss(model: BaseModel, batch: Sequence[tuple[list[int], list[int]]]) -> tuple[Any, int]:
    """Summed cross entropy of the next tokens, and how many there are."""
    longest = max(len(tokens) for tokens, _ in batch)
    device = model.device
    ids = torch.tensor([tokens + [model.pad] * (longest - len(tokens)) for tokens, _ in batch], device=device)
    mask = torch.tensor([[1] * len(tokens) + [0] * (longest - len(tokens)) for tokens, _ in batch], device=device)
    targets = torch.tensor([wanted + [IGNORED] * (longest - len(wanted)) for _, wanted in batch], device=device)
    logits = model.network(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
    wanted = targets[:, 1:]
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return loss, int((wanted != IGNORED).sum())


def _saved(parameters: dict[str, torch.nn.Parameter], config: LoraConfig, modules: Any, dtype: torch.dtype) -> Adapter:
    """The trained matrices as the two files of a PEFT folder."""
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": config.r,
        "lora_alpha": config.lora_alpha,
        "use_rslora": config.use_rslora,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted({module.rsplit(".", 1)[-1] for module in modules}),
    }
    weights = save({key: parameter.detach().to(dtype).cpu().contiguous() for key, parameter in parameters.items()})
    return Adapter.read(json.dumps(settings), weights, NAME)
