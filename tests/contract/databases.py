"""Where the mission suites run: SQLite always, PostgreSQL where `BATOS_TEST_POSTGRESQL` is the URL of a database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url

SERVER = os.environ.get("BATOS_TEST_POSTGRESQL")

DIALECTS = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.skipif(not SERVER, reason="BATOS_TEST_POSTGRESQL is not set")),
]


@contextmanager
def new_database(dialect: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database: a new file, or a schema of its own on the server, dropped afterwards."""
    name = f"missions_{uuid4().hex}"
    if dialect == "sqlite":
        yield f"sqlite:{folder / name}.sqlite3"
        return
    url = make_url(SERVER).set(drivername="postgresql+psycopg2")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    try:
        yield url.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
        engine.dispose()
