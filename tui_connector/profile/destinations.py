"""The origins that each client of a profile sends requests, and therefore secrets, to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..client.model import HttpClient
from ..client.uri import absolute, is_absolute, origin_of
from ..errors import InvalidValue
from ..templates import Template
from .model import DEFAULT_CLIENT, Profile


def destinations(profile: Profile) -> Mapping[str, list[str]]:
    """The origins that each client sends requests to, as far as the profile names them."""
    clients = {DEFAULT_CLIENT: HttpClient(), **profile.clients}
    found: dict[str, dict[str, None]] = {name: {} for name in clients}
    for name in clients:
        if base_uri := profile.base_uri(name):  # the plugin base-uri refuses every other origin
            found[name] = {origin_of(base_uri): None}
    bound = {name for name, origins in found.items() if origins}

    def reach(client: str, origin: str) -> bool:
        new = client in found and client not in bound and origin not in found[client]
        if new:
            found[client][origin] = None
        return new

    for configuration in profile.incoming.values():
        for origin in _absolute_origins([configuration.request.uri]):
            reach(configuration.client, origin)
    for sent in profile.outgoing.values():
        for origin in _absolute_origins(request.uri for request in sent.requests.values()):
            reach(sent.client, origin)
    alert = profile.on_failure
    if alert is not None and alert.request is not None:
        for origin in _absolute_origins([alert.request.uri]):
            reach(alert.client, origin)
    changed = True
    while changed:  # a login's client may have an authentication of its own, which is a login again
        changed = False
        for name, client in clients.items():
            for each in client.authentications:
                saved = profile.authentications.get(each)
                login = saved.login_uri() if saved is not None else None
                if saved is None or login is None:
                    continue
                for origin in list(found[name]):
                    changed = reach(saved.login_client(), origin_of(absolute(origin, login))) or changed
    return {name: list(origins) for name, origins in found.items()}


def _absolute_origins(uris: Iterable[str]) -> Iterator[str]:
    """The origins of the absolute URIs; a placeholder cannot change an origin."""
    for uri in uris:
        first = Template.parse(uri).pieces[:1]
        start = first[0] if first and isinstance(first[0], str) else ""
        if is_absolute(start):
            try:
                yield origin_of(start)
            except InvalidValue:
                continue  # no request can be sent there either
