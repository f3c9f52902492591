"""The other process of the sharing tests: does on one image what it reads, line by line, and answers in one line each.

Run as `python sharing_partner.py ADDRESS`. With `--works` it has the whole system open and works the image's missions.
"""

from __future__ import annotations

import json
import sys

import batos
from batos.errors import BatosError
from batos.image.image import Image


def raise_by_one(image: Image, times: int) -> int:
    """Each in a transaction that is run again when it loses a race."""

    def work(world):
        world["counter"].value += 1
        return world["counter"].value

    return max(image.change("raise", work) for _ in range(times))


def value(image: Image) -> int:
    with image.reading() as world:
        return world["counter"].value


def tell(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def obey(image: Image, command: list) -> object:
    match command:
        case ["raise", times]:
            return raise_by_one(image, times)
        case ["value"]:
            return value(image)
        case ["id"]:
            return image.id
    raise ValueError(command)


def main() -> None:
    address, works = sys.argv[1], "--works" in sys.argv
    with batos.open(address) if works else Image.open(address) as opened:
        image = opened.image if works else opened
        tell("ready")
        for line in sys.stdin:
            try:
                answer = obey(image, json.loads(line))
            except BatosError as error:
                answer = {"error": str(error)}
            tell(answer)


if __name__ == "__main__":
    main()
