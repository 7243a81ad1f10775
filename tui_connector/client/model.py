"""The models of a client and of a request in a profile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import parse_qsl

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from ..errors import InvalidValue
from ..invalid_json import begins_like_json, why_invalid_json
from ..kinds import Model, Named
from ..secrets.source import SecretSource, secret_field
from ..templates import PlaceholderError, Scope, Template, TemplateJson, TemplateText, UriTemplateText, render
from ..text import HTTP_TOKEN
from .criteria_rows import Condition, names_in_query, parameters_of, read_row, valid_row
from .file_path import FilePath
from .layer import Plugin
from .literal_secrets import reject_literal_headers, reject_literal_parameters, reject_secret_in_uri
from .message import Headers, Request
from .spans import Span
from .uri import escape_percents, origin_of

DIRECT = "direct"
"""In place of a proxy's address: no proxy, not even one from the environment."""


def _proxy_address(uri: str) -> str:
    if uri == DIRECT:
        return uri
    if uri.startswith("socks"):
        raise ValueError("SOCKS proxies are not supported: write the address of an http:// or https:// proxy")
    try:
        origin = origin_of(uri)
    except InvalidValue as error:
        if "@" in uri:
            raise ValueError("user and password do not belong in the address: use username and password") from None
        raise ValueError(f'{error}; write it like "http://proxy.example:3128", or "{DIRECT}" for none') from None
    if uri.rstrip("/").lower() != origin and not uri.rstrip("/").lower().startswith(f"{origin}:"):
        raise ValueError("a proxy's address has no path: write only scheme, host and port")
    return uri


ProxyAddress = Annotated[
    str,
    AfterValidator(_proxy_address),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "uri"}, {"const": DIRECT}]}),
]


class Tls(Model):
    """TLS."""

    ca_file: FilePath | None = Field(
        None,
        title="Authority's certificate",
        description="A PEM file with certificates of authorities to trust besides the system's, for a store whose "
        "certificate is the company's own. Relative to the profile.",
        examples=["company-ca.pem"],
    )
    client_certificate: FilePath | None = Field(
        None,
        title="Client certificate",
        description="A PEM file that identifies this client, if the web server requires one. Relative to the profile.",
        examples=["client.pem"],
    )
    client_key: FilePath | None = Field(
        None,
        title="Client key",
        description="A PEM file with the certificate's private key, if it is not in the same file.",
        examples=["client.key"],
    )
    client_key_password: SecretSource | None = secret_field(
        "Client key's password", "Needed if the key is encrypted.", default=None
    )
    verify: bool = Field(
        True,
        title="Verify the certificate",
        description="false: anyone in between can read and change everything, including secrets. For test "
        "stores only; prefer naming the authority in ca-file.",
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.client_certificate is None and (self.client_key or self.client_key_password):
            raise ValueError("client-key and client-key-password need a client-certificate")
        return self


class Proxy(Model):
    """Proxy."""

    uri: ProxyAddress = Field(
        title="Address",
        description='Scheme, host and port, without user and password. "direct": no proxy, even if the environment '
        "names one.",
        examples=["http://proxy.example:3128"],
    )
    username: str | None = Field(None, min_length=1, title="User", description="If the proxy requires authentication.")
    password: SecretSource | None = secret_field("Password", "The password of that user.", default=None)

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password must be given together")
        if self.uri == DIRECT and self.username is not None:
            raise ValueError(f'"{DIRECT}" does not accept a user and password')
        return self


_CONNECTION_HEADERS = (
    *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection"),
    *("te", "trailer", "upgrade", "expect", "proxy-authorization"),
)
_QUERY_METHODS = ("get", "head", "delete")
_SEARCH_ROUTES = ("search", "_search")
"""Last path segments of searches, where a POST only reads: its body contains the criteria."""
_METHOD_HEADERS = ("x-http-method-override", "x-http-method", "x-method-override")
_REPLACED_BY_PHP = re.compile(r"[ .\[]")


def _header_name(name: str) -> str:
    if not HTTP_TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid header name")
    if name.lower() in _CONNECTION_HEADERS:
        raise ValueError(f"{name} is set by the connection itself")
    return name


def _without_empty(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not value.strip():
            raise ValueError(f"the header {name} would be empty: enter a value, or remove it")
    return headers


@lru_cache(maxsize=256)
def _escape_template(uri: str) -> str:
    """A URI template in which the meaning of each % does not depend on the values of its placeholders.

    Raises `InvalidValue` if it is ambiguous.
    """
    template = Template.parse(uri)
    if template.is_literal:
        escape_percents(uri)
        return uri
    texts = escape_percents("".join(piece if isinstance(piece, str) else "\0" for piece in template.pieces)).split("\0")
    between = [f"{each.sigil}{{{each.expression.text}}}" for each in template.pieces if not isinstance(each, str)]
    return "".join(part for pair in zip(texts, [*between, ""], strict=True) for part in pair)


def _unambiguous(uri: str) -> str:
    _escape_template(uri)
    return uri


def _not_json_text(parameters: Any) -> Any:
    import json

    if isinstance(parameters, str) and begins_like_json(parameters):
        try:
            json.loads(parameters)
        except ValueError as error:
            raise ValueError(f"Invalid JSON: {why_invalid_json(error)}") from error
        raise ValueError("is JSON in a string, which would be sent as a string: write it as a table or a list")
    return parameters


def _can_be_table(parameters: Any) -> bool:
    if isinstance(parameters, str):  # a single placeholder keeps the type of its value
        template = Template.parse(parameters)
        return len(template.pieces) == 1 and not template.is_literal
    return parameters is None or isinstance(parameters, dict)


def _to_lower(method: object) -> object:
    return method.lower() if isinstance(method, str) else method


HeaderName = Annotated[str, AfterValidator(_header_name)]
ClientName = Annotated[str, WithJsonSchema({"type": "string", "format": "client"})]
"""The name of one of the profile's clients; forms offer the existing ones."""
Method = Annotated[Literal["get", "post", "put", "delete", "patch", "head"], BeforeValidator(_to_lower)]
LoginMethod = Annotated[Literal["get", "post", "put"], BeforeValidator(_to_lower)]
"""Without the methods that no login has, as `check` sends logins, too."""


class HttpClient(Named):
    """An HTTP client: where and how requests go."""

    authentications: list[str] = Field(
        default_factory=list, title="Authentications", description="Names of HTTP authentications, applied in order."
    )
    timeout: Span = Field(
        "30s", title="Timeout", description="For the whole request, from connecting to the last byte."
    )
    connect_timeout: Span = Field(
        "10s", title="Connect timeout", description="For name resolution, connection and TLS."
    )
    tls: Tls = Field(default_factory=Tls, title="TLS", description="Trusted authorities and the client certificate.")
    proxy: Proxy | None = Field(
        None,
        title="Proxy",
        description="The proxy to use. Default: the one from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, if any.",
    )
    plugins: list[Plugin] = Field(
        default_factory=list, title="Plugins", description="Applied to each request, in order."
    )
    production: bool = Field(
        False,
        title="Production",
        description="The store is live: before a run sends anything to it, the store's name must be typed.",
    )


class RequestTemplate(Model):
    """A request, with placeholders."""

    other_words: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("url", "path", "endpoint", "address"), "uri"),
        **dict.fromkeys(("body", "json", "data", "payload", "query", "params"), "parameters"),
        **dict.fromkeys(("filter", "search", "criteria"), "where"),
        **dict.fromkeys(("status", "statuses", "expected-status", "expected-statuses"), "expected"),
    }

    uri: Annotated[UriTemplateText, AfterValidator(_unambiguous), AfterValidator(reject_secret_in_uri)] = Field(
        title="URI", description="Relative to the client's base URI.", examples=["products"]
    )
    method: Method = Field("get", title="Method", description="HTTP method.")
    parameters: Annotated[TemplateJson, AfterValidator(_not_json_text), AfterValidator(reject_literal_parameters)] = (
        Field(
            None,
            title="Parameters",
            description="Sent as JSON in the body, or in the query of GET, HEAD and DELETE.",
            examples=[{"product": "&{@}"}],
        )
    )
    headers: Annotated[
        dict[HeaderName, TemplateText], AfterValidator(_without_empty), AfterValidator(reject_literal_headers)
    ] = Field(default_factory=dict, title="Headers", description="Sent in addition to the client's headers.")
    where: list[Annotated[TemplateText, AfterValidator(valid_row)]] = Field(
        default_factory=list,
        title="Where",
        description="Magento's search criteria: all rows must match. A row is a field, a condition (eq, gt, lteq, in, "
        'like, notnull, …) and a value; "or" joins alternatives. Quote a value with " or " in it.',
        examples=[["status eq processing or status eq pending", "updated_at gt 2026-01-01"]],
        json_schema_extra={"format": "criteria"},
    )
    reads: bool = Field(
        False,
        title="Reads only",
        description="The request changes nothing in the store although it is a POST, such as a search or a GraphQL "
        "query: check and the guide's tests send it.",
    )
    expected: list[Annotated[int, Field(ge=100, le=599)]] = Field(
        default_factory=list,
        title="Expected statuses",
        description="Statuses that count as success in addition to 200 to 299.",
    )

    @field_validator("parameters")
    @classmethod
    def _table_in_a_query(cls, parameters: Any, info: ValidationInfo) -> Any:
        if info.data.get("method") in _QUERY_METHODS and not _can_be_table(parameters):
            raise ValueError("must be a table: GET, HEAD and DELETE send it in the query")
        return parameters

    @field_validator("where")
    @classmethod
    def _in_a_query(cls, where: list[str], info: ValidationInfo) -> list[str]:
        if where and info.data.get("method", "get") not in _QUERY_METHODS:
            raise ValueError("search criteria are sent in the query of a GET: remove method")
        return where

    @property
    def conditions(self) -> tuple[tuple[Condition, ...], ...]:
        """The conditions of each row of `where`."""
        return tuple(map(read_row, self.where))

    @field_validator("reads")
    @classmethod
    def _only_of_post(cls, reads: bool, info: ValidationInfo) -> bool:
        if reads and info.data.get("method") not in ("post", "get", "head"):
            raise ValueError("only a POST can be marked with reads = true")
        return reads

    def only_reads(self, sent: Request) -> bool:
        """Whether the request `sent` from this template changes nothing in the store."""
        return only_reads(sent, reads=self.reads)

    def request(self, scope: Scope) -> Request:
        """The request for this entity and run. Raises `PlaceholderError`."""
        headers: Headers = tuple((name, Template.parse(text).header(scope)) for name, text in self.headers.items())
        request = Request(self.method.upper(), Template.parse(_escape_template(self.uri)).uri(scope), headers)
        return self._with_where(self._with_parameters(request, scope), scope)

    def _with_where(self, request: Request, scope: Scope) -> Request:
        rows = parameters_of(self.conditions, names_in_query(request.uri) if self.where else ())
        for _, name, value in rows:
            request = request.with_query(name, _text(render(value, scope)))
        return request

    def _with_parameters(self, request: Request, scope: Scope) -> Request:
        if self.parameters is None:
            return request
        parameters = render(self.parameters, scope)
        if self.method in _QUERY_METHODS and parameters is None:  # ?{…} found nothing
            return request
        if self.method in _QUERY_METHODS and not isinstance(parameters, dict):
            raise PlaceholderError(
                "it does not result in a table, which GET, HEAD and DELETE need for the query",
                template=str(self.parameters),
            )
        return with_parameters(request, parameters)

    def is_expected(self, status: int) -> bool:
        return 200 <= status < 300 or status in self.expected


def only_reads(request: Request, *, reads: bool = False) -> bool:
    """Whether the request changes nothing in the store.

    True for GET and HEAD, and for a POST to a search route or, with `reads`, to any; false for a request that overrides
    its method.
    """
    if _overrides_method(request):
        return False
    if request.method in ("GET", "HEAD"):
        return True
    path = request.uri.partition("?")[0].rstrip("/")
    return request.method == "POST" and (reads or path.rpartition("/")[2] in _SEARCH_ROUTES)


def _overrides_method(request: Request) -> bool:
    """Whether a server may treat it as a request of another method.

    Frameworks read the method from a header, or from `_method` in the query or the body (WordPress, Symfony, Laravel,
    Rails). In the names of parameters, PHP removes leading blanks and replaces some characters with `_`.
    """
    if any(name.lower() in _METHOD_HEADERS for name, _ in request.headers):
        return True
    query = parse_qsl(request.uri.partition("?")[2], keep_blank_values=True)
    names = (_REPLACED_BY_PHP.sub("_", name.lstrip()).lower() for name, _ in query)
    return "_method" in names or b"_method" in request.body.lower()


def with_parameters(request: Request, parameters: Any) -> Request:
    """`request` with its parameters as a JSON body, or in the query of GET, HEAD and DELETE, nested as PHP reads it."""
    import json
    from dataclasses import replace

    if request.method.lower() in _QUERY_METHODS and isinstance(parameters, dict):
        for name, value in _query(parameters):
            request = request.with_query(name, value)
        return request
    return replace(request, body=json.dumps(parameters, ensure_ascii=False).encode())


def _query(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _query(item, f"{name}[{key}]" if name else str(key))]
    if isinstance(value, list):
        return [pair for index, item in enumerate(value) for pair in _query(item, f"{name}[{index}]")]
    return [(name, _text(value))]


def _text(value: Any) -> str:
    """A value as it is written in a query."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return "" if value is None else str(value)
