"""What a request passes through: layers, and the base classes of the kinds that make them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from enum import IntEnum
from typing import Any, ClassVar, Protocol, TypeVar

from ..kinds import Kind, Named
from ..machine import Machine
from ..secrets.source import SecretSource
from .message import ClientVariant, Request, Response

T = TypeVar("T")

Send = Callable[[Request], Awaitable[Response]]
Layer = Callable[[Request, Send], Awaitable[Response]]


class LayerContext(Protocol):
    """What a kind may use while it runs. The session fulfils it; a test gives its own."""

    @property
    def machine(self) -> Machine: ...

    async def secret(self, source: SecretSource, origin: str, client: str | None = None) -> str:
        """The secret, for a request to `origin` through `client`; None: the client whose request is under way.

        Raises `InvalidRequest` if it cannot be had, or if the profile is not trusted to send it there.
        """
        ...

    def check_token_use(self, token: str, login: str, login_client: str, origin: str) -> None:
        """Raises `InvalidRequest` if the token of a login must not go to `origin` with the current request.

        `token` is its name in capabilities, `login` the origin that the login goes to, through `login_client`.
        """
        ...

    def received(self, secret: str, label: str) -> None:
        """A secret that no source holds, such as a token from the store: from now on it is masked everywhere."""
        ...

    def hide(self, name: str) -> None:
        """From now on the value of the header or the query parameter of this name is masked, however short it is."""
        ...

    def masked(self, text: str) -> str:
        """`text` without known secrets: for what a store said, before it becomes part of a message or a file."""
        ...

    def client(self, name: str) -> Send: ...

    def share(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start work that belongs to the session, not to the caller: cancelling the caller does not cancel it."""
        ...

    def keep(self, kind: Kind, make: Callable[[], T], place: str = "") -> T:
        """State that outlives this session and belongs to the content of `kind`, such as a token still good."""
        ...


class Stage(IntEnum):
    """Where a plugin is in the chain, whatever its place in the list."""

    PREPARE = 0
    REPEAT = 1
    LIMIT = 2


class Plugin(Kind):
    """A plugin."""

    stage: ClassVar[Stage] = Stage.PREPARE

    def prepare(self, request: Request) -> Request:
        """The request as it continues. Most kinds need no more than this."""
        return request

    def start(self, context: LayerContext) -> Layer:
        """A layer for one session; its state lives here, never in the model."""

        async def layer(request: Request, forward: Send) -> Response:
            return await forward(self.prepare(request))

        return layer


class Authentication(Named, Kind):
    """An HTTP authentication."""

    before_store: ClassVar[bool] = False
    """Asked for by what is before the store, such as a web server: without it not even a guest gets through."""

    def login_uri(self) -> str | None:
        """Where it logs in: absolute, or from the root of the store's address. None where it sends no login."""
        return None

    def login_client(self) -> str:
        """The client that sends its login."""
        return "default"

    def header_written(self) -> str | None:
        """The header it writes, if it does: a client cannot have two that write the same one (Basic and OAuth can)."""
        return None

    def variant(self, variant: ClientVariant) -> Authentication:
        """This authentication with the changes that a probe asks for, or itself if none concerns it."""
        return self

    def start(self, context: LayerContext) -> Layer:
        """A layer for one session, shared by all clients that use this authentication."""
        raise NotImplementedError
