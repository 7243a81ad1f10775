"""Actions on exchanges of the log: copy, explain, save, export; and those that send."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, takewhile
from pathlib import Path

from textual.message import Message

from ...client.curl import curl, has_credentials
from ...client.exchange import Exchange, Exchanges
from ...client.message import Headers, InvalidRequest, Request, Response, header_of
from ...client.printer import text
from ...errors import UserError
from ...files import write_private
from ...guide.requests.resend import resendable_request
from ...magento.diagnosis import AuthKind, Finding, diagnose_exchange
from ...magento.diagnosis.case import auth_kind_of
from ...magento.diagnosis.probes import MODULES
from ...secrets.mask import Mask
from ...text import count, shown_line
from ...units import size
from ..clipboard import copy
from ..dialogs import EntryScreen
from ..widgets.choice import ChoiceScreen
from ..widgets.frame import by_itself
from ..widgets.questions import ConfirmScreen
from .exchange_text import RelatedExchanges
from .sending import RequestActions

_LOOKBACK = 5_000
"""Maximum number of exchanges searched, from the newest back: it happens at every move of the cursor."""


def related_exchanges(exchange: Exchange, exchanges: Exchanges) -> RelatedExchanges:
    """All that was sent in its call, oldest first, the login whose token it has, and what it repeats."""
    calls, login = dict[int, list[Exchange]](), None
    for back, each in enumerate(islice(reversed(exchanges), _LOOKBACK), start=1):
        if _is_same_call(each, exchange):
            calls.setdefault(exchanges.session_at(exchanges.end - back), []).append(each)
        elif login is None and each.number == exchange.login and each.purpose == "login" and each.at <= exchange.at:
            login = each  # the newest: another session of a log has the same numbers
    # another session of a log counts calls from 1 again
    sent = next((call for call in calls.values() if any(each is exchange for each in call)), [exchange])
    ordered = tuple(sorted(sent, key=lambda each: each.number))
    return RelatedExchanges(ordered, login, repeated_exchange(exchange, exchanges))


def _is_same_call(one: Exchange, other: Exchange) -> bool:
    return bool(other.call) and (one.call, one.method, one.uri) == (other.call, other.method, other.uri)


def repeated_exchange(exchange: Exchange, exchanges: Exchanges) -> Exchange | None:
    """The exchange that this one repeats, where the user resent it and the log still has it."""
    wanted = exchange.original.about.repeats if exchange.original is not None else None
    return next((each for each in reversed(exchanges) if each.identity == wanted), None) if wanted else None


def is_known_caller(exchange: Exchange, exchanges: Exchanges) -> bool | None:
    """True if a probe after this exchange has shown that the store knows its caller; None where none has.

    Other successes prove nothing: anybody may read what they read, or the credentials were valid until then.
    """
    scheme = auth_kind_of(header_of(exchange.request_headers, "Authorization") or "")
    is_proven = scheme != "" and any(
        each.purpose == "probe"
        and each.status == 200
        and each.client == exchange.client
        and each.uri.partition("?")[0].endswith(f"/{MODULES}")
        and auth_kind_of(header_of(each.request_headers, "Authorization") or "") == scheme
        for each in islice(takewhile(lambda each: each.identity != exchange.identity, reversed(exchanges)), _LOOKBACK)
    )
    return is_proven or None


_OF_PATHS = ("no-route", "not-found", "stand-in")
"""The findings of which the cause may be a misspelt path."""
_MAX_TITLE = 50


_AS_CURL = "As curl, without secrets"


def copy_choices(
    exchange: Exchange, command: Callable[[], str], value: tuple[str, str] | None
) -> dict[str, Callable[[], str]]:
    """Functions that return a text to copy, by title.

    `command` returns the curl command. `value`: path and text of the JSON value under the cursor.
    """
    choices: dict[str, Callable[[], str]] = {_AS_CURL: command}
    if value is not None:
        path, content = value
        choices[shown_line(f"Placeholder &{{{path}}}", _MAX_TITLE + 14)] = lambda: f"&{{{path}}}"
        choices[shown_line(f"Value {content}", _MAX_TITLE)] = lambda: content
    choices["URI"] = lambda: exchange.uri
    choices["Request headers"] = lambda: _header_lines(exchange.request_headers)
    if exchange.request_body.data:
        choices["Request body"] = lambda: exchange.request_body.data.decode("utf-8", "replace")
    if exchange.status is not None:
        choices["Response headers"] = lambda: _header_lines(exchange.headers)
    if exchange.body.data:
        choices["Response body"] = lambda: exchange.with_whole_body().body.data.decode("utf-8", "replace")
    choices["Everything, in long format"] = lambda: text(exchange.with_whole_body(), "full")
    return choices


def _header_lines(headers: Headers) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)


_ONLY_YOU = "Only you can read the file."
_SUFFIXES = {"application/json": "json", "text/html": "html", "application/xml": "xml", "text/xml": "xml"}


class LogActions(RequestActions):
    """The actions of a panel. Their argument is the selected exchange, or None."""

    @dataclass
    class Explained(Message):
        """The diagnosis of an exchange; None where nothing is wrong."""

        exchange: Exchange
        finding: Finding | None

    def copy(self, exchange: Exchange | None) -> None:
        """Copies the request as a curl command."""
        if exchange is None:
            self._notify_nothing_selected()
            return
        self._copy_curl(exchange)

    def _copy_curl(self, exchange: Exchange) -> None:
        variables = len(self._context.unset(exchange.client)) if has_credentials(exchange) else 0
        hint = f" Set its {count(variables, 'variable')} first." if variables else ""
        self._copy(self._curl(exchange), f"#{exchange.number} as curl", hint)

    def _curl(self, exchange: Exchange) -> str:
        context = self._context
        unset = context.unset(exchange.client)
        return curl(exchange, context.profile(), environment=context.environment, unset=unset)

    def choose_copy(self, exchange: Exchange | None) -> None:
        """Asks what to copy, and copies it."""
        if exchange is None:
            self._notify_nothing_selected()
            return
        value = self._panel.detail.value_at_cursor() if self._panel.detail.exchange is exchange else None
        choices = copy_choices(exchange, lambda: self._curl(exchange), value)

        def chosen(title: str | None) -> None:
            if title == _AS_CURL:
                self._copy_curl(exchange)
            elif title is not None:
                self._copy(choices[title](), f"“{title}” of #{exchange.number}")

        self._panel.app.push_screen(ChoiceScreen({title: title for title in choices}, next(iter(choices))), chosen)

    def _copy(self, text: str, what: str, hint: str = "") -> None:
        async def work() -> None:
            self.notify(await copy(text, what, self._panel.app, self._context.machine) + hint)

        self._panel.run_worker(work())

    def explain(self, exchange: Exchange) -> None:
        """Diagnoses the exchange, in a thread, as a long response takes time."""
        self._panel.run_worker(self._diagnose(exchange), group="explain", exclusive=True)

    async def _diagnose(self, exchange: Exchange) -> None:
        exchanges = self._panel.exchanges
        method: AuthKind = "request" if exchange.login else ""
        known = is_known_caller(exchange, exchanges)
        diagnose = partial(diagnose_exchange, auth=method, authenticated=known)
        finding = await asyncio.to_thread(lambda: diagnose(exchange.with_whole_body()))
        if finding is not None and finding.id in _OF_PATHS and (unknown := await self._why_unknown(exchange)):
            end = "" if unknown.endswith("?") else "."
            finding = replace(finding, remedy=f"{unknown[0].upper()}{unknown[1:]}{end} {finding.remedy}")
        self._panel.post_message(self.Explained(exchange, finding))

    async def _why_unknown(self, exchange: Exchange) -> str:
        """Why the store may not have the path of this request; "" where that is not known."""
        new = self._context.new
        with suppress(InvalidRequest):
            return "" if new is None else await new.why_unknown(exchange.method, exchange.uri, exchange.client)
        return ""

    def save_body(self, exchange: Exchange | None) -> None:
        """Saves the recorded part of the response's body to a private file."""
        if exchange is None or not exchange.body.data:
            self.notify("The log has no body of this response.")
            return
        suffix = _SUFFIXES.get(
            exchange.body.media_type, "txt" if exchange.body.media_type.startswith("text/") else "bin"
        )
        kept, name = exchange.body, f"response-{exchange.number}.{suffix}"
        if not kept.is_partial:
            title = f"Save the body of #{exchange.number}"
            self.save_file(title, name, lambda _: [exchange.with_whole_body().body.data])
            return
        part = f"the first {size(len(kept.data))} of {size(kept.size)} of the body of #{exchange.number}"
        whole = self._whole_body(exchange)
        if whole is None:
            self.save_file(f"Only {part} were kept, and are saved.", name, lambda _: [kept.data])
        else:
            title = f"Only {part} were kept: it is requested again, and the whole body is saved."
            self.save_file(title, name, lambda _: whole, before=whole.request)

    def _whole_body(self, exchange: Exchange) -> _WholeBody | None:
        """The body of a response to this request, which only reads; None where it is not sent again."""
        send, new = self._context.send, self._context.new
        if send is None or new is None or exchange.method != "GET" or self.why_not_resent(exchange):
            return None
        return _WholeBody(exchange, send, new.mask)

    def export(self) -> None:
        """Exports the marked exchanges, or without marks the listed ones, as HAR or as a recording."""
        view = self._panel.view
        shown = view.listed()
        chosen = [each for each in shown if each.identity in view.marks] if view.marks else shown
        if not chosen:
            self.notify("No requests to export.")
            return
        which = "marked" if view.marks else "shown"
        requests = f"{len(chosen):,} {which} requests" if len(chosen) > 1 else f"{which} request"
        title = f"Export the {requests}: .har for other tools, .jsonl for tui-connector log"
        from ...log.export import Export

        export = Export(chosen)

        def content(path: Path) -> Iterable[bytes]:
            return export.pieces(as_har=path.suffix != ".jsonl")

        self.save_file(title, "requests.har", content, lambda: export.note)

    def save_file(
        self,
        title: str,
        name: str,
        content: Callable[[Path], Iterable[bytes]],
        note: Callable[[], str] = lambda: "",
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Prompts for a path and writes the pieces of `content(path)` there; `note` is said afterwards.

        `before` is awaited first; what it raises is shown, and nothing is written.
        """
        app = self._panel.app

        async def save(typed: str) -> str:
            path = await asyncio.to_thread(lambda: Path(os.path.abspath(os.path.expanduser(typed))))
            if before is not None:
                await before()

            def write(*, replace: bool) -> int:
                written = _Counted(content(path))
                write_private(path, written, replace=replace, make_directory=False)
                return written.size

            try:
                written = await asyncio.to_thread(write, replace=False)
            except FileExistsError:
                question = f"{shown_line(str(path))} already exists. Replace it?"
                if not await app.push_screen_wait(by_itself(ConfirmScreen(question, yes="Replace", no="Keep"))):
                    raise UserError("file-exists", f"{path} already exists", "Choose another name.") from None
                written = await asyncio.to_thread(write, replace=True)
            return f"Saved {written} bytes: {path}. {note()}" if note() else f"Saved {written} bytes: {path}"

        def saved(done: str | None) -> None:
            if done is not None:
                self.notify(done)

        screen = EntryScreen(title, name, apply=save, title="Save", note=_ONLY_YOU, path_endings=())
        app.push_screen(screen, saved)

    def clear(self) -> None:
        """Clears the log, after confirmation."""

        def chosen(yes: bool | None) -> None:
            if yes:
                self._panel.exchanges.clear()
                self._panel.view.marks.clear()

        screen = ConfirmScreen(
            f"Clear the log? {self._context.after_clearing()}", title="Clear the log", yes="Clear", no="Keep"
        )
        self._panel.app.push_screen(screen, chosen)


class _WholeBody:
    """The whole body of a response, of which the log has a part: that of the same request, sent once more."""

    def __init__(
        self, exchange: Exchange, send: Callable[[Exchange, Request], Awaitable[Response]], mask: Mask
    ) -> None:
        self._exchange, self._send, self._mask = exchange, send, mask
        self._data: bytes | None = None

    async def request(self) -> None:
        """Requests it, unless that was done before. Raises `UserError`, also where the store answers otherwise."""
        if self._data is not None:
            return
        exchange = self._exchange
        response = await self._send(exchange, resendable_request(exchange))
        if response.status != exchange.status:
            message = f"The store responded with {response.status} instead of {exchange.status}"
            raise UserError("other-response", message, "The log has the response. Nothing was saved.")
        self._data = await asyncio.to_thread(self._mask.body, response.body, exchange.body.media_type)

    def __iter__(self) -> Iterator[bytes]:
        return iter([self._data or b""])


class _Counted:
    """Pieces of a file, and the bytes of those that were taken."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            yield piece
