"""A mission database of its own for each test that asks for one, on every dialect that is installed here."""

import pytest

from batos.runtime.missions import MissionStore
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
