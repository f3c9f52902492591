"""What fits into a budget, from config.json alone. The figures of a well-known shape are written out by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.errors import OverBudget, SettingRefused
from batos.inference.peft.plan import CUDA_BYTES, LEAST_CONTEXT, Wish, make_plan, size
from batos.inference.peft.shape import ModelShape
from batos.inference.peft.spec import Spec, read_bytes
from batos.runtime.adapters import plan_for
from tiny_model import eight_billion

GB = 10**9
BUDGET = 6_900_000_000


@pytest.fixture
def shape(tmp_path):
    return ModelShape.read(eight_billion(tmp_path))


def test_the_parameters_of_llama_3_1_8b_are_counted_to_the_last(shape):
    assert shape.parameters == 8_030_261_248


def test_four_minds_fit_into_6_9_gb(shape):
    """Four rank-16 adapters on all linear modules, 8,192 tokens of context, weights of 4 bits."""
    plan = make_plan(shape, BUDGET, Wish(bits=4))

    assert plan.fits
    assert (plan.wish.context, plan.wish.slots, plan.wish.rank) == (8192, 4, 16)
    assert plan.changed == ("embeddings of the input stay in RAM",)
    # 6,979,321,856 numbers in 224 matrices: half a byte, a byte per 64, four per 16,384.
    assert plan.parts["weights"] == 3_489_660_928 + 109_051_904 + 1_703_936 + 2 * 65 * 4096
    assert plan.parts["embeddings"] == plan.ram["embeddings"] == 128_256 * 4096 * 2
    assert plan.parts["cache"] == 8192 * 2 * 32 * 8 * 128 * 2
    assert plan.slot_bytes == 16 * 81_920 * 32 * 2
    assert plan.parts["slots"] == 4 * plan.slot_bytes
    assert plan.parts["framework"] == CUDA_BYTES
    assert plan.total <= BUDGET


def test_full_precision_does_not_fit_and_the_plan_says_what_would(shape):
    plan = make_plan(shape, BUDGET, Wish())

    assert not plan.fits
    assert "4 bits" in plan.advice[0]
    with pytest.raises(OverBudget, match=r"does not fit into 6\.90 GB"):
        plan.require()


def test_slots_go_before_context_and_only_as_many_as_must(shape):
    whole = make_plan(shape, None, Wish(bits=4, embeddings_in_ram=True))
    two = make_plan(shape, whole.total - 2 * whole.slot_bytes, Wish(bits=4))
    shorter = make_plan(shape, whole.total - 4 * whole.slot_bytes, Wish(bits=4))

    assert (two.wish.slots, two.wish.context) == (2, 8192)
    assert shorter.wish.slots == 1
    assert LEAST_CONTEXT <= shorter.wish.context < 8192
    assert shorter.fits
    assert [said.split()[0] for said in shorter.changed] == ["embeddings", "slots:", "context:"]


@given(st.integers(10**8, 3 * 10**10), st.integers(1, 12), st.integers(1, 200_000), st.sampled_from([None, 4]))
def test_a_plan_that_fits_is_within_its_budget_and_never_more_than_was_wished(budget, slots, context, bits):
    shape = SHAPE
    wish = Wish(context=context, slots=slots, bits=bits)
    plan = make_plan(shape, budget, wish)

    assert plan.fits == (plan.total <= budget)
    assert plan.wish.slots <= slots
    assert plan.wish.context <= min(context, shape.longest)
    if not plan.fits:
        assert plan.advice


SHAPE = ModelShape("llama", 32, 4096, 14336, 32, 8, 128, 128256, False, False, False, 131072, "bfloat16")


def test_a_tied_model_has_one_table_and_keeps_it_on_the_device(tmp_path):
    shape = ModelShape.read(eight_billion(tmp_path, tie_word_embeddings=True))
    plan = make_plan(shape, None, Wish())

    assert plan.parts["embeddings"] == shape.embedding_parameters * 2
    assert make_plan(shape, plan.total - 1, Wish()).ram == {}


def test_a_context_is_no_longer_than_the_model_reads(tmp_path):
    shape = ModelShape.read(eight_billion(tmp_path, max_position_embeddings=2048))

    assert make_plan(shape, None, Wish(context=8192)).wish.context == 2048


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"model_type": "mixtral"}, "'mixtral'"),
        ({"vocab_size": 0}, "vocab_size"),
        ({"torch_dtype": "int8"}, "'int8'"),
        ({"quantization_config": {"quant_method": "gptq"}}, "another way"),
    ],
)
def test_a_config_that_cannot_be_planned_is_refused(tmp_path, changed, says):
    with pytest.raises(SettingRefused, match=says):
        ModelShape.read(eight_billion(tmp_path, **changed))


def test_a_model_of_several_kinds_of_input_and_a_folder_without_model_are_refused(tmp_path):
    with pytest.raises(SettingRefused, match=r"no config\.json"):
        ModelShape.read(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gemma3", "text_config": {"hidden_size": 4}}))
    with pytest.raises(SettingRefused, match="several kinds"):
        ModelShape.read(tmp_path)
    (tmp_path / "config.json").write_text("nope")
    with pytest.raises(SettingRefused, match="no JSON"):
        ModelShape.read(tmp_path)


def test_4_bits_on_a_cpu_are_refused(shape):
    with pytest.raises(SettingRefused, match="CUDA"):
        make_plan(shape, None, Wish(bits=4, device="cpu"))


def test_a_model_is_written_with_its_options(tmp_path):
    spec = Spec.parse(f"{tmp_path}#vram=6.9GB,context=4096,slots=2,bits=4,device=cuda")

    assert (spec.folder, spec.vram, spec.context, spec.slots, spec.bits) == (tmp_path, BUDGET, 4096, 2, 4)
    assert Spec.parse(f"{tmp_path}/a#b").folder == tmp_path / "a#b"


@pytest.mark.parametrize(
    "details", ["", "#vram=1GB", "m#speed=9", "m#context=0", "m#context=-1", "m#vram=lots", "m#bits=3"]
)
def test_a_model_that_is_written_wrongly_is_refused(details):
    with pytest.raises(SettingRefused):
        Spec.parse(details)


@pytest.mark.parametrize(
    "text, amount", [("6.9GB", BUDGET), ("6.9 gb", BUDGET), ("512MiB", 512 * 2**20), ("100", 100), ("2kB", 2000)]
)
def test_amounts_of_memory_are_read(text, amount):
    assert read_bytes("vram", text) == amount


def test_a_plan_for_a_folder_takes_the_options_of_the_command_line(tmp_path):
    plan = plan_for(eight_billion(tmp_path), vram="6.9GB", bits=4, rank=8, context=4096, slots=None)

    assert (plan.wish.rank, plan.wish.context, plan.wish.slots, plan.fits) == (8, 4096, 4, True)
    with pytest.raises(SettingRefused, match="known are"):
        plan_for(eight_billion(tmp_path), speed=3)


def test_sizes_are_said_in_units_of_ten():
    assert [size(6_900_000_000), size(5_242_880), size(12)] == ["6.90 GB", "5.24 MB", "12 bytes"]
