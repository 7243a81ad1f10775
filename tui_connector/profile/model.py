"""The profile as a typed model: it imports every kind, and checks what refers to what."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ..client.authentication.bearer import Bearer
from ..client.authentication.request import RequestAuthentication
from ..client.http_client import HttpClient
from ..client.layer import Authentication
from ..client.plugins.base_uri import BaseUri
from ..client.plugins.content_type import ContentType
from ..client.plugins.log_requests import LogRequests
from ..client.plugins.retry import Retry
from ..client.uri import origin_of
from ..kinds import BrokenPackage, Model, discover, json_schema
from ..magento.oauth1 import OAuth1
from ..magento.search_criteria import Keyset
from ..secrets.source import SecretSource
from ..transfer.incoming import Incoming, JsonLines
from ..transfer.outgoing import Outgoing

KINDS = (Bearer, RequestAuthentication, OAuth1, BaseUri, ContentType, LogRequests, Retry, Keyset, JsonLines)
"""The kinds this package brings."""

ALWAYS_THERE = "default"
"""The client that exists in every profile, even where it is not written."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"


def _name(name: str) -> str:
    import re

    if not re.fullmatch(_NAME, name):
        raise ValueError(f"{name[:80]!r} is no name: use letters, digits, - and _, 64 at most, a letter or digit first")
    return name


Name = Annotated[str, AfterValidator(_name)]
Step = str | int
Path = tuple[Step, ...]


class Profile(Model):
    """The whole setup for one store."""

    format: Literal[1] = Field(title="Format", description="The version of this format.")
    name: str = Field(min_length=1, max_length=200, title="Name", description="What people call this store.")
    description: str | None = Field(None, title="Description", description="What it is for.")
    authentications: dict[Name, Authentication] = Field(
        default_factory=dict, title="HTTP authentications", description="How a request proves who sends it."
    )
    clients: dict[Name, HttpClient] = Field(
        default_factory=dict, title="HTTP clients", description="Where and how requests go."
    )
    incoming: dict[Name, Incoming] = Field(
        default_factory=dict, title="Incoming", description="What is read from the store."
    )
    outgoing: dict[Name, Outgoing] = Field(
        default_factory=dict, title="Outgoing", description="What is sent to the store."
    )

    def base_uri(self, client: str) -> str | None:
        """The base URI of this client, if it has one."""
        saved = self.clients.get(client)
        return next((p.uri for p in saved.plugins if isinstance(p, BaseUri)), None) if saved else None

    def addressed_clients(self) -> list[str]:
        """The clients that have a base URI, and so can be asked for a relative URI."""
        return [name for name in self.clients if self.base_uri(name)]

    def origins(self, authentication: str) -> list[str]:
        """The origins that this authentication's secrets go to."""
        saved = self.authentications[authentication]
        users = [name for name, client in self.clients.items() if authentication in client.authentications]
        origins = [origin_of(uri) for uri in map(self.base_uri, users) if uri]
        if isinstance(saved, RequestAuthentication) and "://" in saved.uri:
            origins = [origin_of(saved.uri)]
        return list(dict.fromkeys(origins))

    def secrets(self) -> Iterator[tuple[str, str, SecretSource]]:
        """Each secret: the authentication's name, the field's name, and where the secret comes from."""
        for name, authentication in self.authentications.items():
            for field, value in _secrets_in(authentication):
                yield name, field, value


def _secrets_in(model: Model) -> Iterator[tuple[str, SecretSource]]:
    for field in type(model).model_fields:
        value = getattr(model, field)
        if isinstance(value, SecretSource):
            yield field.replace("_", "-"), value
        elif isinstance(value, dict):
            yield from ((str(key), item) for key, item in value.items() if isinstance(item, SecretSource))


def dangling(profile: Profile) -> Iterator[tuple[Path, str, list[str]]]:
    """What refers to something that is not there, or to itself: its path, what is wrong, and the names there are."""
    clients = [*profile.clients, *([] if ALWAYS_THERE in profile.clients else [ALWAYS_THERE])]
    for name, client in profile.clients.items():
        for index, wanted in enumerate(client.authentications):
            if wanted not in profile.authentications:
                known = list(profile.authentications)
                yield ("clients", name, "authentications", index), f"there is no authentication {wanted!r}", known
    for name, authentication in profile.authentications.items():
        if isinstance(authentication, RequestAuthentication) and authentication.client not in clients:
            yield ("authentications", name, "client"), f"there is no client {authentication.client!r}", clients
    parts: dict[str, dict[str, Any]] = {"incoming": dict(profile.incoming), "outgoing": dict(profile.outgoing)}
    for part, named in parts.items():
        for name, configuration in named.items():
            if configuration.client not in clients:
                yield (part, name, "client"), f"there is no client {configuration.client!r}", clients
    yield from _circles(profile)


def _circles(profile: Profile) -> Iterator[tuple[Path, str, list[str]]]:
    graph: dict[str, set[str]] = {
        f"client {name}": {f"authentication {wanted}" for wanted in client.authentications}
        for name, client in profile.clients.items()
    }
    for name, authentication in profile.authentications.items():
        if isinstance(authentication, RequestAuthentication):
            graph[f"authentication {name}"] = {f"client {authentication.client}"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
        name = next(step for step in circle if step.startswith("authentication ")).partition(" ")[2]
        way = " → ".join(reversed(circle))
        yield ("authentications", name, "client"), f"the login needs itself: {way}", []


@cache
def broken_packages() -> tuple[BrokenPackage, ...]:
    """Loads the kinds of other packages, once, before the first validation; those that failed are returned."""
    return tuple(discover())


def schema() -> dict[str, Any]:
    """The JSON Schema (draft-07) of a profile, for editors."""
    broken_packages()
    return json_schema(Profile)
