"""One login for any number of requests that wait for it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import urlencode

from pydantic import AfterValidator, Discriminator, Tag, WithJsonSchema

from ...errors import InvalidValue, UserError
from ...files import LockTimeout, reason, state_remedy
from ...kinds import Kind
from ...secrets.capability import token_name
from ...secrets.errors import LiteralSecret
from ...secrets.source import ONE_SOURCE, SecretSource
from ...templates import Json, as_data
from ...templates.validation import raise_errors
from ...text import beginning, listed, page_title
from ..error_message import error_message
from ..layer import Layer, LayerContext, Send
from ..literal_secrets import MOVE, is_literal_secret, reject_secret_in_uri
from ..message import InvalidRequest, LoginRefused, Request, RequestFailed, RequestInfo, Response
from ..model import with_parameters
from ..spans import seconds
from ..uri import absolute, canonical, is_absolute, origin_of
from .login_lockouts import Account, LoginLockouts, is_magento_login
from .one_time_code import NO_CODE, OneTimeCode, UsedCodes, generated_code, is_code, prompted_code

MARGIN = 60.0
"""Seconds before its end at which a token is renewed."""


log = logging.getLogger(__name__)


@dataclass(slots=True)
class Token:
    """A header value from a login; times are monotonic seconds."""

    header: str = field(repr=False)
    until: float | None
    made_at: float
    after_refusal: bool = False
    """It was requested because the previous one was refused."""
    login: int = 0
    """The number of the exchange that it was received with."""

    def added_to(self, request: Request, name: str) -> Request:
        """The request with the token in the header of this name."""
        return replace(request, about=replace(request.about, login=self.login)).with_header(name, self.header)


def lifetime(token: object) -> float | None:
    """Lifetime in seconds of a JWT (RFC 7519, `exp` minus `iat`), less a margin; None if it does not state one.

    Both are times of the store's clock, so a difference to this computer's clock does not matter.
    """
    if not isinstance(token, str) or token.count(".") != 2:
        return None
    payload = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        life = float(claims["exp"]) - float(claims["iat"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        return None
    return with_margin(life)


def with_margin(life: float) -> float:
    """Seconds after which a token of this lifetime is renewed, before it expires."""
    return max(0.0, life - min(MARGIN, life / 10))


def _cache(value: str) -> str:
    if value not in ("auto", "off"):
        try:
            seconds(value)
        except InvalidValue as error:
            wrong = InvalidValue("cache", f'write "auto", "off" or a duration: {error}')
            wrong.correction = error.correction
            raise wrong from error
    return value


def _uri(uri: str) -> str:
    canonical(uri if is_absolute(uri) else absolute("http://store.example", uri))
    return reject_secret_in_uri(uri)


def _tag(value: object) -> str:
    if isinstance(value, OneTimeCode) or (isinstance(value, dict) and "totp" in value):
        return "code"
    return "secret" if isinstance(value, (dict, SecretSource)) else "value"


def reject_literal_secrets(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a login. Raises if one of them is a literal secret."""
    named = [name for name, value in parameters.items() if is_literal_secret(name, value)]
    raise_errors(
        [
            ((name,), LiteralSecret(f"{name!r} is a secret and does not belong in a profile: {MOVE} and {ONE_SOURCE}"))
            for name in named
        ]
    )
    return parameters


Parameter = Annotated[
    Annotated[SecretSource, Tag("secret")]
    | Annotated[OneTimeCode, Tag("code")]
    | Annotated[bool | int | float | str, Tag("value")],
    Discriminator(_tag),
]
BodyFormat = Literal["json", "form"]
Cache = Annotated[str, AfterValidator(_cache), WithJsonSchema({"type": "string"})]
LoginUri = Annotated[str, AfterValidator(_uri)]
"""Where a login is sent: absolute, or from the root of the store's address."""


_NO_TOKEN = "No token is valid, and this request is not worth a login"
_RENEWAL_INTERVAL = 60.0
"""Seconds; a new token that is refused within this time lacks a permission."""
LONGEST_HEADER = 8_000
"""Characters; web servers accept no longer line (nginx: large_client_header_buffers, 8k)."""
_REFUSALS = frozenset({"invalid_client", "invalid_grant", "unauthorized_client", "access_denied"})
"""Error codes with which an OAuth 2 server refuses the credentials, often with 400 (RFC 6749 §5.2)."""
_SKEW = 20.0
"""Seconds that two clocks may differ before one-time codes are refused for it."""
_WRONG_CODE = "Invalid code."
"""Magento_TwoFactorAuth, Model/Provider/Engine/Google/Authenticate.php; it does not count towards a lock-out."""


class LoginKind(Protocol):
    """An authentication that logs in: what its login sends, and how the token is read from the response."""

    @property
    def client(self) -> str: ...

    @property
    def cache(self) -> str: ...

    def login_uri(self) -> str: ...

    def login_parameters(self) -> Mapping[str, Parameter]: ...

    def login_request(self, uri: str, values: Mapping[str, Any], context: LayerContext) -> Request:
        """The request with these values, the secrets and codes among them."""
        ...

    def read_token(self, response: Response) -> tuple[str, float | None]:
        """The value of the header, and its lifetime in seconds where the response states it.

        Raises `UserError`.
        """
        ...

    def refusal_hint(self, response: Response) -> str:
        """What to correct after a refusal at an endpoint that is not Magento's."""
        ...

    def wrong_field(self, status: int) -> str:
        """The field to correct after a refusal, or after a successful response without a token."""
        ...


class _LoginState:
    """State that outlives a session: the valid token, and the one-time codes that were sent."""

    def __init__(self) -> None:
        self.token: Token | None = None
        self.secrets: list[str] = []
        """The secrets that the token was issued for; it is not valid for others."""
        self.sent = UsedCodes()


@dataclass(slots=True)
class _LoginForm:
    """The values that one login sends."""

    uri: str
    origin: str
    values: dict[str, Any] = field(default_factory=dict, repr=False)
    open_names: list[str] = field(default_factory=list)
    secret_names: list[str] = field(default_factory=list)
    codes: list[tuple[str, int]] = field(default_factory=list)
    has_code: bool = False

    def account(self) -> Account:
        return Account.of(self.uri, self.values, self.secret_names)

    def secret_values(self) -> str:
        return json.dumps([self.values[name] for name in self.secret_names])

    def description(self) -> str:
        """Who logs in where, for a prompt."""
        who = next((self.values[name] for name in self.open_names if "user" in name.lower()), None)
        return f"{who} at {self.origin}" if who else self.origin


class Login:
    """Logs in if a token is needed and none is valid, once for all requests that wait for it."""

    def __init__(self, saved: LoginKind, context: LayerContext) -> None:
        assert isinstance(saved, Kind)
        self._kind: Kind = saved
        self._saved = saved
        self._context = context
        self._lockouts = LoginLockouts(context.machine.directories.state)
        self._tasks: dict[str, asyncio.Task[Token]] = {}
        self._compared: set[str] = set()
        """The origins whose stored token was checked to belong to the secrets of this session."""

    async def token(self, request: Request, refused: Token | None = None) -> Token:
        """The token for this request's store: the current one, or that of the login in progress."""
        origin = origin_of(request.uri)
        login = absolute(request.uri, self._saved.login_uri())
        self._context.check_token_use(self._token_name(login), origin_of(login), self._saved.client, origin)
        state = self._context.keep(self._kind, _LoginState, origin)
        if origin in self._compared and state.token is not None and self._is_valid(state.token, refused):
            return state.token
        if not request.about.may_log_in:
            return await self._log_in(request, state, refused)
        task = self._tasks.get(origin)
        if task is None or not self._is_usable(task, refused):
            task = self._tasks[origin] = self._context.share(self._log_in(request, state, refused))
        # shielded: a cancelled caller must not cancel the login of the others
        return await asyncio.shield(task)

    def _token_name(self, login: str) -> str:
        parameters = self._saved.login_parameters().values()
        sources = [value.totp if isinstance(value, OneTimeCode) else value for value in parameters]
        return token_name(canonical(login), [each.key for each in sources if isinstance(each, SecretSource)])

    def may_renew(self, token: Token) -> bool:
        """Whether a 401 may mean that the token has expired: one that was just renewed lacks a permission."""
        age = self._context.machine.monotonic() - token.made_at
        return not (token.after_refusal and age < _RENEWAL_INTERVAL)

    def _is_valid(self, token: Token, refused: Token | None) -> bool:
        return token is not refused and (token.until is None or self._context.machine.monotonic() < token.until)

    def _is_usable(self, task: asyncio.Task[Token], refused: Token | None) -> bool:
        if not task.done():
            return True
        if task.cancelled():
            return False
        failure = task.exception()
        if failure is not None:
            # these are final, and nobody is prompted twice for a code; a lost connection is not final
            return isinstance(failure, RequestFailed) and failure.code in (LoginRefused.CODE, NO_CODE)
        return self._is_valid(task.result(), refused)

    async def _log_in(self, request: Request, state: _LoginState, refused: Token | None) -> Token:
        has_token = state.token is not None and self._is_valid(state.token, refused)
        if not request.about.may_log_in and not has_token:
            raise InvalidRequest(_NO_TOKEN)
        form = await self._filled_in(request)
        if state.token is not None and state.secrets != await self._secrets_of(form):
            state.token = None
        self._compared.add(origin_of(request.uri))
        if state.token is not None and self._is_valid(state.token, refused):
            return state.token
        if not request.about.may_log_in:
            raise InvalidRequest(_NO_TOKEN)
        account = form.account()
        try:
            async with self._lockouts.turn(account, self._context.machine.sleep):
                return await self._log_in_alone(form, account, state, refused)
        except LockTimeout as error:
            log.warning("no login at %s: another process holds its lock", form.origin)
            raise RequestFailed(
                f"Not logged in: another process has been logging in as {form.description()} for too long",
                hint="Nothing was sent. Wait until it has finished, then try again.",
            ) from error

    async def _log_in_alone(
        self, form: _LoginForm, account: Account, state: _LoginState, refused: Token | None
    ) -> Token:
        """Checks for an earlier refusal, sends the login and stores its result, while holding the account's lock."""
        stop = await asyncio.to_thread(self._lockouts.find, account)
        if stop is not None:
            log.warning("no login at %s: it was refused with %d at %s", form.origin, stop.status, stop.at)
            when = f"{stop.status} on {stop.day_and_time}"
            raise LoginRefused(
                f"Not logged in: the store refused this login with {when} ({stop.message})",
                status=stop.status,
                server_message=stop.message,
                hint=(_MAGENTO_HINT if is_magento_login(form.uri) else _STOPPED) + self._ask_again(form),
                uri=form.uri,
                field=self._saved.wrong_field(stop.status),
            )
        await self._add_codes(form, state.sent)
        log.info("login at %s: %s", form.origin, _why(state, refused) or "first")
        response = await self._send(form, _why(state, refused))
        log.info("login at %s: status %d", form.origin, response.status)
        if not 200 <= response.status < 300:
            await self._refuse(response, form, account)
        state.sent.windows.update(form.codes)
        token = self._read(response, form, refused)
        state.token, state.secrets = None if self._saved.cache == "off" else token, await self._secrets_of(form)
        return token

    async def _filled_in(self, request: Request) -> _LoginForm:
        uri = absolute(request.uri, self._saved.login_uri())
        form = _LoginForm(uri, origin_of(uri))
        for name, value in self._saved.login_parameters().items():
            if is_code(name, value):
                form.has_code = True
                form.values[name] = None  # reserves its position among the parameters
            elif isinstance(value, SecretSource):
                form.values[name] = await self._context.secret(value, form.origin, self._saved.client)
                form.secret_names.append(name)
            else:
                form.values[name] = value
                form.open_names.append(name)
        return form

    async def _secrets_of(self, form: _LoginForm) -> list[str]:
        """The secrets of a login, including those that generate its codes."""
        parameters = self._saved.login_parameters().values()
        makers = [each.totp for each in parameters if isinstance(each, OneTimeCode)]
        return [
            form.secret_values(),
            *[await self._context.secret(each, form.origin, self._saved.client) for each in makers],
        ]

    async def _add_codes(self, form: _LoginForm, sent: UsedCodes) -> None:
        """Called last: a code is prompted for only if it will be sent."""
        for name, value in self._saved.login_parameters().items():
            if not is_code(name, value):
                continue
            if isinstance(value, OneTimeCode):
                form.values[name], window = await generated_code(
                    self._context, name, value.totp, form.origin, self._saved.client, sent
                )
                form.codes.append(window)
            else:
                form.values[name] = await prompted_code(self._context.machine, name, form.description())

    async def _send(self, form: _LoginForm, why: str) -> Response:
        about = RequestInfo(purpose="login", secret_response=True, note=why)
        request = self._saved.login_request(form.uri, form.values, self._context)
        try:
            return await self._context.client(self._saved.client)(replace(request, about=about))
        except LoginRefused:
            raise
        except InvalidRequest as failure:
            message = f"The login cannot be sent: {failure.message}"
            raise InvalidRequest(message, hint=failure.hint, exchange=failure.exchange) from failure
        except RequestFailed as failure:
            raise RequestFailed(
                f"The login got no response: {failure.message}", hint=failure.hint, exchange=failure.exchange
            ) from failure

    async def _refuse(self, response: Response, form: _LoginForm, account: Account) -> None:
        message = self._context.masked(server_message(response))
        if response.status >= 500 or response.status in (408, 429) or 300 <= response.status < 400:
            raise RequestFailed(
                f"The login got status {response.status} ({message})",
                hint=_redirected(response) or _LATER,
                exchange=response.exchange,
            )
        hint = _MAGENTO_HINT
        if not is_magento_login(form.uri):
            hint = f"{_STOPPED} {self._saved.refusal_hint(response)}".rstrip()
        if form.has_code and message == _WRONG_CODE:
            hint = self._code_hint(response)
        elif response.status in (401, 403) or error_code(response) in _REFUSALS:
            at = self._context.machine.now().isoformat(timespec="seconds")
            add = partial(self._lockouts.add, account, at=at, status=response.status, message=message)
            try:
                await asyncio.to_thread(add)
            except OSError as error:  # the refusal is what to report; it stops this process anyway
                kept = _NOT_KEPT.format(self._context.machine.directories.state, reason(error))
                hint = f"{hint} {kept} {state_remedy(error)}"
            hint += self._ask_again(form)
        raise LoginRefused(
            f"The store refused the login with {response.status} ({message})",
            status=response.status,
            hint=hint,
            exchange=response.exchange,
            uri=form.uri,
            field=self._saved.wrong_field(response.status),
            server_message=message,
        )

    def _ask_again(self, form: _LoginForm) -> str:
        """Lets secrets that were typed for this session be asked for again; a sentence on that, or ""."""
        sources = self._saved.login_parameters()
        asked = [
            name
            for name in form.secret_names
            if isinstance(source := sources[name], SecretSource)
            and self._context.refused(source, form.origin, str(form.values[name]))
        ]
        return f" The next run (r), test (t) or request (x) asks for the {listed(asked)} again." if asked else ""

    def _code_hint(self, response: Response) -> str:
        """Why the code was refused; the password was accepted, as Magento checks it first."""
        try:
            ahead = (self._context.machine.now() - parsedate_to_datetime(response.header("Date") or "")).total_seconds()
        except (ValueError, TypeError):
            ahead = 0.0
        if abs(ahead) > _SKEW:
            which = "ahead of" if ahead > 0 else "behind"
            return f"This computer's clock is {abs(ahead):.0f} s {which} the store's, and codes depend on the time."
        return (
            "The password is right, but the one-time code is not: do the TOTP secret and app entry belong to this user?"
        )

    def _read(self, response: Response, form: _LoginForm, refused: Token | None) -> Token:
        try:
            header, stated = self._saved.read_token(response)
        except UserError as error:
            kind = response.media_type or "unspecified type"
            raise LoginRefused(
                f"The login got status {response.status}, {len(response.body)} bytes of {kind}, but "
                f"{self._context.masked(error.message)}",
                status=response.status,
                hint=error.hint,
                exchange=response.exchange,
                uri=form.uri,
                field=self._saved.wrong_field(response.status),
            ) from error
        self._context.received(header.rpartition(" ")[2], "token")
        now = self._context.machine.monotonic()
        if self._saved.cache == "off":
            life: float | None = 0.0
        elif self._saved.cache == "auto":
            life = stated if stated is not None else lifetime(header.rpartition(" ")[2])
        else:
            life = seconds(self._saved.cache)
        until = None if life is None else now + life
        return Token(header, until, now, after_refusal=refused is not None, login=response.exchange)


def login_layer(saved: LoginKind, header: str, context: LayerContext) -> Layer:
    """Adds the token to each request, and renews it once after a 401."""
    login = Login(saved, context)

    async def layer(request: Request, forward: Send) -> Response:
        token = await login.token(request)
        response = await forward(token.added_to(request, header))
        if response.status != 401 or not login.may_renew(token):
            return response
        token = await login.token(request, refused=token)
        return await forward(token.added_to(request, header))

    return layer


def login_request(method: str, uri: str, values: Mapping[str, Any], body: BodyFormat) -> Request:
    """A login with its parameters in the body, or in the query of GET."""
    request = Request(method.upper(), uri)
    if body == "json" or method in ("get", "head", "delete"):
        request = with_parameters(request, dict(values))
        return request.with_header("Content-Type", "application/json") if request.body else request
    pairs = [(name, _form_value(value)) for name, value in values.items()]
    return replace(request, body=urlencode(pairs).encode()).with_header(
        "Content-Type", "application/x-www-form-urlencoded"
    )


def _form_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


LOGIN_AGAIN = "check --login-again"
"""The command that allows a login that was refused before."""
MAGENTO_STOPPED = (
    "No further login is tried, because Magento locks an account after six failures. Correct the user name or password."
)
STOPPED = "No further login is sent until its settings change."
_DELIBERATELY = f"To retry deliberately: `{LOGIN_AGAIN}`."
_MAGENTO_HINT, _STOPPED = f"{MAGENTO_STOPPED} {_DELIBERATELY}", f"{STOPPED} {_DELIBERATELY}"
_NOT_KEPT = "The refusal could not be saved in {} ({}), so other processes and the next run will log in again."
_LATER = "The server did not check the credentials; try again later, or check the address of the login."


def _why(state: _LoginState, refused: Token | None) -> str:
    if refused is not None:
        return "login renewed: the token was refused"
    return "login renewed: the token has expired" if state.token is not None else "login"


def _redirected(response: Response) -> str:
    """The target of a redirect; only its origin, as the rest may contain what was sent."""
    try:
        origin = origin_of(response.header("Location") or "")
    except InvalidValue:
        return ""
    return f"It redirects to {origin}; passwords do not follow redirects. Use that address if it is the store's."


def response_data(response: Response, source: str) -> Json:
    """The data that a template reads: the response's body, or its headers by lower-case name."""
    if source == "headers":
        return {name.lower(): value for name, value in response.headers}
    text = response.body.decode("utf-8", "replace").strip().removeprefix("\ufeff")
    try:
        return as_data(json.loads(text))
    except (ValueError, RecursionError):
        plain = response.media_type in ("text/plain", "") and not text.startswith("<")
        return as_data(text) if plain else as_data(None)


def error_code(response: Response) -> str:
    """The `error` of an OAuth 2 error response (RFC 6749 §5.2), or nothing."""
    try:
        data = json.loads(response.body)
    except (ValueError, RecursionError):
        return ""
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) else ""


def server_message(response: Response) -> str:
    """The server's error message, or a description of its response."""
    message = beginning(error_message(response.body), 300)
    if message:
        return message
    words = page_title(response.body[:20_000].decode("utf-8", "replace"))
    kind = f"{len(response.body)} bytes of {response.media_type or 'unspecified type'}"
    return f"{kind}, {words!r}" if words else kind
