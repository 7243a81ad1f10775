"""Ledgers in PostgreSQL, for machines that share no directory: the same tables as in a file, for all configurations.

Each connection has views of the rows of one ledger, with the names that the tables have in a file, so that the same
statements are used on both. A run holds its ledger by an advisory lock, which the server releases with the connection.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from pydantic import Field, model_validator

from ..errors import UserError
from ..secrets.capability import Capability
from .database import Family, LedgerError, ResultRows, SharedPlace
from .postgres import WAIT, Parameter, PostgresConnection, PostgresServer, server_message

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composed

_VERSION: Final = 1
_PREFIX: Final = "tui_connector_"
_HELD_FOR: Final = "2s"
"""How long to wait for a ledger: the server may still be noticing that the process that held it has ended."""
_KEY: Final = "tui_connector.ledger"
"""The parameter of the session that names the ledger of new rows."""

_TABLES: Final[Mapping[Family, Mapping[str, str]]] = {
    "incoming": {
        "run": (
            "id bigint NOT NULL, began text NOT NULL, ended text, state text NOT NULL, fingerprint text NOT NULL, "
            "asked text NOT NULL, since text, moves_mark bigint NOT NULL, store_began text, newest text, "
            "position text, sink text, read bigint NOT NULL DEFAULT 0, items bigint NOT NULL DEFAULT 0, "
            "failed bigint NOT NULL DEFAULT 0, dropped bigint NOT NULL DEFAULT 0, requests bigint NOT NULL DEFAULT 0, "
            "retries bigint NOT NULL DEFAULT 0, seconds double precision NOT NULL DEFAULT 0, expected bigint, "
            "reason text NOT NULL DEFAULT '', at_end bigint NOT NULL DEFAULT 0, closed text, "
            "code text NOT NULL DEFAULT '', doubt text NOT NULL DEFAULT '', {ledger}, PRIMARY KEY (ledger, id)"
        ),
        "mark": (
            "one bigint NOT NULL, value text, fingerprint text NOT NULL, sink text NOT NULL, {ledger}, "
            "PRIMARY KEY (ledger, one)"
        ),
        "seen": (
            "run bigint NOT NULL, at text NOT NULL, identifier text NOT NULL, digest bytea NOT NULL, {ledger}; "
            "CREATE INDEX {index}_at ON {table} (ledger, run, at); "
            "CREATE INDEX {index}_identifier ON {table} (ledger, identifier)"
        ),
        "content": "identifier text NOT NULL, digest bytea NOT NULL, {ledger}, PRIMARY KEY (ledger, identifier)",
        "failure": (
            "run bigint NOT NULL, record text NOT NULL, message text NOT NULL, exchange bigint, {ledger}; "
            "CREATE INDEX {index}_run ON {table} (ledger, run)"
        ),
    },
    "outgoing": {
        "run": (
            "id bigint NOT NULL, began text NOT NULL, ended text, state text NOT NULL, fingerprint text NOT NULL, "
            "digest text, loaded bigint NOT NULL DEFAULT 0, requests bigint NOT NULL DEFAULT 0, "
            "retries bigint NOT NULL DEFAULT 0, seconds double precision NOT NULL DEFAULT 0, "
            "reason text NOT NULL DEFAULT '', code text NOT NULL DEFAULT '', {ledger}, PRIMARY KEY (ledger, id)"
        ),
        "task": (
            "id bigint NOT NULL, run bigint NOT NULL, line bigint NOT NULL, identifier text NOT NULL, "
            "state text NOT NULL, entity text, attempts bigint NOT NULL DEFAULT 0, exchange bigint, "
            "reason text NOT NULL DEFAULT '', code text NOT NULL DEFAULT '', step text NOT NULL DEFAULT '', "
            "responses text, updated text NOT NULL, former text, {ledger}, PRIMARY KEY (ledger, id); "
            "CREATE INDEX {index}_run ON {table} (ledger, run, state, id)"
        ),
        "added": "run_id text NOT NULL, run bigint NOT NULL, {ledger}, PRIMARY KEY (ledger, run_id)",
    },
}
"""The columns as in a file (runs/ledger.py, outgoing/task_ledger.py), and the ledger that a row belongs to."""

_SLICES: Final = """
CREATE TABLE {schema}.tui_connector_slice_plan (
    run_id text PRIMARY KEY, profile text NOT NULL, environment text NOT NULL, name text NOT NULL,
    planned timestamp with time zone NOT NULL DEFAULT now(), plan text NOT NULL, committed text
);
CREATE TABLE {schema}.tui_connector_slice_report (
    run_id text NOT NULL, slice bigint NOT NULL, report text NOT NULL, PRIMARY KEY (run_id, slice)
);
CREATE TABLE {schema}.tui_connector_slice_attempt (
    run_id text NOT NULL, slice bigint NOT NULL, attempt text NOT NULL, PRIMARY KEY (run_id, slice)
);
CREATE TABLE {schema}.tui_connector_slice_data (
    run_id text NOT NULL, name text NOT NULL, after bigint NOT NULL, until bigint NOT NULL, content bytea NOT NULL,
    PRIMARY KEY (run_id, name, after)
);
"""


class LedgerSettings(PostgresServer):
    """A ledger that several machines share, instead of files in the state directory of each."""

    kind: Literal["postgres"] = Field(title="Kind", description="PostgreSQL; it needs the extra postgres.")
    schema_: Parameter | None = Field(
        None,
        alias="schema",
        title="Schema",
        description="Must exist. Default: the first of the user's search_path, usually public.",
        examples=["tui_connector"],
    )

    @model_validator(mode="after")
    def _needs_no_user(self) -> Self:
        if self.password is not None and self.password.ask:
            raise ValueError("the password of a ledger cannot be prompted for: workers have no user")
        return self

    def capability(self) -> Capability:
        """What its user has to allow."""
        text = f"keeps its ledger in {self.server}" + (f" (tls {self.tls})" if self.tls else "")
        return Capability.of("write", text, to=self.server, tls=self.tls or "", what="ledger")


class LedgerServer:
    """The server with the ledgers of a profile. Its methods block, and raise `LedgerError`."""

    def __init__(
        self, settings: LedgerSettings, parameters: Callable[[], Mapping[str, Any]], profile: str, environment: str
    ) -> None:
        """`parameters`: reads those of the connection, with the password; called once, in the thread that connects.

        `profile`: its name, the same on all machines.
        """
        self._settings, self._read_parameters = settings, parameters
        self._parameters: Mapping[str, Any] | None = None
        self._reading = threading.Lock()
        self.profile, self.environment = profile, environment

    @property
    def name(self) -> str:
        """Its address."""
        return self._settings.server

    def connect(self) -> LedgerConnection:
        """A connection, with all tables made. Raises `UserError` if the password cannot be read."""
        with self._reading:
            if self._parameters is None:
                self._parameters = self._read_parameters()
        name = f"tui-connector process {os.getpid()} on {platform.node()}"
        parameters = {**self._parameters, "application_name": name}
        connection = LedgerConnection(self.name, parameters)
        try:
            connection.prepare(self._settings.schema_)
        except BaseException:
            connection.close()
            raise
        return connection

    def place(self, family: Family, name: str) -> SharedLedger:
        """The ledger of a configuration."""
        return SharedLedger(self, name, [family, self.profile, self.environment, name])

    def names(self, family: Family) -> list[str]:
        """The configurations of the profile that have been run."""
        with contextlib.closing(self.connect()) as connection, connection.errors():
            query = connection.sql.SQL("SELECT DISTINCT ledger FROM {}").format(connection.table(family, "run"))
            keys = [json.loads(key) for (key,) in connection.rows(query)]
        mine = [family, self.profile, self.environment]
        return sorted(key[3] for key in keys if key[:3] == mine)

    def slice_place(self, run_id: str, tasks: str, index: int) -> SharedLedger:
        """The ledger with the tasks of a slice."""
        return SharedLedger(self, f"slice {index} of {run_id}", ["slice", run_id, tasks, index])


class LedgerConnection(PostgresConnection):
    """A connection to the server of ledgers. Errors of the driver become `LedgerError`."""

    purpose = "The ledger in PostgreSQL"
    schema = ""

    def problem(self, message: str, hint: str = "") -> LedgerError:
        return LedgerError(message, hint)

    def prepare(self, schema: str | None) -> None:
        """Sets up the session, and makes the tables if there are none."""
        with self.errors():
            self.begin_session()
            # a connection that is cut without a word releases what it holds: by default, after two hours
            settings = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10"}
            if self.connection.info.server_version >= 140_000:  # also while it waits for another lock
                settings["client_connection_check_interval"] = "10s"
            for name, value in settings.items():
                self.run("SELECT set_config(%s, %s, false)", name, value)
            self.schema = self.find_schema(schema, "ledger")
            if "%" in self.schema:  # it would be a placeholder in statements
                raise LedgerError(f"A ledger cannot be in the schema {self.schema!r}", 'Name another "schema".')
            version = self._version()
            if version is None:
                self._create()
                version = self._version()
        if version != _VERSION:
            raise LedgerError(
                f"The ledger in {self.name} has the format {version}, and this version of the program {_VERSION}",
                "Use the same version on every machine.",
            )

    def _version(self) -> int | None:
        if not self.rows(
            "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = %s", self.schema, f"{_PREFIX}ledger"
        ):
            return None
        [(version,)] = self.rows(self.composed("SELECT version FROM {schema}.tui_connector_ledger"))
        return int(version)

    def _create(self) -> None:
        with self.connection.transaction():
            self.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", f"tui-connector ledger {self.schema}")
            if self._version() is not None:  # another process was first
                return
            column = f"ledger text NOT NULL DEFAULT current_setting('{_KEY}')"
            for family, tables in _TABLES.items():
                for name, columns in tables.items():
                    first, _, indexes = columns.format(
                        ledger=column, index=f"{_PREFIX}{family}_{name}", table="{table}"
                    ).partition(";")
                    table = self.table(family, name)
                    statement = f"CREATE TABLE {{table}} ({first}); {indexes}"
                    self.connection.execute(self.sql.SQL(statement).format(table=table))
            self.connection.execute(self.composed(_SLICES))
            self.connection.execute(
                self.composed(
                    "CREATE TABLE {schema}.tui_connector_ledger (version bigint NOT NULL); "
                    f"INSERT INTO {{schema}}.tui_connector_ledger VALUES ({_VERSION})"
                )
            )

    def table(self, family: Family, name: str) -> Any:
        """The name of a table, with its schema."""
        return self.sql.Identifier(self.schema, f"{_PREFIX}{family}_{name}")

    def composed(self, text: str) -> Composed:
        """A statement in which {schema} is the schema."""
        composed: Composed = self.sql.SQL(text).format(schema=self.sql.Identifier(self.schema))
        return composed

    def select_ledger(self, family: Family, key: str) -> None:
        """Gives the session views of the rows of one ledger. Raises the driver's errors."""
        self.run("SELECT set_config(%s, %s, false)", _KEY, key)
        for name in _TABLES[family]:
            view = self.sql.SQL("CREATE TEMPORARY VIEW {} AS SELECT * FROM {} WHERE ledger = {}")
            self.connection.execute(
                view.format(self.sql.Identifier(name), self.table(family, name), self.sql.Literal(key))
            )

    def discard_slices(self, run_id: str, tasks: str = "") -> None:
        """Removes the ledgers of the slices of a run, or only those with these tasks. Raises the driver's errors."""
        parts = ["slice", run_id, *([tasks] if tasks else [])]
        start = json.dumps(parts)[:-1] + ","
        find = self.sql.SQL("SELECT DISTINCT ledger FROM {} WHERE left(ledger, %s) = %s")
        found = [key for (key,) in self.rows(find.format(self.table("outgoing", "run")), len(start), start)]
        for name in _TABLES["outgoing"]:
            self.run(self.sql.SQL("DELETE FROM {} WHERE ledger = ANY(%s)").format(self.table("outgoing", name)), found)

    def explained(self, error: psycopg.Error) -> UserError:
        errors = self.driver.errors
        if self._connected and not self.connection.closed:
            if isinstance(error, errors.LockNotAvailable):
                return LedgerError(f"The ledger in {self.name} is locked by another program", "Run again.")
            if isinstance(error, errors.InsufficientPrivilege):
                return LedgerError(
                    f"The ledger in {self.name} cannot be used: {server_message(error)}",
                    "Grant the user USAGE and CREATE on the schema and TEMPORARY on the database; "
                    "the tables must be its own.",
                )
        return super().explained(error)


class SharedLedger(SharedPlace):
    """One ledger on the server."""

    def __init__(self, server: LedgerServer, stem: str, key: Sequence[str | int]) -> None:
        self._server, self.stem, self._key = server, stem, json.dumps(key)

    def __str__(self) -> str:
        return f"{self.stem} in {self._server.name}"

    def exists(self) -> bool:
        family: Family = "incoming" if self._key.startswith('["incoming"') else "outgoing"
        with contextlib.closing(self.open(family)) as database, self.errors():
            return database.execute("select 1 from run limit 1").fetchone() is not None

    def is_held(self) -> bool:
        with contextlib.closing(self._server.connect()) as connection, connection.errors():
            return bool(self._holders(connection))

    def open(self, family: Family, used: str = "") -> SharedDatabase:
        connection = self._server.connect()
        try:
            with connection.errors():
                if used:
                    self._hold(connection, used)
                connection.select_ledger(family, self._key)
        except BaseException:
            connection.close()
            raise
        return SharedDatabase(connection)

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Those of values that cannot be stored; a `SharedDatabase` raises the others as `LedgerError`."""
        try:
            yield
        except (ValueError, TypeError) as error:
            raise LedgerError(f"{self} cannot store a value: {error}", "Correct it in its source.") from error

    def _hold(self, connection: LedgerConnection, used: str) -> None:
        connection.run("SELECT set_config('lock_timeout', %s, false)", _HELD_FOR)
        try:
            connection.run("SELECT pg_advisory_lock(hashtextextended(%s, 0))", self._lock(connection))
        except connection.driver.errors.LockNotAvailable as error:
            holders = ", ".join(self._holders(connection)) or "another run"
            raise LedgerError(
                f"{self.stem} is already being {used} by {holders}", "Wait for it, or stop it.", "already-running"
            ) from error
        connection.run("SELECT set_config('lock_timeout', %s, false)", WAIT)

    def _lock(self, connection: LedgerConnection) -> str:
        return f"tui-connector {connection.schema} {self._key}"

    def _holders(self, connection: LedgerConnection) -> list[str]:
        """The processes that hold it: the numbers of a lock are the two halves of its key."""
        found = connection.rows(
            "SELECT coalesce(a.application_name, '') FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
            "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%s, 0)",
            self._lock(connection),
        )
        return [str(name).removeprefix("tui-connector ") or "another run" for (name,) in found]


class SharedDatabase:
    """A connection to one ledger that is used as `sqlite3` is: the first change begins a transaction."""

    def __init__(self, connection: LedgerConnection) -> None:
        self._connection = connection
        self._changing = False

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> ResultRows:
        with self._connection.errors():
            self._begin(sql)
            found: ResultRows = self._connection.connection.execute(_translated(sql), _values(parameters))
        return found

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> None:
        with self._connection.errors(), self._connection.connection.cursor() as cursor:
            self._begin(sql)
            cursor.executemany(_translated(sql), map(_values, parameters))

    def _begin(self, sql: str) -> None:
        if not self._changing and sql.lstrip()[:6].lower() in ("insert", "update", "delete"):
            self._connection.connection.execute("BEGIN")
            self._changing = True

    def commit(self) -> None:
        if self._changing:
            self._changing = False
            with self._connection.errors():
                self._connection.connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if kind is None:
            self.commit()
        elif self._changing:
            self._changing = False
            with contextlib.suppress(self._connection.driver.Error):  # the connection is lost: the server rolls back
                self._connection.connection.execute("ROLLBACK")


def _translated(sql: str) -> bytes:
    """The statement with the driver's placeholders; those of ledgers contain no other question marks."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _values(parameters: Sequence[Any]) -> list[Any]:
    """Without booleans, which are numbers in ledgers."""
    return [int(each) if isinstance(each, bool) else each for each in parameters]
