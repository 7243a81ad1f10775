"""Append, set, default and remove request headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ...templates import PlaceholderError, RunTemplateText, Scope, Template
from ..layer import Plugin
from ..literal_secrets import reject_literal_headers
from ..message import Headers, InvalidRequest, Request
from ..model import HeaderName

_ALWAYS_SENT = ("accept", "accept-encoding", "user-agent")


def _valid_template(text: str) -> str:
    template = Template.parse(text)
    if template.is_literal:  # checked now, as it does not depend on a run
        try:
            template.header(Scope())
        except PlaceholderError as error:
            raise ValueError(error.reason) from error
    return text


def _unique_names(headers: dict[str, str]) -> dict[str, str]:
    seen: dict[str, str] = {}
    for name in headers:
        if seen.setdefault(name.lower(), name) != name:
            raise ValueError(f"{seen[name.lower()]} and {name} are the same header: names are not case-sensitive")
    return headers


def _removable(name: str) -> str:
    if name.lower() in _ALWAYS_SENT:
        raise ValueError(f"{name} is part of every request; use set-headers to change its value")
    return name


HeaderText = Annotated[RunTemplateText, AfterValidator(_valid_template)]
HeaderTexts = Annotated[
    dict[HeaderName, HeaderText], AfterValidator(_unique_names), AfterValidator(reject_literal_headers)
]
_PLACEHOLDERS = "Values may contain @{…}, such as @{run.started_at}."


class AppendHeaders(Plugin):
    """Append request headers."""

    kind: Literal["append-headers"] = "append-headers"
    headers: HeaderTexts = Field(
        min_length=1,
        title="Headers",
        description=f"Added to headers of the same name that the request already has. {_PLACEHOLDERS}",
        examples=[{"X-Trace": "tui-connector @{run.started_at}"}],
    )

    def written_headers(self) -> Mapping[str, str]:
        return self.headers

    def prepare(self, request: Request) -> Request:
        return replace(request, headers=(*request.headers, *_rendered(self.headers, request, self.kind)))


class SetHeaders(Plugin):
    """Set request headers."""

    kind: Literal["set-headers"] = "set-headers"
    headers: HeaderTexts = Field(
        min_length=1,
        title="Headers",
        description=f"Replace headers of the same name that the request already has. {_PLACEHOLDERS}",
        examples=[{"User-Agent": "acme-sync/2", "X-Store": "nl"}],
    )

    def written_headers(self) -> Mapping[str, str]:
        return self.headers

    def prepare(self, request: Request) -> Request:
        for name, value in _rendered(self.headers, request, self.kind):
            request = request.with_header(name, value)
        return request


class DefaultHeaders(Plugin):
    """Set default request headers."""

    kind: Literal["default-headers"] = "default-headers"
    headers: HeaderTexts = Field(
        min_length=1,
        title="Headers",
        description=f"Sent if the request has no header of this name. {_PLACEHOLDERS}",
        examples=[{"Content-Type": "application/json"}],
    )

    def written_headers(self) -> Mapping[str, str]:
        return self.headers

    def prepare(self, request: Request) -> Request:
        for name, value in _rendered(self.headers, request, self.kind):
            request = request if request.header(name) is not None else request.with_header(name, value)
        return request


class RemoveHeaders(Plugin):
    """Remove request headers."""

    kind: Literal["remove-headers"] = "remove-headers"
    headers: list[Annotated[HeaderName, AfterValidator(_removable)]] = Field(
        min_length=1,
        title="Headers",
        description="Names of headers to remove, whether set by earlier plugins or by the request's own configuration.",
        examples=[["X-Trace"]],
    )

    def prepare(self, request: Request) -> Request:
        for name in self.headers:
            request = request.without_header(name)
        return request


def _rendered(headers: dict[str, str], request: Request, plugin: str) -> Headers:
    scope = Scope(run=request.about.run)
    rendered = []
    for name, text in headers.items():
        try:
            rendered.append((name, Template.parse(text).header(scope)))
        except PlaceholderError as error:
            raise InvalidRequest(
                f"The plugin {plugin} cannot make the header {name}: {error.reason}",
                hint=f"Its value is written as {text!r}. {error.hint}".rstrip(),
            ) from error
    return tuple(rendered)
