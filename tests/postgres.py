"""A PostgreSQL server of the tests' own, on loopback and a Unix socket, and schemas in it."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import authority, server_context
from requirements import skip_without

if TYPE_CHECKING:
    import psycopg

PASSWORD = "a-CANARY-password"
_DEADLINE = 60


def _programs() -> Path:
    """The folder with initdb and postgres; Debian keeps it out of PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found_in = next((folder for folder in folders if (folder / "postgres").exists()), None)
    return found_in or skip_without("postgresql")


@dataclass(frozen=True)
class Cluster:
    """A running server."""

    folder: Path
    port: int

    @property
    def authority(self) -> Path:
        """The certificate of the authority that signed the server's."""
        return self.folder / "authority.pem"

    @property
    def as_admin(self) -> dict[str, Any]:
        return {"host": str(self.folder), "port": self.port, "dbname": "postgres", "user": "admin"}

    def new_schema(self, name: str) -> None:
        with self.connect() as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())

    def connect(self) -> psycopg.Connection[Any]:
        import psycopg  # only where there is a server to connect to

        return psycopg.connect(**self.as_admin, autocommit=True)


@dataclass(frozen=True)
class Database:
    """A schema of the server for one test."""

    cluster: Cluster
    schema: str

    @property
    def saved(self) -> dict[str, Any]:
        """The sink for it, as in a profile."""
        admin = self.cluster.as_admin
        return {
            "kind": "postgres",
            "host": admin["host"],
            "port": admin["port"],
            "database": admin["dbname"],
            "user": admin["user"],
            "schema": self.schema,
        }

    @cached_property
    def _connection(self) -> psycopg.Connection[Any]:
        return self.cluster.connect()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query; names are looked up in the schema first."""
        self._connection.execute(f"SET search_path = {self.schema}".encode())
        cursor = self._connection.execute(query.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def types(self, table: str = "products") -> dict[str, str]:
        """The types of the columns, without those that every table has."""
        found = self.rows(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            f'"{table}"',
        )
        return {name: type_ for name, type_ in found if name not in ("_extra", "_row")}

    def items(self, table: str = "products") -> list[dict[str, Any]]:
        """The rows in the order of writing, without nulls and the number of the row."""
        texts = self.rows(f"SELECT to_jsonb(t) - '_row' FROM \"{table}\" t ORDER BY _row")
        return [{name: value for name, value in row.items() if value is not None} for (row,) in texts]

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def shared_cluster(run_folder: Path) -> Iterator[Cluster]:
    """The server that all processes of a test run share: the first one starts it, and it ends after the last one."""
    if find_spec("psycopg") is None:
        skip_without("psycopg")
    programs = _programs()
    state, users = run_folder / "postgres.json", run_folder / "postgres.users"
    with users.open("w") as uses, open(run_folder / "postgres.lock", "w") as lock:
        fcntl.flock(uses, fcntl.LOCK_SH)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not state.exists():
            folder = Path(
                tempfile.mkdtemp(prefix="tui-connector-postgres-", dir="/tmp")
            )  # the path of a socket is short
            watch(users, state, folder)
            cluster = _start(programs, folder)
            state.write_text(json.dumps({"folder": str(folder), "port": cluster.port}))
        found = json.loads(state.read_text())
        fcntl.flock(lock, fcntl.LOCK_UN)
        yield Cluster(Path(found["folder"]), found["port"])


def watch(users: Path, state: Path, folder: Path) -> None:
    """Starts the process that stops the server in this folder when nobody holds a lock on `users` any more."""
    script = Path(__file__).with_name("postgres_watch.py")
    subprocess.run([sys.executable, "-I", "-S", script, users, state, folder], cwd="/", check=True)


def _start(programs: Path, folder: Path) -> Cluster:
    server_context(folder, authority(folder))
    [certificate] = folder.glob("server-*.pem")
    (folder / "password").write_text(PASSWORD)
    for each in (folder, *folder.iterdir()):
        shutil.chown(each, **_owner())
        each.chmod(0o700 if each.is_dir() else 0o600)
    folder.chmod(0o711)
    data = folder / "data"
    _call(
        *(programs / "initdb", "-D", data, "-U", "admin", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
        *("--auth-local", "trust", "--auth-host", "scram-sha-256", "--pwfile", folder / "password"),
    )
    (folder / "password").unlink()
    with open(data / "postgresql.conf", "a") as settings:
        settings.write(
            f"unix_socket_directories = '{folder}'\nlisten_addresses = '127.0.0.1'\nmax_connections = 60\n"
            "fsync = off\nfull_page_writes = off\nautovacuum = off\nshared_buffers = 32MB\nlog_min_messages = panic\n"
            f"ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{certificate}'\n"
        )
    authority_file = folder / "authority.pem"
    authority_file.chmod(0o644)
    for _ in range(5):  # another program may take the port first
        port = _free_port()
        started = _call(
            *(programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-t", str(_DEADLINE)),
            *("-o", f"-p {port}", "start"),
            check=False,
        )
        if started == 0:
            return Cluster(folder, port)
    raise AssertionError(f"PostgreSQL did not start: {(folder / 'log').read_text()}")


def _owner() -> dict[str, str]:
    """Who runs the server: never root, which it refuses."""
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    return {"user": user, "group": user} if os.geteuid() == 0 else {"user": user}


def _call(*command: object, check: bool = True) -> int:
    as_user: dict[str, Any] = {**_owner(), "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [str(each) for each in command],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent"},
        timeout=_DEADLINE,
        **as_user,
    )
    assert not check or done.returncode == 0, f"{command[0]} failed with {done.returncode}"
    return done.returncode


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def new_database(cluster: Cluster) -> Database:
    name = f"test_{os.getpid()}_{time.monotonic_ns()}"
    cluster.new_schema(name)
    return Database(cluster, name)


@pytest.fixture(scope="session")
def postgres_cluster(run_folder: Path) -> Iterator[Cluster]:
    with shared_cluster(run_folder) as cluster:
        yield cluster


@pytest.fixture
def postgres(postgres_cluster: Cluster) -> Iterator[Database]:
    """A schema of its own in a PostgreSQL server of the tests' own."""
    database = new_database(postgres_cluster)
    yield database
    database.close()
