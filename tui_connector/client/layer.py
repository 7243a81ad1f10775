"""Layers, which requests pass through, and the base classes of plugins and authentications, which create them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
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
    """The services that a session provides to layers."""

    @property
    def machine(self) -> Machine: ...

    async def secret(self, source: SecretSource, origin: str, client: str | None = None) -> str:
        """The secret, for a request to `origin` through `client` (default: the client of the current request).

        Raises `InvalidRequest` if it is not available, or if the profile is not trusted to send it there.
        """
        ...

    def check_token_use(self, token: str, login: str, login_client: str, origin: str) -> None:
        """Raises `InvalidRequest` if the token of a login must not go to `origin` with the current request.

        `token` is its name in capabilities, `login` the origin that the login goes to, through `login_client`.
        """
        ...

    def received(self, secret: str, label: str) -> None:
        """Masks a secret without a source, such as a token from the store, everywhere from now on."""
        ...

    def refused(self, source: SecretSource, origin: str, secret: str) -> bool:
        """Called when a login with this secret was refused. Returns whether the user is asked for it again."""
        ...

    def hide(self, name: str) -> None:
        """Masks the value of headers and query parameters of this name from now on, however short it is."""
        ...

    def masked(self, text: str) -> str:
        """`text` with known secrets masked: for text from a store that becomes part of a message or a file."""
        ...

    def client(self, name: str) -> Send: ...

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
        """Sleeps for `pause` seconds before the next attempt of `attempts`; whoever watches the request is told.

        They can end the pause, unless the store requested it (`is_requested`).
        """
        ...

    def share(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts work that belongs to the session: cancelling the caller does not cancel it."""
        ...

    def keep(self, kind: Kind, make: Callable[[], T], place: str = "") -> T:
        """State that outlives this session and belongs to the content of `kind`, such as a valid token."""
        ...


class Stage(IntEnum):
    """The stage of a plugin in the chain, which takes precedence over its place in the list."""

    PREPARE = 0
    REPEAT = 1
    LIMIT = 2


class Plugin(Kind):
    """A plugin."""

    stage: ClassVar[Stage] = Stage.PREPARE
    if_repeated: ClassVar[str] = ""
    """What happens if a client has more than one of this kind, which is probably not meant; "" if it may be."""

    def prepare(self, request: Request) -> Request:
        """The request to send. Most plugins implement only this.

        It is called without a session as well: for previews, dry runs and the identity of a run. It depends on the
        plugin's fields and the request alone. Raises `InvalidRequest`.
        """
        return request

    def written_headers(self) -> Mapping[str, str]:
        """The headers that it adds to every request, with their values as written in the profile.

        They are part of a run's identity, because a header can select other content, such as another store view: a run
        starts over if one of them has changed.
        """
        return {}

    def start(self, context: LayerContext) -> Layer:
        """A layer for one session, which holds the state of the plugin.

        For a plugin that repeats, waits, or looks at responses; it has another stage than PREPARE, because previews and
        dry runs only call `prepare`.
        """

        async def layer(request: Request, forward: Send) -> Response:
            return await forward(self.prepare(request))

        return layer


class Authentication(Named, Kind):
    """An HTTP authentication."""

    before_store: ClassVar[bool] = False
    """Whether it authenticates to a web server in front of the store, so that anonymous requests need it, too."""

    def login_uri(self) -> str | None:
        """The URI of its login, absolute or relative to the root of the store; None if it sends no login."""
        return None

    def login_client(self) -> str:
        """The client that sends its login."""
        return "default"

    def header_written(self) -> str | None:
        """The header it writes, or None. Two authentications of a client must not write the same one."""
        return None

    def variant(self, variant: ClientVariant) -> Authentication:
        """This authentication with the changes of a probe, or itself if none concerns it."""
        return self

    def start(self, context: LayerContext) -> Layer:
        """A layer for one session, shared by all clients that use this authentication."""
        raise NotImplementedError
