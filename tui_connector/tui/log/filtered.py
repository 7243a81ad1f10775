"""The filter and the search of the log panel: entered in the line below the list, applied while they are typed."""

from __future__ import annotations

from dataclasses import replace

from textual import on

from ...client.exchange import Exchanges
from ...log.filter import parse
from ...log.filter_corrections import corrected
from .detail import ExchangeDetail
from .list import LogView
from .no_match import why_none_found
from .prompt import LogPrompt, Purpose
from .search import LogSearch
from .sending import LogContext, LogHost
from .title import ActiveFilter


class FilteredLog(LogHost):
    """A log whose list has a filter, and is searched, as is the detail."""

    def __init__(self, exchanges: Exchanges, context: LogContext, *, id: str | None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.exchanges = exchanges
        self._is_history = context.is_history
        self._filtering = ActiveFilter()
        self._search = LogSearch(self)

    def update_title(self) -> None:
        """Shows in the title how many requests match."""
        raise NotImplementedError

    def say(self, sentence: str) -> None:
        """Shows a message."""
        raise NotImplementedError

    def end_search(self) -> bool:
        """Ends the search. False where nothing is searched for, or the text is being entered."""
        if not self._search.text or self.has_class("asking"):
            return False
        self._search_list("")
        return True

    def begin_anew(self) -> None:
        """Ends what was for earlier requests: the search, and a filter that is off."""
        self.end_search()
        if not self._filtering.on and not self.has_class("asking"):
            self._set_filtering(ActiveFilter())

    def filter(self, text: str) -> None:
        """Applies this filter of the user. Raises `BadFilter`."""
        self.view.visits += 1
        self._set_filtering(ActiveFilter(parse(text), text))

    def _set_filtering(self, filtering: ActiveFilter) -> None:
        self._filtering = filtering
        self.view.filter(filtering.applied)
        self.refresh_bindings()

    def action_filter(self) -> None:
        self._open_prompt("filter", self._filtering.text)

    @property
    def _meant_filter(self) -> str:
        """The filter that was probably meant by one that finds nothing; "" where that is not known."""
        view = self.view
        if self._filtering.applied.expression is None or len(view.view) or view.view.searching:
            return ""
        meant = corrected(self._filtering.text, fields=view.searched_fields.names())
        return meant.text if meant is not None else ""

    def action_apply_meant(self) -> None:
        """Filters by what was probably meant."""
        self.filter(self._meant_filter)

    def _open_prompt(self, purpose: Purpose, before: str) -> None:
        self.add_class("asking")
        self.query_one(LogPrompt).open(purpose, before)

    def action_toggle_filter(self) -> None:
        self.view.visits += 1
        if self._filtering.on:
            self.view.stay()
        self._set_filtering(replace(self._filtering, on=not self._filtering.on))

    def action_search(self) -> None:
        if self.detail.has_focus:
            self._open_prompt("find", self.detail.needle)
        else:
            self._open_prompt("search", self._search.text)

    @on(LogPrompt.Entered)
    def _on_entered(self, message: LogPrompt.Entered) -> None:
        if message.purpose == "filter":
            self.filter(message.text)
        elif message.purpose == "search" and not message.final:
            self._count_matches(message.text)
        if not message.final:
            return
        self.remove_class("asking")
        if message.purpose == "find":
            self.detail.focus()
            if message.text:  # n in the list repeats what was searched last, as it does in the detail
                self._count_matches(message.text)
            self._search.search_detail(message.text)
            return
        self.view.focus()
        if message.purpose == "search":
            self._search_list(message.text)

    def _search_list(self, text: str) -> None:
        """Searches the list, and marks the text in the detail; an empty text ends the search."""
        self._search.search_list(text)
        self.update_title()
        self.refresh_bindings()

    def _count_matches(self, text: str) -> None:
        """Says in the title how many requests of the list match."""
        self._search.count(text)
        self.update_title()

    @on(LogPrompt.Cancelled)
    def _on_cancelled(self, message: LogPrompt.Cancelled) -> None:
        self.remove_class("asking")
        if message.purpose == "filter":
            self._set_filtering(replace(self._filtering, filter=parse(message.before), text=message.before))
        elif message.purpose == "search":
            self._count_matches(message.before)
        (self.detail if message.purpose == "find" else self.view).focus()

    def action_next_match(self, step: int) -> None:
        if self.detail.has_focus:
            self.detail.next_hit(step)
        else:
            self.view.find(step)

    @on(LogView.Searched)
    def _searched_list(self, message: LogView.Searched) -> None:
        if message.found:
            return
        view, is_filtered = self.view, self._filtering.applied.expression is not None
        limits = {"only_failures": view.errors_only, "is_filtered": is_filtered, "is_history": self._is_history}
        fields = view.searched_fields.names()
        self.say(why_none_found(self._search.text, view.view, fields, **limits))

    @on(ExchangeDetail.Searched)
    def _searched_detail(self, message: ExchangeDetail.Searched) -> None:
        self._search.found = message.current, message.count
        self.update_title()
