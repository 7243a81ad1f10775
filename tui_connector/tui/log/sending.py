"""Sending by hand from the log: a request again, as it was or edited, or a new one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from textual.containers import Container
from textual.message import Message

from ...client.exchange import Exchange, Exchanges
from ...client.message import InvalidRequest, NoResponse, Request, RequestFailed, RequestInfo, Response
from ...client.uri import is_absolute
from ...errors import UserError
from ...guide.requests.resend import (
    LoggedRequest,
    NewRequests,
    labelled_as_edited,
    logged_request,
    relative_uri,
    resendable_request,
)
from ...guide.rest_api import KnownPaths, common_paths
from ...log.history import Keep
from ...log.operators import Predicate
from ...log.request_summary import request_summary
from ...machine import Machine
from ...text import shown, shown_line
from ..unsent_requests import UnsentRequest, UnsentRequests, unsent_requests_of
from ..viewed import ViewedProfile, named_from, screen_looked_at, viewed_on
from .detail import ExchangeDetail
from .form_state import FormPlace
from .list import LogView
from .path_editor import FindPaths
from .request_form import RequestForm
from .sending_question import confirm_request

_QUICK = 0.5
"""Seconds within which most responses arrive: the list need not show meanwhile that it waits for one."""
_FROM_A_FILE = "This log was read from a file. To send requests, open it with a profile: log FILE --profile NAME"

_WIDEST_NAME = 60
"""Columns of a request in a message."""
_LONGEST_ERROR = 100
"""Columns of why a request that was sent has failed: with its name, three lines of the message."""

Send = Callable[[Exchange, Request], Awaitable[Response]]


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
    is_history: bool = False
    """Whether it is the history of a profile, which keeps the bodies that the profile says."""
    environment: str = ""
    """Of the profile; "" for its base values."""
    unset: Callable[[str], Sequence[str]] = lambda _: ()
    """Returns the variables to set in a shell before a curl command for a request of this client works."""
    is_own_failure: Predicate | None = None
    """Which failures are of the run that the log is beside; None where it is beside none."""
    failures_meant: Callable[[], str] = lambda: ""
    """Returns which they are in words, such as " of this run"."""
    first_own: Callable[[], int] = lambda: 0
    """Returns the number of the first request of the run since it was started last; 0 where there is no run."""
    history: Callable[[], Keep] = lambda: "off"
    """Returns what the history keeps of the requests that are sent."""

    def after_clearing(self) -> str:
        """A sentence on where the requests are after the log was cleared."""
        if self.is_history:
            return "The history still has its requests."
        if self.dates or not self.is_live:
            return "The file still has its requests."
        keep = self.history()
        if keep == "off":
            return "Its requests are not stored anywhere else."
        key = " (H)" if self.profile() is not None else ""
        return f"The history{key} still has its requests{_NOT_IN_HISTORY[keep]}."


_NOT_IN_HISTORY: Mapping[Keep, str] = {
    "metadata": ", most without their bodies",
    "requests": ", without the bodies of responses",
    "bodies": "",
}


@dataclass(frozen=True, slots=True)
class _Sending:
    """A request that is being sent."""

    request: Request
    response: Awaitable[Response]
    what: str
    """Its name in messages."""
    outcome: str
    """What happened to it, unless it is not sent."""

    def has(self, exchange: Exchange) -> bool:
        """Whether this is an attempt of it."""
        original, about = exchange.original, self.request.about
        return (
            original is not None
            and replace(original.about, variant=about.variant) == about
            and replace(original, about=about) == self.request
        )


@dataclass(frozen=True, slots=True)
class _FormOf:
    """What a form for a request is made from."""

    key: Hashable
    """Identifies what is edited."""
    number: int | None
    """Of the exchange that is edited; None for a new request."""
    title: str
    request: Request
    missing: str
    client: str
    base: str
    paths: FindPaths | None
    send: Callable[[Request], _Sending]
    """Sends the edited request."""

    @property
    def opened_by(self) -> str:
        """The key that opens it, and on what."""
        return "+" if self.number is None else _opened_by(self.number)


@dataclass(frozen=True, slots=True)
class _Sender:
    """The form that sends a request, and where the user was in it."""

    of: _FormOf
    place: FormPlace | None


def _opened_by(number: int) -> str:
    return f"X on #{number}"


def _has_left(error: UserError, attempts: Sequence[Exchange]) -> bool:
    """Whether the store may have received a request that failed with this error after these attempts."""
    if isinstance(error, NoResponse) and error.may_have_arrived:
        return True
    return any(each.status is not None or each.timings.send is not None for each in attempts)


class LogHost(Container):
    """The part of the log panel that the actions use."""

    exchanges: Exchanges

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    @property
    def detail(self) -> ExchangeDetail:
        return self.query_one(ExchangeDetail)


class RequestActions:
    """The actions of a panel that send. Their argument is the selected exchange, or None."""

    @dataclass
    class Resent(Message):
        """A request of the user was sent; `number` is that of its exchange."""

        number: int
        visits: int
        """Those of the list when it was sent."""

    @dataclass
    class Attempted(Message):
        """An attempt of a request of the user has ended; None: none has for a moment."""

        exchange: Exchange | None
        visits: int
        """Those of the list when it was sent."""

    def __init__(self, panel: LogHost, context: LogContext) -> None:
        self._panel, self._context = panel, context
        self._places: dict[Hashable, FormPlace | None] = {}
        """Where the user was in the form of an exchange, and in the form from which it was sent."""

    @property
    def _profile(self) -> str:
        return self._context.profile() or ""

    @property
    def _unsent(self) -> UnsentRequests:
        return unsent_requests_of(self._panel.app)

    @property
    def can_send(self) -> bool:
        """Whether requests can be sent from this log."""
        return self._context.send is not None

    @property
    def can_write(self) -> bool:
        """Whether new requests can be written and sent from this log."""
        return self._context.new is not None

    def why_not_resent(self, exchange: Exchange) -> str:
        """Why a log that can send does not resend this request unchanged, and which keys work; "" where it does."""
        if not self.can_send:
            return ""
        try:
            missing = logged_request(exchange).missing
        except InvalidRequest as error:
            return str(error)
        return f"x cannot resend it: {missing}. X opens it for editing." if missing else ""

    def notify(self, sentence: str, *, bad: bool = False) -> None:
        """Shows a sentence about a request of this log; names the log where the user looks at another one, or none."""
        screen = screen_looked_at(self._panel.app)
        if not any(each.exchanges is self._panel.exchanges for each in screen.query(LogHost)):
            sentence = f"{self._log_name(viewed_on(screen))}: {sentence}"
        self._panel.notify(shown(sentence), severity="error" if bad else "information", markup=False)

    def _log_name(self, viewed: ViewedProfile | None) -> str:
        name, own = "History" if self._context.is_history else "Log of this session", viewed_on(self._panel.screen)
        return name if own is None else named_from(viewed, name, own, own.environment or "")

    def _notify_nothing_selected(self) -> None:
        is_folded = bool(self._panel.view.selected_probes)
        self.notify("Enter lists these probes one by one: select one." if is_folded else "No request is selected.")

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
        send = partial(self._resend, exchange, request)
        confirm_request(self._panel.app, request, exchange.uri, self._profile, send)

    def _resend(self, exchange: Exchange, request: Request) -> None:
        self._panel.run_worker(self._resend_with_secrets(exchange, request), group="resend", exclusive=True)

    async def _resend_with_secrets(self, exchange: Exchange, request: Request) -> None:
        if refusal := await self._enter_secrets(exchange.client):
            self.notify(f"#{exchange.number} not sent: {refusal}", bad=True)
        else:
            self._await_response(self._sending(exchange, request))

    async def _enter_secrets(self, client: str) -> str:
        """Prompts for each missing secret of this client; returns why none of its requests can be sent, or nothing."""
        try:
            if self._context.new is not None:
                await self._context.new.enter_missing(client)
        except UserError as error:
            return str(error)
        return ""

    def edit(self, exchange: Exchange | None) -> None:
        """Opens the request in a form, which sends it; as it was edited before, if that could not be sent."""
        logged = self._request_of(exchange)
        if logged is None or exchange is None:
            return
        base, paths = self._client_of(exchange)
        request = replace(logged.request, uri=relative_uri(base, logged.request.uri))

        def send(changed: Request) -> _Sending:
            if replace(changed, about=request.about) == request:
                return self._sending(exchange, changed)
            edited = labelled_as_edited(changed, exchange)
            return replace(self._sending(exchange, edited), what=f"Edited #{exchange.number}", outcome="sent")

        title = f"Edit and resend #{exchange.number}"
        key, number, client = exchange.identity, exchange.number, exchange.client
        self._open_form(_FormOf(key, number, title, request, logged.missing, client, base, paths, send))

    def _open_form(self, of: _FormOf) -> None:
        def chosen(request: Request | None) -> None:
            self._places[of.key] = form.place
            if request is not None:
                self._await_response(of.send(request), _Sender(of, form.place))

        unsent = self._unsent.take(of.key)
        form = RequestForm(
            of.request,
            self._context.machine,
            of.title,
            of.base,
            of.paths,
            profile=self._profile,
            missing=of.missing,
            secrets=partial(self._enter_secrets, of.client),
            unsent=unsent,
            begins_at=self._places.get(of.key) if of.number is not None or unsent is not None else None,
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

    def _sending(self, exchange: Exchange, request: Request) -> _Sending:
        send = self._context.send
        assert send is not None
        return _Sending(request, send(exchange, request), f"#{exchange.number}", "resent")

    def _await_response(self, sending: _Sending, by: _Sender | None = None) -> None:
        """Has the exchange of a request selected once it has ended, unless something else was visited meanwhile.

        `by`: the form that sends it. Where nothing was sent, it can be opened again with what was written: it does not
        open by itself, as the user may be typing elsewhere.
        """
        listeners, attempts = self._panel.exchanges.on_recorded, list[Exchange]()
        visits = self._panel.view.visits

        def recorded(exchange: Exchange) -> None:
            if sending.has(exchange):
                attempts.append(exchange)
                if by is not None and by.place is not None:
                    self._places[exchange.identity] = by.place
                self._panel.post_message(self.Attempted(exchange, visits))

        async def response_of() -> Response:
            listeners.append(recorded)
            response = asyncio.ensure_future(sending.response)
            try:
                await asyncio.wait({response}, timeout=_QUICK)
                if not response.done() and not attempts:
                    self._panel.post_message(self.Attempted(None, visits))
                return await response
            finally:
                listeners.remove(recorded)
                response.cancel()

        async def work() -> None:
            try:
                response = await (response_of() if by is None else self._kept_until_sent(sending, by, response_of()))
            except UserError as error:
                was_sent = _has_left(error, attempts)
                # of what was sent, the log has the rest
                words = shown_line(error.message, _LONGEST_ERROR) if was_sent else str(error)
                if by is not None and not was_sent:
                    unsent = UnsentRequest(sending.request, f"Not sent: {error}", is_logged=bool(attempts))
                    self._unsent.keep(unsent, by.of.key, *(each.identity for each in attempts))
                    opened_by = _opened_by(attempts[-1].number) if attempts else by.of.opened_by
                    words += f"{'' if words.endswith(('.', '?')) else '.'} {opened_by} opens it again."
                number = attempts[-1].number if attempts else getattr(error, "exchange", None)  # that of a login, too
                row = f" (see #{number})" if number else ""
                self.notify(f"{sending.what} {sending.outcome if was_sent else 'not sent'}{row}: {words}", bad=True)
            else:
                number = response.exchange
            if number:
                self._panel.post_message(self.Resent(number, visits))

        self._panel.run_worker(work())

    async def _kept_until_sent(self, sending: _Sending, by: _Sender, response: Awaitable[Response]) -> Response:
        """The response; until it is there, quitting asks, and leaving the screen keeps the request."""
        being_sent = object()
        self._unsent.keep(UnsentRequest(sending.request, ""), being_sent)
        try:
            return await response
        except asyncio.CancelledError:
            reason = "The log was closed before the store responded: it may have received this request."
            self._unsent.keep(UnsentRequest(sending.request, reason), by.of.key)
            self.notify(f"{sending.what}: {reason} {by.of.opened_by} opens it again.", bad=True)
            raise
        finally:
            self._unsent.take(being_sent)

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

        def send(request: Request) -> _Sending:
            uri = request.uri if is_absolute(request.uri) else f"{base.rstrip('/')}/{request.uri.lstrip('/')}"
            what = shown_line(f"{request.method} {request_summary(uri)}", _WIDEST_NAME)
            return _Sending(request, new.send(request), what, "sent")

        request = Request(
            "GET", "", (("Accept", "application/json"),), about=RequestInfo(purpose="user", note="new request")
        )
        key = "new", self._profile, self._context.environment, base
        self._open_form(_FormOf(key, None, "New request", request, "", "", base, self._paths(new), send))

    def _paths(self, new: NewRequests, client: str = "") -> FindPaths:
        """The paths of the store: those that were kept, or common ones, then those of its schema.

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
                kept = await new.kept_paths(client)
                yield kept if kept.paths else common_paths()
            if (found := await read) is not None:
                yield found

        self._panel.run_worker(load())
        return known
