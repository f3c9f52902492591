"""The proofs of the in-process model: whose weights answer, to the bit, in every order and under every interruption."""

from __future__ import annotations

import json
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import tiny_model
from batos.errors import AdapterRefused, BackendNonsense, OverBudget, SettingRefused, UnknownAdapter
from batos.faults import Crash, armed
from batos.inference.peft.backend import PeftBackend
from batos.inference.peft.folder import WEIGHTS, Adapter
from batos.inference.peft.library import Library
from batos.inference.peft.plan import Wish, make_plan
from batos.inference.peft.shape import ModelShape
from batos.inference.peft.tensors import read_header
from batos.runtime.uvm import Uvm
from contract.adapter_tools import ROOM, backend_of, holding, request

pytestmark = [
    pytest.mark.skipif(bool(tiny_model.MISSING), reason=tiny_model.REASON),
    pytest.mark.timeout(240),  # importing torch, for the first of them, on a machine that does other things too
]

PERSONAS = tiny_model.PERSONAS
ONE_SLOT = f"{ROOM},slots=1,batch=1"


def prompt(backend):
    import torch

    return torch.tensor([backend.engine.tokens(request().messages)])


def logits(backend, slot=None):
    """What the model answers through our slots, for every place of the prompt."""
    import torch

    engine = backend.engine
    with torch.inference_mode(), engine.residence.slots.answering([slot]):
        return engine.model.network(input_ids=prompt(backend)).logits


def loaded_fresh(tiny, name, backend):
    """What PEFT answers with the folder loaded in its own way; without a name, the bare model."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny.model, local_files_only=True)
    if name is not None:
        model = PeftModel.from_pretrained(model, tiny.adapters[name])
    with torch.inference_mode():
        return model.eval()(input_ids=prompt(backend)).logits


def activate(backend, name):
    return backend.activate(name)["slot"]


# Whose weights answer


def test_the_base_model_alone_is_bit_identical_to_one_that_never_saw_an_adapter(tiny):
    import torch

    with holding(tiny, PERSONAS) as uvm:
        backend = backend_of(uvm)
        for name in PERSONAS:
            activate(backend, name)
        assert torch.equal(logits(backend), loaded_fresh(tiny, None, backend))


def test_what_is_in_a_slot_is_what_is_in_the_file(tiny):
    import torch
    from safetensors.torch import load_file

    with holding(tiny, PERSONAS) as uvm:
        backend = backend_of(uvm)
        for name in PERSONAS:
            slot = activate(backend, name)
            stored = load_file(tiny.adapters[name] / WEIGHTS)
            held = backend.engine.residence.slots.matrices(slot)
            assert held.keys() == stored.keys()
            assert all(torch.equal(held[key], stored[key]) for key in stored)


def test_swapping_in_place_answers_as_a_fresh_load_does(tiny):
    """With one slot, so that each activation overwrites the one before, and back again."""
    import torch

    with holding(tiny, PERSONAS, ONE_SLOT) as uvm:
        backend = backend_of(uvm)
        for name in (*PERSONAS, *reversed(PERSONAS)):
            assert torch.equal(logits(backend, activate(backend, name)), loaded_fresh(tiny, name, backend))


@pytest.mark.parametrize("kind", ["small", "narrow"])
def test_a_smaller_rank_or_fewer_modules_after_a_full_one_answer_as_a_fresh_load_does(tiny, kind):
    """What the one before left in the slot must be gone."""
    import torch

    with holding(tiny, ["robin", kind], ONE_SLOT) as uvm:
        backend = backend_of(uvm)
        for name in ("robin", kind, "robin"):
            ours = logits(backend, activate(backend, name))
            assert torch.allclose(ours, loaded_fresh(tiny, name, backend), atol=1e-5, rtol=1e-5)
        assert len(backend.engine.residence.hot) == 1


def test_an_adapter_that_needs_more_room_makes_the_slots_grow(tiny):
    import torch

    with holding(tiny, ["narrow"]) as uvm:
        backend = backend_of(uvm)
        activate(backend, "narrow")
        before = backend.engine.residence.slots.layout
        uvm.adapters.add("robin", tiny.adapters["large"])
        ours = logits(backend, activate(backend, "robin"))
        layout = backend.engine.residence.slots.layout

        assert (before.rank, layout.rank) == (8, 16)
        assert set(before.modules) < set(layout.modules)
        assert torch.allclose(ours, loaded_fresh(tiny, "large", backend), atol=1e-5, rtol=1e-5)
        again = logits(backend, activate(backend, "narrow"))
        assert torch.allclose(again, loaded_fresh(tiny, "narrow", backend), atol=1e-5, rtol=1e-5)


def test_personas_answer_together_as_each_does_alone(tiny):
    with holding(tiny, PERSONAS) as uvm:
        backend = backend_of(uvm)
        engine = backend.engine
        import torch

        slots = [activate(backend, name) for name in PERSONAS]
        alone = [logits(backend, slot) for slot in (*slots, None)]
        with torch.inference_mode(), engine.residence.slots.answering([*slots, None]):
            together = engine.model.network(input_ids=prompt(backend).repeat(5, 1)).logits
        for row, expected in zip(together, alone, strict=True):
            assert torch.allclose(row, expected[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("options", [ROOM, ONE_SLOT, f"{ROOM},slots=2"])
def test_threads_that_ask_for_different_personas_never_get_each_others_weights(tiny, options):
    """One slot: every request swaps. Two: some are answered together. Four: all are."""
    with holding(tiny, PERSONAS, options) as uvm:
        backend = backend_of(uvm)
        voices = (*PERSONAS, None)
        expected = {name: backend.generate(request(name)).text for name in voices}
        assert len(set(expected.values())) == len(voices)
        start = threading.Barrier(len(voices))

        def ask(name):
            start.wait()
            return [(name, backend.generate(request(name))) for _ in range(6)]

        with ThreadPoolExecutor(len(voices)) as pool:
            for name, answer in (pair for pairs in pool.map(ask, voices) for pair in pairs):
                assert answer.text == expected[name]
                assert (answer.adapter or "base").split("@")[0] == (name or "base")


def test_an_answer_names_the_very_version_that_it_was_written_with(tiny):
    with holding(tiny, ["robin"]) as uvm:
        backend = backend_of(uvm)
        first = uvm.adapters.versions("robin")[0]
        before = backend.generate(request("robin"))
        second = uvm.adapters.add("robin", tiny.adapters["brick"])
        after = backend.generate(request("robin"))
        uvm.adapters.activate("robin", first.sha256[:8])
        back = backend.generate(request("robin"))

        assert (before.adapter, after.adapter, back.adapter) == (first.called, second.called, first.called)
        assert before.text == back.text != after.text


def test_a_persona_without_adapter_is_answered_by_the_base_model_and_that_is_said(tiny):
    with holding(tiny, ["robin"]) as uvm:
        answer = backend_of(uvm).generate(request("brick"))

        assert answer.adapter is None
        assert "no adapter 'brick'" in answer.notes["adapter"]
        assert answer.text == backend_of(uvm).generate(request(None)).text


# Interruptions


@pytest.mark.parametrize("options", [ROOM, ONE_SLOT])
def test_a_crash_in_the_middle_of_an_activation_leaves_a_model_that_can_be_used(tiny, options):
    with holding(tiny, PERSONAS, options) as uvm:
        backend = backend_of(uvm)
        expected = {name: backend.generate(request(name)).text for name in (*PERSONAS, None)}
        backend.engine.residence.hot.forget(uvm.adapters.versions("robin")[0].sha256)
        with armed("adapters.while_filling"), pytest.raises(Crash):
            backend.generate(request("robin"))

        assert not any(held.startswith("robin@") for held in backend.tiers()["hot"])
        assert {name: backend.generate(request(name)).text for name in (None, *PERSONAS)} == expected


def test_nothing_of_warm_and_hot_is_in_the_image(tiny, tmp_path):
    """A process that starts again has cold adapters and no others: there is nothing to repair."""
    with holding(tiny, PERSONAS) as uvm:
        for name in PERSONAS:
            backend_of(uvm).activate(name)
        before = uvm.history("memory_manager")
        assert len(backend_of(uvm).tiers()["hot"]) == 4
        assert uvm.history("memory_manager") == before
        uvm.fork(tmp_path / "fork")
    with Uvm(tmp_path / "fork", model=f"peft:{tiny.model}#{ROOM}") as fork:
        tiers = backend_of(fork).tiers()
        assert (len(tiers["cold"]), tiers["warm"], tiers["hot"]) == (4, [], [])


# Refusals


def test_an_adapter_for_another_base_model_is_refused_when_added_or_when_used(tiny, tmp_path):
    other = tiny_model.build_model(tmp_path / "other", hidden_size=32, intermediate_size=80)
    foreign = tiny_model.build_adapter(other, tmp_path / "foreign", seed=3)
    with holding(tiny, []) as uvm:
        with pytest.raises(AdapterRefused, match="another base model"):
            uvm.adapters.add("robin", foreign, model=tiny.model)
        uvm.adapters.add("robin", foreign)
        with pytest.raises(AdapterRefused, match="another base model"):
            backend_of(uvm).generate(request("robin"))
        with pytest.raises(AdapterRefused, match="one base model"):
            uvm.adapters.add("brick", tiny.adapters["brick"])
        assert backend_of(uvm).generate(request(None)).text


def test_a_stored_adapter_whose_bytes_changed_is_refused_and_verify_names_it(tiny):
    with holding(tiny, ["robin", "brick"]) as uvm:
        damage(uvm, "robin")
        backend = backend_of(uvm)
        with pytest.raises(AdapterRefused, match="not what was added"):
            backend.generate(request("robin"))
        assert backend.generate(request("brick")).text
        found = {called.split("@")[0]: reason for called, reason in uvm.adapters.verify().items()}
        assert found["brick"] == ""
        assert "not what" in found["robin"]
        with pytest.raises(AdapterRefused):
            uvm.adapters.export("robin", uvm.image.path)


def damage(uvm, name):
    """Turn one bit of the stored weights, as a disk might."""
    sha256 = uvm.adapters.versions(name)[0].sha256
    with Library(uvm.image).cold(name, sha256) as cold:
        path = cold.path
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def test_weights_that_are_no_numbers_are_refused_with_a_sentence(tiny, tmp_path):
    good = Adapter.from_folder(tiny.adapters["robin"], "robin")
    weights = bytearray(good.weights)
    first = next(iter(good.header.tensors.values()))
    weights[good.header.offset + first.start : good.header.offset + first.start + 4] = struct.pack("<f", float("nan"))
    broken = Adapter.read(good.config_text, bytes(weights), "robin").write(tmp_path, "robin")
    with holding(tiny, []) as uvm:
        uvm.adapters.add("robin", broken)
        with pytest.raises(BackendNonsense, match="no numbers"):
            backend_of(uvm).generate(request("robin"))
        assert backend_of(uvm).generate(request(None)).text


def test_an_unknown_adapter_is_named_with_those_that_there_are(tiny):
    with holding(tiny, ["robin"]) as uvm, pytest.raises(UnknownAdapter, match="robin"):
        backend_of(uvm).activate("brick")


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded(tiny):
    with pytest.raises(OverBudget, match=r"1\.00 MB"):
        PeftBackend(f"{tiny.model}#vram=1MB,device=cpu,context=2048")


def test_an_adapter_whose_slot_has_no_room_is_refused_and_the_others_go_on(tiny):
    shape = ModelShape.read(tiny.model)
    wish = Wish(context=512, slots=1, rank=8, device="cpu", adapter_bytes=4, targets=("q_proj", "v_proj"))
    least = make_plan(shape, None, wish).total + 2000
    with holding(tiny, ["narrow"], f"vram={least},context=512,slots=1,device=cpu") as uvm:
        backend = backend_of(uvm)
        before = backend.generate(request("narrow", max_tokens=4)).text
        uvm.adapters.add("robin", tiny.adapters["robin"])
        with pytest.raises(OverBudget, match="a slot for rank 8"):
            backend.generate(request("robin", max_tokens=4))
        assert backend.generate(request("narrow", max_tokens=4)).text == before


def test_a_folder_whose_weights_are_missing_or_pickled_is_refused(tiny, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).write_bytes((tiny.model / name).read_bytes())
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(SettingRefused, match="cannot be loaded"):
        PeftBackend(f"{folder}#{ROOM}").generate(request())


# Plan and measured bytes


def test_the_plan_is_what_the_loaded_model_takes(tiny):
    with holding(tiny, PERSONAS) as uvm:
        backend = backend_of(uvm)
        plan = backend.plan()
        for name in PERSONAS:
            activate(backend, name)
        engine = backend.engine

        assert engine.model.weight_bytes == plan.parts["weights"] + plan.parts["embeddings"]
        assert engine.residence.slots.bytes == plan.parts["slots"] == 4 * plan.slot_bytes
        backend.generate(request(None))
        kept = engine.decoder._kept["base"]
        measured = sum(layer.keys.nbytes + layer.values.nbytes for layer in kept.cache.layers)
        assert measured == len(kept.tokens) * plan.kv_bytes_per_token
        assert engine.decoder.kept_tokens <= engine.context


FAMILIES = {
    "llama": {"attention_bias": True, "mlp_bias": True},
    "mistral": {},
    "qwen2": {},
    "qwen3": {"head_dim": 24},
    "gemma": {"head_dim": 24},
    "gemma2": {"head_dim": 24},
    "gemma3_text": {"head_dim": 24},
    "phi3": {"pad_token_id": 0},
}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_and_modules_are_those_of_the_real_class(family, tied, tmp_path):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(
        family,
        vocab_size=300,
        hidden_size=64,
        intermediate_size=112,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
        **FAMILIES[family],
    )
    config.save_pretrained(tmp_path)
    shape = ModelShape.read(tmp_path)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    linear = {
        name: (module.in_features, module.out_features)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head"
    }

    assert shape.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert shape.modules == linear


def test_warm_adapters_stay_within_their_budget(tiny):
    """Room for two: what is warm never takes more, and every answer is still right."""
    size = len((tiny.adapters["robin"] / WEIGHTS).read_bytes())
    with holding(tiny, PERSONAS, f"{ROOM},ram={2 * size},slots=1,batch=1") as uvm:
        backend = backend_of(uvm)
        expected = {name: backend.generate(request(name)).text for name in PERSONAS}
        for name in (*PERSONAS, *PERSONAS):
            assert backend.generate(request(name)).text == expected[name]
            warm = backend.engine.residence.warm
            assert warm.bytes <= warm.limit
            assert len(backend.tiers()["warm"]) == 2


def test_the_file_of_an_adapter_that_fills_its_slot_is_the_layout_of_the_slot(tiny):
    """What the speed of a cold activation rests on."""
    from batos.inference.peft.slots import _is_laid_out_so

    with holding(tiny, PERSONAS) as uvm:
        backend = backend_of(uvm)
        activate(backend, "robin")
        data = (tiny.adapters["robin"] / WEIGHTS).read_bytes()
        assert _is_laid_out_so(read_header(data, name="robin"), backend.engine.residence.slots.layout)


def test_adapters_of_an_image_are_read_by_peft_when_they_are_exported(tiny, tmp_path):
    import torch

    with holding(tiny, ["robin"]) as uvm:
        made = uvm.adapters.export("robin", tmp_path)
        again = {**tiny.adapters, "robin": made}
        backend = backend_of(uvm)
        fresh = loaded_fresh(type(tiny)(tiny.model, again), "robin", backend)
        assert torch.equal(logits(backend, activate(backend, "robin")), fresh)
        assert json.loads((made / "adapter_config.json").read_text())["r"] == 8
