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
MEMORY_SMALL = """
from benchmarks.memory import scale, speed
figures = [*speed.measure_speed(None, True), *scale.measure(True, None)]
assert all(figure.value > 0 for figure in figures if figure.key != "conflict_rate"), figures
print(*(figure.key for figure in figures))
"""
RECALL = """
import sys
from pathlib import Path
from batos.testing import HashedEmbedder
from benchmarks.memory import recall, retrieval
measure = {"recall": recall.measure_recall, "retrieval": retrieval.measure_retrieval}[sys.argv[1]]
print(*(f"{figure.key}={figure.value}" for figure in measure(Path(sys.argv[2]), HashedEmbedder(), True)))
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


def test_the_memory_benchmark_measures_what_it_promises():
    """Without tantivy and bm25s where they are not installed; with the embedding model it takes longer."""
    done = run("-c", MEMORY_SMALL)

    assert done.returncode == 0, done.stderr
    ours = {"ingest_s", "catchup_ms", "rebuild_s", "query_p50", "query_p95", "query_p50_summaries", "conflict_rate"}
    peers = {"ingest_s_fts5", "query_p50_fts5", "query_p95_fts5", "query_p50_numpy", "query_p95_numpy"}
    assert set(done.stdout.split()) >= ours | peers | {"query_p95_1m", "rss_gib_1m"}


def test_recall_is_measured_on_a_file_in_the_form_of_locomo(tmp_path):
    """Of two questions one names a word of its evidence, and one asks for three turns of which words tell one. What
    lacks a field is passed over."""
    lines = ["I saw an owl in the barn.", "How nice!", "We bake bread on Sundays.", "With rye?", "Yes, and salt."]
    turns = [
        {"speaker": ("Ada", "Alan")[number % 2], "dia_id": f"D1:{number + 1}", "text": line}
        for number, line in enumerate(lines * 3)
    ]
    turns += [{"speaker": "Ada", "dia_id": f"D1:{16 + number}", "text": f"Word {number}."} for number in range(20)]
    asked = [
        {"question": "What does Ada bake?", "answer": "bread", "evidence": ["D1:3"], "category": 4},
        {"question": "When was the owl seen?", "answer": "never", "evidence": ["D1:1; D1:20"], "category": 1},
        {"question": "Who?", "adversarial_answer": "nobody", "evidence": ["D1:1"], "category": 5},
        {"question": "Why?", "answer": "no evidence", "category": 4},
        {"question": "And who?", "evidence": ["D7:7"], "category": 4},
        {"evidence": ["D1:1"]},
    ]
    turns += [{"text": "Nobody's."}, {"speaker": "Ada", "dia_id": "D1:99", "text": None}]
    conversation = {"session_1": turns, "session_1_date_time": "1:56 pm on 8 May, 2023"}
    conversation |= {"session_2": None, "session_3": [{"dia_id": "D3:1", "text": "Ada: hi\nAda: oh"}]}
    conversation |= {"session_3_date_time": None}
    (tmp_path / "talk.json").write_text(json.dumps([{"conversation": conversation, "qa": asked}]))

    figures = measured("recall", tmp_path / "talk.json")
    assert figures["recall10_bm25"] == 0.75
    assert 0.75 <= figures["recall10"] <= 1
    assert figures["recall10_category_4"] == 1
    assert {"recall_1000tok", "multihop_gain", "worst_arm_gap", "recall10_dense"} <= figures.keys()


def test_retrieval_is_measured_on_a_folder_of_three_files(tmp_path):
    """The separator in a text is no end of a line, and a text without words is no obstacle; nor is how the system of
    whoever wrote the files ends a line and begins a file."""
    texts = {"1": "Owls hunt by\u2028night.", "2": "Bread is baked of flour.", "3": "Salt preserves fish.", "4": " "}
    given = {"documents": texts, "queries": {"a": "hunting owls", "b": "who bakes bread?", "c": "unjudged"}}
    for name, rows in given.items():
        told = [json.dumps({"id": id_, "text": text}, ensure_ascii=False) for id_, text in rows.items()]
        (tmp_path / f"{name}.jsonl").write_bytes(("\n".join(told) + "\n\n").encode("utf-8-sig"))
    judged = "query-id\tcorpus-id\tscore\r\na\t1\t1\r\nb\t0\t2\t2.0\r\nb\t4\t1\r\nb\t3\t0\r\n"
    (tmp_path / "relevance.tsv").write_bytes(judged.encode())

    figures = measured("retrieval", tmp_path)
    assert figures["recall10_bm25"] == figures["recall10"] == 0.75
    assert figures["ndcg10"] == pytest.approx((1 + 2 / (2 + 1 / math.log2(3))) / 2)


@pytest.mark.parametrize("what", ["recall", "retrieval"])
def test_data_in_which_nothing_is_asked_is_refused_with_a_sentence(tmp_path, what):
    (tmp_path / "talk.json").write_text(json.dumps([{"conversation": {"session_1": []}}]))
    for name in ("documents.jsonl", "queries.jsonl", "relevance.tsv"):
        (tmp_path / name).write_text("")

    done = run("-c", RECALL, what, str(tmp_path / "talk.json" if what == "recall" else tmp_path))

    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr


def measured(what, data):
    done = run("-c", RECALL, what, str(data))
    assert done.returncode == 0, done.stderr
    return {key: float(figure) for key, figure in (each.split("=") for each in done.stdout.split())}


def test_a_benchmark_that_does_not_exist_is_refused_with_those_that_do():
    done = run("-m", "benchmarks", "weather")

    assert done.returncode == 2
    assert "image" in done.stderr


def test_the_plain_programs_come_to_their_published_answers():
    """The prototypes are compared with them whenever the benchmark runs."""
    done = run("-c", CHECK_PROGRAMS)

    assert done.returncode == 0, done.stderr
