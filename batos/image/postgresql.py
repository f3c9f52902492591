"""Images on a PostgreSQL server: reading their addresses, opening them, and saying what the server refused.

The database holds objects, history, blobs, missions and the indexes of memory, so that any number of processes on any
number of machines may share it. Copies of blobs and what belongs to one machine (locks, sockets) lie in a folder of the
user's, one for each database, and may be deleted while nothing runs. An image needs a database of its own, because
RelStorage looks for its tables in all schemas.

The password is never shown: not in messages, and not in the names that RelStorage gives its storages in logs.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batos.errors import (
    ImageBusy,
    ImageCorrupt,
    ImageForeign,
    ImageMissing,
    ImageUnavailable,
    ImageUnwritable,
    MissingExtra,
)

if TYPE_CHECKING:
    from batos.image.storages import Address

SCHEME = "postgresql"
HOW_TO_WRITE = "Write postgresql:host=HOST dbname=NAME user=USER, or postgresql://USER@HOST/NAME."
HOW_TO_REACH = "Check that the server runs, the user and the database; passwords belong in ~/.pgpass or PGPASSWORD."
HIDDEN = ("password", "sslpassword", "connect_timeout")
# What names a database, and the variable that stands in for it.
NAMED_BY = {
    "service": "PGSERVICE",
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
}
CONNECT_SECONDS = "10"
LOCK_SECONDS = 10
FOUNDING_LOCK = 0x6261746F73 + 1  # any number, the same in every process
TABLES = {"object_state", "current_object", "transaction"}  # of RelStorage, where it keeps history
FOREIGN_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"

# What the server's error codes, or the classes of them, are to a person who wants the image.
KINDS: Mapping[str, type[ImageUnavailable]] = {
    "53100": ImageUnwritable,  # disk full
    "25006": ImageUnwritable,  # read-only transaction
    "42501": ImageUnwritable,  # insufficient privilege
    "53300": ImageBusy,  # too many connections
    "55P03": ImageBusy,  # a lock was not given
    "XX001": ImageCorrupt,
    "XX002": ImageCorrupt,
}


# Addresses


def read_address(text: str) -> tuple[str, Path]:
    """The DSN in keyword form, and the local folder. `text` is `postgresql:KEY=VALUE …` or `postgresql://…`.

    Raises `ImageUnavailable` for what is no DSN, `MissingExtra` without the driver.
    """
    extensions = driver().extensions
    rest = text.partition(":")[2]
    try:
        named = extensions.parse_dsn(text if rest.startswith("//") else rest)
    except driver().Error:  # its message may quote a part of the password
        raise ImageUnavailable(path=f"{SCHEME}:…", reason=f"its address cannot be read. {HOW_TO_WRITE}") from None
    # A server that is gone must be noticed.
    return extensions.make_dsn(**{"connect_timeout": CONNECT_SECONDS, **named}), _local_folder(named)


def shown(dsn: str) -> str:
    """The address as it may be shown, and typed again."""
    extensions = driver().extensions
    named = {key: value for key, value in extensions.parse_dsn(dsn).items() if key not in HIDDEN}
    return f"{SCHEME}:{extensions.make_dsn(**named)}"


def _local_folder(named: Mapping[str, str]) -> Path:
    """A folder of the user's for this database. Its name begins with the database's, for whoever looks at it."""
    place = [named.get(key) or os.environ.get(variable, "") for key, variable in NAMED_BY.items()]
    digest = hashlib.sha256("\0".join(place).encode()).hexdigest()[:12]
    database = "".join(char for char in place[list(NAMED_BY).index("dbname")] if char.isalnum() or char in "-_")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "batos" / "-".join(filter(None, (database, digest)))


# Opening


def prepare(where: Address, create: bool) -> None:
    """Check that the database holds an image, or nothing and may become one; make the local folder."""
    with telling_errors(where), closing(_connected(where)) as connection:
        if not _has_image(where, connection) and not create:
            raise ImageMissing(path=shlex.quote(where.name))  # its sentence is a command to be typed
    where.path.mkdir(parents=True, exist_ok=True)
    where.path.chmod(0o700)


def open_storage(where: Address, commit_lock_seconds: int) -> Any:
    """The ZODB storage in the database, with its tables made if there are none. Raises `ImageUnavailable`."""
    from relstorage.adapters.postgresql import PostgreSQLAdapter
    from relstorage.options import Options
    from relstorage.storage import RelStorage

    class Adapter(PostgreSQLAdapter):
        def __str__(self) -> str:  # its own shows the DSN, and parts of a password that has blanks
            return where.name

        __repr__ = __str__

    options = Options(
        driver="psycopg2",
        keep_history=True,
        blob_dir=str(where.path / "blobs"),
        shared_blob_dir=False,
        commit_lock_timeout=commit_lock_seconds,
    )
    with telling_errors(where), closing(_connected(where)) as connection:
        with connection.cursor() as cursor:  # two processes may find the same empty database; let go when it is closed
            cursor.execute(f"SET lock_timeout TO '{LOCK_SECONDS}s'")
            cursor.execute("SELECT pg_advisory_lock(%s)", (FOUNDING_LOCK,))
        _has_image(where, connection)
        return RelStorage(Adapter(dsn=where.dsn, options=options), name=where.name, options=options)


def _has_image(where: Address, connection: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(FOREIGN_TABLES)
        tables = {name for (name,) in cursor.fetchall()}
    if tables and not tables >= TABLES:
        reason = "its database holds tables of another program; give it an empty one."
        raise ImageForeign(path=where.name, reason=reason)
    return bool(tables)


def _connected(where: Address) -> Any:
    connection = connect(where.dsn)
    connection.autocommit = True
    return connection


def in_schema(dsn: str, schema: str) -> str:
    """The DSN of the same database, where unqualified names mean tables of `schema`."""
    extensions = driver().extensions
    options = extensions.parse_dsn(dsn).get("options", "")
    return str(extensions.make_dsn(dsn, options=f"{options} -csearch_path={schema}".strip()))


def connect(dsn: str) -> Any:
    """A connection of the driver's."""
    return driver().connect(dsn)


def driver() -> Any:
    try:
        import psycopg2.extensions
    except ModuleNotFoundError:
        raise MissingExtra(feature="An image on PostgreSQL", extra=SCHEME) from None
    return psycopg2


# What the server refused


@contextmanager
def telling_errors(where: Address) -> Iterator[None]:
    try:
        yield
    except ImageUnavailable:
        raise
    except Exception as error:
        told = as_unavailable(where.name, error)
        if told is None:
            raise
        raise told from None


def as_unavailable(name: str, error: BaseException) -> ImageUnavailable | None:
    """The error that tells a person what the server, or the way to it, refused; None if it was neither."""
    from relstorage.storage.interfaces import StorageDisconnectedDuringCommit

    if isinstance(error, StorageDisconnectedDuringCommit):
        return _disconnected(name, "it was lost in the middle of a commit")
    if not isinstance(error, driver().Error):
        return None
    said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    code = error.pgcode or ""
    if kind := KINDS.get(code):
        return kind(path=name, reason=f"its server says: {said}.")
    if code and not code.startswith(("08", "57P")):
        return ImageUnavailable(path=name, reason=f"its server says: {said}.")
    if said.startswith("connection to server") or " failed: " in said:
        return ImageUnavailable(path=name, reason=f"{said}. {HOW_TO_REACH}")
    return _disconnected(name, said)


def _disconnected(name: str, said: str) -> ImageUnavailable:
    reason = f"the connection to its server broke ({said}). A change that was being committed may have been kept."
    return ImageUnavailable(path=name, reason=reason)
