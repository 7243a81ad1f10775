"""What a profile can do, derived from its model: the list that its user is asked to trust."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..client.file_path import file_paths
from ..client.layer import Authentication
from ..client.model import DIRECT, HttpClient, Tls
from ..client.route import ClientRoute
from ..client.uri import absolute, canonical, origin_of
from ..incoming.output_path import OutputPaths
from ..incoming.sink import Sink
from ..machine import Machine
from ..secrets.backends import override_name
from ..secrets.capability import Capability, ResolvedCommand, token_name
from ..secrets.source import SecretSource
from .destinations import destinations
from .model import DEFAULT_CLIENT, Profile, secrets_in

_ORDER = ("run", "secret", "connect", "write", "alter", "read", "send")


def capabilities(profile: Profile, directory: Path, machine: Machine) -> list[Capability]:
    """Everything that this profile can do beyond reading and writing its own folder, each once.

    `directory` is the profile's folder. Reads and hashes files, so call it in a thread.
    """
    found = dict.fromkeys(_ProfileCapabilities(profile, directory, machine).all())
    return sorted(found, key=lambda each: (_ORDER.index(each.kind), each.canonical))


def client_routes(profile: Profile, directory: Path) -> dict[str, ClientRoute]:
    """The route of each client by its name. Reads files, so call it in a thread."""
    return {name: ClientRoute.of(client, directory) for name, client in profile.clients.items()}


class _ProfileCapabilities:
    """Derives the capabilities of one profile."""

    def __init__(self, profile: Profile, directory: Path, machine: Machine) -> None:
        self._profile, self._directory, self._machine = profile, directory, machine
        self._clients: dict[str, HttpClient] = {DEFAULT_CLIENT: HttpClient(), **profile.clients}
        self._routes = {name: ClientRoute.of(client, directory) for name, client in self._clients.items()}
        self._destinations = destinations(profile)

    def all(self) -> Iterator[Capability]:
        yield from self._commands()
        for client in self._clients:
            yield from self._of_client(client)
        for each in self._profile.incoming.values():
            own = set() if each.sink is None else {source.key for source in each.sink.secrets()}
            yield from self._secrets_sent((found for found in secrets_in(each) if found.key not in own), each.client)
        for configuration in self._profile.outgoing.values():
            yield from self._secrets_sent(secrets_in(configuration), configuration.client)
        yield from self._files()
        yield from self._on_failure()

    def _on_failure(self) -> Iterator[Capability]:
        found = self._profile.on_failure
        if found is None:
            return
        if found.command is not None:
            named = found.environment or []
            yield ResolvedCommand.of(found.command, named, self._directory, self._machine.environ).capability
            return
        for origin in self._destinations.get(found.client, ()):
            yield Capability.of("send", f"sends the summary of failed runs to {origin}", what="summary", to=origin)

    def _commands(self) -> Iterator[Capability]:
        for each in self._profile.secrets():
            source = each.source
            if source.command is not None:
                named = source.environment or []
                yield ResolvedCommand.of(source.command, named, self._directory, self._machine.environ).capability

    def _of_client(self, name: str) -> Iterator[Capability]:
        client, route = self._clients[name], self._routes[name]
        if route.facts:
            # a client certificate identifies the user, so the origin matters
            for origin in (self._destinations[name] if route.certificate else ()) or ("",):
                to = f" to {origin}" if origin else ""
                yield Capability.of("connect", f"connects{to} {route.description()}", route=route.facts, to=origin)
        if client.proxy is not None and client.proxy.password is not None and client.proxy.uri != DIRECT:
            yield _secret_sent(
                client.proxy.password.key, _source_text(client.proxy.password), origin_of(client.proxy.uri)
            )
        yield from self._secrets_sent(secrets_in(client.tls), name)
        for plugin in client.plugins:
            yield from self._secrets_sent(secrets_in(plugin), name)
        for each in client.authentications:
            saved = self._profile.authentications[each]
            if (login := saved.login_uri()) is not None:
                yield from self._login(saved, login, name)
            else:
                signed_as = getattr(saved, "signed_origin", None)  # of OAuth 1
                yield from self._secrets_sent(secrets_in(saved), name, signed_as)

    def _login(self, saved: Authentication, written: str, client: str) -> Iterator[Capability]:
        for origin in self._destinations[client]:
            uri = absolute(origin, written)
            login, route = origin_of(uri), self._routes.get(saved.login_client(), ClientRoute())
            for source in secrets_in(saved):
                yield _secret_sent(source.key, _source_text(source), login, route)
            if (login, route.key) != (origin, self._routes[client].key):
                words = f"the token that {uri} gives"
                yield _secret_sent(
                    token_name(canonical(uri), (each.key for each in secrets_in(saved))),
                    words,
                    origin,
                    self._routes[client],
                )

    def _secrets_sent(
        self, sources: Iterable[SecretSource], client: str, signed_as: str | None = None
    ) -> Iterator[Capability]:
        for source in sources:
            for origin in self._destinations.get(client, ()):
                yield _secret_sent(source.key, _source_text(source), origin, self._routes[client], signed_as)

    def _files(self) -> Iterator[Capability]:
        outputs = OutputPaths(self._directory, self._machine.directories, self._machine.environ)
        needed: list[Capability | None] = []
        for incoming in self._profile.incoming.values():
            if incoming.sink is None:
                continue
            written, own = incoming.sink.writes(), replace(outputs, endings=incoming.sink.endings)
            for path in written:
                needed.append(own.write_capability(path))
                if "\0" not in path and incoming.sink.alters(outputs.resolve(path)):
                    needed.append(outputs.alter_capability(path))
            needed += [outputs.read_capability(path) for _, path in file_paths(incoming.sink) if path not in written]
            needed.append(incoming.sink.server_capability())
            if (server := incoming.sink.server) is not None:
                needed += [_secret_sent(each.key, _source_text(each), server) for each in incoming.sink.secrets()]
        if (ledger := self._profile.ledger) is not None:
            needed.append(ledger.capability())
            needed += [_secret_sent(each.key, _source_text(each), ledger.server) for each in secrets_in(ledger)]
        for outgoing in self._profile.outgoing.values():
            if outgoing.source is not None:
                needed += [outputs.read_capability(path) for path in outgoing.source.reads()]
        # the files of TLS are in the route, with their content
        others = file_paths(self._profile, without=(Sink, Tls))
        needed += [outputs.read_capability(path) for _, path in others]
        yield from (each for each in needed if each is not None)


def _secret_sent(
    key: str, words: str, origin: str, route: ClientRoute | None = None, signed_as: str | None = None
) -> Capability:
    route = route or ClientRoute()
    by = f", {route.description()}" if route.facts else ""
    signed = f", signed as {signed_as}" if signed_as and signed_as != origin else ""
    text = f"sends {words} to {origin}{by}{signed}"
    return Capability.of("secret", text, secret=key, to=origin, route=route.key, signed_as=signed_as)


def _source_text(source: SecretSource) -> str:
    if source.keyring is not None:
        return f"the keyring's {source.keyring} (or the variable {override_name(source.keyring)})"
    if source.env is not None:
        return f"the environment variable {source.env}"
    if source.command is not None:
        return f"what the command {shlex.join(source.command)} prints"
    return f"{source.label}, which you type when prompted,"
