"""The rows of the request log as they are drawn: one per exchange, rendered only where visible."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import islice
from time import perf_counter

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...client.exchange import Exchange, Exchanges, InFlight, Ring
from ...log.blocks import BlockTexts
from ...log.expressions import Filter
from ...log.operators import Predicate
from ...log.searched_fields import SearchedFields
from ...log.view import View
from ..widgets.focus_marks import cursor_mark
from ..widgets.painted import Painted
from ..widgets.prose import wrapped
from .failures import FailuresShown, number_of, retry_label, why_none
from .no_match import why_none_listed
from .rows import NUMBER, Columns, columns_for, folded_row, folds, in_flight_row, row, similar
from .session_heads import SessionHeads

_WAITING_PART = 3
"""The part of the list, as a divisor, that requests without a response have at most."""


class DrawnRows(Painted, ScrollView):
    """The exchanges that pass a filter, a row each, with the titles of sessions and, below, what waits for a response.

    It draws what `view` lists. Which row is selected is up to the list that is made of it.
    """

    def __init__(
        self,
        exchanges: Exchanges,
        monotonic: Callable[[], float],
        *,
        dates: bool,
        is_own: Predicate | None,
        failures_meant: Callable[[], str],
        id: str | None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id, classes="panel")
        self.exchanges = exchanges
        self.searched_fields = SearchedFields(exchanges)
        self._dates = dates
        self._monotonic = monotonic
        self.failures: FailuresShown = ""
        self.is_own = is_own
        """Which failures are of the run that it is beside, and shown first; None where it is beside none."""
        self.failures_meant = failures_meant
        self.is_being_read = False
        """Whether requests of a file are still to come, and the number of those that are listed tells nothing."""
        self.when_empty = "No requests yet. Each is shown here while it is sent."
        self.folded = True
        """Whether neighbouring probes are one row, as long as no filter is on."""
        self.marks: set[tuple[int, datetime]] = set()
        """The identities of the marked exchanges."""
        self.wanted = Filter()
        """The filter of the list."""
        self._block_texts = {exchanges: BlockTexts(), exchanges.failures: BlockTexts()}
        """Of each ring, for all views of it."""
        self.view = View(exchanges, perf_counter, folds=folds, texts=self._block_texts[exchanges])
        self._searched: Filter | None = None
        self.found: View | None = None
        """What the search finds in the list, while there is one."""
        self._number_width = NUMBER
        self._heads = SessionHeads()
        """The titles of sessions, among the rows."""
        self._style = Style()
        self._uris: dict[int, str] = {}
        """The addresses of rows by their index, while they are drawn: a lookup takes 10 µs in the middle of the log."""
        self._rows: LRUCache[tuple[object, ...], Strip] = LRUCache(500)

    @property
    def selected_index(self) -> int:
        """The index of the selected row; -1 for none."""
        raise NotImplementedError

    @property
    def errors_only(self) -> bool:
        return bool(self.failures)

    @property
    def ring(self) -> Ring:
        """All exchanges, or the failures, of which the list shows some."""
        return self.exchanges.failures if self.errors_only else self.exchanges

    def is_followed(self, exchange: Exchange) -> bool:
        """Whether this failed attempt was sent again, or the store was found at another address."""
        return self.exchanges.attempts.next_of(exchange) is not None

    @property
    def total(self) -> int:
        """How many exchanges it has without a filter."""
        return number_of(self.failures, self.exchanges, self.is_own)

    def exchange_at(self, index: int) -> Exchange | None:
        if not 0 <= index < len(self.view):
            return None
        try:
            return self.view.exchange(index)
        except IndexError:  # discarded since the last flush
            return None

    def folded_at(self, index: int) -> tuple[Exchange, ...]:
        try:
            return tuple(self.ring[position] for position in self.view.folded(index))
        except IndexError:  # discarded since the last flush
            return ()

    def listed(self) -> list[Exchange]:
        """All exchanges of the list, also the folded ones."""
        ring = self.ring
        return [ring[position] for position in self.view.positions() if position >= ring.first]

    def begin_session(self, title: str) -> None:
        """What is recorded from now on is of another session, which has this title."""
        self.exchanges.begin_session()
        self._heads.begin(self.exchanges.session_number, title)

    @property
    def _waiting(self) -> list[InFlight]:
        """The rows of requests without a response, by number: of those that wait longest, as responses need the room.

        None where only some requests are listed: without a response, it is not known whether they will match.
        """
        if self.errors_only or self.wanted.expression is not None:
            return []
        longest = islice(self.exchanges.in_flight.values(), max(1, self.size.height // _WAITING_PART))
        return sorted(longest, key=lambda request: request.number)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._style = self.rich_style  # Textual computes it at each access, which is a third of the cost of a row
        self._uris.clear()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        line = self.scroll_offset.y + y
        if title := self._heads.title_at(line):
            return self._notice(f"── {title} {'─' * width}", width)
        index = self._heads.index_at(line)
        exchange = self.exchange_at(index)
        if exchange is None:
            return self._row_below(index - len(self.view), y, width)
        is_selected = index == self.selected_index
        mark = cursor_mark(has_keys=self.has_focus) if is_selected else ""
        if probes := self.folded_at(index):
            segments = folded_row(probes, self._columns(width), self.paint, mark=mark, has_keys=self.has_focus)
            strip = Strip(segments).crop_extend(0, width, None).apply_style(self._style)
        else:
            strip = self._row(exchange, width, similar(exchange.uri, self._uri_at, index), mark)
        return strip.apply_style(self.cursor_style) if is_selected else strip

    def _uri_at(self, index: int) -> str:
        """The address in the row at this index; "" for a folded row, and where there is none."""
        uri = self._uris.get(index)
        if uri is None:
            exchange = None if self.folded_at(index) else self.exchange_at(index)
            uri = self._uris[index] = exchange.uri if exchange is not None else ""
        return uri

    def _columns(self, width: int) -> Columns:
        return columns_for(width, dates=self._dates, number=self._number_width)

    def _row(self, exchange: Exchange, width: int, others: tuple[str, ...], mark: str) -> Strip:
        marked = exchange.identity in self.marks
        wanted = self._found_in(exchange)
        retry, number = retry_label(exchange, self.exchanges), exchange.number
        key = (id(exchange), number, width, others, self._number_width, mark, marked, wanted, self._style, retry)
        strip = self._rows.get(key)
        if strip is None:
            draw = partial(row, exchange, self._columns(width), self.paint, others=others, wanted=wanted, retry=retry)
            segments = draw(mark=mark, marked=marked)
            strip = Strip(segments).crop_extend(0, width, None).apply_style(self._style)
            self._rows[key] = strip
        return strip

    def _row_below(self, index: int, y: int, width: int) -> Strip:
        requests = self._waiting
        if 0 <= index < len(requests):
            seconds = self._monotonic() - requests[index].since
            waiting = dict(enumerate((each.uri for each in requests), start=len(self.view)))
            others = similar(
                requests[index].uri, lambda at: waiting.get(at) or self._uri_at(at), len(self.view) + index
            )
            strip = Strip(in_flight_row(requests[index], self._columns(width), self.paint("muted"), seconds, others))
            return strip.crop_extend(0, width, None).apply_style(self._style)
        if not len(self.view):
            notices = wrapped("searching …" if self.view.searching else "\n".join(self._why_empty()), width - 1)
            if 0 <= y < len(notices):
                return self._notice(notices[y], width)
        return Strip.blank(width, self._style)

    def _why_empty(self) -> list[str]:
        if self.wanted.expression is not None and self.total:
            return why_none_listed(
                self.wanted, self.failures, self.exchanges, self.searched_fields.names(), self.is_own
            )
        fails = self.errors_only and not self.is_being_read
        return [
            why_none(self.failures, self.exchanges, self.is_own, self.failures_meant()) if fails else self.when_empty
        ]

    def _notice(self, text: str, width: int) -> Strip:
        return Strip([Segment(f" {text}", self.paint("muted"))]).crop_extend(0, width, None).apply_style(self._style)

    def _found_in(self, exchange: Exchange) -> tuple[str, ...]:
        """The texts that filter and search look for in the row of this exchange."""
        return self.wanted.found_in(exchange) + (self._searched.found_in(exchange) if self._searched else ())
