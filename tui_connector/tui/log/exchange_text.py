"""The text of one exchange in the log panel: the printer's output, plus the finding, timings and related requests.

Independent of widgets.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from ...client.exchange import Exchange, Timings
from ...client.printer import Formatter, Role, blocks, phases
from ...magento.diagnosis import Finding
from ...text import shown, shown_line
from ...units import milliseconds

LONGEST_BODY = 4_000_000
"""Bytes of a body that are shown; the rest can be saved to a file."""


class Extra(Enum):
    """Styles of the lines that the panel adds to those of the printer."""

    FINDING = auto()
    EVIDENCE = auto()
    BAR = auto()
    LEGEND = auto()
    RELATED = auto()
    HINT = auto()


LineStyle = Role | Extra


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

    def style(self, line: int) -> LineStyle:
        return self._styles[bisect_right(self._starts, line) - 1]


@dataclass(frozen=True, slots=True)
class RelatedExchanges:
    """What belongs to an exchange: the attempts of its call, the login that got its token, and its finding."""

    attempts: Sequence[Exchange] = ()
    login: Exchange | None = None
    finding: Finding | None = None
    profile: str | None = None
    """The name of the profile that would resend it."""


def exchange_text(
    exchange: Exchange,
    related: RelatedExchanges,
    *,
    width: int,
    view: Formatter = "full",
    more: str = "",
    raw: bool = False,
    longest: int = LONGEST_BODY,
) -> ExchangeText:
    """Formats the exchange, with JSON bodies indented unless `raw`, and at most `longest` bytes of each body.

    `more` tells how to see what the view omits.
    """
    text = ExchangeText()
    summary = messages = response = False
    for role, lines in blocks(exchange, view, pretty=not raw, longest=longest, profile=related.profile):
        summary = summary or role is Role.HEAD
        if summary and not messages and role is Role.REQUEST:
            messages = True
            _add_related(text, exchange, related, width)
        response = response or (messages and role in (Role.GOOD, Role.BAD))
        if response and role is Role.JSON:
            text.response = range(len(text.lines), len(text.lines) + len(lines))
        text.add(role, *lines)
        if role in (Role.CUT, Role.PAGE):
            text.add(Extra.HINT, "z shows its text" if role is Role.PAGE and view == "full" else more)
    if not summary:
        _add_related(text, exchange, related, width)
        text.add(Extra.HINT, more)
    return text


def _add_related(text: ExchangeText, exchange: Exchange, related: RelatedExchanges, width: int) -> None:
    """Adds the finding, the timing bar and the related requests."""
    if related.finding is not None:
        text.add(Extra.FINDING, shown_line(f"  {related.finding.summary}"))
        text.add(Extra.FINDING, *(f"  → {line}" for line in shown(related.finding.remedy).split("\n")))
        text.add(Extra.EVIDENCE, *(shown_line(f"    {line}") for line in related.finding.evidence))
    bar, legend = timing_bar(exchange.timings, min(60, width - 2))
    if bar:
        text.add(Extra.BAR, bar)
        text.add(Extra.LEGEND, legend)
    if len(related.attempts) > 1:
        outcomes = "  →  ".join(_outcome(each) for each in related.attempts)
        text.add(Extra.RELATED, shown_line(f"attempts  {outcomes}"))
    if related.login is not None:
        text.add(Extra.RELATED, shown_line(f"login     {_outcome(related.login)}"))


def _outcome(exchange: Exchange) -> str:
    status = exchange.status if exchange.status is not None else f"✘ {exchange.failure or ''}".strip()
    return f"#{exchange.number} {status} in {milliseconds(exchange.timings.total)}"


GLYPHS = {"connect": "░", "TLS": "▒", "send": "▓", "wait": "█", "receive": "▂"}
"""One per phase, because colours may be off."""


def timing_bar(timings: Timings, width: int) -> tuple[str, str]:
    """A bar of the phases, `width` wide, and its legend; both empty without timings."""
    measured = phases(timings)
    if not measured or timings.total <= 0 or width < 10:
        return "", ""
    scale = width / max(timings.total, sum(seconds for _, seconds in measured))
    bar = "".join(GLYPHS[name] * max(1, round(seconds * scale)) for name, seconds in measured)[:width]
    return bar, "  ".join(f"{GLYPHS[name]} {name}" for name, _ in measured)
