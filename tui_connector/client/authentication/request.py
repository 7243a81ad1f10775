"""Request authentication: a login request whose response contains a token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ...errors import UserError
from ...templates import PlaceholderError, Scope, Template, TemplateText
from ..layer import Authentication, Layer, LayerContext
from ..literal_secrets import reject_literal_template
from ..message import Request, Response
from ..model import ClientName, HeaderName, LoginMethod
from .login import (
    LONGEST_HEADER,
    BodyFormat,
    Cache,
    LoginUri,
    Parameter,
    login_layer,
    login_request,
    reject_literal_secrets,
    response_data,
)

_HEADER_NAMES = re.compile(r"[0-9A-Za-z_-]+")
"""Words of a template that may be names of headers."""


def _describe_login(schema: dict[str, Any]) -> None:
    """Describes the parameters of Magento's login, for forms and editors; any others are allowed."""
    schema["properties"] = {
        "username": {
            "title": "User name",
            "description": "Use a dedicated admin user that has only the permissions it needs.",
            **schema["additionalProperties"],
        },
        "password": {
            "title": "Password",
            "description": "Sent only in the token request.",
            **schema["additionalProperties"],
        },
    }


class RequestAuthentication(Authentication):
    """Login with user and password (request authentication)."""

    search_words = ("admin", "customer", "username", "jwt", "token", "2fa")
    kind: Literal["request"] = "request"
    uri: LoginUri = Field(
        "/rest/V1/integration/admin/token",
        min_length=1,
        title="Request URI",
        description="URI of the token request, relative to the root of the store's address, or absolute. With "
        "two-factor sign-in: /rest/V1/tfa/provider/google/authenticate.",
    )
    method: LoginMethod = Field("post", title="Request method", description="Magento requires POST.")
    parameters: Annotated[dict[str, Parameter], AfterValidator(reject_literal_secrets)] = Field(
        title="Request parameters",
        description="Parameters of the token request, such as name and password of an admin user. A one-time "
        "code is made from a TOTP secret, otp = { totp = { … } }, or typed at every login, otp = { ask = true }.",
        examples=[
            {"username": "api", "password": {"keyring": "acme/admin/password"}},
            {
                "username": "api",
                "password": {"keyring": "acme/admin/password"},
                "otp": {"totp": {"keyring": "acme/admin/totp"}},
            },
        ],
        json_schema_extra=_describe_login,
    )
    body: BodyFormat = Field(
        "json", title="Body format", description="Encoding of the parameters: Magento accepts JSON, not a form."
    )
    client: ClientName = Field("default", title="HTTP client", description="The client that sends the login.")
    header: HeaderName = Field("Authorization", title="Header", description="The header that carries the token.")
    source: Literal["body", "headers"] = Field(
        "body", title="Token is in", description="The part of the response the template reads."
    )
    template: Annotated[TemplateText, AfterValidator(reject_literal_template)] = Field(
        "Bearer &{@[0]}",
        title="Template",
        description="The header's value. A response that is one bare value is read as a list of one; headers are read "
        'by their names in small letters, as in &{"x-token"}.',
    )
    cache: Cache = Field(
        "auto",
        title="Keep the token",
        description='"auto": until it expires as stated in it, otherwise until a 401; a duration such as "30m"; "off".',
    )

    def header_written(self) -> str:
        return self.header

    def login_uri(self) -> str:
        return self.uri

    def login_client(self) -> str:
        return self.client

    def login_parameters(self) -> Mapping[str, Parameter]:
        return self.parameters

    def login_request(self, uri: str, values: Mapping[str, Any], context: LayerContext) -> Request:
        return login_request(self.method, uri, values, self.body)

    def read_token(self, response: Response) -> tuple[str, float | None]:
        """What the template makes of the response. Raises `UserError`."""
        try:
            header = Template.parse(self.template).header(Scope(data=response_data(response, self.source)))
        except PlaceholderError as error:
            raise _no_token(str(error)) from error
        if len(header) > LONGEST_HEADER:
            raise _no_token(f"it results in {len(header):,} characters, too many for a header")
        return header, None

    def refusal_hint(self, response: Response) -> str:
        form = ' Does the server expect a form (body = "form")?' if self.body == "json" else ""
        return f"Correct the parameters of the login.{form if response.status in (400, 415, 422) else ''}"

    def wrong_field(self, status: int) -> str:
        return "template" if 200 <= status < 300 else "password"

    def start(self, context: LayerContext) -> Layer:
        if self.source == "headers":
            for name in _HEADER_NAMES.findall(self.template):
                context.hide(name)  # it carries the token, whatever it is called
        return login_layer(self, self.header, context)


def _no_token(reason: str) -> UserError:
    hint = "Look at the response in the log, then correct the template, its source or the request URI."
    return UserError("token-unreadable", f"the template makes no token from it: {reason}", hint)
