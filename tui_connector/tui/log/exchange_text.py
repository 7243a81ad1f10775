"""The text of one exchange in the log panel: the printer's output, plus the finding, timings and related requests.

Independent of widgets.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from ...client.exchange import Exchange, RecordedBody, Timings
from ...client.printer import Formatter, Role, blocks, expected_label, failure_message, phases, request_target
from ...client.uri import readable
from ...client.wire import Bounds
from ...log.history import BODIES_ARE_KEPT
from ...log.request_summary import conditions, decoded_criteria
from ...magento.diagnosis import PROBE, Finding
from ...text import count, shown, shown_line
from ...units import duration, milliseconds, size

BAR = "━"
_MIN_BAR, _MAX_BAR = 8, 60
"""Columns of all bars together; with fewer there are none."""
_ROOMY, _LONGEST_NAME = 90, 64
"""Columns from which the values of a query are below each other, and the longest name for which they are moved."""
LONGEST_BODY = 4_000_000
"""Bytes of a body that are shown; the rest can be saved to a file."""


_MAX_ROWS, _CUT_MARK = 3, 40
"""Rows of a parameter that are shown, and about how many characters say that there is more."""


_COMPARED = 250_000
"""Bytes of a body up to which it is said in what it differs from another one: reading them takes milliseconds."""

_LATE = 1.0
"""Seconds between two requests from which it is said why the later one is listed above the other."""


class Extra(Enum):
    """Styles of the lines that the panel adds to those of the printer."""

    FINDING = auto()
    EVIDENCE = auto()
    WATERFALL = auto()
    RELATED = auto()
    CRITERIA = auto()
    HINT = auto()


LineStyle = Role | Extra


_RESPONSES = {Role.SUCCESS, Role.REFUSED, Role.ERROR}
_BODIES = {Role.PARTIAL, Role.JSON, Role.BODY, Role.HTML}
_SECTIONS = {Role.REQUEST} | _RESPONSES | _BODIES
"""The styles that begin a section."""


@dataclass
class ExchangeText:
    """Sanitised lines with their styles."""

    lines: list[str] = field(default_factory=list)
    response: range | None = None
    """The lines of the response's body, where they are indented JSON."""
    _starts: list[int] = field(default_factory=list)
    _styles: list[LineStyle] = field(default_factory=list)

    def add(self, style: LineStyle, *lines: str) -> None:
        if not self._styles or self._styles[-1] is not style:
            self._starts.append(len(self.lines))
            self._styles.append(style)
        self.lines.extend(line.expandtabs(4) if "\t" in line else line for line in lines)

    def next_section(self, line: int) -> int:
        """The next line that begins a request, a response or a body; after the last one, the first one.

        From elsewhere than such a line, and from the first line: the body of the response, which is wanted most.
        """
        first = self._styles.index(Role.REQUEST) if Role.REQUEST in self._styles else len(self._styles)
        runs = self._sections(first)
        starts = [start for start, _ in runs]
        if line == 0 or line not in starts:
            responses = [start for start, style in runs if style in _RESPONSES]
            bodies = [start for start, style in runs if style in _BODIES and responses and start > responses[-1]]
            if bodies:
                return bodies[0]
        return next((start for start in starts if start > line), starts[0] if starts else 0)

    def section_of(self, line: int) -> int:
        """The number of the section that has this line, from 1; 0 for the lines before the first one."""
        return bisect_right(self._section_starts(), line)

    def start_of(self, section: int) -> int:
        """The first line of the section with this number, or of the last one."""
        starts = [0, *self._section_starts()]
        return starts[min(section, len(starts) - 1)]

    def _section_starts(self) -> list[int]:
        return [start for start, _ in self._sections()]

    def _sections(self, first: int = 0) -> list[tuple[int, LineStyle]]:
        """The first line of each section, and its style, from the run of lines with this index on."""
        found, has_body_below = list[tuple[int, LineStyle]](), False
        for start, style in list(zip(self._starts, self._styles, strict=True))[first:]:
            if style in _SECTIONS:
                if not has_body_below:
                    found.append((start, style))
                has_body_below = style is Role.PARTIAL  # it begins the section of that body
        return found

    def style(self, line: int) -> LineStyle:
        return self._styles[bisect_right(self._starts, line) - 1]


@dataclass(frozen=True, slots=True)
class RelatedExchanges:
    """What belongs to an exchange: attempts of its call, the login for its token, what it repeats, and its finding."""

    attempts: Sequence[Exchange] = ()
    login: Exchange | None = None
    repeated: Exchange | None = None
    above: Exchange | None = None
    """That in the row above, where it is listed."""
    finding: Finding | None = None
    profile: str | None = None
    """The name of the profile that would resend it."""
    environment: str = ""
    unset: Sequence[str] = ()
    """The variables to set before its curl command works."""
    resends: bool = False
    """Whether requests can be sent from this log."""
    from_history: bool = False
    """Whether it was read from the history, which keeps the bodies that the profile says."""
    unsendable: str = ""
    """Why the request is not sent again unchanged, and which keys work; "" where it is."""
    probes: Sequence[Exchange] = ()
    """What is shown where no single exchange is: those of a folded row."""


def probes_text(probes: Sequence[Exchange]) -> ExchangeText:
    """What the program asked the store by itself, and what the store answered."""
    text = ExchangeText()
    text.add(Role.SUMMARY, f"{len(probes)} probes: requests of the program itself, to learn about the store")
    for each in probes:
        address = readable(request_target(each.uri))
        text.add(Role.NOTE, shown_line(f"#{each.number} {each.method} {address}"))
        question = each.note or "what is this store?"
        label = expected_label(each)
        answer = f"{each.status or each.failure_text}{f' ({label})' if label else ''}"
        text.add(Role.NOTE, shown_line(f"    {question} → {answer}"))
    text.add(Extra.HINT, "", "Enter lists them one by one; P folds them again.")
    return text


def exchange_text(
    exchange: Exchange,
    related: RelatedExchanges,
    *,
    width: int,
    view: Formatter = "full",
    more: str = "",
    raw: bool = False,
    longest: int = LONGEST_BODY,
    whole: bool = False,
) -> ExchangeText:
    """Formats the exchange, decoded and with JSON bodies indented unless `raw`; at most `longest` bytes of each body.

    `more` says how to see what the view omits. `whole`: long values of the query are not cut, as they are searched.
    """
    text = ExchangeText()
    summary = messages = response = says_partial = False
    criteria = conditions(exchange.uri)
    criteria = criteria if whole else _cut(criteria, width)
    printed = blocks(
        exchange,
        view,
        pretty=not raw,
        longest=longest,
        profile=related.profile,
        environment=related.environment,
        unset=related.unset,
    )
    for role, lines in printed:
        summary = summary or role is Role.SUMMARY
        if summary and not messages and role is Role.REQUEST:
            messages = True
            _add_related(text, exchange, related, criteria if raw or width >= _ROOMY else "")
        response = response or (messages and role in (Role.SUCCESS, Role.REFUSED, Role.ERROR))
        if response and role is Role.JSON:
            text.response = range(len(text.lines), len(text.lines) + len(lines))
        if role is Role.TIMINGS and not raw:
            text.add(Extra.WATERFALL, waterfall(exchange.timings, width))
            continue
        if role is Role.PARAMETER:
            _add_parameters(text, exchange.uri, lines, width, whole=whole)
            continue
        text.add(role, *lines)
        if role is Role.PARTIAL and response and (way := _way_to_whole_body(exchange, related)):
            text.add(Extra.HINT, way)
        says_partial = says_partial or role is Role.PARTIAL
        if role in (Role.TRUNCATED, Role.HTML):
            text.add(Extra.HINT, "z shows its text" if role is Role.HTML and view == "full" else more)
    if not summary:
        _add_related(text, exchange, related, criteria)
        text.add(Extra.HINT, more)
    elif related.unsendable:
        text.add(Extra.HINT, related.unsendable)
    elif exchange.body.is_partial and not says_partial and (way := _way_to_whole_body(exchange, related)):
        text.add(Extra.HINT, way)
    if summary and related.from_history and (exchange.body.is_missing or exchange.request_body.is_missing):
        text.add(Extra.HINT, BODIES_ARE_KEPT)
    return text


def _way_to_whole_body(exchange: Exchange, related: RelatedExchanges) -> str:
    """Which key gets the whole body of the response; "" where none does."""
    if not related.resends or related.unsendable:
        return ""
    reads = exchange.method in ("GET", "HEAD")
    if exchange.body.size > Bounds().kept:
        return "w requests it again, and saves the whole body to a file." if reads else ""
    again = "requests it again" if reads else "sends it again (after a question, if it may change the store)"
    return f"x {again}, and keeps the whole body."


def _add_parameters(text: ExchangeText, uri: str, parameters: Sequence[str], width: int, *, whole: bool) -> None:
    """Adds the query; search criteria decoded where searchCriteria[filter_groups][0][filters][0][field] has no room."""
    if width >= _ROOMY:
        text.add(Role.PARAMETER, *(line if whole else _cut(line, width) for line in _aligned(parameters)))
        return
    rows, names = decoded_criteria(uri)
    if len(names) <= len(rows):  # as long, and not what is sent
        rows, names = [], set()
    decoded = [shown_line(f"  {label:<5}  {words}") for label, words in rows]
    others = [line for line in parameters if line.partition(" = ")[0].strip() not in names]
    text.add(Extra.CRITERIA, *(line if whole else _cut(line, width) for line in decoded))
    text.add(Role.PARAMETER, *(line if whole else _cut(line, width) for line in others))
    if names:
        text.add(Extra.HINT, "  z shows the parameters as sent")


def _cut(line: str, width: int) -> str:
    """The start of a long list of values, which would leave no room for headers and body."""
    kept = _MAX_ROWS * width - _CUT_MARK
    left = len(line) - kept
    return f"{line[:kept]} … {left:,} more characters (z: all)" if left > _CUT_MARK else line


def _aligned(parameters: Sequence[str]) -> Iterator[str]:
    """The values of a query below each other."""
    rows = [line.partition(" = ") for line in parameters]
    longest = max((len(name) for name, equals, _ in rows if equals and len(name) <= _LONGEST_NAME), default=0)
    return (f"{name:<{longest}}{equals}{value}".rstrip() for name, equals, value in rows)


def _add_related(text: ExchangeText, exchange: Exchange, related: RelatedExchanges, criteria: str = "") -> None:
    """Adds the finding and the related requests."""
    if (finding := related.finding) is not None:
        style = Extra.EVIDENCE if finding.id == PROBE else Extra.FINDING
        text.add(style, shown_line(f"  {_without(failure_message(exchange), finding.summary)}"))
        text.add(style, *(f"  → {line}" for line in shown(finding.remedy_by_command).split("\n")))
        others = (line for line in finding.evidence if not line.startswith(f"#{exchange.number} "))
        text.add(Extra.EVIDENCE, *(shown_line(f"    {line}") for line in others))
    if criteria:
        text.add(Extra.CRITERIA, shown_line(f"where     {criteria}"))
    if len(related.attempts) > 1:
        outcomes = "  →  ".join(_outcome(each) for each in related.attempts)
        text.add(Extra.RELATED, shown_line(f"attempts  {outcomes}"))
    if related.login is not None:
        text.add(Extra.RELATED, shown_line(f"login     {_outcome(related.login)}"))
    if related.repeated is not None:
        text.add(Extra.RELATED, shown_line(f"compared  {comparison(related.repeated, exchange)}"))
    if related.above is not None and related.above.number > exchange.number:
        later = (related.above.at - exchange.at).total_seconds()
        if later >= _LATE:  # a few of those that are sent at the same time are always in another order
            order = f"below #{related.above.number}, sent {duration(later)} later: its response came first"
            text.add(Extra.RELATED, f"listed    {order}")


def _without(message: str, summary: str) -> str:
    """The summary without the store's message at its end, which is shown above it."""
    message = message.rstrip(".")
    start, _, rest = summary.partition(f": {message}") if message else (summary, "", "")
    return start if not rest.rstrip(".") else summary


def comparison(before: Exchange, now: Exchange) -> str:
    """What differs between an exchange and the one that it repeats: request, status, body, duration."""
    is_edited = (now.method, now.uri, now.request_body.data) != (before.method, before.uri, before.request_body.data)
    request = "edited request, " if is_edited else ""
    old, new = _status(before), _status(now)
    if old != new:
        response = f"{new} instead of {old}"
    elif now.status is None:
        response = f"again {new}"
    elif now.body.size == before.body.size and (now.body.is_missing or before.body.is_missing):
        response = f"also {new}, body of the same size"
    elif now.body.size == before.body.size and _is_same(now.body, before.body):
        response = "same response"
    elif now.body.size == before.body.size:
        response = f"also {new}, body differs{_first_difference(now.body, before.body)}"
    else:
        sizes = _size_instead_of(now.body.size, before.body.size)
        response = f"also {new}, body of {sizes}{_first_difference(now.body, before.body)}"
    took = f"{milliseconds(now.timings.total)} instead of {milliseconds(before.timings.total)}"
    return f"with #{before.number}: {request}{response} · {took}"


def _size_instead_of(now: int, before: int) -> str:
    """Two sizes that differ; how many bytes they differ by, where they read the same."""
    if size(now) != size(before):
        return f"{size(now)} instead of {size(before)}"
    return f"{size(now)}, {abs(now - before):,} B {'more' if now > before else 'less'} than before"


def _first_difference(now: RecordedBody, before: RecordedBody) -> str:
    """In which number of items, or else in which key, two bodies of JSON differ first; "" where that is not known."""
    if now.cut or before.cut or max(len(now.data), len(before.data)) > _COMPARED:
        return ""
    try:
        new, old = json.loads(now.data), json.loads(before.data)
    except (ValueError, RecursionError):
        return ""
    path: list[str] = []
    while type(new) is type(old) and isinstance(new, dict | list):
        if isinstance(new, list):
            if len(new) != len(old):
                return f" ({count(len(new), 'item')} instead of {len(old)}{_within(path)})"
            keys: Iterable[Any] = range(len(new))
        else:
            if isinstance(new.get("items"), list) and isinstance(old.get("items"), list):
                counts = len(new["items"]), len(old["items"])
                if counts[0] != counts[1]:
                    return f" ({count(counts[0], 'item')} instead of {counts[1]}{_within(path)})"
            if missing := next((each for each in (*new, *old) if (each in new) != (each in old)), None):
                path.append(missing)
                break
            keys = new
        key = next((each for each in keys if new[each] != old[each]), None)
        if key is None:
            return ""
        path.append(str(key))
        new, old = new[key], old[key]
    return f" (first difference: {shown_line('.'.join(path), _LONGEST_NAME)})" if path else ""


def _within(path: Sequence[str]) -> str:
    return f" in {shown_line('.'.join(path), _LONGEST_NAME)}" if path else ""


def _is_same(one: RecordedBody, other: RecordedBody) -> bool:
    """Whether two bodies are the same, as far as both are recorded."""
    recorded = min(len(one.data), len(other.data)) if one.cut or other.cut else None
    return one.data[:recorded] == other.data[:recorded]


def _status(exchange: Exchange) -> str:
    return str(exchange.status) if exchange.status is not None else "no response"


def _outcome(exchange: Exchange) -> str:
    mark = "" if exchange.cancelled else "✘ "
    status = exchange.status if exchange.status is not None else f"{mark}{exchange.failure or ''}".strip()
    return f"#{exchange.number} {status} in {milliseconds(exchange.timings.total)}"


def waterfall(timings: Timings, width: int) -> str:
    """The phases with bars on a common scale, in `width` columns; empty without timings."""
    measured = phases(timings)
    if not measured:
        return ""
    named = [(name, milliseconds(seconds)) for name, seconds in measured]
    first = "connection reused  " if timings.reused else ""
    room = width - len(first) - sum(len(name) + len(took) + 5 for name, took in named)  # 5: blanks, and a bar of 1
    total = sum(seconds for _, seconds in measured)
    scale = min(room, _MAX_BAR) / total if total > 0 and room >= _MIN_BAR else 0.0
    parts = []
    for (name, took), (_, seconds) in zip(named, measured, strict=True):
        bar = BAR * max(1, round(seconds * scale)) if scale else ""
        parts.append("\N{NO-BREAK SPACE}".join(filter(None, [name, bar, took.replace(" ", "\N{NO-BREAK SPACE}")])))
    return first + "  ".join(parts)
