"""Certificates for tests, made on the spot: a good one, and those that a client must refuse."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """Signs certificates; `file` is what a client must trust."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    file: Path


def authority(directory: Path) -> Authority:
    """A new authority that nobody knows."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("Test authority")
    certificate = (
        _builder(name, name, key, -_DAY, _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = directory / "authority.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(key, certificate, file)


def server_context(
    directory: Path,
    signer: Authority | None = None,
    host: str = "127.0.0.1",
    begins: timedelta = -_DAY,
    ends: timedelta = _DAY,
    clients: Authority | None = None,
) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for `host`; without a signer it signs itself.

    Where `clients` is given, it asks for a client certificate that this authority has signed.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(host)
    issuer = signer.certificate.subject if signer else subject
    names: list[x509.GeneralName] = [_general(host)]
    builder = _builder(subject, issuer, key, begins, ends).add_extension(x509.SubjectAlternativeName(names), False)
    if signer is not None:
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
        builder = builder.add_extension(known, critical=False)
    certificate = builder.sign(signer.key if signer else key, hashes.SHA256())
    file = directory / f"server-{certificate.serial_number}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if clients is not None:
        context.load_verify_locations(clients.file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@dataclass(frozen=True)
class Pair:
    """A client's certificate and its key, as PEM files."""

    certificate: Path
    key: Path


def client_pair(directory: Path, signer: Authority, name: str, password: str | None = None) -> Pair:
    """A certificate for a client; with a password, its key is encrypted."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _builder(_name(name), signer.certificate.subject, key, -_DAY, _DAY).sign(signer.key, hashes.SHA256())
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password.encode())
    pair = Pair(directory / f"{name}.pem", directory / f"{name}.key")
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pair.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return pair


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: timedelta, ends: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
