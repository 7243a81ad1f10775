"""Turns requests as other tools describe them into the parts of a profile: clients, authentications, configurations."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote, unquote, unquote_plus

from ...client.literal_secrets import is_literal_secret
from ...client.uri import origin_of
from ...errors import InvalidValue
from ...magento.entities import READABLE, WRITABLE, Readable, Writable
from ...magento.search_criteria import is_criteria
from ...outgoing.bulk_routes import variables
from ...secrets.names import is_secret_parameter
from ...templates import Json
from ...text import HTTP_TOKEN, count, did_you_mean, listed, shown_line
from ..problems import check_data
from .model import (
    MAX_CONFIGURATIONS,
    UNKNOWN,
    FoundRequest,
    Import,
    ImportOptions,
    InvalidImport,
    NotImported,
    PartPath,
    as_written,
    free,
    has_unknown,
    short,
    slug,
    unknown,
    unknowns,
    variable_name,
    with_names,
)

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")
_BASE = re.compile(
    r"(?P<base>.*?/rest(?:/[^/]+)??)(?P<queue>/async(?:/bulk)?)?(?P<version>/V\d+)(?:/(?P<rest>.*))?", re.DOTALL
)
_VERSIONED = re.compile(r"(?P<base>.*?/V\d+)(?:/(?P<rest>.*))?", re.DOTALL)
_LOGIN = re.compile(r"/(?:integration/(?:admin|customer)/token|tfa/provider/[^/]+/authenticate)/?$")
_SET_BY_PROGRAM = re.compile(
    r"accept-encoding|content-length|host|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect"
    r"|proxy-connection|http2-settings"
)
_OF_BROWSERS = re.compile(
    r"(?:sec-.*|accept-language|cache-control|pragma|dnt|origin|referer|priority|upgrade-insecure-requests|:.*"
    r"|authority|method|path|scheme|postman-token|save-data|if-none-match|if-modified-since|user-agent)"
)
_SECRET_FIELDS: Mapping[str, tuple[str, ...]] = {
    "bearer": ("token",),
    "basic": ("password",),
    "oauth1": ("consumer-key", "consumer-secret", "access-token", "access-token-secret"),
    "header": ("value",),
    "query": ("value",),
    "oauth2": ("client-secret",),
}
_AUTHENTICATION_NAMES = {
    "bearer": "integration",
    "oauth1": "integration",
    "basic": "web-server",
    "request": "admin",
    "oauth2": "oauth2",
}
_JWT = re.compile(r"eyJ[\w-]+\.[\w.-]+")
_LONG_ENOUGH = 8
"""Characters. A shorter secret may be a word that is part of other texts."""
_CODES = ("otp", "passcode")
_PAGES = frozenset({"pagesize", "currentpage", "sortorders"})
_ONE_PLACEHOLDER = re.compile(r"&\{(@|[A-Za-z_]\w*)\}")
_WITHOUT_LIMIT = ("", "all", "{}", "*", "[]", "0", "1")


@dataclass(slots=True)
class _Address:
    """An address in three parts: the base URI, the path below it, and the query."""

    base: str
    path: str
    query: str
    queue: str = ""
    """ "async" or "bulk" where the path goes through Magento's queue."""
    is_magento: bool = False


@dataclass(slots=True)
class _Prepared:
    """A request whose address and authentications are known."""

    found: FoundRequest
    address: _Address
    authentications: list[str]
    headers: list[tuple[str, str]]
    client: str = ""


@dataclass(slots=True)
class _Configuration:
    """An incoming or outgoing configuration before it has its name."""

    family: str
    name: str
    place: str
    data: dict[str, Json]
    preset: str = ""
    entities: list[Json] = field(default_factory=list)


class _CannotImport(Exception):
    """Why one request cannot be carried over."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(reason)
        self.what, self.reason = what, reason


class PartsBuilder:
    """Collects requests, and builds the parts of a profile from all of them."""

    def __init__(self, format: str, options: ImportOptions) -> None:  # noqa: A002 - the field's name
        self.format, self.options = format, options
        self.not_imported: list[NotImported] = []
        self.secret_values: set[str] = set()
        """Values that the other tool keeps as secrets, wherever they are used."""
        self._refused: list[NotImported] = []
        """Whole requests among them."""
        self._requests: list[FoundRequest] = []
        self._authentications: dict[str, dict[str, Json]] = {}
        self._authentication_keys: dict[str, str] = {}
        self._clients: dict[str, dict[str, Json]] = {}
        self._client_keys: dict[str, str] = {}
        self._secrets: dict[PartPath, str] = {}
        self._logins: dict[str, str] = {}
        """The authentication that logs in, by origin."""
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._configurations: list[_Configuration] = []

    def add(self, request: FoundRequest) -> None:
        self._requests.append(request)

    def leave_out(self, place: str, what: str, reason: str) -> None:
        """Something that is not carried over; its text may be external, and must not contain a secret."""
        self.not_imported.append(NotImported(place, short(what), reason))

    def add_authentication(self, name: str, settings: Mapping[str, Json]) -> str:
        """An authentication, with literal values in place of its secrets. Returns its name."""
        return self._authentication(name, settings)

    def build(self, title: str = "") -> Import:
        """All of it. Raises `InvalidImport` if there is nothing to create."""
        others = [each for each in self._requests if not self._add_login(each)]
        prepared = [each for request in others if (each := self._try(request, self._prepared)) is not None]
        self._share_headers(prepared)
        for each in prepared:
            self._try(each.found, lambda _, each=each: self._configure(each))
        self._note_dropped()
        parts, samples = self._named()
        secrets = self._secrets
        self._remove_with_secrets(parts, samples)
        parts = self._valid(parts)
        if not any(parts.values()):
            found = [*self._refused, *(each for each in self.not_imported if each not in self._refused)]
            reasons = "; ".join(str(each) for each in found[:3]) or "it contains no request"
            more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
            hint = "Values of variables come from --environment." if "has no value" in reasons else ""
            raise InvalidImport("import-empty", f"nothing in it can be imported: {reasons}{more}", hint)
        present = {(family, name) for family, named in parts.items() for name in named}
        return Import(
            self.format,
            shown_line(title or self._title(), 200),
            parts,
            {path: value for path, value in secrets.items() if path[:2] in present},
            {name: entities for name, entities in samples.items() if ("outgoing", name) in present},
            tuple(dict.fromkeys(self.not_imported)),
        )

    def _title(self) -> str:
        for client in self._clients.values():
            for plugin in cast("list[dict[str, Json]]", client.get("plugins", [])):
                if plugin.get("kind") == "base-uri":
                    return origin_of(str(plugin["uri"])).partition("://")[2]
        return "Imported"

    def _try(self, request: FoundRequest, work: Any) -> Any:
        try:
            return work(request)
        except _CannotImport as error:
            self.leave_out(request.place, error.what, error.reason)
        except InvalidValue as error:
            self.leave_out(request.place, f"{request.method} {_path_of(request.uri)}", error.message)
        self._refused.append(self.not_imported[-1])
        return None

    # -- addresses

    def _address(self, request: FoundRequest) -> _Address:
        what = f"{request.method} {_path_of(request.uri)}"
        scheme, _, rest = request.uri.partition("://")
        authority, path = re.fullmatch(r"([^/?#]*)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
        user, _, host = authority.rpartition("@")
        if has_unknown(scheme + host):
            raise _CannotImport(what, f"{listed([short(each) for each in unknowns(scheme + host)])} has no value")
        if user:
            name, _, password = unquote(user).partition(":")
            request.authentication = request.authentication or {
                "kind": "basic", "username": as_written(name), "password": password or unknown("password"),
            }  # fmt: skip
        origin = origin_of(f"{scheme}://{host}/")
        path, _, query = path.partition("#")[0].partition("?")
        for pattern in (_BASE, _VERSIONED):
            if found := pattern.fullmatch(path):
                groups = found.groupdict()
                base = f"{origin}{groups['base']}{groups.get('version') or ''}"
                if has_unknown(base):
                    raise _CannotImport(what, f"{listed([short(each) for each in unknowns(base)])} has no value")
                queue = {"/async": "async", "/async/bulk": "bulk"}.get(groups.get("queue") or "", "")
                return _Address(base, groups["rest"] or "", query, queue, pattern is _BASE)
        return _Address(origin, path.lstrip("/"), query)

    # -- authentications

    def _add_login(self, request: FoundRequest) -> bool:
        """Whether this is a login, which becomes an authentication."""
        path = request.uri.partition("?")[0]
        token_request = request.form is not None and dict(request.form).get("grant_type") == "client_credentials"
        if request.method != "POST" or not (_LOGIN.search(path) or token_request):
            return False
        self._try(request, self._oauth2_login if token_request else self._token_login)
        return True

    def _token_login(self, request: FoundRequest) -> None:
        address = self._address(request)
        origin = origin_of(address.base)
        fields = dict(request.form) if request.form is not None else _json(request.body)
        if not isinstance(fields, dict) or not all(isinstance(each, str | int | float) for each in fields.values()):
            raise _CannotImport("the login", request.not_a_body or "its body is not a JSON object of names and values")
        parameters: dict[str, Json] = {}
        secrets: dict[PartPath, str] = {}
        for name, value in fields.items():
            if name in _CODES:
                parameters[name] = {"ask": True}
                self.leave_out(request.place, f"the one-time code {name}", "a code is valid once; it is typed at login")
            elif is_secret_parameter(name, str(value)):
                parameters[name] = {"keyring": name}
                secrets["parameters", name] = str(value)
            else:
                parameters[name] = as_written(str(value)) if isinstance(value, str) else value
        settings: dict[str, Json] = {
            "kind": "request",
            "uri": f"{address.base}/{address.path}".removeprefix(origin),
            "parameters": parameters,
        }
        if request.form is not None:
            settings["body"] = "form"
        self._finish_login(request, address, "customer" if "/customer/" in address.path else "admin", settings, secrets)

    def _oauth2_login(self, request: FoundRequest) -> None:
        address = self._address(request)
        fields = dict(request.form or ())
        basic = request.authentication or self._basic_in(request) or {}
        client_id = fields.get("client_id") or str(basic.get("username", ""))
        secret = fields.get("client_secret") or str(basic.get("password", ""))
        settings: dict[str, Json] = {
            "kind": "oauth2",
            "token-uri": f"{address.base}/{address.path}",
            "client-id": as_written(client_id),
            "client-secret": {"keyring": "client-secret"},
            "client-authentication": "client_secret_post" if "client_secret" in fields else "client_secret_basic",
        }
        if scope := fields.get("scope"):
            settings["scope"] = as_written(scope)
        self._finish_login(request, address, "oauth2", settings, {("client-secret",): secret})

    def _basic_in(self, request: FoundRequest) -> dict[str, Json] | None:
        for name, value in request.headers:
            if name.lower() == "authorization" and value.lower().startswith("basic "):
                return _decoded_basic(value[6:])
        return None

    def _finish_login(
        self,
        request: FoundRequest,
        address: _Address,
        name: str,
        settings: dict[str, Json],
        secrets: Mapping[PartPath, str],
    ) -> None:
        origin = origin_of(address.base)
        if request.client:  # the login needs the same proxy and the same certificates
            settings["client"] = self._client(origin, (), request.client, name="login")
        name = self._register(name, settings, secrets)
        self._logins.setdefault(origin, name)
        if address.is_magento:
            self._client(address.base, (name,), request.client)

    def _register(self, name: str, settings: Mapping[str, Json], secrets: Mapping[PartPath, str]) -> str:
        key = json.dumps([settings, sorted(secrets.items())])
        if key not in self._authentication_keys:
            name = free(name, self._authentications)
            self._authentication_keys[key] = name
            made = deepcopy(dict(settings))
            for path in secrets:
                _put(made, path, {"keyring": f"{name}/{_entry(path)}"})
                if not has_unknown(secrets[path]) and secrets[path]:
                    self._secrets["authentications", name, *path] = secrets[path]
            self._authentications[name] = made
        return self._authentication_keys[key]

    def _authentication(self, name: str, settings: Mapping[str, Json]) -> str:
        """Registers an authentication that has literal values in place of its secrets."""
        kind = str(settings["kind"])
        secrets: dict[PartPath, str] = {(each,): str(settings.get(each, "")) for each in _SECRET_FIELDS.get(kind, ())}
        made: dict[str, Json] = dict(settings)
        for (field_name,) in secrets:
            made[field_name] = {"keyring": field_name}
        return self._register(name or _AUTHENTICATION_NAMES.get(kind, kind), made, secrets)

    def _authentications_of(self, request: FoundRequest, origin: str) -> Iterator[str]:
        """The authentications in the request, by name; its header Authorization is read, too."""
        if request.authentication is not None:
            yield from self._one(request, origin, request.authentication)
        for name, value in request.headers:
            lower = name.lower()
            if lower == "authorization":
                yield from self._in_authorization(request, origin, value)
            elif lower == "cookie":
                self.leave_out(request.place, "the header Cookie", "cookies are the secrets of a browser's session")
            elif self._is_secret_header(name, value):
                settings: dict[str, Json] = {"kind": "header", "header": name, "value": value}
                yield self._authentication(slug(name, "key"), settings)

    def _is_secret_header(self, name: str, value: str) -> bool:
        lower = name.lower()
        if lower in ("authorization", "cookie"):
            return False
        is_named_so = not _OF_BROWSERS.fullmatch(lower) and is_secret_parameter(name, value)
        return is_named_so or self._contains_secret(value)

    def _contains_secret(self, text: str) -> bool:
        return any(secret in text for secret in self.secret_values)

    def _one(self, request: FoundRequest, origin: str, settings: Mapping[str, Json]) -> Iterator[str]:
        token = str(settings.get("token", ""))
        login = self._logins.get(origin) if settings["kind"] == "bearer" else None
        if login is not None and (has_unknown(token) or _JWT.fullmatch(token)):  # it is what the login returns
            yield login
            return
        yield self._authentication(str(settings.get("name", "")), {k: v for k, v in settings.items() if k != "name"})

    def _in_authorization(self, request: FoundRequest, origin: str, value: str) -> Iterator[str]:
        scheme, _, rest = value.strip().partition(" ")
        match scheme.lower():
            case "bearer":
                yield from self._one(request, origin, {"kind": "bearer", "token": rest.strip()})
            case "basic" if (found := _decoded_basic(rest)) is not None:
                yield from self._one(request, origin, found)
            case "basic":
                self.leave_out(request.place, "the header Authorization", "its user and password have no value here")
            case "oauth":
                values = dict(re.findall(r'(oauth_\w+)="?([^",\s]*)', rest))
                known = {
                    "consumer-key": unquote(values.get("oauth_consumer_key", "")),
                    "access-token": unquote(values.get("oauth_token", "")),
                }
                secrets = {"consumer-secret": "", "access-token-secret": ""}
                self.leave_out(
                    request.place,
                    "the OAuth signature",
                    "a signature is valid for one request; the consumer secret and the access token secret, which "
                    "make new ones, are not in it and are to be set",
                )
                yield self._authentication("integration", {"kind": "oauth1", **known, **secrets})
            case _ if has_unknown(value) and not rest:
                yield from self._one(request, origin, {"kind": "bearer", "token": unknown(value)})
            case _ if not rest and value:
                yield self._authentication(
                    "authorization", {"kind": "header", "header": "Authorization", "value": value}
                )
            case _:
                self.leave_out(request.place, f"the authentication {scheme}", "it is not supported")

    # -- clients

    def _prepared(self, request: FoundRequest) -> _Prepared:
        if request.method not in _METHODS:
            raise _CannotImport(f"{request.method} {_path_of(request.uri)}", "this method is not supported")
        address = self._address(request)
        origin = origin_of(address.base)
        names = list(self._authentications_of(request, origin))
        address.query, in_query = self._without_secrets(address.query)
        names += in_query
        return _Prepared(request, address, list(dict.fromkeys(names)), [*self._headers_of(request)])

    def _without_secrets(self, query: str) -> tuple[str, list[str]]:
        kept, names = [], []
        for part in filter(None, query.split("&")):
            name, _, value = part.partition("=")
            plain = unquote_plus(name)
            is_secret = self._contains_secret(unquote_plus(value)) or is_secret_parameter(plain, value)
            if not is_criteria(plain) and value and is_secret:
                settings: dict[str, Json] = {
                    "kind": "query", "parameter": as_written(unquote_plus(name)), "value": unquote_plus(value),
                }  # fmt: skip
                names.append(self._authentication(slug(name, "key"), settings))
            else:
                kept.append(part)
        return "&".join(kept), names

    def _headers_of(self, request: FoundRequest) -> Iterator[tuple[str, str]]:
        """The headers that are carried over."""
        for name, value in request.headers:
            lower = name.lower()
            if lower in ("authorization", "cookie") or self._is_secret_header(name, value):
                continue
            is_own_agent = lower == "user-agent" and not re.match(r"Mozilla/|curl/|Postman", value)
            if lower == "accept" and ("json" in value or "*/*" in value):
                self._dropped[name, "the program sets it itself"] += 1
            elif lower == "content-type" and "json" in value:
                self._dropped[name, "the plugin content-type sets it"] += 1
            elif _SET_BY_PROGRAM.fullmatch(lower):
                self._dropped[name, "the connection sets it itself"] += 1
            elif _OF_BROWSERS.fullmatch(lower) and not is_own_agent:
                self._dropped[name, "it describes the browser or the tool that sent the request"] += 1
            elif has_unknown(value):
                self.leave_out(request.place, f"the header {name}", f"{short(' '.join(unknowns(value)))} has no value")
            elif not HTTP_TOKEN.fullmatch(name) or not value.isprintable():
                self.leave_out(request.place, f"the header {name}", "it is not a valid header")
            elif lower == "content-type" and request.form is not None:
                continue
            else:
                yield name, value

    def _note_dropped(self) -> None:
        for reason in dict.fromkeys(reason for _, reason in self._dropped):
            names = sorted({short(name).lower() for name, other in self._dropped if other == reason})
            self.not_imported.append(NotImported("", f"headers {listed(names, 8)}", reason))

    def _client(
        self, base: str, authentications: tuple[str, ...], settings: Mapping[str, Json], *, name: str = ""
    ) -> str:
        key = json.dumps([base, authentications, settings], sort_keys=True)
        if key in self._client_keys:
            return self._client_keys[key]
        if not name:
            is_magento = _BASE.fullmatch(base) is not None
            view = re.search(r"/rest/([^/]+)/V\d", base)
            host = slug(re.split(r"[:/]", origin_of(base).partition("://")[2].removeprefix("www."))[0], "api", 40)
            taken = self._clients
            name = "magento" if is_magento else host
            if name in taken and view is not None and view[1] not in ("all", "V1"):
                name = slug(f"{name}-{view[1]}")
            name = free(name, taken)
        made: dict[str, Json] = {}
        if authentications:
            made["authentications"] = list(authentications)
        for setting, value in settings.items():
            if setting == "proxy" and isinstance(value, dict) and "password" in value:
                password = str(value["password"])
                if password and not has_unknown(password):
                    self._secrets["clients", name, "proxy", "password"] = password
                value = {**value, "password": {"keyring": f"{name}/password"}}
            made[setting] = value
        plugins: list[Json] = [
            {"kind": "base-uri", "uri": base}, {"kind": "log-requests", "formatter": "long"}, {"kind": "content-type"},
        ]  # fmt: skip
        made["plugins"] = plugins
        self._clients[name] = made
        self._client_keys[key] = name
        return name

    def _share_headers(self, prepared: list[_Prepared]) -> None:
        """Chooses the client of each request; headers that all requests of a client have become its plugin."""
        by_client: dict[str, list[_Prepared]] = {}
        for each in prepared:
            each.client = self._client(each.address.base, tuple(each.authentications), each.found.client)
            by_client.setdefault(each.client, []).append(each)
        for name, users in by_client.items():
            common = set(users[0].headers).intersection(*(each.headers for each in users))
            shared = {header: value for header, value in users[0].headers if (header, value) in common}
            if shared and len({header.lower() for header in shared}) == len(shared):
                plugins = cast("list[Json]", self._clients[name]["plugins"])
                plugins.append({"kind": "set-headers", "headers": cast(Json, shared)})
                for each in users:
                    each.headers = [pair for pair in each.headers if pair not in common]

    # -- configurations

    def _configure(self, prepared: _Prepared) -> None:
        method = prepared.found.method
        if method in ("GET", "HEAD") or self._is_query(prepared):
            self._configurations.append(self._incoming(prepared))
        else:
            self._configurations.append(self._outgoing(prepared))

    def _is_query(self, prepared: _Prepared) -> bool:
        body = _json(prepared.found.body)
        query = body.get("query") if isinstance(body, dict) else None
        is_graphql = prepared.address.path.rstrip("/").endswith("graphql") and isinstance(query, str)
        return is_graphql and not str(query).lstrip().startswith(("mutation", "subscription"))

    def _incoming(self, prepared: _Prepared) -> _Configuration:
        found, address = prepared.found, prepared.address
        what = f"{found.method} {_path_of(found.uri)}"
        if found.method == "HEAD":
            raise _CannotImport(what, "a response to HEAD has no items to read")
        if address.queue:
            raise _CannotImport(what, "only requests that write go through Magento's queue")
        path = self._filled(address.path, found.values)
        if has_unknown(path) or has_unknown(address.query):
            names = listed([short(each) for each in unknowns(path + address.query)])
            raise _CannotImport(what, f"{names} has no value, and an incoming reads one list")
        known = next((each for each in READABLE.values() if each.path == path), None) if address.is_magento else None
        query, size = self._pages(address.query, found.place, known, found.items)
        configuration: dict[str, Json] = known.configuration(prepared.client) if known else {"client": prepared.client}
        request: dict[str, Json] = {"uri": f"{path}?{query}" if query else path}
        if found.method == "POST":  # a GraphQL query
            request |= {"method": "post", "parameters": _json(found.body), "reads": True}
        elif found.body or found.form or found.not_a_body:
            self.leave_out(found.place, "the body", "a GET is sent without one")
        if prepared.headers:
            request["headers"] = cast(Json, dict(prepared.headers))
        configuration["request"] = request
        if known is None:
            is_list = found.items == "items" or any(is_criteria(_name_of(part)) for part in address.query.split("&"))
            configuration["items"] = found.items or ("items" if is_list else "[@][]")
            if is_list:
                configuration["pagination"] = {"kind": "search-criteria"}
        pagination = configuration.get("pagination")
        if size is not None and isinstance(pagination, dict):
            configuration["pagination"] = {**pagination, "page-size": size}
        configuration["sink"] = {"kind": "jsonl", "path": "items.jsonl"}
        name = slug(found.name, "") or (known.name if known else _name_from(path))
        return self._configuration("incoming", name, prepared, configuration, known)

    def _pages(self, query: str, place: str, known: Readable | None, items: str) -> tuple[str, int | None]:
        """The query without what the pagination sets, and the page size."""
        kept: list[str] = []
        size: int | None = None
        paged = known is None or known.filter is not None or known.order is not None
        for part in filter(None, query.split("&")):
            name = _name_of(part)
            value = unquote_plus(part.partition("=")[2])
            letters = re.sub(r"[^a-z]", "", name.lower().removeprefix("searchcriteria").removeprefix("search_criteria"))
            member = next((each for each in _PAGES if is_criteria(name) and letters.startswith(each)), "")
            if member == "pagesize" and value.isdecimal() and 1 <= int(value) <= 10_000:
                size = int(value)
            elif member or (is_criteria(name) and not letters and value in _WITHOUT_LIMIT):
                if member and paged:
                    self.leave_out(place, name, "the pagination sets it")
                elif member:
                    kept.append(part)
            elif name == "fields" and paged and not _keeps_pages(value, known):
                self.leave_out(place, "fields", "the pagination needs the items' ids and total_count")
            else:
                kept.append(part)
        return "&".join(kept), size

    def _outgoing(self, prepared: _Prepared) -> _Configuration:
        found, address = prepared.found, prepared.address
        what = f"{found.method} {_path_of(found.uri)}"
        if found.form is not None:
            raise _CannotImport(what, "bodies are sent as JSON, and this one is a form")
        if found.not_a_body:
            self.leave_out(found.place, "the body", found.not_a_body)
        kind = next((value for name, value in found.headers if name.lower() == "content-type"), "")
        body = _json(found.body) if found.body and found.body.strip() else None
        if body is _NOT_JSON:
            reason = (
                "it is not valid JSON"
                if "json" in kind or not kind
                else f"bodies are sent as JSON, not as {short(kind)}"
            )
            raise _CannotImport(what, f"its body cannot be sent: {reason}")
        if found.method == "DELETE" and body is not None:
            self.leave_out(found.place, "the body", "a DELETE is sent without one")
            body = None
        path, values = self._templated(found, address)
        bodies = body if address.queue == "bulk" and isinstance(body, list) else [body]
        known, entities = self._known_writable(found.method, path, values, bodies) if address.is_magento else (None, [])
        if known is not None:
            configuration = known.configuration(prepared.client)
            request = cast("dict[str, Json]", dict(cast("dict[str, Json]", configuration["request"])))
        else:
            parameters, entities = _generic(values, bodies, has_body=bool(found.not_a_body))
            configuration = {"client": prepared.client}
            first = next(iter(values), None)
            if first is not None:
                configuration["identifier"] = first
            request = {"method": found.method.lower(), "uri": path}
            if parameters is not None:
                request["parameters"] = parameters
        query = with_names(address.query, lambda name: f"&{{{name}}}")
        if query:
            request["uri"] = f"{request['uri']}?{query}"
        if prepared.headers:
            request["headers"] = cast(Json, dict(prepared.headers))
        configuration["request"] = request
        configuration["source"] = {"kind": "jsonl", "path": "items.jsonl"}
        if address.queue:
            configuration["delivery"] = address.queue
        entities = [self._without_secret_values(each, found.place) for each in entities]
        name = slug(found.name, "") or (known.name if known else _name_from(as_written(address.path)))
        made = self._configuration("outgoing", name, prepared, configuration, known)
        made.entities = [
            each
            for each in entities
            if each not in (None, {}) and not has_unknown(json.dumps(each).replace("\\u0000", UNKNOWN))
        ]
        return made

    def _configuration(
        self,
        family: str,
        name: str,
        prepared: _Prepared,
        data: dict[str, Json],
        known: Readable | Writable | None,
    ) -> _Configuration:
        described: dict[str, Json] = {}
        if prepared.found.name:
            described["title"] = shown_line(as_written(prepared.found.name), 100)
        if prepared.found.description:
            described["description"] = shown_line(as_written(prepared.found.description), 300)
        place = prepared.found.place
        return _Configuration(family, name, place, {**described, **data}, known.name if known else "")

    def _filled(self, path: str, values: Mapping[str, Json]) -> str:
        """`path` with the known values of its variables."""

        def value(found: re.Match[str]) -> str:
            known = values.get(variable_name(found[1]))
            return found[0] if known in (None, "") else quote(str(known), safe="")

        return re.sub(f"{UNKNOWN}([^{UNKNOWN}]*){UNKNOWN}", value, path)

    def _templated(self, found: FoundRequest, address: _Address) -> tuple[str, dict[str, Json]]:
        """The path with placeholders, and their values in this request."""
        values: dict[str, Json] = {}
        segments = address.path.rstrip("/").split("/")
        if address.queue == "bulk":
            segments = [
                re.sub(r"^by([A-Z]\w*)$", lambda m: unknown(m[1][0].lower() + m[1][1:]), each) for each in segments
            ]
        plain = [None if has_unknown(each) else unquote(each) for each in segments]
        named = (variables(found.method, plain) or {}) if address.is_magento else {}
        made = []
        for index, segment in enumerate(segments):
            if has_unknown(segment):
                for each in unknowns(segment):
                    name = variable_name(each)
                    if found.values.get(name) not in (None, ""):
                        values[name] = found.values[name]
                    else:
                        values.setdefault(name, unknown(name))
                made.append(with_names(segment, lambda name: f"&{{{name}}}"))
            elif index in named:
                name = _snake(named[index])
                values[name] = unquote(segment)
                made.append(f"&{{{name}}}")
            else:
                made.append(segment)
        return "/".join(made), values

    def _known_writable(
        self, method: str, path: str, values: Mapping[str, Json], bodies: list[Json]
    ) -> tuple[Writable | None, list[Json]]:
        """The entity that this request sends, and the entities in it."""
        for each in WRITABLE.values():
            if each.method.upper() != method:
                continue
            pattern = re.escape(each.uri)
            names = re.findall(r"&\{(\w+)\}", each.uri)
            pattern = re.sub(r"\\&\\\{\w+\\\}|&\\\{\w+\\\}", "([^/]+)", pattern)
            matched = re.fullmatch(pattern, path)
            if matched is None:
                continue
            in_path: dict[str, Json] = {}
            for name, part in zip(names, matched.groups(), strict=False):
                inside = re.fullmatch(r"&\{(\w+)\}", part)
                in_path[name] = values.get(inside[1], unknown(name)) if inside else unquote(part)
            entities: list[Json] = []
            for body in bodies:
                found = _entities(each, body, in_path)
                if found is None:
                    break
                entities += found
            else:
                return each, entities
            if bodies == [None]:
                return each, []
        return None, []

    def _without_secret_values(self, entity: Json, place: str) -> Json:
        if isinstance(entity, list):
            return [self._without_secret_values(each, place) for each in entity]
        if not isinstance(entity, dict):
            return entity
        kept: dict[str, Json] = {}
        for name, value in entity.items():
            if is_literal_secret(name, value) or (isinstance(value, str) and self._contains_secret(value)):
                self.leave_out(place, f"{name} in the body", "secrets are not written to files: add it to the source")
            else:
                kept[name] = self._without_secret_values(value, place)
        return kept

    # -- the whole

    def _named(self) -> tuple[dict[str, dict[str, Json]], dict[str, list[Json]]]:
        parts: dict[str, dict[str, Json]] = {
            "authentications": cast("dict[str, Json]", self._authentications),
            "clients": cast("dict[str, Json]", self._clients),
            "incoming": {},
            "outgoing": {},
        }
        samples: dict[str, list[Json]] = {}
        seen: dict[str, str] = {}
        repeated: Counter[str] = Counter()
        left_out = 0
        for each in self._chosen():
            plain = {key: value for key, value in each.data.items() if key not in ("title", "description")}
            key = json.dumps([each.family, plain], sort_keys=True)
            if key in seen:
                name = seen[key]
                repeated[name] += 1
                if each.family == "outgoing":
                    samples[name] += [entity for entity in each.entities if entity not in samples[name]]
                continue
            if len(parts["incoming"]) + len(parts["outgoing"]) >= MAX_CONFIGURATIONS:
                left_out += 1
                continue
            name = free(each.name, parts[each.family])
            seen[key] = name
            for end in ("sink", "source"):
                if end in each.data:
                    each.data[end] = {"kind": "jsonl", "path": f"{'outgoing/' * (end == 'source')}{name}.jsonl"}
            parts[each.family][name] = each.data
            if each.family == "outgoing":
                samples[name] = each.entities
        for name, number in repeated.items():
            self.leave_out("", count(number, "request"), f"the same as {name}")
        if left_out:
            reason = f"one import creates at most {MAX_CONFIGURATIONS} configurations: choose with --only"
            self.leave_out("", count(left_out, "request"), reason)
        return parts, samples

    def _chosen(self) -> list[_Configuration]:
        only = self.options.only
        if not only:
            return self._configurations

        def names(each: _Configuration) -> set[str]:
            return {each.name, each.preset, str(each.data.get("title", ""))}

        known = sorted({name for each in self._configurations for name in names(each) if name})
        for wanted in only:
            if wanted not in known:
                hint = f"There are: {listed(known)}."
                raise InvalidImport("import-only", f"there is no {wanted!r} in it{did_you_mean(wanted, known)}", hint)
        chosen = [each for each in self._configurations if names(each) & set(only)]
        if len(chosen) < len(self._configurations):
            self.leave_out("", count(len(self._configurations) - len(chosen), "request"), "not chosen with --only")
        return chosen

    def _remove_with_secrets(self, parts: dict[str, dict[str, Json]], samples: dict[str, list[Json]]) -> None:
        """Removes the configurations that contain a secret where a profile keeps plain text."""
        known = {each for each in (*self._secrets.values(), *self.secret_values) if len(each) >= _LONG_ENOUGH}
        for family, named in parts.items():
            for name in list(named):
                texts = [named[name], samples.get(name) if family == "outgoing" else None]
                written = json.dumps(texts, ensure_ascii=False)
                if any(json.dumps(secret, ensure_ascii=False)[1:-1] in written for secret in known):
                    del named[name]
                    self.leave_out("", f"{family} {name}", "it contains a secret outside of an authentication")

    def _valid(self, parts: dict[str, dict[str, Json]]) -> dict[str, dict[str, Json]]:
        """The parts without those that are invalid, which are listed with the reason."""
        for _ in range(50):
            _, problems = check_data({"format": 1, "name": "Imported", **parts})
            if not problems:
                return parts
            for path, message in problems:
                self._remove(parts, path, message)
        raise InvalidImport("import-invalid", "it contradicts itself", "Import its parts one by one.")

    def _remove(self, parts: dict[str, dict[str, Json]], path: tuple[str | int, ...], message: str) -> None:
        family, name = str(path[0]), str(path[1]) if len(path) > 1 else ""
        part = parts.get(family, {}).get(name)
        if not isinstance(part, dict):
            return
        where = ".".join(map(str, path))
        plugins = part.get("plugins")
        listed_in = part.get("authentications")
        index = path[3] if path[2:3] == ("plugins",) and len(path) > 3 else None
        if isinstance(plugins, list) and isinstance(index, int) and index < len(plugins):
            plugin = plugins[index]
            if isinstance(plugin, dict) and plugin.get("kind") != "base-uri":
                del plugins[index]
                self.leave_out(where, "the plugin", shown_line(message, 200))
                return
        if path[2:3] == ("authentications",) and isinstance(listed_in, list) and len(path) > 3:
            part["authentications"] = [each for index, each in enumerate(listed_in) if index != path[3]]
            self.leave_out(where, "the authentication", shown_line(message, 200))
            return
        del parts[family][name]
        self.leave_out(where, f"{family} {name}", shown_line(message, 200))


class _NotJson:
    """Stands for a body that is not JSON."""


_NOT_JSON: Any = _NotJson()


def _json(text: str | None) -> Any:
    """The value of a JSON text, in which variables need no quotes; `_NOT_JSON` if it is not JSON."""
    if text is None:
        return None
    for written in (text, re.sub(rf"([:\[,]\s*)({UNKNOWN}[^{UNKNOWN}]*{UNKNOWN})(\s*[,\]}}])", r'\1"\2"\3', text)):
        try:
            return json.loads(written, strict=False)
        except RecursionError:
            return _NOT_JSON
        except ValueError:
            continue
    return _NOT_JSON


def _put(data: dict[str, Json], path: Iterable[str], value: Json) -> None:
    *parents, last = path
    for step in parents:
        data = cast("dict[str, Json]", data.setdefault(step, {}))
    data[last] = value


def _entry(path: PartPath) -> str:
    return "access-token" if path[-1] == "token" else path[-1]


def _decoded_basic(text: str) -> dict[str, Json] | None:
    if has_unknown(text):
        return None
    try:
        name, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return {"kind": "basic", "username": name, "password": password}


def _path_of(uri: str) -> str:
    """The path of an address, for messages: its query and its user may be secret."""
    path = re.sub(r"^[^/?#]*://[^/?#]*", "", uri).partition("?")[0].partition("#")[0]
    return as_written(path) or "/"


def _name_of(part: str) -> str:
    return unquote_plus(part.partition("=")[0])


def _name_from(path: str) -> str:
    """A name from the words of a path."""
    words = [each for each in path.split("/") if re.fullmatch(r"[A-Za-z][A-Za-z_-]*", each)]
    return slug("-".join(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", each) for each in words[-2:]), "request")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _keeps_pages(fields: str, known: Readable | None) -> bool:
    """Whether a projection keeps what a pagination reads."""
    wanted = {"total_count"} | ({known.field} if known and known.field else set())
    return wanted <= set(re.findall(r"\w+", fields))


def _entities(known: Writable, body: Json, in_path: Mapping[str, Json]) -> list[Json] | None:
    """The entities that make this body with the preset's template; None if no entity does."""
    found: dict[str, Json] = dict(in_path)
    lists: list[list[Json]] = []

    def match(template: Json, value: Json) -> bool:
        if isinstance(template, str) and (placeholder := _ONE_PLACEHOLDER.fullmatch(template)):
            if placeholder[1] != "@":
                known_value = found.setdefault(placeholder[1], value)
                if isinstance(known_value, str) and has_unknown(known_value):
                    found[placeholder[1]] = value
                return str(found[placeholder[1]]) == str(value)
            if known.batch > 1 and isinstance(value, list):
                lists.append(value)
                return True
            if isinstance(value, dict):
                found.update({key: each for key, each in value.items() if key not in in_path or in_path[key] != each})
                return True
            return False
        if isinstance(template, dict):
            return (
                isinstance(value, dict)
                and value.keys() <= template.keys()
                and all(match(template[key], value[key]) for key in value)
            )
        return template == value

    if body is None or not match(known.parameters, body):
        return None
    if lists:
        return [{**in_path, **each} if isinstance(each, dict) else each for each in lists[0]]
    return [found]


def _generic(values: Mapping[str, Json], bodies: list[Json], *, has_body: bool) -> tuple[Json, list[Json]]:
    """The template of a body and the entities that make these bodies; variables of the path come first."""
    if bodies == [None]:
        entities: list[Json] = [dict(values)] if values else []
        return ("&{@}" if has_body else None), entities
    body = bodies[0]
    if isinstance(body, dict) and not values:
        return "&{@}", list(bodies)
    if not isinstance(body, dict):
        return "&{body}", [{**values, "body": each} for each in bodies]
    keys = {key: key if re.fullmatch(r"[A-Za-z_]\w*", key) and key not in values else None for key in body}
    if None in keys.values() or not all(isinstance(each, dict) and each.keys() == body.keys() for each in bodies):
        return "&{body}", [{**values, "body": each} for each in bodies]
    template: dict[str, Json] = {key: f"&{{{key}}}" for key in body}
    return template, [{**values, **cast("dict[str, Json]", each)} for each in bodies]
