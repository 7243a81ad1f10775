"""A PostgreSQL server as a profile names it, and a connection to it whose errors say what to do."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ..client.file_path import FilePath
from ..client.literal_secrets import reject_secret_in_uri
from ..errors import InvalidValue, UserError
from ..kinds import Model, NotCompared
from ..machine import how_to_install
from ..secrets.errors import LiteralSecret
from ..secrets.source import SecretSource, secret_field

if TYPE_CHECKING:
    import psycopg

EXTRA: Final = "postgres"
"""The extra that contains the driver."""
WAIT: Final = "30s"
"""How long to wait for another program's lock."""
_CONNECT_TIMEOUT: Final = 10

SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]


def _check_parameter(text: str) -> str:
    if any(ord(character) < 0x20 for character in text):
        raise ValueError("it contains a control character")
    return text


def _host(text: str) -> str:
    """The host, or several with commas. Raises `InvalidValue` for an address, with the host in it."""
    wanted = text.strip()
    if "://" in text:
        try:
            reject_secret_in_uri(text)
        except LiteralSecret:
            hint = "write only the host, and name the source of the password in its own setting"
            raise LiteralSecret(f"the address contains a secret, which does not belong in a profile: {hint}") from None
        with contextlib.suppress(ValueError):  # which has no host
            wanted = urlsplit(text).hostname or ""
    elif not text.startswith(("/", "@")) and text.count(":") == 1 and "," not in text:  # more are those of IPv6
        wanted = text.partition(":")[0].strip()
    if wanted == text and (text.startswith("/") or not re.search(r"\s", text)):
        return text
    is_host = bool(wanted) and not re.search(r"[\s/]", wanted)
    other = "" if text.split() == [wanted] else "; port, database and user are settings of their own"
    found = InvalidValue("host", f"write only the host, such as {wanted if is_host else 'db.example'}{other}")
    found.correction = (text, wanted) if is_host else None
    raise found


Parameter = Annotated[str, Field(min_length=1), AfterValidator(_check_parameter)]


def _wrong(key: str, message: str) -> InvalidValue:
    """What is wrong with this setting of a server."""
    found = InvalidValue("server", message)
    found.key = key
    return found


class PostgresServer(Model):
    """Where a PostgreSQL server is, and how to connect to it."""

    other_words: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("server", "address", "hostname", "hostaddr", "url", "uri", "dsn", "connection"), "host"),
        **dict.fromkeys(("dbname", "db", "name"), "database"),
        **dict.fromkeys(("username", "login", "role"), "user"),
        **dict.fromkeys(("tls", "ssl", "ssl-mode", "tls-mode"), "sslmode"),
        **dict.fromkeys(("ca", "sslrootcert", "root-cert"), "ca-file"),
        "pg-service": "service",
    }

    host: Annotated[Parameter, AfterValidator(_host)] | None = Field(
        None,
        title="Host",
        description="The server, or the folder of its Unix socket.",
        examples=["db.example", "/run/postgresql"],
    )
    port: int = Field(5432, ge=1, le=65_535, title="Port", description="Default: 5432.")
    database: Parameter | None = Field(None, title="Database", examples=["shop"], description="Required with a host.")
    user: Annotated[Parameter | None, NotCompared] = Field(
        None, title="User", description="Default: the user of the operating system.", examples=["etl"]
    )
    password: Annotated[SecretSource | None, NotCompared] = secret_field(
        "Password", "Without it, libpq uses its own: PGPASSWORD, or the file ~/.pgpass.", default=None
    )
    service: Parameter | None = Field(
        None,
        title="Service",
        description="Instead of host, port, database and user: a service in ~/.pg_service.conf.",
        examples=["warehouse"],
    )
    sslmode: Annotated[SslMode | None, NotCompared] = Field(
        None,
        title="TLS",
        description='As in libpq. Default: "verify-full", but "prefer" for a server on this machine.',
        examples=["verify-full"],
    )
    ca_file: Annotated[FilePath | None, NotCompared] = Field(
        None,
        title="Authority's certificate",
        description="A PEM file with the authorities to trust instead of the system's. Relative to the profile.",
        examples=["company-ca.pem"],
    )

    @model_validator(mode="after")
    def _is_one_server(self) -> Self:
        if (self.host is None) == (self.service is None):
            raise _wrong("host" if self.host is None else "service", "name either a host or a service")
        if self.host is not None and self.database is None:
            raise _wrong("database", "a host needs a database")
        if self.service is not None and (self.database or self.user):
            raise _wrong("database" if self.database else "user", "the service determines the database and the user")
        if self.tls == "verify-ca" and self.ca_file is None:
            raise _wrong("ca-file", '"verify-ca" needs a ca-file: with the system\'s authorities, use "verify-full"')
        return self

    @property
    def server(self) -> str:
        """The address of the server, without user and password."""
        if self.service is not None:
            return f"postgresql:///?service={self.service}"
        host = self.host or ""
        return f"postgresql://{f'[{host}]' if ':' in host else host}:{self.port}/{self.database}"

    @property
    def tls(self) -> SslMode | None:
        """None: as the service says."""
        if self.sslmode is not None or self.host is None:
            return self.sslmode
        return "prefer" if all(map(_is_local, self.host.split(","))) else "verify-full"

    def parameters(self, secrets: Mapping[str, str], directory: Path) -> dict[str, Any]:
        """The connection's parameters. Those that are empty keep libpq from reading its environment variables.

        `secrets`: the values by the key of their source. `directory`: the profile's folder.
        """
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
            found["password"] = secrets[self.password.key]
        if self.tls is not None:
            found["sslmode"] = self.tls
        if self.ca_file is not None:
            found["sslrootcert"] = str(directory / self.ca_file)
        elif self.tls == "verify-full":
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


class PostgresConnection:
    """A connection in autocommit mode. A subclass says which errors it raises instead of the driver's."""

    purpose = "This"
    """What needs the driver, for the message if that is not installed."""

    def __init__(self, server: str, parameters: Mapping[str, Any]) -> None:
        """Connects. Raises `UserError`."""
        self.driver, self.sql = self._imported("psycopg"), self._imported("psycopg.sql")
        self.name = server
        self._connected = False
        with self.errors():
            self.connection: psycopg.Connection[tuple[Any, ...]] = self.driver.connect(autocommit=True, **parameters)
        self._connected = True

    def problem(self, message: str, hint: str = "") -> UserError:
        """The error to raise."""
        raise NotImplementedError

    def _imported(self, module: str) -> Any:
        try:
            return import_module(module)
        except ImportError as error:
            message = f'{self.purpose} needs the extra "{EXTRA}", which is not installed ({error})'
            raise self.problem(message, how_to_install(EXTRA)) from error

    def begin_session(self) -> None:
        """Sets up the session. Raises the driver's errors, and `UserError` for a server that cannot be used."""
        version = self.connection.info.server_version
        if version < 100_000:
            raise self.problem(
                f"{self.name} is PostgreSQL {version // 10_000}, which is too old", "It must be 10 or newer."
            )
        encoding = self.connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise self.problem(
                f"The database {self.name} has the encoding {encoding}, which cannot store all characters",
                "Use a database with the encoding UTF8.",
            )
        settings = {"TimeZone": "UTC", "DateStyle": "ISO, YMD", "lock_timeout": WAIT}
        for name, value in settings.items():
            self.run("SELECT set_config(%s, %s, false)", name, value)
        if self.rows("SHOW synchronous_commit") == [("off",)]:  # a step must be durable before a ledger says so
            self.run("SET synchronous_commit = on")

    def find_schema(self, schema: str | None, named_in: str) -> str:
        """The schema, or the first of the search_path. `named_in`: the table of the profile that may name one."""
        if schema is None:
            [(found,)] = self.rows("SELECT current_schema()")
            if found is None:
                raise self.problem(
                    f"No schema in the search_path of {self.name} exists", f'Name a "schema" in the {named_in}.'
                )
            return str(found)
        if not self.rows("SELECT 1 FROM pg_namespace WHERE nspname = %s", schema):
            raise self.problem(
                f"{self.name} has no schema {schema!r}", f"Create it, or correct the {named_in}'s schema."
            )
        return schema

    def run(self, statement: Any, *values: Any) -> int:
        """The number of rows that it changed. Raises the driver's errors."""
        changed: int = self.connection.execute(statement, values).rowcount
        return changed

    def rows(self, statement: Any, *values: Any) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.connection.execute(statement, values).fetchall()
        return found

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Raises the driver's errors as those of `problem`."""
        try:
            yield
        except self.driver.Error as error:
            raise self.explained(error) from error

    def close(self) -> None:
        self.connection.close()

    def explained(self, error: psycopg.Error) -> UserError:
        """The error to raise instead of one of the driver's."""
        said = server_message(error)
        if not self._connected:
            return self.problem(f"Cannot connect to {self.name}: {said}", _connect_hint(str(error)))
        if self.connection.broken or self.connection.closed:
            return self.problem(
                f"The connection to {self.name} was lost: {said}",
                "What was recorded is safe: run again to resume.",
            )
        if isinstance(error, self.driver.errors.DiskFull):
            return self.problem(f"The disk of {self.name} is full", "Free some space, then run again to resume.")
        return self.problem(f"{self.name} responded: {said}")


def server_message(error: psycopg.Error) -> str:
    """The server's message on one line, with its detail."""
    text = error.diag.message_primary or str(error).strip() or type(error).__name__
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    lines = [" ".join(line.split()) for line in f"{text}{detail}".splitlines() if line.strip()]
    return " ".join(line if line.endswith((".", ":", "?", "!")) else f"{line}." for line in lines).removesuffix(".")


def _connect_hint(text: str) -> str:
    """What to do about a connection that failed. The server has not identified itself: there is no code, only text."""
    if "certificate" in text or "SSL" in text:
        return 'Name the authority\'s certificate in "ca-file". A server without TLS needs sslmode = "disable".'
    if "password" in text or "authentication" in text or "no pg_hba.conf entry" in text:
        return "Check user and password, and that the server's pg_hba.conf allows them from here."
    return "Check host, port and database, and that the server is running."
