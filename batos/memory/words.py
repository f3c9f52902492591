"""The words of the text index: postings in segments, kept as blobs in its SQLite file, and ranked by BM25.

Rows that are added become a segment of their own, so that a commit costs what it brings. Eight segments of a size are
merged into one, until a segment is so large that merging it again would not pay. A removed row stays in its segment,
marked, until that is merged. All of it is written within the transaction of whoever writes the index.

The weights are those of SQLite's FTS5, by the same tokenizer and formula, in a part of its time: FTS5 looks up the
length of each row that matches, and counts a word's rows before it ranks them; here both are arrays.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from batos.memory.postings import Array, Postings, gathered, merged, unpacked
from batos.memory.query import BODY_WEIGHT, TITLE_WEIGHT, cut, prepared_words
from batos.memory.tokens import Tokens, sign_number

# As FTS5 has them. A word that is in half of all rows or more tells next to nothing.
K1, B, LEAST_IDF = 1.2, 0.75, 1e-6

FANOUT = 8
FULL = 16_384  # rows of a segment that is not merged with others any more
# So many postings are ranked for one question: words are looked for from the rarest on, as far as this leaves room.
MOST_RANKED = 1_000_000
LONGEST_PHRASED = 5_000  # rows that hold all words of a phrase, and are looked through for it
CACHED = 128 << 20  # bytes of pages that are kept

Text = tuple[int, str, str]  # (id, title, body)

GONE = np.iinfo(np.int64).min  # stands for the id of a row that was removed


@dataclass(frozen=True, slots=True)
class _Segment:
    first: int
    last: int
    firsts: Array  # the first token of each page
    pages: tuple[int, ...]


@dataclass
class _Standing:
    """What is held in memory of the segments in the file: where their pages are, and the ids and sizes of their rows.

    `generation` counts the writes, `serial` the removals that it reflects.
    """

    generation: int
    serial: int
    living: int
    tokens: int
    segments: dict[int, _Segment]
    ids: Array
    sizes: Array

    def copy(self) -> _Standing:
        return replace(self, segments=dict(self.segments), ids=self.ids.copy(), sizes=self.sizes.copy())

    def reach(self, row: int) -> None:
        missing = row + 1 - len(self.ids)
        if missing > 0:
            more = max(missing, len(self.ids) // 2, 1_024)
            self.ids = np.concatenate([self.ids, np.full(more, GONE)])
            self.sizes = np.concatenate([self.sizes, np.zeros(more, np.int32)])


def _nothing() -> _Standing:
    return _Standing(-1, 0, 0, 0, {}, np.empty(0, np.int64), np.empty(0, np.int32))


class Words:
    """Every method is given the open file, and is not for several threads at once."""

    def __init__(self) -> None:
        self._tokens = Tokens()
        self._database: sqlite3.Connection | None = None
        self._standing = _nothing()
        self._pages: OrderedDict[int, Postings] = OrderedDict()
        self._held = 0  # bytes of pages
        self._scores: Array = np.empty(0)

    def close(self) -> None:
        self.forget()
        self._tokens.close()

    def forget(self) -> None:
        """What is held in memory may not be what the file says: a transaction was rolled back."""
        self._standing = _nothing()
        self._pages.clear()
        self._held = 0

    @contextmanager
    def passing(self, database: sqlite3.Connection) -> Iterator[None]:
        """What is written within the block will be rolled back by whoever began the transaction."""
        standing = self._level(database)
        last = database.execute("select seq from sqlite_sequence where name = 'page'").fetchone() or (0,)
        self._standing = standing.copy()
        try:
            yield
        finally:
            self._standing = standing
            for page in [page for page in self._pages if page > last[0]]:
                self._held -= self._pages.pop(page).size

    # Reading

    def best(
        self, database: sqlite3.Connection, sought: Sequence[str], limit: int, offset: int, only: Sequence[int] | None
    ) -> list[tuple[int, float]]:
        """(id, weight) of the rows that match any of the expressions of `query.expressions`, best first, equals by id.

        `only` are the rows among which they are to be found.
        """
        with _snapshot(database):
            standing = self._level(database)
            found = self._found(database, standing, sought)
        if not found:
            return []
        rows, weights = self._weighed(standing, found)
        if only is not None:
            among = np.isin(rows, only)
            rows, weights = rows[among], weights[among]
        # A row may stand there once for each expression.
        rows, weights = _heaviest(rows, weights, (offset + limit) * len(found))
        rows, places = np.unique(rows, return_index=True)
        ids, weights = standing.ids[rows], weights[places]
        order = np.lexsort((ids, -weights))[offset : offset + limit]
        return list(zip(ids[order].tolist(), weights[order].tolist(), strict=True))

    def _weighed(self, standing: _Standing, found: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
        """(rows, their weights); a row that several expressions match is there several times."""
        if len(self._scores) < len(standing.ids):
            self._scores = np.zeros(len(standing.ids))
        usual = standing.tokens / standing.living
        for rows, counts in found:
            idf = max(math.log((standing.living - len(rows) + 0.5) / (len(rows) + 0.5)), LEAST_IDF)
            lengths = K1 * (1 - B) + (K1 * B / usual) * standing.sizes[rows]
            self._scores[rows] += idf * (K1 + 1) * counts / (counts + lengths)
        every = np.concatenate([rows for rows, _ in found])
        weights = self._scores[every]
        self._scores[every] = 0
        return every, weights

    def _found(
        self, database: sqlite3.Connection, standing: _Standing, sought: Sequence[str]
    ) -> list[tuple[Array, Array]]:
        """(rows, counts) of each expression that any row matches, rarest first."""
        wanted = [tokens for one in sought if (tokens := self._wanted(one))]
        postings = self._postings(database, standing, {token for tokens in wanted for token in tokens})
        found = []
        for tokens in wanted:
            parts = [postings[token] for token in tokens]
            rows, counts = parts[0] if len(parts) == 1 else _phrase(database, tokens, parts)
            if len(rows):
                found.append((rows, counts))
        found.sort(key=lambda pair: len(pair[0]))
        room, kept = MOST_RANKED, 0
        for rows, _ in found:
            room -= len(rows)
            if kept and room < 0:
                break
            kept += 1
        return found[:kept]

    def _wanted(self, expression: str) -> list[int]:
        """The tokens of `"a word"`, or of `"a sign" *`."""
        text, _, star = expression.rpartition('"')
        text = text.removeprefix('"')
        return [sign_number(text)] if star.strip() == "*" else list(self._tokens.of(cut(text))[0])

    def _postings(
        self, database: sqlite3.Connection, standing: _Standing, tokens: set[int]
    ) -> dict[int, tuple[Array, Array]]:
        """(rows, counts) of each token, from all segments, without removed rows."""
        ordered = np.array(sorted(tokens), np.int64)
        places: list[tuple[int, int]] = []  # (token, page)
        for segment in standing.segments.values():
            befores = (segment.firsts.searchsorted(ordered, "right") - 1).tolist()
            near = zip(ordered.tolist(), befores, strict=True)
            places += [(token, segment.pages[before]) for token, before in near if before >= 0]
        pages = self._load(database, {page for _, page in places})
        parts: dict[int, list[tuple[Array, Array]]] = {token: [] for token in tokens}
        for token, page in places:
            if (part := pages[page].of(token)) is not None:
                parts[token].append(part)
        return {token: _together(standing, found) for token, found in parts.items()}

    def _load(self, database: sqlite3.Connection, wanted: Iterable[int]) -> dict[int, Postings]:
        pages = {page: self._pages[page] for page in wanted if page in self._pages}
        for page in pages:
            self._pages.move_to_end(page)
        missing = [page for page in wanted if page not in pages]
        statement = "select page.id, postings from json_each(?) as wanted cross join page on page.id = wanted.value"
        for page, data in database.execute(statement, (json.dumps(missing),)) if missing else ():
            postings = unpacked(data)
            if postings is None:
                raise sqlite3.DatabaseError(f"a page of postings is damaged ({page})")
            pages[page] = self._pages[page] = postings
            self._held += postings.size
        while self._held > CACHED:
            self._held -= self._pages.popitem(last=False)[1].size
        return pages

    def _level(self, database: sqlite3.Connection) -> _Standing:
        """What is held in memory, brought to what the file says within this transaction."""
        if self._database is not database:
            self.forget()
            self._database = database
        standing = self._standing
        generation, living, tokens = database.execute("select generation, living, tokens from words").fetchone()
        if generation == standing.generation:
            return standing
        standing.generation, standing.living, standing.tokens = generation, living, tokens
        listed = {row[0] for row in database.execute("select id from segment")}
        for id_ in standing.segments.keys() - listed:
            segment = standing.segments.pop(id_)
            standing.ids[segment.first : segment.last + 1] = GONE
        for id_ in sorted(listed - standing.segments.keys()):
            self._take_in(database, standing, id_)
        for serial, row in database.execute("select serial, row from removed where serial > ?", (standing.serial,)):
            standing.serial = serial
            standing.ids[row] = GONE
        return standing

    def _take_in(self, database: sqlite3.Connection, standing: _Standing, id_: int) -> None:
        first, last, *blobs = database.execute(
            "select first, last, firsts, pages, rows, ids, sizes from segment where id = ?", (id_,)
        ).fetchone()
        firsts, pages, rows, ids, sizes = (np.frombuffer(blob, kind) for blob, kind in zip(blobs, "qqIqi", strict=True))
        standing.reach(last)
        standing.ids[rows], standing.sizes[rows] = ids, sizes
        standing.segments[id_] = _Segment(first, last, firsts, tuple(pages.tolist()))

    # Writing

    def add(self, database: sqlite3.Connection, texts: Sequence[Text], *, merging: bool = True) -> range:
        """Take in texts; the numbers of their rows."""
        first = int(database.execute("select next from words").fetchone()[0])
        rows = range(first, first + len(texts))
        if not texts:
            return rows
        occurrences, sizes, sequences = self._read(texts, first)
        ids = np.array([id_ for id_, _, _ in texts], np.int64)
        self._write(database, gathered(*occurrences), np.arange(first, rows.stop, dtype=np.uint32), ids, sizes)
        database.executemany("insert into sequence values (?, ?)", zip(rows, sequences, strict=True))
        database.execute(
            "update words set generation = generation + 1, next = ?, living = living + ?, tokens = tokens + ?",
            (rows.stop, len(texts), int(sizes.sum())),
        )
        if merging:
            self._merge(database)
        return rows

    def _read(self, texts: Sequence[Text], first: int) -> tuple[tuple[Array, Array, Array], Array, list[bytes]]:
        """((token, row, weight) of each occurrence, the sizes of the rows, the tokens of each row in order).

        A sequence is the number of tokens in the title, those, a zero, and those of the body, in 32 bits each.
        """
        flat: list[int] = []
        lengths: list[int] = []
        signs: list[tuple[int, int, int]] = []  # (number, row, weight)
        read = self._tokens.of_each([prepared_words(part) for _, title, body in texts for part in (title, body)])
        for row, ((title, signs_of_title), (body, signs_of_body)) in enumerate(zip(read, read, strict=True), first):
            flat += title
            flat.append(0)
            flat += body
            lengths += (len(title), 1, len(body))
            signs += ((sign, row, TITLE_WEIGHT) for sign in signs_of_title)
            signs += ((sign, row, BODY_WEIGHT) for sign in signs_of_body)
        tokens, parts = np.array(flat, np.int64), np.array(lengths, np.int64)
        weights = np.repeat(np.tile(np.array([TITLE_WEIGHT, 0, BODY_WEIGHT]), len(texts)), parts)
        whole = parts.reshape(-1, 3).sum(axis=1)
        rows = np.repeat(np.arange(first, first + len(texts)), whole)
        told = weights > 0
        more = np.array(signs, np.int64).reshape(-1, 3)
        occurrences = (
            np.append(tokens[told], more[:, 0]),
            np.append(rows[told], more[:, 1]),
            np.append(weights[told], more[:, 2]),
        )
        data, ends = _shortened(tokens).tobytes(), np.cumsum(whole).tolist()
        titles, starts = parts[::3].tolist(), [0, *ends[:-1]]
        sequences = [
            title.to_bytes(4, "little") + data[4 * start : 4 * end]
            for title, start, end in zip(titles, starts, ends, strict=True)
        ]
        return occurrences, (whole - 1).astype(np.int32), sequences

    def _write(self, database: sqlite3.Connection, postings: Postings, rows: Array, ids: Array, sizes: Array) -> None:
        firsts, pages = [], []
        for page in postings.pages():
            firsts.append(page.tokens[0])
            pages.append(database.execute("insert into page (postings) values (?)", (page.packed(),)).lastrowid)
        blobs = (np.array(firsts, np.int64), np.array(pages, np.int64), rows, ids, sizes)
        values = (int(rows[0]), int(rows[-1]), len(rows), 0, *(blob.tobytes() for blob in blobs))
        database.execute(
            "insert into segment (first, last, living, removed, firsts, pages, rows, ids, sizes)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )

    def remove(self, database: sqlite3.Connection, rows: Sequence[int]) -> None:
        """Drop rows, which it holds."""
        if not rows:
            return
        standing = self._level(database)
        tokens = int(standing.sizes[np.array(rows)].sum())
        database.executemany("delete from sequence where row = ?", ((row,) for row in rows))
        database.executemany("insert into removed (row) values (?)", ((row,) for row in rows))
        database.executemany(
            "update segment set living = living - 1, removed = removed + 1 where first <= :row and last >= :row",
            ({"row": row} for row in rows),
        )
        database.execute(
            "update words set generation = generation + 1, living = living - ?, tokens = tokens - ?",
            (len(rows), tokens),
        )
        worn = database.execute("select id from segment where removed > living").fetchall()
        for (segment,) in worn:
            self._join(database, [segment])

    def clear(self, database: sqlite3.Connection) -> None:
        """The tables were emptied."""
        database.execute("update words set generation = generation + 1, living = 0, tokens = 0")

    def _merge(self, database: sqlite3.Connection) -> None:
        """Join the newest segments, as long as there are enough that are no larger than the newest."""
        while True:
            run: list[int] = []
            highest = None
            for id_, living in database.execute("select id, living from segment order by first desc").fetchall():
                highest = _level_of(living) if highest is None else highest
                if living >= FULL or _level_of(living) > highest:
                    break
                run.append(id_)
            if len(run) < FANOUT:
                return
            self._join(database, run[::-1])

    def _join(self, database: sqlite3.Connection, segments: Sequence[int]) -> None:
        """Make one segment of these, which are in the order of their rows, without what was removed."""
        standing = self._level(database)
        joined = [standing.segments[id_] for id_ in segments]
        first, last = joined[0].first, joined[-1].last
        living = standing.ids != GONE
        rows = first + np.flatnonzero(living[first : last + 1])
        pages = self._load(database, [page for segment in joined for page in segment.pages])
        parts = [pages[page] for segment in joined for page in segment.pages]
        database.executemany("delete from segment where id = ?", ((id_,) for id_ in segments))
        database.executemany("delete from page where id = ?", ((page,) for page in pages))
        database.execute("delete from removed where row between ? and ?", (first, last))
        if len(rows):
            postings = merged(parts, living)
            self._write(database, postings, rows.astype(np.uint32), standing.ids[rows], standing.sizes[rows])
        database.execute("update words set generation = generation + 1")


@contextmanager
def _snapshot(database: sqlite3.Connection) -> Iterator[None]:
    """Within the block all statements read one state of the file, whatever other processes write."""
    if database.in_transaction:
        yield
        return
    database.execute("begin")
    try:
        yield
    finally:
        database.execute("commit")


def _heaviest(rows: Array, weights: Array, most: int) -> tuple[Array, Array]:
    """The `most` heaviest and those that weigh the same. The first are of the rarest words, so hardly any of the others
    weighs more than the lightest of the heaviest among them."""
    for count in (8 * most, len(weights)):
        beginning = weights[:count]
        if most < len(beginning):
            least = np.partition(beginning, len(beginning) - most)[len(beginning) - most]
            kept = weights >= least
            rows, weights = rows[kept], weights[kept]
    return rows, weights


def _level_of(rows: int) -> int:
    return (max(rows, 1).bit_length() - 1) // 3  # eight times as many are a level more


def _together(standing: _Standing, parts: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    if not parts:
        return np.empty(0, np.uint32), np.empty(0, np.uint16)
    rows, counts = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
    living = standing.ids[rows] != GONE
    return (rows, counts) if living.all() else (rows[living], counts[living])


def _shortened(tokens: Array) -> Array:
    """The tokens in 32 bits, for comparing within a row; zero stays zero, and nothing else becomes it."""
    short = (tokens & 0xFFFFFFFF).astype(np.uint32)
    short[(short == 0) & (tokens != 0)] = 1
    return short


def _phrase(
    database: sqlite3.Connection, tokens: Sequence[int], parts: Sequence[tuple[Array, Array]]
) -> tuple[Array, Array]:
    """(rows, counts) of these tokens next to each other. None are told where too many rows hold all of them: the words
    of a phrase are sought each by itself too."""
    rows = parts[0][0]
    for others, _ in parts[1:]:
        rows = np.intersect1d(rows, others, assume_unique=len(set(tokens)) == len(tokens))
    if len(rows) > LONGEST_PHRASED:
        return rows[:0], rows[:0]
    pattern = _shortened(np.array(tokens, np.int64)).tobytes()
    statement = "select row, tokens from json_each(?) as wanted cross join sequence on row = wanted.value"
    found = [(row, _times(data, pattern)) for row, data in database.execute(statement, (json.dumps(rows.tolist()),))]
    kept = [pair for pair in found if pair[1]]
    return np.array([row for row, _ in kept], np.uint32), np.array([count for _, count in kept], np.uint16)


def _times(sequence: bytes, pattern: bytes) -> int:
    """How often the pattern stands in a row's sequence, weighted."""
    titles = int.from_bytes(sequence[:4], "little")
    count, start = 0, 4
    while (at := sequence.find(pattern, start)) >= 0:
        if at % 4 == 0:
            count += TITLE_WEIGHT if at // 4 <= titles else BODY_WEIGHT
        start = at + 4 - at % 4
    return count
