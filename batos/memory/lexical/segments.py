"""Segments: postings kept as blobs in tables of an index, and what is held in memory of them.

Rows that are added become a segment of their own, so that a commit costs what it brings. Eight segments of a size are
merged into one, until a segment is so large that merging it again would not pay. A removed row stays in its segment,
marked, until that is merged. All of it is written within the transaction of whoever writes the index.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from batos.image.derived import ONE_OF, Damaged, Listed, Rows
from batos.memory.lexical.postings import Array, Postings, merged, unpacked

FANOUT = 8
FULL = 16_384  # rows of a segment that is not merged with others any more
CACHED = 128 << 20  # bytes of pages that are kept

LARGEST = np.iinfo(np.int32).max
GONE = np.iinfo(np.int64).min  # stands for the id of a row that was removed


@dataclass(frozen=True, slots=True)
class Segment:
    first: int
    last: int
    firsts: Array  # the first token of each page
    pages: tuple[int, ...]


@dataclass
class Standing:
    """What is held in memory of the segments in the tables: where their pages are, and the ids and sizes of their rows.

    `generation` counts the writes, `serial` the removals that it reflects. `told` is for whoever has the words: what
    was read of a row in other tables, by id, with its number at the end. No row is written over and no number given
    again, so that holds for as long as the row has the id.
    """

    generation: int
    serial: int
    living: int
    tokens: int
    segments: dict[int, Segment]
    worn: set[int]  # the segments of which rows were removed
    ids: Array
    sizes: Array
    smallest: int  # no row has fewer tokens
    told: dict[int, Any] = field(default_factory=dict)

    def copy(self) -> Standing:
        segments, worn = dict(self.segments), set(self.worn)
        return replace(self, segments=segments, worn=worn, ids=self.ids.copy(), sizes=self.sizes.copy(), told={})

    def remove(self, rows: Sequence[int]) -> None:
        self.ids[rows] = GONE
        removed = np.array(sorted(rows))
        for id_, segment in self.segments.items():
            first, end = removed.searchsorted([segment.first, segment.last + 1])
            if first < end:
                self.worn.add(id_)

    def reach(self, row: int) -> None:
        missing = row + 1 - len(self.ids)
        if missing > 0:
            more = max(missing, len(self.ids) // 2, 1_024)
            self.ids = np.concatenate([self.ids, np.full(more, GONE)])
            self.sizes = np.concatenate([self.sizes, np.zeros(more, np.int32)])


def _nothing() -> Standing:
    return Standing(-1, 0, 0, 0, {}, set(), np.empty(0, np.int64), np.empty(0, np.int32), LARGEST)


class Segments:
    """Those of the tables whose names begin with `prefix`. Every method is given the open home."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._database: Rows | None = None
        self._standing = _nothing()
        self._pages: OrderedDict[int, Postings] = OrderedDict()
        self._held = 0  # bytes of pages

    def forget(self) -> None:
        """What is held in memory may not be what the tables say: a transaction was rolled back."""
        self._standing = _nothing()
        self._pages.clear()
        self._held = 0

    @contextmanager
    def passing(self, database: Rows) -> Iterator[None]:
        """What is written within the block will be rolled back by whoever began the transaction."""
        standing = self.level(database)
        last = database.execute(f"select coalesce(max(id), 0) from {self._prefix}page").fetchone()[0]
        self._standing = standing.copy()
        try:
            yield
        finally:
            self._standing = standing
            for page in [page for page in self._pages if page > last]:
                self._held -= self._pages.pop(page).size

    # Reading

    @property
    def standing(self) -> Standing:
        """What is held in memory, whatever the tables say."""
        return self._standing

    def is_level(self, database: Rows) -> bool:
        """Whether that is what the tables say now."""
        statement = f"select generation from {self._prefix}words"
        known = self._standing.generation
        return self._database is database and database.execute(statement).fetchone()[0] == known

    def level(self, database: Rows) -> Standing:
        """What is held in memory, brought to what the tables say within this transaction."""
        if self._database is not database:
            self.forget()
            self._database = database
        standing = self._standing
        statement = f"select generation, living, tokens from {self._prefix}words"
        generation, living, tokens = database.execute(statement).fetchone()
        if generation == standing.generation:
            return standing
        standing.generation, standing.living, standing.tokens = generation, living, tokens
        listed = {row[0] for row in database.execute(f"select id from {self._prefix}segment")}
        for id_ in standing.segments.keys() - listed:
            segment = standing.segments.pop(id_)
            standing.worn.discard(id_)
            standing.ids[segment.first : segment.last + 1] = GONE
        for id_ in sorted(listed - standing.segments.keys()):
            self._take_in(database, standing, id_)
        statement = f"select serial, row from {self._prefix}removed where serial > ? order by serial"
        if removed := database.execute(statement, (standing.serial,)).fetchall():
            standing.serial = removed[-1][0]
            standing.remove([row for _, row in removed])
        return standing

    def _take_in(self, database: Rows, standing: Standing, id_: int) -> None:
        statement = f"select first, last, firsts, pages, rows, ids, sizes from {self._prefix}segment where id = ?"
        first, last, *blobs = database.execute(statement, (id_,)).fetchone()
        firsts, pages, rows, ids, sizes = (np.frombuffer(blob, kind) for blob, kind in zip(blobs, "qqIqi", strict=True))
        standing.reach(last)
        standing.ids[rows], standing.sizes[rows] = ids, sizes
        standing.smallest = min(standing.smallest, int(sizes.min()))
        standing.segments[id_] = Segment(first, last, firsts, tuple(pages.tolist()))

    def postings(self, database: Rows, standing: Standing, tokens: set[int]) -> dict[int, tuple[Array, Array]]:
        """(rows, counts) of each token, from all segments, without removed rows; the rows are ascending."""
        ordered = np.array(sorted(tokens), np.int64)
        places: list[tuple[int, int, bool]] = []  # (token, page, whether rows of it were removed)
        for id_, segment in sorted(standing.segments.items(), key=lambda pair: pair[1].first):
            befores = (segment.firsts.searchsorted(ordered, "right") - 1).tolist()
            worn = id_ in standing.worn
            near = zip(ordered.tolist(), befores, strict=True)
            places += [(token, segment.pages[before], worn) for token, before in near if before >= 0]
        pages = self._load(database, {page for _, page, _ in places})
        parts: dict[int, list[tuple[Array, Array]]] = {token: [] for token in tokens}
        for token, page, worn in places:
            if (part := pages[page].of(token)) is not None:
                parts[token].append(_living(standing, *part) if worn else part)
        return {token: _together(found) for token, found in parts.items()}

    def all_postings(self, database: Rows, standing: Standing) -> Iterator[Postings]:
        """Those of all segments, part by part; removed rows are among them."""
        for segment in standing.segments.values():
            for page in segment.pages:
                yield from self._load(database, [page]).values()

    def _load(self, database: Rows, wanted: Iterable[int]) -> dict[int, Postings]:
        pages = {page: self._pages[page] for page in wanted if page in self._pages}
        for page in pages:
            self._pages.move_to_end(page)
        missing = Listed(page for page in wanted if page not in pages)
        statement = f"select id, postings from {self._prefix}page where id {ONE_OF}"
        for page, data in database.execute(statement, (missing,)) if missing else ():
            postings = unpacked(data)
            if postings is None:
                raise Damaged(f"a page of postings is damaged ({page})")
            pages[page] = self._pages[page] = postings
            self._held += postings.size
        while self._held > CACHED:
            self._held -= self._pages.popitem(last=False)[1].size
        return pages

    # Writing

    def write(self, database: Rows, postings: Postings, rows: Array, ids: Array, sizes: Array) -> None:
        """Keep the postings of these rows as a segment."""
        firsts, pages = [], []
        statement = f"insert into {self._prefix}page (postings) values (?) returning id"
        for page in postings.pages():
            firsts.append(page.tokens[0])
            pages.append(database.execute(statement, (page.packed(),)).fetchone()[0])
        blobs = (np.array(firsts, np.int64), np.array(pages, np.int64), rows, ids, sizes)
        values = (int(rows[0]), int(rows[-1]), len(rows), 0, *(blob.tobytes() for blob in blobs))
        database.execute(
            f"insert into {self._prefix}segment (first, last, living, removed, firsts, pages, rows, ids, sizes)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )

    def remove(self, database: Rows, rows: Sequence[int]) -> None:
        """Mark rows as removed."""
        database.executemany(f"insert into {self._prefix}removed (row) values (?)", [(row,) for row in rows])
        change = f"update {self._prefix}segment set living = living - 1, removed = removed + 1"
        database.executemany(f"{change} where first <= ? and last >= ?", [(row, row) for row in rows])

    def tidy(self, database: Rows) -> None:
        """Make those anew of which less than half is left."""
        worn = database.execute(f"select id from {self._prefix}segment where removed > living").fetchall()
        for (segment,) in worn:
            self._join(database, [segment])

    def merge(self, database: Rows) -> None:
        """Join the newest segments, as long as there are enough that are no larger than the newest."""
        statement = f"select id, living from {self._prefix}segment order by first desc"
        while True:
            run: list[int] = []
            highest = None
            for id_, living in database.execute(statement).fetchall():
                highest = _level_of(living) if highest is None else highest
                if living >= FULL or _level_of(living) > highest:
                    break
                run.append(id_)
            if len(run) < FANOUT:
                return
            self._join(database, run[::-1])

    def _join(self, database: Rows, segments: Sequence[int]) -> None:
        """Make one segment of these, which are in the order of their rows, without what was removed."""
        standing = self.level(database)
        joined = [standing.segments[id_] for id_ in segments]
        first, last = joined[0].first, joined[-1].last
        living = standing.ids != GONE
        rows = first + np.flatnonzero(living[first : last + 1])
        pages = self._load(database, [page for segment in joined for page in segment.pages])
        parts = [pages[page] for segment in joined for page in segment.pages]
        database.executemany(f"delete from {self._prefix}segment where id = ?", [(id_,) for id_ in segments])
        database.executemany(f"delete from {self._prefix}page where id = ?", [(page,) for page in pages])
        database.execute(f"delete from {self._prefix}removed where row between ? and ?", (first, last))
        if len(rows):
            postings = merged(parts, living)
            self.write(database, postings, rows.astype(np.uint32), standing.ids[rows], standing.sizes[rows])
        database.execute(f"update {self._prefix}words set generation = generation + 1")


def _level_of(rows: int) -> int:
    return (max(rows, 1).bit_length() - 1) // 3  # eight times as many are a level more


def _living(standing: Standing, rows: Array, counts: Array) -> tuple[Array, Array]:
    living = standing.ids[rows] != GONE
    return rows[living], counts[living]


def _together(parts: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    if not parts:
        return np.empty(0, np.uint32), np.empty(0, np.uint16)
    if len(parts) == 1:
        return parts[0]
    rows, counts = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(counts)
