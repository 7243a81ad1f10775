"""Request authentication: a login that is asked for a token."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema

from ...placeholder import Json, PlaceholderError, Scope, Template, TemplateText, as_data
from ...secrets.source import ONE_SOURCE, SecretSource
from ..error_message import error_message
from ..http_client import HeaderName, Method, seconds, with_parameters
from ..layer import Authentication, Layer, LayerContext, Send
from ..message import About, Answer, LoginRefused, Request, RequestFailed
from ..uri import absolute, origin_of
from .stops import LoginStops
from .token import Token, lifetime

_AGAIN = 60.0
"""Seconds within which a second refusal of a new token is the store's last word: it is a missing permission."""


def _cache(value: str) -> str:
    if value not in ("auto", "off"):
        try:
            seconds(value)
        except ValueError as error:
            raise ValueError(f'write "auto", "off" or a duration: {error}') from error
    return value


def _tag(value: object) -> str:
    return "secret" if isinstance(value, (dict, SecretSource)) else "value"


def _no_literal_secret(parameters: dict[str, Any]) -> dict[str, Any]:
    for name, value in parameters.items():
        if isinstance(value, str) and _SECRET_NAME.search(name):
            raise ValueError(f"{name!r} is a secret and does not belong in a profile: {ONE_SOURCE}")
    return parameters


_SECRET_NAME = re.compile(r"pass(word|wd|phrase)?$|secret|token|otp", re.IGNORECASE)
Parameter = Annotated[
    Annotated[SecretSource, Tag("secret")] | Annotated[bool | int | float | str, Tag("value")], Discriminator(_tag)
]
Cache = Annotated[str, AfterValidator(_cache), WithJsonSchema({"type": "string"})]


class RequestAuthentication(Authentication):
    """Request authentication (admin user and password)."""

    kind: Literal["request"] = "request"
    uri: str = Field(
        "/rest/V1/integration/admin/token",
        min_length=1,
        title="Request URI",
        description="Where the token is asked for, from the root of the store's address; absolute is allowed.",
    )
    method: Method = Field("post", title="Request method", description="Magento wants POST.")
    parameters: Annotated[dict[str, Parameter], AfterValidator(_no_literal_secret)] = Field(
        title="Request parameters",
        description="What is sent to get the token, such as the name and the password of an admin user.",
        examples=[{"username": "api", "password": {"keyring": "acme/admin/password"}}],
    )
    client: str = Field("default", title="HTTP client", description="The client that sends the login.")
    header: HeaderName = Field("Authorization", title="Header", description="The header that carries the token.")
    source: Literal["body", "headers"] = Field(
        "body", title="Token is in", description="The part of the answer that the template reads."
    )
    template: TemplateText = Field(
        "Bearer &{@[0]}",
        title="Template",
        description="The header's value. An answer that is one bare value is read as a list of one.",
    )
    cache: Cache = Field(
        "auto",
        title="Keep the token",
        description='"auto": until it ends by its own account, or else until a 401; a duration such as "30m"; "off".',
    )

    def start(self, context: LayerContext) -> Layer:
        login = _Login(self, context)

        async def layer(request: Request, forward: Send) -> Answer:
            token = await login.token(request)
            answer = await forward(request.with_header(self.header, token.header))
            if answer.status != 401 or not login.may_renew(token):
                return answer
            token = await login.token(request, refused=token)
            return await forward(request.with_header(self.header, token.header))

        return layer


class _Kept:
    """What outlives a session: the token that is still good."""

    def __init__(self) -> None:
        self.token: Token | None = None


class _Login:
    """One login for any number of requests that wait for it."""

    def __init__(self, saved: RequestAuthentication, context: LayerContext) -> None:
        self._saved = saved
        self._context = context
        self._stops = LoginStops(context.machine.directories.state)
        self._tasks: dict[str, asyncio.Task[Token]] = {}

    async def token(self, request: Request, refused: Token | None = None) -> Token:
        """The token for this request's store: the one at hand, or that of the one login under way."""
        origin = origin_of(request.uri)
        kept = self._context.keep(self._saved, _Kept, origin)
        if kept.token is not None and kept.token is not refused and self._is_good(kept.token):
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

    def _is_good(self, token: Token) -> bool:
        return token.until is None or self._context.machine.monotonic() < token.until

    def _is_to_be_used(self, task: asyncio.Task[Token], refused: Token | None) -> bool:
        if not task.done():
            return True
        if task.cancelled():
            return False
        failure = task.exception()
        if failure is not None:
            return isinstance(failure, LoginRefused)  # it stays, and is the stop; a lost connection is none
        token = task.result()
        return token is not refused and self._is_good(token)

    async def _log_in(self, request: Request, kept: _Kept, refused: Token | None) -> Token:
        uri = absolute(request.uri, self._saved.uri)
        origin = origin_of(uri)
        values = {
            name: await self._context.secret(value, origin) if isinstance(value, SecretSource) else value
            for name, value in self._saved.parameters.items()
        }
        secret_names = [name for name, value in self._saved.parameters.items() if isinstance(value, SecretSource)]
        login = json.dumps([uri, {name: values[name] for name in values if name not in secret_names}], sort_keys=True)
        secret_values = json.dumps([values[name] for name in secret_names])
        stop = await asyncio.to_thread(self._stops.find, login, secret_values)
        if stop is not None:
            raise LoginRefused(
                f"Not logged in: the store refused this login with {stop.status} at {stop.at} ({stop.message})",
                status=stop.status,
                hint=_HINT,
            )
        answer = await self._send(uri, values, _why(kept, refused))
        if answer.status != 200:
            await self._refuse(answer, login, secret_values)
        token = self._read(answer, refused)
        kept.token = None if self._saved.cache == "off" else token
        await asyncio.to_thread(self._stops.clear, login)
        return token

    async def _send(self, uri: str, values: dict[str, Any], why: str) -> Answer:
        about = About(purpose="login", secret_answer=True, note=why)
        request = with_parameters(Request(self._saved.method.upper(), uri, about=about), values)
        if request.body:
            request = request.with_header("Content-Type", "application/json")
        try:
            return await self._context.client(self._saved.client)(replace(request, about=about))
        except LoginRefused:
            raise
        except RequestFailed as failure:
            raise RequestFailed(
                f"The login got no answer: {failure.message}", hint=failure.hint, exchange=failure.exchange
            ) from failure

    async def _refuse(self, answer: Answer, login: str, secret_values: str) -> None:
        message = said(answer)
        if answer.status >= 500 or answer.status in (408, 429) or 300 <= answer.status < 400:
            raise RequestFailed(
                f"The login was answered with {answer.status} ({message})",
                hint="The store did not look at the password; try again later, or check the store's address.",
                exchange=answer.exchange,
            )
        if answer.status in (401, 403):
            at = self._context.machine.now().isoformat(timespec="seconds")
            await asyncio.to_thread(self._stops.add, login, secret_values, at=at, status=answer.status, message=message)
        raise LoginRefused(
            f"The store refused the login with {answer.status} ({message})",
            status=answer.status,
            hint=_HINT,
            exchange=answer.exchange,
        )

    def _read(self, answer: Answer, refused: Token | None) -> Token:
        data = _data(answer, self._saved.source)
        try:
            header = Template.parse(self._saved.template).header(Scope(data=data))
        except PlaceholderError as error:
            raise LoginRefused(
                f"The login was answered with 200, but the template cannot read a token from it: {error}",
                status=200,
                hint="Look at the answer in the log, then correct the template or the request URI.",
                exchange=answer.exchange,
            ) from error
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


def _why(kept: _Kept, refused: Token | None) -> str:
    if refused is not None:
        return "login renewed: the token was refused"
    return "login renewed: the token has ended" if kept.token is not None else "login"


def _data(answer: Answer, source: str) -> Json:
    if source == "headers":
        return {name.lower(): value for name, value in answer.headers}
    text = answer.body.decode("utf-8", "replace")
    try:
        return as_data(json.loads(text))
    except (ValueError, RecursionError):
        return as_data(text.strip()) if answer.media_type in ("text/plain", "") else as_data(None)


def said(answer: Answer) -> str:
    """What the store said of a refusal, or what kind of answer it was."""
    return error_message(answer.body)[:300] or f"{len(answer.body)} bytes of {answer.media_type or 'no named type'}"
