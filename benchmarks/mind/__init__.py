"""The composite mind: are questions answered and cited, is what memory does not hold refused, who is asked.

Questions and briefs are data beside this file. `heldout` keys are measured on files that nothing was tuned on.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from batos.inference.port import Request
from batos.runtime.contributions import contributions
from batos.runtime.own_documents import ingest_own_documents
from batos.runtime.questions import Answer
from batos.runtime.uvm import Uvm
from batos.testing import temporary_image
from benchmarks.figures import Figure

HERE = Path(__file__).parent
QUICK = 4  # of each kind
OFTEN = 5  # answers that a facet was asked for, before what it adds is a figure
EVERY = 10_000


@dataclass(frozen=True)
class Question:
    """`documents` are those that a right answer cites one of, `says` the words that it has one of."""

    question: str
    documents: tuple[str, ...] = ()
    says: tuple[str, ...] = ()

    def is_answered(self, answer: Answer) -> bool:
        cites = {document for document, _ in answer.citations} & set(self.documents)
        text = " ".join(answer.text.split())
        return answer.known and bool(cites) and any(words in text for words in self.says)


def questions(name: str) -> tuple[list[Question], list[Question]]:
    """(answerable, unanswerable) of the data file `name`."""
    data = tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))
    answerable = [
        Question(entry["question"], tuple(entry["documents"]), tuple(entry["says"])) for entry in data["answerable"]
    ]
    return answerable, [Question(entry["question"]) for entry in data["unanswerable"]]


def briefs(name: str) -> list[tuple[str, str]]:
    """(brief, archetype) pairs of the data file `name`."""
    data = tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))
    return [(brief, archetype) for archetype, listed in data.items() for brief in listed]


def measure(quick: bool, data: Path | None = None) -> Iterator[Figure]:
    with temporary_image() as image:
        yield from _routing(image, "routing_accuracy", "briefs", "")
        yield from _routing(image, "routing_accuracy_heldout", "heldout_briefs", ", held out")
        ingest_own_documents(image.image)
        yield from _asking(image, quick, "questions", "", "")
        yield from _asking(image, quick, "heldout", "_heldout", ", held out")
        yield from _entropy(image)


def _routing(image: Uvm, key: str, name: str, about: str) -> Iterator[Figure]:
    labelled = briefs(name)
    right = sum(_archetype(image, brief) == archetype for brief, archetype in labelled)
    what = f"share of labelled briefs that are routed as labelled{about}"
    by = "by rules and meaning" if image.searcher.vectors is not None else "by rules, no embedding model here"
    yield Figure(key, right / len(labelled), what, beside=f"{right} of {len(labelled)}, {by}")


def _archetype(image: Uvm, brief: str) -> object:
    answer = image.place.backend.generate(Request(purpose="plan", materials={"query": brief}))
    return answer.data["archetype"] if isinstance(answer.data, dict) else None


def _entropy(image: Uvm) -> Iterator[Figure]:
    """What the facets of these answers added, of those that were asked often."""
    with image.image.reading() as world:
        measured = [
            entry["diversity"] for receipt in world.receipts.values() for entry in receipt.trace if "diversity" in entry
        ]
    diversity = [found["diversity"] for found in measured]
    yield Figure(
        "facet_diversity", sum(diversity) / len(diversity), "composite entropy of an answer's facets, 0 to 1, mean"
    )
    asked = [found for found in contributions(image.image, image.store, latest=EVERY) if found.asked >= OFTEN]
    told = ", ".join(f"{found.facet.removesuffix('_facet_')} {found.adds:.2f}" for found in asked)
    least = min((found.adds for found in asked), default=0.0)
    yield Figure(
        "facet_adds_least",
        least,
        "share of its words that no other facet said, of the one that adds least",
        beside=told,
    )


def _asking(image: Uvm, quick: bool, name: str, suffix: str, about: str) -> Iterator[Figure]:
    answerable, unanswerable = (listed[:QUICK] if quick else listed for listed in questions(name))
    took: list[float] = []
    cited = wrong = 0
    for question in answerable:
        started = perf_counter()
        answer = image.ask(question.question, timeout=60)
        took.append(perf_counter() - started)
        cited += question.is_answered(answer)
        wrong += answer.known and not question.is_answered(answer)
    refused = sum(not image.ask(question.question, timeout=60).known for question in unanswerable)
    yield Figure(
        f"ask_cited{suffix}",
        cited / len(answerable),
        f"share of answerable questions answered, and citing a document that holds the answer{about}",
        beside=f"{cited} of {len(answerable)}, {wrong} answered beside the point",
    )
    yield Figure(
        f"ask_refused{suffix}",
        refused / len(unanswerable),
        f"share of unanswerable questions answered with `I do not know`{about}",
        beside=f"{refused} of {len(unanswerable)}",
    )
    yield Figure(f"ask_ms{suffix}", 1000 * median(took), f"a question, asked to answered, ms{about}")
