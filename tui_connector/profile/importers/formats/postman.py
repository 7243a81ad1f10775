"""Imports a Postman collection (format v2.1, also v2.0) with its environment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from ....client.typed_address import with_scheme
from ....templates import Json
from ....text import count, listed
from ..format import json_format
from ..insertions import Insertions
from ..json_text import fields, items, parse_json, text_in
from ..model import FoundRequest, Import, ImportOptions, InvalidImport, short, unknown, variable_name
from ..parts import PartsBuilder

_VARIABLE = re.compile(r"\{\{([^{}]{1,250})\}\}")
_MOST_NESTED = 10
"""Variables in the values of variables."""
_EVENTS = {"prerequest": "the pre-request script", "test": "the test script"}
_OAUTH1 = {
    "consumer-key": "consumerKey", "consumer-secret": "consumerSecret", "access-token": "token",
    "access-token-secret": "tokenSecret",
}  # fmt: skip


def is_collection(data: Json) -> bool:
    """Whether this is a collection, of any version of the format."""
    if not isinstance(data, dict):
        return False
    if isinstance(data.get("collection"), dict):  # as the API of Postman returns it
        return True
    return ("info" in data and isinstance(data.get("item"), list)) or ("requests" in data and "order" in data)


def read(data: Json, options: ImportOptions) -> Import:
    """The requests of a collection. Raises `InvalidImport`."""
    whole = fields(data)
    whole = fields(whole["collection"]) if isinstance(whole.get("collection"), dict) else whole
    if "item" not in whole:
        hint = "Export it again as Collection v2.1."
        raise InvalidImport("import-format", "this is a Postman collection of format v1", hint)
    reader = _Collection(whole, options)
    for request in reader.requests():
        reader.builder.add(request)
    return reader.builder.build(text_in(fields(whole.get("info")), "name"))


@dataclass(slots=True)
class _Folder:
    """What the items of a folder inherit, and where it is."""

    place: str
    authentication: Json
    items: Iterator[Json]


class _Collection:
    def __init__(self, data: Mapping[str, Json], options: ImportOptions) -> None:
        self.builder = PartsBuilder("Postman collection", options)
        self._data = data
        self._variables = _Variables(self.builder.insertions)
        self._variables.add(items(data.get("variable")))
        if options.environment is not None:
            environment = fields(parse_json(options.environment))
            if not isinstance(environment.get("values"), list):
                message = "this is not a Postman environment: it has no list of values"
                raise InvalidImport("import-environment", message, "Export the environment from Postman.")
            self._variables.add(items(environment["values"]))
        self.builder.authentications.secret_values |= self._variables.secrets()

    def requests(self) -> Iterator[FoundRequest]:
        """The requests of all folders, in their order."""
        self._note_scripts(self._data, "collection")
        folders = [_Folder("", self._data.get("auth"), iter(items(self._data.get("item"))))]
        while folders:
            folder = folders[-1]
            entry = next(folder.items, _END)
            if entry is _END:
                folders.pop()
                continue
            item = fields(entry)
            name = text_in(item, "name")
            place = f"{folder.place} / {short(name)}" if folder.place else short(name)
            self._note_scripts(item, place)
            if isinstance(item.get("item"), list):
                own = item.get("auth")
                inherited = own if isinstance(own, dict) else folder.authentication
                folders.append(_Folder(place, inherited, iter(items(item["item"]))))
            elif isinstance(item.get("request"), str):
                yield FoundRequest(place, "GET", self._address(str(item["request"])), name=name)
            elif isinstance(item.get("request"), dict):
                yield self._request(item, name, place, folder.authentication)
            else:
                self.builder.leave_out(place, "the entry", "it is neither a folder nor a request")

    def _note_scripts(self, item: Mapping[str, Json], place: str) -> None:
        for event in map(fields, items(item.get("event"))):
            script = fields(event.get("script")).get("exec")
            written = "".join(each for each in items(script) if isinstance(each, str)) if script else ""
            if written.strip() or (isinstance(script, str) and script.strip()):
                kind = str(event.get("listen"))
                self.builder.leave_out(place, _EVENTS.get(kind, "a script"), "scripts are not run")
        if examples := items(item.get("response")):
            self.builder.leave_out(place, count(len(examples), "saved response"), "examples are not kept")

    def _request(self, item: Mapping[str, Json], name: str, place: str, inherited: Json) -> FoundRequest:
        data = fields(item.get("request"))
        method = (text_in(data, "method") or "GET").upper()
        disabled: list[str] = []
        request = FoundRequest(place, method, "", name=name, description=_description(data.get("description")))
        request.uri = self._url(data.get("url"), request, disabled)
        header = data.get("header")
        lines = header.splitlines() if isinstance(header, str) else []
        pairs = [*self._enabled(header, disabled), *(tuple(line.partition(":")[::2]) for line in lines)]
        request.headers = [(key.strip(), value.strip()) for key, value in pairs if key.strip()]
        self._add_body(request, fields(data.get("body")), disabled)
        self._add_authentication(request, data.get("auth") if isinstance(data.get("auth"), dict) else inherited)
        if fields(item.get("protocolProfileBehavior")).get("strictSSL") is False:
            request.client["tls"] = {"verify": False}
        if disabled:
            self.builder.leave_out(place, f"disabled: {listed(disabled, 5)}", "it is switched off")
        return request

    def _enabled(self, entries: Json, disabled: list[str]) -> list[tuple[str, str]]:
        """Names and values of a list of entries, without those that are disabled."""
        found: list[tuple[str, str]] = []
        for entry in map(fields, items(entries)):
            key = self._variables.filled(text_in(entry, "key"))
            if entry.get("disabled") is True:
                disabled.append(short(key))
            else:
                found.append((key, self._variables.filled(text_in(entry, "value"))))
        return found

    # -- the address

    def _url(self, url: Json, request: FoundRequest, disabled: list[str]) -> str:
        if isinstance(url, str):
            return self._with_path_variables(self._address(url), request, {})
        data = fields(url)
        raw = text_in(data, "raw")
        if not raw:
            host = data.get("host")
            joined = ".".join(map(str, host)) if isinstance(host, list) else text_in(data, "host")
            port = f":{text_in(data, 'port')}" if text_in(data, "port") else ""
            path = data.get("path")
            steps = "/".join(map(_step, path)) if isinstance(path, list) else text_in(data, "path").lstrip("/")
            raw = f"{text_in(data, 'protocol') or 'http'}://{joined}{port}/{steps}"
        address = raw.partition("#")[0].partition("?")[0]
        if isinstance(data.get("query"), list):
            pairs = self._enabled(data["query"], disabled)
            query = "&".join(f"{_in_query(key)}={_in_query(value)}" for key, value in pairs)
        else:
            query = self._variables.filled(raw.partition("#")[0].partition("?")[2])
        variables: dict[str, Json] = {
            text_in(each, "key"): self._variables.filled(text_in(each, "value"))
            for each in map(fields, items(data.get("variable")))
            if each.get("disabled") is not True
        }
        found = self._with_path_variables(self._address(address), request, variables)
        return f"{found}?{query}" if query else found

    def _address(self, text: str) -> str:
        filled = self._variables.filled(text.strip())
        return filled if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", filled) or filled[:1] == "\0" else with_scheme(filled)

    def _with_path_variables(self, uri: str, request: FoundRequest, values: Mapping[str, Json]) -> str:
        """The address with marks in place of the segments `:name`, whose values become those of the request."""
        head, separator, path = uri.partition("://")
        segments = path.split("/")
        for index, segment in enumerate(segments[1:], 1):
            name = segment[1:]
            if segment.startswith(":") and re.fullmatch(r"\w+", name):
                segments[index] = unknown(segment)
                value = values.get(name)
                if isinstance(value, str) and value and "\0" not in value:
                    request.values = {**request.values, variable_name(segment): value}
        return f"{head}{separator}{'/'.join(segments)}"

    # -- body and authentication

    def _add_body(self, request: FoundRequest, body: Mapping[str, Json], disabled: list[str]) -> None:
        mode = text_in(body, "mode")
        if body.get("disabled") is True:
            disabled.append("the body")
        elif mode == "raw":
            request.body = self._variables.filled(text_in(body, "raw")) or None
        elif mode == "urlencoded":
            request.form = self._enabled(body.get("urlencoded"), disabled)
        elif mode == "graphql":
            graphql = fields(body.get("graphql"))
            made: dict[str, Json] = {"query": self._variables.filled(text_in(graphql, "query"))}
            variables = graphql.get("variables")
            if isinstance(variables, str) and variables.strip():
                variables = parse_json(self._variables.filled(variables))
            if variables:
                made["variables"] = variables
            request.body = json.dumps(made, ensure_ascii=False)
        elif mode == "formdata":
            request.not_a_body = "a form with files (multipart/form-data) cannot be sent"
        elif mode == "file":
            request.not_a_body = "it is a file of the computer where the collection was made"
        elif mode:
            request.not_a_body = f"its mode {short(mode)} is not known"

    def _add_authentication(self, request: FoundRequest, found: Json) -> None:
        auth = fields(found)
        kind = text_in(auth, "type")
        values = self._settings(auth.get(kind))
        if kind in ("", "noauth"):
            return
        if kind == "bearer":
            request.authentication = {"kind": "bearer", "token": values.get("token") or unknown("token")}
        elif kind == "basic":
            request.authentication = {
                "kind": "basic", "username": values.get("username", ""), "password": values.get("password", ""),
            }  # fmt: skip
        elif kind == "oauth1":
            secrets: dict[str, Json] = {key: values.get(theirs, "") for key, theirs in _OAUTH1.items()}
            request.authentication = {"kind": "oauth1", **secrets}
            method = values.get("signatureMethod", "HMAC-SHA256")
            if method != "HMAC-SHA256":
                reason = "Magento accepts HMAC-SHA256, which is used instead"
                self.builder.leave_out(request.place, f"the signature method {short(method)}", reason)
        elif kind == "apikey":
            where = "query" if values.get("in") == "query" else "header"
            field_name = "parameter" if where == "query" else "header"
            request.authentication = {
                "kind": where,
                field_name: values.get("key", ""),
                "value": values.get("value", ""),
            }
        elif kind == "oauth2":
            request.authentication = self._oauth2(values)
        else:
            self.builder.leave_out(request.place, f"the authentication {kind}", "it is not supported")

    def _oauth2(self, values: Mapping[str, str]) -> dict[str, Json]:
        if values.get("grant_type") == "client_credentials" and values.get("accessTokenUrl") and values.get("clientId"):
            where = "post" if values.get("client_authentication") == "body" else "basic"
            made: dict[str, Json] = {
                "kind": "oauth2",
                "token-uri": values["accessTokenUrl"],
                "client-id": values["clientId"],
                "client-secret": values.get("clientSecret", ""),
                "client-authentication": f"client_secret_{where}",
            }
            return {**made, "scope": values["scope"]} if values.get("scope") else made
        return {"kind": "bearer", "token": values.get("accessToken") or unknown("accessToken")}

    def _settings(self, found: Json) -> dict[str, str]:
        """The values of an authentication: a list of keys and values in v2.1, an object in v2.0."""
        if isinstance(found, dict):
            return {key: self._variables.filled(each) for key, each in found.items() if isinstance(each, str)}
        entries = map(fields, items(found))
        return {text_in(each, "key"): self._variables.filled(text_in(each, "value")) for each in entries}


_END: Json = {}


@dataclass(slots=True)
class _Variables:
    """Variables and their values; those that are added later have priority."""

    insertions: Insertions
    values: dict[str, str] = field(default_factory=dict)
    secret: set[str] = field(default_factory=set)

    def add(self, entries: list[Json]) -> None:
        for entry in map(fields, entries):
            key = text_in(entry, "key") or text_in(entry, "id")
            value = text_in(entry, "value")
            if not key or entry.get("disabled") is True or entry.get("enabled") is False or not value:
                continue
            self.values[key] = value
            if entry.get("type") == "secret":
                self.secret.add(key)

    def secrets(self) -> set[str]:
        """The values of variables that Postman keeps as secrets."""
        return {self.values[name] for name in self.secret if len(self.values[name]) >= 4}

    def filled(self, text: str) -> str:
        """`text` with the values of its variables; one without a value is marked as unknown. Raises `InvalidImport`."""

        def value(found: re.Match[str]) -> str:
            name = found[1].strip()
            return self.insertions.insert(name, self.values[name]) if name in self.values else found[0]

        for _ in range(_MOST_NESTED):
            if "{{" not in text:
                break
            filled = _VARIABLE.sub(value, text)
            if filled == text:
                break
            text = filled
        return _VARIABLE.sub(lambda found: unknown(found[0]), text)


def _description(value: Json) -> str:
    return value if isinstance(value, str) else text_in(fields(value), "content")


def _step(value: Json) -> str:
    return value if isinstance(value, str) else text_in(fields(value), "value")


def _in_query(text: str) -> str:
    """A name or a value in a query: as it is written, with what would end it percent-encoded."""
    parts = re.split("(\0[^\0]*\0)", text)
    return "".join(each if each.startswith("\0") else quote(each, safe="%[]{}$:,/()*!'@+~=") for each in parts)


FORMAT = json_format("Postman collections (v2.1)", is_collection, read)
