"""Sends requests by hand: one of the log again, or a new one, through a client with its current authentication."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ...client.exchange import LONGEST_RESENT, Exchange
from ...client.layer import Send
from ...client.message import AS_SAVED, InvalidRequest, Request, RequestInfo, Response
from ...client.model import HttpClient, only_reads
from ...client.plugins.base_uri import BaseUri
from ...client.uri import is_absolute, origin_of
from ...log.history import BODIES_ARE_KEPT
from ...machine import Machine
from ...magento.entities.comparisons import READ_BY_POST
from ...profile.model import DEFAULT_CLIENT, NamedSecret, Profile
from ...secrets.backends import override_name
from ...secrets.mask import MARK, Mask
from ...units import size
from ..checks.permissions import schema_of
from ..rest_api import KeptPaths, KnownPaths, common_paths, keep_paths, paths_in_schema, why_unknown
from ..workbench import Workbench

_PER_ATTEMPT = frozenset(
    {"accept-encoding", "authorization", "connection", "content-length", "cookie", "host", "user-agent"}
)
"""Headers of a single attempt; they are set again."""


class LoggedRequest(NamedTuple):
    """A request of the log, as far as the log has it."""

    request: Request
    missing: str
    """What the log does not have of it, such as "its body (173 B) was not kept"; "" if it has all."""


def logged_request(exchange: Exchange) -> LoggedRequest:
    """The request before its client changed it or, if that is unknown, as logged.

    Raises `InvalidRequest` for a login.
    """
    if exchange.purpose == "login":
        raise InvalidRequest(
            "A login cannot be resent",
            hint="Magento counts failed logins. To log in again, send a request that needs it (x there, or + for a new "
            "one); y copies this one as a curl command.",
        )
    about = RequestInfo(
        purpose="user", note=f"#{exchange.number} again", repeats=exchange.identity, by_hand=exchange.by_hand
    )
    if exchange.original is not None:
        return LoggedRequest(replace(exchange.original, about=about), "")
    headers = tuple(
        (name, value)
        for name, value in exchange.request_headers
        if name.lower() not in _PER_ATTEMPT and MARK not in value
    )
    request = Request(exchange.method, exchange.uri, headers, exchange.request_body.data, about)
    return LoggedRequest(request, _missing(exchange))


def _missing(exchange: Exchange) -> str:
    body = exchange.request_body
    if body.size and not body.data:
        return f"its body ({size(body.size)}) was not kept"
    if body.cut:
        return f"only the first {size(len(body.data))} of its body ({size(body.size)}) were kept"
    if MARK in exchange.uri or MARK.encode() in body.data:
        return f"its secrets are masked ({MARK})"
    return ""


def resendable_request(exchange: Exchange) -> Request:
    """The request of the log, to be sent as it was.

    Raises `InvalidRequest` for what cannot be sent again: a login, or a request of which the log has only a part.
    """
    request, missing = logged_request(exchange)
    if missing:
        body = exchange.request_body
        keeps = BODIES_ARE_KEPT if 0 < body.size <= LONGEST_RESENT and len(body.data) < body.size else ""
        raise InvalidRequest(
            f"#{exchange.number} cannot be resent unchanged: {missing}", hint=f"X opens it for editing. {keeps}".strip()
        )
    return request


def changes_nothing(request: Request) -> bool:
    """Whether the request only reads, also by a POST to one of Magento's routes that do."""
    path = f"/{request.uri.partition('?')[0].strip('/')}"
    return only_reads(request, reads=any(path.endswith(f"/{each}") for each in READ_BY_POST))


async def resend(workbench: Workbench, profile: Profile, exchange: Exchange, request: Request) -> Response:
    """The store's response to `request`, through the client of `exchange`. Raises `RequestFailed`."""
    await workbench.enter_missing(_secrets_of_client(profile, exchange.client))
    async with workbench.session(profile) as session:
        variant = AS_SAVED if exchange.original is None else exchange.original.about.variant
        return await session.client(exchange.client, variant)(request)


def variables_to_set(
    machine: Machine, path: Path | None, current: Callable[[], Profile | None], client: str
) -> Sequence[str]:
    """The environment variables that a command in a shell needs for a request of this client of the profile at `path`.

    Only this session has their values, which were typed, or filled in for the demo. `current` returns the profile, or
    None where it is invalid.
    """
    if (profile := current()) is None:
        return ()
    found = []
    for secret in _secrets_of_client(profile, client):
        source = secret.source
        if source.env is not None and not machine.environ.get(source.env):
            found.append(source.env)
        elif source.keyring is not None and machine.typed.has(path, source.key, secret.origins):
            found.append(override_name(source.keyring))
    return list(dict.fromkeys(found))


def _secrets_of_client(profile: Profile, client: str) -> list[NamedSecret]:
    """The secrets that a request of this client needs, also those of its logins."""
    parts, clients = set[tuple[object, ...]](), [client]
    while clients and (used := profile.clients.get(name := clients.pop())) is not None:
        parts.add(("clients", name))
        for each in used.authentications:
            authentication = profile.authentications.get(each)
            if authentication is not None and ("authentications", each) not in parts:
                parts.add(("authentications", each))
                clients += [authentication.login_client()] if authentication.login_uri() is not None else []
    return [secret for secret in profile.secrets() if secret.path[:2] in parts]


def labelled_as_edited(request: Request, exchange: Exchange) -> Request:
    """A request that was edited from that of an exchange, as the log names it."""
    return replace(request, about=replace(request.about, note=f"#{exchange.number} edited"))


class NewRequests:
    """Requests written from scratch, and what a request needs: the paths that complete it, and secrets.

    They are sent through the first client that has a base URI.
    """

    def __init__(self, workbench: Workbench, profile: Callable[[], Profile]) -> None:
        """`profile` returns the current profile, or raises `InvalidRequest`."""
        self._workbench, self._profile = workbench, profile

    @property
    def mask(self) -> Mask:
        """Masks the secrets of what is sent and received."""
        return self._workbench.mask

    def base_uri(self, client: str = "") -> str:
        """The base URI of the client; "" if it has none. Raises `InvalidRequest`."""
        profile, client = self._profile_and_client(client)
        return profile.base_uri(client) or ""

    async def send(self, request: Request) -> Response:
        """The store's response. Raises `RequestFailed`."""
        profile = self._profile()
        await self.enter_missing()
        async with self._workbench.session(profile) as session:
            return await session.client(self._client(profile))(request)

    async def enter_missing(self, client: str = "") -> None:
        """Prompts for each secret that a request of this client needs and that has no value.

        Raises `InvalidRequest`, also where it can only be entered in the guide, and `SecretNotEntered`.
        """
        profile, client = self._profile_and_client(client)
        secrets = _secrets_of_client(profile, client)
        await self._workbench.enter_missing(secrets)
        if self._workbench.trust.path is None:
            for each in secrets:
                if reason := await self._workbench.vault.missing(each.source, each.origins):
                    raise InvalidRequest(reason, hint="Enter its value in step 2 of the guide.")

    async def kept_paths(self, client: str = "") -> KnownPaths:
        """The paths of the store's REST API as they were read last, in this session or before. Sends nothing."""
        profile, client = self._profile_and_client(client)
        if (known := self._workbench.rest_apis.get(_key(profile, client))) is not None:
            return known
        kept = KeptPaths(self._workbench.machine.directories.cache)
        return await asyncio.to_thread(kept.find, profile.base_uri(client) or "")

    async def why_unknown(self, method: str, uri: str, client: str = "") -> str:
        """Why the store's schema, as far as it is known, does not describe a request that was sent; "" where it does.

        Sends nothing. Raises `InvalidRequest`.
        """
        if not (base := self.base_uri(client)):
            return ""
        known = await self.kept_paths(client)
        return why_unknown(known.paths, schema_path(base, uri) or "", method)

    async def paths(self, client: str = "") -> KnownPaths:
        """The paths that the token may use, read once in a session; those kept before where that is not possible.

        They only complete what is typed: the user is not asked for trust in the profile before something is sent, and
        no login is sent for them. Before the first one, they are those that most stores have.
        """
        profile, client = self._profile_and_client(client)
        known = self._workbench.rest_apis
        key, base = _key(profile, client), profile.base_uri(client) or ""
        if key not in known:
            if not await asyncio.to_thread(self._workbench.trust.is_given, profile, self._workbench.vault):
                return await self._paths_unread(client)
            async with self._workbench.session(profile) as session:
                schema, _ = await schema_of(_without_login(session.client(client)), base)
            paths = await asyncio.to_thread(paths_in_schema, schema)
            if not paths:
                return await self._paths_unread(client)
            known[key] = KnownPaths(paths, self._workbench.machine.now(), is_current=True)
            await keep_paths(self._workbench.machine, base, paths)
        return known[key]

    async def _paths_unread(self, client: str) -> KnownPaths:
        kept = await self.kept_paths(client)
        return kept if kept.paths else common_paths()

    def _profile_and_client(self, client: str) -> tuple[Profile, str]:
        """The profile, and this client of it; the first one with a base URI where none is named.

        Raises `InvalidRequest`.
        """
        profile = self._profile()
        if client and client not in profile.clients and client != DEFAULT_CLIENT:  # which always exists
            known = ", ".join(profile.clients) or "none"
            raise InvalidRequest(f"The profile has no client named {client!r}", hint=f"It has: {known}.")
        return profile, client or self._client(profile)

    @staticmethod
    def _client(profile: Profile) -> str:
        clients = profile.addressed_clients()
        if not clients:
            raise InvalidRequest("No client has a base URI", hint="Give a client the plugin Add base URI to requests.")
        return clients[0]


def _without_login(send: Send) -> Send:
    """Sends requests that need no new login."""

    async def sent(request: Request) -> Response:
        return await send(replace(request, about=replace(request.about, may_log_in=False)))

    return sent


def _key(profile: Profile, client: str) -> str:
    """What decides which paths the store names: the client, and what authenticates it."""
    used = profile.clients.get(client, HttpClient())
    names = {name: profile.authentications.get(name) for name in used.authentications}
    return f"{profile.environment} {client} {used!r} {names!r}"


def relative_uri(base: str, uri: str) -> str:
    """The address relative to the base URI, where a client with it makes the same address of that; else unchanged."""
    relative = uri.removeprefix(f"{base.rstrip('/')}/")
    if relative == uri:
        return uri
    try:
        sent = BaseUri(uri=base).prepare(Request("GET", relative)).uri
    except InvalidRequest:
        return uri
    return relative if sent == uri else uri


def schema_path(base: str, typed: str) -> str | None:
    """The path of the schema that a request for `typed` reaches through a client with this base URI.

    Typed as it is sent: relative, with the path of the base URI, or absolute; also the beginning of one. None for an
    address that the schema does not describe: of another host, outside the REST API, or of its asynchronous routes.
    """
    typed, base = typed.strip().partition("?")[0], base.rstrip("/")
    start = base if is_absolute(typed) else base.removeprefix(origin_of(base))
    if f"{start}/".startswith(typed):
        return ""
    try:
        uri = BaseUri(uri=base).prepare(Request("GET", typed)).uri
    except InvalidRequest:
        return None
    if uri.startswith(f"{base}/"):
        return uri.removeprefix(f"{base}/")
    root, rest, _ = base.partition("/rest/")
    found = re.fullmatch(r"(?:\w+/)?V1/(.*)", uri.removeprefix(root + rest)) if uri.startswith(root + rest) else None
    return found[1] if found else None
