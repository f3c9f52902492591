"""Our postings against SQLite's own full-text search: the same rows with the same weights, whatever was written."""

import random
import sqlite3
from contextlib import closing

import pytest

from batos.memory.lexical import tokens, words
from batos.memory.query import TOKENIZER, cut, expressions, prepare
from batos.memory.text import Place, Row, TextIndex

COMMON = [f"w{number}" for number in range(200)]
ODD = [
    "went",
    "go",
    "children",
    "ran",
    "running",
    "runs",
    "Ünïcode",
    "café",
    "naïve",
    "“quoted”",
    "it’s",
    "don't",
    "camelCaseName",
    "getHTTPResponse",
    "漢字",
    "日本語テキスト",
    "한국어",
    "x",
    "ﬁne",
    "STRASSE",
    "straße",
    "C++",
    "3.14",
    "a_b",
    "foo-bar",
    "ṩ",
    "İstanbul",
    "nationalization",
]


class Pair:
    """The same rows in a `TextIndex` and in a table of FTS5."""

    def __init__(self, index: TextIndex, seed: int) -> None:
        self.index = index
        self.random = random.Random(seed)
        self.rows: dict[int, Row] = {}
        self.other = sqlite3.connect(":memory:")
        self.other.execute(f"create virtual table words using fts5 (title, body, tokenize = '{TOKENIZER}')")

    def text(self) -> str:
        weights = [3] * len(ODD) + [200 / (rank + 5) for rank in range(len(COMMON))]
        return " ".join(self.random.choices(ODD + COMMON, weights, k=self.random.randint(0, 40)))

    def row(self, id_: int) -> Row:
        return Row(id_, f"doc-{id_}", 0, f"doc {self.random.choice(ODD + COMMON)}", self.text())

    def write(self, gone: list[int], added: list[Row]) -> None:
        with self.index.writing():
            self.index.remove(gone)
            self.index.add(added)
        for id_ in gone:
            del self.rows[id_]
            self.other.execute("delete from words where rowid = ?", (id_,))
        for row in added:
            self.rows[row.id] = row
            values = (row.id, prepare(row.title), prepare(row.body))
            self.other.execute("insert into words (rowid, title, body) values (?, ?, ?)", values)

    def question(self) -> str:
        words = self.random.sample(ODD + COMMON, self.random.randint(1, 6))
        told = self.random.choice([row.body.split() for row in self.rows.values()] or [[]])
        if len(told) > 3 and self.random.random() < 0.4:
            start = self.random.randrange(len(told) - 2)
            phrase = " ".join(told[start : start + self.random.randint(2, 3)]).replace('"', "")
            words.append(f'"{phrase}"')
        return " ".join([*words, self.random.choice("漢字日本語한국")])

    def compare(self) -> None:
        parts = expressions(self.question())
        found = {id_: round(weight, 9) for id_, weight in self.index.best(parts, 1_000)}
        statement = "select rowid, -bm25(words, 2.0, 1.0) from words where words match ?"
        wanted = {id_: round(weight, 9) for id_, weight in self.other.execute(statement, (" OR ".join(parts),))}
        assert found == wanted, parts
        assert [id_ for id_, _ in self.index.best(parts, 5)] == list(found)[:5]


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_those_of_fts5_after_any_history(tmp_path, seed):
    with closing(TextIndex(tmp_path / "text.sqlite3", "image")) as index:
        pair = Pair(index, seed)
        newest = 0
        for step in range(60):
            gone = pair.random.sample(sorted(pair.rows), min(len(pair.rows), pair.random.choice([0, 0, 1, 3, 20])))
            again = pair.random.sample(gone, min(len(gone), 1))
            fresh = range(newest + 1, newest + 1 + pair.random.choice([1, 1, 1, 2, 5, 60]))
            newest = fresh.stop - 1
            pair.write(gone, [pair.row(id_) for id_ in (*again, *fresh)])
            if step % 10 == 5:
                index.close()
            if step % 4 == 0:
                pair.compare()
        with index.supposing(["doc-1"], [pair.row(-1), pair.row(-2)]):
            assert index.best(['"doc"'], 1)
        for _ in range(10):
            pair.compare()


def test_words_that_were_forgotten_meanwhile_have_the_same_numbers(monkeypatch):
    texts = [random.Random(seed).choices(ODD + COMMON, k=30) for seed in range(60)]
    with closing(tokens.Tokens()) as known:
        expected = [known.of(cut(prepare(" ".join(text)))) for text in texts]
    monkeypatch.setattr(tokens, "YOUNG", 25)
    with closing(tokens.Tokens()) as forgetful:
        for _ in range(2):
            assert [forgetful.of(cut(prepare(" ".join(text)))) for text in texts] == expected
        assert forgetful._former


def test_two_processes_share_the_segments(tmp_path):
    path = tmp_path / "text.sqlite3"
    with closing(TextIndex(path, "image")) as index, closing(TextIndex(path, "image")) as reader:
        pair = Pair(index, 7)
        for id_ in range(1, 40):
            pair.write([id_ - 1] if id_ % 5 == 0 else [], [pair.row(id_)])
            assert reader.best(['"doc"'], 100) == index.best(['"doc"'], 100)


HARM = {
    "postings of another row": "update page set postings = (select postings from page order by id desc limit 1)",
    "another sequence": "update sequence set tokens = (select tokens from sequence order by row limit 1)",
    "a row less": "delete from segment where id = (select min(id) from segment)",
    "another place": "update chunk set chunk_index = 7 where id = 3",
    "one too many": "update chunk set id = 99 where id = 3",
}


@pytest.mark.parametrize("harm", HARM)
def test_what_differs_from_the_texts_is_noticed(tmp_path, harm):
    with closing(TextIndex(tmp_path / "text.sqlite3", "image")) as index:
        pair = Pair(index, 5)
        for id_ in range(1, 7):
            pair.write([], [Row(id_, f"doc-{id_}", 0, f"doc {id_}", f"{pair.text()} alone{id_}")])
        assert index.differing(pair.rows.values()) == 0
        index._home.rows().execute(HARM[harm])
        index.close()

        assert 1 <= index.differing(pair.rows.values()) <= 6


def test_texts_that_are_as_they_were_do_not_differ_after_any_history(tmp_path):
    with closing(TextIndex(tmp_path / "text.sqlite3", "image")) as index:
        pair = Pair(index, 11)
        for id_ in range(1, 90):
            pair.write([id_ - 3] if id_ > 5 and id_ % 2 else [], [pair.row(id_)])
        assert index.differing(pair.rows.values()) == 0
        changed, missing = sorted(pair.rows)[10:12]
        row = pair.rows[changed]
        pair.rows[changed] = Row(changed, row.document_id, 0, row.title, f"{row.body} more")
        del pair.rows[missing]
        assert index.differing(pair.rows.values()) == 2


def fail_while_writing(index):
    with index.writing():
        index.add([Row(100, "lost", 0, "doc lost", "never kept")])
        assert index.best(['"never"'], 5)
        raise ZeroDivisionError


def test_what_was_rolled_back_is_not_found(tmp_path):
    with closing(TextIndex(tmp_path / "text.sqlite3", "image")) as index:
        pair = Pair(index, 9)
        pair.write([], [pair.row(id_) for id_ in range(1, 9)])
        with pytest.raises(ZeroDivisionError):
            fail_while_writing(index)
        assert not index.best(['"never"'], 5)
        pair.write([1], [Row(101, "kept", 0, "doc kept", "found again")])
        assert [id_ for id_, _ in index.best(['"found"'], 5)] == [101]
        pair.compare()


def test_a_damaged_page_is_begun_anew(tmp_path):
    with closing(TextIndex(tmp_path / "text.sqlite3", "image")) as index:
        Pair(index, 3).write([], [Row(1, "doc-1", 0, "doc", "some words")])
        index._home.rows().execute("update page set postings = zeroblob(length(postings))")

        assert index.mending(lambda: index.best(['"words"'], 5)) == []


def places_in(index):
    rows = index._home.rows().execute(
        "select id, document_id, chunk_index, speaker, date, asks, tells, words_row from chunk"
    )
    return {row[0]: Place(*row) for row in rows}


@pytest.mark.parametrize("seed", range(3))
def test_places_that_were_told_before_are_those_of_the_table_after_any_history(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(words, "MOST_TOLD", 40)
    path = tmp_path / "text.sqlite3"
    chosen = random.Random(seed)
    with closing(TextIndex(path, "image")) as index, closing(TextIndex(path, "image")) as other:
        ids = range(1, 60)
        for step in range(80):
            writer = chosen.choice([index, other])
            gone = chosen.sample(ids, 3)
            fresh = [Row(id_, f"doc-{step}", chosen.randint(0, 9), "title", "body") for id_ in chosen.sample(gone, 2)]
            try:
                with writer.writing():
                    writer.remove(gone)
                    writer.add(fresh)
                    assert writer.places(ids) == places_in(writer)
                    if chosen.random() < 0.3:
                        raise ZeroDivisionError
                    if chosen.random() < 0.05:
                        writer.clear()
            except ZeroDivisionError:
                pass
            if chosen.random() < 0.2:
                with index.supposing([f"doc-{step}"], [Row(-1, "supposed", 0, "title", "body")]):
                    assert index.places([*ids, -1]) == places_in(index)
                    assert -1 in index.places([-1])
            if chosen.random() < 0.1:
                index.discard()
            asked = chosen.sample(ids, 20)
            wanted = places_in(index)
            assert index.places(asked) == {id_: wanted[id_] for id_ in asked if id_ in wanted}
