"""An adapter's two files: what is taken, what is refused and with which sentence. Nothing here needs torch."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter_files import MODULE, config, matrices, safetensors
from adapter_files import write_folder as folder
from batos.errors import AdapterRefused
from batos.inference.peft.folder import WEIGHTS, Adapter, misfit
from batos.inference.peft.tensors import read_header


def test_a_folder_is_read_with_its_rank_scaling_and_modules(tmp_path):
    adapter = Adapter.from_folder(folder(tmp_path / "a"), "robin")

    assert (adapter.config.r, adapter.config.scaling, adapter.targets) == (2, 2.0, ("q_proj",))
    assert adapter.modules == {MODULE: (4, 3)}
    assert len(adapter.sha256) == 64


def test_rank_stabilised_lora_scales_by_the_root_of_the_rank(tmp_path):
    settings = config(r=4, lora_alpha=8, use_rslora=True)
    weights = safetensors(matrices(rank=4))

    assert Adapter.read(settings, weights, "robin").config.scaling == 4.0


def test_the_hash_depends_on_content_alone(tmp_path):
    spaced = json.dumps(json.loads(config()), indent=7, sort_keys=False)
    first = Adapter.read(config(), safetensors(matrices()), "robin")
    same = Adapter.read(spaced, safetensors(matrices()), "brick")
    other = Adapter.read(config(lora_alpha=5), safetensors(matrices()), "robin")

    assert first.sha256 == same.sha256 != other.sha256


def test_what_is_written_is_a_folder_with_the_same_hash_named_after_it(tmp_path):
    adapter = Adapter.from_folder(folder(tmp_path / "a"), "robin")
    made = adapter.write(tmp_path / "out", "robin")

    assert made.name == f"robin-{adapter.sha256[:12]}"
    assert Adapter.from_folder(made, "robin").sha256 == adapter.sha256
    assert adapter.write(tmp_path / "out", "robin") == made
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [made.name]


def zipped(tmp_path) -> bytes:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1}))
    return (tmp_path / "z").read_bytes()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", [WEIGHTS, "adapter_model.bin"])
def test_pickles_are_refused_by_what_they_are_whatever_they_are_called(tmp_path, protocol, name):
    weights = pickle.dumps({"base_model.model.a.lora_A.weight": [1.0]}, protocol)

    with pytest.raises(AdapterRefused, match=r"pickle|no safetensors file|called adapter_model\.bin"):
        Adapter.from_folder(folder(tmp_path / "a", weights, name=name), "robin")


@pytest.mark.parametrize("name", [WEIGHTS, "adapter_model.bin"])
def test_the_zip_that_torch_saves_is_refused_as_one(tmp_path, name):
    with pytest.raises(AdapterRefused, match=r"torch\.save"):
        Adapter.from_folder(folder(tmp_path / "a", zipped(tmp_path), name=name), "robin")


GOOD = safetensors(matrices())
KEYS = list(matrices())


def changed(which: int, **entries) -> bytes:
    """The good file, but for what its header says about one of its tensors."""
    said = {"dtype": "F32", "shape": [[2, 4], [3, 2]][which], "data_offsets": [[0, 32], [32, 56]][which]}
    return safetensors(matrices(), **{KEYS[which]: {**said, **entries}})


@pytest.mark.parametrize(
    "weights, says",
    [
        (b"", "too short"),
        (GOOD[:-1], "cut off"),
        (GOOD + b"x", "behind its last tensor"),
        (struct.pack("<Q", 2**40) + b"{}", "no sound length"),
        (struct.pack("<Q", 4) + b"nope", "cannot be read"),
        (struct.pack("<Q", 2) + b"[]", "cannot be read"),
        (changed(0, shape=[2, 5]), "do not fit"),
        (changed(0, dtype="I64"), "'I64'"),
        (changed(1, data_offsets=[8, 32]), "overlap"),
        (changed(0, shape=[-2, -4]), "whole"),
        (safetensors({KEYS[0]: matrices()[KEYS[0]]}), "one of its two matrices"),
        (safetensors(matrices(rank=3)), "says rank 2"),
        (safetensors({**matrices(), "base_model.model.lm_head.weight": ("F32", (1, 1), bytes(4))}), "no matrix"),
        (safetensors({}), "no matrices"),
    ],
)
def test_a_file_that_is_not_whole_and_tidy_is_refused(weights, says):
    with pytest.raises(AdapterRefused, match=says):
        Adapter.read(config(), weights, "robin")


@pytest.mark.parametrize(
    "settings, says",
    [
        ({"peft_type": "IA3"}, "'IA3'"),
        ({"use_dora": True}, "DoRA"),
        ({"bias": "all"}, "biases"),
        ({"modules_to_save": ["lm_head"]}, "whole modules"),
        ({"rank_pattern": {"q_proj": 4}}, "ranks that differ"),
        ({"init_lora_weights": "pissa"}, "changes the base model"),
        ({"r": 0}, "greater than or equal to 1"),
        ({"lora_alpha": float("inf")}, "finite"),
    ],
)
def test_a_configuration_that_means_something_else_is_refused(settings, says):
    with pytest.raises(AdapterRefused, match=says):
        Adapter.read(config(**settings), GOOD, "robin")


def test_a_configuration_that_is_no_json_and_a_folder_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(AdapterRefused, match="no JSON"):
        Adapter.read("{", GOOD, "robin")
    with pytest.raises(AdapterRefused, match="cannot be read"):
        Adapter.from_folder(tmp_path / "nowhere", "robin")


@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_the_parser_fail_otherwise_than_by_refusing(data):
    with pytest.raises(AdapterRefused):
        Adapter.read(config(), data, "robin")


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_damaged_byte_is_refused_or_changes_the_hash(place, flip):
    damaged = bytearray(GOOD)
    damaged[place] ^= flip
    try:
        adapter = Adapter.read(config(), bytes(damaged), "robin")
    except AdapterRefused:
        return
    assert adapter.sha256 != Adapter.read(config(), GOOD, "robin").sha256


def test_the_header_can_be_read_before_the_rest_is_there():
    length = int.from_bytes(GOOD[:8], "little")
    header = read_header(GOOD[: 8 + length], name="robin", size=len(GOOD))

    assert header.offset == 8 + length
    assert header.data_bytes == len(GOOD) - header.offset


def test_a_misfit_says_which_module_and_why():
    base = {MODULE: (4, 3), "other": (1, 1)}

    assert misfit({MODULE: (4, 3)}, base) is None
    assert "does not have" in misfit({"model.elsewhere": (4, 3)}, base)
    assert "4 inputs and 9 outputs" in misfit({MODULE: (4, 9)}, base)
