"""The words of an index: texts taken in as rows of tokens, found again by words and phrases, and ranked by BM25.

The weights are those of SQLite's FTS5, by the same tokenizer and formula, in a part of its time: FTS5 looks up the
length of each row that matches, and counts a word's rows before it ranks them; here both are arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from batos.image.derived import ONE_OF, Listed, Rows
from batos.memory.lexical.phrase import followed, sequences
from batos.memory.lexical.postings import Array, Postings, gathered
from batos.memory.lexical.segments import Segments, Standing
from batos.memory.lexical.tables import Text
from batos.memory.lexical.text_tokens import TextTokens
from batos.memory.lexical.tokens import Numbers, sign_number
from batos.memory.lexical.weighing import Matches, Scale, Weighing, among
from batos.memory.query import BODY_WEIGHT, TITLE_WEIGHT, cut

# So many postings are ranked for one question: words are looked for from the rarest on, as far as this leaves room.
MOST_RANKED = 1_000_000
MOST_TOLD = 100_000  # rows of which is kept what other tables tell, in some 30 MiB
COMPARED = 1_000  # texts that are compared at a time
MIXING = np.uint64(0x9E3779B97F4A7C15)  # any large odd number

Told = TypeVar("Told", bound=tuple[Any, ...])


class Words:
    """Those of the tables that `tables.schema` makes for `prefix`. Every method is given the open home, and is not for
    several threads at once."""

    def __init__(self, prefix: str = "", tokens: TextTokens | None = None) -> None:
        self._prefix = prefix
        self._tokens = tokens or TextTokens()
        self._segments = Segments(prefix)
        self._weighing = Weighing()

    def forget(self) -> None:
        """What is held in memory may not be what the tables say: a transaction was rolled back."""
        self._segments.forget()

    @contextmanager
    def passing(self, database: Rows) -> Iterator[None]:
        """What is written within the block will be rolled back by whoever began the transaction."""
        with self._segments.passing(database):
            yield

    # Reading

    def best(
        self, database: Rows, sought: Sequence[str], limit: int, offset: int = 0, only: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """(id, weight) of the rows that match any of the expressions of `query.expressions`, best first, equals by id;
        weights are above zero.

        `only` are the rows among which they are to be found.
        """
        with _snapshot(database):
            standing = self._segments.level(database)
            found = self._found(database, standing, sought)
        if not found:
            return []
        scale = Scale(standing.sizes, standing.smallest, standing.living, standing.tokens)
        if only is None:
            rows, weights = self._weighing.heaviest(scale, found, len(standing.ids), offset + limit)
        else:
            rows, weights = among(scale, found, np.unique(np.array(only, np.uint32)))
        ids = standing.ids[rows]
        order = np.lexsort((ids, -weights))[offset : offset + limit]
        return list(zip(ids[order].tolist(), weights[order].tolist(), strict=True))

    def _found(self, database: Rows, standing: Standing, sought: Sequence[str]) -> list[Matches]:
        """What each expression matches that any row does, rarest first."""
        wanted = [tokens for tokens in self._wanted(sought) if tokens]
        postings = self._segments.postings(database, standing, {token for tokens in wanted for token in tokens})
        found = []
        for tokens in wanted:
            parts = [postings[token] for token in tokens]
            rows, counts = parts[0] if len(parts) == 1 else followed(database, self._prefix, tokens, parts)
            if len(rows):
                found.append(Matches(rows, counts))
        found.sort(key=lambda matches: len(matches.rows))
        room, kept = MOST_RANKED, 0
        for matches in found:
            room -= len(matches.rows)
            if kept and room < 0:
                break
            kept += 1
        return found[:kept]

    def _wanted(self, sought: Sequence[str]) -> list[Numbers]:
        """The tokens of each expression, which is `"a word"`, several words, or `"a sign" *`."""
        texts = [one.rpartition('"')[0].removeprefix('"') for one in sought]
        read = self._tokens.words.of_each([cut(text) for text in texts])
        return [
            [sign_number(text)] if one.endswith("*") else tokens
            for one, text, (tokens, _) in zip(sought, texts, read, strict=True)
        ]

    def told(self, database: Rows, ids: Iterable[int], statement: str, make: Callable[[Any], Told]) -> dict[int, Told]:
        """What other tables tell of the rows with these ids; in memory for as long as the rows live. The statement is
        about a list of ids, and begins with the id and ends with the number of the row, as does what `make` makes."""
        if not self._segments.is_level(database):
            with _snapshot(database):
                self._segments.level(database)
        standing = self._segments.standing
        kept, living, reached = standing.told, standing.ids.item, len(standing.ids)
        found: dict[int, Told] = {}
        others = Listed()
        for id_ in ids:
            known = kept.get(id_)
            if known is not None and known[-1] < reached and living(known[-1]) == id_:
                found[id_] = known
            else:
                others.append(id_)
        if others:
            # A row may have come meanwhile: it lives from now on.
            new = {row[0]: make(row) for row in database.execute(statement, (others,))}
            found.update(new)
            if len(kept) + len(new) > MOST_TOLD:
                kept.clear()
            kept.update(new)
        return found

    def differing(self, database: Rows, held: Mapping[int, int], texts: Iterable[Text]) -> Iterator[int]:
        """The ids of those texts of which the tables do not hold exactly the words; `held` has the rows of those that
        they do hold."""
        standing = self._segments.level(database)
        signs = np.zeros(len(standing.ids), np.uint64)
        for postings in self._segments.all_postings(database, standing):
            _sign(signs, postings)
        ahead = iter(texts)
        while some := list(islice(ahead, COMPARED)):
            occurrences, sizes, told = self._read(some, 0)
            wanted = np.zeros(len(some), np.uint64)
            _sign(wanted, gathered(*occurrences))
            rows = Listed(held[id_] for id_, _, _ in some if id_ in held)
            statement = f"select row, tokens from {self._prefix}sequence where row {ONE_OF}"
            kept = dict(database.execute(statement, (rows,)).fetchall())
            for place, (id_, _, _) in enumerate(some):
                row = held.get(id_, -1)
                same = 0 <= row < len(signs) and standing.ids[row] == id_ and kept.get(row) == told[place]
                if not same or signs[row] != wanted[place] or standing.sizes[row] != sizes[place]:
                    yield id_

    # Writing

    def add(self, database: Rows, texts: Sequence[Text], *, merging: bool = True) -> range:
        """Take in texts; the numbers of their rows."""
        first = int(database.execute(f"select next from {self._prefix}words").fetchone()[0])
        rows = range(first, first + len(texts))
        if not texts:
            return rows
        occurrences, sizes, told = self._read(texts, first)
        ids = np.array([id_ for id_, _, _ in texts], np.int64)
        numbers = np.arange(first, rows.stop, dtype=np.uint32)
        self._segments.write(database, gathered(*occurrences), numbers, ids, sizes)
        database.executemany(f"insert into {self._prefix}sequence values (?, ?)", list(zip(rows, told, strict=True)))
        database.execute(
            f"update {self._prefix}words"
            " set generation = generation + 1, next = ?, living = living + ?, tokens = tokens + ?",
            (rows.stop, len(texts), int(sizes.sum())),
        )
        if merging:
            self._segments.merge(database)
        return rows

    def _read(self, texts: Sequence[Text], first: int) -> tuple[tuple[Array, Array, Array], Array, list[bytes]]:
        """((token, row, weight) of each occurrence, the sizes of the rows, the sequences of the rows)."""
        told = self._tokens.of([part for _, title, body in texts for part in (title, body)])
        whole = told.sizes.reshape(-1, 2).sum(axis=1)
        rows = np.arange(first, first + len(texts))
        weights = np.array([TITLE_WEIGHT, BODY_WEIGHT] * len(texts))  # of each part
        tokens, of_rows, weighing = told.tokens, np.repeat(rows, whole), np.repeat(weights, told.sizes)
        if len(told.signs):
            tokens, of_rows = np.append(tokens, told.signs), np.append(of_rows, rows[told.signed // 2])
            weighing = np.append(weighing, weights[told.signed])
        return (tokens, of_rows, weighing), whole.astype(np.int32), sequences(told.tokens, told.sizes)

    def remove(self, database: Rows, rows: Sequence[int]) -> None:
        """Drop rows, which it holds."""
        if not rows:
            return
        standing = self._segments.level(database)
        tokens = int(standing.sizes[np.array(rows)].sum())
        database.executemany(f"delete from {self._prefix}sequence where row = ?", [(row,) for row in rows])
        self._segments.remove(database, rows)
        database.execute(
            f"update {self._prefix}words set generation = generation + 1, living = living - ?, tokens = tokens - ?",
            (len(rows), tokens),
        )
        self._segments.tidy(database)

    def clear(self, database: Rows) -> None:
        """The tables were emptied."""
        database.execute(f"update {self._prefix}words set generation = generation + 1, living = 0, tokens = 0")


@contextmanager
def _snapshot(database: Rows) -> Iterator[None]:
    """Within the block all statements read one state of the home, whatever other processes write."""
    if database.in_transaction:
        yield
        return
    database.execute("begin")
    try:
        yield
    finally:
        database.execute("commit")


def _sign(signs: Array, postings: Postings) -> None:
    """Add to the sign of each row what stands for a token in it and how often. Sums that overflow are as good."""
    tokens = postings.tokens.astype(np.uint64)
    mixed = (tokens ^ (tokens >> np.uint64(31))) * MIXING
    np.add.at(signs, postings.rows, np.repeat(mixed, np.diff(postings.starts)) * postings.counts.astype(np.uint64))
