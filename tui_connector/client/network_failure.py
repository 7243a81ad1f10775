"""What went wrong on the network, in words that name the cause and what to do."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from ..text import beginning
from .body import BodyTooLarge, BodyUnreadable
from .message import Failure

_RETRY_HINT = "Try again; if it stays so, ask who runs the store's web server or what stands in front of it."


Explained = tuple[Failure, str, str]
Phase = Literal["connect", "tls", "kept", "answer", "body"]
"""How far an attempt came: connecting, agreeing on TLS, waiting on a kept or on a new connection, or reading."""


def explain(error: BaseException, uri: str, timeout: float, phase: Phase, proxy: str | None = None) -> Explained:
    """The failure, what happened, and what to do. Never a bare `str(error)`: many of them are empty."""
    place = urlsplit(uri).netloc
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes}
    if "ProxyError" in names:
        return (Failure.PROXY, *_refused_by(proxy, place, _words(causes)))
    if isinstance(error, BodyTooLarge):
        return Failure.TOO_LARGE, f"Stopped reading: {error}", "Ask for less at a time (pageSize, fields)."
    if isinstance(error, BodyUnreadable):
        return Failure.PROTOCOL, f"The answer cannot be read: {error}", _RETRY_HINT
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
    return _no_answer(causes, names, uri, phase)


def _too_late(place: str, timeout: float, phase: Phase, proxy: str | None) -> Explained:
    if phase == "connect":
        hint = "Is the address right, and may this computer reach it (firewall, VPN, https on another port)?"
        nearest = _begin(_nearest(place, proxy))
        return Failure.TIMEOUT_CONNECT, f"{nearest} cannot be reached: no connection within its time", hint
    if phase == "tls":
        hint = "Does this port speak TLS? Else ask who runs the store's web server."
        return Failure.TIMEOUT_TLS, f"{place} took the connection, but did not agree on TLS within its time", hint
    part = "the whole response" if phase == "body" else "a response"
    hint = "Raise the client's timeout; for a list, ask for fewer items at a time."
    return Failure.TIMEOUT, f"{place} did not give {part} within {timeout:g} s", hint


def _not_connected(causes: list[BaseException], place: str, proxy: str | None) -> Explained:
    nearest = _nearest(place, proxy)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Failure.DNS, f"There is no host named {nearest}", "Check the spelling, or the VPN this host needs."
    # of a host with several addresses, asyncio tells what each of them said in one text
    refused = f"[Errno {errno.ECONNREFUSED}]"
    if any(isinstance(cause, ConnectionRefusedError) or refused in str(cause) for cause in causes):
        what = "proxy" if proxy else "store"
        return Failure.REFUSED, f"{_begin(nearest)} refuses the connection", f"Check the port; is the {what} running?"
    if any(isinstance(cause, ConnectionResetError) for cause in causes):
        hint = "Does this port speak TLS? Something in between (a firewall, a proxy) may end the connection, too."
        return Failure.TLS, f"{place} ended the connection while TLS was agreed on", hint
    hint = "Check the address and the proxy."
    return Failure.REFUSED, f"{_begin(nearest)} cannot be reached ({_words(causes)})", hint


def _no_answer(causes: list[BaseException], names: set[str], uri: str, phase: Phase) -> Explained:
    place, words = urlsplit(uri).netloc, _words(causes)
    if "illegal request line" in words:  # h11's words for a first byte that is no letter: an alert of TLS
        hint = "Write https:// in place of http://."
        return Failure.PLAIN_TO_TLS, f"{place} speaks TLS on this port, and the address says http://", hint
    if phase == "body":
        return Failure.CUT_OFF, f"{place} stopped in the middle of its response ({words})", _RETRY_HINT
    # h11 and httpcore call it a protocol error, too, where the connection ends before a response begins
    ended = "RemoteProtocolError" not in names or "disconnected" in words or "no response line" in words
    if phase == "kept" and ended:
        return Failure.CUT_OFF, f"{place} closed the kept connection before it answered ({words})", _RETRY_HINT
    if names & {"RemoteProtocolError", "ReadError", "WriteError", "CloseError"}:
        hint = "Is this an https address written as http, or a port that is not a web server's?"
        if uri.startswith("https:"):  # a reset may overtake the alert that asks for one
            hint = "Does its web server ask for a client certificate (the client's tls.client-certificate)?"
        return Failure.PROTOCOL, f"{place} gave no HTTP answer ({words})", hint
    return Failure.PROTOCOL, f"The request to {place} failed ({words})", _RETRY_HINT


_CA_FILE = "Name the file of the authority it is from in the client's tls.ca-file."
_NO_TLS = ("wrong version number", "http request", "record layer failure", "packet length too long")
"""OpenSSL's reasons for bytes that are no TLS."""


def _tls(error: ssl.SSLError, place: str) -> Explained:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error.verify_message or "it cannot be verified", place)
    reason = (error.reason or "no TLS").replace("_", " ").lower()
    if "certificate required" in reason or "bad certificate" in reason or "unknown ca" in reason:
        hint = "Name one that it knows in the client's tls.client-certificate and tls.client-key."
        return Failure.TLS_CLIENT_CERTIFICATE, f"{place} asks for a client certificate, and refuses ({reason})", hint
    if reason in _NO_TLS:
        hint = "Write http:// in place of https://, or the port that speaks TLS. Tokens sent over http can be read."
        return Failure.TLS_TO_PLAIN, f"{place} speaks no TLS on this port, and the address says https://", hint
    hint = "Is it a very old server, or something in between that ends the connection?"
    return Failure.TLS, f"{place} and this program found no common TLS ({reason})", hint


def _certificate(reason: str, place: str) -> Explained:
    """The reasons are those of OpenSSL, X509_verify_cert_error_string."""
    text = reason.lower()
    if "self-signed certificate in certificate chain" in text or "issuer" in text or "first certificate" in text:
        words = f"The certificate of {place} is not from an authority this computer trusts ({reason})"
        return Failure.TLS_UNTRUSTED, words, _CA_FILE
    if "self-signed" in text or "self signed" in text:
        return Failure.TLS_SELF_SIGNED, f"The certificate of {place} vouches for itself ({reason})", _CA_FILE
    if "expired" in text:
        return (
            Failure.TLS_EXPIRED,
            f"The certificate of {place} has expired",
            "The store's certificate must be renewed.",
        )
    if "not yet valid" in text:
        hint = "Is this computer's clock right? Else the certificate was made for later."
        return Failure.TLS_NOT_YET_VALID, f"The certificate of {place} is not valid yet", hint
    if "match" in text:
        words = f"The certificate of {place} is for another name ({reason})"
        return Failure.TLS_NAME, words, "Use the name it is made for."
    return Failure.TLS, f"The certificate of {place} was refused ({reason})", "Look at it with a browser."


def _nearest(place: str, proxy: str | None) -> str:
    return f"the proxy {urlsplit(proxy).netloc}" if proxy else place


def _refused_by(proxy: str | None, place: str, words: str) -> tuple[str, str]:
    message = f"The proxy {urlsplit(proxy or '').netloc} does not connect to {place} ({words})"
    if words.startswith("407"):
        return message, "Give the client's proxy a username and a password that it takes."
    return message, "Ask who runs the proxy whether it may connect there, or name another one in the client's proxy."


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
