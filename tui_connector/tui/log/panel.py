"""The log panel: title, list, detail where there is room, and the actions on both."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message

from ...client.exchange import Exchange, Exchanges
from ...magento.diagnosis import Finding
from .actions import LogActions, related_exchanges, repeated_exchange
from .detail import ExchangeDetail
from .exchange_text import RelatedExchanges, comparison
from .failures import next_shown
from .filtered import FilteredLog
from .layout import PanelLayout
from .list import LogView
from .prompt import LogPrompt
from .sending import LogContext
from .title import detail_titles, title_parts, titles

_REASONS = {
    "open": "Enter opens the request that is selected in the list.",
    "toggle_filter": "There is no filter to turn off; f sets one.",
    "fold_probes": "Probes are one row each while the list is filtered, or shows errors only.",
    "pause": "A recorded log gets no new requests, so there is nothing to pause.",
    "divide": "Only the list is shown here; zoom the log to see the detail beside it.",
    "next_match": "Nothing was searched for; / searches.",
}
"""Why an action of the log does nothing now, by its name."""


ERRORS = "What failed for good, all failed attempts, or all"
"""What the key of the failures lists, one after the other."""


class ZoomWanted(Message):
    """Zoom the log to the whole screen."""


class LogPanel(FilteredLog):
    """Shows every request live; it never takes the focus by itself.

    Used below the guide, zoomed, and as the screen of requests; its CSS classes tell how much room it has.
    """

    part_name = "the request log"
    first_keys = frozenset({"log.show-all"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", id="log.search"),
        Binding("f", "filter", "Filter", id="log.filter"),
        Binding("x", "resend", "Resend", id="log.resend"),
        Binding("X", "edit", "Edit", id="log.edit", tooltip="Edit and resend"),
        Binding("e", "errors", "Errors", id="log.errors", tooltip=ERRORS),
        Binding("i", "explain", "Explain", id="log.explain", tooltip="Explain what is wrong and what to do"),
        Binding("plus", "new", "New", id="log.new", tooltip="Write and send a new request"),
        Binding("enter", "open", "Open", id="log.open"),
        Binding("b", "body", "Body", show=False, id="log.body", tooltip="Open it at the body of the response"),
        Binding("F", "toggle_filter", "Disable or enable the filter", id="log.toggle-filter"),
        Binding("a", "apply_meant", "Apply what was meant", show=False, id="log.apply-meant"),
        Binding(
            "n",
            "next_match(1)",
            "Next match",
            show=False,
            id="log.next-found",
            tooltip="The next match in the list, or in the detail",
        ),
        Binding("y", "copy", "Curl", id="log.copy", tooltip="Copy as a curl command without secrets"),
        Binding("z", "toggle_raw", "Raw", id="log.raw", tooltip="As sent and received, or decoded"),
        Binding("v", "view", "View", id="log.view", tooltip="Simple, long, full, or as curl"),
        Binding("space", "pause", "Pause", id="log.pause", tooltip="Pause, or follow the newest request"),
        Binding(
            "D", "slowest", "Slowest", id="log.slowest", tooltip="The slowest request listed; again: the next slowest"
        ),
        Binding(
            "P",
            "fold_probes",
            "Probes",
            id="log.probes",
            tooltip="Probes (the program's own requests, to learn about the store) in one row, or one by one",
        ),
        Binding("N", "next_match(-1)", "Previous match", show=False, id="log.found-before"),
        Binding("Y", "choose_copy", "Copy …", show=False, id="log.choose-copy"),
        Binding("w", "save_body", "Save the body", show=False, id="log.save-body"),
        Binding("m", "mark", "Mark", show=False, id="log.mark"),
        Binding("M", "unmark", "Remove all marks", show=False, id="log.unmark"),
        Binding(
            "E", "export", "Export", show=False, id="log.export", tooltip="Export the requests as HAR or a recording"
        ),
        Binding("C", "clear", "Clear the log", show=False, id="log.clear"),
        Binding("less_than_sign", "divide(-1)", "Smaller list", show=False, id="log.smaller"),
        Binding("greater_than_sign", "divide(1)", "Larger list", show=False, id="log.larger"),
        Binding("escape", "show_all", "Show all", id="log.show-all", tooltip="End the search, then the filter"),
        Binding("escape", "leave", "Back to the list", show=False, id="log.leave"),
    ]

    def __init__(self, exchanges: Exchanges, context: LogContext, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(exchanges, context, id=id)
        self._dates, self._is_live = context.dates, context.is_live
        self._profile, self._monotonic = context.profile, context.machine.monotonic
        self._environment, self._unset = context.environment, context.unset
        self._is_own_failure, self._failures_meant = context.is_own_failure, context.failures_meant
        self._first_own = context.first_own
        self._log_actions = LogActions(self, context)
        self._explained: tuple[Exchange, Finding | None] | None = None
        self._layout = PanelLayout(self)
        self._show_pending = self._shows_probes = False
        self._opens_body = False
        """Whether the detail is opened at the body of the response."""

    def compose(self) -> ComposeResult:
        yield LogPrompt(lambda: self.view.searched_fields.names())
        yield LogView(
            self.exchanges,
            self._monotonic,
            dates=self._dates,
            is_own=self._is_own_failure,
            failures_meant=self._failures_meant,
            first_own=self._first_own,
            show_selected=self._show,
            id="log-list",
        )
        yield ExchangeDetail(id="log-detail")

    def on_mount(self) -> None:
        self.update_title()
        self.set_interval(1, self._show)  # another attempt of the shown exchange may have arrived

    @property
    def selected(self) -> Exchange | None:
        return self.view.selected

    @property
    def key_titles(self) -> dict[str, str]:
        """Titles of keys that depend on the state, for the footer."""
        titles = {"log.toggle-filter": "Filter off" if self._filtering.on else "Filter on"}
        titles |= {"log.open": "List"} if self.view.selected_probes else {}
        if not self._log_actions.can_send:  # the keys say why
            titles |= dict.fromkeys(("log.resend", "log.edit"), "")
        return titles if self._log_actions.can_write else titles | {"log.new": ""}

    def help_text(self) -> str:
        return (
            "The request log\n"
            "Every request the program sends, numbered and listed as they were sent, secrets masked. Those without a "
            "response are last, until it is there. The list follows the newest until you move up; G follows again, and "
            "so does ↓ at the end. While you read a request, the list stays at it. Failures are kept longer; e shows "
            "only them, first those for good. D goes to the slowest request, then to the next slowest. / searches: in "
            "the list, n goes to the next request that matches; in the detail, to the next match. The title counts "
            "them.\n"
            "The detail pane uses the format set in the client's Log requests plugin; Enter shows the whole request, "
            "and v changes the view: simple, long, full, curl.\n"
            "Colours and marks of the rows:\n"
            "  401 on a block   failed: refused, or no response (✘)\n"
            "  ✘200             its body refuses something: i explains\n"
            "  N probes         grey: the program's own requests; Enter lists them\n"
            "  404 expected     grey: an answer that a probe expects, no failure\n"
            "  —                grey: cancelled, as the run had reached its limit or was stopped; no failure\n"
            "  ▸  ●  …          selected (› while the list has no focus) · marked (m) · waiting for the response\n"
            "  attempt 2        sent again by the plugin retry, after a failure\n"
            "  → #57            grey: failed and sent again as #57; that row says how it ended\n"
            "  ── Session of    in a history: what follows is of another session\n"
            "  last column      purpose: test, login, run, probe, user (sent by hand)"
        )

    def on_compose(self) -> None:
        """Sets the classes by the size to be expected: once all is mounted, every widget would be styled twice."""
        height = self.styles.height
        rows = int(height.value) if height is not None and height.is_cells else self.app.size.height
        self._layout.adapt_to(Size(self.app.size.width, rows))

    def on_resize(self, event: events.Resize) -> None:
        self._layout.adapt_to(event.size)
        self.update_title()
        self._layout.divide()

    def action_divide(self, step: int) -> None:
        """Moves the divider between list and detail by a tenth."""
        self._layout.move_divider(step)

    def zoom_in(self) -> None:
        """Takes the focus after the screen was zoomed, unless the detail has it.

        The next key may arrive before the new size.
        """
        self.remove_class("low")
        self.update_title()
        if not self.detail.has_focus:
            self.view.focus()

    @on(LogView.Changed)
    def update_title(self) -> None:
        view = self.query_one(LogView)
        hint = "^L back" if self.screen.has_class("zoomed") else "^L zoom" if self.has_class("low") else ""
        is_wide = self.has_class("wide")  # elsewhere there is no lower border, and no column of dates
        options = {"is_live": self._is_live, "dated": self._dates and not is_wide}
        now = self._monotonic()
        parts = list(title_parts(self.exchanges, view, self._filtering, self._search.text, hint, **options, now=now))
        upper, lower = titles(parts, view.outer_size.width - (6 if is_wide else 2), has_subtitle=is_wide)
        view.border_title, view.border_subtitle = Content(upper), Content(lower)
        self._update_detail_title()

    def _update_detail_title(self) -> None:
        probes, is_wide = self.view.selected_probes, self.has_class("wide")
        upper, lower = detail_titles(self.detail, probes, self._search.found_words(), has_subtitle=is_wide)
        self.detail.border_title, self.detail.border_subtitle = Content(upper), Content(lower)

    @on(LogView.Selected)
    def _show_soon(self) -> None:
        """Updates the detail once for several moves."""
        if self._search.text or self._dates:
            self.update_title()  # which match is selected, and of which day it is
        if not self._show_pending:
            self._show_pending = True
            self.call_later(self._show)

    def _show(self) -> None:
        """Shows the selected exchange in the detail, with related ones."""
        self._show_pending = False
        exchange, probes = self.selected, self.view.selected_probes
        if bool(probes) != self._shows_probes:
            self._shows_probes = bool(probes)
            self.refresh_bindings()  # Enter lists them
        if not self.detail.display:
            return
        if exchange is None:
            self.detail.show(None, RelatedExchanges(probes=probes))
            self._update_detail_title()
            return
        related = replace(
            related_exchanges(exchange, self.exchanges),
            above=self.view.above,
            profile=self._profile(),
            environment=self._environment,
            unset=self._unset(exchange.client) if self.detail.view == "curl" else (),
            resends=self._log_actions.can_send,
            from_history=self._is_history,
            unsendable=self._log_actions.why_not_resent(exchange),
        )
        if self._explained is not None and self._explained[0] is exchange:
            related = replace(related, finding=self._explained[1])
        self.detail.needle = self._search.text_in(exchange)
        self.detail.show(exchange, related)
        self._update_detail_title()

    @on(LogView.Opened)
    def _open(self) -> None:
        if not self.detail.display:
            self.screen.post_message(ZoomWanted())
        self.call_after_refresh(self._read)

    def _read(self) -> None:
        self.add_class("reading")
        self._show()
        self.detail.focus()
        self.call_after_refresh(self._update_detail_title)  # the focus changes the view
        if self._opens_body:
            self._opens_body = False
            self.call_after_refresh(self.detail.show_body)

    def action_body(self) -> None:
        """Opens the selected request at the body of its response."""
        self._opens_body = self.selected is not None  # probes in one row are listed first
        self.view.open()

    def leave(self) -> bool:
        """Esc: closes the innermost of prompt, explanation, detail, search and filter. False where there is none."""
        if self._explanation_shown and not self.has_class("asking"):
            self._stop_explaining()
        elif self.leave_detail() or self.end_search():
            pass
        elif self._filtering.filter.expression is not None:
            self.view.stay()
            self.filter("")
        else:
            return False
        return True

    @property
    def can_show_all(self) -> bool:
        """Whether Esc ends a search or a filter next."""
        is_narrowed = bool(self._search.text) or self._filtering.applied.expression is not None
        return is_narrowed and not (
            self._explanation_shown or self.has_class("asking") or self.has_class("reading") or self.detail.has_focus
        )

    def action_show_all(self) -> None:
        """Ends the search, or the filter where there is none."""
        self.leave()

    def say(self, sentence: str) -> None:
        self._log_actions.notify(sentence)

    def list_again(self) -> None:
        """Lists what is to be listed now, after other failures are meant than before."""
        self.view.filter(self._filtering.applied)

    def _stop_explaining(self) -> None:
        self._explained = None
        self._release()
        self._show()

    def leave_detail(self) -> bool:
        """Closes the prompt, or goes from the detail to the list. False where neither applies."""
        if self.has_class("asking"):
            self.query_one(LogPrompt).action_cancel()
        elif self.has_class("reading") or self.detail.has_focus:
            self.remove_class("reading")
            self.view.focus()
        else:
            return False
        return True

    @property
    def _explanation_shown(self) -> bool:
        selected, explained = self.selected, self._explained
        if selected is None or explained is None or not self.detail.display:
            return False
        return explained[0] is selected and explained[1] is not None

    def action_leave(self) -> None:
        if not self.leave():
            raise SkipAction

    def action_open(self) -> None:
        self.view.open()

    def action_pause(self) -> None:
        """Stops following the newest request, or follows it again."""
        self.view.action_pause()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "open":
            return self.view.has_focus
        if action == "show_all":
            return self.can_show_all
        if action == "apply_meant":
            return self.view.has_focus and bool(self._meant_filter)
        if action == "toggle_filter":
            return self._filtering.filter.expression is not None
        if action == "fold_probes":
            return self._filtering.applied.expression is None and not self.view.errors_only
        if action == "pause":
            return self._is_live
        if action == "divide":
            return self.view.display and self.detail.display
        if action == "next_match":
            return bool(self.detail.needle if self.detail.has_focus else self._search.text)
        return True

    def why_not(self, action: str) -> str:
        """Why this action of the log does nothing now."""
        return _REASONS.get(action, "")

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _on_focus_moved(self) -> None:
        self._update_detail_title()
        if self.detail.has_focus:
            self.view.hold()
        else:
            self.call_later(self._release)

    def _release(self) -> None:
        """Follows again what the list followed before the selected request was read or explained."""
        focused = self.screen.focused  # none while the terminal is in the background
        is_reading = focused is None or focused is self.detail or self.has_class("asking") or self._explanation_shown
        if not is_reading:
            self.view.release()

    def action_slowest(self) -> None:
        self.view.select_slowest()

    def action_fold_probes(self) -> None:
        self.view.set_folded(not self.view.folded)

    def action_errors(self) -> None:
        self.view.visits += 1
        if self.view.errors_only:
            self.view.stay(self.exchanges)
        self.view.show_failures(next_shown(self.view.failures, self.exchanges, self.view.is_own))

    def action_explain(self) -> None:
        """Shows or hides the diagnosis of the selected exchange."""
        exchange = self.selected
        if exchange is None:
            if not self.view.selected_probes:
                self._log_actions.notify("No request is selected.")
            else:
                self._log_actions.notify(
                    "The program sent these requests itself, to learn about the store; refusals are expected, and "
                    "nothing is wrong. Enter lists them; i explains each."
                )
            return
        if self._explained is not None and self._explained[0] is exchange:
            self._stop_explaining()
        else:
            self.view.hold()
            self._log_actions.explain(exchange)

    @on(LogActions.Explained)
    def _on_explained(self, message: LogActions.Explained) -> None:
        finding = message.finding
        self._explained = message.exchange, finding
        if finding is None:
            self._log_actions.notify(f"No problem found with #{message.exchange.number}.")
        elif not self.detail.display:
            self._log_actions.notify(f"{finding.summary}. {finding.remedy_by_command}")
        self._show()
        self._release()

    def action_view(self) -> None:
        self.detail.next_view()
        self._show()
        self.update_title()

    def action_toggle_raw(self) -> None:
        self.detail.toggle_raw()
        self._update_detail_title()

    def action_mark(self) -> None:
        self.view.toggle_mark()
        self.update_title()

    def action_unmark(self) -> None:
        if not self.view.marks:
            self._log_actions.notify("No request is marked; m marks one.")
        self.view.marks.clear()
        self.view.refresh()
        self.update_title()

    def action_clear(self) -> None:
        self._log_actions.clear()

    def action_copy(self) -> None:
        self._log_actions.copy(self.selected)

    def action_choose_copy(self) -> None:
        self._log_actions.choose_copy(self.selected)

    def action_resend(self) -> None:
        self._log_actions.resend(self.selected)

    def action_edit(self) -> None:
        self._log_actions.edit(self.selected)

    def action_new(self) -> None:
        self._log_actions.new()

    def action_save_body(self) -> None:
        self._log_actions.save_body(self.selected)

    def action_export(self) -> None:
        self._log_actions.export()

    @on(LogActions.Attempted)
    def _on_attempted(self, message: LogActions.Attempted) -> None:
        """Selects each attempt of a request that the user sent, unless they have visited another one meanwhile."""
        if message.visits != self.view.visits:
            return
        if message.exchange is None:
            self.view.follow()
        else:
            self.view.select_exchange(message.exchange)

    @on(LogActions.Resent)
    def _on_resent(self, message: LogActions.Resent) -> None:
        """Selects the exchange of a request that the user sent, whatever is filtered; a resent one is compared.

        Only reports it where the user has visited another one meanwhile.
        """
        exchange, view = self.exchanges.by_number(message.number), self.view
        if exchange is None:
            self._log_actions.notify(f"#{message.number} was sent, but this list does not show it.")
            return
        before = repeated_exchange(exchange, self.exchanges)
        if message.visits != view.visits:
            if exchange.status is not None:  # otherwise its failure was reported
                response = comparison(before, exchange) if before is not None else f"response {exchange.status}"
                self._log_actions.notify(f"#{exchange.number}: {response}")
            return
        if not view.select_exchange(exchange):
            lifted = []
            if view.errors_only:
                view.show_failures("")
                lifted.append("errors only (e)")
            if not view.select_exchange(exchange):
                self._set_filtering(replace(self._filtering, on=False))
                view.select_exchange(exchange)
                lifted.append(f"filter {self._filtering.text} (F)")
            self._log_actions.notify(f"Turned off to show #{exchange.number}: {', '.join(lifted)}")
        if not self.detail.display and before is not None:
            self._log_actions.notify(f"#{exchange.number}: {comparison(before, exchange)}")
