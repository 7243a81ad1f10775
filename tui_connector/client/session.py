"""Opens each client of a profile once, chains its layers, and owns what clients share."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from ..errors import InvalidValue
from ..kinds import Kind
from ..machine import Machine
from ..secrets.capability import Grants
from ..secrets.errors import SecretError
from ..secrets.mask import Mask
from ..secrets.source import SecretSource
from ..secrets.vault import Vault
from ..templates import Json
from ..text import listed
from .exchange import Exchange, ExchangeLog, PendingRetry
from .layer import Authentication, Layer, LayerContext, Plugin, Send, Stage
from .message import AS_SAVED, ClientVariant, InvalidRequest, NoResponse, Request, Response
from .model import HttpClient
from .plugins.base_uri import BaseUri
from .responding_origins import RespondingOrigins
from .route import PLAIN_ROUTE, ClientRoute
from .uri import canonical, is_absolute, origin_of
from .wire import Bounds, Wire

log = logging.getLogger(__name__)


T = TypeVar("T")

_DESCRIPTIVE = {"title", "description"}
_IRRELEVANT_HEADERS = ("user-agent", "accept-encoding", "content-type", "connection")
_STALE_CONNECTIONS = 3
_client: ContextVar[str] = ContextVar("client", default="")
"""The client whose request is being sent: secrets in it take this client's route."""
_UNAUTHORIZED = 401
_ASKS_AGAIN = "The store refused a typed value ({}). The next run (r), test (t) or request (x) asks again."
_ENABLE = "Remove `disabled = true` to use it again."


class SessionCache:
    """State that outlives a session, by the content of its kind: editing something else causes no new login."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], object] = {}

    def get(self, kind: Kind, place: str, make: Callable[[], T]) -> T:
        key = (f"{type(kind).__name__}{kind.model_dump_json(exclude=_DESCRIPTIVE)}", place)
        return self._values.setdefault(key, make())  # type: ignore[return-value]  # each kind stores one type


class Session(LayerContext):
    """One run of one profile. An async context manager; closing it ends what it started."""

    def __init__(
        self,
        clients: Mapping[str, HttpClient],
        authentications: Mapping[str, Authentication],
        *,
        vault: Vault,
        exchanges: ExchangeLog,
        machine: Machine,
        bounds: Bounds | None = None,
        cache: SessionCache | None = None,
        directory: Path | None = None,
        run: Mapping[str, Json] | None = None,
        grants: Grants | None = None,
        routes: Mapping[str, ClientRoute] | None = None,
    ) -> None:
        """`directory` is the profile's folder, which its paths are relative to; `run` is what `@{…}` reads in plugins.

        `grants` is what the profile is trusted to do, by default nothing; `routes` are the clients' routes by name.
        """
        self.grants = grants or Grants()
        self._routes = routes or {}
        self._clients, self._authentications = clients, authentications
        self._vault, self._exchanges, self._machine = vault, exchanges, machine
        self._bounds = bounds or Bounds()
        self._cache = cache or SessionCache()
        self._directory = directory or machine.directories.profiles
        self._run = run or {}
        self._open: dict[tuple[str, ClientVariant], Send] = {}
        self._started: dict[tuple[str, ClientVariant], Layer] = {}
        self._wires: dict[str, Wire] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._printed: dict[tuple[str, ...], str] = {}
        self._running: dict[tuple[str, ...], asyncio.Lock] = {}
        self._sent: Counter[int] = Counter()
        """How often each call that is under way was sent."""
        self._read: dict[tuple[str, str], str] = {}
        """The secrets that were read last, by their source and origin."""

    @property
    def machine(self) -> Machine:
        return self._machine

    @property
    def directory(self) -> Path:
        """The profile's folder."""
        return self._directory

    def client(self, name: str, variant: ClientVariant = AS_SAVED) -> Send:
        """Sends requests through the client of this name. "default" always exists. Raises `InvalidRequest`."""
        if (name, variant) not in self._open:
            saved = self._saved(name)
            chain = self._chain(saved, self._check_certificate_use(name, self._wire(name, saved).send), variant)
            self._open[name, variant] = _through_client(name, self._numbered(chain, variant))
            log.info("client %s opened %s", name, variant.description)
        return self._open[name, variant]

    async def signed(self, name: str, request: Request) -> Request:
        """The request as it would be sent, authenticated. It is not sent, but a login for it may be."""

        async def stop(finished: Request) -> Response:
            raise _Finished(finished)

        try:
            await _through_client(name, self._chain(self._saved(name), stop))(self._in_this_run(request))
        except _Finished as end:
            return end.request
        raise AssertionError("unreachable: the last step of the chain raises")

    def prepared(self, name: str, request: Request) -> Request:
        """The request after the plugins that prepare it, before authentication; nothing is sent.

        Raises `InvalidRequest`.
        """
        request = self._in_this_run(request)
        for plugin in self._saved(name).plugins:
            request = plugin.prepare(request) if plugin.stage is Stage.PREPARE else request
        return replace(request, uri=_canonical(request.uri))

    async def has_responded(self, uri: str) -> bool:
        """Whether the origin of this absolute URI has ever responded to this user. Raises `InvalidValue`."""
        origins = RespondingOrigins(self._machine.directories.state)
        return await asyncio.to_thread(origins.has, origin_of(uri))

    def written_headers(self, name: str) -> list[tuple[str, str]]:
        """The headers that the client's plugins add, as written in the profile: one may select another store view.

        Headers that never affect the content of responses are left out.
        """
        return [
            (f"{plugin.kind} {header.lower()}", text)
            for plugin in self._saved(name).plugins
            for header, text in plugin.written_headers().items()
            if header.lower() not in _IRRELEVANT_HEADERS
        ]

    def recorded(self, number: int | None) -> Exchange | None:
        """The exchange of this number, if the log still has it."""
        return None if number is None else self._exchanges.by_number(number)

    def _saved(self, name: str) -> HttpClient:
        saved = self._clients.get(name) or (HttpClient() if name == "default" else None)
        if saved is None:
            known = ", ".join(self._clients) or "none"
            raise InvalidRequest(f"The profile has no client named {name!r}", hint=f"It has: {known}.")
        if saved.disabled:
            raise InvalidRequest(f"The client {name!r} is disabled in the profile", hint=_ENABLE)
        return saved

    def _wire(self, name: str, saved: HttpClient) -> Wire:
        if name not in self._wires:
            self._wires[name] = Wire(
                name,
                saved,
                exchanges=self._exchanges,
                mask=self._vault.mask,
                machine=self._machine,
                bounds=self._bounds,
                resends=self._resends,
                secret=self._secret,
                directory=self._directory,
                route=self._route(name),
            )
        return self._wires[name]

    def _check_certificate_use(self, name: str, send: Send) -> Send:
        """Presents a client certificate only to the origins that were allowed, even if a link leads elsewhere."""
        route = self._route(name)
        if not route.certificate:
            return send

        async def checked(request: Request) -> Response:
            if not self.grants.connects(origin_of(request.uri), route.facts):
                raise InvalidRequest(
                    f"The profile is not trusted to present the client certificate to {origin_of(request.uri)}",
                    hint="Review what it can do, then allow it: tui-connector trust PROFILE.",
                )
            return await send(request)

        return checked

    def _chain(self, saved: HttpClient, send: Send, variant: ClientVariant = AS_SAVED) -> Send:
        authentications = [
            name for name in saved.authentications if not variant.anonymous or self._authentications[name].before_store
        ]
        prepare = [plugin for plugin in saved.plugins if plugin.stage is Stage.PREPARE]
        others = sorted((p for p in saved.plugins if p.stage is not Stage.PREPARE), key=_stage)
        layers = [
            *(plugin.start(self) for plugin in prepare),
            _make_canonical,
            *(plugin.start(self) for plugin in others),
            _retry_on_new_connection,
            *(self._origin_bound(saved, name, variant) for name in authentications),
        ]
        for layer in reversed(layers):
            send = _through(layer, send)
        return send

    def _origin_bound(self, client: HttpClient, name: str, variant: ClientVariant) -> Layer:
        """The authentication's layer; a token from a login at a fixed address goes only to the client's own origin."""
        layer = self._authentication(name, variant)
        login = self._authentications[name].login_uri()
        if login is None:
            return self._noting_refusals(name, layer)
        if not is_absolute(login):
            return layer  # its login goes to the origin of the request, and the vault refuses any other
        base = next((plugin.uri for plugin in client.plugins if isinstance(plugin, BaseUri)), None)

        async def bound(request: Request, forward: Send) -> Response:
            if base is None or origin_of(base) != origin_of(request.uri):
                raise InvalidRequest(
                    f"The token of the authentication {name!r} is not sent to {origin_of(request.uri)}: "
                    f"{'the client has no base URI' if base is None else 'it is not the origin of the base URI'}",
                    hint="Give the client the plugin base-uri with the store's address.",
                )
            return await layer(request, forward)

        return bound

    def _noting_refusals(self, name: str, layer: Layer) -> Layer:
        """The layer of an authentication without a login; secrets that were typed for it are asked for after a 401."""
        saved = self._authentications[name]
        sources = [value for _, value in saved if isinstance(value, SecretSource)]

        async def noting(request: Request, forward: Send) -> Response:
            response = await layer(request, forward)
            origin = origin_of(request.uri)
            sent = [(each, secret) for each in sources if (secret := self._read.get((each.key, origin))) is not None]
            if response.status == _UNAUTHORIZED:
                if refused := [each.label for each, secret in sent if self._vault.refuse_request(each, origin, secret)]:
                    self._machine.prompt.notify(_ASKS_AGAIN.format(listed(refused)))
            elif 200 <= response.status < 300:
                for each, secret in sent:
                    self._vault.accept_request(each, origin, secret)
            return response

        return noting

    def _authentication(self, name: str, variant: ClientVariant) -> Layer:
        saved = self._authentications[name]
        used = saved.variant(variant)
        key = name, AS_SAVED if used is saved else variant
        if key not in self._started:  # one per session: clients that share it share its login
            if saved.disabled:
                raise InvalidRequest(f"The authentication {name!r} is disabled in the profile", hint=_ENABLE)
            self._started[key] = used.start(self)
        return self._started[key]

    def _numbered(self, send: Send, variant: ClientVariant) -> Send:
        async def numbered(request: Request) -> Response:
            call = self._exchanges.next_call()
            note = " · ".join(filter(None, (request.about.note, variant.description)))
            original = replace(request, about=replace(request.about, variant=variant))
            about = replace(
                original.about,
                call=call,
                original=None if request.about.purpose == "login" else original,
                run=request.about.run or self._run,
                note=note,
            )
            try:
                return await send(replace(request, about=about))
            finally:
                del self._sent[call]

        return numbered

    def _in_this_run(self, request: Request) -> Request:
        return request if request.about.run else replace(request, about=replace(request.about, run=self._run))

    def _resends(self, call: int) -> bool:
        self._sent[call] += 1
        return self._sent[call] > 1

    async def secret(self, source: SecretSource, origin: str, client: str | None = None) -> str:
        secret = await self._secret(source, origin, self._route(_client.get() if client is None else client))
        self._read[source.key, origin] = secret
        return secret

    async def _secret(self, source: SecretSource, origin: str, route: ClientRoute) -> str:
        async def read() -> str:
            return await self._vault.read(source, origin, route.key, self.grants, self._directory)

        try:
            if source.command is None:
                return await read()
            key = (*source.command, origin, route.key)
            async with self._running.setdefault(key, asyncio.Lock()):  # a command is run once per session
                if key not in self._printed:
                    self._printed[key] = await read()
            return self._printed[key]
        except SecretError as error:
            raise InvalidRequest(error.message, hint=error.hint, code=error.code, field=source.field) from error

    def check_token_use(self, token: str, login: str, login_client: str, origin: str) -> None:
        route = self._route(_client.get()).key
        if origin == login and route == self._route(login_client).key:
            return
        if not self.grants.sends(token, origin, route):
            raise InvalidRequest(
                f"The profile is not trusted to send the token from {login} to {origin}",
                hint="Log in to the store the token is for, or allow it: tui-connector trust PROFILE.",
            )

    def _route(self, client: str) -> ClientRoute:
        return self._routes.get(client, PLAIN_ROUTE)

    def received(self, secret: str, label: str) -> None:
        self._vault.mask.learn(secret, label, received=True)

    def refused(self, source: SecretSource, origin: str, secret: str) -> bool:
        return self._vault.refuse(source, origin, secret)

    async def pause_before_retry(
        self,
        request: Request,
        pause: float,
        *,
        attempt: int,
        attempts: int,
        reason: str,
        is_requested: bool = False,
    ) -> None:
        call, at = request.about.call, self._machine.monotonic() + pause
        ended = asyncio.Event()
        end = None if is_requested else ended.set
        self._exchanges.set_retry(call, PendingRetry(reason, attempt, attempts, at, end))
        try:
            await self._machine.sleep_unless(pause, ended)
        finally:
            self._exchanges.set_retry(call, None)

    def hide(self, name: str) -> None:
        self._vault.mask.hide(name)

    def masked(self, text: str) -> str:
        return self._vault.mask.text(text)

    @property
    def mask(self) -> Mask:
        """The secrets that have been read or received."""
        return self._vault.mask

    def share(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._settled)
        return task

    def _settled(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it if nobody awaits the task

    def keep(self, kind: Kind, make: Callable[[], T], place: str = "") -> T:
        return self._cache.get(kind, place, make)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for wire in self._wires.values():
            await wire.close()
        log.info("session closed")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _through_client(name: str, send: Send) -> Send:
    async def through(request: Request) -> Response:
        before = _client.set(name)
        try:
            return await send(request)
        finally:
            _client.reset(before)

    return through


def _stage(plugin: Plugin) -> int:
    return plugin.stage


def _through(layer: Layer, forward: Send) -> Send:
    async def send(request: Request) -> Response:
        return await layer(request, forward)

    return send


async def _retry_on_new_connection(request: Request, forward: Send) -> Response:
    """Resends a request if the server has just closed the reused connection; signed again, as a nonce is used up.

    Allowed for requests that only read (RFC 9112 §9.3.1), but not for a PUT: in Magento, PUT carts/:cartId/order places
    an order. An outgoing repeats one if it is `repeatable`. Other pooled connections may have been closed too.
    It is no attempt of the plugin retry: nothing is known of the store yet, so that there is nothing to wait for.
    """
    resent = request
    for _ in range(_STALE_CONNECTIONS):
        try:
            return await forward(resent)
        except NoResponse as failure:
            if not failure.on_reused_connection or request.method not in ("GET", "HEAD"):
                raise
        note = " · ".join(filter(None, (request.about.note, "new connection")))
        resent = replace(request, about=replace(request.about, note=note))
    return await forward(resent)


class _Finished(Exception):
    """Carries a finished request out of its chain."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request


async def _make_canonical(request: Request, forward: Send) -> Response:
    return await forward(replace(request, uri=_canonical(request.uri)))


def _canonical(uri: str) -> str:
    try:
        return canonical(uri)
    except InvalidValue as error:
        raise InvalidRequest(f"The URI cannot be used: {error}") from error
