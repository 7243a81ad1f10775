"""A recorded request as a curl command that repeats it byte for byte and contains no secret."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ..secrets.mask import MARK
from ..text import HTTP_TOKEN, env_option, shown, shown_line
from .exchange import Exchange, RecordedBody
from .message import Headers, header_of

_SET_BY_CURL = frozenset({"accept-encoding", "user-agent", "host", "connection", "content-length", "transfer-encoding"})
"""Headers that curl sets itself and that do not change the response."""
_METHODS_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})
_MAX_ARGUMENT = 100_000
"""Bytes; Linux takes 131,072 for one argument (MAX_ARG_STRLEN)."""
_EXPECT_CONTINUE = 1_000_000


def curl(
    exchange: Exchange,
    profile: str | None,
    client: str | None = None,
    environment: str = "",
    unset: Sequence[str] = (),
) -> str:
    """The command for a POSIX shell, safe to print and to paste.

    `tui-connector header --curl` prints what authenticates the request, because a signature is valid for one request
    only, and its method and address, so that nothing is sent where that fails. Comment lines before the command list
    the differences from the recorded request, and the variables with secrets that are `unset`.
    """
    if exchange.purpose == "login":
        return "# A login contains a password and cannot be copied."
    if not HTTP_TOKEN.fullmatch(exchange.method) or shown_line(exchange.uri) != exchange.uri or " " in exchange.uri:
        return shown_line(f"# {exchange.method} {exchange.uri} cannot be sent with curl.")
    header_command, arguments, remarks = _headers(exchange, profile, client, environment)
    body, data, body_remarks = _body(exchange)
    if header_command:
        data = ["--data-binary @/dev/fd/3"] if body else data  # standard input is what the header command prints
        command = " ".join([f"{header_command} | curl -sS -K -", *arguments, *data])
        command = f"{body} | ({command}) 3<&0" if body else command
    else:
        command = " ".join(["curl -sS", *_method(exchange), *arguments, *data, *_address(exchange.uri)])
        command = f"{body} | {command}" if body else command
    if profile is None and header_command:
        remarks.insert(0, "Save the profile first, and replace PROFILE with its name.")
    elif unset and header_command:
        remarks.insert(0, f"Set first, as only the session has their values: {' '.join(unset)}")
    return "\n".join([*(f"# {remark}" for remark in remarks + body_remarks), command])


def curl_config(method: str, uri: str, headers: Headers) -> str:
    """What `curl --config -` reads to send this request with these headers, byte for byte (curl's manual, --config)."""
    how = "head" if method == "HEAD" else f"request = {_in_quotes(method)}"  # curl waits for a body after another HEAD
    lines = [how, f"url = {_in_quotes(uri)}", "globoff", "path-as-is"]
    lines += [f"header = {_in_quotes(f'{name}: {value}' if value else f'{name};')}" for name, value in headers]
    return "\n".join([*lines, ""])


def _in_quotes(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def has_credentials(exchange: Exchange) -> bool:
    """Whether its command needs headers that authenticate."""
    return any(_is_credential(name, value) for name, value in exchange.request_headers)


def _is_credential(name: str, value: str) -> bool:
    return MARK in value and name.lower() not in _SET_BY_CURL | {"cookie"}


def _method(exchange: Exchange) -> list[str]:
    if exchange.method == "HEAD":
        return ["-I"]  # with -X HEAD it would wait for a body
    implied = "POST" if _has_data(exchange) else "GET"
    return [] if exchange.method == implied else ["-X", shlex.quote(exchange.method)]


def _has_data(exchange: Exchange) -> bool:
    return bool(_data(exchange)) or exchange.method in _METHODS_WITH_LENGTH


def _data(exchange: Exchange) -> bytes:
    return b"" if exchange.method == "HEAD" else exchange.request_body.data


def _headers(
    exchange: Exchange, profile: str | None, client: str | None, environment: str
) -> tuple[str, list[str], list[str]]:
    """The command that prints the headers with credentials, curl's arguments, and remarks for the user.

    curl reads what it prints from standard input: every user of the computer can see its arguments.
    """
    header_command = ""
    arguments: list[str] = []
    omitted: list[str] = []
    for name, value in exchange.request_headers:
        if name.lower() in _SET_BY_CURL:
            continue
        if _is_credential(name, value):
            continue
        if MARK in value or not (HTTP_TOKEN.fullmatch(name) and value.isascii() and value.isprintable()):
            omitted.append(shown_line(name, 60))
        else:
            arguments += ["-H", shlex.quote(f"{name}: {value}" if value else f"{name};")]
    if has_credentials(exchange):
        option = f" --client {shlex.quote(client)}" if client else ""
        option += env_option(environment)
        request = f"{shlex.quote(profile or 'PROFILE')} {exchange.method} {shlex.quote(exchange.uri)}"
        header_command = f"tui-connector header {request}{option} --curl"
    if header_of(exchange.request_headers, "Accept") is None:
        arguments += ["-H", "Accept:"]
    if _has_data(exchange) and header_of(exchange.request_headers, "Content-Type") is None:
        arguments += ["-H", "Content-Type:"]
    if len(_data(exchange)) >= _EXPECT_CONTINUE:
        arguments += ["-H", "Expect:"]
    remarks = [f"Omitted, not in the log: {', '.join(omitted)}."] if omitted else []
    if MARK in exchange.uri:
        remarks.append(f"The address is masked: replace {MARK} with the real value.")
    return header_command, arguments, remarks


def _body(exchange: Exchange) -> tuple[str, list[str], list[str]]:
    """The command that prints the body for standard input, curl's arguments, and remarks for the user."""
    data = _data(exchange)
    remarks = list(_body_remarks(exchange.request_body, is_sent=exchange.method != "HEAD"))
    if not data:
        return "", ["--data-raw ''"] if _has_data(exchange) else [], remarks
    text = _printable(data)
    if text is None:
        return f"printf {_printf_format(data)}", ["--data-binary @-"], remarks
    if len(data) > _MAX_ARGUMENT:
        return f"printf %s {shlex.quote(text)}", ["--data-binary @-"], remarks
    return "", ["--data-raw", shlex.quote(text)], remarks


def _body_remarks(body: RecordedBody, *, is_sent: bool) -> list[str]:
    if body.size and not is_sent:
        return [f"The body of {body.size} bytes is omitted: curl sends none with HEAD."]
    if body.size and not body.data:
        return [f"The body of {body.size} bytes is omitted: it is not in the log."]
    remarks = []
    if body.cut:
        remarks.append(f"Only the first {len(body.data)} of {body.size} bytes of the body are in the log.")
    if MARK.encode() in body.data:
        remarks.append(f"The body is masked: replace {MARK} with the real value.")
    return remarks


def _printable(data: bytes) -> str | None:
    """The body as text if it can be printed and pasted unchanged, else None."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if shown(text) == text else None


def _printf_format(data: bytes) -> str:
    """The bytes as a format for POSIX printf."""
    pieces = [chr(byte) if 32 <= byte < 127 and byte not in b"-\\%'" else f"\\{byte:03o}" for byte in data]
    return "'" + "".join(pieces) + "'"


def _address(uri: str) -> list[str]:
    """The address, with the options that keep curl from expanding or normalizing it."""
    globs = ["-g"] if any(sign in uri for sign in "[]{}") else []
    dots = ["--path-as-is"] if "/." in uri else []
    return [*globs, *dots, shlex.quote(uri)]
