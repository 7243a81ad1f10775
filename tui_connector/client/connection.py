"""How a client connects: the saved models of TLS and proxy."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from ..kinds import Model
from ..secrets.source import SecretSource, secret_field
from .uri import BadUri, origin_of

DIRECT = "direct"
"""In place of a proxy's address: none, not even that of the environment."""


def _path(path: str) -> str:
    if "\0" in path:
        raise ValueError("a path cannot hold a NUL character")
    return path


def _proxy_address(uri: str) -> str:
    if uri == DIRECT:
        return uri
    if uri.startswith("socks"):
        raise ValueError("SOCKS proxies are not supported: write the address of an http:// or https:// proxy")
    try:
        origin = origin_of(uri)
    except BadUri as error:
        if "@" in uri:
            raise ValueError("user and password do not belong in the address: use username and password") from None
        raise ValueError(f'{error}; write it like "http://proxy.example:3128", or "{DIRECT}" for none') from None
    if uri.rstrip("/").lower() != origin and not uri.rstrip("/").lower().startswith(f"{origin}:"):
        raise ValueError("a proxy's address has no path: write scheme, host and port")
    return uri


FilePath = Annotated[
    str, Field(min_length=1), AfterValidator(_path), WithJsonSchema({"type": "string", "format": "path"})
]
"""The path of a file, relative to the profile's."""


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
        description="A PEM file that proves to the web server who calls, where it asks. Relative to the profile.",
        examples=["client.pem"],
    )
    client_key: FilePath | None = Field(
        None,
        title="Client key",
        description="The PEM file of that certificate's private key, where it is not in the same file.",
        examples=["client.key"],
    )
    client_key_password: SecretSource | None = secret_field(
        "Password of the client key", "Where the key is encrypted.", default=None
    )
    verify: bool = Field(
        True,
        title="Verify the certificate",
        description="false: whoever stands in between can read and change everything, the secrets too. For a test "
        "store only; name its authority in ca-file instead.",
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
        description='Scheme, host and port, without user and password. "direct": no proxy, whatever the environment '
        "says.",
        examples=["http://proxy.example:3128"],
    )
    username: str | None = Field(None, min_length=1, title="User", description="Where the proxy asks who calls.")
    password: SecretSource | None = secret_field("Password", "The password of that user.", default=None)

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password need each other")
        if self.uri == DIRECT and self.username is not None:
            raise ValueError(f'"{DIRECT}" has no user and password')
        return self
