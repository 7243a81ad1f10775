"""The rows of the request log's list: which columns fit, and what of a request distinguishes it from the row above."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from ...client.exchange import Exchange, InFlight
from ...client.printer import attempt_label, expected_label, failure_message
from ...log.needle import needle_for
from ...log.request_summary import Part, first_entity, least_telling, summary_parts
from ...text import count, shown_line
from ...units import milliseconds, size

Paint = Callable[[str], Style]
"""Returns the theme's style of this name."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that fit; `text` is the width that is left for the summary."""

    number: int
    time: str
    """The format of the time; empty where there is no room for it."""
    size: bool
    purpose: bool
    text: int
    end: int
    """Columns before the purpose."""


NUMBER, _METHOD, _STATUS, _TOOK, _SIZE, _PURPOSE = 6, 7, 5, 8, 9, 6
"""Widths of the columns, with the blank before or behind them."""
_TIME, _DATE = "%H:%M:%S ", "%d %b "


@lru_cache(maxsize=8)
def columns_for(width: int, *, dates: bool, number: int = NUMBER) -> Columns:
    """The columns for a list this wide; `dates`: of several days; `number`: the width of the numbers."""
    time = "" if width < 100 else f"{_DATE if dates else ''}{_TIME}"
    size, purpose = width >= 90, width >= 70
    fixed = 2 + number + _METHOD + _STATUS + _TOOK + _time_width(time) + size * _SIZE
    text = max(10, width - fixed - purpose * _PURPOSE - 2)  # after two blanks
    return Columns(number, time, size, purpose, text, fixed + text + 2)


def _time_width(time: str) -> int:
    return len(_ANY_TIME.strftime(time))


_ANY_TIME = datetime(2026, 1, 1)


def row(
    exchange: Exchange,
    columns: Columns,
    paint: Paint,
    *,
    mark: str = "",
    marked: bool,
    others: Sequence[str] = (),
    wanted: tuple[str, ...] = (),
    retry: str = "",
) -> list[Segment]:
    """Number, time, method, status, duration, size, what distinguishes it, attempt, the store's message, purpose.

    `mark`: that of the cursor, in its row. `others`: the addresses of similar requests. `wanted`: the texts that
    filter and search look for. `retry`: of a failed attempt that is not the last one, what follows it.
    """
    refuses = "✘" if exchange.failed and (exchange.status is None or exchange.refusal is not None) else ""
    status = f"{refuses}{exchange.status or ''}" or "—"
    muted = paint("muted")
    plain = muted if folds(exchange) or retry else Style()  # what the user sends stands out
    segments = [Segment(mark or " "), Segment("●", paint("accent")) if marked else Segment(" ")]
    segments += _fixed_columns(
        columns,
        number=exchange.number,
        time=exchange.at.astimezone().strftime(columns.time),
        method=Segment(exchange.method, plain),
        status=Segment(status, muted if retry else paint(status_paint(exchange))),
        took=milliseconds(exchange.timings.total),
        size=size(exchange.body.size) if exchange.status is not None or exchange.body.size else "",
        muted=muted,
    )
    message, kept = _after_gap(row_message(exchange, retry)), _after_gap(_kept(exchange, retry))
    rest = len(message) - len(kept) if exchange.failed else 0
    is_roomy = columns.text >= _ROOMY
    in_message = any(needle_for(each).is_in(message) for each in wanted)
    room = columns.text - len(kept)
    summary = _summary(exchange.uri, room, rest, others, wanted, in_message=in_message, is_roomy=is_roomy)
    room = columns.text - cell_len(summary)
    if room < cell_len(message) and room < (len(kept) + _SHORTEST if exchange.failed or kept else _SHORTEST_NOTE):
        message = kept  # the detail has the rest
    segments += _marked(f"  {summary}", plain, wanted, paint)
    own = (exchange.note, expected_label(exchange)) if exchange.purpose == "probe" else ()
    segments += _marked(shown_line(message, max(1, room)) if room > 3 else "", muted, wanted, paint, own)
    if columns.purpose:
        used = sum(cell_len(segment.text) for segment in segments)
        segments.append(Segment(f"{' ' * max(0, columns.end - used)} {exchange.purpose:<{_PURPOSE - 1}}", muted))
    return segments


def _marked(
    text: str, style: Style, wanted: tuple[str, ...], paint: Paint, not_searched: Sequence[str] = ()
) -> list[Segment]:
    """The text, with what is wanted of it in the style of a match, besides the parts that are not searched."""
    spans = sorted(span for each in wanted for span in needle_for(each).spans(text))
    for part in filter(None, not_searched):
        first = text.find(part)
        spans = [(start, stop) for start, stop in spans if stop <= first or start >= first + len(part)]
    segments, end = list[Segment](), 0
    for start, stop in spans:
        if start >= end:
            segments += [Segment(text[end:start], style), Segment(text[start:stop], style + paint("hit"))]
            end = stop
    return [*segments, Segment(text[end:], style)]


def in_flight_row(
    request: InFlight, columns: Columns, style: Style, seconds: float, others: Sequence[str] = ()
) -> list[Segment]:
    """The row of a request without a response yet, with the whole seconds it has been waiting."""
    fixed = _fixed_columns(
        columns,
        number=request.number,
        method=Segment(request.method, style),
        status=Segment("…", style),
        took=f"{seconds:.0f} s" if seconds >= 1 else "",
        muted=style,
    )
    summary = _summary(request.uri, columns.text, others=others, is_roomy=columns.text >= _ROOMY)
    return [Segment("  ", style), *fixed, Segment(f"  {summary}", style)]


def _fixed_columns(
    columns: Columns,
    *,
    number: int,
    method: Segment,
    status: Segment,
    muted: Style,
    time: str = "",
    took: str = "",
    size: str = "",
) -> list[Segment]:
    """The columns before the summary, each of its width, whatever is known of the request."""
    segments = [
        Segment(f"{f'#{number}':<{columns.number - 1}} ", muted),
        Segment(f"{time:<{_time_width(columns.time)}}", muted),
        Segment(f"{shown_line(method.text, _METHOD - 1):<{_METHOD - 1}}", method.style),
        Segment(f"{status.text:^{_STATUS}}", status.style),
        Segment(f"{took:>{_TOOK}}", muted),
    ]
    return [*segments, Segment(f"{size:>{_SIZE}}", muted)] if columns.size else segments


def folds(exchange: Exchange) -> bool:
    """Whether neighbours like this one are one row: requests of the program itself, to learn about the store."""
    return exchange.purpose == "probe" and not exchange.failed


def folded_row(
    exchanges: Sequence[Exchange], columns: Columns, paint: Paint, *, mark: str, has_keys: bool
) -> list[Segment]:
    """The row in place of several probes; `mark` as in `row`; `has_keys`: Enter would list them."""
    guesses = sum(exchange.expected and exchange.is_guess for exchange in exchanges)
    refused = sum(exchange.expected for exchange in exchanges) - guesses
    outcome = f", {count(guesses, 'wrong guess', 'wrong guesses')}" if guesses else ""
    outcome += f", {refused} refused as expected" if refused else ""
    numbers = f"#{exchanges[0].number}–{exchanges[-1].number}"
    head = f"{mark or ' '} {numbers:<{columns.number + 1}} "
    room = columns.end - cell_len(head)
    hint = " · Enter: list" if has_keys else ""
    parts = ((" about the store", hint), ("", hint), ("", ""))
    texts = (f"{len(exchanges)} probes{middle}{outcome}{end}" for middle, end in parts)
    text = next((text for text in texts if len(text) <= room), f"{len(exchanges)} probes")
    return [Segment(f"{head}{shown_line(text, max(1, room)):<{max(1, room)}} probe", paint("muted"))]


def status_paint(exchange: Exchange) -> str:
    """The paint of a status: a badge, never in the colour of success, for what the store refused.

    A refused probe is not a failure: it finds out which of two responses this store sends.
    """
    if folds(exchange) or (exchange.cancelled and not exchange.failed):
        return "muted"
    if exchange.status is None or exchange.status >= 500:
        return "badge-error"
    return "badge-warning" if exchange.failed else "success"


def row_message(exchange: Exchange, retry: str = "") -> str:
    """Which attempt it is, what follows it, that it may fail, why it failed or its note, and what it sends.

    Of a probe without a response, what it asked, too.
    """
    failure = failure_message(exchange)
    note = exchange.note if not failure or (exchange.purpose == "probe" and exchange.status is None) else ""
    return " · ".join(filter(None, [_kept(exchange, retry), note, failure, first_entity(exchange)]))


def _kept(exchange: Exchange, retry: str) -> str:
    """What of the message is always whole: without it, the row looks like another request, or like a failure."""
    return " · ".join(filter(None, [attempt_label(exchange), retry, expected_label(exchange)]))


def _after_gap(text: str) -> str:
    return f"  {text}" if text else ""


_SIGN = re.compile("'(?:[^']|'')*'| ([<>=≠≤≥]+) ")
"""A sign between blanks, or what is in quotes, which stays as it is."""
_FIELD = re.compile(r"[\w.]+\s*")
"""The field that a condition begins with."""
_SHORTEST_NOTE = 20
"""Columns of a note below which a part of it says nothing."""
_SHORTEST_MESSAGE = 8
"""Columns that a message keeps beside the part of a request that distinguishes it most."""
_SHORTEST = 4
"""Columns of a part below which it says nothing."""
_ROOMY = 60
"""Columns for the text of a row from which all rows are written with their spaces and dots."""


def _repeats_field(parts: Sequence[Part], kept: Collection[int], index: int) -> bool:
    """Whether a condition is on the field of the condition before it, so that it can be shown without its field."""
    before = max((each for each in kept if each < index), default=index)
    fields = [_FIELD.match(parts[each].text) for each in (before, index) if parts[each].is_filter]
    return len({field[0] for field in fields if field}) == 1 and len(fields) == 2 and before != index


def _summary(
    uri: str,
    room: int,
    message: int = 0,
    others: Sequence[str] = (),
    wanted: tuple[str, ...] = (),
    *,
    in_message: bool = False,
    is_roomy: bool,
) -> str:
    """What distinguishes the request, in `room` columns; a message of this length gets half of them, but no path.

    `others` are the addresses of similar requests: what all have in common is left out first, and last what matches
    one of the texts that are `wanted`. `in_message`: the message has one of them. `is_roomy`: it is written with its
    spaces and dots.
    """
    parts = summary_parts(uri)
    indexes, path = range(len(parts)), shown_line(parts[0].text)

    def joined(kept: Collection[int], without_field: int = -1) -> str:
        texts = [parts[index].text if index in kept else "…" for index in indexes if index in kept or index - 1 in kept]
        if without_field in kept:
            texts = [
                f"…{_FIELD.sub(' ', each, count=1)}" if each is parts[without_field].text else each for each in texts
            ]
        text = shown_line((" · " if is_roomy else "  ").join(texts))
        return text if is_roomy else _SIGN.sub(lambda found: found[1] or found[0], text)

    text = joined(indexes)
    if cell_len(text) <= room - message:
        return text
    found = [index for index in indexes[1:] if any(needle_for(each).is_in(parts[index].text) for each in wanted)]
    order = least_telling(parts, [summary_parts(other) for other in others])
    *dropped, last = sorted(order, key=found.__contains__) or [0]
    whole = cell_len(joined({0, found[0] if found else last}))
    field = _FIELD.match(parts[last].text) if parts[last].is_filter else None
    telling = (whole, whole - field.end() if field is not None else whole)
    fitting = (each for each in telling if found or (not in_message and each <= room - _SHORTEST_MESSAGE))
    least = next(fitting, cell_len(path) + 3)
    room = max(room - min(room // 2, message), min(room, least))
    if cell_len(text) <= room:
        return text
    if cell_len(path) > room - (2 if len(parts) > 1 else 0):
        return "…" + path[len(path) + 1 - room :]  # the end of a path is the more specific part
    if len(parts) == 1:
        return text
    kept = set(indexes)
    for index in dropped:
        shorter = [joined(kept, index)] if _repeats_field(parts, kept, index) else []
        for text in (*shorter, joined(kept - {index})):
            if cell_len(text) <= room or cell_len(text := text.removesuffix("…").rstrip(" ·")) <= room:
                return text
        kept.discard(index)
    head, end = joined((0,)).removesuffix("…"), joined((last,)).removesuffix("…").strip(" ·")
    room -= cell_len(head)
    if room < _SHORTEST:
        return path
    is_cut = cell_len(parts[last].text.split(" ", 2)[-1]) + 2 > room
    if parts[last].is_filter and message and last not in found and (is_cut or in_message):
        return path  # the end of a value says less than the message
    if last in found and cell_len(end) > room:
        at = min(needle.find(end) for each in wanted if (needle := needle_for(each)).is_in(end))
        end = f"…{end[at:]}" if at > _SHORTEST else end
        return head + shown_line(end, room)
    if not parts[last].is_filter:
        return head + shown_line(end, max(1, room))
    start, field = max(0, len(end) + 1 - room), _FIELD.match(end)
    if field is not None and 0 < start < field.end():
        start = field.end()  # a part of its name could be the name of another one
    return head + "…" + end[start:]  # the value is at its end


def similar(uri: str, uri_at: Callable[[int], str], index: int) -> tuple[str, ...]:
    """The other addresses with the same path in the rows near this one, each of them once."""
    path, found = summary_parts(uri)[0], dict[str, None]()
    for near in range(max(0, index - _NEAR), index + _NEAR + 1):
        if (other := uri_at(near)) and other != uri and summary_parts(other)[0] == path:
            found[other] = None
    return tuple(found)


_NEAR = 12
"""Rows above and below a row that it is compared with: those that are seen together with it."""
