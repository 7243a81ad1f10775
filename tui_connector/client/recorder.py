"""Makes the record of one attempt, in which every secret is masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..secrets.mask import Mask
from .exchange import Exchange, KeptBody, Timings
from .message import Failure, Headers, Request


@dataclass(slots=True)
class Seen:
    """What became known of one attempt while it ran."""

    number: int
    attempt: int
    client: str
    request: Request
    sent_headers: Headers
    began_at: datetime
    began: float = 0.0
    """By the machine's monotonic clock, in seconds, as are `ended` and the marks; both are 0 where nothing was sent."""
    ended: float = 0.0
    marks: dict[str, float] = field(default_factory=dict)
    status: int | None = None
    reason: str = ""
    headers: Headers = ()
    failure: Failure | None = None
    failure_text: str = ""
    notes: list[str] = field(default_factory=list)


def record(seen: Seen, body: bytes, wire_size: int, *, mask: Mask, kept: int) -> Exchange:
    """The exchange; of a body, `kept` bytes at most."""
    request, about = seen.request, seen.request.about
    sent_type = next((value for name, value in seen.sent_headers if name.lower() == "content-type"), "")
    received_type = next((value for name, value in seen.headers if name.lower() == "content-type"), "")

    refused = seen.status is not None and 400 <= seen.status < 500  # then it says why, and holds no token

    def keep(data: bytes, size: int, content_type: str, secret: bool) -> KeptBody:
        media_type = mask.text(content_type).partition(";")[0].strip().lower()
        start = mask.start(data, kept)
        shown = mask.body(start, media_type, secret_answer=secret)
        note = "a token, not kept" if secret and data else ""
        return KeptBody(shown, len(data), size, media_type, note, cut=len(start) < len(data) and not note)

    return Exchange(
        number=seen.number,
        attempt=seen.attempt,
        call=about.call,
        client=seen.client,
        purpose=about.purpose,
        formatter=about.formatter,
        at=seen.began_at,
        asked=about.asked,
        method=request.method,
        uri=mask.uri(request.uri),
        request_headers=mask.headers(seen.sent_headers),
        request_body=keep(request.body, len(request.body), sent_type, False),
        status=seen.status,
        reason=mask.text(seen.reason),
        headers=mask.headers(seen.headers),
        body=keep(body, wire_size, received_type, about.secret_answer and not refused),
        failure=seen.failure,
        failure_text=mask.text(seen.failure_text),
        timings=_timings(seen.marks, seen.ended, seen.ended - seen.began),
        note=mask.text(" · ".join(filter(None, [about.note, *seen.notes]))),
    )


def _timings(marks: Mapping[str, float], end: float, total: float) -> Timings:
    def span(first: str, last: str) -> float | None:
        if first not in marks:
            return None
        return marks.get(last, end) - marks[first]

    return Timings(
        connect=span("connect_tcp.started", "connect_tcp.complete"),
        tls=span("start_tls.started", "start_tls.complete"),
        send=span("send_request_headers.started", "send_request_body.complete"),
        wait=span("receive_response_headers.started", "receive_response_headers.complete"),
        receive=span("receive_response_body.started", "receive_response_body.complete"),
        total=total,
    )
