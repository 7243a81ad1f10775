"""PostgreSQL: a table with a column for each field, filled by COPY into a staging table and an upsert."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ...secrets.source import SecretSource, secret_field
from ...templates import Json
from ..columns import (
    EXTRA,
    ROW,
    ColumnLimits,
    ColumnNames,
    ColumnType,
    CustomAttributes,
    check_identifier,
    is_storable_name,
)
from ..item_schema import SchemaFile, declared_types
from ..raw_json import plain_text
from ..sink import FilePath, OpenSink, Sink, SinkContext, SinkError, import_driver
from ..table import TABLES, TABLES_COLUMNS, OpenTable, PendingRow, TableRecord, default_table_name

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
_STAGING: Final = "tui_connector_staging"

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
"""How dates become the texts that they were, in a column that is widened to text."""
_REFUSED_ROW: Final = ("21", "22", "54")
"""Classes of errors that are about the values of a row: cardinality, data, program limits."""

SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]


def _is_column_name(name: str) -> bool:
    return _is_name(name) and name not in _SYSTEM_COLUMNS


def _is_name(name: str) -> bool:
    return is_storable_name(name) and 0 < len(name.encode()) <= _NAME_BYTES


def _check_name(name: str) -> str:
    if not _is_name(name):
        raise ValueError(
            f"{name[:80]!r} is not a valid name: PostgreSQL has names of 1 to {_NAME_BYTES} bytes of UTF-8"
        )
    if name == TABLES:
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
    schema_file: SchemaFile = None

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
        return [*([] if self.ca_file is None else [self.ca_file]), *super().reads()]

    @property
    def _tls(self) -> SslMode | None:
        """None: as the service says."""
        if self.sslmode is not None or self.host is None:
            return self.sslmode
        return "prefer" if all(map(_is_local, self.host.split(","))) else "verify-full"

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        check_identifier(context.identifier, _is_column_name)
        table = self.table or default_table_name(context, _check_name)
        declared = declared_types(self.schema_file, context)
        server = _Server(self, self._parameters(context))
        try:
            store = _PostgresTable(server, server.prepare(self.schema_, table), table, context.identifier)
            only, attributes = self.columns, self.custom_attributes
            return OpenTable(store, context, position, only=only, attributes=attributes, declared=declared)
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


def _is_local(host: str) -> bool:
    """Whether it is a socket or a loopback address of this machine, not a name such as 127.0.0.1.example.com."""
    if host == "localhost" or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


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
        changed: int = self.connection.execute(statement, values).rowcount
        return changed

    def rows(self, statement: Any, *values: Any) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.connection.execute(statement, values).fetchall()
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


class _PostgresTable:
    """The table in the database."""

    def __init__(self, server: _Server, schema: str, name: str, identifier: str | None) -> None:
        self._server, self._sql, self._identifier = server, server.sql, identifier
        self._schema, self._name = schema, name
        self._quoted_name = self._composed("{}.{}", self._quoted(schema), self._quoted(name))
        self._staging = self._composed("pg_temp.{}", self._quoted(_STAGING))
        self._staged: dict[str, ColumnType] | None = None
        """The columns of the staging table; None: there is none."""
        self.limits = ColumnLimits(_is_column_name, _MAX_COLUMNS, _IDENTIFIER_BYTES)

    def __str__(self) -> str:
        return f"The table {self._schema}.{self._name}"

    def errors(self) -> AbstractContextManager[None]:
        return self._server.errors()

    def record(self) -> TableRecord | None:
        known = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = %s"
        if not self._server.rows(known, self._schema, TABLES):
            return None
        mine = self._statement("SELECT incoming, id, shape, row_count FROM {known} WHERE name = %s")
        return next((TableRecord(*row) for row in self._server.rows(mine, self._name)), None)

    def types(self) -> Mapping[str, ColumnType | None] | None:
        found = self._server.rows(
            "SELECT c.oid, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s",
            self._schema,
            self._name,
        )
        if not found:
            return None
        [(oid, kind)] = found
        if kind != "r":
            raise SinkError(f"{self} is not an ordinary table", 'Use another "table" in the sink.')
        columns = self._server.rows(
            "SELECT attname, format_type(atttypid, atttypmod), attisdropped FROM pg_attribute "
            "WHERE attrelid = %s AND attnum > 0 ORDER BY attnum",
            oid,
        )
        dropped = sum(dropped for _, _, dropped in columns)
        self.limits = ColumnLimits(_is_column_name, _MAX_COLUMNS - dropped, _IDENTIFIER_BYTES)
        return {name: _TYPES.get(type_) for name, type_, dropped in columns if not dropped}

    def begin(self, record: TableRecord, *, drop: bool, clear: bool) -> None:
        run = self._server.run
        with self._server.connection.transaction():
            run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", f"tui-connector {self._schema}")
            run(self._statement(f"CREATE TABLE IF NOT EXISTS {{known}} ({TABLES_COLUMNS})"))
            if drop:
                run(self._statement("DROP TABLE IF EXISTS {table}"))
            elif clear:
                run(self._statement("TRUNCATE {table}"))
            upsert = self._statement(
                "INSERT INTO {known} (name, incoming, id, shape, row_count) VALUES (%s, %s, %s, %s, %s) "
                "ON CONFLICT (name) DO UPDATE SET incoming = excluded.incoming, id = excluded.id, "
                "shape = excluded.shape, row_count = excluded.row_count"
            )
            run(upsert, self._name, record.incoming, record.id, record.shape, record.rows)

    def resume(self, incoming: str, after: int | None) -> None:
        with self._server.connection.transaction():
            if after is not None:
                self._server.run(self._statement("DELETE FROM {table} WHERE {row} > %s"), after)
            self._server.run(self._statement("UPDATE {known} SET incoming = %s WHERE name = %s"), incoming, self._name)

    def store(
        self, rows: Sequence[PendingRow], before: Mapping[str, ColumnType] | None, after: Mapping[str, ColumnType]
    ) -> list[str]:
        refused: list[str] = []
        with self._server.connection.transaction():
            if before is None:
                self._server.run(self._create(after))
            elif (alter := self._alter(before, after)) is not None:
                self._server.run(alter)
            if self._staged != after:
                self._server.run(self._statement("DROP TABLE IF EXISTS {staging}"))
                self._server.run(self._create_staging(after))
            self._store(_lines(rows, after), after, refused)
            update = self._statement("UPDATE {known} SET row_count = %s WHERE name = %s")
            self._server.run(update, rows[-1].number, self._name)
        self._staged = dict(after)
        return refused

    def delete_until(self, row: int) -> int:
        return self._server.run(self._statement("DELETE FROM {table} WHERE {row} <= %s"), row)

    def count(self) -> int:
        ((rows,),) = self._server.rows(self._statement("SELECT count(*) FROM {table}"))
        return int(rows)

    def close(self) -> None:
        self._server.close()

    def _store(self, lines: Sequence[_Line], types: Mapping[str, ColumnType], refused: list[str]) -> None:
        """Stores rows; one that the server refuses is stored with its identifier, and whole in `_extra`."""
        try:
            self._copy(lines, types)
        except self._server.driver.Error as error:
            if (error.sqlstate or "")[:2] not in _REFUSED_ROW:
                raise
            if len(lines) > 1:
                middle = len(lines) // 2
                self._store(lines[:middle], types, refused)
                self._store(lines[middle:], types, refused)
                return
            [line] = lines
            nulls = [b"\\N"] * len(types)
            if self._identifier is not None:
                nulls[0] = line.key
            text = b"\t".join([b"%d" % line.row.number, _escaped(line.row.item), *nulls])
            self._copy([_Line(text, line.key, line.row)], types)
            which = line.key[:60].decode(errors="replace") if self._identifier else f"row {line.row.number}"
            refused.append(f"{which}: {_said(error)}")

    def _copy(self, lines: Sequence[_Line], types: Mapping[str, ColumnType]) -> None:
        data = b"\n".join([*(line.text for line in lines), b""])
        with self._server.connection.transaction(), self._server.connection.cursor() as cursor:
            with cursor.copy(self._composed("COPY {} FROM STDIN", self._staging)) as copy:
                copy.write(data)
            cursor.execute(self._upsert(types), ())
            cursor.execute(self._statement("DELETE FROM {staging}"))

    def _create(self, types: Mapping[str, ColumnType]) -> Composed:
        columns = [*self._definitions(types), self._definition(EXTRA, "json"), self._definition(ROW, "bigint NOT NULL")]
        if self._identifier is not None:
            columns.append(self._composed("PRIMARY KEY ({})", self._quoted(self._identifier)))
        return self._composed("CREATE TABLE {} ({})", self._quoted_name, self._listed(columns))

    def _create_staging(self, types: Mapping[str, ColumnType]) -> Composed:
        columns = [self._definition(ROW, "bigint"), self._definition(EXTRA, "json"), *self._definitions(types)]
        name = self._quoted(_STAGING)
        return self._composed("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DELETE ROWS", name, self._listed(columns))

    def _alter(self, before: Mapping[str, ColumnType], after: Mapping[str, ColumnType]) -> Composed | None:
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
        return self._composed("ALTER TABLE {} {}", self._quoted_name, self._listed(changes))

    def _upsert(self, types: Mapping[str, ColumnType]) -> Composed:
        columns = [self._quoted(name) for name in (*types, EXTRA, ROW)]
        listed = self._listed(columns)
        names = self._quoted_name, listed, listed, self._staging
        into = self._composed("INSERT INTO {} ({}) SELECT {} FROM {}", *names)
        if self._identifier is None:
            return into
        sets = [self._composed("{} = excluded.{}", each, each) for each in columns[1:]]
        conflict = " ON CONFLICT ({}) DO UPDATE SET {}"
        return into + self._composed(conflict, self._quoted(self._identifier), self._listed(sets))

    def _statement(self, text: str) -> Composed:
        """A statement in which {table}, {row}, {known} and {staging} are names."""
        known = self._composed("{}.{}", self._quoted(self._schema), self._quoted(TABLES))
        names = {"table": self._quoted_name, "row": self._quoted(ROW), "known": known, "staging": self._staging}
        return self._composed(text, **names)

    def _definitions(self, types: Mapping[str, ColumnType]) -> list[Composed]:
        return [self._definition(name, _SQL_TYPES[type_]) for name, type_ in types.items()]

    def _definition(self, name: str, type_: str) -> Composed:
        return self._composed("{} {}", self._quoted(name), self._sql.SQL(type_))

    def _composed(self, text: str, *parts: object, **names: object) -> Composed:
        composed: Composed = self._sql.SQL(text).format(*parts, **names)
        return composed

    def _quoted(self, name: str) -> Identifier:
        quoted: Identifier = self._sql.Identifier(name.replace("%", "%%"))  # statements are executed with values
        return quoted

    def _listed(self, parts: Sequence[Composed | Identifier]) -> Composed:
        listed: Composed = self._sql.SQL(", ").join(parts)
        return listed


@dataclass(frozen=True, slots=True)
class _Line:
    """A row as COPY reads it."""

    text: bytes
    key: bytes
    """Its first cell: the identifier, if it has one."""
    row: PendingRow


def _lines(rows: Sequence[PendingRow], types: Mapping[str, ColumnType]) -> list[_Line]:
    encoders = [_ENCODERS.get(type_, bytes) for type_ in types.values()]
    missing = {len(row.cells): [b"\\N"] * (len(types) - len(row.cells)) for row in rows}
    lines = []
    for row in rows:
        cells = [b"\\N" if cell is None else encode(cell) for cell, encode in zip(row.cells, encoders, strict=False)]
        extra = b"\\N" if row.extra is None else _escaped(row.extra)
        text = b"\t".join([b"%d" % row.number, extra, *cells, *missing[len(row.cells)]])
        lines.append(_Line(text, cells[0] if cells else b"", row))
    return lines


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
