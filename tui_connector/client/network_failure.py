"""Explains network failures: the cause, and what to do."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from ..text import beginning
from .body import BodyTooLarge, BodyUnreadable
from .message import Failure

REMEDIES = {
    Failure.DNS: "Check the spelling, or the VPN this host needs.",
    Failure.REFUSED: "Check the address and the port; is the store running?",
    Failure.TIMEOUT_CONNECT: "Is the address correct, and can this computer reach it (firewall, VPN, https on another "
    "port)?",
    Failure.TIMEOUT_TLS: "Does this port speak TLS? Otherwise contact the administrator of the web server.",
    Failure.TIMEOUT: "Increase the client's timeout; for a list, request fewer items at a time.",
    Failure.TOO_LARGE: "Request fewer items at a time (pagination, pageSize, fields).",
    Failure.CUT_OFF: "Try again; if it persists, contact the administrator of the web server.",
    Failure.PROTOCOL: "Is this an https address written as http, or a port that is not a web server's?",
    Failure.PROXY: "Ask the proxy's administrator to allow this host, or set another proxy for the client.",
    Failure.PROXY_UNREACHABLE: "Check the proxy's address and port; is the proxy running?",
    Failure.TLS: "Does this port speak TLS? A firewall or a proxy in between may also close the connection.",
    Failure.TLS_UNTRUSTED: "Someone may be in between. Get the certificate of the authority that issued it from the "
    "store's administrator, not from this connection, and set the client's tls.ca-file to it.",
    Failure.TLS_SELF_SIGNED: "Someone may be in between. First compare its SHA-256 fingerprint with that of the "
    "store's administrator; only if they are the same, set the client's tls.ca-file to this certificate.",
    Failure.TLS_EXPIRED: "The store's certificate must be renewed.",
    Failure.TLS_NOT_YET_VALID: "Is this computer's clock correct? Otherwise the certificate starts later.",
    Failure.TLS_NAME: "Use the host name that the certificate was issued for.",
    Failure.TLS_CLIENT_CERTIFICATE: "Set the client's tls.client-certificate and tls.client-key to accepted ones.",
    Failure.TLS_TO_PLAIN: "Write http:// instead of https://, or the port that speaks TLS. Tokens sent over http can "
    "be read.",
    Failure.PLAIN_TO_TLS: "Write https:// instead of http://.",
}
"""What to do about a failure if nothing but its kind is known."""


Explanation = tuple[Failure, str, str]
Phase = Literal["connect", "tls", "reused", "response", "body"]
"""How far an attempt got: connecting, TLS handshake, waiting on a reused or a new connection, or reading."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known about a failed attempt. `timeout` is in seconds."""

    uri: str
    timeout: float
    phase: Phase
    proxy: str | None = None
    proxy_status: int | None = None
    """The status of the proxy's response to CONNECT."""
    received: bytes = b""
    """The first bytes that were received."""
    proxy_variable: str = ""
    """The environment variable that names the proxy; empty for the client's own."""


def explain(error: BaseException, about: Circumstances) -> Explanation:
    """The failure, what happened, and what to do. Never just `str(error)`, which is often empty."""
    failure, message, hint = _explained(error, about)
    if failure is Failure.PROXY_UNREACHABLE and about.proxy_variable:
        hint = f"Check the address and port in {about.proxy_variable}; is the proxy running?"
    return failure, message, hint


def _explained(error: BaseException, about: Circumstances) -> Explanation:
    uri, timeout, phase, proxy = about.uri, about.timeout, about.phase, about.proxy
    place = urlsplit(uri).netloc
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes}
    if "ProxyError" in names:
        return _refused_by(about, place, _reason(causes))
    if isinstance(error, BodyTooLarge):
        return _explanation(Failure.TOO_LARGE, f"Stopped reading: {error}")
    if isinstance(error, BodyUnreadable):
        return _explanation(Failure.PROTOCOL, f"The response cannot be read: {error}", REMEDIES[Failure.CUT_OFF])
    # these only say that more bytes were expected: the real cause is the timeout
    waits = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError) and not isinstance(cause, waits)), None)
    # after the handshake only an alert is about TLS: any other error is a lost connection
    if tls is not None and (phase in ("connect", "tls") or "ALERT" in (tls.reason or "")):
        return _tls(tls, place)
    if isinstance(error, TimeoutError) or any(name.endswith("Timeout") for name in names):
        return _timed_out(place, timeout, phase, proxy)
    if phase in ("connect", "tls"):
        return _not_connected(causes, place, proxy)
    return _no_response(causes, names, about)


def _explanation(failure: Failure, message: str, hint: str = "") -> Explanation:
    return failure, message, hint or REMEDIES[failure]


def _timed_out(place: str, timeout: float, phase: Phase, proxy: str | None) -> Explanation:
    if phase == "connect":
        nearest = _capitalized(_nearest(place, proxy))
        failure = Failure.PROXY_UNREACHABLE if proxy else Failure.TIMEOUT_CONNECT
        return _explanation(failure, f"{nearest} cannot be reached: connection timed out")
    if phase == "tls":
        return _explanation(Failure.TIMEOUT_TLS, f"{place} accepted the connection, but the TLS handshake timed out")
    part = "the whole response" if phase == "body" else "a response"
    return _explanation(Failure.TIMEOUT, f"{place} did not send {part} within {timeout:g} s")


def _not_connected(causes: list[BaseException], place: str, proxy: str | None) -> Explanation:
    nearest = _nearest(place, proxy)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return _explanation(Failure.PROXY_UNREACHABLE if proxy else Failure.DNS, f"There is no host named {nearest}")
    # for a host with several addresses, asyncio puts all their errors into one text
    refused = f"[Errno {errno.ECONNREFUSED}]"
    if any(isinstance(cause, ConnectionRefusedError) or refused in str(cause) for cause in causes):
        failure = Failure.PROXY_UNREACHABLE if proxy else Failure.REFUSED
        return _explanation(failure, f"{_capitalized(nearest)} refused the connection")
    if any(isinstance(cause, ConnectionResetError) for cause in causes):
        return _explanation(Failure.TLS, f"{place} closed the connection during the TLS handshake")
    message = f"{_capitalized(nearest)} cannot be reached ({_reason(causes)})"
    if proxy:
        return _explanation(Failure.PROXY_UNREACHABLE, message)
    return _explanation(Failure.REFUSED, message, "Check the address, and the VPN this host may need.")


_TLS_ALERT = b"\x15\x03"
"""A TLS alert, the reaction of a TLS server to plain HTTP (RFC 8446 §5.1)."""


def _no_response(causes: list[BaseException], names: set[str], about: Circumstances) -> Explanation:
    place, words, uri = urlsplit(about.uri).netloc, _reason(causes), about.uri
    if about.received.startswith(_TLS_ALERT) and uri.startswith("http:"):
        return _explanation(Failure.PLAIN_TO_TLS, f"{place} speaks TLS on this port, but the address says http://")
    if about.phase == "body":
        return _explanation(Failure.CUT_OFF, f"{place} stopped in the middle of its response ({words})")
    if about.phase == "reused" and not about.received.strip():
        return _explanation(Failure.CUT_OFF, f"{place} closed the reused connection before it responded ({words})")
    if names & {"RemoteProtocolError", "ReadError", "WriteError", "CloseError"}:
        hint = ""
        if uri.startswith("https:"):  # a reset may overtake the alert that asks for one
            hint = "Does its web server ask for a client certificate (the client's tls.client-certificate)?"
        return _explanation(Failure.PROTOCOL, f"{place} did not send an HTTP response ({words})", hint)
    return _explanation(Failure.PROTOCOL, f"The request to {place} failed ({words})", REMEDIES[Failure.CUT_OFF])


_NO_TLS = ("wrong version number", "http request", "record layer failure", "packet length too long")
"""OpenSSL's reasons for bytes that are not TLS."""


def _tls(error: ssl.SSLError, place: str) -> Explanation:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error.verify_code, error.verify_message or "it cannot be verified", place)
    reason = (error.reason or "no TLS").replace("_", " ").lower()
    if "certificate required" in reason or "bad certificate" in reason or "unknown ca" in reason:
        message = f"{place} requires a client certificate and refused the connection ({reason})"
        return _explanation(Failure.TLS_CLIENT_CERTIFICATE, message)
    if reason in _NO_TLS:
        return _explanation(
            Failure.TLS_TO_PLAIN, f"{place} does not speak TLS on this port, but the address says https://"
        )
    hint = "Is the server very old, or does something in between close the connection?"
    return _explanation(Failure.TLS, f"{place} and this program share no TLS version or cipher ({reason})", hint)


_UNTRUSTED = (2, 19, 20, 21, 27)
"""No issuer, a self-signed one in the chain, no local issuer, the first certificate cannot be verified, untrusted."""
_SELF_SIGNED, _NOT_YET_VALID, _EXPIRED = 18, 9, 10
_OTHER_NAME = (62, 63, 64)
"""Another host, e-mail or IP address."""


def _certificate(code: int, reason: str, place: str) -> Explanation:
    """The codes are OpenSSL's X509_V_ERR_…, openssl/x509_vfy.h."""
    certificate = f"The certificate of {place}"
    if code in _UNTRUSTED:
        message = f"{certificate} is not from an authority this computer trusts ({reason})"
        return _explanation(Failure.TLS_UNTRUSTED, message)
    if code == _SELF_SIGNED:
        server = place if urlsplit(f"//{place}").port else f"{place}:443"
        hint = f"{REMEDIES[Failure.TLS_SELF_SIGNED]} This prints it: openssl s_client -connect {server} </dev/null | "
        hint += "openssl x509 -noout -fingerprint -sha256"
        return _explanation(Failure.TLS_SELF_SIGNED, f"{certificate} is self-signed ({reason})", hint)
    if code == _EXPIRED:
        return _explanation(Failure.TLS_EXPIRED, f"{certificate} has expired")
    if code == _NOT_YET_VALID:
        return _explanation(Failure.TLS_NOT_YET_VALID, f"{certificate} is not valid yet")
    if code in _OTHER_NAME:
        return _explanation(Failure.TLS_NAME, f"{certificate} is for another name ({reason})")
    return _explanation(Failure.TLS, f"{certificate} was refused ({reason})", "Inspect it with a browser.")


def _nearest(place: str, proxy: str | None) -> str:
    return f"the proxy {urlsplit(proxy).netloc}" if proxy else place


def _refused_by(about: Circumstances, place: str, words: str) -> Explanation:
    message = f"The proxy {urlsplit(about.proxy or '').netloc} does not connect to {place} ({words})"
    variable, hint = about.proxy_variable, ""
    if about.proxy_status == 407 and variable:
        hint = (
            f"Write the user and password in {variable} before the host and an @, with special characters "
            "percent-encoded. Or set the client's proxy, whose password can be in the keyring."
        )
    elif about.proxy_status == 407:
        hint = "Set the username and password of the client's proxy."
    elif variable:
        hint = f"Ask the proxy's administrator to allow this host, or change {variable} (NO_PROXY goes without it)."
    return _explanation(Failure.PROXY, message, hint)


def _capitalized(words: str) -> str:
    return f"T{words[1:]}" if words.startswith("the proxy ") else words


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__


def _reason(causes: list[BaseException]) -> str:
    return next((beginning(str(cause), 200) for cause in causes if str(cause)), type(causes[0]).__name__)
