"""A secret in a header of any name."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ...secrets.source import SecretSource, secret_field
from ..layer import Authentication, Layer, LayerContext, Send
from ..message import Request, Response
from ..model import HeaderName
from ..uri import origin_of


class HeaderSecret(Authentication):
    """Header (such as the API key of a gateway)."""

    before_store: ClassVar[bool] = True

    search_words = ("api", "key", "token")
    kind: Literal["header"] = "header"
    header: HeaderName = Field(
        title="Header",
        description="Name of the header.",
        examples=["X-Api-Key", "CF-Access-Client-Secret"],
        json_schema_extra={"format": "header-name"},
    )
    value: SecretSource = secret_field("Value", "The whole value of the header.")

    def header_written(self) -> str:
        return self.header

    def start(self, context: LayerContext) -> Layer:
        context.hide(self.header)

        async def layer(request: Request, forward: Send) -> Response:
            value = await context.secret(self.value, origin_of(request.uri))
            return await forward(request.with_header(self.header, value))

        return layer
