"""Finds the authentications in requests: headers, parameters, users in addresses, and logins."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import cast
from urllib.parse import unquote, unquote_plus

from ...client.uri import origin_of
from ...magento.criteria import is_criteria
from ...secrets.names import is_secret_parameter
from ...secrets.token_shape import looks_like_token
from ...templates import Json
from ..part_names import free
from .addresses import Address, CannotImport, split_address
from .json_text import body_json
from .model import FoundRequest, PartPath, as_written, has_unknown, slug, unknown

_LOGIN = re.compile(r"/(?:integration/(?:admin|customer)/token|tfa/provider/[^/]+/authenticate)/?$")
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
_CODES = ("otp", "passcode")

OF_BROWSERS = re.compile(
    r"(?:sec-.*|accept-language|cache-control|pragma|dnt|origin|referer|priority|upgrade-insecure-requests|:.*"
    r"|authority|method|path|scheme|postman-token|save-data|if-none-match|if-modified-since|user-agent)"
)
"""Names of headers, in lower case, by which browsers and tools describe themselves."""


class Authentications:
    """The authentications of all requests by name, and the values of their secrets."""

    def __init__(
        self,
        leave_out: Callable[[str, str, str], None],
        client: Callable[[Address, tuple[str, ...], FoundRequest], str],
    ) -> None:
        """`client` makes the client of a login."""
        self.named: dict[str, dict[str, Json]] = {}
        self.secrets: dict[PartPath, str] = {}
        self.secret_values: set[str] = set()
        """Values that the other tool keeps as secrets, wherever they are used."""
        self._leave_out, self._client = leave_out, client
        self._by_content: dict[str, str] = {}
        self._logins: dict[str, str] = {}
        """The authentication that logs in, by origin."""

    def is_login(self, request: FoundRequest) -> bool:
        """Whether this is a request for a token, which becomes an authentication."""
        return request.method == "POST" and (
            _is_oauth2(request) or _LOGIN.search(request.uri.partition("?")[0]) is not None
        )

    def add_login(self, request: FoundRequest) -> None:
        """Raises `CannotImport` and `InvalidValue`."""
        if _is_oauth2(request):
            self._oauth2_login(request)
        else:
            self._token_login(request)

    def _token_login(self, request: FoundRequest) -> None:
        address = split_address(request)
        origin = origin_of(address.base)
        fields = dict(request.form) if request.form is not None else body_json(request.body)
        if not isinstance(fields, dict) or not all(isinstance(each, str | int | float) for each in fields.values()):
            raise CannotImport("the login", request.not_a_body or "its body is not a JSON object of names and values")
        parameters, secrets = self._login_parameters(request.place, fields)
        settings: dict[str, Json] = {
            "kind": "request",
            "uri": f"{address.base}/{address.path}".removeprefix(origin),
            "parameters": parameters,
        }
        if request.form is not None:
            settings["body"] = "form"
        self._finish_login(request, address, "customer" if "/customer/" in address.path else "admin", settings, secrets)

    def _login_parameters(self, place: str, fields: Mapping[str, Json]) -> tuple[dict[str, Json], dict[PartPath, str]]:
        """The parameters of a login without their secrets, and these by their paths."""
        parameters: dict[str, Json] = {}
        secrets: dict[PartPath, str] = {}
        for name, value in fields.items():
            if name in _CODES:
                parameters[name] = {"ask": True}
                self._leave_out(place, f"the one-time code {name}", "a code is valid once; it is typed at login")
            elif is_secret_parameter(name, str(value)) or has_unknown(str(value)) or self.contains_secret(str(value)):
                parameters[name] = {"keyring": name}
                secrets["parameters", name] = str(value)
            else:
                parameters[name] = value
        return parameters, secrets

    def _oauth2_login(self, request: FoundRequest) -> None:
        address = split_address(request)
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
        address: Address,
        name: str,
        settings: dict[str, Json],
        secrets: Mapping[PartPath, str],
    ) -> None:
        origin = origin_of(address.base)
        if request.client:  # the login needs the same proxy and the same certificates
            settings["client"] = self._client(address, (), request)
        name = self._register(name, settings, secrets)
        self._logins.setdefault(origin, name)
        if address.is_magento:
            self._client(address, (name,), request)

    def _register(self, name: str, settings: Mapping[str, Json], secrets: Mapping[PartPath, str]) -> str:
        key = json.dumps([settings, sorted(secrets.items())])
        if key not in self._by_content:
            name = free(name, self.named)
            self._by_content[key] = name
            made = deepcopy(dict(settings))
            for path in secrets:
                _put(made, path, {"keyring": f"{name}/{_entry(path)}"})
                if not has_unknown(secrets[path]) and secrets[path]:
                    self.secrets["authentications", name, *path] = secrets[path]
            self.named[name] = made
        return self._by_content[key]

    def _authentication(self, name: str, settings: Mapping[str, Json]) -> str:
        """Registers an authentication that has literal values in place of its secrets."""
        kind = str(settings["kind"])
        if kind == "request":
            given = settings.get("parameters")
            parameters, found = self._login_parameters("", given if isinstance(given, dict) else {})
            return self._register(name or "admin", {**settings, "parameters": parameters}, found)
        secrets: dict[PartPath, str] = {(each,): str(settings.get(each, "")) for each in _SECRET_FIELDS.get(kind, ())}
        made: dict[str, Json] = dict(settings)
        for (field_name,) in secrets:
            made[field_name] = {"keyring": field_name}
        return self._register(name or _AUTHENTICATION_NAMES.get(kind, kind), made, secrets)

    def of_request(self, request: FoundRequest, origin: str) -> Iterator[str]:
        """The authentications in the request, by name; its header Authorization is read, too."""
        if request.authentication is not None:
            yield from self._one(request, origin, request.authentication)
        for name, value in request.headers:
            lower = name.lower()
            if lower == "authorization":
                yield from self._in_authorization(request, origin, value)
            elif lower == "cookie":
                self._leave_out(request.place, "the header Cookie", "cookies are the secrets of a browser's session")
            elif self.is_secret_header(name, value):
                settings: dict[str, Json] = {"kind": "header", "header": name, "value": value}
                yield self._authentication(slug(name, "key"), settings)

    def is_secret_header(self, name: str, value: str) -> bool:
        lower = name.lower()
        if lower in ("authorization", "cookie"):
            return False
        if self.contains_secret(value):
            return True
        return not OF_BROWSERS.fullmatch(lower) and (is_secret_parameter(name, value) or looks_like_token(value))

    def contains_secret(self, text: str) -> bool:
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
                self._leave_out(request.place, "the header Authorization", "its user and password have no value here")
            case "oauth":
                values = dict(re.findall(r'(oauth_\w+)="?([^",\s]*)', rest))
                known = {
                    "consumer-key": unquote(values.get("oauth_consumer_key", "")),
                    "access-token": unquote(values.get("oauth_token", "")),
                }
                secrets = {"consumer-secret": "", "access-token-secret": ""}
                self._leave_out(
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
                self._leave_out(request.place, f"the authentication {scheme}", "it is not supported")

    def without_secrets(self, query: str) -> tuple[str, list[str]]:
        kept, names = [], []
        for part in filter(None, query.split("&")):
            name, _, value = part.partition("=")
            plain = unquote_plus(name)
            is_secret = self.contains_secret(unquote_plus(value)) or is_secret_parameter(plain, value)
            if not is_criteria(plain) and value and is_secret:
                settings: dict[str, Json] = {
                    "kind": "query", "parameter": as_written(unquote_plus(name)), "value": unquote_plus(value),
                }  # fmt: skip
                names.append(self._authentication(slug(name, "key"), settings))
            else:
                kept.append(part)
        return "&".join(kept), names


def _is_oauth2(request: FoundRequest) -> bool:
    return request.form is not None and dict(request.form).get("grant_type") == "client_credentials"


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
