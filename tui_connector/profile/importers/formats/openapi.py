"""Imports an OpenAPI 3 or Swagger 2 document in JSON, such as Magento's own (schema?services=all)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urljoin

from ....templates import Json
from ....text import count, listed
from ..format import json_format
from ..json_text import fields, items, text_in
from ..model import FoundRequest, Import, ImportOptions, InvalidImport, short, unknown
from ..parts import PartsBuilder

_METHODS = ("get", "post", "put", "patch", "delete")
_MOST_REFERENCES = 50
"""References that refer to references; a longer chain is a circle."""
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_MAGENTO = ("/V1/integration/admin/token", "/V1/products", "/V1/store/storeViews")
"""Paths of which every Magento has one."""


def is_document(data: Json) -> bool:
    """Whether this is an OpenAPI or Swagger document."""
    return isinstance(data, dict) and ("swagger" in data or "openapi" in data) and "paths" in data


def read(data: Json, options: ImportOptions) -> Import:
    """The operations of the document. Raises `InvalidImport`."""
    return _Document(dict(fields(data)), options).read()


class _Document:
    def __init__(self, data: dict[str, Json], options: ImportOptions) -> None:
        self._data = data
        is_swagger = "swagger" in data
        self._builder = PartsBuilder("Swagger document" if is_swagger else "OpenAPI document", options)
        paths = fields(data.get("paths"))
        self._is_magento = any(each in paths for each in _MAGENTO)
        self._builder.only_known = self._is_magento

    def read(self) -> Import:
        base = self._base()
        authentication = self._authentication()
        in_path: list[str] = []
        for path, methods in fields(self._data.get("paths")).items():
            shared = items(fields(methods).get("parameters"))
            for method in _METHODS:
                if not isinstance(operation := fields(methods).get(method), dict):
                    continue
                if method == "get" and "{" in path:
                    in_path.append(path)
                    continue
                request = self._request(base, path, method, operation, shared)
                if not self._builder.authentications.is_login(request):
                    request.authentication = authentication
                    self._builder.add(request)
        if in_path:
            reason = "an incoming reads one list, and these have variables in their paths"
            self._builder.leave_out("paths", f"{count(len(in_path), 'GET')} such as {in_path[0]}", reason)
        title = text_in(fields(self._data.get("info")), "title")
        return self._builder.build("" if self._is_magento else title)

    # -- the address

    def _base(self) -> str:
        """The address that the paths are below. Raises `InvalidImport`."""
        if "swagger" in self._data:
            host = text_in(self._data, "host")
            schemes = [each for each in items(self._data.get("schemes")) if each in ("https", "http")]
            scheme = "https" if "https" in schemes or not schemes else "http"
            if not host:
                raise self._no_address("host")
            return f"{scheme}://{host}{text_in(self._data, 'basePath').rstrip('/')}"
        servers = [fields(each) for each in items(self._data.get("servers"))]
        if not servers:
            raise self._no_address("servers")
        if len(servers) > 1:
            others = listed([short(text_in(each, "url")) for each in servers[1:]], 3)
            self._builder.leave_out("servers", others, "the first server is used")
        variables = fields(servers[0].get("variables"))

        def value(found: re.Match[str]) -> str:
            return self._builder.insertions.insert(found[1], text_in(fields(variables.get(found[1])), "default"))

        url = re.sub(r"\{([^{}]*)\}", value, text_in(servers[0], "url"))
        if not re.match(r"https?://", url):
            raise self._no_address("servers")
        return urljoin(url, ".").rstrip("/") if url.endswith("/") else url

    def _no_address(self, where: str) -> InvalidImport:
        message = "the document does not contain the address of its server"
        return InvalidImport("import-address", message, f'Write it into "{where}" of the document.', where)

    def _authentication(self) -> Mapping[str, Json] | None:
        """The first scheme that is supported; its secrets are to be set. For Magento, the values of an integration."""
        if self._is_magento:  # its document names an api_key that no Magento reads
            return {
                "kind": "oauth1",
                "consumer-key": "",
                "consumer-secret": "",
                "access-token": "",
                "access-token-secret": "",
            }
        schemes = fields(fields(self._data.get("components")).get("securitySchemes"))
        schemes = schemes or fields(self._data.get("securityDefinitions"))
        chosen: Mapping[str, Json] | None = None
        for name, each in schemes.items():
            made = _scheme(fields(self._resolved(each)))
            if made is None:
                self._builder.leave_out("securitySchemes", short(name), "this authentication is not supported")
            elif chosen is None:
                chosen = made
            else:
                self._builder.leave_out("securitySchemes", short(name), "one authentication is enough")
        return chosen

    # -- operations

    def _request(
        self, base: str, path: str, method: str, operation: Mapping[str, Json], shared: list[Json]
    ) -> FoundRequest:
        uri = f"{base}{re.sub(r'{([^{}/]+)}', lambda found: unknown(found[0]), path)}"
        request = FoundRequest(f"{method.upper()} {path}", method.upper(), uri, base)
        if not self._is_magento:
            request.name = text_in(operation, "operationId") or text_in(operation, "summary")
        summary = text_in(operation, "description") or text_in(operation, "summary")
        request.description = summary if self._is_magento or summary != request.name else ""
        if method == "get":
            request.items = self._items(operation)
            parameters = [fields(self._resolved(each)) for each in [*shared, *items(operation.get("parameters"))]]
            needed = [
                text_in(each, "name") for each in parameters if each.get("required") and each.get("in") == "query"
            ]
            if needed and not self._is_magento:
                self._builder.leave_out(
                    request.place, listed(needed, 5), "required in the query: add it to the request"
                )
            if any(text_in(each, "name").startswith("searchCriteria") for each in parameters):
                request.uri += "?searchCriteria="
        elif method != "delete" and (body := self._body_schema(operation, shared)) is not None:
            request.template = self._template(body)
        return request

    def _body_schema(self, operation: Mapping[str, Json], shared: list[Json]) -> Json:
        for each in [*shared, *items(operation.get("parameters"))]:
            parameter = fields(self._resolved(each))
            if parameter.get("in") == "body":
                return parameter.get("schema") or {}
        content = fields(fields(self._resolved(operation.get("requestBody"))).get("content"))
        for kind, each in content.items():
            if "json" in kind:
                return fields(each).get("schema") or {}
        return None

    def _template(self, schema: Json) -> Json:
        """The body with a placeholder for each property; the whole entity where the properties are not known."""
        properties, required = self._properties(schema)
        names = list(properties)
        if names and all(_IDENTIFIER.fullmatch(name) for name in names):
            return {name: f"&{{{name}}}" if name in required else f"?{{{name}}}" for name in names}
        return "&{@}"

    def _items(self, operation: Mapping[str, Json]) -> str:
        """Where the items are in a successful response."""
        responses = fields(operation.get("responses"))
        response = fields(self._resolved(responses.get("200") or responses.get("default")))
        schema = response.get("schema")
        for kind, each in fields(response.get("content")).items():
            schema = fields(each).get("schema") if "json" in kind else schema
        plain = fields(self._resolved(schema))
        if plain.get("type") == "array":
            return "@"
        properties, _ = self._properties(schema)
        lists = [name for name, each in properties.items() if fields(self._resolved(each)).get("type") == "array"]
        if "items" in lists:
            return "items"
        return lists[0] if len(lists) == 1 and _IDENTIFIER.fullmatch(lists[0]) else ""

    def _properties(self, schema: Json) -> tuple[dict[str, Json], list[Json]]:
        """The properties of an object and those that are required, also of one that is put together from others."""
        found: dict[str, Json] = {}
        required: list[Json] = []
        left, seen = [schema], 0
        while left and seen < _MOST_REFERENCES:
            seen += 1
            plain = fields(self._resolved(left.pop(0)))
            found.update(fields(plain.get("properties")))
            required += items(plain.get("required"))
            left += items(plain.get("allOf"))
        return found, required

    def _resolved(self, value: Json) -> Json:
        """What a reference refers to; nothing for a circle, and for one to another file."""
        for _ in range(_MOST_REFERENCES):
            reference = fields(value).get("$ref")
            if not isinstance(reference, str):
                return value
            if not reference.startswith("#/"):
                self._builder.leave_out("", f"$ref {short(reference)}", "other files are not read")
                return None
            value = self._data
            for step in reference[2:].split("/"):
                value = fields(value).get(step.replace("~1", "/").replace("~0", "~"))
        self._builder.leave_out("", "a $ref", "it refers to itself")
        return None


def _scheme(scheme: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The authentication for a security scheme, without its secrets."""
    kind, name = text_in(scheme, "type"), text_in(scheme, "name")
    match kind, text_in(scheme, "scheme").lower():
        case ("http", "bearer"):
            return {"kind": "bearer", "token": ""}
        case ("http", "basic") | ("basic", _):
            return {"kind": "basic", "username": "user", "password": ""}
        case ("apiKey", _) if text_in(scheme, "in") == "header":
            return {"kind": "header", "header": name, "value": ""}
        case ("apiKey", _) if text_in(scheme, "in") == "query":
            return {"kind": "query", "parameter": name, "value": ""}
        case ("oauth2", _):
            flow = fields(fields(scheme.get("flows")).get("clientCredentials")) or scheme
            uri = text_in(flow, "tokenUrl")
            if uri and (flow is not scheme or text_in(scheme, "flow") == "application"):
                return {"kind": "oauth2", "token-uri": uri, "client-id": "client-id", "client-secret": ""}
    return None


FORMAT = json_format("OpenAPI and Swagger documents in JSON", is_document, read)
