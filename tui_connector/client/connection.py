"""Connections of a client: TLS context, proxy, and the sockets below httpx."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpcore

from ..errors import InvalidValue
from ..files import digest, read_regular, reason
from .file_path import LARGEST_TEXT, full_path, why_unreadable
from .message import InvalidRequest
from .model import Tls
from .uri import DEFAULT_PORTS, origin_of

_PEM = re.compile(rb"-----BEGIN [A-Z0-9 ]*CERTIFICATE-----.+?-----END [A-Z0-9 ]*CERTIFICATE-----", re.DOTALL)


def tls_context(tls: Tls, directory: Path, place: str, password: str | None, ca: str = "") -> ssl.SSLContext:
    """The context for `tls`, which is at `place` in the profile, such as "clients.shop.tls".

    `ca` is the SHA-256 of `ca-file` when the profile was trusted. Reads files, so call it in a thread. Raises
    `InvalidRequest`, which names the field and the file.
    """
    if tls == Tls():
        return _system_context()
    context = _new_system_context()
    if tls.ca_file is not None:
        _load_authorities(context, _readable_file(tls.ca_file, directory, f"{place}.ca-file"), f"{place}.ca-file", ca)
    if tls.client_certificate is not None:
        _load_client_certificate(context, tls, directory, place, password)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@cache
def _system_context() -> ssl.SSLContext:
    return _new_system_context()


def _new_system_context() -> ssl.SSLContext:
    """Trusts the system's authorities and certifi's: a Python from python.org does not find the system's."""
    import certifi

    context = ssl.create_default_context()
    # the default since Python 3.13: it rejects many certificates of companies' own authorities, which other clients
    # accept
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_verify_locations(certifi.where())
    return context


def _load_authorities(context: ssl.SSLContext, path: Path, field: str, ca: str) -> None:
    try:
        found = read_regular(path, LARGEST_TEXT)  # read once, so that the digest is that of the loaded text
        if ca and digest(found) != ca:
            raise InvalidRequest(
                f"{field}: {path} has changed since the profile was trusted", hint="Run the command again to review it."
            )
        blocks = _PEM.findall(found)  # without comments: OpenSSL accepts only ASCII
        if not blocks:
            raise _no_certificate(field, path)
        context.load_verify_locations(cadata=b"\n".join(blocks).decode("ascii"))
    except OSError as error:
        if not isinstance(error, ssl.SSLError):
            raise InvalidRequest(f"{field}: {path} cannot be read: {reason(error)}") from error
        raise _no_certificate(field, path) from error
    except ValueError as error:
        raise _no_certificate(field, path) from error


def _no_certificate(field: str, path: Path) -> InvalidRequest:
    return InvalidRequest(
        f"{field}: {path} contains no readable certificate",
        hint="It must be a PEM file: text with -----BEGIN CERTIFICATE-----.",
    )


def _load_client_certificate(
    context: ssl.SSLContext, tls: Tls, directory: Path, place: str, password: str | None
) -> None:
    assert tls.client_certificate is not None
    certificate = _readable_file(tls.client_certificate, directory, f"{place}.client-certificate")
    key = None if tls.client_key is None else _readable_file(tls.client_key, directory, f"{place}.client-key")
    key_field, key_file = ("client-certificate", certificate) if key is None else ("client-key", key)
    encrypted = False

    def key_password() -> str:  # without it OpenSSL itself would prompt on the terminal
        nonlocal encrypted
        encrypted = True
        return password or ""

    try:
        context.load_cert_chain(certificate, key, password=key_password)
    except ssl.SSLError as error:
        if "KEY_VALUES_MISMATCH" in (error.reason or ""):
            message = f"{place}.{key_field}: the key in {key_file} is not that of the certificate in {certificate}"
            raise InvalidRequest(message, hint="Use the key that belongs to the certificate.") from error
        if encrypted:
            needed = "needs a password" if password is None else "cannot be decrypted with its password"
            raise InvalidRequest(
                f"{place}.client-key-password: the key in {key_file} {needed}", hint="Correct client-key-password."
            ) from error
        files = f"{certificate}" if key is None else f"{certificate} and {key}"
        raise InvalidRequest(
            f"{place}.client-certificate: {files} do not contain a certificate and its key",
            hint="They must be PEM files: -----BEGIN CERTIFICATE----- and -----BEGIN PRIVATE KEY-----.",
        ) from error


def _readable_file(path: str, directory: Path, field: str) -> Path:
    """The full path of a readable regular file."""
    full = full_path(path, directory)
    if problem := why_unreadable(full):
        raise InvalidRequest(f"{field}: {problem}", hint="The path is relative to the profile's file.")
    return full


@dataclass(frozen=True, slots=True)
class ProxyRoute:
    """A proxy for requests to a store."""

    uri: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    variable: str = ""
    """The environment variable in which it is configured; empty for the client's own."""

    @property
    def named_in(self) -> str:
        """Where it is configured, for a message."""
        return self.variable or "the client"


def proxy_from_environment(uri: str, environ: Mapping[str, str]) -> ProxyRoute | None:
    """The proxy for this URI according to HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as curl reads them.

    Lower-case names take precedence. Raises `InvalidRequest` if the value is not an http:// or https:// address.
    """
    scheme = uri.partition(":")[0].lower()
    variables = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    name = next((one for one in variables if environ.get(one, "").strip()), None)
    if name is None:
        return None
    parts = urlsplit(uri)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 80)
    if _bypasses_proxy(parts.hostname or "", port, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return None
    return proxy_in(name, environ[name])


def proxy_in(name: str, value: str) -> ProxyRoute:
    """The proxy in this environment variable. Raises `InvalidRequest`, with nothing of a value that may be a secret."""
    value = value.strip()
    scheme, separator, rest = value.partition("://")
    if not separator:
        scheme, rest = "http", value
    credentials, _, place = rest.rpartition("@")
    username, _, password = credentials.partition(":")
    what = f"{scheme}:// is" if scheme.lower() in _OTHER_SCHEMES else "its value is"
    try:
        if re.match(r"https?:?[/\\]", rest, re.IGNORECASE):  # http:/ or http:\\: it would become the user
            raise InvalidValue("uri", "a mistyped scheme")
        address = origin_of(f"{scheme}://{place}")
    except InvalidValue:
        raise InvalidRequest(
            f"The proxy in {name} cannot be used: {what} not an http:// or https:// address",
            hint=f"Correct {name}: http://HOST:PORT; a user and password before the host must be percent-encoded. "
            'Or write `proxy = { uri = "direct" }` for the client.',
        ) from None
    return ProxyRoute(address, unquote(username), unquote(password), name)


_OTHER_SCHEMES = ("socks", "socks4", "socks4a", "socks5", "socks5h", "ftp")
"""What is written before :// on purpose, and not a user or a password."""


def _bypasses_proxy(host: str, port: int, exceptions: str) -> bool:
    """Whether NO_PROXY matches this host: its name, a suffix of it, its address, its network, or *."""
    for entry in exceptions.lower().split(","):
        entry = entry.strip()
        name, colon, its_port = entry.rpartition(":")
        if colon and its_port.isdecimal() and ":" not in name.strip("[]"):
            if int(its_port) != port:
                continue
            entry = name
        entry = entry.removeprefix("*.").lstrip(".").strip("[]")
        if entry == "*" or (entry and _matches(host, entry)):
            return True
    return False


def _matches(host: str, entry: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == entry or host.endswith(f".{entry}")
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


# The sockets use asyncio directly: httpcore's own use anyio, whose scopes and checkpoints at each read and write cost
# 0.5 ms per page of a run.
# ruff: noqa: ASYNC109 - the names of parameters are httpcore's

_MAX_BUFFERED = 1_000_000
"""Unread bytes after which reading from the socket pauses."""
_WRITTEN_TOGETHER = 60_000
"""Bytes of a request that are written at once; a call of the system costs a twentieth of a request's time."""
_HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds after which a host's next address is tried in parallel (RFC 8305 §5)."""
first_bytes: ContextVar[bytearray | None] = ContextVar("first_bytes", default=None)
"""The first bytes that an attempt receives, which explain a failure better than its message."""
_FIRST_BYTES = 16


class Sockets(httpcore.AsyncNetworkBackend):
    """Connects. Reads and writes ignore their timeouts: the wire has a deadline for the whole attempt."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        # with happy eyeballs, asyncio before 3.12.8 leaves the socket of a cancelled attempt to the garbage collector
        delay = None if _is_ip_address(host) else _HAPPY_EYEBALLS_DELAY
        connecting = asyncio.get_running_loop().create_connection(Stream, host, port, happy_eyeballs_delay=delay)
        try:
            async with asyncio.timeout(timeout):
                _, stream = await connecting
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except (OSError, UnicodeError) as error:  # UnicodeError: an invalid host name, such as "a..b"
            raise httpcore.ConnectError(str(error)) from error
        return stream


class Stream(httpcore.AsyncNetworkStream, asyncio.Protocol):
    """One connection; received bytes are buffered until they are read."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received, self._unsent = bytearray(), bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._paused = False
        self._readable: asyncio.Future[None] | None = None
        """Resolved when there are bytes to read, or the connection has ended."""
        self._writable = asyncio.Event()
        self._writable.set()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            await self._flush()
        if not self._received and not self._ended:
            self._readable = asyncio.get_running_loop().create_future()
            await self._readable
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        first = first_bytes.get()
        if first is not None and len(first) < _FIRST_BYTES:
            first += data[:_FIRST_BYTES]
        if self._paused and len(self._received) < _MAX_BUFFERED:
            self._paused = False
            self._transport.resume_reading()
        if not data and self._error is not None:
            raise httpcore.ReadError(str(self._error)) from self._error
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Small parts of a request leave together, before its response is read: head and body in one packet."""
        if len(self._unsent) + len(buffer) <= _WRITTEN_TOGETHER:
            self._unsent += buffer
        else:
            await self._flush()
            self._transport.write(buffer)
            await self._writable.wait()
        if self._ended:
            raise httpcore.WriteError(str(self._error or "the connection is closed")) from self._error

    async def _flush(self) -> None:
        data, self._unsent = bytes(self._unsent), bytearray()
        self._transport.write(data)
        await self._writable.wait()

    async def aclose(self) -> None:
        self._transport.abort()
        await asyncio.sleep(0)  # the loop closes the socket in its next iteration

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        handshake = asyncio.get_running_loop().start_tls(
            self._transport, self, ssl_context, server_hostname=server_hostname, ssl_handshake_timeout=timeout
        )
        try:
            async with asyncio.timeout(timeout):
                transport = await handshake
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            self._transport.abort()
            raise httpcore.ConnectError(str(error)) from error
        assert transport is not None
        self._transport = transport
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # of an idle connection: it has ended, or received what is not a response
            return self._ended or bool(self._received)
        return self._transport.get_extra_info(info)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) >= _MAX_BUFFERED:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended, self._error = True, error
        self._writable.set()
        self._wake()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _wake(self) -> None:
        if self._readable is not None and not self._readable.done():
            self._readable.set_result(None)


def _is_ip_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()
