"""OAuth 1.0a with the four values of a Magento integration, in the dialect that the store's version speaks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..client.layer import Authentication, Layer, LayerContext, Send
from ..client.message import Answer, Request
from ..secrets.source import SecretSource, secret_field

_WHERE = "In Magento: System, Extensions, Integrations; activate the integration, or open it and unfold its details."


class OAuth1(Authentication):
    """Integration, 4 tokens (signed, OAuth 1.0a)."""

    kind: Literal["oauth1"] = "oauth1"
    consumer_key: SecretSource = secret_field("Consumer key", f"The first of the four values. {_WHERE}")
    consumer_secret: SecretSource = secret_field(
        "Consumer secret", "The second value. It signs requests and is never sent."
    )
    access_token: SecretSource = secret_field(
        "Access token", "The third value. A new one is made whenever the integration is authorised again."
    )
    access_token_secret: SecretSource = secret_field(
        "Access token secret", "The fourth value. It signs requests and is never sent."
    )
    dialect: Literal["auto", "rfc5849", "laminas", "m248"] = Field(
        default="auto",
        title="Signing dialect",
        description=(
            "Magento's versions put together differently what is signed: rfc5849 up to 2.4.5, laminas for 2.4.6 and "
            "2.4.7, m248 for 2.4.8. auto finds out, from the first request for which it matters."
        ),
    )

    def start(self, context: LayerContext) -> Layer:
        """A layer that signs each attempt anew: Magento refuses a nonce that it has seen."""
        known = Known() if self.dialect == "auto" else Known(self.dialect)

        async def layer(request: Request, forward: Send) -> Answer:
            origin = _origin(request.uri)
            tokens = Tokens(
                await context.secret(self.consumer_key, origin),
                await context.secret(self.consumer_secret, origin),
                await context.secret(self.access_token, origin),
                await context.secret(self.access_token_secret, origin),
            )
            groups = known.groups(request)
            for group in groups:
                answer = await forward(tokens.signed(request, group[0], context))
                if not refuses_signature(answer):
                    break
            if len(groups) > 1:
                ...
            return answer

        return layer
