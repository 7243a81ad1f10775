"""What went wrong on the network, in words that name the cause and what to do."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from .body import TooLarge, Unreadable
from .message import Failure

_RETRY_HINT = "Try again; if it stays so, ask who runs the store's web server or what stands in front of it."


def explain(error: BaseException, uri: str, timeout: float, *, got_status: bool) -> tuple[Failure, str, str]:
    """The failure, what happened, and what to do. Never a bare `str(error)`: many of them are empty."""
    place = urlsplit(uri).netloc
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes}
    if isinstance(error, TooLarge):
        return Failure.TOO_LARGE, f"Stopped reading: {error}", "Ask for less at a time (pageSize, fields)."
    if isinstance(error, Unreadable):
        return Failure.PROTOCOL, f"The answer cannot be read: {error}", _RETRY_HINT
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Failure.DNS, f"There is no host named {place}", "Check the spelling, or the VPN this host needs."
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if tls is not None:
        return (Failure.TLS, *_tls(tls, place))
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Failure.REFUSED, f"{place} refuses the connection", "Check the port; is the store running?"
    if "ConnectTimeout" in names:
        hint = "Is the address right, and may this computer reach it (firewall, VPN, https on another port)?"
        return Failure.TIMEOUT_CONNECT, f"{place} cannot be reached: no connection within its time", hint
    if isinstance(error, TimeoutError) or names & {"ReadTimeout", "WriteTimeout", "PoolTimeout"}:
        part = "the whole answer" if got_status else "an answer"
        return Failure.TIMEOUT, f"{place} did not give {part} within {timeout:g} s", "Raise the client's timeout."
    if "ConnectError" in names or "ProxyError" in names:
        return Failure.REFUSED, f"{place} cannot be reached ({_words(causes)})", "Check the address and the proxy."
    if names & {"RemoteProtocolError", "ReadError", "WriteError", "CloseError"}:
        if got_status:
            return Failure.CUT_OFF, f"{place} stopped in the middle of its answer ({_words(causes)})", _RETRY_HINT
        hint = "Is this an https address written as http, or a port that is not a web server's?"
        return Failure.PROTOCOL, f"{place} gave no HTTP answer ({_words(causes)})", hint
    return Failure.PROTOCOL, f"The request to {place} failed ({_words(causes)})", _RETRY_HINT


def _tls(error: ssl.SSLError, place: str) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message or "it cannot be verified"
        if "self-signed" in reason or "self signed" in reason or "issuer" in reason:
            hint = "If the store has a certificate of its own, name its authority in SSL_CERT_FILE."
            return f"The certificate of {place} is not from an authority this computer trusts ({reason})", hint
        if "expired" in reason:
            return f"The certificate of {place} has expired", "The store's certificate must be renewed."
        if "match" in reason:
            return f"The certificate of {place} is for another name ({reason})", "Use the name it is made for."
        return f"The certificate of {place} was refused ({reason})", "Look at it with a browser."
    reason = (error.reason or "no TLS").replace("_", " ").lower()
    return f"{place} and this program found no common TLS ({reason})", "Is it an http address, or an old server?"


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
    return next((str(cause)[:200] for cause in causes if str(cause)), type(causes[0]).__name__)
