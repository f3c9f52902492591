"""`batos adapters` as a user types it. None of this needs torch, and each command says so where it is missing."""

import json
import sys

import pytest

from adapter_files import matrices, safetensors, write_folder
from tiny_model import eight_billion

Q_PROJ = "model.layers.0.self_attn.q_proj"
FITTING = matrices(inputs=4096, outputs=4096)


@pytest.fixture
def adapters(batos):
    """Calls `batos adapters`."""
    return lambda *arguments: batos("adapters", *arguments)


@pytest.fixture
def without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)


def document(told):
    assert told[0] == 0, told
    return json.loads(told[1])


def test_the_life_of_an_adapter(adapters, tmp_path):
    write_folder(tmp_path / "first")
    write_folder(tmp_path / "second", safetensors(matrices(fill=b"\1")))

    first = document(adapters("add", "robin", "first", "--json"))
    second = document(adapters("add", "robin", "second", "--json"))
    listed = document(adapters("list", "--json"))["adapters"]
    assert [version["sha256"] for version in listed if version["current"]] == [second["sha256"]]
    assert {version["sha256"] for version in listed} == {first["sha256"], second["sha256"]}

    code, out, _ = adapters("activate", "robin", first["sha256"][:6])
    assert (code, out) == (0, f"robin@{first['sha256'][:12]} is current.\n")
    code, out, _ = adapters("list")
    assert [line.split()[1:3] for line in out.splitlines() if "current" in line] == [[first["sha256"][:12], "current"]]
    assert set(document(adapters("verify", "--json"))["adapters"].values()) == {""}

    made = document(adapters("export", "robin", "out", "--json"))["folder"]
    assert made.endswith(f"out/robin-{first['sha256'][:12]}") or made == f"out/robin-{first['sha256'][:12]}"
    assert document(adapters("add", "brick", made, "--json"))["sha256"] == first["sha256"]

    code, out, _ = adapters("remove", "robin", "--version", second["sha256"][:6])
    assert (code, "Removed robin@" in out) == (0, True)
    assert adapters("remove", "robin")[0] == 0
    assert [version["name"] for version in document(adapters("list", "--json"))["adapters"]] == ["brick"]


def test_removing_can_be_undone(adapters, tmp_path):
    write_folder(tmp_path / "first")
    adapters("add", "robin", "first")
    adapters("remove", "robin")
    from batos.runtime.uvm import Uvm

    with Uvm("demo.image", work=False) as uvm:
        uvm.undo(uvm.history("pllm")[0].id)
    assert [version["name"] for version in document(adapters("list", "--json"))["adapters"]] == ["robin"]


def test_a_list_of_nothing_says_how_to_begin(adapters, tmp_path):
    write_folder(tmp_path / "first")
    adapters("add", "robin", "first")
    adapters("remove", "robin")
    assert "batos adapters add" in adapters("list")[1]


@pytest.mark.parametrize(
    "arguments, code, says",
    [
        (("list",), 3, "There is no image"),
        (("add", "robin", "nowhere"), 1, "cannot be read"),
        (("add", "ROBIN", "first"), 1, "small letters"),
        (("add", "robin", "pickled"), 1, "pickle"),
        (("add", "robin", "first", "--model", "m"), 1, "does not have|has 4 inputs"),
        (("plan", "--model", "nowhere"), 1, "no config.json"),
        (("plan", "--model", "m", "--vram", "lots"), 1, "amount of memory"),
        (("plan", "--model", "m", "--vram", "6.9GB"), 1, ""),
        (("plan",), 2, "--model"),
    ],
)
def test_what_goes_wrong_is_a_sentence(adapters, tmp_path, arguments, code, says):
    write_folder(tmp_path / "first")
    write_folder(tmp_path / "pickled", b"\x80\x04N.")
    eight_billion(tmp_path / "m")
    ended, out, error = adapters(*arguments)

    assert ended == code, (out, error)
    assert any(part in error for part in says.split("|"))
    assert "Traceback" not in error


def test_an_unknown_adapter_is_named_with_those_that_there_are(adapters, tmp_path):
    write_folder(tmp_path / "first")
    adapters("add", "robin", "first")
    for arguments in (("activate", "brick", "a"), ("remove", "brick"), ("export", "brick", "out"), ("verify", "brick")):
        code, _, error = adapters(*arguments)
        assert code == 1
        assert "no adapter 'brick'" in error
        assert "robin" in error
    assert "It has" in adapters("activate", "robin", "zz")[2]


def test_a_plan_says_what_fits(adapters, tmp_path):
    eight_billion(tmp_path / "m")
    plan = document(adapters("plan", "--model", "m", "--vram", "6.9GB", "--bits", "4", "--json"))
    assert plan["fits"]
    assert (plan["context"], plan["slots"], plan["rank"]) == (8192, 4, 16)
    assert plan["total"] <= 6_900_000_000
    code, out, _ = adapters("plan", "--model", "m", "--vram", "6.9GB", "--bits", "4")
    assert code == 0
    assert "It fits: 8192 tokens" in out
    code, out, _ = adapters("plan", "--model", "m", "--vram", "6.9GB")
    assert code == 1
    assert "bits=4" in out


def test_a_plan_is_for_the_adapters_of_the_image(adapters, tmp_path):
    eight_billion(tmp_path / "m")
    write_folder(tmp_path / "first", safetensors(FITTING))
    adapters("add", "robin", "first", "--model", "m")
    plan = document(adapters("plan", "--model", "m", "--json"))

    assert (plan["rank"], plan["targets"], plan["adapter_bytes"]) == (2, ["q_proj"], 4)
    assert document(adapters("plan", "--model", "m", "--rank", "8", "--json"))["rank"] == 8
    assert document(adapters("verify", "--model", "m", "--json"))["adapters"].popitem()[1] == ""


def test_every_command_says_where_torch_is_missing(adapters, tmp_path, without_torch):
    eight_billion(tmp_path / "m")
    write_folder(tmp_path / "first")
    added = document(adapters("add", "robin", "first", "--json"))
    for arguments, ends in [
        (("add", "robin", "first"), 0),
        (("list",), 0),
        (("verify",), 0),
        (("export", "robin", "out"), 0),
        (("activate", "robin", added["sha256"][:8]), 0),
        (("plan", "--model", "m"), 0),
        (("train", "robin", "--model", "m"), 1),
        (("remove", "robin"), 0),
    ]:
        code, _, error = adapters(*arguments)
        assert code == ends, arguments
        assert error.count("needs the extra [peft]. Install it with `pip install 'batos[peft]'`.") == 1, arguments


def test_opening_with_a_model_where_torch_is_missing_names_the_extra(tmp_path, without_torch):
    from batos.errors import MissingExtra
    from batos.testing import temporary_image

    model = eight_billion(tmp_path / "m")
    with pytest.raises(MissingExtra, match=r"batos\[peft\]"), temporary_image(model=f"peft:{model}"):
        pass
