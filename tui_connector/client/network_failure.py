"""What went wrong on the network, in words that name the cause and what to do."""

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
    Failure.TIMEOUT_CONNECT: "Is the address right, and can this computer reach it (firewall, VPN, https on another "
    "port)?",
    Failure.TIMEOUT_TLS: "Does this port speak TLS? Otherwise ask who runs the store's web server.",
    Failure.TIMEOUT: "Raise the client's timeout; for a list, request fewer items at a time.",
    Failure.TOO_LARGE: "Request fewer items at a time (pageSize, fields).",
    Failure.CUT_OFF: "Try again; if it persists, ask who runs the store's web server or what is in front of it.",
    Failure.PROTOCOL: "Is this an https address written as http, or a port that is not a web server's?",
    Failure.PROXY: "Ask who runs the proxy whether it may connect there, or name another one in the client's proxy.",
    Failure.TLS: "Does this port speak TLS? A firewall or a proxy in between may end the connection, too.",
    Failure.TLS_UNTRUSTED: "Name the file of the authority it is from in the client's tls.ca-file.",
    Failure.TLS_SELF_SIGNED: "Name the file of the certificate in the client's tls.ca-file.",
    Failure.TLS_EXPIRED: "The store's certificate must be renewed.",
    Failure.TLS_NOT_YET_VALID: "Is this computer's clock right? Otherwise the certificate is for later.",
    Failure.TLS_NAME: "Use the name that the certificate is for.",
    Failure.TLS_CLIENT_CERTIFICATE: "Name one that it accepts in the client's tls.client-certificate and "
    "tls.client-key.",
    Failure.TLS_TO_PLAIN: "Write http:// instead of https://, or the port that speaks TLS. Tokens sent over http can "
    "be read.",
    Failure.PLAIN_TO_TLS: "Write https:// instead of http://.",
}
"""What to do about a failure, where no more is known of it than its kind."""


Explained = tuple[Failure, str, str]
Phase = Literal["connect", "tls", "kept", "answer", "body"]
"""How far an attempt came: connecting, agreeing on TLS, waiting on a kept or on a new connection, or reading."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of an attempt that failed. `timeout` is in seconds."""

    uri: str
    timeout: float
    phase: Phase
    proxy: str | None = None
    proxy_status: int | None = None
    """The status with which the proxy answered the question to connect to the store."""
    received: bytes = b""
    """The first bytes that came."""


def explain(error: BaseException, about: Circumstances) -> Explained:
    """The failure, what happened, and what to do. Never a bare `str(error)`: many of them are empty."""
    uri, timeout, phase, proxy = about.uri, about.timeout, about.phase, about.proxy
    place = urlsplit(uri).netloc
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes}
    if "ProxyError" in names:
        return _refused_by(about, place, _words(causes))
    if isinstance(error, BodyTooLarge):
        return _told(Failure.TOO_LARGE, f"Stopped reading: {error}")
    if isinstance(error, BodyUnreadable):
        return _told(Failure.PROTOCOL, f"The response cannot be read: {error}", REMEDIES[Failure.CUT_OFF])
    # one that only waited for more bytes says nothing: the time ran out
    waits = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError) and not isinstance(cause, waits)), None)
    # once TLS is agreed on, only an alert is about it: any other error is a connection that was cut
    if tls is not None and (phase in ("connect", "tls") or "ALERT" in (tls.reason or "")):
        return _tls(tls, place)
    if isinstance(error, TimeoutError) or any(name.endswith("Timeout") for name in names):
        return _too_late(place, timeout, phase, proxy)
    if phase in ("connect", "tls"):
        return _not_connected(causes, place, proxy)
    return _no_answer(causes, names, about)


def _told(failure: Failure, message: str, hint: str = "") -> Explained:
    return failure, message, hint or REMEDIES[failure]


def _too_late(place: str, timeout: float, phase: Phase, proxy: str | None) -> Explained:
    if phase == "connect":
        nearest = _begin(_nearest(place, proxy))
        return _told(Failure.TIMEOUT_CONNECT, f"{nearest} cannot be reached: no connection within its time")
    if phase == "tls":
        return _told(Failure.TIMEOUT_TLS, f"{place} accepted the connection, but not TLS within its time")
    part = "the whole response" if phase == "body" else "a response"
    return _told(Failure.TIMEOUT, f"{place} did not give {part} within {timeout:g} s")


def _not_connected(causes: list[BaseException], place: str, proxy: str | None) -> Explained:
    nearest = _nearest(place, proxy)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return _told(Failure.DNS, f"There is no host named {nearest}")
    # of a host with several addresses, asyncio tells what each of them said in one text
    refused = f"[Errno {errno.ECONNREFUSED}]"
    if any(isinstance(cause, ConnectionRefusedError) or refused in str(cause) for cause in causes):
        hint = "Check the port; is the proxy running?" if proxy else ""
        return _told(Failure.REFUSED, f"{_begin(nearest)} refuses the connection", hint)
    if any(isinstance(cause, ConnectionResetError) for cause in causes):
        return _told(Failure.TLS, f"{place} ended the connection while TLS was being agreed on")
    hint = "Check the address and the proxy."
    return _told(Failure.REFUSED, f"{_begin(nearest)} cannot be reached ({_words(causes)})", hint)


_TLS_ALERT = b"\x15\x03"
"""How TLS tells a client that speaks HTTP to it that it does not understand: an alert, RFC 8446 §5.1."""


def _no_answer(causes: list[BaseException], names: set[str], about: Circumstances) -> Explained:
    place, words, uri = urlsplit(about.uri).netloc, _words(causes), about.uri
    if about.received.startswith(_TLS_ALERT) and uri.startswith("http:"):
        return _told(Failure.PLAIN_TO_TLS, f"{place} speaks TLS on this port, but the address says http://")
    if about.phase == "body":
        return _told(Failure.CUT_OFF, f"{place} stopped in the middle of its response ({words})")
    if about.phase == "kept" and not about.received.strip():
        return _told(Failure.CUT_OFF, f"{place} closed the kept connection before it responded ({words})")
    if names & {"RemoteProtocolError", "ReadError", "WriteError", "CloseError"}:
        hint = ""
        if uri.startswith("https:"):  # a reset may overtake the alert that asks for one
            hint = "Does its web server ask for a client certificate (the client's tls.client-certificate)?"
        return _told(Failure.PROTOCOL, f"{place} gave no HTTP response ({words})", hint)
    return _told(Failure.PROTOCOL, f"The request to {place} failed ({words})", REMEDIES[Failure.CUT_OFF])


_NO_TLS = ("wrong version number", "http request", "record layer failure", "packet length too long")
"""OpenSSL's reasons for bytes that are not TLS."""


def _tls(error: ssl.SSLError, place: str) -> Explained:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error.verify_code, error.verify_message or "it cannot be verified", place)
    reason = (error.reason or "no TLS").replace("_", " ").lower()
    if "certificate required" in reason or "bad certificate" in reason or "unknown ca" in reason:
        message = f"{place} requires a client certificate and refused the connection ({reason})"
        return _told(Failure.TLS_CLIENT_CERTIFICATE, message)
    if reason in _NO_TLS:
        return _told(Failure.TLS_TO_PLAIN, f"{place} does not speak TLS on this port, but the address says https://")
    hint = "Is it a very old server, or something in between that ends the connection?"
    return _told(Failure.TLS, f"{place} and this program found no common TLS ({reason})", hint)


_UNTRUSTED = (2, 19, 20, 21, 27)
"""No issuer, a self-signed one in the chain, no local issuer, the first certificate cannot be verified, untrusted."""
_SELF_SIGNED, _NOT_YET_VALID, _EXPIRED = 18, 9, 10
_OTHER_NAME = (62, 63, 64)
"""Another host, e-mail or IP address."""


def _certificate(code: int, reason: str, place: str) -> Explained:
    """The codes are OpenSSL's X509_V_ERR_…, openssl/x509_vfy.h."""
    certificate = f"The certificate of {place}"
    if code in _UNTRUSTED:
        message = f"{certificate} is not from an authority this computer trusts ({reason})"
        return _told(Failure.TLS_UNTRUSTED, message)
    if code == _SELF_SIGNED:
        return _told(Failure.TLS_SELF_SIGNED, f"{certificate} is self-signed ({reason})")
    if code == _EXPIRED:
        return _told(Failure.TLS_EXPIRED, f"{certificate} has expired")
    if code == _NOT_YET_VALID:
        return _told(Failure.TLS_NOT_YET_VALID, f"{certificate} is not valid yet")
    if code in _OTHER_NAME:
        return _told(Failure.TLS_NAME, f"{certificate} is for another name ({reason})")
    return _told(Failure.TLS, f"{certificate} was refused ({reason})", "Look at it with a browser.")


def _nearest(place: str, proxy: str | None) -> str:
    return f"the proxy {urlsplit(proxy).netloc}" if proxy else place


def _refused_by(about: Circumstances, place: str, words: str) -> Explained:
    message = f"The proxy {urlsplit(about.proxy or '').netloc} does not connect to {place} ({words})"
    hint = "Give the client's proxy a username and a password that it accepts." if about.proxy_status == 407 else ""
    return _told(Failure.PROXY, message, hint)


def _begin(words: str) -> str:
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


def _words(causes: list[BaseException]) -> str:
    return next((beginning(str(cause), 200) for cause in causes if str(cause)), type(causes[0]).__name__)
