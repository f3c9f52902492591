"""A real PostgreSQL server for the tests: started when the first test asks for one, stopped at the end of the session.

It is reached over a socket in a folder of its own and never over the network. It syncs what it commits, since crash
tests rest on that. PostgreSQL refuses to run as root, so then it runs as the user that Debian's package made.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

OWNER = "batos"
GUARDED, PASSWORD = "guarded", "tr0ub4dor's st4ple"  # a user whom the server asks for a password
START_SECONDS = 30.0
HBA = f"""
local all {GUARDED} scram-sha-256
local all all trust
"""
SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "max_connections": "200",
    "shared_buffers": "32MB",
}
# What an image and its missions left, without the tables and procedures of the object database, which are slow to make.
EMPTYING = """
DROP SCHEMA IF EXISTS missions CASCADE;
DO $$ BEGIN IF to_regclass('public.object_state') IS NOT NULL THEN
    DELETE FROM blob_chunk; DELETE FROM current_object; DELETE FROM object_refs_added; DELETE FROM object_ref;
    DELETE FROM pack_object; DELETE FROM pack_state; DELETE FROM pack_state_tid;
    DELETE FROM object_state; DELETE FROM transaction WHERE tid <> 0;
    ALTER SEQUENCE zoid_seq RESTART;
END IF; END $$;
"""
LEFT_OVER = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


def missing() -> str | None:
    """Why no server can be started here; None if one can."""
    if _programs() is None:
        return "PostgreSQL's server is not installed (apt-get install postgresql)"
    if shutil.which("setpriv") is None:
        return "setpriv, which ends the server with the session, is not installed (apt-get install util-linux)"
    if find_spec("psycopg2") is None:
        return "the extra [postgresql] is not installed"
    if os.geteuid() == 0 and _unprivileged() is None:
        return "PostgreSQL does not run as root, and there is no user to run it as"
    return None


def _programs() -> Path | None:
    """The folder of the newest installed version."""
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return installed[-1].parent if installed else Path(found).resolve().parent if found else None


def _unprivileged() -> pwd.struct_passwd | None:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    return None


@dataclass
class Server:
    """A running server. `folder` holds its socket."""

    folder: Path
    process: subprocess.Popen[bytes]
    _made: int = 0
    _free: list[str] = field(default_factory=list)

    def dsn(self, database: str = "postgres", **more: str) -> str:
        from psycopg2.extensions import make_dsn

        return str(make_dsn(**{"host": str(self.folder), "user": OWNER, "dbname": database, **more}))

    @contextmanager
    def database(self) -> Iterator[str]:
        """The name of an empty database, that this block has to itself."""
        if self._free:
            name = self._free.pop()
            self.run(f"SELECT count(*) FROM ({LEFT_OVER}) AS left_over", name)
            self.run(EMPTYING, database=name)
        else:
            self._made += 1
            name = f"image_{self._made}"
            self.run(f"CREATE DATABASE {name} TEMPLATE template0")
        yield name
        self._free.append(name)

    @contextmanager
    def new_database(self, owner: str) -> Iterator[str]:
        """The name of a new database of the user's, dropped afterwards."""
        self._made += 1
        name = f"image_{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE template0 OWNER {owner}")
        try:
            yield name
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def run(self, statement: str, *values: object, database: str = "postgres") -> list[tuple[object, ...]]:
        """What the statement answers, on a connection of its own."""
        import psycopg2

        with closing(psycopg2.connect(self.dsn(database))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)  # at once: what it holds is thrown away
        self.process.wait(START_SECONDS)


@contextmanager
def started() -> Iterator[Server]:
    """A new server, stopped and removed afterwards. To be used where nothing is `missing`."""
    programs = _programs()
    assert programs is not None
    with tempfile.TemporaryDirectory(prefix="batos-postgresql-") as name:
        folder = Path(name)
        command = ["setpriv", "--pdeathsig", "INT"]  # it ends even if the session is killed
        if os.geteuid() == 0:
            user = _unprivileged()
            assert user is not None
            os.chown(folder, user.pw_uid, user.pw_gid)
            command += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        initdb = [programs / "initdb", "--pgdata", folder / "data", "--username", OWNER, "--encoding", "UTF8"]
        initdb += ["--locale", "C", "--auth", "trust", "--no-sync"]
        subprocess.run([*command, *initdb], check=True, capture_output=True, cwd="/")
        (folder / "data" / "pg_hba.conf").write_text(HBA)
        settings = [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
        run = [programs / "postgres", "-D", folder / "data", "-k", folder, *settings]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([*command, *run], stdout=log, stderr=log, cwd="/")
        server = Server(folder, process)
        try:
            _await(server)
            server.run(f"CREATE ROLE {GUARDED} LOGIN PASSWORD %s", PASSWORD)
            yield server
        finally:
            server.stop()


def _await(server: Server) -> None:
    import psycopg2

    deadline = time.monotonic() + START_SECONDS
    while server.process.poll() is None and time.monotonic() < deadline:
        try:
            server.run("SELECT 1")
            return
        except psycopg2.OperationalError:
            time.sleep(0.02)
    raise RuntimeError(f"PostgreSQL did not start: {(server.folder / 'log').read_text()[-500:]}")
