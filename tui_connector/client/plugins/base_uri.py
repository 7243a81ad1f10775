"""Add base URI to requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from ...errors import InvalidValue
from ...text import beginning
from ..layer import Plugin
from ..literal_secrets import reject_secret_in_uri
from ..message import OTHER_HOST, InvalidRequest, Request
from ..uri import canonical, is_absolute, origin_of


def _valid_base(uri: str) -> str:
    canonical(uri)
    if "?" in uri or "#" in uri:
        raise InvalidValue("uri", "a base URI must not have a query (?) or a fragment (#)")
    if uri != uri.strip():
        raise InvalidValue("uri", "there is a space before or after the address")
    return reject_secret_in_uri(uri)


class BaseUri(Plugin):
    """Add base URI to requests."""

    if_repeated: ClassVar[str] = "only the first one is added"

    kind: Literal["base-uri"] = "base-uri"
    uri: Annotated[str, AfterValidator(_valid_base)] = Field(
        title="Base URI",
        description="The store's address up to the API version; request URIs are relative to it.",
        examples=["https://acme.example/rest/all/V1"],
        json_schema_extra={"format": "uri"},
    )

    def prepare(self, request: Request) -> Request:
        """Prefixes a relative URI, unless it starts with the path of the base URI.

        An absolute one must have the same origin, as the client's secrets are sent with it.
        """
        base = self.uri.rstrip("/")
        if not is_absolute(request.uri):
            path = base.removeprefix(origin_of(base))
            if path and request.uri.startswith(f"{path}/"):
                return replace(request, uri=base.removesuffix(path) + request.uri)
            return replace(request, uri=f"{base}/{request.uri.lstrip('/')}")
        try:
            other_host = origin_of(request.uri) != origin_of(self.uri)
        except InvalidValue as error:
            raise InvalidRequest(f"The URI cannot be used: {error}") from error
        if other_host:
            raise InvalidRequest(
                f"The request names another host ({beginning(request.uri, 100)}) than the client's base URI "
                f"({self.uri})",
                hint="Write it relative to the base URI, or use another client for that host.",
                code=OTHER_HOST,
            )
        return request
