"""The benchmarks run, small, and print what they promise. What they measure belongs into `benchmarks/LOG.md`."""

import json
import math
import subprocess
import sys

import pytest

import tiny_model
from shape.places import REPOSITORY

KEYS = {
    "depth_ratio",
    "lookup_ratio",
    "own_slot_ratio",
    "commit_bytes",
    "growth_ratio",
    "history_ms",
    "inspect_ratio",
    "open_1m_mib",
    "richards_ratio",
    "deltablue_ratio",
    "json_ratio",
}
CYCLE_ALONE = """
import tempfile
from pathlib import Path
from benchmarks.cycle import alone
with tempfile.TemporaryDirectory() as folder:
    print(*(figure.key for figure in alone.measure(True, Path(folder))))
"""
ADAPTERS_SMALL = """
from benchmarks import adapters
adapters.TRIES, adapters.TOKENS = 1, 4
print(*(figure.key for figure in adapters.measure(True)))
"""
METHODS_ALONE = """
from benchmarks.methods import gate, running
figures = [*running.measure(True), *gate.measure(True)]
assert all(figure.value > 0 for figure in figures if not figure.key.startswith("nested")), figures
print(*(figure.key for figure in figures))
"""
SYNTHESIS_OF_SYGUS = """
from pathlib import Path
from benchmarks.methods import synthesis
print(*(f"{figure.key}={figure.value:.4f}" for figure in synthesis.measure(False, Path("tests/sygus"))))
"""
CHECK_PROGRAMS = """
from benchmarks.programs import deltablue, json_parser, richards
assert richards.Program().run(10_000) == [23246, 9297]
assert deltablue.Program().run(30)[1:6] == [19, 1170, 5, 1000, 2000]
assert json_parser.Program().run(7)[1] == json_parser.reference(7)
"""


def run(*arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=55, check=False)


def test_the_image_benchmark_prints_a_table_and_every_key_as_json():
    done = run("-m", "benchmarks", "image", "--quick", "--json")

    assert done.returncode == 0, done.stderr
    *table, last = done.stdout.splitlines()
    figures = json.loads(last)
    assert figures.keys() >= KEYS
    assert all(math.isfinite(figure) and figure > 0 for figure in figures.values())
    assert {line.split()[0] for line in table[1:]} == figures.keys()


def test_the_cycle_benchmark_measures_ours_without_its_peers():
    """Its parts that need no peer and no strace, in a program of their own: the whole takes minutes."""
    done = run("-c", CYCLE_ALONE)

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"attempt_cpu_ms", "replay_ms", "facets_s"}


def test_the_synthesiser_is_measured_on_a_folder_of_sygus_files():
    """Of the four files that state enough examples three are solved, and nothing is wrong; nobody answers questions."""
    done = run("-c", SYNTHESIS_OF_SYGUS)

    assert done.returncode == 0, done.stderr
    figures = dict(each.split("=") for each in done.stdout.split())
    assert figures.keys() == {
        "synthesis_rate", "synthesis_silent", "synthesis_refused", "synthesis_questions", "synthesis_seconds"
    }  # fmt: skip
    assert float(figures["synthesis_rate"]) >= 0.75
    assert float(figures["synthesis_silent"]) == 0
    shares = (float(figures[f"synthesis_{share}"]) for share in ("rate", "silent", "refused"))
    assert sum(shares) == pytest.approx(1)
    assert float(figures["synthesis_questions"]) <= 2
    assert float(figures["synthesis_seconds"]) > 0


@pytest.mark.skipif(bool(tiny_model.MISSING), reason=tiny_model.REASON)
def test_the_adapters_benchmark_measures_what_it_promises():
    """On a model of two layers, each way tried once, in a program of its own that imports torch."""
    done = run("-c", ADAPTERS_SMALL)

    assert done.returncode == 0, done.stderr
    ours = {"warm_hot_ratio", "cold_hot_ratio", "cold_first_ratio", "disable_ratio", "token_overhead"}
    assert set(done.stdout.split()) == ours | {"hotswap_ratio", "load_adapter_ratio"}


def test_the_methods_benchmark_measures_every_key_but_those_of_the_synthesiser():
    """Those are the keys of `batos bench-model builtin`, which has tests of its own."""
    done = run("-c", METHODS_ALONE)

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {
        "sandbox_ratio",
        "sandbox_object_ratio",
        "sandbox_spared_ratio",
        "nested_ratio",
        "nested_own_ratio",
        "nested_writing_ratio",
        "trusted_ratio",
        "guardian_ms",
        "audit_ms",
        "learn_ms",
    }


def test_a_benchmark_that_does_not_exist_is_refused_with_those_that_do():
    done = run("-m", "benchmarks", "weather")

    assert done.returncode == 2
    assert "image" in done.stderr


def test_the_plain_programs_come_to_their_published_answers():
    """The prototypes are compared with them whenever the benchmark runs."""
    done = run("-c", CHECK_PROGRAMS)

    assert done.returncode == 0, done.stderr
