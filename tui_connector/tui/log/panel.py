"""The live log on a screen: its title, the list, the detail where there is room, and what can be done with both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import ClassVar, Literal

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from ...client.exchange import Exchange, Exchanges
from ...log.filter import BadFilter, Filter, help_rows, parse
from ...magento.diagnosis import Finding
from ...text import shown_line
from ..widgets.fields import SafeInput
from .actions import LogActions, LogContext, LogHost, related_exchanges
from .detail import ExchangeDetail
from .list import LogView

# What the title of a log says of it, and how it is filtered.


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """A filter as it was typed; it can be off for a while."""

    filter: Filter = field(default_factory=Filter)
    text: str = ""
    on: bool = True

    @property
    def applied(self) -> Filter:
        return self.filter if self.on else Filter()


def title_parts(log: Exchanges, view: LogView, filtering: ActiveFilter, found: str, hint: str) -> Iterator[str]:
    """How many there are, whether the list follows, what it leaves out, and what was `found` in the detail."""
    failures = log.failures.end - log.failures.cleared
    failed = f" · {failures} failed" if failures else ""
    under_way = f" · {len(log.in_flight)} in progress" if log.in_flight else ""
    yield f"Requests ── {log.end - log.cleared}{failed}{under_way}"
    if not view.following:
        yield f"paused, {view.waiting} new (G: follow)"
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
        yield f"{gone} older discarded"
    if hint:
        yield hint


# The line in which the log's filter or a search is typed, with what is wrong with it under the place where it is.


Purpose = Literal["filter", "search", "find"]
"""What is typed: the list's filter, a search in the list (in the filter's words), or a text to find in the detail."""

_LABELS = {"filter": "filter ", "search": "search ", "find": "find   "}
_LABEL = 8
_HELP = "path  ~s 4xx  ~m post  ~e error  ~t 1s  ~w run  ~h header  ~b body  & | ! ()  F1"
_READ = "Enter: apply · Esc: cancel"


class LogPrompt(Vertical):
    """Takes one line. What it says is checked at every key, and used at once where it can be read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Undo", show=False, id="prompt.cancel"),
        Binding("down", "enter", "To the match", show=False, id="prompt.down"),
    ]

    @dataclass
    class Said(Message):
        """Something that can be read is in the line; `final` once it was entered."""

        purpose: Purpose
        text: str
        filter: Filter
        final: bool

    @dataclass
    class Cancelled(Message):
        """Esc: what was before is to be again."""

        purpose: Purpose
        before: str

    def __init__(self) -> None:
        super().__init__(id="log-prompt")
        self.purpose: Purpose = "filter"
        self._before = ""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("", classes="label")
            yield SafeInput(compact=True, id="log-typed", select_on_focus=False)
        yield Static("", classes="told")

    def ask(self, purpose: Purpose, text: str) -> None:
        """Opens the line for this; `text` is what it held before."""
        self.purpose, self._before = purpose, text
        self.query_one(".label", Static).update(Content(_LABELS[purpose]))
        typed = self.query_one(Input)
        with typed.prevent(Input.Changed):
            typed.value = text
        typed.cursor_position = len(text)
        self._check()
        typed.focus()

    def tell(self, words: str) -> None:
        """Says something under the line, such as how many were found."""
        told = self.query_one(".told", Static)
        told.update(Content(shown_line(words)))
        told.remove_class("bad")

    def help_text(self) -> str:
        rows = "\n".join(f"  {example:<30} {words}" for example, words in help_rows())
        return f"The filter\nAdjacent terms must all match. Case does not matter.\n{rows}"

    def _check(self) -> Filter | None:
        typed = self.query_one(Input).value
        if self.purpose == "find":
            self.tell("Enter: find · then n: next, N: previous")
            return Filter()
        try:
            read = parse(typed)
        except BadFilter as error:
            self._point_at(error)
            return None
        self.tell(_READ if typed else _HELP)
        return read

    def _point_at(self, error: BadFilter) -> None:
        """The message, with an arrow under the column where it went wrong; or with the column in words."""
        place = _LABEL + error.column - 1 - int(self.query_one(Input).scroll_offset.x)
        before, behind = f"{error.message} ^", f"^ {error.message}"
        if place + len(behind) <= self.size.width:
            words = " " * place + behind
        elif place + 1 >= len(before):
            words = " " * (place + 1 - len(before)) + before
        else:
            words = str(error)
        told = self.query_one(".told", Static)
        told.update(Content(shown_line(words)))
        told.add_class("bad")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        read = self._check()
        if read is not None and self.purpose == "filter":
            # not the value of the event: more may have been typed since, and that is what was read
            self.post_message(self.Said(self.purpose, self.query_one(Input).value, read, final=False))

    @on(Input.Submitted)
    def action_enter(self) -> None:
        read = self._check()
        if read is not None:
            self.post_message(self.Said(self.purpose, self.query_one(Input).value, read, final=True))

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled(self.purpose, self._before))


_SIDE_BY_SIDE = 100
"""Columns from which on list and detail stand beside each other."""
_READABLE = 0.25
"""Seconds a followed exchange stays in the detail, at least."""
_STACKED = 12
"""Rows from which on there is room for both."""


class ZoomWanted(Message):
    """The log is to have the whole screen."""


class LogPanel(LogHost):
    """Every request as it happens. It never takes the focus by itself.

    It is the strip below the guide, its zoom, and the screen of requests: classes on it say how much room it has.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "filter", "Filter", id="log.filter"),
        Binding("F", "toggle_filter", "Filter off or on", show=False, id="log.toggle-filter"),
        Binding("slash", "search", "Search", id="log.search"),
        Binding("n", "hit(1)", "Next match", show=False, id="log.next-found"),
        Binding("N", "hit(-1)", "Previous match", show=False, id="log.found-before"),
        Binding("e", "errors", "Errors only", id="log.errors"),
        Binding("i", "explain", "Explain", id="log.explain", tooltip="Explain what is wrong and what to do"),
        Binding("v", "view", "Next view", show=False, id="log.view", tooltip="Simple, long, full, or as curl"),
        Binding("z", "toggle_raw", "Raw or pretty", show=False, id="log.raw"),
        Binding("y", "copy", "Copy as curl", show=False, id="log.copy"),
        Binding("Y", "choose_copy", "Copy …", show=False, id="log.choose-copy"),
        Binding("x", "again", "Send again", id="log.again"),
        Binding("X", "edit", "Edit and send", show=False, id="log.edit"),
        Binding("w", "save_body", "Save the body", show=False, id="log.save-body"),
        Binding("m", "mark", "Mark", show=False, id="log.mark"),
        Binding("M", "unmark", "Remove all marks", show=False, id="log.unmark"),
        Binding("E", "export", "Export", show=False, id="log.export"),
        Binding("C", "clear", "Clear the log", show=False, id="log.clear"),
        Binding("escape", "leave", "Back to the list", show=False, id="log.leave"),
    ]

    def __init__(self, exchanges: Exchanges, context: LogContext, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.exchanges = exchanges
        self._profile = context.profile
        self._acts = LogActions(self, context)
        self._explained: tuple[int, Finding | None] | None = None
        self._filtering = ActiveFilter()
        self._wanted: Filter | None = None
        """What the list is searched for."""
        self._searched = self._found = ""
        self._showing = False
        self._shown_at = 0.0

    def compose(self) -> ComposeResult:
        yield Static(id="log-title")
        yield LogPrompt()
        yield Static(Content("No requests yet. Requests appear here as the program sends them."), id="log-empty")
        yield LogView(self.exchanges, id="log-list")
        yield ExchangeDetail(id="log-detail")

    def on_mount(self) -> None:
        self._say()
        self.set_interval(1, self._show)  # another attempt of what is shown may have come

    @property
    def selected(self) -> Exchange | None:
        return self.view.selected

    def help_text(self) -> str:
        return (
            "The request log\nEvery request the program sends, newest last, secrets masked. The list follows the "
            "newest until you move up; G follows again. Failures are kept longer than other requests; e shows only "
            "them.\nThe detail pane uses the format set in the client's Log requests plugin; Enter shows the whole "
            "request, and v changes the view: simple, long, full, curl."
        )

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= _SIDE_BY_SIDE, "side")
        self.make_low(event.size.height < _STACKED)

    def zoom_in(self) -> None:
        """Takes the focus; its screen has given it the room, and the next key may come before the new size does."""
        self.make_low(False)
        self.view.focus()

    def make_low(self, is_low: bool) -> None:
        """Whether there is room for the list alone."""
        self.set_class(is_low, "low")
        if is_low:
            self.remove_class("reading")
        self._say()

    @on(LogView.Changed)
    def _say(self) -> None:
        log, view = self.exchanges, self.query_one(LogView)
        self.query_one("#log-title", Static).update(Content(shown_line(self._title())), layout=False)
        self.set_class(not len(log) and not log.in_flight and not view.errors_only, "empty")

    def _title(self) -> str:
        hint = "l back" if self.screen.has_class("zoomed") else "l zoom" if self.has_class("low") else ""
        found = f"{self.detail.needle}: {self._found}" if self.detail.needle else ""
        chosen = self.detail.chosen if self.detail.display else None
        seen = ", ".join(filter(None, [f"view {chosen} (v)" if chosen else "", found]))
        return " ── ".join(title_parts(self.exchanges, self.view, self._filtering, seen, hint))

    @on(LogView.Selected)
    def _show_soon(self) -> None:
        """Once for all moves that came meanwhile; while following, a few times a second is all one can read."""
        if self._showing:
            return
        self._showing = True
        wait = self._shown_at + _READABLE - perf_counter() if self.view.following else 0.0
        if wait > 0:
            self.set_timer(wait, self._show)
        else:
            self.call_later(self._show)

    def _show(self) -> None:
        """The selected exchange in the detail, with what belongs to it."""
        self._showing = False
        exchange = self.selected
        if exchange is not self.detail.exchange:
            self._shown_at = perf_counter()
        if not self.detail.display:
            return
        if exchange is None:
            self.detail.show(None)
            return
        near = replace(related_exchanges(exchange, self.exchanges), profile=self._profile())
        if self._explained is not None and self._explained[0] == exchange.number:
            near = replace(near, finding=self._explained[1])
        self.detail.show(exchange, near)

    @on(LogView.Opened)
    def _open(self) -> None:
        if not self.detail.display:
            self.screen.post_message(ZoomWanted())
        self.call_after_refresh(self._read)

    def _read(self) -> None:
        self.add_class("reading")
        self._show()
        self.detail.focus()

    def leave(self) -> bool:
        """Esc: closes what is typed, then goes from the detail to the list. False where neither was so."""
        if self.has_class("asking"):
            self.query_one(LogPrompt).action_cancel()
        elif self.has_class("reading") or self.detail.has_focus:
            self.remove_class("reading")
            self.view.focus()
        else:
            return False
        return True

    def action_leave(self) -> None:
        if not self.leave():
            raise SkipAction

    def filter(self, text: str) -> None:
        """Filters by this text. Raises `BadFilter`."""
        self._filtering = ActiveFilter(parse(text), text)
        self.view.filter(self._filtering.applied)

    def action_filter(self) -> None:
        self._ask("filter", self._filtering.text)

    def _ask(self, purpose: Purpose, before: str) -> None:
        self.add_class("asking")
        self.query_one(LogPrompt).ask(purpose, before)

    def action_toggle_filter(self) -> None:
        if self._filtering.filter.expression is None:
            self.action_filter()
            return
        self._filtering = replace(self._filtering, on=not self._filtering.on)
        self.view.filter(self._filtering.applied)

    def action_search(self) -> None:
        if self.detail.has_focus:
            self._ask("find", self.detail.needle)
        else:
            self._ask("search", self._searched)

    @on(LogPrompt.Said)
    def _said(self, message: LogPrompt.Said) -> None:
        if message.purpose == "filter":
            self.filter(message.text)
        if not message.final:
            return
        self.remove_class("asking")
        if message.purpose == "find":
            self.detail.focus()
            self.detail.search(message.text)
            return
        self.view.focus()
        if message.purpose == "search":
            self._searched, self._wanted = message.text, message.filter if message.text else None
            self.action_hit(1)

    @on(LogPrompt.Cancelled)
    def _cancelled(self, message: LogPrompt.Cancelled) -> None:
        self.remove_class("asking")
        if message.purpose == "filter":
            self._filtering = replace(self._filtering, filter=parse(message.before), text=message.before)
            self.view.filter(self._filtering.applied)
        (self.detail if message.purpose == "find" else self.view).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "hit":
            return bool(self.detail.needle) if self.detail.has_focus else self._wanted is not None
        return True

    def action_hit(self, step: int) -> None:
        if self.detail.has_focus:
            self.detail.next_hit(step)
        elif self._wanted is not None:
            self.view.find(self._wanted, step)

    @on(LogView.NotFound)
    def _not_found(self) -> None:
        self._acts.say(f"Nothing in the list matches {self._searched}")

    @on(ExchangeDetail.Searched)
    def _searched_detail(self, message: ExchangeDetail.Searched) -> None:
        self._found = f"{message.current} of {message.count}" if message.count else "not found"
        self._say()

    def action_errors(self) -> None:
        self.view.set_errors_only(not self.view.errors_only)

    def action_explain(self) -> None:
        """Shows the diagnosis of the selected exchange, or takes it away again."""
        exchange = self.selected
        if exchange is None:
            return
        self.view.hold()
        if self._explained is not None and self._explained[0] == exchange.number:
            self._explained = None
            self._show()
        else:
            self._acts.explain(exchange)

    @on(LogActions.Explained)
    def _take_finding(self, message: LogActions.Explained) -> None:
        finding = message.finding
        self._explained = message.exchange.number, finding
        if finding is None:
            self._acts.say(f"No problem found with #{message.exchange.number}.")
        elif not self.detail.display:
            self._acts.say(f"{finding.summary}. {finding.remedy}")
        self._show()

    def action_view(self) -> None:
        self.detail.next_view()
        self._say()

    def action_toggle_raw(self) -> None:
        self.detail.toggle_raw()

    def action_mark(self) -> None:
        self.view.toggle_mark()
        self._say()

    def action_unmark(self) -> None:
        self.view.marks.clear()
        self.view.refresh()
        self._say()

    def action_clear(self) -> None:
        self._acts.clear()

    def action_copy(self) -> None:
        self._acts.copy(self.selected)

    def action_choose_copy(self) -> None:
        self._acts.choose_copy(self.selected)

    def action_again(self) -> None:
        self._acts.again(self.selected)

    def action_edit(self) -> None:
        self._acts.edit(self.selected)

    def action_save_body(self) -> None:
        self._acts.save_body(self.selected)

    def action_export(self) -> None:
        self._acts.export()

    @on(LogActions.Answered)
    def _answered(self, message: LogActions.Answered) -> None:
        """A request was sent again: its exchange is the one to show, for it was asked for."""
        exchange = self.exchanges.numbered(message.number)
        if exchange is None or not self.view.select_exchange(exchange):
            self._acts.say(f"#{message.number} got status {message.status}; the filter hides it.")


# A screen with the live log below, which the log can have all of.


WIDE = (100, 32)
"""Columns and rows from which on everything is side by side."""


class LogDock(Screen[None]):
    """While the log has the whole screen, what lies behind it waits for the focus."""

    _behind: Widget | None = None
    """What gets the focus when the log gives the screen back."""

    @property
    def log_panel(self) -> LogPanel:
        return self.query_one(LogPanel)

    @property
    def zoomed(self) -> bool:
        """Whether the log has the whole screen."""
        return self.has_class("zoomed")

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE[0] and event.size.height >= WIDE[1], "wide")
        self.resized()

    def resized(self) -> None:
        """The screen has another size."""

    def begin(self) -> None:
        """Puts the focus where the work is, when the log gives the screen back and nothing is known to have had it."""
        self.set_focus(None)

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        if self.zoomed and widget is not None and self.log_panel not in widget.ancestors:
            self._behind = widget
        else:
            super().set_focus(widget, scroll_visible, from_app_focus)

    @on(ZoomWanted)
    def _zoom_in(self) -> None:
        if not self.zoomed:
            self.action_zoom()

    def action_zoom(self) -> None:
        """The log on the whole screen, and back."""
        if not self.zoomed:
            self._behind = self.focused
            self.add_class("zoomed")
            self.log_panel.zoom_in()
            return
        self.remove_class("zoomed")
        if self._behind is not None and self._behind.is_attached:
            self.set_focus(self._behind)
        else:
            self.begin()

    def leave_log(self) -> bool:
        """Esc: closes what is open in the log, then gives the screen back. False where neither was so."""
        if self.log_panel.leave():
            return True
        if self.zoomed:
            self.action_zoom()
            return True
        return False
