"""Imports the NDJSON export of an integration platform: HTTP clients, authentications, incomings, outgoings, routes.

Each line is one configuration: {"type", "identifier", "name", "description", "disabled", "object"}. Its parts have the
form {"prototype": kind, "parameters": {…}}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ....templates import Json
from ....text import count
from ..format import text_format
from ..json_text import fields, items, parse_json, text_in
from ..model import FoundRequest, Import, ImportOptions, InvalidImport, short, unknown
from ..parts import PartsBuilder

_VARIABLE = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]*)\}")
_TYPES = ("http-client", "http-authentication", "incoming", "outgoing", "route")
_OAUTH1 = {
    "consumer-key": "consumerKey", "consumer-secret": "consumerSecret", "access-token": "accessToken",
    "access-token-secret": "accessTokenSecret",
}  # fmt: skip
_HEADERS = ("header-append", "header-set", "header-default", "header-defaults", "headers")
_OF_CLIENT = ("connecttimeout", "timeout", "ssl_verifypeer", "plugins", "authentications")
_MOST_LINES = 20_000
_BRANCHES = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\.\*")
"""The pattern of a list inside an entity, such as "slideshow.slides.*"; other patterns differ from JMESPath."""


def looks_like_export(text: str) -> bool:
    """Whether the first line is a configuration of an export."""
    try:
        first = json.loads(text.partition("\n")[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and {"type", "identifier", "object"} <= first.keys()


def read(text: str, options: ImportOptions) -> Import:
    """The configurations of the export. Raises `InvalidImport`."""
    return _Export(text, options).read()


@dataclass(slots=True)
class _Client:
    """A client as requests need it."""

    base: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    authentication: dict[str, Json] | None = None
    settings: dict[str, Json] = field(default_factory=dict)


class _Export:
    def __init__(self, text: str, options: ImportOptions) -> None:
        self._builder = PartsBuilder("NDJSON export", options)
        self._values = _environment(options.environment) if options.environment is not None else {}
        self._found: dict[tuple[str, str], Mapping[str, Json]] = {}
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) > _MOST_LINES:
            raise InvalidImport("import-too-large", f"it has more than {_MOST_LINES:,} configurations")
        for number, line in lines:
            try:
                entry = fields(parse_json(line))
            except InvalidImport as error:
                raise InvalidImport(error.code, error.message, error.hint, f"line {number}") from error
            kind, identifier = text_in(entry, "type"), text_in(entry, "identifier")
            if kind in _TYPES:
                self._found[kind, identifier] = entry
            else:
                self._leave_out(f"line {number}", f"{kind or 'a line'} {identifier}", "it has no counterpart")
        self._clients: dict[str, _Client] = {}
        self._routes: dict[str, list[tuple[str, Mapping[str, Json]]]] = {}
        """The routes that become sources, by the outgoing that they lead to: the incoming, and the route."""

    def read(self) -> Import:
        for (kind, identifier), entry in self._found.items():
            if kind == "route" and entry.get("disabled") is not True:
                self._read_route(f"route {short(identifier)}", entry)
        for (kind, identifier), entry in self._found.items():
            place = f"{kind} {short(identifier)}"
            if entry.get("disabled") is True:
                self._leave_out(place, "disabled", "it is switched off")
            elif kind == "incoming":
                self._add_incoming(place, entry)
            elif kind == "outgoing":
                self._add_outgoing(place, identifier, entry)
            elif kind == "http-client":
                self._client(identifier)
        return self._builder.build()

    def _leave_out(self, place: str, what: str, reason: str) -> None:
        self._builder.leave_out(place, what, reason)

    def _text(self, data: Mapping[str, Json], key: str) -> str:
        return self._filled(text_in(data, key))

    def _filled(self, text: str) -> str:
        """`text` with the values of environment variables; one without a value is marked as unknown."""

        def value(found: re.Match[str]) -> str:
            known = self._values.get(found[1])
            return self._builder.insertions.insert(found[1], known) if known else unknown(found[0])

        return _VARIABLE.sub(value, text)

    def _filled_in(self, value: Json) -> Json:
        if isinstance(value, str):
            return self._filled(value)
        if isinstance(value, list):
            return [self._filled_in(each) for each in value]
        return {key: self._filled_in(each) for key, each in value.items()} if isinstance(value, dict) else value

    # -- clients

    def _client(self, name: str) -> _Client:
        if name in self._clients:
            return self._clients[name]
        made = self._clients[name] = _Client()
        place = f"http-client {short(name)}"
        entry = self._found.get(("http-client", name))
        if entry is None:
            if name not in ("default", ""):
                self._leave_out(place, "the client", "it is not in the export")
            return made
        client = _parameters(entry.get("object"))
        if base := self._text(client, "baseUri"):  # a predefined client
            made.base = base
        for plugin in items(client.get("plugins")):
            self._add_plugin(place, made, plugin)
        found = [each for each in map(self._authentication, items(client.get("authentications"))) if each]
        made.authentication = found[0] if found else None
        for each in found[1:]:
            self._leave_out(place, f"the authentication {each['kind']}", "one authentication of a client is imported")
        for key, setting in (("timeout", "timeout"), ("connecttimeout", "connect-timeout")):
            value = client.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                made.settings[setting] = f"{round(value * 1000)}ms"
        if client.get("ssl_verifypeer") is False:
            made.settings["tls"] = {"verify": False}
        for key, value in client.items():
            if key not in _OF_CLIENT and key not in ("baseUri", "loggerFormatter", "enableLogging") and value:
                self._leave_out(place, f"the setting {key}", "it has no counterpart")
        return made

    def _add_plugin(self, place: str, client: _Client, plugin: Json) -> None:
        kind, values = _kind(plugin), _parameters(plugin)
        if kind == "base-uri":
            client.base = self._text(values, "uri")
        elif kind in _HEADERS:
            client.headers += self._headers(values.get("headers"))
        elif kind not in ("logger", "content-type"):
            self._leave_out(place, f"the plugin {kind or 'without a kind'}", "add it again: its settings differ")

    def _headers(self, headers: Json) -> Iterator[tuple[str, str]]:
        for name, value in fields(headers).items():
            yield name, self._filled(str(value))
        for each in map(fields, items(headers)):
            name = text_in(each, "key") or text_in(each, "name")
            yield name, self._text(each, "value")

    def _authentication(self, reference: Json) -> dict[str, Json] | None:
        """An authentication written in a client, or one that it refers to."""
        name = reference if isinstance(reference, str) else text_in(fields(reference), "authentication")
        entry = self._found.get(("http-authentication", name)) if name else None
        entry = entry or self._found.get(("http-authentication", _kind(reference)))
        found = entry.get("object") if entry is not None else reference
        kind, values = _kind(found), _parameters(found)
        match kind:
            case "magento-2-integration-oauth1":
                return {"kind": "oauth1", **{key: self._text(values, theirs) for key, theirs in _OAUTH1.items()}}
            case "bearer" | "bearer-token":
                return {"kind": "bearer", "token": self._text(values, "token")}
            case "basic":
                return {
                    "kind": "basic",
                    "username": self._text(values, "username") or "user",
                    "password": self._text(values, "password"),
                }
            case "query-param" | "query":
                parameter = text_in(values, "name") or text_in(values, "parameter") or "key"
                return {"kind": "query", "parameter": parameter, "value": self._text(values, "value")}
            case "request" | "request-authentication":
                return self._login(values)
        self._leave_out("", f"the authentication {kind or name}", "it is not supported")
        return None

    def _login(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """Request authentication, whose parameters keep their names; the builder takes the secrets out of them."""
        parameters = values.get("parameters") or values.get("payload")
        made: dict[str, Json] = {
            "kind": "request",
            "uri": self._text(values, "uri") or "/rest/V1/integration/admin/token",
            "parameters": self._filled_in(dict(fields(parameters))),
        }
        for key in ("method", "header", "source", "template"):
            if value := text_in(values, key):
                made[key] = value.lower() if key == "method" else value
        return made

    # -- configurations

    def _read_route(self, place: str, entry: Mapping[str, Json]) -> None:
        """A route is an outgoing whose source is an incoming, if nothing changes the items on the way."""
        route = _parameters(entry.get("object"))
        incoming, outgoing = (_named(route.get(end), end) for end in ("incoming", "outgoing"))
        what = f"the route {text_in(entry, 'name') or place.partition(' ')[2]}"
        for kind, name in (("incoming", incoming), ("outgoing", outgoing)):
            found = self._found.get((kind, name))
            if found is None or found.get("disabled") is True:
                why = "is not in the export" if found is None else "is switched off"
                self._leave_out(place, what, f"its {kind} {short(name)} {why}")
                return
        of_incoming = fields(self._found["incoming", incoming].get("object"))
        of_outgoing = fields(self._found["outgoing", outgoing].get("object"))
        changes = [
            *([] if _branches(of_incoming) else items(of_incoming.get("transformers"))),
            *items(route.get("transformers")),
            *items(of_outgoing.get("transformers")),
        ]
        if changes:
            reason = (
                f"its {count(len(changes), 'transformer')} cannot be converted: write them as the mapping of a source "
                f'{{ kind = "incoming", name = … }}; until then, the entities are read from a file'
            )
            self._leave_out(place, what, reason)
            return
        self._routes.setdefault(outgoing, []).append((incoming, entry))

    def _add_incoming(self, place: str, entry: Mapping[str, Json]) -> None:
        configuration = fields(entry.get("object"))
        subscriber = configuration.get("subscriber")
        if _kind(subscriber) != "http-subscriber":
            self._leave_out(place, f"the subscriber {_kind(subscriber) or 'without a kind'}", "only HTTP is imported")
            return
        values = _parameters(subscriber)
        request = self._request(place, entry, values)
        deserializer = _parameters(values.get("deserializer"))
        request.items = text_in(deserializer, "pattern")
        request.key = f"incoming {text_in(entry, 'identifier')}"
        pagination = values.get("pagination")
        pages = _parameters(pagination)
        if _kind(pagination) == "next":
            request.pagination = {"kind": "next-link", "link": text_in(pages, "pattern")}
        elif _kind(pagination):
            self._leave_out(place, f"the pagination {_kind(pagination)}", "set it again: its settings differ")
        request.method = request.method or "GET"
        if request.method == "GET":
            request.template = None
        if branches := _branches(configuration):
            request.items = branches
            configuration = {**configuration, "transformers": []}
        self._note_transformers(place, configuration, values)
        self._builder.add(request)

    def _add_outgoing(self, place: str, identifier: str, entry: Mapping[str, Json]) -> None:
        configuration = fields(entry.get("object"))
        publisher = configuration.get("publisher")
        kind = _kind(publisher)
        self._note_transformers(place, configuration, {})
        if kind == "http-publisher":
            routes = self._routes.get(identifier) or [("", entry)]
            for number, (incoming, route) in enumerate(routes):
                request = self._request(
                    place, entry if number == 0 else {**entry, **_titles(route)}, _parameters(publisher)
                )
                request.key = f"outgoing {identifier} {number}"
                request.reads = f"incoming {incoming}" if incoming else ""
                self._builder.add(request)
            return
        found = [*_transformer_requests(configuration.get("transformers"))]
        if kind != "no-action-publisher" or not found:
            self._leave_out(place, f"the publisher {kind or 'without a kind'}", "only HTTP publishers are imported")
            return
        for values in found:  # the requests are in its transformers
            request = self._request(place, entry, values)
            if request.method == "GET":
                self._leave_out(place, "a GET in a transformer", "use it as a step of a chain")
            else:
                self._builder.add(request)

    def _request(self, place: str, entry: Mapping[str, Json], values: Mapping[str, Json]) -> FoundRequest:
        described = fields(values.get("request"))
        client = self._client(_reference(values.get("client") or described.get("client")))
        uri = self._text(described, "uri")
        request = FoundRequest(
            place, (text_in(described, "method") or "GET").upper(), _joined(client.base, uri), client.base
        )
        request.name = text_in(entry, "name") or text_in(entry, "identifier")
        request.description = text_in(entry, "description")
        request.headers = [*client.headers, *self._headers(described.get("headers"))]
        request.authentication = client.authentication
        request.client = dict(client.settings)
        for each in items(described.get("plugins")):
            self._leave_out(place, f"the plugin {_kind(each)} of the request", "plugins belong to clients")
        for own in items(described.get("authentications"))[:1]:
            request.authentication = self._authentication(own) or request.authentication
        if request.method not in ("GET", "DELETE", "HEAD"):
            payload = described.get("payload", "&{@}")
            request.template = self._filled_in(_without_nulls(payload))
        request.uses_presets = request.method == "GET"
        return request

    def _note_transformers(self, place: str, configuration: Mapping[str, Json], values: Mapping[str, Json]) -> None:
        found = items(configuration.get("transformers")) + (
            [values["transformer"]] if values.get("transformer") else []
        )
        if found:
            self._leave_out(place, count(len(found), "transformer"), "use filter and transform, or steps of a chain")


def _kind(value: Json) -> str:
    return value if isinstance(value, str) else text_in(fields(value), "prototype")


def _parameters(value: Json) -> Mapping[str, Json]:
    found = fields(value)
    return fields(found["parameters"]) if isinstance(found.get("parameters"), dict) else found


def _reference(value: Json) -> str:
    return value if isinstance(value, str) else text_in(fields(value), "client") or _kind(value)


def _named(value: Json, end: str) -> str:
    """The identifier of a configuration that a route refers to."""
    return value if isinstance(value, str) else text_in(fields(value), "identifier") or text_in(fields(value), end)


def _titles(entry: Mapping[str, Json]) -> dict[str, Json]:
    return {key: entry.get(key) for key in ("name", "identifier", "description")}


def _branches(incoming: Mapping[str, Json]) -> str:
    """Where in the response the elements are that become the entities, if the transformers do only this; JMESPath.

    Lists inside the items of a list are left out: their number would not be the one that the store counts.
    """
    found = items(incoming.get("transformers"))
    pattern = text_in(_parameters(_parameters(incoming.get("subscriber")).get("deserializer")), "pattern")
    if len(found) != 1 or _kind(found[0]) != "brancher" or pattern not in ("", "@"):
        return ""
    match = _BRANCHES.fullmatch(text_in(_parameters(found[0]), "pattern"))
    return match[1] if match is not None else ""


def _joined(base: str, uri: str) -> str:
    """php-http's rule: an absolute address wins, and the path of the base is added unless it is there already."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", uri) or uri.startswith("\0"):
        return uri
    base = base.rstrip("/")
    path = re.sub(r"^[^/]*://[^/]*", "", base)
    path_of_request = f"/{uri.lstrip('/')}"
    if path and path_of_request.startswith(f"{path}/"):
        return f"{base.removesuffix(path)}{path_of_request}"
    return f"{base}{path_of_request}"


def _transformer_requests(value: Json) -> Iterator[Mapping[str, Json]]:
    """The parameters of all HTTP transformers inside others, in their order."""
    left = [value]
    for _ in range(100_000):
        if not left:
            return
        each = left.pop()
        if isinstance(each, list):
            left += reversed(each)
        elif isinstance(each, dict):
            if _kind(each) == "http-transformer":
                yield _parameters(each)
            else:
                left += reversed(each.values())


def _without_nulls(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value if each is not None] if isinstance(value, list) else value


def _environment(text: str) -> dict[str, str]:
    """The values of environment variables: a JSON object, or lines NAME=value."""
    if text.lstrip().startswith("{"):
        data = fields(parse_json(text))
        return {name: text_in(data, name) for name in data}
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip().removeprefix("export ").strip(): value.strip().strip("'\"") for name, _, value in pairs}


FORMAT = text_format("NDJSON exports", looks_like_export, read)
