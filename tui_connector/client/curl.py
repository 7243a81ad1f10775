"""A recorded request as a command for curl that repeats it, byte for byte, and holds no secret."""

from __future__ import annotations

import shlex

from ..secrets.mask import MARK
from ..text import HTTP_TOKEN, shown, shown_line
from .exchange import Exchange, KeptBody
from .message import header_of

_ITS_OWN = frozenset({"accept-encoding", "user-agent", "host", "connection", "content-length", "transfer-encoding"})
"""Headers that curl makes itself, and that change nothing in the response."""
_SENDS_A_LENGTH = frozenset({"POST", "PUT", "PATCH"})
_LONGEST_ARGUMENT = 100_000
"""Bytes; Linux takes 131,072 for one argument (MAX_ARG_STRLEN)."""
_WAITS_FOR_CONTINUE = 1_000_000


def curl(exchange: Exchange, profile: str | None, client: str | None = None) -> str:
    """The command, for a POSIX shell; what authenticates the request is made when it is run.

    A signature is good for one request only, so a literal one could not be repeated. Lines that start with # before
    the command say what is not as it was. All of it is safe to print, and to paste.
    """
    if exchange.purpose == "login":
        return "# A login contains a password and cannot be copied."
    if not HTTP_TOKEN.fullmatch(exchange.method) or shown_line(exchange.uri) != exchange.uri or " " in exchange.uri:
        return shown_line(f"# {exchange.method} {exchange.uri} cannot be sent with curl.")
    signed, arguments, remarks = _headers(exchange, profile, client)
    body, data, of_body = _body(exchange)
    if signed and body:  # standard input is taken by the header
        data = ["--data-binary @/dev/fd/3"]
    command = " ".join(["curl -sS", *_method(exchange), *arguments, *data, *_address(exchange.uri)])
    if signed:
        command = f"{signed} | {command}"
    if body:
        command = f"{body} | {{ {command}; }} 3<&0" if signed else f"{body} | {command}"
    if profile is None and signed:
        remarks.insert(0, "Save the profile first, and replace PROFILE with its name.")
    return "\n".join([*(f"# {remark}" for remark in remarks + of_body), command])


def _method(exchange: Exchange) -> list[str]:
    if exchange.method == "HEAD" and not exchange.request_body.data:
        return ["-I"]  # with -X HEAD it would wait for a body
    # what has data is a POST for curl, and what has none a GET
    implied = "POST" if _has_data(exchange) else "GET"
    return [] if exchange.method == implied else ["-X", shlex.quote(exchange.method)]


def _has_data(exchange: Exchange) -> bool:
    return bool(exchange.request_body.data) or exchange.method in _SENDS_A_LENGTH


def _headers(exchange: Exchange, profile: str | None, client: str | None) -> tuple[str, list[str], list[str]]:
    """The command that prints the headers with credentials, the arguments, and remarks for the user.

    curl reads these headers from standard input: its arguments can be seen by every user of the computer.
    """
    signed = ""
    arguments: list[str] = []
    left_out: list[str] = []
    credentials = False
    for name, value in exchange.request_headers:
        if name.lower() in _ITS_OWN:
            continue
        if MARK in value and name.lower() != "cookie":
            credentials = True
        elif MARK in value or not (HTTP_TOKEN.fullmatch(name) and value.isascii() and value.isprintable()):
            left_out.append(shown_line(name, 60))
        else:
            arguments += ["-H", shlex.quote(f"{name}: {value}" if value else f"{name};")]
    if credentials:
        option = f" --client {shlex.quote(client)}" if client else ""
        made = f"tui-connector header {shlex.quote(profile or 'PROFILE')} {exchange.method}"
        signed = f"{made} {shlex.quote(exchange.uri)}{option}"
        arguments[:0] = ["-H @-"]
    if header_of(exchange.request_headers, "Accept") is None:
        arguments += ["-H", "Accept:"]
    if _has_data(exchange) and header_of(exchange.request_headers, "Content-Type") is None:
        arguments += ["-H", "Content-Type:"]
    if len(exchange.request_body.data) >= _WAITS_FOR_CONTINUE:
        arguments += ["-H", "Expect:"]
    remarks = [f"Omitted, not in the log: {', '.join(left_out)}."] if left_out else []
    if MARK in exchange.uri:
        remarks.append(f"The address is masked: replace {MARK} with the real value.")
    return signed, arguments, remarks


def _body(exchange: Exchange) -> tuple[str, list[str], list[str]]:
    """The command that prints the body for standard input, the arguments, and remarks for the user."""
    body = exchange.request_body
    remarks = list(_of_body(body))
    if not body.data:
        return "", ["--data-raw ''"] if _has_data(exchange) else [], remarks
    text = _printable(body.data)
    if text is None:
        return f"printf {_octal(body.data)}", ["--data-binary @-"], remarks
    if len(body.data) > _LONGEST_ARGUMENT:
        return f"printf %s {shlex.quote(text)}", ["--data-binary @-"], remarks
    return "", ["--data-raw", shlex.quote(text)], remarks


def _of_body(body: KeptBody) -> list[str]:
    if body.size and not body.data:
        return [f"The body of {body.size} bytes is omitted: it is not in the log."]
    remarks = []
    if body.cut:
        remarks.append(f"Only the first {len(body.data)} of {body.size} bytes of the body are in the log.")
    if MARK.encode() in body.data:
        remarks.append(f"The body is masked: replace {MARK} with the real value.")
    return remarks


def _printable(data: bytes) -> str | None:
    """The body as text that can be printed and pasted as it is, or None."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if shown(text) == text else None


def _octal(data: bytes) -> str:
    """The bytes as a format for printf, as every shell has it."""
    pieces = [chr(byte) if 32 <= byte < 127 and byte not in b"-\\%'" else f"\\{byte:03o}" for byte in data]
    return "'" + "".join(pieces) + "'"


def _address(uri: str) -> list[str]:
    """The address, which curl must neither expand nor shorten."""
    globs = ["-g"] if any(sign in uri for sign in "[]{}") else []
    dots = ["--path-as-is"] if "/." in uri else []
    return [*globs, *dots, shlex.quote(uri)]
