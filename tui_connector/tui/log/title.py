"""The title of the log's list: what it shows and how, as far as there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...client.exchange import Exchanges
from ...log.filter import Filter
from ...text import count, shown_line
from .list import LogView


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """The filter as typed, and whether it is on."""

    filter: Filter = field(default_factory=Filter)
    text: str = ""
    on: bool = True

    @property
    def applied(self) -> Filter:
        return self.filter if self.on else Filter()


@dataclass(frozen=True, slots=True)
class TitlePart:
    """A part of the title of the list; `short` is for where not all of them fit."""

    text: str
    short: str


def title_parts(
    log: Exchanges, view: LogView, filtering: ActiveFilter, search: str = "", hint: str = ""
) -> Iterator[TitlePart]:
    """What the list shows and how (paused, filter, …), then the counts, then a hint: the first parts matter most."""

    def part(text: str, short: str = "") -> TitlePart:
        return TitlePart(shown_line(text), shown_line(short or text))

    if not view.following:
        new = f", {view.new_count:,} new" if view.new_count else ""
        yield part(f"paused{new} (G: follow)", f"paused{new}")
    if view.errors_only:
        yield part("errors only (e: all)", "errors only")
    if filtering.filter.expression is not None:
        name = f"filter {shown_line(filtering.text, _MAX_TYPED)}"
        checked, total = view.view.searched
        progress = f", {checked:,} searched" if view.view.searching else ""
        found = len(view.view)
        if filtering.on:
            yield part(f"{name}: {found:,} of {total:,} match{progress}", f"{name}: {found:,} of {total:,}")
        else:
            yield part(f"{name}: off (F: on)", f"{name}: off")
    if search:
        name = f"search {shown_line(search, _MAX_TYPED)}"
        yield part(f"{name} (n: next request · Esc: end)", name)
    if view.marks:
        yield part(f"{len(view.marks)} marked")
    failures = log.failures.end - log.failures.cleared
    probes = f" ({count(log.probes, 'probe')})" if log.probes else ""
    failed = f" · {failures:,} failed" if failures else ""
    yield part(f"Requests {log.end - log.cleared:,}{probes}{failed}")
    if log.in_flight:
        yield part(f"{len(log.in_flight)} in progress")
    searched = filter(None, (filtering.text if filtering.on else "", search))
    if partial := next(filter(None, (not_searched(view, text) for text in searched)), ""):
        yield part(partial)
    if discarded := log.first - log.cleared:
        yield part(f"{discarded:,} older discarded")
    if hint:
        yield part(hint)


def titles(parts: Sequence[TitlePart], width: int, *, has_subtitle: bool) -> tuple[str, str]:
    """The texts for the upper and the lower border: whole parts, as many as fit; in short where not all do."""
    texts = [part.text for part in parts]
    if not has_subtitle and len(" · ".join(texts)) > width:
        texts = [part.short for part in parts]
    upper, lower = [texts[0]], list[str]()
    for text in texts[1:]:
        if not lower and len(" · ".join([*upper, text])) <= width:
            upper.append(text)
        elif has_subtitle:
            lower.append(text)
        else:
            break
    return " · ".join(upper), " · ".join(lower)


def not_searched(view: LogView, text: str) -> str:
    """How many bodies a search or filter for this text did not search completely; "" if it searches none."""
    searches_bodies = "~" not in text or "~b" in text
    if not view.partial or not searches_bodies:
        return ""
    return f"{count(view.partial, 'body', 'bodies')} not searched in full"


_MAX_TYPED = 30
"""Characters of a filter or search in the title."""
