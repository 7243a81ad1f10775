"""The profile as a typed model: where its kinds are, and what refers to what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar
from weakref import ref

from pydantic import AfterValidator, Field, PrivateAttr

from ..client.layer import Authentication, Plugin
from ..client.model import DIRECT, HttpClient, RequestTemplate
from ..client.plugins.base_uri import BaseUri
from ..client.plugins.query_defaults import QueryDefaults
from ..client.uri import is_absolute, origin_of
from ..errors import UserError
from ..incoming.model import Incoming
from ..incoming.pagination import Pagination
from ..incoming.sink import Sink
from ..kinds import Kind, Model, add_overrides, built_in, json_schema, kebab
from ..magento.criteria import is_criteria
from ..magento.misread_criteria import misread_criteria
from ..outgoing.comparison import presets_from
from ..outgoing.lookup import Lookup
from ..outgoing.model import Outgoing
from ..outgoing.source import Source
from ..outgoing.sources.incoming import IncomingSource
from ..runs.inconsistency import Inconsistency, Setting
from ..runs.postgres_ledger import LedgerSettings
from ..secrets.source import SecretSource
from ..templates import Json
from ..text import direction_option
from .environment_names import DEFAULT_ENVIRONMENT
from .on_failure import OnFailure
from .part_names import NAME_RULE, is_name

FAMILIES: Final = ("authentications", "clients", "incoming", "outgoing")
"""The tables whose tables are the parts of a profile."""
_FAMILIES: dict[type[Kind], tuple[str, ...]] = {
    Authentication: ("tui_connector.client.authentication", "tui_connector.magento"),
    Plugin: ("tui_connector.client.plugins",),
    Pagination: ("tui_connector.incoming.pagination", "tui_connector.magento"),
    Sink: ("tui_connector.incoming.sinks",),
    Source: ("tui_connector.outgoing.sources",),
    Lookup: ("tui_connector.outgoing.lookups", "tui_connector.magento"),
}
"""The families, and the packages of the program whose modules define kinds of them."""

for _family, _packages in _FAMILIES.items():
    built_in(_family, *_packages)


def _comparisons() -> Mapping[str, Mapping[str, Json]]:
    from ..magento.entities.comparisons import COMPARISONS

    return COMPARISONS


presets_from(_comparisons)

DEFAULT_CLIENT = "default"
"""The client that exists in every profile, even if it is not configured."""

FORMAT: Final = 1
"""The version of the file format; there is no older one."""


def _name(name: str) -> str:
    if not is_name(name):
        raise ValueError(f"{name[:80]!r} is not a valid name: {NAME_RULE}")
    return name


def _environment_name(name: str) -> str:
    if name == DEFAULT_ENVIRONMENT:
        raise ValueError(f"{name!r} is the name of the base values: choose another one")
    return name


Name = Annotated[str, AfterValidator(_name)]
EnvironmentName = Annotated[Name, AfterValidator(_environment_name)]
Step = str | int
ModelPath = tuple[Step, ...]


class LogSettings(Model):
    """What is stored of the requests of this profile's sessions."""

    history: Literal["metadata", "requests", "bodies", "off"] = Field(
        "metadata",
        title="History",
        description=(
            "What to store of the requests of the last sessions, for `tui-connector log` and the request log on "
            "screen: metadata (address, headers, status, times, why a request failed; the body only of requests "
            "written in the program), also the bodies of all requests up to 64 KiB, so that they can be resent, also "
            "all other bodies (both may contain customer data), or nothing. Secrets are masked; at most 30 days and "
            "50 MB, readable by this user only."
        ),
        examples=["metadata", "requests", "bodies", "off"],
    )


class Profile(Model):
    """The whole setup for one store."""

    format: Literal[1] = Field(title="Format", description="Version of the file format.")
    name: str = Field(min_length=1, max_length=200, title="Name", description="Display name of the store.")
    description: str | None = Field(None, title="Description", description="What it is used for.")
    authentications: dict[Name, Authentication] = Field(
        default_factory=dict, title="HTTP authentications", description="How requests are authenticated."
    )
    clients: dict[Name, HttpClient] = Field(
        default_factory=dict, title="HTTP clients", description="Where and how requests are sent."
    )
    incoming: dict[Name, Incoming] = Field(
        default_factory=dict, title="Incoming", description="What to read from the store."
    )
    outgoing: dict[Name, Outgoing] = Field(
        default_factory=dict, title="Outgoing", description="What to send to the store."
    )
    log: LogSettings = Field(
        default_factory=LogSettings, title="Request log", description="What to store of the requests."
    )
    on_failure: OnFailure | None = Field(None, title="On failure", description="What to do when a headless run fails.")
    ledger: LedgerSettings | None = Field(
        None,
        title="Shared ledger",
        description="A database that keeps the state of runs for several machines, instead of the state directory.",
    )
    environments: dict[EnvironmentName, dict[str, Any]] = Field(
        default_factory=dict,
        title="Environments",
        description="Values that differ from those above, such as the address of the staging store, by their path.",
    )

    _environment: str = PrivateAttr("")
    _has_environments: bool = PrivateAttr(False)

    @property
    def environment(self) -> str:
        """The environment whose values this profile has; "" for the base values."""
        return self._environment

    @property
    def environment_label(self) -> str:
        """The environment as it is shown; "" in a profile without environments."""
        return self._environment or (DEFAULT_ENVIRONMENT if self._has_environments or self.environments else "")

    @property
    def label(self) -> str:
        """The name of the store, with the environment if the profile has any."""
        return f"{self.name} ({self.environment_label})" if self.environment_label else self.name

    def set_environment(self, name: str) -> None:
        """Says that these are the values of an environment."""
        self._environment, self._has_environments = name, True

    def model_post_init(self, context: Any, /) -> None:
        for each in self.secrets():
            each.source.set_place(each.name, each.title)

    def configuration(self, name: str) -> Incoming | Outgoing:
        """The incoming or outgoing of this name. Raises `UserError`."""
        found = self.incoming.get(name) or self.outgoing.get(name)
        if found is None:
            known = ", ".join([*self.incoming, *self.outgoing]) or "none"
            message = f"The profile has no incoming or outgoing named {name!r}"
            raise UserError("configuration-missing", message, f"It has: {known}.")
        return found

    def require(self, direction: Literal["incoming", "outgoing"] | None, names: Iterable[str]) -> None:
        """Raises `UserError` unless there are configurations of these names, where a direction is given: of that."""
        for name in names:
            self.configuration(name)
            table: Mapping[str, object] = self.outgoing if direction == "outgoing" else self.incoming
            if direction is not None and name not in table:
                message = f"The profile has no {direction} named {name!r}"
                raise UserError("configuration-missing", message, f"It has: {', '.join(table) or 'none'}.")

    def direction_of(
        self, name: str, wanted: Literal["incoming", "outgoing"] | None
    ) -> Literal["incoming", "outgoing"]:
        """Which one a command is for that runs one configuration.

        Raises `UserError` if there is none of this name, or both and neither is wanted.
        """
        self.require(wanted, [name])
        if wanted is None and name in self.incoming and name in self.outgoing:
            message = f"An incoming and an outgoing are named {name!r}"
            raise UserError("direction-missing", message, "Choose one: --direction incoming or --direction outgoing.")
        return wanted or ("incoming" if name in self.incoming else "outgoing")

    def direction_option(self, direction: Literal["incoming", "outgoing"], name: str) -> str:
        """How commands name this one; "" unless an incoming and an outgoing have this name."""
        return direction_option(direction, name, (self.incoming, self.outgoing))

    def incomings_read_by_others(self) -> set[str]:
        """The incomings that child lists and outgoings of this profile read themselves: they need no sink."""
        parents = {each.parent.incoming for each in self.incoming.values() if each.parent is not None}
        sources = (each.source for each in self.outgoing.values())
        return parents | {each.name for each in sources if isinstance(each, IncomingSource) and each.profile is None}

    def base_uri(self, client: str) -> str | None:
        """The base URI of this client, if it has one."""
        saved = self.clients.get(client)
        return next((p.uri for p in saved.plugins if isinstance(p, BaseUri)), None) if saved else None

    def addressed_clients(self) -> list[str]:
        """The clients that have a base URI, and can send requests to a relative URI."""
        return [name for name in self.clients if self.base_uri(name)]

    def origins(self, authentication: str) -> list[str]:
        """The origins to which this authentication's secrets are sent."""
        saved = self.authentications[authentication]
        users = [name for name, client in self.clients.items() if authentication in client.authentications]
        origins = [origin_of(uri) for uri in map(self.base_uri, users) if uri]
        login = saved.login_uri()
        if login is not None and is_absolute(login):
            origins = [origin_of(login)]
        return list(dict.fromkeys(origins))

    def secrets(self) -> Iterator[NamedSecret]:
        """Each secret of the profile."""
        for name, authentication in self.authentications.items():
            origins = tuple(self.origins(name))
            for field, path, title, source in _secrets_in(authentication):
                title = f"{title} of authentication {name}"
                yield self._named(f"{name}/{field}", source, origins, ("authentications", name, *path), title)
        for name, client in self.clients.items():
            base_uri = self.base_uri(name)
            origins = (origin_of(base_uri),) if base_uri else ()
            for field, path, title, source in _secrets_in(client.tls):
                place = ("clients", name, "tls", *path)
                yield self._named(f"clients/{name}/tls/{field}", source, origins, place, f"{title} of client {name}")
            for index, plugin in enumerate(client.plugins):
                for field, path, title, source in _secrets_in(plugin):
                    place = ("clients", name, "plugins", index, *path)
                    title = f"{title} of plugin {index + 1} of client {name}"
                    yield self._named(f"clients/{name}/plugins/{index + 1}/{field}", source, origins, place, title)
            if client.proxy is not None and client.proxy.password is not None and client.proxy.uri != DIRECT:
                to_proxy, place = (origin_of(client.proxy.uri),), ("clients", name, "proxy", "password")
                title, source = f"Password of the proxy of client {name}", client.proxy.password
                yield self._named(f"clients/{name}/proxy/password", source, to_proxy, place, title)
        if self.ledger is not None:
            for field, path, title, source in _secrets_in(self.ledger):
                place, title = ("ledger", *path), f"{title} of the shared ledger"
                yield self._named(f"ledger/{field}", source, (self.ledger.server,), place, title)
        parts: dict[str, dict[str, Any]] = {"incoming": dict(self.incoming), "outgoing": dict(self.outgoing)}
        for part, named in parts.items():
            for name, configuration in named.items():
                base_uri = self.base_uri(configuration.client)
                origins = (origin_of(base_uri),) if base_uri else ()
                server = configuration.sink.server if part == "incoming" and configuration.sink else None
                for field, path, title, source in _secrets_in(configuration):
                    to = (server,) if server and path[0] == "sink" else origins
                    yield self._named(f"{name}/{field}", source, to, (part, name, *path), f"{title} of {part} {name}")

    def _named(
        self, name: str, source: SecretSource, origins: tuple[str, ...], path: ModelPath, title: str
    ) -> NamedSecret:
        return NamedSecret(name, source, origins, path, title, self.environment_label)


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """A secret: its name, such as "integration/access-token", its source, and the origins that it is sent to."""

    name: str
    source: SecretSource
    origins: tuple[str, ...]
    path: ModelPath
    """Where it is in the profile."""
    title: str
    """Its field and its part, such as "Access token of authentication integration"."""
    environment: str
    """The environment whose value it is, as it is shown; "" in a profile without environments."""


R = TypeVar("R")


def _once(function: Callable[[Model], Sequence[R]]) -> Callable[[Model], Sequence[R]]:
    """Calls the function once for each model: they are immutable, and the parts of a profile that is edited stay."""
    known: dict[int, tuple[ref[Model], Sequence[R]]] = {}

    @wraps(function)
    def remembered(model: Model) -> Sequence[R]:
        key = id(model)
        found = known.get(key)
        if found is None or found[0]() is not model:
            # forgotten with the model, whose id may be used again
            found = known[key] = ref(model, lambda gone: forget(key, gone)), function(model)
        return found[1]

    def forget(key: int, gone: ref[Model]) -> None:
        if (found := known.get(key)) is not None and found[0] is gone:
            del known[key]

    return remembered


def secrets_in(model: Model) -> Iterator[SecretSource]:
    """Each secret in a part of a profile, at any depth."""
    for *_, source in _secrets_in(model):
        yield source


@_once
def _secrets_in(model: Model) -> Sequence[_Found]:
    return [
        found
        for field, info in type(model).model_fields.items()
        for found in _secrets_at(kebab(field), kebab(field), info.title or kebab(field), getattr(model, field))
    ]


class _Found(NamedTuple):
    """A secret in a part: its name and path there, the title of its field, and its source."""

    name: str
    path: ModelPath
    title: str
    source: SecretSource

    def within(self, step: Step, name: str = "") -> _Found:
        """As it is found from the value that has this one at `step`, and under another name."""
        return self._replace(name=name or self.name, path=(step, *self.path))


def _secrets_at(name: str, step: Step, title: str, value: object) -> Iterator[_Found]:
    """The secrets in a value, with their paths from `step` on. `title` is that of the field with the value."""
    if isinstance(value, SecretSource):
        yield _Found(name, (step,), title, value)
    elif isinstance(value, Model):
        for found in _secrets_in(value):  # a one-time code holds one secret
            yield found.within(step, name if found.name == "totp" else f"{name}/{found.name}")
    elif isinstance(value, dict):
        for key, item in value.items():
            key_title = str(key).replace("-", " ").capitalize()
            yield from (found.within(step) for found in _secrets_at(str(key), key, key_title, item))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            inner = _secrets_at(f"{name}/{index + 1}", index, f"{title} {index + 1}", item)
            yield from (found.within(step) for found in inner)


def inconsistencies(profile: Profile) -> Iterator[Inconsistency]:
    """References to something undefined, and parts that are valid but do not work together."""
    clients = [*profile.clients, *([] if DEFAULT_CLIENT in profile.clients else [DEFAULT_CLIENT])]
    for name, client in profile.clients.items():
        for index, wanted in enumerate(client.authentications):
            if wanted not in profile.authentications:
                known = list(profile.authentications)
                path = ("clients", name, "authentications", index)
                yield Inconsistency(path, f"unknown authentication {wanted!r}", wanted, known)
    for name, authentication in profile.authentications.items():
        client_of_login = authentication.login_client()
        if authentication.login_uri() is not None and client_of_login not in clients:
            message = f"unknown client {client_of_login!r}"
            yield Inconsistency(("authentications", name, "client"), message, client_of_login, clients)
    parts: dict[str, dict[str, Any]] = {"incoming": dict(profile.incoming), "outgoing": dict(profile.outgoing)}
    for part, named in parts.items():
        for name, configuration in named.items():
            if configuration.client not in clients:
                wanted = configuration.client
                yield Inconsistency((part, name, "client"), f"unknown client {wanted!r}", wanted, clients)
            if (found := _unknown_source(profile, configuration)) is not None:
                yield found._replace(place=(part, name, *found.place))
            for found in _own_inconsistencies(configuration):
                yield found._replace(place=(part, name, *found.place))
    if profile.on_failure is not None:
        yield from profile.on_failure.inconsistencies(clients, profile.base_uri(profile.on_failure.client))
    yield from _wrong_parents(profile)
    yield from _ignored_criteria(profile)
    yield from _authentication_conflicts(profile)
    yield from _login_cycles(profile)


def _unknown_source(profile: Profile, configuration: Incoming | Outgoing) -> Inconsistency | None:
    source = configuration.source if isinstance(configuration, Outgoing) else None
    if not isinstance(source, IncomingSource) or source.profile is not None or source.name in profile.incoming:
        return None
    message = f"unknown incoming {source.name!r}"
    return Inconsistency(("source", "name"), message, source.name, list(profile.incoming))


def _wrong_parents(profile: Profile) -> Iterator[Inconsistency]:
    """Child lists whose parent is unknown, depends on them, or cannot be read by date."""
    parents = {name: each.parent.incoming for name, each in profile.incoming.items() if each.parent is not None}
    for name, parent in parents.items():
        place = ("incoming", name, "parent", "incoming")
        if parent not in profile.incoming:
            known = [each for each in profile.incoming if each != name]
            yield Inconsistency(place, f"unknown incoming {parent!r}", parent, known)
            continue
        steps = [name]
        while (step := parents.get(steps[-1])) is not None and step not in steps:
            steps.append(step)
        if step == name:
            yield Inconsistency(place, f"the parent depends on itself: {' → '.join([*steps, name])}")
        incremental = profile.incoming[name].incremental
        if incremental is not None and incremental.field is not None and parent in parents:
            yield Inconsistency(
                ("incoming", name, "incremental", "field"),
                f"the date must be one of the parent, and {parent} is itself read for each item of another incoming, "
                "which cannot be limited to changes: use content = true",
            )


PAGED_BY_CRITERIA = ("keyset", "search-criteria")
_CRITERIA_IN_DEFAULTS = (
    "search criteria belong in the request of an incoming: combined with those of its pages, Magento would ignore some"
)


@_once
def _own_inconsistencies(part: Model) -> Sequence[Inconsistency]:
    """Those of an incoming or outgoing alone, with places in it."""
    if isinstance(part, Incoming):
        return [*part.inconsistencies(), *_misread_incoming(part)]
    return [*part.inconsistencies(), *_misread_outgoing(part)] if isinstance(part, Outgoing) else []


def _misread_incoming(incoming: Incoming) -> Iterator[Inconsistency]:
    """Search criteria that Magento would misread."""
    added = [
        value
        for key in ("parameter", "size_parameter")
        if isinstance(value := getattr(incoming.pagination, key, None), str)
    ]
    for place, message in misread_criteria(incoming.request, paged=_is_paged_by_criteria(incoming), added=added):
        yield Inconsistency(("request", *place), message)


def _misread_outgoing(outgoing: Outgoing) -> Iterator[Inconsistency]:
    steps: list[tuple[ModelPath, RequestTemplate]] = [
        (("steps", index), step.request) for index, step in enumerate(outgoing.steps)
    ]
    for path, request in [*steps, *([((), outgoing.request)] if outgoing.request else [])]:
        for place, message in misread_criteria(request, paged=False):
            yield Inconsistency((*path, "request", *place), message)


def _is_paged_by_criteria(incoming: Incoming) -> bool:
    return incoming.pagination is not None and incoming.pagination.kind in PAGED_BY_CRITERIA


def _ignored_criteria(profile: Profile) -> Iterator[Inconsistency]:
    """Search criteria of clients that Magento would ignore, because their incomings have some, too."""
    paged_clients = {each.client for each in profile.incoming.values() if _is_paged_by_criteria(each)}
    for name in sorted(paged_clients & profile.clients.keys()):
        for index, plugin in enumerate(profile.clients[name].plugins):
            for parameter in plugin.parameters if isinstance(plugin, QueryDefaults) else ():
                if is_criteria(parameter):
                    yield Inconsistency(
                        ("clients", name, "plugins", index, "parameters", parameter), _CRITERIA_IN_DEFAULTS
                    )


def _authentication_conflicts(profile: Profile) -> Iterator[Inconsistency]:
    """Authentications of one client that cannot be combined."""
    for client, saved in profile.clients.items():
        known = [(index, name) for index, name in enumerate(saved.authentications) if name in profile.authentications]
        for place, (index, name) in enumerate(known):
            for _, before in known[:place]:
                if message := _conflict(profile, before, name):
                    path = ("clients", client, "authentications")
                    applied = _without_conflict(profile, saved.authentications, before, name)
                    setting = Setting(path, *applied) if applied is not None else None
                    yield Inconsistency((*path, index), message, setting=setting)
                    break


def _conflict(profile: Profile, first: str, second: str) -> str | None:
    """Why these two cannot be applied in this order; None if they can."""
    if first == second:
        return f"{first} is listed twice"
    one, other = profile.authentications[first], profile.authentications[second]
    if one.kind == "oauth1" and other.kind == "query":
        return f"{second} changes the query after {first} has signed it: list it first"
    header = other.header_written()
    if (
        header is None
        or (one.header_written() or "").lower() != header.lower()
        or {one.kind, other.kind} == _SHARE_HEADER
    ):
        return None
    message = f"{first} and {second} both set the header {header}, but only one can be sent"
    if "basic" not in (one.kind, other.kind):
        return message
    return (
        f'{message}: after Basic, Magento reads a signature but no token. Use kind = "oauth1" together with Basic, '
        "or configure the web server to require no password under /rest/"
    )


def _without_conflict(
    profile: Profile, applied: Sequence[str], first: str, second: str
) -> tuple[tuple[str, ...], str] | None:
    """The authentications to apply instead of these, and how to say it; None where neither of the two may be left out.

    The later one is kept: it was added to one that was there.
    """
    if first == second:
        return tuple(dict.fromkeys(applied)), f"Apply {first} once"
    kinds = {profile.authentications[name].kind for name in (first, second)}
    others = [each for each in applied if each != first]
    if kinds == {"oauth1", "query"}:
        others.insert(others.index(second) + 1, first)
        return tuple(others), f"Apply {second} before {first}"
    return None if "basic" in kinds else (tuple(others), f"Use {second} instead of {first}")


_SHARE_HEADER = {"basic", "oauth1"}
"""These two share one header: Magento looks for "OAuth " anywhere in it (magento2, pull request 8158)."""


def _login_cycles(profile: Profile) -> Iterator[Inconsistency]:
    """Logins that are sent by a client which needs the login itself."""
    graph: dict[tuple[str, str], set[tuple[str, str]]] = {
        ("client", name): {("authentication", wanted) for wanted in client.authentications}
        for name, client in profile.clients.items()
    }
    for name, authentication in profile.authentications.items():
        if authentication.login_uri() is not None:
            graph["authentication", name] = {("client", authentication.login_client())}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = error.args[1]
        name = next(name for family, name in cycle if family == "authentication")
        steps = " → ".join(" ".join(step) for step in reversed(cycle))
        yield Inconsistency(("authentications", name, "client"), f"the login depends on itself: {steps}")


def schema() -> dict[str, Any]:
    """The JSON Schema (draft-07) of a profile, for editors."""
    found = json_schema(Profile)
    environments = found["properties"]["environments"]
    overridden = [name for name in found["properties"] if name not in ("format", "environments")]
    overrides = add_overrides(found, overridden)
    overrides["properties"]["production"] = {
        "type": "boolean",
        "title": "In production",
        "description": "Whether the store of every client is in production.",
    }
    environments["additionalProperties"] = overrides
    return found


def kind_schemas() -> dict[str, dict[str, dict[str, Any]]]:
    """The JSON Schema of each kind by name, for each family ("plugin", "sink", …), including other packages' kinds."""
    return {
        family.__name__.lower(): {name: json_schema(kind) for name, kind in family.all_kinds().items()}
        for family in _FAMILIES
    }
