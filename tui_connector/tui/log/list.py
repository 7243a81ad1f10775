"""The list of the request log: what it lists, which row is selected, and how that follows the newest exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message

from ...client.exchange import Exchange, Exchanges, Ring
from ...log.expressions import Filter
from ...log.operators import Predicate
from ...log.view import Matcher, View, both, position_near, position_of
from .drawn_rows import DrawnRows
from .failures import FailuresShown, is_last_only, listed_by
from .following import index_to_follow
from .rows import NUMBER, folds

REPAINTS = 20
"""Maximum per second, and only after a change."""
_FILTER_SECONDS = 0.006  # seconds of filtering before keys are handled
_SELECTED_SECONDS = 0.25
"""Seconds that an exchange stays selected at least while following, as its detail takes longer to draw than its row."""


class LogView(DrawnRows, can_focus=True):
    """Follows the newest exchange, until the user moves up or reads one; then the selection never moves by itself.

    The selection is the *position* of an exchange in its ring, which is stable while others come, go or are filtered.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Next", show=False, id="log.next", tooltip="Next request"),
        Binding("up,k", "move(-1)", "Previous", show=False, id="log.previous", tooltip="Previous request"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="log.page-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="log.page-up"),
        Binding("g,home", "first", "First", show=False, id="log.first"),
        Binding("G,end", "follow", "Newest, and follow", show=False, id="log.follow"),
    ]

    @dataclass
    class Selected(Message):
        """The user has selected another exchange, or None; or following has, which is shown already."""

        exchange: Exchange | None
        """None for a folded row, and in an empty list."""

    @dataclass
    class Opened(Message):
        """Show the whole exchange."""

        exchange: Exchange

    @dataclass
    class Searched(Message):
        """The search has selected a match, or there is none."""

        found: bool

    class Changed(Message):
        """The list, following or the filter's progress has changed."""

    def __init__(
        self,
        exchanges: Exchanges,
        monotonic: Callable[[], float],
        *,
        dates: bool = False,
        is_own: Predicate | None = None,
        failures_meant: Callable[[], str] = lambda: "",
        first_own: Callable[[], int] = lambda: 0,
        show_selected: Callable[[], None] = lambda: None,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(exchanges, monotonic, dates=dates, is_own=is_own, failures_meant=failures_meant, id=id)
        self.following = True
        self._first_own = first_own
        self._show_selected = show_selected
        """Shows what following has selected elsewhere, too, before either is drawn."""
        self.visits = 0
        """How often its user has selected or opened something, or scrolled: what ends after that selects nothing."""
        self._position = -1
        self._other_position = -1
        """The position in the ring that is not shown, when it was left."""
        self._seen = -1, 0
        """Session and number up to which exchanges were there when it stopped following, or were selected since."""
        self._paused = False
        """Whether it was told not to follow."""
        self._held = False
        """Whether it follows again on `release`."""
        self._slowest: tuple[float, tuple[int, int, int]] | None = None
        """Negative seconds and place of the exchange that was selected as the slowest."""
        self._keeps_in_view = False
        """Whether the selection stays in view while a new filter is applied: until the user scrolls."""
        self._drawn_state: tuple[object, ...] = ()
        self._retried = self._retries
        """Those when the other failed attempts were last listed."""
        self._filtering = False
        self._reported: tuple[Exchange, ...] = ()
        self._reported_at = 0.0

    def on_mount(self) -> None:
        self.set_interval(1 / REPAINTS, self._flush_soon)
        self._start_filtering()

    @property
    def _retries(self) -> tuple[int, frozenset[int]]:
        """How many failed attempts something has followed, and the retries to come."""
        attempts = self.exchanges.attempts
        return attempts.retried + attempts.found_elsewhere, self.exchanges.retries

    @property
    def selected_index(self) -> int:
        """The index of the selected exchange, or where it would be inserted; -1 in an empty list."""
        return min(self.view.index(self._position), len(self.view) - 1)

    @property
    def selected(self) -> Exchange | None:
        """The exchange under the cursor: while following, the newest one, or the failed one that probes diagnose.

        None in an empty list, and for a folded row.
        """
        return None if self.selected_probes else self.exchange_at(self.selected_index)

    @property
    def above(self) -> Exchange | None:
        """The exchange in the row above that of the selected one."""
        return self.exchange_at(self.selected_index - 1)

    @property
    def selected_probes(self) -> tuple[Exchange, ...]:
        """The exchanges of the folded row under the cursor; empty for the row of one exchange."""
        return self.folded_at(self.selected_index)

    def _index_to_follow(self) -> int:
        return index_to_follow(self, len(self.view) - 1)

    @property
    def is_behind(self) -> bool:
        """Whether it does not follow, and shows something else than the newest exchange, or was told so."""
        return not self.following and (self._paused or self.selected_index < len(self.view) - 1)

    @property
    def new_count(self) -> int:
        """Number of exchanges below those that were there when it stopped following, or were selected since."""
        return 0 if self.following else len(self.view) - self.view.count_until(*self._seen)

    def show_reading(self, when_empty: str, *, is_read: bool = False) -> None:
        """Requests are read from a file, until it `is_read`; `when_empty` is shown where there are none."""
        self.is_being_read, self.when_empty = not is_read, when_empty
        self.refresh()
        self.post_message(self.Changed())

    def filter(self, wanted: Filter) -> None:
        """Shows matching exchanges; the newest ones are found first."""
        self.wanted = wanted
        self.view.set(self._listed(wanted), self._folds(wanted))
        self.search(self._searched)

    def search(self, wanted: Filter | None) -> None:
        """Counts what of the list matches, and finds it with `find`; None ends the search."""
        self._searched = wanted
        listed = self._listed(self.wanted)
        self.found = self._view_of(both(listed, wanted), None) if wanted is not None else None
        self._start_filtering()

    def _listed(self, wanted: Filter) -> Matcher:
        return listed_by(wanted, self.failures, self.exchanges, self.is_own)

    def _view_of(self, wanted: Matcher, folds: Predicate | None) -> View:
        return View(self.ring, perf_counter, wanted, folds, self._block_texts[self.ring])

    def _folds(self, wanted: Filter) -> Predicate | None:
        return folds if self.folded and wanted.expression is None else None

    def set_folded(self, folded: bool) -> None:
        """Shows neighbouring probes as one row, or one by one; of a folded row that is selected, the first one."""
        if self.selected_probes:
            self.stop_following()
            self._position = self.view.folded(self.selected_index)[0]
        self.folded = folded
        self.filter(self.wanted)

    def show_failures(self, shown: FailuresShown) -> None:
        """Shows the ring of failures, or all exchanges; where nothing is selected, what was selected there before."""
        before, selected = self.ring, next(iter(self.selected_probes), self.selected)
        session = before.session_at(self._selected_position)
        self.failures, self._retried = shown, self._retries
        self.view = self._view_of(self._listed(self.wanted), self._folds(self.wanted))
        self._seen = self.ring.newest_place
        if not self.following:
            if self.ring is not before:
                self._position, self._other_position = self._other_position, self._position
            if selected is not None:
                self._position = position_near(self.ring, selected, session)
        self.search(self._searched)

    def _start_filtering(self) -> None:
        """Filters in slices, between which keys are handled."""
        self._drawn_state = ()
        self._keeps_in_view = True
        self.flush()
        if self._is_searching and not self._filtering:
            self._filtering = True
            self.set_timer(0.001, self._continue_filtering)

    @property
    def _is_searching(self) -> bool:
        return self.view.searching or (self.found is not None and self.found.searching)

    def _continue_filtering(self) -> None:
        empty = not len(self.view)
        if self.view.update(_FILTER_SECONDS) and self.found is not None:
            self.found.update(_FILTER_SECONDS)
        self._filtering = self._is_searching
        if empty and len(self.view):
            self.flush()  # show the first match immediately
        if self._filtering:
            self.set_timer(0.001, self._continue_filtering)

    def _flush_soon(self) -> None:
        """Draws what is new, but follows no sooner than the selected exchange could be shown."""
        if not self.following or perf_counter() >= self._reported_at + _SELECTED_SECONDS:
            self.flush()
        else:
            self.view.update(_FILTER_SECONDS)  # so that there is little left to do

    def flush(self) -> None:
        """Draws what is new; the row at the top of the list stays there."""
        line = self.scroll_offset.y
        top_index, below_title = self._heads.index_at(line), bool(self._heads.title_at(line))
        top = self.view[top_index] if 0 <= top_index < len(self.view) else None
        retried = self._retries
        if is_last_only(self.failures) and retried != self._retried:
            self._retried = retried
            self.view.set(self._listed(self.wanted), self._folds(self.wanted))  # others failed for good now
        self.view.update(_FILTER_SECONDS)
        if self.found is not None:
            self.found.update(_FILTER_SECONDS)
        in_flight = 0 if self.errors_only else len(self.exchanges.in_flight)
        pending = len(self.exchanges.pending_retries)
        second = int(self._monotonic()) if in_flight or pending else 0  # rows and title count the seconds
        found = self.found.searched[0] if self.found is not None else 0
        first = self.view[0] if len(self.view) else -1
        state = (len(self.view), first, self.ring.end, in_flight, pending, second, found, retried)
        if state == self._drawn_state:
            return
        self._drawn_state = state
        newest = self.exchange_at(len(self.view) - 1)
        self._number_width = max(NUMBER, len(f"# {newest.number}")) if newest is not None else NUMBER
        self._heads.update(self.view)
        self.virtual_size = Size(self.size.width, len(self.view) + len(self._heads) + len(self._waiting))
        if self.following:
            followed = self._index_to_follow()
            self._position = self.view[followed] if followed >= 0 else -1
            end = self.virtual_size.height - self.size.height
            y = end if followed < 0 else max(0, min(end, self._heads.line_of(followed)))
            self.scroll_to(y=y, animate=False, force=True)
        elif self._keeps_in_view:
            self._scroll_to_row(max(0, self.selected_index))
        elif top is not None:
            self.scroll_to(y=self._heads.line_of(self.view.index(top)) - below_title, animate=False, force=True)
        self._report_selection()
        self.post_message(self.Changed())
        self.refresh()

    def _scroll_to_row(self, index: int) -> None:
        """Brings this row into view, with the title of its session where it is the first one."""
        line = self._heads.line_of(index)
        titled = bool(line and self._heads.title_at(line - 1))
        self.scroll_to_region(Region(0, line - titled, 1, 1 + titled), animate=False, force=True)

    def _report_selection(self) -> None:
        exchange = self.selected
        selected = self.selected_probes or ((exchange,) if exchange is not None else ())
        if list(map(id, selected)) != list(map(id, self._reported)):
            self._reported, self._reported_at = selected, perf_counter()
            if self.following:
                self._show_selected()
            self.post_message(self.Selected(exchange))

    def select(self, index: int) -> None:
        """Selects this row for the user, and stops following."""
        self.visits += 1
        self._go_to(index)

    def _go_to(self, index: int) -> None:
        if not len(self.view):
            return
        self.stop_following()
        self._keeps_in_view = self._held = False
        index = min(max(index, 0), len(self.view) - 1)
        self._position = self.view[index]
        self._seen = max(self._seen, self.ring.place(self._position)[:2])  # what is above it was seen
        self.post_message(self.Changed())
        self._scroll_to_row(index)
        self.refresh()
        self._report_selection()

    def select_exchange(self, exchange: Exchange) -> bool:
        """Selects this exchange, by itself; False where the list does not show it."""
        self.view.update()
        self.flush()  # it can be scrolled to only once the list is as long as its view
        position = position_of(self.ring, exchange)
        if position is None:
            return False
        index = self.view.index(position)
        if not any(each is exchange for each in (self.exchange_at(index), *self.folded_at(index))):
            return False
        self._go_to(self._unfolded_index(position))
        return True

    def _unfolded_index(self, position: int) -> int:
        """The index of the exchange at this position, which the list shows or has folded."""
        if self.view.folded(self.view.index(position)):
            self.set_folded(False)
            self.view.update(1.0)
        return self.view.index(position)

    @property
    def _selected_position(self) -> int:
        """The position of the selected row; -1 in an empty list."""
        return self.view[self.selected_index] if len(self.view) else -1

    @property
    def match(self) -> int:
        """Which match of the search is selected, from 1; 0 if none is."""
        if self.found is None or self.selected is None:
            return 0
        index = self.found.index(self._selected_position)
        return index + 1 if index < len(self.found) and self.found[index] == self._selected_position else 0

    def find(self, step: int) -> None:
        """Selects the next match of the search, upwards where `step` is -1; wraps around at the ends."""
        self._find_from(self._selected_position, step)

    def find_first(self) -> None:
        """Selects the match that comes first: beside a run that is followed, the first one of its requests."""
        before = self.view.count_until(self.ring.session_number, self._first_own() - 1)
        if self.following and self._first_own() and before < len(self.view):
            self._find_from(self.view[before - 1] if before else self.ring.first - 1, 1)
        else:
            self.find(1)

    def _find_from(self, here: int, step: int) -> None:
        if self.found is not None:
            self.run_worker(self._find(self.found, here, step), group="find", exclusive=True)

    async def _find(self, found: View, here: int, step: int) -> None:
        while (position := found.nearest(here, step)) is None and found.searching:
            found.update(_FILTER_SECONDS)
            await asyncio.sleep(0)
        if found is not self.found:
            return
        if position is not None:
            self.select(self._unfolded_index(position))
        self.post_message(self.Searched(position is not None))

    def select_slowest(self) -> None:
        """Selects the slowest exchange of the list; if that was selected by this already, the next slowest."""
        ring = self.ring
        times = [(-ring[at].timings.total, ring.place(at)) for at in self.view.positions() if at >= ring.first]
        if not times:
            return
        slowest = self._slowest if not self.following else None
        is_next = slowest is not None and slowest[1][2] == self._position
        faster = [each for each in times if slowest is not None and each > slowest] if is_next else []
        self._slowest = min(faster or times)
        self.select(self._unfolded_index(self._slowest[1][2]))

    def stop_following(self) -> None:
        """Stops following; the selection stays."""
        if self.following:
            self._position = self._selected_position
            self.following, self._seen = False, self.ring.newest_place
            self.post_message(self.Changed())
            self.refresh()

    def stay(self, ring: Ring | None = None) -> None:
        """Stops following before more are listed, as what is around a match, or a failure, is read.

        Not while the newest of this ring, by default the list's, is selected.
        """
        selected = self.selected
        if selected is not None and selected is not (ring or self.ring).newest:
            self.stop_following()

    def hold(self) -> None:
        """Stops following while the selected exchange is read, until `release`."""
        if self.following:
            self.stop_following()
            self._held = True

    def release(self) -> None:
        """Follows again after `hold`, unless something else was selected meanwhile."""
        if self._held:
            self.follow()

    def toggle_mark(self) -> None:
        """Marks or unmarks the selected exchange, and selects the next one."""
        if (exchange := self.selected) is not None:
            self.marks ^= {exchange.identity}
            self.select(self.selected_index + 1)

    def on_resize(self) -> None:
        if self.following:  # what is selected may be below the end of a smaller window
            self.follow()
        elif (index := self.selected_index) >= 0:
            self._scroll_to_row(index)

    def on_mouse_scroll_up(self, _: events.MouseScrollUp) -> None:
        self.visits += 1
        self.stop_following()
        self._keeps_in_view = False

    def on_mouse_scroll_down(self, _: events.MouseScrollDown) -> None:
        self.visits += 1
        self._keeps_in_view = False

    def on_focus(self) -> None:
        self.refresh()  # of folded rows: whether Enter lists them

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        self.select(self._heads.index_at(self.scroll_offset.y + event.y))

    def action_move(self, step: int) -> None:
        last = len(self.view) - 1
        if step > 0 and self.selected_index == last == self._index_to_follow():
            self.action_follow()  # below the newest there is only what comes next
        else:
            self.select(self.selected_index + step)

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self.select(0)

    def action_follow(self) -> None:
        self.visits += 1
        self.follow()

    def follow(self) -> None:
        """Selects the newest exchange, and each that comes."""
        self.following, self._held, self._paused = True, False, False
        self._drawn_state = ()
        self.flush()

    def action_pause(self) -> None:
        if self.following:
            self.visits += 1
            self._paused = True
            self.stop_following()
        else:
            self.action_follow()

    def open(self) -> None:
        self.visits += 1
        if self.selected_probes:
            self.set_folded(False)
        elif self.selected is not None:
            self.hold()
            self.post_message(self.Opened(self.selected))
