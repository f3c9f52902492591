"""The disk: what a change of a small object adds, and what two hundred steps leave behind, beside LangGraph."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import batos
from batos.image.image import Image
from benchmarks.environments import LANGGRAPH, NotInstalled, answer_of, python_with
from benchmarks.figures import Figure
from benchmarks.peers.steps import BYTES, size_of, texts

STEPS = 200
REPOSITORY = Path(__file__).parents[2]


def measure(quick: bool, folder: Path) -> Iterator[Figure]:
    bytes_each = _commit_bytes(folder / "commits.image", changes=50 if quick else 1000)
    yield Figure("commit_bytes", bytes_each, "bytes per changed small object, FileStorage", "≤ 250")
    bare, full = _image_growth(folder / "bare.image"), _system_growth(folder / "full.image")
    beside = f"the image's objects alone: {bare:.2f}"
    yield Figure("growth_ratio", full, f"disk after {STEPS} steps of {BYTES} bytes ÷ payload", "≤ 2", beside)
    yield from _langgraph(quick, folder / "langgraph")


def _commit_bytes(path: Path, changes: int) -> float:
    """Bytes that one commit adds to the file, when it changes one slot of an object with three."""
    with Image.open(f"file:{path}") as image:
        with image.transaction("create") as world:
            world.create("small", {"name": "Ada Lovelace", "city": "London", "count": 0}, [])
        before = _database(path)
        for count in range(1, changes + 1):
            with image.transaction("count") as world:
                world["small"].count = count
        return (_database(path) - before) / changes


def _database(path: Path) -> int:
    return (path / "objects" / "objects.fs").stat().st_size


def _image_growth(path: Path) -> float:
    with Image.open(path) as image:
        _take_steps(image)
    return size_of(path) / (STEPS * BYTES)


def _system_growth(path: Path) -> float:
    """Everything in the directory of a whole system's image, closed: awakened world, missions and all."""
    with batos.open(path) as system:
        _take_steps(system.image)
    return size_of(path) / (STEPS * BYTES)


def _take_steps(image: Image) -> None:
    for number, text in enumerate(texts(STEPS)):
        with image.transaction(f"step {number}") as world:
            world.create(f"step_{number}", {"value": text})


def _langgraph(quick: bool, folder: Path) -> Iterator[Figure]:
    try:
        python = python_with("langgraph", LANGGRAPH, install=not quick)
    except NotInstalled as reason:
        print(f"left out: {reason}", file=sys.stderr)
        return
    command = [python, "-m", "benchmarks.peers.langgraph_growth", STEPS, folder]
    grown = answer_of([str(part) for part in command], cwd=REPOSITORY)
    yield Figure("langgraph_growth", grown["plain"], "the same in LangGraph's SqliteSaver")
    yield Figure("langgraph_delta_growth", grown["delta"], "the same with LangGraph's DeltaChannel")
