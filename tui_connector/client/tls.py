"""The TLS context of a client: the system's authorities, its own, and its certificate."""

from __future__ import annotations

import re
import ssl
from functools import cache
from pathlib import Path

from ..files import digest, read_regular, reason
from .connection import Tls
from .message import NotSent

_LARGEST = 10_000_000
"""Bytes; the whole list of a system's authorities has less than one million."""


_PEM = re.compile(rb"-----BEGIN [A-Z0-9 ]*CERTIFICATE-----.+?-----END [A-Z0-9 ]*CERTIFICATE-----", re.DOTALL)


def context_of(tls: Tls, directory: Path, place: str, password: str | None, ca: str = "") -> ssl.SSLContext:
    """Reads files, so call it in a thread. `place` is where `tls` stands, such as "clients.shop.tls".

    `ca` is the SHA-256 that the file of authorities had when the profile was trusted.

    Raises `NotSent`, which names the field and the file.
    """
    if tls == Tls():
        return _usual()
    context = _trusting_the_system()
    if tls.ca_file is not None:
        _trust(context, _file(tls.ca_file, directory, f"{place}.ca-file"), f"{place}.ca-file", ca)
    if tls.client_certificate is not None:
        _show(context, tls, directory, place, password)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@cache
def _usual() -> ssl.SSLContext:
    return _trusting_the_system()


def _trusting_the_system() -> ssl.SSLContext:
    """The system's authorities and those httpx brings: a Python from python.org has none of the system's."""
    import certifi

    context = ssl.create_default_context()
    # on since Python 3.13: it refuses what a company's own authority often leaves out, and other clients accept
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_verify_locations(certifi.where())
    return context


def _trust(context: ssl.SSLContext, path: Path, field: str, ca: str) -> None:
    try:
        found = read_regular(path, _LARGEST)  # what is compared is what is loaded
        if ca and digest(found) != ca:
            raise NotSent(
                f"{field}: {path} has changed since the profile was trusted", hint="Run it again to look at it."
            )
        blocks = _PEM.findall(found)  # comments around them need not be ASCII, and OpenSSL wants that
        if not blocks:
            raise _no_certificate(field, path)
        context.load_verify_locations(cadata=b"\n".join(blocks).decode("ascii"))
    except OSError as error:
        if not isinstance(error, ssl.SSLError):
            raise NotSent(f"{field}: {path} cannot be read: {reason(error)}") from error
        raise _no_certificate(field, path) from error
    except ValueError as error:
        raise _no_certificate(field, path) from error


def _no_certificate(field: str, path: Path) -> NotSent:
    return NotSent(
        f"{field}: {path} holds no certificate that can be read",
        hint="It must be a PEM file: text with -----BEGIN CERTIFICATE-----.",
    )


def _show(context: ssl.SSLContext, tls: Tls, directory: Path, place: str, password: str | None) -> None:
    assert tls.client_certificate is not None
    certificate = _file(tls.client_certificate, directory, f"{place}.client-certificate")
    key = None if tls.client_key is None else _file(tls.client_key, directory, f"{place}.client-key")
    key_field, key_file = ("client-certificate", certificate) if key is None else ("client-key", key)
    encrypted = False

    def answer() -> str:  # without it OpenSSL would ask on the terminal itself
        nonlocal encrypted
        encrypted = True
        return password or ""

    try:
        context.load_cert_chain(certificate, key, password=answer)
    except ssl.SSLError as error:
        if "KEY_VALUES_MISMATCH" in (error.reason or ""):
            message = f"{place}.{key_field}: the key in {key_file} is not that of the certificate in {certificate}"
            raise NotSent(message, hint="Name the key the certificate was made with.") from error
        if encrypted:
            needed = "needs a password" if password is None else "is not opened by its password"
            raise NotSent(
                f"{place}.client-key-password: the key in {key_file} {needed}", hint="Correct client-key-password."
            ) from error
        files = f"{certificate}" if key is None else f"{certificate} and {key}"
        raise NotSent(
            f"{place}.client-certificate: {files} do not hold a certificate and its key",
            hint="They must be PEM files: -----BEGIN CERTIFICATE----- and -----BEGIN PRIVATE KEY-----.",
        ) from error


def _file(path: str, directory: Path, field: str) -> Path:
    """The whole path of a regular file that can be read. A device or a pipe would hang whoever reads it."""
    full = directory / Path(path).expanduser()
    try:
        if not full.exists():
            raise NotSent(f"{field}: there is no file {full}", hint="The path is relative to the profile's file.")
        if not full.is_file() or full.stat().st_size > _LARGEST:
            raise NotSent(f"{field}: {full} is no file of certificates or keys")
        with full.open("rb"):
            return full
    except OSError as error:
        raise NotSent(f"{field}: {full} cannot be read: {error.strerror or error}") from error
