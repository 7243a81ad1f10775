"""Opens the clients of a profile once, chains their layers, and owns what they share."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from ..errors import InvalidValue
from ..kinds import Kind
from ..machine import Machine
from ..secrets.capability import Grants, file_digest, portable
from ..secrets.mask import Mask
from ..secrets.secret_error import SecretError
from ..secrets.source import SecretSource
from ..secrets.vault import Vault
from ..templates import Json
from .exchange import Exchange, Exchanges
from .layer import Authentication, Layer, LayerContext, Plugin, Send, Stage
from .message import AS_SAVED, ClientVariant, InvalidRequest, NoResponse, Request, Response
from .model import DIRECT, HttpClient
from .plugins.base_uri import BaseUri
from .uri import canonical, is_absolute, origin_of
from .wire import Bounds, Wire

log = logging.getLogger(__name__)

# By which route a client's requests go: what decides who can read them on the way to the store.


@dataclass(frozen=True, slots=True)
class ClientRoute:
    """What a client's proxy and TLS settings come to. Without any: directly, or as the environment says."""

    proxy: str = ""
    ca: str = ""
    """The SHA-256 of the file of authorities that are trusted besides the system's."""
    ca_file: str = ""
    certificate: str = ""
    """The file of the client certificate."""
    private_key: str = ""
    """The file of its private key, where that is another one."""
    verified: bool = True

    @classmethod
    def of(cls, client: HttpClient, directory: Path) -> ClientRoute:
        """Reads the file of authorities, so call it in a thread."""
        tls = client.tls
        proxy = "" if client.proxy is None or client.proxy.uri == DIRECT else origin_of(client.proxy.uri)
        folder = Path(os.path.realpath(directory))
        ca = ca_file = ""
        if tls.ca_file is not None:
            real = folder / os.path.expanduser(tls.ca_file)
            ca, ca_file = file_digest(real), str(real)
        certificate, key = (_portable(each, folder) for each in (tls.client_certificate, tls.client_key))
        return cls(proxy, ca, ca_file, certificate, key, tls.verify)

    @property
    def facts(self) -> dict[str, object]:
        """What differs from the plain route, by name."""
        found: dict[str, object] = {"proxy": self.proxy, "ca": self.ca, "client-certificate": self.certificate}
        found["client-key"] = self.private_key
        return {name: value for name, value in found.items() if value} | ({} if self.verified else {"verify": False})

    @property
    def key(self) -> str:
        """One text for the route; empty for the plain one."""
        return json.dumps(self.facts, sort_keys=True) if self.facts else ""

    def words(self) -> str:
        """What differs from the plain route, for a sentence about where something goes; empty for the plain one."""
        return ", ".join(self._words())

    def _words(self) -> Iterator[str]:
        if self.proxy:
            yield f"through the proxy {self.proxy}"
        if not self.verified:
            yield "without verifying the certificate, so that it can be intercepted"
        if self.ca:
            yield f"to any server with a certificate from {self.ca_file} (SHA-256 {self.ca[:12]})"
        if self.certificate:
            more = f" and the key {self.private_key}" if self.private_key else ""
            yield f"with the client certificate {self.certificate}{more}"


def _portable(written: str | None, folder: Path) -> str:
    if written is None:
        return ""
    whole = os.path.expanduser(written)
    return portable(whole, os.path.realpath(folder / whole), folder)


T = TypeVar("T")

_WORDS = {"title", "description"}
_ABOUT_THE_CLIENT = ("user-agent", "accept-encoding", "content-type", "connection")
_KEPT_TRIES = 3
_client: ContextVar[str] = ContextVar("client", default="")
"""The client whose request is under way: a secret that goes with it goes by this client's route."""
_ENABLE = "Remove `disabled = true` to use it again."


class SessionCache:
    """What outlives a session, by the content of the kind it belongs to: an edit elsewhere does not log in again."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], object] = {}

    def of(self, kind: Kind, place: str, make: Callable[[], T]) -> T:
        key = (f"{type(kind).__name__}{kind.model_dump_json(exclude=_WORDS)}", place)
        return self._values.setdefault(key, make())  # type: ignore[return-value]  # one type for each kind


class Session(LayerContext):
    """One run of one profile. An async context manager; closing it ends what it started."""

    def __init__(
        self,
        clients: Mapping[str, HttpClient],
        authentications: Mapping[str, Authentication],
        *,
        vault: Vault,
        exchanges: Exchanges,
        machine: Machine,
        bounds: Bounds | None = None,
        kept: SessionCache | None = None,
        directory: Path | None = None,
        run: Mapping[str, Json] | None = None,
        grants: Grants | None = None,
        routes: Mapping[str, ClientRoute] | None = None,
    ) -> None:
        """`directory` is where the profile's file is, and paths in it start; `run` is what `@{…}` reads in plugins.

        `grants` is what the profile is trusted to do, nothing without it; `routes` are the clients' routes by name.
        """
        self.grants = grants or Grants()
        self._routes = routes or {}
        self._clients, self._authentications = clients, authentications
        self._vault, self._exchanges, self._machine = vault, exchanges, machine
        self._bounds = bounds or Bounds()
        self._kept = kept or SessionCache()
        self._directory = directory or machine.directories.profiles
        self._run = run or {}
        self._open: dict[tuple[str, ClientVariant], Send] = {}
        self._started: dict[tuple[str, ClientVariant], Layer] = {}
        self._wires: dict[str, Wire] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._printed: dict[tuple[str, ...], str] = {}
        self._running: dict[tuple[str, ...], asyncio.Lock] = {}
        self._attempts: Counter[int] = Counter()

    @property
    def machine(self) -> Machine:
        return self._machine

    def client(self, name: str, variant: ClientVariant = AS_SAVED) -> Send:
        """Sends requests through the client of this name. "default" always exists. Raises `InvalidRequest`."""
        if (name, variant) not in self._open:
            saved = self._saved(name)
            chain = self._chain(saved, self._to_granted(name, self._wire(name, saved).send), variant)
            self._open[name, variant] = _through_client(name, self._numbered(chain, variant))
            log.info("client %s opened %s", name, variant.description)
        return self._open[name, variant]

    async def signed(self, name: str, request: Request) -> Request:
        """The request as the wire would get it, with what authenticates it. A login may be sent for it, it is not."""

        async def stop(finished: Request) -> Response:
            raise _Finished(finished)

        try:
            await _through_client(name, self._chain(self._saved(name), stop))(self._in_this_run(request))
        except _Finished as end:
            return end.request
        raise AssertionError("a chain ends at its wire")

    def prepared(self, name: str, request: Request) -> Request:
        """The request after plugins and before authentication; nothing is sent. Raises `InvalidRequest`."""
        request = self._in_this_run(request)
        for plugin in self._saved(name).plugins:
            request = plugin.prepare(request) if plugin.stage is Stage.PREPARE else request
        return replace(request, uri=_canonical(request.uri))

    def written_headers(self, name: str) -> list[tuple[str, str]]:
        """The headers that the client's plugins write, as the profile has them: one may select another store view.

        Without those that never decide on what a store sends.
        """
        written: list[tuple[str, str]] = []
        for plugin in self._saved(name).plugins:
            headers = getattr(plugin, "headers", None)
            if isinstance(headers, dict):
                written += [
                    (f"{plugin.kind} {header.lower()}", text)
                    for header, text in headers.items()
                    if header.lower() not in _ABOUT_THE_CLIENT
                ]
        return written

    def recorded(self, number: int | None) -> Exchange | None:
        """The exchange of this number, where the log still has it."""
        return None if number is None else self._exchanges.numbered(number)

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
                attempt=self._next_attempt,
                secret=self.secret,
                directory=self._directory,
                ca=self._route(name).ca,
            )
        return self._wires[name]

    def _to_granted(self, name: str, send: Send) -> Send:
        """A client certificate is shown to the origins that it may be shown to, whatever link names another one."""
        route = self._route(name)
        if not route.certificate:
            return send

        async def to_granted(request: Request) -> Response:
            if not self.grants.connects(origin_of(request.uri), route.facts):
                raise InvalidRequest(
                    f"The profile is not trusted to show the client certificate to {origin_of(request.uri)}",
                    hint="Review what it can do, then allow it: tui-connector trust PROFILE.",
                )
            return await send(request)

        return to_granted

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
            _on_a_new_connection,
            *(self._bound(saved, name, variant) for name in authentications),
        ]
        for layer in reversed(layers):
            send = _through(layer, send)
        return send

    def _bound(self, client: HttpClient, name: str, variant: ClientVariant) -> Layer:
        """The authentication's layer; a token from a login elsewhere goes to the client's own origin only."""
        layer = self._authentication(name, variant)
        login = self._authentications[name].login_uri()
        if login is None or not is_absolute(login):
            return layer  # its login goes to the origin of the request itself, and the vault refuses another one
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

    def _authentication(self, name: str, variant: ClientVariant) -> Layer:
        saved = self._authentications[name]
        used = saved.variant(variant)
        key = name, AS_SAVED if used is saved else variant
        if key not in self._started:  # one for the session: two clients that share it share its login
            if saved.disabled:
                raise InvalidRequest(f"The authentication {name!r} is disabled in the profile", hint=_ENABLE)
            self._started[key] = used.start(self)
        return self._started[key]

    def _numbered(self, send: Send, variant: ClientVariant) -> Send:
        async def numbered(request: Request) -> Response:
            call = self._exchanges.next_call()
            note = " · ".join(filter(None, (request.about.note, variant.description)))
            asked = replace(request, about=replace(request.about, variant=variant))
            about = replace(
                asked.about,
                call=call,
                asked=None if request.about.purpose == "login" else asked,
                run=request.about.run or self._run,
                note=note,
            )
            try:
                return await send(replace(request, about=about))
            finally:
                del self._attempts[call]

        return numbered

    def _in_this_run(self, request: Request) -> Request:
        return request if request.about.run else replace(request, about=replace(request.about, run=self._run))

    def _next_attempt(self, call: int) -> int:
        self._attempts[call] += 1
        return self._attempts[call]

    async def secret(self, source: SecretSource, origin: str, client: str | None = None) -> str:
        route = self._route(_client.get() if client is None else client).key
        try:
            if source.command is None:
                return await self._vault.read(source, origin, route, self.grants, self._directory)
            return await self._from_command((*source.command, origin, route), source, origin, route)
        except SecretError as error:
            raise InvalidRequest(error.message, hint=error.hint, code=error.code) from error

    async def _from_command(self, place: tuple[str, ...], source: SecretSource, origin: str, route: str) -> str:
        """What a command printed for this origin: it is run once for all requests of the session."""
        async with self._running.setdefault(place, asyncio.Lock()):
            if place not in self._printed:
                self._printed[place] = await self._vault.read(source, origin, route, self.grants, self._directory)
        return self._printed[place]

    def token_goes(self, token: str, login: str, login_client: str, origin: str) -> None:
        route = self._route(_client.get()).key
        if origin == login and route == self._route(login_client).key:
            return
        if not self.grants.sends(token, origin, route):
            raise InvalidRequest(
                f"The profile is not trusted to send the token from {login} to {origin}",
                hint="Log in to the store the token is for, or allow it: tui-connector trust PROFILE.",
            )

    def _route(self, client: str) -> ClientRoute:
        return self._routes.get(client, _PLAIN)

    def received(self, secret: str, label: str) -> None:
        self._vault.mask.learn(secret, label, received=True)

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
            task.exception()  # whoever waits for it gets it; nobody waiting is not an error

    def keep(self, kind: Kind, make: Callable[[], T], place: str = "") -> T:
        return self._kept.of(kind, place, make)

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


_PLAIN = ClientRoute()


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


async def _on_a_new_connection(request: Request, forward: Send) -> Response:
    """Asks again where the server gave up a kept connection just then; before authentication, as a nonce is used up.

    A client may do that with what only reads (RFC 9112 §9.3.1). Other kept connections may have gone with it.
    """
    for _ in range(_KEPT_TRIES):
        try:
            return await forward(request)
        except NoResponse as failure:
            if not failure.on_kept_connection or request.method not in ("GET", "HEAD"):
                raise
    return await forward(request)


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
