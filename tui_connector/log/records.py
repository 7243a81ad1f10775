"""An exchange as one JSON object, as recordings and the history keep it, and back."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Literal, get_args

from ..client.body_refusal import BodyRefusal, RefusalCode
from ..client.exchange import LONGEST_RESENT, Exchange, RecordedBody, Timings
from ..client.message import Failure, Headers, Purpose
from ..client.printer import failure_message
from ..errors import UserError
from ..secrets.mask import Mask, returns_token
from ..secrets.token_shape import TokenKind, TokenShape
from ..templates import Json
from ..text import beginning
from .request_summary import first_entity

_LARGEST = 1e15
_NUMBER = re.compile(r"\s*-?\d{1,15}(\.\d{1,15})?\s*")


class LogFailed(UserError):
    """A file of the log that cannot be read or written; the message says which, why and what to do.

    `line` and `column` are the place in the file, if known.
    """

    def __init__(self, message: str, code: str = "log", line: int | None = None, column: int | None = None) -> None:
        super().__init__(code, f"{message} (line {line}, column {column})" if line is not None else message)
        self.line, self.column = line, column


class BadRecord(ValueError):
    """JSON that is not a valid record; the message says what is wrong, and where."""


def reject(fault: str) -> None:
    """Rejects a wrong type, which our own files never have. Raises `BadRecord`."""
    raise BadRecord(fault)


@dataclass(frozen=True, slots=True)
class JsonFields:
    """Typed access to the fields of an untrusted JSON object. A missing field has the default.

    A wrong type is reported to `on_fault`, as "response.status is not a number", and the field has the default.
    """

    data: Mapping[str, Json]
    place: str = ""
    on_fault: Callable[[str], None] = reject

    def has(self, key: str) -> bool:
        return self.data.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        value = self.data.get(key)
        if value is None or isinstance(value, str):
            return default if value is None else value
        self.fault(key, "is not text")
        return default

    def any_text(self, key: str) -> str:
        """Text, or any other JSON as text."""
        value = self.data.get(key)
        return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)

    def integer(self, key: str, default: int = 0) -> int:
        value = self.number(key)
        return default if value is None else int(value)

    def number(self, key: str) -> float | None:
        """A number, also one written as text; None where there is none."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value) or abs(value) > _LARGEST:
            self.fault(key, "is not a number")
            return None
        return value

    def flag(self, key: str) -> bool:
        return self.data.get(key) is True

    def inner(self, key: str) -> JsonFields:
        """The object under this key; an empty one where there is none."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, dict):
            self.fault(key, "is not an object")
        return JsonFields(value if isinstance(value, dict) else {}, f"{self.place}{key}.", self.on_fault)

    def items(self, key: str) -> list[Json]:
        value = self.data.get(key)
        if value is None or isinstance(value, list):
            return value or []
        self.fault(key, "is not a list")
        return []

    def moment(self, key: str) -> datetime:
        """A point in time, in UTC; the beginning of 1970 where there is none."""
        text = self.text(key)
        try:
            moment = datetime.fromisoformat(text.strip() or "1970-01-01")
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fault(key, "is not a date and time")
            return datetime.fromtimestamp(0, UTC)

    def fault(self, key: str, what: str) -> None:
        self.on_fault(f"{self.place}{key} {what}")


def parse(text: str | bytes) -> Json:
    """Decodes JSON. Raises `BadRecord`, also for 100,000 nested brackets or a number of 5,000 digits."""
    try:
        value: Json = json.loads(text)
    except RecursionError as error:
        raise BadRecord("it is nested too deeply") from error
    except ValueError as error:
        raise BadRecord(str(error)) from error
    return value


FORMAT = 1
_LONGEST_MESSAGE = 400
"""Characters of the store's message that are kept of a failure whose body is not."""
_TIMINGS = tuple(field.name for field in fields(Timings))


KeptBodies = Literal["all", "requests", "by-hand"]
"""Which bodies a file keeps: all, only short ones of requests, or of these only what the user wrote in the program."""


def line(exchange: Exchange, *, bodies: KeptBodies = "all") -> bytes:
    """The exchange as one line of JSON, in ASCII. The request before masking is never written.

    What the store said in the body of a failure is kept in any case.
    """
    return json.dumps(_to_json(exchange, bodies), separators=(",", ":")).encode() + b"\n"


def read_line(data: bytes, mask: Mask) -> Exchange:
    """The exchange of a line; a file can hold anything, so it is masked by place. Raises `BadRecord`."""
    value = parse(data)
    if not isinstance(value, dict) or "uri" not in value:
        raise BadRecord("it is not a request record")
    fields = JsonFields(value)
    if fields.integer("format") > FORMAT:
        raise BadRecord("it was written by a newer version of this program")
    return _from_json(fields, mask)


def _to_json(exchange: Exchange, bodies: KeptBodies) -> dict[str, Json]:
    sent = exchange.request_body
    keeps_sent = bodies == "all" or (
        (bodies == "requests" or exchange.by_hand) and not sent.cut and len(sent.data) <= LONGEST_RESENT
    )
    failure_text = exchange.failure_text
    if bodies != "all" and exchange.refusal is None:
        failure_text = beginning(failure_message(exchange), _LONGEST_MESSAGE)
    return {
        "format": FORMAT,
        "number": exchange.number,
        "attempt": exchange.attempt,
        "call": exchange.call,
        "login": exchange.login,
        "client": exchange.client,
        "purpose": exchange.purpose,
        "by-hand": exchange.by_hand,
        "typed-uri": exchange.typed_uri,
        "formatter": exchange.formatter,
        "at": exchange.at.isoformat(),
        "method": exchange.method,
        "uri": exchange.uri,
        "request-headers": [list(pair) for pair in exchange.request_headers],
        "request-body": _body_to_json(sent, keeps_sent),
        "status": exchange.status,
        "reason": exchange.reason,
        "headers": [list(pair) for pair in exchange.headers],
        "body": _body_to_json(exchange.body, bodies == "all"),
        "failure": exchange.failure,
        "failure-text": failure_text,
        "timings": timings_to_json(exchange.timings),
        "note": exchange.note,
        "refusal": None if exchange.refusal is None else refusal_to_json(exchange.refusal),
        "token": None if exchange.token is None else token_to_json(exchange.token),
        "entity": "" if keeps_sent else _kept_entity(exchange),
        "request-key": exchange.request_key,
    }


def _kept_entity(exchange: Exchange) -> str:
    """What identifies the first entity in a body that is not kept, unless that is a person's address."""
    entity = first_entity(exchange)
    return "" if "@" in entity else entity


def _body_to_json(body: RecordedBody, whole: bool) -> dict[str, Json]:
    facts: dict[str, Json] = {"size": body.size, "wire-size": body.wire_size, "type": body.media_type}
    if body.note:
        facts["note"] = body.note
    if body.cut:
        facts["cut"] = True
    if whole and body.data:
        text = text_of(body.data)
        facts |= {"base64": base64.b64encode(body.data).decode()} if text is None else {"text": text}
    return facts


def text_of(data: bytes) -> str | None:
    """The body as text, or None where it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def timings_to_json(timings: Timings) -> dict[str, Json]:
    """Seconds; null where it was not measured."""
    spans = {name: value for name in _TIMINGS if (value := getattr(timings, name)) is not None}
    if timings.connection_known:  # as it is but for files of other tools
        del spans["connection_known"]
    return spans


def timings_from_json(fields: JsonFields) -> Timings:
    number = fields.number
    spans = (number("connect"), number("tls"), number("send"), number("wait"), number("receive"))
    return Timings(*spans, number("total") or 0.0, fields.data.get("connection_known") is not False)


def purpose_of(text: str) -> Purpose:
    """The purpose of a request; "run" for an unknown one."""
    known: tuple[Purpose, ...] = get_args(Purpose)
    return next((purpose for purpose in known if purpose == text), "run")


def failure_of(text: str) -> Failure | None:
    return next((failure for failure in Failure if failure.value == text), None)


def _from_json(fields: JsonFields, mask: Mask) -> Exchange:
    uri, status = fields.text("uri"), fields.number("status")
    token = returns_token(uri) and status is not None and status < 300
    return Exchange(
        number=fields.integer("number"),
        attempt=fields.integer("attempt", 1),
        call=fields.integer("call"),
        login=fields.integer("login"),
        by_hand=fields.flag("by-hand"),
        typed_uri=mask.uri(typed_uri) if (typed_uri := fields.text("typed-uri")) else "",
        client=fields.text("client"),
        purpose=purpose_of(fields.text("purpose")),
        formatter=fields.text("formatter") or None,
        at=fields.moment("at"),
        original=None,
        method=fields.text("method"),
        uri=mask.uri(uri),
        request_headers=_headers(fields, "request-headers", mask),
        request_body=_body(fields.inner("request-body"), mask, secret=False),
        status=None if status is None else int(status),
        reason=mask.text(fields.text("reason")),
        headers=_headers(fields, "headers", mask),
        body=_body(fields.inner("body"), mask, secret=token),
        failure=failure_of(fields.text("failure")),
        failure_text=mask.text(fields.text("failure-text")),
        timings=timings_from_json(fields.inner("timings")),
        note=mask.text(fields.text("note")),
        refusal=refusal_from_json(fields.inner("refusal"), mask),
        token=token_from_json(fields.inner("token")),
        entity=mask.text(fields.text("entity")),
        kept_key=fields.integer("request-key") if fields.has("request-key") else None,
    )


def refusal_to_json(refusal: BodyRefusal) -> dict[str, Json]:
    return {"code": refusal.code, "message": refusal.message}


def refusal_from_json(fields: JsonFields, mask: Mask) -> BodyRefusal | None:
    code: RefusalCode | None = next((each for each in get_args(RefusalCode) if each == fields.text("code")), None)
    return None if code is None else BodyRefusal(code, mask.text(fields.text("message")))


def token_to_json(token: TokenShape) -> dict[str, Json]:
    return {
        "kind": token.kind,
        "expired": token.expired,
        "length": token.length,
        "odd_at": token.odd_at,
        "capital": token.is_capital,
    }


def token_from_json(fields: JsonFields) -> TokenShape | None:
    kind: TokenKind | None = next((each for each in get_args(TokenKind) if each == fields.text("kind")), None)
    if kind is None:
        return None
    length, odd_at = fields.integer("length"), fields.integer("odd_at")
    return TokenShape(kind, fields.flag("expired"), length, odd_at, fields.flag("capital"))


def _headers(fields: JsonFields, key: str, mask: Mask) -> Headers:
    return mask.headers(map(_pair, fields.items(key)))


def _pair(value: Json) -> tuple[str, str]:
    match value:
        case [str(name), str(text)]:
            return name, text
    raise BadRecord("a header is not a name and a value")


def _body(fields: JsonFields, mask: Mask, *, secret: bool) -> RecordedBody:
    data = fields.text("text").encode("utf-8", "surrogatepass")
    if fields.has("base64"):
        data = from_base64(fields.text("base64"))
    media_type = fields.text("type")
    return RecordedBody(
        mask.body(data, media_type, secret_response=secret),
        fields.integer("size"),
        fields.integer("wire-size") if fields.has("wire-size") else None,
        media_type,
        fields.text("note"),
        fields.flag("cut"),
    )


def from_base64(text: str) -> bytes:
    """Raises `BadRecord`."""
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadRecord(f"a body is not valid base64: {error}") from error
