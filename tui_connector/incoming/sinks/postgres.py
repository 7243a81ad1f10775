"""PostgreSQL: a table with a column for each field, filled with COPY into a staging table and an upsert by identifier.

Rows are kept in memory until the next durable step, which is one transaction: none is open while the run waits for the
store. With an identifier, a step that is repeated after a kill replaces its rows by the same rows; without one, rows
after the recorded one are deleted first.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ...secrets.source import SecretSource, secret_field
from ...templates import Json
from ...text import count
from ..columns import (
    EXTRA,
    ROW,
    ColumnLimits,
    ColumnNames,
    Columns,
    ColumnType,
    CustomAttributes,
)
from ..raw_json import plain_text
from ..sink import FilePath, OpenSink, RejectedItem, Sink, SinkContext, SinkError, SinkMissing, import_driver

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composed, Identifier

_NAME_BYTES: Final = 63
"""Longest name (NAMEDATALEN - 1); PostgreSQL cuts longer ones without an error."""
_MAX_COLUMNS: Final = 1_600
"""Columns of a table, including dropped ones (MaxHeapAttributeNumber)."""
_SYSTEM_COLUMNS: Final = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
_IDENTIFIER_BYTES: Final = 2_000
"""An entry of a B-tree index has at most 2,704 bytes."""
_WAIT: Final = "30s"
"""How long to wait for another program's lock."""
_CONNECT_TIMEOUT: Final = 10
_BUFFER: Final = 8 * 1024 * 1024
"""Bytes of rows that are written before the next durable step is due."""
_TABLES: Final = "tui_connector_tables"
"""Says which tables are ours. In the schema of the tables."""
_LOCAL: Final = ("localhost", "::1")

_SQL_TYPES: Final[dict[ColumnType, str]] = {
    "boolean": "boolean",
    "integer": "bigint",
    "decimal": "numeric",
    "date": "date",
    "datetime": "timestamp without time zone",
    "datetime-utc": "timestamp with time zone",
    "text": "text",
    "json": "jsonb",
}
_TYPES: Final[dict[str, ColumnType]] = {sql: type_ for type_, sql in _SQL_TYPES.items()}
_AS_TEXT: Final[dict[ColumnType, str]] = {
    "date": "to_char({}, 'YYYY-MM-DD')",
    "datetime": "to_char({}, 'YYYY-MM-DD HH24:MI:SS')",
    "datetime-utc": "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
}
"""The texts that dates were, for a column that becomes text."""
_REFUSED_ROW: Final = ("21", "22", "54")
"""Classes of errors that are about the values of a row: cardinality, data, program limits."""

SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]


def _is_column_name(name: str) -> bool:
    return _is_name(name) and name not in _SYSTEM_COLUMNS


def _is_name(name: str) -> bool:
    try:
        return 0 < len(name.encode()) <= _NAME_BYTES and "\0" not in name
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _check_name(name: str) -> str:
    if not _is_name(name):
        raise ValueError(
            f"{name[:80]!r} is not a valid name: PostgreSQL has names of 1 to {_NAME_BYTES} bytes of UTF-8"
        )
    if name == _TABLES:
        raise ValueError(f"{name} is used by this program itself")
    return name


def _check_parameter(text: str) -> str:
    if any(ord(character) < 0x20 for character in text):
        raise ValueError("it contains a control character")
    return text


_Name = Annotated[str, AfterValidator(_check_name)]
_Parameter = Annotated[str, Field(min_length=1), AfterValidator(_check_parameter)]


class PostgresSink(Sink):
    """PostgreSQL: a table with a column for each field."""

    not_compared: ClassVar = ("user", "password", "sslmode", "ca-file")
    kind: Literal["postgres"] = "postgres"
    host: _Parameter | None = Field(
        None,
        title="Host",
        description="The server, or the folder of its Unix socket.",
        examples=["db.example", "/run/postgresql"],
    )
    port: int = Field(5432, ge=1, le=65_535, title="Port", description="Default: 5432.")
    database: _Parameter | None = Field(None, title="Database", examples=["shop"], description="Required with a host.")
    user: _Parameter | None = Field(
        None, title="User", description="Default: the user of the operating system.", examples=["etl"]
    )
    password: SecretSource | None = secret_field(
        "Password", "Without it, libpq uses its own: PGPASSWORD, or the file ~/.pgpass.", default=None
    )
    service: _Parameter | None = Field(
        None,
        title="Service",
        description="Instead of host, port, database and user: a service in ~/.pg_service.conf.",
        examples=["warehouse"],
    )
    sslmode: SslMode | None = Field(
        None,
        title="TLS",
        description='As in libpq. Default: "verify-full", but "prefer" for a server on this machine.',
        examples=["verify-full"],
    )
    ca_file: FilePath | None = Field(
        None,
        title="Authority's certificate",
        description="A PEM file with the authorities to trust instead of the system's. Relative to the profile.",
        examples=["company-ca.pem"],
    )
    schema_: _Name | None = Field(
        None,
        alias="schema",
        title="Schema",
        description="Must exist. Default: the first of the user's search_path, usually public.",
        examples=["magento"],
    )
    table: _Name | None = Field(None, title="Table", description="Default: the incoming's name.", examples=["products"])
    columns: ColumnNames = None
    custom_attributes: CustomAttributes = "json"

    @model_validator(mode="after")
    def _is_one_server(self) -> Self:
        if (self.host is None) == (self.service is None):
            raise ValueError("name either a host or a service")
        if self.host is not None and self.database is None:
            raise ValueError("a host needs a database")
        if self.service is not None and (self.database or self.user):
            raise ValueError("the service determines the database and the user")
        if self._tls == "verify-ca" and self.ca_file is None:
            raise ValueError('"verify-ca" needs a ca-file: with the system\'s authorities, use "verify-full"')
        return self

    @property
    def requires_identifier(self) -> bool:
        return True

    @property
    def server(self) -> str:
        if self.service is not None:
            return f"postgresql:///?service={self.service}"
        host = self.host or ""
        return f"postgresql://{f'[{host}]' if ':' in host else host}:{self.port}/{self.database}"

    @property
    def server_facts(self) -> dict[str, str]:
        return {"tls": self._tls or ""}

    def reads(self) -> Sequence[str]:
        return [] if self.ca_file is None else [self.ca_file]

    @property
    def _tls(self) -> SslMode | None:
        """None: as the service says."""
        if self.sslmode is not None or self.host is None:
            return self.sslmode
        is_local = self.host in _LOCAL or self.host.startswith(("/", "127.", "@"))
        return "prefer" if is_local else "verify-full"

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        if context.identifier is not None and (
            context.identifier in (EXTRA, ROW) or not _is_column_name(context.identifier)
        ):
            raise SinkError(
                f"A table cannot have a column named {context.identifier[:80]!r} for the identifier",
                'Give the field another name with "transform".',
            )
        table = self.table or context.name
        if not _is_name(table):
            raise SinkError(
                f"{table[:80]!r} is not a valid name of a table in PostgreSQL", 'Name a "table" in the sink.'
            )
        server = _Server(self, self._parameters(context))
        try:
            schema = server.prepare(self.schema_, table)
            return _OpenPostgres(server, _Table(server, schema, table), context, self, position)
        except BaseException:
            server.close()
            raise

    def _parameters(self, context: SinkContext) -> dict[str, Any]:
        """The connection's parameters. Those that are empty keep libpq from reading its environment variables."""
        found: dict[str, Any] = {
            "connect_timeout": _CONNECT_TIMEOUT,
            "application_name": "tui-connector",
            "client_encoding": "UTF8",
            "gssencmode": "disable",
            "keepalives_idle": 30,
            "tcp_user_timeout": 60_000,
        }
        if self.service is not None:
            found["service"] = self.service
        else:
            found |= {"host": self.host, "hostaddr": "", "port": self.port, "dbname": self.database}
        if self.user is not None:
            found["user"] = self.user
        if self.password is not None:
            found["password"] = context.secrets[self.password.key]
        if self._tls is not None:
            found["sslmode"] = self._tls
        if self.ca_file is not None:
            found["sslrootcert"] = str(context.directory / self.ca_file)
        elif self._tls == "verify-full":
            found["sslrootcert"] = "system"
        return found


class _Server:
    """A connection. Errors of the driver become `SinkError`."""

    def __init__(self, sink: PostgresSink, parameters: Mapping[str, Any]) -> None:
        self.driver = import_driver("psycopg", sink.kind, extra="postgres")
        self.sql = import_driver("psycopg.sql", sink.kind, extra="postgres")
        self.name = sink.server
        self._connected = False
        with self.errors():
            self.connection: psycopg.Connection[tuple[Any, ...]] = self.driver.connect(autocommit=True, **parameters)
        self._connected = True

    def prepare(self, schema: str | None, table: str) -> str:
        """Sets up the session and locks the table for this run; returns the schema."""
        with self.errors():
            version = self.connection.info.server_version
            if version < 100_000:
                raise SinkError(
                    f"{self.name} is PostgreSQL {version // 10_000}, which is too old", "It must be 10 or newer."
                )
            encoding = self.connection.info.parameter_status("server_encoding")
            if encoding != "UTF8":
                raise SinkError(
                    f"The database {self.name} has the encoding {encoding}, which cannot store all characters",
                    "Use a database with the encoding UTF8.",
                )
            settings = {"TimeZone": "UTC", "DateStyle": "ISO, YMD", "lock_timeout": _WAIT}
            for name, value in settings.items():
                self.run("SELECT set_config(%s, %s, false)", name, value)
            if self.rows("SHOW synchronous_commit") == [("off",)]:  # a step must be durable before the ledger says so
                self.run("SET synchronous_commit = on")
            if schema is None:
                ((schema,),) = self.rows("SELECT current_schema()")
                if schema is None:
                    raise SinkError(
                        f"No schema in the search_path of {self.name} exists", 'Name a "schema" in the sink.'
                    )
            elif not self.rows("SELECT 1 FROM pg_namespace WHERE nspname = %s", schema):
                raise SinkError(f"{self.name} has no schema {schema!r}", "Create it, or correct the sink's schema.")
            key = json.dumps(["tui-connector", schema, table])
            try:
                self.run("SELECT pg_advisory_lock(hashtextextended(%s, 0))", key)
            except self.driver.errors.LockNotAvailable as error:
                raise SinkError(
                    f"Another run has been writing to the table {table!r} in {self.name} for {_WAIT}",
                    "Wait until it has ended.",
                ) from error
        return str(schema)

    def run(self, statement: Any, *values: Any) -> int:
        """The number of rows that it changed. Raises the driver's errors."""
        changed: int = self.connection.execute(statement, values or None).rowcount
        return changed

    def rows(self, statement: Any, *values: Any) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.connection.execute(statement, values or None).fetchall()
        return found

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Raises the driver's errors as `SinkError`."""
        try:
            yield
        except self.driver.Error as error:
            raise self._error(error) from error

    def close(self) -> None:
        self.connection.close()

    def _error(self, error: psycopg.Error) -> SinkError:
        errors, said = self.driver.errors, _said(error)
        if not self._connected:
            return SinkError(f"Cannot connect to {self.name}: {said}", _connect_hint(str(error)))
        if self.connection.broken or self.connection.closed:
            return SinkError(
                f"The connection to {self.name} was lost: {said}",
                "What was recorded is safe: run again to resume.",
            )
        if isinstance(error, errors.LockNotAvailable):
            return SinkError(
                f"Another program has been using the table in {self.name} for {_WAIT}",
                "Run again when it has finished.",
            )
        if isinstance(error, errors.InsufficientPrivilege):
            return SinkError(
                f"{self.name} does not allow it: {said}",
                "Grant the user USAGE and CREATE on the schema; it must own the table.",
            )
        if isinstance(error, errors.DiskFull):
            return SinkError(f"The disk of {self.name} is full", "Free some space, then run again to resume.")
        if isinstance(error, errors.FeatureNotSupported | errors.DependentObjectsStillExist):
            return SinkError(
                f"The table in {self.name} cannot be changed: {said}",
                "Drop what depends on it, run again, and create it again.",
            )
        return SinkError(f"{self.name} responded: {said}")


def _said(error: psycopg.Error) -> str:
    """The server's message on one line, with its detail."""
    text = error.diag.message_primary or str(error).strip() or type(error).__name__
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    return " ".join(f"{text}{detail}".split())


def _connect_hint(text: str) -> str:
    """What to do about a connection that failed. The server has not identified itself: there is no code, only text."""
    if "certificate" in text or "SSL" in text:
        return 'Name the authority\'s certificate in "ca-file". A server without TLS needs sslmode = "disable".'
    if "password" in text or "authentication" in text or "no pg_hba.conf entry" in text:
        return "Check user and password, and that the server's pg_hba.conf allows them from here."
    return "Check host, port and database, and that the server is running."


class _Table:
    """The table in the database, and the statements for it."""

    def __init__(self, server: _Server, schema: str, name: str) -> None:
        self.schema, self.name = schema, name
        self._sql = server.sql
        self.quoted = self._composed("{}.{}", self._quoted(schema), self._quoted(name))
        self.known = self._composed("{}.{}", self._quoted(schema), self._quoted(_TABLES))
        self.staging = self._composed("pg_temp.{}", self._quoted("tui_connector_staging"))

    def __str__(self) -> str:
        return f"The table {self.schema}.{self.name}"

    def create(self, types: Mapping[str, ColumnType], identifier: str | None) -> Composed:
        columns = [*self._definitions(types), self._definition(EXTRA, "json"), self._definition(ROW, "bigint NOT NULL")]
        if identifier is not None:
            columns.append(self._sql.SQL("PRIMARY KEY ({})").format(self._quoted(identifier)))
        return self._composed("CREATE TABLE {} ({})", self.quoted, self._listed(columns))

    def create_staging(self, types: Mapping[str, ColumnType]) -> Composed:
        columns = [self._definition(ROW, "bigint"), self._definition(EXTRA, "json"), *self._definitions(types)]
        name = self._quoted("tui_connector_staging")
        return self._composed("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DELETE ROWS", name, self._listed(columns))

    def alter(self, before: Mapping[str, ColumnType], after: Mapping[str, ColumnType]) -> Composed | None:
        """Adds columns and widens types; None where nothing has changed."""
        changes: list[Composed] = [
            self._composed("ADD COLUMN {}", self._definition(name, _SQL_TYPES[type_]))
            for name, type_ in after.items()
            if name not in before
        ]
        for name, type_ in after.items():
            if before.get(name, type_) != type_:
                using = self._composed(_AS_TEXT.get(before[name], "{}"), self._quoted(name))
                wider, column = self._sql.SQL(_SQL_TYPES[type_]), self._quoted(name)
                changes.append(self._composed("ALTER COLUMN {} TYPE {} USING {}", column, wider, using))
        if not changes:
            return None
        return self._composed("ALTER TABLE {} {}", self.quoted, self._listed(changes))

    def copy(self) -> Composed:
        return self._composed("COPY {} FROM STDIN", self.staging)

    def upsert(self, types: Mapping[str, ColumnType], identifier: str | None) -> Composed:
        columns = [self._quoted(name) for name in (*types, EXTRA, ROW)]
        listed = self._listed(columns)
        into = self._composed("INSERT INTO {} ({}) SELECT {} FROM {}", self.quoted, listed, listed, self.staging)
        if identifier is None:
            return into
        sets = [self._composed("{} = excluded.{}", each, each) for each in columns[1:]]
        conflict = " ON CONFLICT ({}) DO UPDATE SET {}"
        return into + self._composed(conflict, self._quoted(identifier), self._listed(sets))

    def statement(self, text: str) -> Composed:
        """A statement in which {table}, {row}, {known} and {staging} are names."""
        names = {"table": self.quoted, "row": self._quoted(ROW), "known": self.known, "staging": self.staging}
        return self._composed(text, **names)

    def _definitions(self, types: Mapping[str, ColumnType]) -> list[Composed]:
        return [self._definition(name, _SQL_TYPES[type_]) for name, type_ in types.items()]

    def _definition(self, name: str, type_: str) -> Composed:
        return self._composed("{} {}", self._quoted(name), self._sql.SQL(type_))

    def _composed(self, text: str, *parts: object, **names: object) -> Composed:
        composed: Composed = self._sql.SQL(text).format(*parts, **names)
        return composed

    def _quoted(self, name: str) -> Identifier:
        quoted: Identifier = self._sql.Identifier(name)
        return quoted

    def _listed(self, parts: Sequence[Composed | Identifier]) -> Composed:
        listed: Composed = self._sql.SQL(", ").join(parts)
        return listed


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the next step, as COPY reads it. It has no cells for columns that were added after it."""

    text: bytes
    width: int
    item: bytes
    key: bytes
    """The identifier, as COPY reads it."""
    number: int


class _OpenPostgres(OpenSink):
    """Rows that are not yet durable are in `_lines`."""

    def __init__(
        self, server: _Server, table: _Table, context: SinkContext, sink: PostgresSink, position: Json
    ) -> None:
        self._server, self._table = server, table
        self._incoming, self._identifier, self._recorded = context.name, context.identifier, context.known
        self._shape = json.dumps([context.identifier, sink.columns, sink.custom_attributes])
        self._id, self._rows = "", 0
        self._lines: dict[bytes | int, _Line] = {}
        self._size = 0
        self._staged: dict[str, ColumnType] | None = None
        """The columns of the staging table; None: there is none."""
        self._refused: list[str] = []
        self._repeated, self._deleted = 0, 0
        self._must_begin = position is None
        self._must_drop = False
        self._start: int | None = None
        """The last row of earlier runs, if this run reads everything: those that are left at its end are deleted."""
        self._is_whole = position is None
        """Everything since `_start` was written by this process."""
        with server.errors():
            found = self._found()
            self._check_ours(found, position)
            known = self._types_of(found or [])
            if position is not None:
                self._resume(position, context, found)
        self._types: dict[str, ColumnType] | None = None if found is None or self._must_drop else known
        """The columns in the database; None: there is no table."""
        limits = ColumnLimits(_is_column_name, _MAX_COLUMNS - 2 - self._foreign(found), _IDENTIFIER_BYTES)
        self._columns = Columns(
            self._types or {}, context.identifier, limits, only=sink.columns, attributes=sink.custom_attributes
        ).reserve(name for name, type_, dropped in found or [] if not dropped and type_ not in _TYPES)

    def write(self, items: Sequence[bytes]) -> Sequence[RejectedItem]:
        assert not self._must_begin, "sync comes before the first write"
        fitted = self._columns.fit(items)
        encoders = [_ENCODERS.get(type_, bytes) for type_ in self._columns.types.values()]
        rejected = {each.index for each in fitted.rejected}
        kept = [item for index, item in enumerate(items) if index not in rejected]
        for item, row, extra in zip(kept, fitted.rows, fitted.extras, strict=True):
            self._rows += 1
            cells = [b"\\N" if cell is None else encode(cell) for cell, encode in zip(row, encoders, strict=True)]
            text = b"\t".join([b"%d" % self._rows, b"\\N" if extra is None else _escaped(extra), *cells])
            key = cells[0] if self._identifier is not None else b""
            place = key if self._identifier is not None else self._rows
            self._lines.pop(place, None)
            self._lines[place] = _Line(text, len(cells), item, key, self._rows)
            self._size += len(text) + len(item)
        if self._size > _BUFFER:
            self._store_step()
        return fitted.rejected

    def sync(self) -> Json:
        if self._must_begin:
            with self._server.errors():
                self._begin()
        if self._lines:
            self._store_step()
        start: dict[str, Json] = {} if self._start is None else {"start": self._start}
        return {"rows": self._rows, "table": self._id, **start}

    def complete(self, mark: str | None) -> None:
        if self._start is None:
            return
        if self._lines:
            self._store_step()
        if self._types is not None and self._identifier is not None:
            with self._server.errors():
                delete = self._table.statement("DELETE FROM {table} WHERE {row} <= %s")
                self._deleted = self._server.run(delete, self._start) if self._start else 0
                if self._is_whole:
                    ((rows,),) = self._server.rows(self._table.statement("SELECT count(*) FROM {table}"))
                    self._repeated = self._rows - self._start - rows
        self._start = None

    def remarks(self) -> Sequence[str]:
        said = self._columns.remarks()
        if self._repeated > 0:
            said.append(
                f"{self._repeated} of the items had the same {self._identifier!r} as an earlier one and replaced it. "
                f"Is {self._identifier!r} unique?"
            )
        if self._deleted:
            were = "was" if self._deleted == 1 else "were"
            said.append(f"{count(self._deleted, 'row')} of items that the store no longer lists {were} deleted.")
        if self._refused:
            said.append(
                f'{count(len(self._refused), "row")} could not be stored in columns and are whole in "{EXTRA}": '
                f"{'; '.join(self._refused[:3])}{' …' if len(self._refused) > 3 else ''}."
            )
        return said

    def close(self) -> None:
        self._server.close()

    def _found(self) -> list[tuple[str, str, bool]] | None:
        """The columns in the database: name, type and whether it was dropped; None if there is no table."""
        kind = self._server.rows(
            "SELECT c.oid, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s",
            self._table.schema,
            self._table.name,
        )
        if not kind:
            return None
        if kind[0][1] not in ("r", b"r"):
            raise SinkError(f"{self._table} is not an ordinary table", 'Use another "table" in the sink.')
        return self._server.rows(
            "SELECT attname, format_type(atttypid, atttypmod), attisdropped FROM pg_attribute "
            "WHERE attrelid = %s AND attnum > 0 ORDER BY attnum",
            kind[0][0],
        )

    def _check_ours(self, found: list[tuple[str, str, bool]] | None, position: Json) -> None:
        """Raises `SinkError` if the table was not written by this incoming."""
        table = self._table
        mine: list[tuple[Any, ...]] = []
        if self._server.rows("SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = %s", table.schema, _TABLES):
            mine = self._server.rows(
                table.statement("SELECT incoming, id, shape, row_count FROM {known} WHERE name = %s"), table.name
            )
        if found is None:
            return
        if not mine:
            raise SinkError(
                f"{table} already exists and was not created by this program",
                'It was not changed. Use another "table" in the sink.',
            )
        incoming, self._id, shape, self._rows = mine[0]
        recorded = self._recorded.get("table") if isinstance(self._recorded, dict) else None
        if recorded != self._id:
            of = f"belongs to the incoming {incoming!r} of" if incoming != self._incoming else "was written by"
            raise SinkError(
                f"{table} {of} another configuration, or of a state directory that is lost",
                'It was not changed. Use another "table" in the sink; if nobody needs those rows, drop the table.',
            )
        if not {EXTRA, ROW} <= {name for name, _, dropped in found if not dropped}:
            raise SinkError(f"{table} no longer has the columns {EXTRA} and {ROW}", "Drop the table, and run again.")
        if shape != self._shape:
            if position is not None:
                raise SinkMissing(f"{table} has columns that differ from the sink's", "Start over with --full.")
            self._must_drop = True

    def _types_of(self, found: Sequence[tuple[str, str, bool]]) -> dict[str, ColumnType]:
        """The types of the columns for fields, the identifier first."""
        types = {
            name: _TYPES[type_]
            for name, type_, dropped in found
            if not dropped and type_ in _TYPES and name not in (EXTRA, ROW)
        }
        if self._identifier is None or not types:
            return types
        if self._identifier not in types and not self._must_drop:
            raise SinkError(
                f"{self._table} has no usable column {self._identifier!r}, the identifier",
                "Drop the table, and run again.",
            )
        first = {self._identifier: types[self._identifier]} if self._identifier in types else {}
        return {**first, **types}

    @staticmethod
    def _foreign(found: Sequence[tuple[str, str, bool]] | None) -> int:
        """Columns that count and cannot be used: dropped ones."""
        return sum(dropped for _, _, dropped in found or [])

    def _resume(self, position: Json, context: SinkContext, found: list[tuple[str, str, bool]] | None) -> None:
        rows = position.get("rows") if isinstance(position, dict) else None
        start = position.get("start") if isinstance(position, dict) else None
        if not isinstance(rows, int) or (found is None and rows > 0) or self._rows < rows:
            raise SinkMissing(
                f"{self._table} is gone, or does not have the rows that earlier runs wrote", "Start over with --full."
            )
        if isinstance(position, dict) and found is None:
            self._id = str(position.get("table") or "")
        if context.resumes and isinstance(start, int):
            self._start = start
        if self._identifier is None and found is not None:
            self._server.run(self._table.statement("DELETE FROM {table} WHERE {row} > %s"), rows)
            self._rows = rows
        if found is not None:
            update = self._table.statement("UPDATE {known} SET incoming = %s WHERE name = %s")
            self._server.run(update, self._incoming, self._table.name)

    def _begin(self) -> None:
        """Makes the table known as this run's own. With an identifier, rows of earlier runs stay until the end."""
        run, table = self._server.run, self._table
        self._id = self._id or secrets.token_hex(8)
        with self._server.connection.transaction():
            run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", f"tui-connector {table.schema}")
            columns = "name text PRIMARY KEY, incoming text, id text, shape text, row_count bigint"
            run(table.statement(f"CREATE TABLE IF NOT EXISTS {{known}} ({columns})"))
            if self._must_drop:
                run(table.statement("DROP TABLE IF EXISTS {table}"))
            elif self._types is not None and self._identifier is None:
                run(table.statement("TRUNCATE {table}"))
            if self._must_drop or self._identifier is None or self._types is None:
                self._rows = 0
            run(
                table.statement(
                    "INSERT INTO {known} (name, incoming, id, shape, row_count) VALUES (%s, %s, %s, %s, %s) "
                    "ON CONFLICT (name) DO UPDATE SET incoming = excluded.incoming, id = excluded.id, "
                    "shape = excluded.shape, row_count = excluded.row_count"
                ),
                table.name,
                self._incoming,
                self._id,
                self._shape,
                self._rows,
            )
        self._start = self._rows
        self._must_begin = self._must_drop = False

    def _store_step(self) -> None:
        """Stores the rows in one transaction."""
        with self._server.errors(), self._server.connection.transaction():
            types = dict(self._columns.types)
            if self._types is None:
                self._server.run(self._table.create(types, self._identifier))
            elif (alter := self._table.alter(self._types, types)) is not None:
                self._server.run(alter)
            if self._staged != types:
                self._server.run(self._table.statement("DROP TABLE IF EXISTS {staging}"))
                self._server.run(self._table.create_staging(types))
            self._store(list(self._lines.values()), types)
            update = self._table.statement("UPDATE {known} SET row_count = %s WHERE name = %s")
            self._server.run(update, self._rows, self._table.name)
        self._types = self._staged = types
        self._lines.clear()
        self._size = 0

    def _store(self, lines: Sequence[_Line], types: Mapping[str, ColumnType]) -> None:
        """Stores rows; one that the server refuses is stored with its identifier, and whole in `_extra`."""
        try:
            self._copy(lines, types)
        except self._server.driver.Error as error:
            if (error.sqlstate or "")[:2] not in _REFUSED_ROW:
                raise
            if len(lines) > 1:
                middle = len(lines) // 2
                self._store(lines[:middle], types)
                self._store(lines[middle:], types)
                return
            [line] = lines
            cells = [line.key] if self._identifier is not None else []
            text = b"\t".join([b"%d" % line.number, _escaped(line.item), *cells])
            self._copy([_Line(text, len(cells), line.item, line.key, line.number)], types)
            self._refused.append(f"{line.key[:60].decode(errors='replace') or f'row {line.number}'}: {_said(error)}")

    def _copy(self, lines: Sequence[_Line], types: Mapping[str, ColumnType]) -> None:
        missing = {width: b"\t\\N" * (len(types) - width) for width in {line.width for line in lines}}
        data = b"\n".join([*(line.text + missing[line.width] for line in lines), b""])
        with self._server.connection.transaction(), self._server.connection.cursor() as cursor:
            with cursor.copy(self._table.copy()) as copy:
                copy.write(data)
            cursor.execute(self._table.upsert(types, self._identifier))
            if len(lines) < len(self._lines):  # another part of this step follows
                cursor.execute(self._table.statement("DELETE FROM {staging}"))


def _escaped(text: bytes) -> bytes:
    """A value in the text format of COPY."""
    if b"\\" in text:
        text = text.replace(b"\\", b"\\\\")
    if b"\n" in text or b"\r" in text or b"\t" in text:
        text = text.replace(b"\n", b"\\n").replace(b"\r", b"\\r").replace(b"\t", b"\\t")
    return text


def _text(cell: bytes) -> bytes:
    return _escaped(plain_text(cell).encode() if b"\\" in cell else cell[1:-1])


def _date(cell: bytes) -> bytes:
    return cell[1:-1]


_ENCODERS: Final[dict[ColumnType, Callable[[bytes], bytes]]] = {
    "text": _text,
    "json": _escaped,
    "date": _date,
    "datetime": _date,
    "datetime-utc": _date,
}
"""How cells are written for COPY; the others are as in JSON."""
