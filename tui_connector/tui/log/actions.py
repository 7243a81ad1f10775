"""What can be done with an exchange of the log: copy it, send it again, keep it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ...client.curl import curl
from ...client.exchange import Exchange, Exchanges
from ...client.message import Headers, InvalidRequest, Request, RequestFailed, Response, header_of
from ...client.printer import text
from ...client.uri import origin_of
from ...errors import InvalidValue
from ...files import reason, remedy, write_private
from ...guide.resend import resendable_request
from ...machine import Machine
from ...magento.diagnosis import AuthKind, Finding, diagnose_exchange
from ...text import shown_line
from ..clipboard import copy
from ..dialogs import ConfirmScreen
from ..widgets.choice import ChoiceScreen
from ..widgets.fields import SafeInput
from .detail import ExchangeDetail
from .exchange_text import RelatedExchanges
from .list import LogView
from .request_form import RequestForm

# What belongs to an exchange and is elsewhere in the log: its other attempts, and the login before it.


_FAR = 5_000
"""Exchanges looked through, from the newest back: a search at every move of the cursor must cost nothing."""


def related_exchanges(exchange: Exchange, exchanges: Exchanges) -> RelatedExchanges:
    """All attempts of its call, oldest first, and the login whose token it most likely carries."""
    attempts, logins = [], []
    for each in islice(reversed(exchanges), _FAR):
        if each.call == exchange.call:
            attempts.append(each)
        elif each.purpose == "login":
            logins.append(each)
    if not exchange.call:  # a log of elsewhere has no calls
        attempts = [exchange]
    login = None
    if (header_of(exchange.request_headers, "Authorization") or "").startswith("Bearer"):
        before = (each for each in logins if each.status == 200 and each.at <= exchange.at)
        login = next((each for each in before if _origin(each) == _origin(exchange)), None)
    return RelatedExchanges(tuple(sorted(attempts, key=lambda each: each.number)), login)


def was_accepted(exchange: Exchange, exchanges: Exchanges) -> bool | None:
    """Whether the store took what the same client sent with an authentication; None where the log does not say."""
    taken = any(
        each.client == exchange.client
        and each.status is not None
        and each.status < 300
        and header_of(each.request_headers, "Authorization") is not None
        for each in islice(reversed(exchanges), _FAR)
    )
    return True if taken else None


def _origin(exchange: Exchange) -> str:
    try:
        return origin_of(exchange.uri)
    except InvalidValue:
        return ""


# What can be copied of an exchange.


_SHOWN = 50


def copies(exchange: Exchange, profile: str | None, value: tuple[str, str] | None) -> dict[str, Callable[[], str]]:
    """By title: what makes the text. `value`: path and text of the JSON value under the cursor."""
    offered: dict[str, Callable[[], str]] = {"As curl, without secrets": lambda: curl(exchange, profile)}
    if value is not None:
        path, content = value
        offered[shown_line(f"Placeholder &{{{path}}}", _SHOWN + 14)] = lambda: f"&{{{path}}}"
        offered[shown_line(f"Value {content}", _SHOWN)] = lambda: content
    offered["URI"] = lambda: exchange.uri
    offered["Request headers"] = lambda: _lines(exchange.request_headers)
    if exchange.request_body.data:
        offered["Request body"] = lambda: exchange.request_body.data.decode("utf-8", "replace")
    if exchange.status is not None:
        offered["Response headers"] = lambda: _lines(exchange.headers)
    if exchange.body.data:
        offered["Response body"] = lambda: exchange.body.data.decode("utf-8", "replace")
    offered["Everything, in long format"] = lambda: text(exchange, "full")
    return offered


def _lines(headers: Headers) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)


# Asks for a file to write, which only its user will be able to read.


class FileScreen(ModalScreen[Path | None]):
    """Enter takes the path, Esc goes back. A relative one starts where the program was started."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back", id="file.back")]

    def __init__(self, title: str, name: str) -> None:
        super().__init__()
        self._title, self._proposed = title, name

    def compose(self) -> ComposeResult:
        with Vertical(id="file"):
            yield Static(Content(shown_line(self._title)))
            yield SafeInput(self._proposed, compact=True, select_on_focus=False)
            yield Static(Content("Enter: save · Esc: back. Only you can read the file."), classes="quiet")

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(Path(os.path.abspath(os.path.expanduser(event.value.strip()))))


_SUFFIXES = {"application/json": "json", "text/html": "html", "application/xml": "xml", "text/xml": "xml"}

Send = Callable[[Exchange, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class LogContext:
    """What is behind a log: the machine, the profile's name once it has one, and how a request is sent again."""

    machine: Machine
    profile: Callable[[], str | None] = lambda: None
    send: Send | None = None
    """None where the log was read from a file and there is no profile to send with."""


class LogHost(Container):
    """A widget that shows exchanges, as far as the actions know it."""

    exchanges: Exchanges

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    @property
    def detail(self) -> ExchangeDetail:
        return self.query_one(ExchangeDetail)


class LogActions:
    """The actions of one panel; each takes the exchange it is about, or None if nothing is selected."""

    @dataclass
    class Answered(Message):
        """A request that was sent again was answered, and is in the log under this number."""

        number: int
        status: int

    @dataclass
    class Explained(Message):
        """The diagnosis of an exchange; None where nothing is wrong."""

        exchange: Exchange
        finding: Finding | None

    def __init__(self, panel: LogHost, context: LogContext) -> None:
        self._panel, self._context = panel, context

    def say(self, sentence: str, *, bad: bool = False) -> None:
        self._panel.notify(shown_line(sentence), severity="error" if bad else "information", markup=False)

    def copy(self, exchange: Exchange | None) -> None:
        """Copies the request as a command."""
        if exchange is None:
            self.say("No request to copy yet.")
            return
        self._copy(curl(exchange, self._context.profile()))

    def choose_copy(self, exchange: Exchange | None) -> None:
        """Asks what to copy."""
        if exchange is None:
            self.say("No request to copy yet.")
            return
        value = self._panel.detail.value_at_cursor() if self._panel.detail.exchange is exchange else None
        offered = copies(exchange, self._context.profile(), value)

        def take(title: str | None) -> None:
            if title is not None:
                self._copy(offered[title]())

        self._panel.app.push_screen(ChoiceScreen({title: title for title in offered}, next(iter(offered))), take)

    def _copy(self, text: str) -> None:
        async def work() -> None:
            self.say(await copy(text, self._panel.app, self._context.machine))

        self._panel.run_worker(work())

    def again(self, exchange: Exchange | None) -> None:
        """Sends the request as it was asked."""
        if (request := self._asked(exchange)) is not None and exchange is not None:
            self._send(exchange, request)

    def edit(self, exchange: Exchange | None) -> None:
        """Lets the request be changed, then sends it."""
        request = self._asked(exchange)
        if request is None or exchange is None:
            return

        def take(changed: Request | None) -> None:
            if changed is not None:
                self._send(exchange, changed)

        self._panel.app.push_screen(RequestForm(request, self._context.machine, f"#{exchange.number}"), take)

    def _asked(self, exchange: Exchange | None) -> Request | None:
        if exchange is None:
            self.say("No request to resend yet.")
            return None
        if self._context.send is None:
            self.say(
                "This log was read from a file. To send requests, open it with a profile: log FILE --profile NAME",
                bad=True,
            )
            return None
        try:
            return resendable_request(exchange)
        except InvalidRequest as error:
            self.say(str(error), bad=True)
            return None

    def _send(self, exchange: Exchange, request: Request) -> None:
        send = self._context.send
        assert send is not None

        async def work() -> None:
            try:
                response = await send(exchange, request)
            except RequestFailed as error:
                self.say(f"#{exchange.number} again: {error}", bad=True)
            else:
                self._panel.post_message(self.Answered(response.exchange, response.status))

        self.say(f"Resending #{exchange.number} …")
        self._panel.run_worker(work())

    def explain(self, exchange: Exchange) -> None:
        """Finds out what is wrong with it: off the loop, for a long response takes its time."""
        self._panel.run_worker(self._diagnose(exchange), group="explain", exclusive=True)

    async def _diagnose(self, exchange: Exchange) -> None:
        exchanges = self._panel.exchanges
        way: AuthKind = "request" if related_exchanges(exchange, exchanges).login else ""
        accepted = was_accepted(exchange, exchanges)
        finding = await asyncio.to_thread(diagnose_exchange, exchange, way, authenticated=accepted)
        self._panel.post_message(self.Explained(exchange, finding))

    def save_body(self, exchange: Exchange | None) -> None:
        """Writes the response's body, as far as it was kept, to a file that only its user can read."""
        if exchange is None or not exchange.body.data:
            self.say("The log has no body of this response.")
            return
        suffix = _SUFFIXES.get(
            exchange.body.media_type, "txt" if exchange.body.media_type.startswith("text/") else "bin"
        )
        part = f" (kept in part: {len(exchange.body.data)} of {exchange.body.size} bytes)" if exchange.body.cut else ""
        self.keep(
            f"Save the body of #{exchange.number}{part}",
            f"answer-{exchange.number}.{suffix}",
            lambda _: exchange.body.data,
        )

    def export(self) -> None:
        """Writes the marked exchanges, or without marks those that the list shows, as a HAR or as a recording."""
        view = self._panel.view
        shown = view.view.page(0, len(view.view))
        chosen = [each for each in shown if each.number in view.marks] if view.marks else shown
        if not chosen:
            self.say("No requests to export.")
            return
        which = "marked" if view.marks else "shown"
        title = f"Export the {len(chosen)} {which} requests: .har for other tools, .jsonl for tui-connector log"
        self.keep(title, "requests.har", lambda path: _exported(chosen, path))

    def keep(self, title: str, name: str, content: Callable[[Path], bytes]) -> None:
        """Asks for a file, makes its content for that name, and writes it."""

        def take(path: Path | None) -> None:
            if path is not None:
                self._panel.run_worker(self._write(path, content, replace=False))

        self._panel.app.push_screen(FileScreen(title, name), take)

    async def _write(self, path: Path, content: Callable[[Path], bytes], *, replace: bool) -> None:
        try:
            data = await asyncio.to_thread(content, path)
            await asyncio.to_thread(write_private, path, data, replace=replace, make_directory=False)
        except FileExistsError:
            self._ask_to_replace(path, content)
        except OSError as error:
            self.say(f"Not saved: {reason(error)}: {path}. {remedy(error)}", bad=True)
        else:
            self.say(f"Saved {len(data)} bytes: {path}")

    def _ask_to_replace(self, path: Path, content: Callable[[Path], bytes]) -> None:
        def take(yes: bool | None) -> None:
            if yes:
                self._panel.run_worker(self._write(path, content, replace=True))

        self._panel.app.push_screen(ConfirmScreen(f"{shown_line(str(path))} already exists. Replace it?"), take)

    def clear(self) -> None:
        """Empties the log, asking first: what it holds is nowhere else."""

        def take(yes: bool | None) -> None:
            if yes:
                self._panel.exchanges.clear()
                self._panel.view.marks.clear()

        self._panel.app.push_screen(ConfirmScreen("Clear the log? Its requests are not stored anywhere else."), take)


def _exported(exchanges: Sequence[Exchange], path: Path) -> bytes:
    from ...log import har
    from ...log.records import line

    return b"".join(map(line, exchanges) if path.suffix == ".jsonl" else har.export(exchanges))
