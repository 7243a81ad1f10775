"""Request authentication: a login that is asked for a token."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema

from ...placeholder import TemplateText
from ...placeholder.inside import refuse
from ...secrets.source import ONE_SOURCE, SecretSource
from ..http_client import ClientName, HeaderName, Method, seconds
from ..layer import Authentication, Layer, LayerContext, Send
from ..message import Answer, Request
from ..uri import absolute, canonical, is_absolute
from .login import Login
from .one_time_code import OneTimeCode


def _cache(value: str) -> str:
    if value not in ("auto", "off"):
        try:
            seconds(value)
        except ValueError as error:
            raise ValueError(f'write "auto", "off" or a duration: {error}') from error
    return value


def _uri(uri: str) -> str:
    canonical(uri if is_absolute(uri) else absolute("http://store.example", uri))
    return uri


def _tag(value: object) -> str:
    if isinstance(value, OneTimeCode) or (isinstance(value, dict) and "totp" in value):
        return "code"
    return "secret" if isinstance(value, (dict, SecretSource)) else "value"


def _no_literal_secret(parameters: dict[str, Any]) -> dict[str, Any]:
    named = [name for name, value in parameters.items() if isinstance(value, str) and _SECRET_NAME.search(name)]
    refuse(
        [
            ((name,), ValueError(f"{name!r} is a secret and does not belong in a profile: {ONE_SOURCE}"))
            for name in named
        ]
    )
    return parameters


_SECRET_NAME = re.compile(r"pass(word|wd|phrase|code)?$|secret|token|otp", re.IGNORECASE)
Parameter = Annotated[
    Annotated[SecretSource, Tag("secret")]
    | Annotated[OneTimeCode, Tag("code")]
    | Annotated[bool | int | float | str, Tag("value")],
    Discriminator(_tag),
]
Cache = Annotated[str, AfterValidator(_cache), WithJsonSchema({"type": "string"})]


class RequestAuthentication(Authentication):
    """Request authentication (admin user and password)."""

    kind: Literal["request"] = "request"
    uri: Annotated[str, AfterValidator(_uri)] = Field(
        "/rest/V1/integration/admin/token",
        min_length=1,
        title="Request URI",
        description="Where the token is asked for, from the root of the store's address; absolute is allowed. With "
        "two-factor sign-in: /rest/V1/tfa/provider/google/authenticate.",
    )
    method: Method = Field("post", title="Request method", description="Magento wants POST.")
    parameters: Annotated[dict[str, Parameter], AfterValidator(_no_literal_secret)] = Field(
        title="Request parameters",
        description="What is sent to get the token, such as the name and the password of an admin user. A one-time "
        "code is made from a TOTP secret, otp = { totp = { … } }, or typed at every login, otp = { ask = true }.",
        examples=[
            {"username": "api", "password": {"keyring": "acme/admin/password"}},
            {
                "username": "api",
                "password": {"keyring": "acme/admin/password"},
                "otp": {"totp": {"keyring": "acme/admin/totp"}},
            },
        ],
    )
    client: ClientName = Field("default", title="HTTP client", description="The client that sends the login.")
    header: HeaderName = Field("Authorization", title="Header", description="The header that carries the token.")
    source: Literal["body", "headers"] = Field(
        "body", title="Token is in", description="The part of the answer that the template reads."
    )
    template: TemplateText = Field(
        "Bearer &{@[0]}",
        title="Template",
        description="The header's value. An answer that is one bare value is read as a list of one; headers are read "
        'by their names in small letters, as in &{"x-token"}.',
    )
    cache: Cache = Field(
        "auto",
        title="Keep the token",
        description='"auto": until it ends by its own account, or else until a 401; a duration such as "30m"; "off".',
    )

    def header_written(self) -> str:
        return self.header

    def start(self, context: LayerContext) -> Layer:
        login = Login(self, context)

        async def layer(request: Request, forward: Send) -> Answer:
            token = await login.token(request)
            answer = await forward(request.with_header(self.header, token.header))
            if answer.status != 401 or not login.may_renew(token):
                return answer
            token = await login.token(request, refused=token)
            return await forward(request.with_header(self.header, token.header))

        return layer
