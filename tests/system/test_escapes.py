"""Hostile methods against a whole running system: the reduced form of `python -m benchmarks escapes`.

The full corpus takes minutes; `BATOS_FULL=1` runs it here. That the benchmark would notice an escape is shown by taking
a barrier away.
"""

import json
import os
import re
import subprocess
import sys

import pytest

from shape.places import REPOSITORY

PAYLOADS = REPOSITORY / "benchmarks" / "escapes" / "payloads"
FULL = os.environ.get("BATOS_FULL") == "1"
WITHOUT_A_BARRIER = """
import json, sys
from pathlib import Path
from benchmarks.escapes import host, payload
from batos.methods.host import ObjectHost

ObjectHost._reason_against = lambda self, receiver, name: None
running = host.Host(Path(sys.argv[1]))
named = {one.name: one for one in payload.payloads(payload.OWN)}
found = [running.run(named[name]).escapes for name in sys.argv[2:]]
running.close()
print(json.dumps(found))
"""


def run(*arguments, seconds=55):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=seconds, check=False)


def escapes(*arguments, seconds):
    done = run("-m", "benchmarks", "escapes", "--json", *arguments, seconds=seconds)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stdout


@pytest.mark.timeout(240)
def test_none_of_a_few_of_each_family_and_of_a_given_folder_gets_out(tmp_path):
    (tmp_path / "further.py").write_text("# target: vault\n# args: [1]\ndef g(self, x):\n    return self.code * x\n")
    (tmp_path / "python.txt").write_text("# args: (1,)\ndef g(self, x):\n    import os\n    return os.environ\n")
    families = [folder for folder in PAYLOADS.iterdir() if folder.is_dir()]

    figures, shown = escapes("--quick", "--data", tmp_path, seconds=230)

    assert figures["payloads"] == len(families) + 2
    assert (figures["escaped"], figures["host_deaths"]) == (0, 0), shown


@pytest.mark.skipif(not FULL, reason="BATOS_FULL=1 runs the whole corpus, for minutes")
@pytest.mark.timeout(1500)
def test_none_of_the_corpus_gets_out():
    figures, shown = escapes(seconds=1400)
    assert figures["payloads"] >= 200
    assert (figures["escaped"], figures["host_deaths"]) == (0, 0), shown


def test_the_published_table_has_every_family_with_as_many_payloads_as_there_are():
    counted = {}
    for path in sorted(PAYLOADS.rglob("*.py")):
        family = re.search(r"^# family: (.*)$", path.read_text(errors="replace"), re.MULTILINE)
        counted[family.group(1)] = counted.get(family.group(1), 0) + 1
    rows = re.findall(r"^\| ([^|*]+) \| (\d+) \|", (REPOSITORY / "docs/security.md").read_text(), re.MULTILINE)

    assert {family: int(number) for family, number in rows} == counted
    assert sum(counted.values()) >= 200


def test_an_escape_would_be_noticed(tmp_path):
    names = ["prototype_pollution/method_slot.py", "prototype_pollution/parent_slot_joined.py"]

    done = run("-c", WITHOUT_A_BARRIER, tmp_path, *names)

    assert done.returncode == 0, done.stderr
    assert "changed methods or parents of ada" in str(json.loads(done.stdout.splitlines()[-1])[0])


@pytest.mark.parametrize(("content", "sentence"), [(None, "holds no payloads"), ("# args: 5\n", "args are a list")])
def test_a_folder_that_is_none_of_payloads_is_refused_in_a_sentence(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "a.py").write_text(content)

    done = run("-m", "benchmarks", "escapes", "--quick", "--data", tmp_path)

    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
