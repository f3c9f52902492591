"""What the suites about memory share: an image with a catalog, on both storages that are files."""

import pytest

from batos.image.image import Image
from batos.memory import catalog


@pytest.fixture(params=["sqlite", "file"])
def image(request, tmp_path):
    with Image.open(f"{request.param}:{tmp_path}/image") as opened:
        opened.change("lay the catalog", catalog.lay_catalog)
        yield opened
