"""Bearer token: an integration's access token alone."""

from __future__ import annotations

from typing import Literal

from ...secrets.source import SecretSource, secret_field
from ..layer import Authentication, Layer, LayerContext, Send
from ..message import Request, Response
from ..uri import origin_of


class Bearer(Authentication):
    """Bearer token (such as an integration's access token)."""

    search_words = ("jwt", "token", "api", "integration")
    kind: Literal["bearer"] = "bearer"
    token: SecretSource = secret_field(
        "Access token",
        "For Magento, the third of an integration's four values. Magento 2.4.4 and later accept it only if Stores › "
        "Configuration › Services › OAuth › Consumer Settings allows it.",
    )

    def header_written(self) -> str:
        return "Authorization"

    def start(self, context: LayerContext) -> Layer:
        async def layer(request: Request, forward: Send) -> Response:
            token = await context.secret(self.token, origin_of(request.uri))
            return await forward(request.with_header("Authorization", f"Bearer {token}"))

        return layer
