"""What the index of summaries says of spans and documents, after any history and from any process, is what its tables
say."""

import random
from contextlib import closing

import pytest

from batos.memory import summary_index
from batos.memory.lexical import words
from batos.memory.summary_index import Span, Summarised, SummaryIndex

DOCUMENTS = [f"doc-{number}" for number in range(8)]


def in_tables(index):
    """(the spans that are level with their documents by id, the documents that have summaries)"""
    database = index._home.rows()
    hashes = dict(database.execute("select document_id, hash from document"))
    roots = dict(database.execute("select document_id, hash from root"))
    rows = database.execute("select id, document_id, level, first, last, words_row from summary").fetchall()
    level = {document_id for document_id, hash_ in roots.items() if hashes.get(document_id) == hash_}
    return {row[0]: Span(*row) for row in rows if row[1] in level}, set(roots)


@pytest.mark.parametrize("seed", range(3))
def test_what_was_told_before_is_what_the_tables_say(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(words, "MOST_TOLD", 20)
    monkeypatch.setattr(summary_index, "MOST_LEVELS", 6)
    chosen = random.Random(seed)
    path = tmp_path / "summaries.sqlite3"
    with closing(SummaryIndex(path, "image")) as index, closing(SummaryIndex(path, "image")) as other:
        newest = 0
        for step in range(1, 120):
            writer = chosen.choice([index, other])
            document_id = chosen.choice(DOCUMENTS)
            try:
                with writer.writing():
                    writer.put_document(document_id, chosen.choice([None, "a", "b"]), 4)
                    writer.remove(chosen.sample(range(1, newest + 1), min(2, newest)))
                    newest += 1
                    span = Span(newest, document_id, 1, 0, 3)
                    writer.add([Summarised(span, chosen.choice([None, "a", "b"]), f"text {step}")])
                    assert writer.spans(range(newest + 1)) == in_tables(writer)[0]
                    if chosen.random() < 0.3:
                        newest -= 1
                        raise ZeroDivisionError
                    writer.move_to(step.to_bytes(8, "big"))
            except ZeroDivisionError:
                pass
            if chosen.random() < 0.05:
                index.discard()
            spans, summarised = in_tables(index)
            asked = chosen.sample(DOCUMENTS, 3)
            assert index.spans(range(newest + 1)) == spans
            assert index.summarised(asked) == summarised.intersection(asked)
