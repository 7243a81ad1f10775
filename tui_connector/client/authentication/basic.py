"""Basic: a user name and a password, as web servers ask for before a staging store."""

from __future__ import annotations

import base64
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from ...secrets.source import SecretSource, secret_field
from ..layer import Authentication, Layer, LayerContext, Send
from ..message import Request, Response
from ..uri import origin_of


def _username(name: str) -> str:
    if ":" in name or not name.isprintable():
        raise ValueError("a user name must not contain a colon or a line break (RFC 7617 §2)")
    return name


class Basic(Authentication):
    """Basic (user name and password of a web server)."""

    before_store: ClassVar[bool] = True

    search_words = ("htaccess", "htpasswd", "username", "password")
    kind: Literal["basic"] = "basic"
    username: Annotated[str, AfterValidator(_username)] = Field(
        min_length=1,
        title="User name",
        description="The user name that the web server requires before it shows the store; not an admin user.",
        examples=["staging"],
        json_schema_extra={"format": "user-name"},
    )
    password: SecretSource = secret_field(
        "Password",
        "The password of this user. Of Magento's own methods, only the signed one (oauth1) works together with Basic.",
    )

    def header_written(self) -> str:
        return "Authorization"

    def start(self, context: LayerContext) -> Layer:
        async def layer(request: Request, forward: Send) -> Response:
            password = await context.secret(self.password, origin_of(request.uri))
            pair = base64.b64encode(f"{self.username}:{password}".encode()).decode()
            context.received(pair, "user name and password")
            after = request.header("Authorization") or ""
            # Magento looks for "OAuth " anywhere in the header, the web server reads its beginning (magento2 #8149)
            header = f"Basic {pair}, {after}" if after.startswith("OAuth ") else f"Basic {pair}"
            return await forward(request.with_header("Authorization", header))

        return layer
