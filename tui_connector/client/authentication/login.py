"""One login for any number of requests that wait for it."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from ...placeholder import Json, PlaceholderError, Scope, Template, as_data
from ...secrets.source import SecretSource
from ..error_message import error_message
from ..http_client import seconds, with_parameters
from ..layer import LayerContext
from ..message import About, Answer, LoginRefused, NotSent, Request, RequestFailed
from ..uri import BadUri, absolute, origin_of
from .one_time_code import NoCode, OneTimeCode, Sent, is_code, made, typed
from .stops import LoginStops
from .token import Token, lifetime

if TYPE_CHECKING:
    from .request import RequestAuthentication

_AGAIN = 60.0
"""Seconds within which a second refusal of a new token is the store's last word: it is a missing permission."""
_LONGEST_HEADER = 8_000
"""Characters; web servers take no longer line (nginx: large_client_header_buffers, 8k)."""
_HEADER_NAMES = re.compile(r"[0-9A-Za-z_-]+")
_SKEW = 20.0
"""Seconds that two clocks may differ before one-time codes are refused for it."""
_WRONG_CODE = "Invalid code."
"""Magento_TwoFactorAuth, Model/Provider/Engine/Google/Authenticate.php; it counts towards no lock-out."""


class _Kept:
    """What outlives a session: the token that is still good, and the codes that were sent."""

    def __init__(self) -> None:
        self.token: Token | None = None
        self.made_of: list[str] = []
        """The secrets that the token was given for: it proves nothing about others that are typed in their place."""
        self.sent = Sent()


@dataclass(slots=True)
class _Form:
    """What one login sends."""

    uri: str
    origin: str
    values: dict[str, Any] = field(default_factory=dict, repr=False)
    open_names: list[str] = field(default_factory=list)
    secret_names: list[str] = field(default_factory=list)
    codes: list[tuple[str, int]] = field(default_factory=list)
    has_code: bool = False

    def login(self) -> str:
        """Which login it is, without its secrets: the same user at the same place."""
        return json.dumps([self.uri, {name: self.values[name] for name in self.open_names}], sort_keys=True)

    def secret_values(self) -> str:
        return json.dumps([self.values[name] for name in self.secret_names])

    def words(self) -> str:
        """Who logs in where, for a question."""
        who = next((self.values[name] for name in self.open_names if "user" in name.lower()), None)
        return f"{who} at {self.origin}" if who else self.origin


class Login:
    """Logs in when a token is needed and none is good, once for everybody who waits."""

    def __init__(self, saved: RequestAuthentication, context: LayerContext) -> None:
        self._saved = saved
        self._context = context
        self._stops = LoginStops(context.machine.directories.state)
        self._tasks: dict[str, asyncio.Task[Token]] = {}
        self._compared: set[str] = set()
        """The origins whose kept token is known to be one for the secrets of this session."""
        if saved.source == "headers":
            for name in _HEADER_NAMES.findall(saved.template):
                context.hide(name)  # it carries the token, whatever it is called

    async def token(self, request: Request, refused: Token | None = None) -> Token:
        """The token for this request's store: the one at hand, or that of the one login under way."""
        origin = origin_of(request.uri)
        kept = self._context.keep(self._saved, _Kept, origin)
        if origin in self._compared and kept.token is not None and self._is_still_good(kept.token, refused):
            return kept.token
        task = self._tasks.get(origin)
        if task is None or not self._is_to_be_used(task, refused):
            task = self._tasks[origin] = self._context.share(self._log_in(request, kept, refused))
        # shielded: a caller that gives up must not take everybody's login with it
        return await asyncio.shield(task)

    def may_renew(self, token: Token) -> bool:
        """Whether a 401 may mean that the token has ended: one that is fresh from a renewal lacks a permission."""
        age = self._context.machine.monotonic() - token.made_at
        return not (token.after_refusal and age < _AGAIN)

    def _is_still_good(self, token: Token, refused: Token | None) -> bool:
        return token is not refused and (token.until is None or self._context.machine.monotonic() < token.until)

    def _is_to_be_used(self, task: asyncio.Task[Token], refused: Token | None) -> bool:
        if not task.done():
            return True
        if task.cancelled():
            return False
        failure = task.exception()
        if failure is not None:
            # these stay, and are the stop: nobody is asked twice for a code; a lost connection is no refusal
            return isinstance(failure, LoginRefused | NoCode)
        return self._is_still_good(task.result(), refused)

    async def _log_in(self, request: Request, kept: _Kept, refused: Token | None) -> Token:
        form = await self._filled_in(request)
        login, secret_values = form.login(), form.secret_values()
        if kept.token is not None and kept.made_of != await self._made_of(form):
            kept.token = None
        self._compared.add(origin_of(request.uri))
        if kept.token is not None and self._is_still_good(kept.token, refused):
            return kept.token
        stop = await asyncio.to_thread(self._stops.find, login, secret_values)
        if stop is not None:
            raise LoginRefused(
                f"Not logged in: the store refused this login with {stop.status} at {stop.at} ({stop.message})",
                status=stop.status,
                hint=_HINT,
            )
        await self._add_codes(form, kept.sent)
        answer = await self._send(form, _why(kept, refused))
        if not 200 <= answer.status < 300:
            await self._refuse(answer, form, login, secret_values)
        kept.sent.windows.update(form.codes)
        token = self._read(answer, refused)
        kept.token, kept.made_of = None if self._saved.cache == "off" else token, await self._made_of(form)
        await asyncio.to_thread(self._stops.clear, login)
        return token

    async def _filled_in(self, request: Request) -> _Form:
        uri = absolute(request.uri, self._saved.uri)
        form = _Form(uri, origin_of(uri))
        for name, value in self._saved.parameters.items():
            if is_code(name, value):
                form.has_code = True
                form.values[name] = None  # keeps its place among the parameters
            elif isinstance(value, SecretSource):
                form.values[name] = await self._context.secret(value, form.origin)
                form.secret_names.append(name)
            else:
                form.values[name] = value
                form.open_names.append(name)
        return form

    async def _made_of(self, form: _Form) -> list[str]:
        """The secrets of a login, those that make its codes among them."""
        makers = [each.totp for each in self._saved.parameters.values() if isinstance(each, OneTimeCode)]
        return [form.secret_values(), *[await self._context.secret(each, form.origin) for each in makers]]

    async def _add_codes(self, form: _Form, sent: Sent) -> None:
        """Last, when nothing else can stop the login: a code is asked for only where it will be sent."""
        for name, value in self._saved.parameters.items():
            if not is_code(name, value):
                continue
            if isinstance(value, OneTimeCode):
                form.values[name], window = await made(self._context, name, value.totp, form.origin, sent)
                form.codes.append(window)
            else:
                form.values[name] = await typed(self._context.machine, name, form.words())

    async def _send(self, form: _Form, why: str) -> Answer:
        about = About(purpose="login", secret_answer=True, note=why)
        request = with_parameters(Request(self._saved.method.upper(), form.uri, about=about), form.values)
        if request.body:
            request = request.with_header("Content-Type", "application/json")
        try:
            return await self._context.client(self._saved.client)(replace(request, about=about))
        except LoginRefused:
            raise
        except NotSent as failure:
            message = f"The login cannot be sent: {failure.message}"
            raise NotSent(message, hint=failure.hint, exchange=failure.exchange) from failure
        except RequestFailed as failure:
            raise RequestFailed(
                f"The login got no answer: {failure.message}", hint=failure.hint, exchange=failure.exchange
            ) from failure

    async def _refuse(self, answer: Answer, form: _Form, login: str, secret_values: str) -> None:
        message = self._context.masked(said(answer))
        if answer.status >= 500 or answer.status in (408, 429) or 300 <= answer.status < 400:
            raise RequestFailed(
                f"The login was answered with {answer.status} ({message})",
                hint=_redirected(answer) or _LATER,
                exchange=answer.exchange,
            )
        hint = _HINT
        if form.has_code and message == _WRONG_CODE:
            hint = self._about_the_code(answer)
        elif answer.status in (401, 403):
            at = self._context.machine.now().isoformat(timespec="seconds")
            add = partial(self._stops.add, login, secret_values, at=at, status=answer.status, message=message)
            try:
                await asyncio.to_thread(add)
            except OSError as error:  # the refusal is the news, and stops this session all the same
                hint = f"{_HINT} {_NOT_KEPT.format(self._context.machine.directories.state, error.strerror)}"
        raise LoginRefused(
            f"The store refused the login with {answer.status} ({message})",
            status=answer.status,
            hint=hint,
            exchange=answer.exchange,
        )

    def _about_the_code(self, answer: Answer) -> str:
        """Why a code is wrong, when the password is right: Magento looks at the password first."""
        try:
            ahead = (self._context.machine.now() - parsedate_to_datetime(answer.header("Date") or "")).total_seconds()
        except (ValueError, TypeError):
            ahead = 0.0
        if abs(ahead) > _SKEW:
            which = "ahead of" if ahead > 0 else "behind"
            return f"This computer's clock is {abs(ahead):.0f} s {which} the store's, and codes are made from the time."
        return (
            "The password is right, the one-time code is not: is this the TOTP secret, or the app entry, of this user?"
        )

    def _read(self, answer: Answer, refused: Token | None) -> Token:
        data = _data(answer, self._saved.source)
        try:
            header = Template.parse(self._saved.template).header(Scope(data=data))
            if len(header) > _LONGEST_HEADER:
                raise _unreadable(answer, f"what it makes has {len(header):,} characters, and no header is as long")
        except PlaceholderError as error:
            raise _unreadable(answer, str(error)) from error
        self._context.received(header.rpartition(" ")[2], "token")
        now = self._context.machine.monotonic()
        if self._saved.cache == "off":
            life: float | None = 0.0
        elif self._saved.cache == "auto":
            life = lifetime(header.rpartition(" ")[2])
        else:
            life = seconds(self._saved.cache)
        return Token(header, None if life is None else now + life, now, after_refusal=refused is not None)


_HINT = (
    "No further login is tried, because Magento locks an account after six failures. "
    "Correct the user name or the password, or test once more on purpose (check --login-again)."
)
_NOT_KEPT = (
    "The refusal could not be kept in {} ({}), and the next run will log in again: make that directory writable."
)
_LATER = "The store did not look at the password; try again later, or check the store's address."


def _why(kept: _Kept, refused: Token | None) -> str:
    if refused is not None:
        return "login renewed: the token was refused"
    return "login renewed: the token has ended" if kept.token is not None else "login"


def _redirected(answer: Answer) -> str:
    """Where a redirect leads; only the origin, for the rest may hold what was sent."""
    try:
        origin = origin_of(answer.header("Location") or "")
    except BadUri:
        return ""
    return f"It leads to {origin}, and a password is not sent after it: use that address, if it is the store's."


def _unreadable(answer: Answer, reason: str) -> LoginRefused:
    kind = answer.media_type or "no named type"
    return LoginRefused(
        f"The login was answered with {answer.status}, {len(answer.body)} bytes of {kind}, but the template makes no "
        f"token of it: {reason}",
        status=answer.status,
        hint="Look at the answer in the log, then correct the template, its source or the request URI.",
        exchange=answer.exchange,
    )


def _data(answer: Answer, source: str) -> Json:
    if source == "headers":
        return {name.lower(): value for name, value in answer.headers}
    text = answer.body.decode("utf-8", "replace").strip().removeprefix("\ufeff")
    try:
        return as_data(json.loads(text))
    except (ValueError, RecursionError):
        plain = answer.media_type in ("text/plain", "") and not text.startswith("<")
        return as_data(text) if plain else as_data(None)


def said(answer: Answer) -> str:
    """What the store said of a refusal, or what kind of answer it was."""
    return error_message(answer.body)[:300] or f"{len(answer.body)} bytes of {answer.media_type or 'no named type'}"
