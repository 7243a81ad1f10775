"""A secret in the query of the address."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from ...secrets.source import SecretSource, secret_field
from ..layer import Authentication, Layer, LayerContext, Send
from ..message import Request, Response
from ..uri import origin_of


def _parameter(name: str) -> str:
    if not name.isprintable():
        raise ValueError("a query parameter's name must not contain line breaks or control characters")
    return name


class QuerySecret(Authentication):
    """Query parameter."""

    before_store: ClassVar[bool] = True

    search_words = ("api", "key", "url")
    kind: Literal["query"] = "query"
    parameter: Annotated[str, AfterValidator(_parameter)] = Field(
        min_length=1,
        title="Parameter",
        description="Name of the parameter. Web servers log addresses: prefer a header where possible.",
        examples=["api_key"],
        json_schema_extra={"format": "parameter-name"},
    )
    value: SecretSource = secret_field("Value", "Value of the parameter; masked wherever the address is shown.")

    def start(self, context: LayerContext) -> Layer:
        context.hide(self.parameter)

        async def layer(request: Request, forward: Send) -> Response:
            value = await context.secret(self.value, origin_of(request.uri))
            return await forward(request.with_query(self.parameter, value))

        return layer
