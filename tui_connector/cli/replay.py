"""What `sandbox --replay` serves: the requests of a recording or a HAR, and what of them cannot be replayed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import click

from ..client.exchange import Exchange
from ..client.message import Failure
from ..log.files import read
from ..log.recording import Notice
from ..log.records import text_of
from ..sandbox.replay import RecordedExchange
from ..secrets.mask import MARK, with_stand_ins
from ..text import HTTP_TOKEN, count, shown_line
from .errors import CommandFailed, Exit

STAND_IN = "masked"
"""Sent where a secret was masked: a login's response then still holds a token that can be sent."""
_MAX_BODIES = 512_000_000
"""Bytes of all responses, which are held in memory."""
_LISTED = 5
"""Numbers of requests that a notice names."""


@dataclass
class Replayable:
    """What can be served of a file, and the numbers of the requests that are served differently or not at all."""

    exchanges: list[RecordedExchange] = field(default_factory=list)
    origins: dict[str, None] = field(default_factory=dict)
    incomplete: list[int] = field(default_factory=list)
    binary: list[int] = field(default_factory=list)
    masked: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    invalid: list[int] = field(default_factory=list)

    def notices(self) -> Iterator[str]:
        """What a user has to know, one sentence each."""
        if self.incomplete:
            yield (
                f"{_numbered(self.incomplete)}: the response was not recorded completely, so it cannot be replayed. "
                "run --record FILE --whole-bodies records all of it."
            )
        if self.binary:
            yield f"{_numbered(self.binary)}: the response is binary; it is sent as recorded."
        if self.masked:
            yield f"{_numbered(self.masked)}: the response has masked values, sent as “{STAND_IN}”."
        if self.lost:
            yield f"{_numbered(self.lost)}: skipped, because no response was recorded (not sent, or no connection)."
        if self.invalid:
            yield f"{_numbered(self.invalid)}: skipped, because it is not a valid HTTP exchange."


def replayable(path: Path) -> Replayable:
    """What can be replayed of a recording or a HAR; unreadable parts are reported on standard error.

    Raises `LogFailed` if the file cannot be read, and `CommandFailed` if there is nothing in it to replay.
    """
    found, size = Replayable(), 0
    for each in read(path):
        if isinstance(each, Notice):
            click.echo(shown_line(each.text), err=True)
            continue
        size += len(each.body.data)
        if size > _MAX_BODIES:
            part = f"tui-connector log {shlex.quote(str(path))} --filter EXPR --export jsonl --out PART.jsonl"
            raise CommandFailed(
                f"{path}: more than {_MAX_BODIES // 1_000_000} MB of responses, which must fit into memory. "
                f"Cut out a part: {part}.",
                Exit.SETUP,
            )
        _add(each, found)
    if not found.exchanges:
        reasons = "".join(f"\n  {each}" for each in found.notices())
        raise CommandFailed(f"{path}: there is no recorded request to replay.{reasons}", Exit.SETUP)
    return found


def described(found: Replayable, path: Path, url: str) -> str:
    """The first lines of output."""
    stores = ", ".join(map(shown_line, found.origins)) or "the store"
    return "\n".join(
        [
            f"A replay of {shown_line(str(path))}, not a store: {url}",
            "",
            f"  {count(len(found.exchanges), 'recorded request')} to {stores}",
            *(f"  {each}" for each in found.notices()),
            "",
            f"In the profile, or in an environment of it, replace {stores} with {url}; the rest of the base URI stays.",
            "Requests that were not recorded are listed here. Ctrl+C stops it.",
        ]
    )


def as_json(found: Replayable, url: str) -> Mapping[str, object]:
    """The same as data."""
    return {
        "url": url,
        "requests": len(found.exchanges),
        "stores": list(found.origins),
        "incomplete": found.incomplete,
        "binary": found.binary,
        "masked": found.masked,
        "skipped": sorted(found.lost + found.invalid),
    }


def _add(exchange: Exchange, found: Replayable) -> None:
    number, body = exchange.number, exchange.body
    try:
        parts = urlsplit(exchange.uri)
    except ValueError:  # "https://[": another tool's
        parts = urlsplit("")
    valid = exchange.status is None or 200 <= exchange.status <= 599
    if not (valid and HTTP_TOKEN.fullmatch(exchange.method) and parts.path.startswith("/")):
        found.invalid.append(number)
        return
    lost = _LOST.get(exchange.failure) if exchange.failure is not None else None
    if exchange.status is None and lost is None:
        found.lost.append(number)
        return
    missing = _missing(exchange) if lost is None else ""
    if missing:
        found.incomplete.append(number)
    elif text_of(body.data) is None:
        found.binary.append(number)
    headers = [(name, _stand_in(value)) for name, value in exchange.headers if _can_be_sent(name, value)]
    if MARK.encode() in body.data or any(MARK in value for _, value in exchange.headers):
        found.masked.append(number)
    if parts.netloc:
        found.origins[f"{parts.scheme}://{parts.netloc}"] = None
    found.exchanges.append(
        RecordedExchange(
            number,
            exchange.method,
            exchange.uri,
            exchange.request_body.data,
            exchange.request_body.cut,
            exchange.status,
            headers,
            with_stand_ins(body.data, STAND_IN),
            missing,
            lost or "",
        )
    )


_LOST: Mapping[Failure, Literal["timeout", "cut-off"]] = {Failure.TIMEOUT: "timeout", Failure.CUT_OFF: "cut-off"}


def _missing(exchange: Exchange) -> str:
    body = exchange.body
    if exchange.failure is not None:
        return exchange.failure_text or exchange.failure.value
    if body.cut:
        return f"only the first {len(body.data):,} of {body.size:,} bytes were recorded"
    return "its body is not in the file" if body.size and not body.data else ""


def _stand_in(value: str) -> str:
    return with_stand_ins(value.encode(), STAND_IN).decode()


def _can_be_sent(name: str, value: str) -> bool:
    return HTTP_TOKEN.fullmatch(name) is not None and value.isprintable()


def _numbered(numbers: list[int]) -> str:
    names = ", ".join(f"#{number}" for number in numbers[:_LISTED])
    more = f" and {len(numbers) - _LISTED:,} more" if len(numbers) > _LISTED else ""
    return f"{count(len(numbers), 'request')} ({names}{more})"
