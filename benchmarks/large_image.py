"""What a fresh process needs to open a large image and read a thousand of its objects.

Run as `python -m benchmarks.large_image PATH OBJECTS`. It imports nothing but the image, so that only that is measured.
"""

from __future__ import annotations

import json
import resource
import sys

from batos.image.image import Image

READ = 1000


def main() -> None:
    path, objects = sys.argv[1], int(sys.argv[2])
    empty = _most_held()
    with Image.open(path) as image, image.reading() as world:
        numbers = range(0, objects, max(1, objects // READ))
        assert all(world[f"object_{number}"].number == number for number in numbers)
    print(json.dumps({"mib": _most_held(), "empty_mib": empty}))


def _most_held() -> float:
    """The most memory that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
