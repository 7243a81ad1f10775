"""Field types of authentications that log in: parameters, the format of the body, how long a token is kept."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Tag, WithJsonSchema

from ...placeholder.inside import refuse
from ...secrets.source import ONE_SOURCE, SecretSource
from ..http_client import seconds
from ..literal_secrets import MOVE, is_literal_secret, no_secret_in_address
from ..uri import absolute, canonical, is_absolute
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
    return no_secret_in_address(uri)


def _tag(value: object) -> str:
    if isinstance(value, OneTimeCode) or (isinstance(value, dict) and "totp" in value):
        return "code"
    return "secret" if isinstance(value, (dict, SecretSource)) else "value"


def no_literal_secret(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters. Raises where one of them is a secret that is written out."""
    named = [name for name, value in parameters.items() if is_literal_secret(name, value)]
    refuse(
        [
            ((name,), ValueError(f"{name!r} is a secret and does not belong in a profile: {MOVE} and {ONE_SOURCE}"))
            for name in named
        ]
    )
    return parameters


Parameter = Annotated[
    Annotated[SecretSource, Tag("secret")]
    | Annotated[OneTimeCode, Tag("code")]
    | Annotated[bool | int | float | str, Tag("value")],
    Discriminator(_tag),
]
BodyFormat = Literal["json", "form"]
Cache = Annotated[str, AfterValidator(_cache), WithJsonSchema({"type": "string"})]
LoginUri = Annotated[str, AfterValidator(_uri)]
"""Where a login is sent: absolute, or from the root of the store's address."""
