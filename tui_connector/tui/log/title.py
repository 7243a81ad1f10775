"""The titles of the log's list and detail: what they show and how, as far as there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from ...client.exchange import Exchange, Exchanges
from ...log.expressions import Filter
from ...log.filter import reading
from ...log.request_summary import request_path
from ...log.search import search_for
from ...log.view import View
from ...text import count, shown_line
from .detail import ExchangeDetail
from .failures import counts, shown_words
from .list import LogView
from .no_match import not_searched


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """The filter as typed, and whether it is on."""

    filter: Filter = field(default_factory=Filter)
    text: str = ""
    on: bool = True

    @property
    def applied(self) -> Filter:
        return self.filter if self.on else Filter()

    @property
    def title(self) -> tuple[str, str]:
        """The filter as typed and, where that may be read in two ways, as it is read; and the short form of this."""
        understood = shown_line(reading(self.text), _MAX_TYPED)
        typed = shown_line(self.text, _MAX_TYPED)
        name = f"{typed}, read as {understood}" if understood else typed
        return f"filter {name}", f"filter {shown_line(understood or self.text, _MAX_SHORT)}"


@dataclass(frozen=True, slots=True)
class TitlePart:
    """A part of the title of the list; `short` is for where not all of them fit."""

    text: str
    short: str


def title_parts(
    log: Exchanges,
    view: LogView,
    filtering: ActiveFilter,
    search: str = "",
    hint: str = "",
    *,
    is_live: bool = True,
    dated: bool = False,
    now: float = 0.0,
) -> Iterator[TitlePart]:
    """What the list shows and how (filter, search, …), then the counts, then a hint: the first parts matter most.

    `is_live`: requests are added to it, so that it says where it does not follow them. `dated`: it is of several days,
    and says of which one the selected request is. `now`: seconds of the machine's monotonic clock.
    """

    def part(text: str, short: str = "") -> TitlePart:
        return TitlePart(shown_line(text), shown_line(short or text))

    if view.errors_only:
        yield part(*shown_words(view.failures, log, view.is_own, view.failures_meant()))
    if filtering.filter.expression is not None:
        name, short = filtering.title
        if filtering.on:
            found, progress = _matches(view.view, view.total)
            yield part(f"{name}: {found} match{progress}", f"{short}: {found}")
        else:
            yield part(f"{name}: off (F: on)", f"{short}: off (F: on)")
    if search and view.found is not None:
        name, short = (f"search {shown_line(search, length)}" for length in (_MAX_TYPED, _MAX_SHORT))
        listed = len(view.view) if filtering.applied.expression is not None else view.total
        found, progress = _matches(view.found, listed)
        if progress or not view.match:
            found = f"{found} match{progress}"
        else:
            found = f"match {view.match:,} of {len(view.found):,}"
        shorter = f"{short}: {found.removeprefix('match ')} (Esc: end)"
        yield part(f"{name}: {found} (n: next request · Esc: end)", shorter)
    if dated and (exchange := next(iter(view.selected_probes), view.selected)) is not None:
        yield part(f"{exchange.at.astimezone():%d %b %H:%M}")
    if view.is_behind and is_live:
        new = f", {view.new_count:,} new" if view.new_count else ""
        yield part(f"not following{new} (G: follow)", f"not following{new}")
    if pending := log.pending_retries.values():
        retry = min(pending, key=lambda each: each.at)
        which = f"attempt {retry.attempt} of {retry.attempts}" if len(pending) == 1 else f"{len(pending)} requests"
        yield part(f"retrying in {max(0.0, retry.at - now):.0f} s, {which}", f"retrying, {which}")
    if view.marks:
        yield part(f"{len(view.marks)} marked")
    probes = f" ({count(log.probes, 'probe')})" if log.probes else ""
    attempts = f" · {failures}" if (failures := counts(log, view.is_own)) else ""
    yield part("Requests" if view.is_being_read else f"Requests {log.end - log.cleared:,}{probes}{attempts}")
    if log.in_flight:
        yield part(f"{len(log.in_flight)} in progress")
    is_filtered = filtering.applied.expression is not None
    searches = not_searched(search_for(search), view.view, is_filtered=is_filtered) if search else ""
    if partial := not_searched(filtering.applied, view.ring) or searches:
        yield part(partial)
    if discarded := log.first - log.cleared:
        yield part(f"{discarded:,} older discarded")
    if hint:
        yield part(hint)


def _matches(found: View, total: int) -> tuple[str, str]:
    """How many of the total match, and how far the search has come while it goes on."""
    return f"{len(found):,} of {total:,}", f", {found.searched[0]:,} searched" if found.is_looking_back else ""


def titles(parts: Sequence[TitlePart], width: int, *, has_subtitle: bool) -> tuple[str, str]:
    """The texts for the upper and the lower border: whole parts, as many as fit.

    The first ones are short as far as that makes room for the others.
    """
    texts, rows = [part.text for part in parts], 2 if has_subtitle else 1
    lines = _filled(texts, width, rows)
    for index, part in enumerate(parts):
        if sum(map(len, lines)) == len(texts):
            break
        texts[index] = part.short
        lines = _filled(texts, width, rows)
    upper, lower = (" · ".join(line) for line in (*lines, [])[:2])
    return upper, lower


def detail_titles(
    detail: ExchangeDetail, probes: Sequence[Exchange], found: str, *, has_subtitle: bool
) -> tuple[str, str]:
    """The texts for the upper and the lower border of the detail; `found` says where what was searched for is in it."""
    exchange, what, state = detail.exchange, "", ""
    if exchange is not None:
        what = f"#{exchange.number} {exchange.method} {request_path(exchange.uri)}"
        state = f"{detail.view} · {'raw' if detail.raw else 'decoded'}"
    if probes:
        what = f"#{probes[0].number}–{probes[-1].number}: {len(probes)} probes"
    if detail.needle:
        state = f"{detail.needle}: {found} · {state}"
    if not has_subtitle and state:
        room = max(10, detail.outer_size.width - len(state) - 5)
        what, state = f"{shown_line(what, room)} · {state}", ""
    return shown_line(what), shown_line(state)


def _filled(texts: Sequence[str], width: int, rows: int) -> list[list[str]]:
    """The first texts, in this many lines; the first text is there even where it does not fit."""
    lines = [[texts[0]]]
    for text in texts[1:]:
        if cell_len(" · ".join([*lines[-1], text])) <= width:
            lines[-1].append(text)
        elif len(lines) < rows and cell_len(text) <= width:
            lines.append([text])
        else:
            break
    return lines


_MAX_TYPED, _MAX_SHORT = 30, 20
"""Characters of a filter or search in the title, and where not all parts fit."""
