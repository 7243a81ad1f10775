"""Actions on exchanges of the log: copy, resend, explain, save, export."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from textual.containers import Container
from textual.message import Message

from ...client.curl import curl, has_credentials
from ...client.exchange import Exchange, Exchanges
from ...client.message import (
    Headers,
    InvalidRequest,
    NoResponse,
    Request,
    RequestFailed,
    RequestInfo,
    Response,
    header_of,
)
from ...client.printer import text
from ...errors import UserError
from ...files import write_private
from ...guide.resend import LoggedRequest, NewRequests, labelled_as_edited, logged_request, resendable_request
from ...guide.rest_api import KnownPaths
from ...machine import Machine
from ...magento.diagnosis import AuthKind, Finding, diagnose_exchange
from ...text import count, shown_line
from ...units import size
from ..clipboard import copy
from ..dialogs import ConfirmScreen, EntryScreen, InputScreen, answer_of
from ..widgets.choice import ChoiceScreen
from .detail import ExchangeDetail
from .exchange_text import RelatedExchanges
from .list import LogView
from .request_form import RequestForm, UnsentRequest
from .sending_question import confirm_request

_LOOKBACK = 5_000
"""Maximum number of exchanges searched, from the newest back: it happens at every move of the cursor."""


def related_exchanges(exchange: Exchange, exchanges: Exchanges) -> RelatedExchanges:
    """All attempts of its call, oldest first, the login whose token it has, and what it repeats."""
    attempts, login = {exchange.attempt: exchange}, None
    for each in islice(reversed(exchanges), _LOOKBACK):
        if each.call == exchange.call and each.attempt not in attempts and _is_other_attempt(each, exchange):
            attempts[each.attempt] = each
        elif login is None and each.number == exchange.login and each.purpose == "login" and each.at <= exchange.at:
            login = each  # the newest: another session of a log has the same numbers
    ordered = tuple(sorted(attempts.values(), key=lambda each: each.attempt))
    return RelatedExchanges(ordered, login, repeated_exchange(exchange, exchanges))


def _is_other_attempt(one: Exchange, other: Exchange) -> bool:
    """Whether these, which have the same call, are attempts of it: another session of a log counts from 1 again."""
    later = one.attempt > other.attempt
    is_same = bool(other.call) and (one.method, one.uri) == (other.method, other.uri)
    return is_same and (one.at >= other.at if later else one.at <= other.at)


def repeated_exchange(exchange: Exchange, exchanges: Exchanges) -> Exchange | None:
    """The exchange that this one repeats, where the user resent it and the log still has it."""
    wanted = exchange.original.about.repeats if exchange.original is not None else None
    return next((each for each in reversed(exchanges) if each.identity == wanted), None) if wanted else None


def was_accepted(exchange: Exchange, exchanges: Exchanges) -> bool | None:
    """True if the store accepted an authenticated request of the same client; None where the log has none."""
    was_accepted_before = any(
        each.client == exchange.client
        and each.status is not None
        and each.status < 300
        and header_of(each.request_headers, "Authorization") is not None
        for each in islice(reversed(exchanges), _LOOKBACK)
    )
    return True if was_accepted_before else None


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


_FROM_A_FILE = "This log was read from a file. To send requests, open it with a profile: log FILE --profile NAME"
_ONLY_YOU = "Only you can read the file."
_SUFFIXES = {"application/json": "json", "text/html": "html", "application/xml": "xml", "text/xml": "xml"}

Send = Callable[[Exchange, Request], Awaitable[Response]]
FindPaths = Callable[[], AsyncIterator[KnownPaths]]


@dataclass(frozen=True, slots=True)
class LogContext:
    """What the actions need: the machine, the name of the profile if it has one, and how to resend a request."""

    machine: Machine
    profile: Callable[[], str | None] = lambda: None
    send: Send | None = None
    """None for a log from a file, without a profile to send with."""
    new: NewRequests | None = None
    """Sends requests written from scratch; None where there is no profile to send them with."""
    dates: bool = False
    """Whether the log may be of several days."""
    is_live: bool = True
    """Whether requests of others than its user are added to it."""
    environment: str = ""
    """Of the profile; "" for its base values."""
    unset: Callable[[str], Sequence[str]] = lambda _: ()
    """Returns the variables to set in a shell before a curl command for a request of this client works."""


@dataclass(frozen=True, slots=True)
class _FormOf:
    """What a form for a request is made from."""

    key: object
    """Identifies what is edited."""
    title: str
    request: Request
    missing: str
    client: str
    base: str
    paths: FindPaths | None
    send: Callable[[Request], tuple[Awaitable[Response], str, str]]
    """Sends the edited request; also how it is named in messages, and what happened to it if it was sent."""


class LogHost(Container):
    """The part of the log panel that the actions use."""

    exchanges: Exchanges

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    @property
    def detail(self) -> ExchangeDetail:
        return self.query_one(ExchangeDetail)


class LogActions:
    """The actions of a panel. Their argument is the selected exchange, or None."""

    @dataclass
    class Resent(Message):
        """A request of the user was sent; `number` is that of its exchange."""

        number: int

    @dataclass
    class Explained(Message):
        """The diagnosis of an exchange; None where nothing is wrong."""

        exchange: Exchange
        finding: Finding | None

    def __init__(self, panel: LogHost, context: LogContext) -> None:
        self._panel, self._context = panel, context
        self._unsent: dict[object, UnsentRequest] = {}
        """Requests that were edited and could not be sent, by the key of their form."""

    @property
    def _profile(self) -> str:
        return self._context.profile() or ""

    @property
    def can_send(self) -> bool:
        """Whether requests can be sent from this log."""
        return self._context.send is not None

    @property
    def can_write(self) -> bool:
        """Whether new requests can be written and sent from this log."""
        return self._context.new is not None

    def missing_of(self, exchange: Exchange) -> str:
        """What the log does not have of a request that could be sent from it; "" if it has all."""
        if not self.can_send or exchange.purpose == "login":
            return ""
        return logged_request(exchange).missing

    def notify(self, sentence: str, *, bad: bool = False) -> None:
        self._panel.notify(shown_line(sentence), severity="error" if bad else "information", markup=False)

    def _notify_nothing_selected(self) -> None:
        is_folded = bool(self._panel.view.selected_probes)
        self.notify("Enter lists these probes one by one: select one." if is_folded else "No request is selected.")

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

    def resend(self, exchange: Exchange | None) -> None:
        """Resends the request unchanged: at once if it only reads, otherwise after a confirmation."""
        logged = self._request_of(exchange)
        if logged is None or exchange is None:
            return
        try:
            request = resendable_request(exchange)
        except InvalidRequest as error:
            self.notify(str(error), bad=True)
            return
        self._panel.run_worker(self._confirm(exchange, request), group="resend", exclusive=True)

    async def _confirm(self, exchange: Exchange, request: Request) -> None:
        """Sends a request as it was, after the questions for missing secrets and for what may change the store."""
        if refusal := await self._enter_secrets(exchange.client):
            self.notify(f"#{exchange.number} not sent: {refusal}", bad=True)
            return
        send = partial(self._send, exchange, request)
        confirm_request(self._panel.app, request, exchange.uri, self._profile, send)

    async def _enter_secrets(self, client: str) -> str:
        """Prompts for each missing secret of this client; returns why none of its requests can be sent, or nothing."""
        new = self._context.new
        if new is None:
            return ""
        try:
            missing = await new.missing_secrets(client)
        except UserError as error:
            return str(error)
        for secret in missing:
            what = f"The environment variable {secret.source.env} is not set"
            if secret.source.env is None:
                what = f"The keyring has no entry {secret.source.keyring!r}"
            if not new.can_enter:
                return f"{what}. Enter its value in step 2 of the guide."
            question = InputScreen(f"{what}. Its value, for this session:", secret=True)
            if not (value := await answer_of(self._panel.app, question)):
                return f"{what}. Send again to enter its value for this session."
            new.enter(secret, value)
        return ""

    def edit(self, exchange: Exchange | None) -> None:
        """Opens the request in a form, which sends it; as it was edited before, if that could not be sent."""
        logged = self._request_of(exchange)
        if logged is None or exchange is None:
            return
        request, missing = logged

        def send(changed: Request) -> tuple[Awaitable[Response], str, str]:
            if replace(changed, about=request.about) == request:
                return self._sent(exchange, changed), f"#{exchange.number}", "resent"
            edited = labelled_as_edited(changed, exchange)
            return self._sent(exchange, edited), f"Edited #{exchange.number}", "sent"

        base, paths = self._client_of(exchange)
        title = f"Edit and resend #{exchange.number}"
        self._open_form(_FormOf(exchange.identity, title, request, missing, exchange.client, base, paths, send))

    def _open_form(self, of: _FormOf) -> None:
        def chosen(request: Request | None) -> None:
            self._unsent.pop(of.key, None)
            if request is not None:
                self._await_response(*of.send(request), refused=partial(refused, request))

        def refused(request: Request, reason: str) -> None:
            self._unsent[of.key] = UnsentRequest(request, reason)
            if self._panel.screen.is_current:  # otherwise it opens with the same key
                self._open_form(of)

        form = RequestForm(
            of.request,
            self._context.machine,
            of.title,
            of.base,
            of.paths,
            profile=self._profile,
            missing=of.missing,
            secrets=partial(self._enter_secrets, of.client),
            unsent=self._unsent.get(of.key),
        )
        self._panel.app.push_screen(form, chosen)

    def _client_of(self, exchange: Exchange) -> tuple[str, FindPaths | None]:
        """The base URI of its client and the paths below it; its own address where the profile has no such client."""
        new = self._context.new
        with suppress(InvalidRequest):
            if new is not None and (base := new.base_uri(exchange.client)):
                return base, self._paths(new, exchange.client)
        return exchange.uri, None

    def _request_of(self, exchange: Exchange | None) -> LoggedRequest | None:
        if exchange is None:
            self._notify_nothing_selected()
            return None
        if self._context.send is None:
            self.notify(_FROM_A_FILE, bad=True)
            return None
        try:
            return logged_request(exchange)
        except InvalidRequest as error:
            self.notify(str(error), bad=True)
            return None

    def _send(self, exchange: Exchange, request: Request) -> None:
        self._await_response(self._sent(exchange, request), f"#{exchange.number}", "resent")

    def _sent(self, exchange: Exchange, request: Request) -> Awaitable[Response]:
        send = self._context.send
        assert send is not None
        return send(exchange, request)

    def _await_response(
        self, sending: Awaitable[Response], what: str, sent: str, refused: Callable[[str], None] | None = None
    ) -> None:
        """Selects the exchange of a request once it has ended; `refused` gets the reason where nothing was sent."""

        async def work() -> None:
            try:
                response = await sending
            except RequestFailed as error:
                outcome = sent if isinstance(error, NoResponse) else "not sent"
                self.notify(f"{what} {outcome}: {error}", bad=True)
                number = error.exchange
                if refused is not None and not isinstance(error, NoResponse):
                    refused(str(error))
            else:
                number = response.exchange
            if number:
                self._panel.post_message(self.Resent(number))

        self._panel.run_worker(work())

    def new(self) -> None:
        """Opens the form for a request written from scratch."""
        new = self._context.new
        if new is None:
            self.notify(_FROM_A_FILE, bad=True)
            return
        try:
            base = new.base_uri()
        except InvalidRequest as error:
            self.notify(str(error), bad=True)
            return

        def send(request: Request) -> tuple[Awaitable[Response], str, str]:
            return new.send(request), f"{request.method} {request.uri}", "sent"

        request = Request(
            "GET", "", (("Accept", "application/json"),), about=RequestInfo(purpose="test", note="new request")
        )
        self._open_form(_FormOf(None, "New request", request, "", "", base, self._paths(new), send))

    def _paths(self, new: NewRequests, client: str = "") -> FindPaths:
        """The paths of the store: those that were kept, then those of its schema.

        That is read to the end even if the form is closed before: the next one needs them, too.
        """
        read: asyncio.Future[KnownPaths | None] = asyncio.get_running_loop().create_future()

        async def load() -> None:
            found = None
            with suppress(RequestFailed):  # the log shows it, and the request can be written without completion
                found = await new.paths(client)
            if not read.done():
                read.set_result(found)

        async def known() -> AsyncIterator[KnownPaths]:
            with suppress(RequestFailed):
                yield await new.kept_paths(client)
            if (found := await read) is not None:
                yield found

        self._panel.run_worker(load())
        return known

    def explain(self, exchange: Exchange) -> None:
        """Diagnoses the exchange, in a thread, as a long response takes time."""
        self._panel.run_worker(self._diagnose(exchange), group="explain", exclusive=True)

    async def _diagnose(self, exchange: Exchange) -> None:
        exchanges = self._panel.exchanges
        method: AuthKind = "request" if exchange.login else ""
        accepted = was_accepted(exchange, exchanges)
        diagnose = partial(diagnose_exchange, auth=method, authenticated=accepted)
        finding = await asyncio.to_thread(lambda: diagnose(exchange.with_whole_body()))
        self._panel.post_message(self.Explained(exchange, finding))

    def save_body(self, exchange: Exchange | None) -> None:
        """Saves the recorded part of the response's body to a private file."""
        if exchange is None or not exchange.body.data:
            self.notify("The log has no body of this response.")
            return
        suffix = _SUFFIXES.get(
            exchange.body.media_type, "txt" if exchange.body.media_type.startswith("text/") else "bin"
        )
        kept, title = exchange.body, f"Save the body of #{exchange.number}"
        if kept.is_partial:
            again = " Resend it (x) for the whole body." if exchange.method == "GET" else ""
            title = (
                f"Only the first {size(len(kept.data))} of {size(kept.size)} of the body of #{exchange.number} were "
                f"kept, and are saved.{again}"
            )
        self.save_file(title, f"response-{exchange.number}.{suffix}", lambda _: [exchange.with_whole_body().body.data])

    def export(self) -> None:
        """Exports the marked exchanges, or without marks the listed ones, as HAR or as a recording."""
        view = self._panel.view
        shown = view.listed()
        chosen = [each for each in shown if each.identity in view.marks] if view.marks else shown
        if not chosen:
            self.notify("No requests to export.")
            return
        which = "marked" if view.marks else "shown"
        title = f"Export the {len(chosen)} {which} requests: .har for other tools, .jsonl for tui-connector log"
        export = _Export(chosen)
        self.save_file(title, "requests.har", export.pieces, lambda: export.left_out)

    def save_file(
        self,
        title: str,
        name: str,
        content: Callable[[Path], Iterable[bytes]],
        note: Callable[[], str] = lambda: "",
    ) -> None:
        """Prompts for a path and writes the pieces of `content(path)` there; `note` is said afterwards."""
        app = self._panel.app

        async def save(typed: str) -> str:
            path = await asyncio.to_thread(lambda: Path(os.path.abspath(os.path.expanduser(typed))))

            def write(*, replace: bool) -> int:
                written = _Counted(content(path))
                write_private(path, written, replace=replace, make_directory=False)
                return written.size

            try:
                written = await asyncio.to_thread(write, replace=False)
            except FileExistsError:
                question = f"{shown_line(str(path))} already exists. Replace it?"
                if not await app.push_screen_wait(ConfirmScreen(question, yes="Replace", no="Keep")):
                    raise UserError("file-exists", f"{path} already exists", "Choose another name.") from None
                written = await asyncio.to_thread(write, replace=True)
            return f"Saved {written} bytes: {path}{note()}"

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

        question = "Clear the log? Its requests are not stored anywhere else."
        screen = ConfirmScreen(question, title="Clear the log", yes="Clear", no="Keep")
        self._panel.app.push_screen(screen, chosen)


class _Counted:
    """Pieces of a file, and the bytes of those that were taken."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            yield piece


class _Export:
    """Exchanges as a file, each with the whole body of its response where that is still in memory."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._exchanges = exchanges
        self._partial = 0

    def pieces(self, path: Path) -> Iterable[bytes]:
        """A recording for a path that ends with .jsonl, otherwise a HAR. One exchange at a time is in memory whole."""
        from ...log import har
        from ...log.records import line

        self._partial = 0
        return map(line, self._whole()) if path.suffix == ".jsonl" else har.export(self._whole())

    def _whole(self) -> Iterator[Exchange]:
        for each in self._exchanges:
            exchange = each.with_whole_body()
            self._partial += exchange.is_partial
            yield exchange

    @property
    def left_out(self) -> str:
        """How many of the bodies that were written are not complete; "" if all are."""
        if not self._partial:
            return ""
        return f". {count(self._partial, 'request has', 'requests have')} a body that was not kept, or only in part."
