"""What the title of a log says of it, and how it is filtered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...client.exchange import Exchanges
from ...log.filter import Filter
from .list import LogView


@dataclass(frozen=True, slots=True)
class Filtering:
    """A filter as it was typed; it can be off for a while."""

    filter: Filter = field(default_factory=Filter)
    text: str = ""
    on: bool = True

    @property
    def applied(self) -> Filter:
        return self.filter if self.on else Filter()


def title_parts(log: Exchanges, view: LogView, filtering: Filtering, found: str, hint: str) -> Iterator[str]:
    """How many there are, whether the list follows, what it leaves out, and what was `found` in the detail."""
    failures = log.failures.end - log.failures.cleared
    failed = f" · {failures} failed" if failures else ""
    under_way = f" · {len(log.in_flight)} under way" if log.in_flight else ""
    yield f"Requests ── {log.end - log.cleared}{failed}{under_way}"
    if not view.following:
        yield f"paused, {view.waiting} new (G follows)"
    if view.errors_only:
        yield "errors only (e)"
    if filtering.filter.expression is not None:
        searched, kept = view.view.searched
        progress = f", {searched} of {kept} searched" if view.view.searching else ""
        state = f"{len(view.view)} match{progress}" if filtering.on else "off (F)"
        yield f"filter {filtering.text}: {state}"
    if view.marks:
        yield f"{len(view.marks)} marked"
    if found:
        yield found
    if gone := log.first - log.cleared:
        yield f"{gone} older ones gone"
    if hint:
        yield hint
