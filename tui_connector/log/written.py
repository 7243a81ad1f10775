"""An exchange as one JSON object, as recordings and the history keep it, and back."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict
from typing import get_args

from ..client.exchange import Exchange, KeptBody, Timings
from ..client.message import Failure, Headers, Purpose
from ..placeholder import Json
from ..secrets.mask import Mask, answers_with_a_token
from .json_fields import BadRecord, Fields, parse

FORMAT = 1


def line(exchange: Exchange, *, bodies: bool = True) -> bytes:
    """The exchange as one line of JSON, in ASCII. What its caller asked for, before masking, is never written."""
    return json.dumps(_to_json(exchange, bodies), separators=(",", ":")).encode() + b"\n"


def read_line(data: bytes, mask: Mask) -> Exchange:
    """The exchange of a line; a file can hold anything, so it is masked by place. Raises `BadRecord`."""
    value = parse(data)
    if not isinstance(value, dict) or "uri" not in value:
        raise BadRecord("it is no exchange")
    fields = Fields(value)
    if fields.integer("format") > FORMAT:
        raise BadRecord("it was written by a newer version of this program")
    return _from_json(fields, mask)


def _to_json(exchange: Exchange, bodies: bool) -> dict[str, Json]:
    return {
        "format": FORMAT,
        "number": exchange.number,
        "attempt": exchange.attempt,
        "call": exchange.call,
        "client": exchange.client,
        "purpose": exchange.purpose,
        "formatter": exchange.formatter,
        "at": exchange.at.isoformat(),
        "method": exchange.method,
        "uri": exchange.uri,
        "request-headers": [list(pair) for pair in exchange.request_headers],
        "request-body": _body_to_json(exchange.request_body, bodies),
        "status": exchange.status,
        "reason": exchange.reason,
        "headers": [list(pair) for pair in exchange.headers],
        "body": _body_to_json(exchange.body, bodies),
        "failure": exchange.failure,
        "failure-text": exchange.failure_text,
        "timings": timings_to_json(exchange.timings),
        "note": exchange.note,
    }


def _body_to_json(body: KeptBody, whole: bool) -> dict[str, Json]:
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
    spans = {name: value for name, value in asdict(timings).items() if value is not None}
    if timings.knows_connection:  # as it is but for files of other tools
        del spans["knows_connection"]
    return spans


def timings_from_json(fields: Fields) -> Timings:
    number = fields.number
    spans = (number("connect"), number("tls"), number("send"), number("wait"), number("receive"))
    return Timings(*spans, number("total") or 0.0, fields.data.get("knows_connection") is not False)


def purpose_of(text: str) -> Purpose:
    """Who asked; a run, where a file says anything else."""
    known: tuple[Purpose, ...] = get_args(Purpose)
    return next((purpose for purpose in known if purpose == text), "run")


def failure_of(text: str) -> Failure | None:
    return next((failure for failure in Failure if failure.value == text), None)


def _from_json(fields: Fields, mask: Mask) -> Exchange:
    uri, status = fields.text("uri"), fields.number("status")
    token = answers_with_a_token(uri) and status is not None and status < 300
    return Exchange(
        number=fields.integer("number"),
        attempt=fields.integer("attempt", 1),
        call=fields.integer("call"),
        client=fields.text("client"),
        purpose=purpose_of(fields.text("purpose")),
        formatter=fields.text("formatter") or None,
        at=fields.moment("at"),
        asked=None,
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
    )


def _headers(fields: Fields, key: str, mask: Mask) -> Headers:
    return mask.headers(map(_pair, fields.items(key)))


def _pair(value: Json) -> tuple[str, str]:
    match value:
        case [str(name), str(text)]:
            return name, text
    raise BadRecord("a header is no name and value")


def _body(fields: Fields, mask: Mask, *, secret: bool) -> KeptBody:
    data = fields.text("text").encode("utf-8", "surrogatepass")
    if fields.has("base64"):
        data = from_base64(fields.text("base64"))
    media_type = fields.text("type")
    return KeptBody(
        mask.body(data, media_type, secret_answer=secret),
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
        raise BadRecord(f"a body is no base64: {error}") from error
