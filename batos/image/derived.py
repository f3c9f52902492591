"""Rows that are derived from the image and never the truth: behind it at times, and made again when they are lost.

What they hold and the transaction up to which that holds are written together, so a crash leaves rows that are merely
behind. Where they are is a `Home`: a file of this machine, or a schema of the image's server, which all its machines
share. Rows that are missing, damaged, of another image or of another version are begun anew. Several threads share one
`Derived`, several processes one home. Knows no objects, and not what its tables are for.

Statements are written as SQLite reads them; a server's home says them in its own way.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from batos.faults import fault

if TYPE_CHECKING:
    from batos.image.storages import Address

Result = TypeVar("Result")

NOWHERE = b"\0" * 8
# A condition on a column: its value is one of a list. The list is handed over as `Listed`.
ONE_OF = "in (select value from json_each(?))"


class Damaged(Exception):
    """What was read is not what was written. `home` is where."""

    home: Home | None = None


class Listed(list[Any]):
    """A list of numbers, or of texts, as the value of `ONE_OF`."""


class Rows(Protocol):
    """An open home. Not for several threads at once."""

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Any:
        """A cursor, as the database API of Python has it."""

    def executemany(self, statement: str, values: Iterable[Sequence[Any]], /) -> Any: ...


class Home(Protocol):
    """Where derived rows are. `name` is for messages."""

    @property
    def name(self) -> str: ...

    def rows(self) -> Rows:
        """Open, with its tables; opened again where it is another one by now."""

    def telling(self) -> AbstractContextManager[None]:
        """Within the block, what disk or server refuse is one of our errors; where the rows are at fault, `Damaged`."""

    def discard(self, reason: str) -> None:
        """Drop all rows; what nobody wanted has a reason, which is logged."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Layout:
    """What a home is made for. `image` and `version` are the identity of what it holds: the image that the rows come
    from, and a number that is raised whenever they would be written differently. In the schema `$born` stands for when
    the tables are made, in microseconds. `what` is for messages."""

    what: str
    image: str
    version: int
    schema: str

    @property
    def statements(self) -> list[str]:
        """Those that make the tables."""
        origin = "create table origin (image text, version integer, position blob, born integer)"
        return [origin, *self.schema.split(";")[:-1]]


@dataclass(frozen=True)
class Schema:
    """A place on the image's PostgreSQL server: a schema of that name. `dsn` may hold a password."""

    dsn: str
    name: str


Place = Path | Schema


SCHEMAS = "memory_"  # how the names of ours begin, on a server
LONGEST_NAME = 63  # that a server tells from another


def place_of(where: Address, name: str) -> Place:
    """Where the index of this name is of the image at an address: on its server, or in a file beside it."""
    if where.scheme == "postgresql":
        plain = SCHEMAS + "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in name.lower())
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return Schema(where.dsn, plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 9]}_{digest}")
    return where.path / "index" / f"{name}.sqlite3"


def places_of(where: Address) -> list[Place]:
    """Where there are indexes of the image at an address, whatever they are of."""
    places: list[Place] = list((where.path / "index").glob("*.sqlite3"))
    if where.scheme == "postgresql":
        from batos.image.derived_schema import schemas

        places += schemas(where.dsn, SCHEMAS)
    return places


class Derived:
    """`image` is the identity of the image that the rows come from."""

    what = "index"  # as messages call it
    version = 1
    schema = ""
    tables: tuple[str, ...] = ()  # those that hold rows

    def __init__(self, place: Place, image: str) -> None:
        self.place = place
        self._lock = threading.RLock()
        self._home = _home(place, Layout(self.what, image, self.version, self.schema))

    @property
    def name(self) -> str:
        """Where the rows are, for messages."""
        return self._home.name

    @property
    def position(self) -> bytes:
        """The id of the last transaction that the rows hold; `NOWHERE` for a new home."""
        with self._using() as database:
            return bytes(database.execute("select position from origin").fetchone()[0])

    def count(self) -> int:
        """The number of rows of what it is an index of, which its first table holds."""
        with self._using() as database:
            return int(database.execute(f"select count(*) from {self.tables[0]}").fetchone()[0])

    def is_empty(self) -> bool:
        """Whether it holds no such row; told sooner than how many it holds."""
        with self._using() as database:
            return database.execute(f"select 1 from {self.tables[0]} limit 1").fetchone() is None

    # Writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The block's changes are kept together, or not at all; other writers wait, in this process and in others."""
        with self._using() as database:
            database.execute("begin immediate")
            try:
                yield
                fault("index.before_commit")
                database.execute("commit")
            except BaseException:
                self._forget()
                if database.in_transaction:
                    database.execute("rollback")
                raise
        fault("index.after_commit")

    def move_to(self, position: bytes) -> None:
        """Inside `writing`: the rows now hold everything up to this transaction."""
        with self._using() as database:
            database.execute("update origin set position = ?", (position,))

    def clear(self) -> None:
        """Inside `writing`: drop every row and begin at the first transaction again."""
        with self._using() as database:
            for table in self.tables:
                database.execute(f"delete from {table}")
        self.move_to(NOWHERE)

    # The home

    def mending(self, work: Callable[[], Result]) -> Result:
        """What `work` returns. Where these rows are damaged, all are begun anew, and the work done again."""
        try:
            return work()
        except Damaged as error:
            if error.home is not self._home:
                raise
            self.discard(f"{error}.")
            return work()

    def close(self) -> None:
        with self._lock:
            self._forget()
            self._home.close()

    def discard(self, reason: str = "") -> None:
        """Drop everything; the next use begins anew. What nobody wanted has a reason, which is logged."""
        with self._lock:
            self._home.discard(reason)

    def _forget(self) -> None:
        """What is held in memory of the rows is not to be relied on any more."""

    @contextmanager
    def _using(self) -> Iterator[Rows]:
        with self._lock:
            try:
                with self._home.telling():
                    yield self._home.rows()
            except Damaged as error:
                error.home = error.home or self._home
                raise


def _home(place: Place, layout: Layout) -> Home:
    if isinstance(place, Schema):
        from batos.image.derived_schema import ServerHome

        return ServerHome(place, layout)
    from batos.image.derived_file import FileHome

    return FileHome(place, layout)
