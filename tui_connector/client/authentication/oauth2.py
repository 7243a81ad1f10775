"""OAuth 2 client credentials (RFC 6749 §4.4)."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus

from pydantic import AfterValidator, Field

from ...errors import UserError
from ...secrets.source import SecretSource, secret_field
from ...templates.validation import raise_errors
from ...text import beginning
from ..layer import Authentication, Layer, LayerContext
from ..message import Request, Response
from ..model import ClientName
from .login import (
    LONGEST_HEADER,
    BodyFormat,
    Cache,
    LoginUri,
    Parameter,
    error_code,
    login_layer,
    login_request,
    reject_literal_secrets,
    server_message,
    with_margin,
)

_TOKEN = re.compile(r"[\x21-\x7e]+")
"""Visible ASCII without spaces, so that it can follow "Bearer " (RFC 6750 §2.1 allows fewer characters)."""
_MAX_LIFETIME = 10 * 365 * 86_400.0
"""Seconds; a larger `expires_in` is ignored."""
_GRANT_PARAMETERS = ("grant_type", "client_id", "client_secret", "scope")
_GRANT = "client_credentials"
_ENDPOINT_HINT = "Is the token URI the server's token endpoint? Look at the response in the log."


def _extra_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    fixed = "belongs to the grant: use client-id, client-secret and scope"
    raise_errors([((name,), ValueError(f"{name!r} {fixed}")) for name in parameters if name in _GRANT_PARAMETERS])
    return reject_literal_secrets(parameters)


class OAuth2(Authentication):
    """OAuth 2 client credentials (such as Adobe IMS)."""

    search_words = ("ims", "adobe", "cloud", "jwt")
    kind: Literal["oauth2"] = "oauth2"
    token_uri: LoginUri = Field(
        min_length=1,
        title="Token URI",
        description="The token endpoint. A relative URI starts at the root of the store's address.",
        examples=["https://ims-na1.adobelogin.com/ims/token/v3", "/oauth/token"],
    )
    client_id: str = Field(
        min_length=1,
        title="Client ID",
        description="The public part of the credentials. For Adobe IMS, from the OAuth Server-to-Server credential.",
    )
    client_secret: SecretSource = secret_field("Client secret", "Sent only to the token endpoint.")
    scope: str | None = Field(
        None,
        min_length=1,
        title="Scope",
        description="The permissions to request, as the server documents them: separated by spaces, or by commas for "
        "Adobe IMS.",
        examples=["orders.read products.read"],
    )
    client_authentication: Literal["client_secret_basic", "client_secret_post"] = Field(
        "client_secret_basic",
        title="Credentials sent in",
        description="client_secret_basic: in the header Authorization (HTTP Basic). client_secret_post: in the body, "
        "as Adobe IMS requires.",
    )
    body: BodyFormat = Field(
        "form", title="Body format", description="The standard requires a form; some servers accept only JSON."
    )
    parameters: Annotated[dict[str, Parameter], AfterValidator(_extra_parameters)] = Field(
        default_factory=dict,
        title="More parameters",
        description="Parameters of the token request besides the standard ones, such as audience or resource.",
        examples=[{"audience": "https://api.acme.example"}],
    )
    client: ClientName = Field("default", title="HTTP client", description="The client that sends the token request.")
    cache: Cache = Field(
        "auto",
        title="Keep the token",
        description='"auto": until shortly before `expires_in`, otherwise until a 401; a duration such as "30m"; '
        '"off".',
    )

    def header_written(self) -> str:
        return "Authorization"

    def login_uri(self) -> str:
        return self.token_uri

    def login_client(self) -> str:
        return self.client

    def login_parameters(self) -> Mapping[str, Parameter]:
        scope: dict[str, Parameter] = {"scope": self.scope} if self.scope is not None else {}
        return {
            "grant_type": _GRANT,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            **scope,
            **self.parameters,
        }

    def login_request(self, uri: str, values: Mapping[str, Any], context: LayerContext) -> Request:
        if self.client_authentication == "client_secret_post":
            return login_request("post", uri, values, self.body)
        others = {name: value for name, value in values.items() if name not in ("client_id", "client_secret")}
        # both are form-encoded before they are joined (RFC 6749 §2.3.1), so they may contain a colon
        pair = f"{quote_plus(str(values['client_id']))}:{quote_plus(str(values['client_secret']))}"
        encoded = base64.b64encode(pair.encode()).decode()
        context.received(encoded, "client credentials")
        return login_request("post", uri, others, self.body).with_header("Authorization", f"Basic {encoded}")

    def read_token(self, response: Response) -> tuple[str, float | None]:
        """The bearer token of a token response (RFC 6749 §5.1). Raises `UserError`."""
        try:
            data = json.loads(response.body)
        except (ValueError, RecursionError) as error:
            hint = "Is the token URI the server's token endpoint? A web page is often its login form."
            raise UserError("token-unreadable", f"it is not JSON ({server_message(response)})", hint) from error
        if not isinstance(data, dict):
            raise UserError("token-unreadable", "it is not a JSON object", _ENDPOINT_HINT)
        token, token_type = data.get("access_token"), data.get("token_type", "Bearer")
        if error_code(response):
            raise UserError(
                "token-unreadable", f"it is an error: {server_message(response)}", self.refusal_hint(response)
            )
        if token is None:
            names = ", ".join(sorted(beginning(str(name), 40) for name in data)[:8])
            raise UserError("token-unreadable", f"it has no access_token; it has: {names or 'nothing'}", _ENDPOINT_HINT)
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise UserError("token-unreadable", "its access_token cannot be sent in a header", _ENDPOINT_HINT)
        if len(token) > LONGEST_HEADER:
            raise UserError(
                "token-unreadable",
                f"its access_token has {len(token):,} characters, too many for a header",
                _ENDPOINT_HINT,
            )
        if not isinstance(token_type, str) or token_type.lower() != "bearer":
            raise UserError(
                "token-unreadable",
                f"its token_type is {beginning(str(token_type), 40)!r}, and only bearer tokens are supported",
                "Have the server issue bearer tokens for this client.",
            )
        return f"Bearer {token}", stated_lifetime(data.get("expires_in"))

    def refusal_hint(self, response: Response) -> str:
        other = "client_secret_post" if self.client_authentication == "client_secret_basic" else "client_secret_basic"
        hints = {
            "invalid_client": "Check client-id and client-secret; some servers want the credentials elsewhere: "
            f'client-authentication = "{other}".',
            "invalid_scope": "Correct scope: the server does not know it, or does not grant it to this client.",
            "unauthorized_client": "Allow this client the grant client_credentials on the server.",
            "unsupported_grant_type": "The server does not offer the grant client_credentials here. Check the token "
            f"URI, and the body format (now {self.body}).",
            "invalid_request": "A parameter is missing, or the server cannot read the body. Check the body format (now "
            f"{self.body}), scope and parameters.",
            "invalid_target": "Correct the parameter resource or audience.",
        }
        return hints.get(error_code(response), "Check the token URI, client-id, client-secret and scope.")

    def wrong_field(self, status: int) -> str:
        return "token-uri" if 200 <= status < 300 else "client-secret"

    def start(self, context: LayerContext) -> Layer:
        return login_layer(self, "Authorization", context)


def stated_lifetime(expires_in: object) -> float | None:
    """The seconds of a token's `expires_in`, less a margin; None if it is missing or implausible.

    Some servers send it as text.
    """
    if isinstance(expires_in, str) and re.fullmatch(r"\s*\d{1,12}(\.\d{1,9})?\s*", expires_in):
        expires_in = float(expires_in)
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return None
    if not 0 < expires_in <= _MAX_LIFETIME or not math.isfinite(expires_in):
        return None
    return with_margin(float(expires_in))
