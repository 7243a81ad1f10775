"""The live log on a screen: its title, the list, and the detail where there is room."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ..client.exchange import Exchange, Exchanges
from .exchange_detail import ExchangeDetail
from .log_view import LogView


class ZoomWanted(Message):
    """The log is to have the whole screen."""


class LogPanel(Container):
    """Every request as it happens. It never takes the focus by itself."""

    def __init__(self, exchanges: Exchanges, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.exchanges = exchanges

    def compose(self) -> ComposeResult:
        yield Static(id="log-title")
        yield Static(Content("No requests yet. Each one the program sends appears here as it happens."), id="log-empty")
        yield LogView(self.exchanges, id="log-list")
        yield ExchangeDetail(id="log-detail")

    def on_mount(self) -> None:
        self._say()

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    @property
    def selected(self) -> Exchange | None:
        return self.view.selected

    @on(LogView.Changed)
    def _say(self) -> None:
        log, view = self.exchanges, self.query_one(LogView)
        parts = [str(log.end)]
        if len(log.failures):
            parts.append(f"{log.failures.end} failed")
        if log.in_flight:
            parts.append(f"{len(log.in_flight)} under way")
        if not view.following:
            parts.append(f"paused, {view.waiting} new (G follows)")
        if view.errors_only:
            parts.append("errors only (e)")
        if log.first:
            parts.append(f"{log.first} older ones gone")
        self.query_one("#log-title", Static).update(Content(f"Requests ── {' · '.join(parts)} ── l zoom "))
        self.set_class(not log.end and not log.in_flight, "empty")

    @on(LogView.Selected)
    def _show(self, message: LogView.Selected) -> None:
        self.query_one(ExchangeDetail).show(message.exchange)

    @on(LogView.Opened)
    def _open(self, message: LogView.Opened) -> None:
        detail = self.query_one(ExchangeDetail)
        detail.show(message.exchange)
        if detail.display:
            detail.focus()
        else:
            self.screen.post_message(ZoomWanted())
