"""A mission database of its own for each test that asks for one, on every dialect that is installed here; a tiny model,
made once, for those that need one."""

import pytest

import tiny_model
from batos.runtime.missions import MissionStore
from contract.adapter_tools import Tiny
from contract.databases import DIALECTS, new_database


@pytest.fixture(params=DIALECTS)
def mission_url(request, tmp_path):
    with new_database(request.param, tmp_path, lambda: request.getfixturevalue("postgresql")) as url:
        yield url


@pytest.fixture
def store(mission_url, clock):
    store = MissionStore.open(mission_url, clock, max_leases_lost=2)
    yield store
    store.close()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The tiny model and its adapters, made once; skips where torch is missing."""
    if tiny_model.MISSING:
        pytest.skip(tiny_model.REASON)
    folder = tmp_path_factory.mktemp("tiny")
    model = tiny_model.build_model(folder / "model")
    kinds = {name: {"seed": seed} for seed, name in enumerate(tiny_model.PERSONAS)}
    kinds["small"] = {"seed": 11, "rank": 4}
    kinds["narrow"] = {"seed": 12, "targets": ("q_proj", "v_proj")}
    kinds["large"] = {"seed": 13, "rank": 16}
    tiny_model.build_adapters(model, {folder / name: kind for name, kind in kinds.items()})
    return Tiny(model, {name: folder / name for name in kinds})
